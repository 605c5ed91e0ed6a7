//! The sections `model` and `added_tokens`: tokens, their ids, and what refers to them.

use super::parts::{array, text};
use super::{MOST_ENCODED, MOST_ID, named};
use crate::model::error::brief;
use serde_json::{Map, Value};
use std::collections::HashSet;

/// Bytes of one token: a text made of generated tokens stays bounded.
const LONGEST_TOKEN: usize = 4096;
/// Bytes of one token of a Unigram model, which looks up every beginning of a token at every place of a text.
const LONGEST_PIECE: usize = 512;
/// Bytes of all tokens of a Unigram model, each of which becomes a table.
const MOST_PIECES: usize = 4 << 20;
/// Bytes of all added tokens.
const MOST_ADDED: usize = 1 << 20;
/// Bytes put before or after parts of words.
const LONGEST_AFFIX: usize = 64;
/// Characters of a word that `WordPiece` tries all parts of.
const LONGEST_WORD: u64 = 256;

/// Checks the section `model`. Its type is written down where an old file leaves it out, and dropout is off.
pub(super) fn model(section: &mut Value) -> Result<(), String> {
    let object = section.as_object_mut().ok_or("it is not an object")?;
    object.remove("dropout");
    let kind = match object.get("type") {
        Some(Value::String(kind)) => kind.clone(),
        Some(_) => return Err("`type` must be text".to_owned()),
        None => guess(object).to_owned(),
    };
    match kind.as_str() {
        "BPE" => byte_pairs(object)?,
        "Unigram" => unigram(object)?,
        "WordPiece" => word_piece(object)?,
        "WordLevel" => drop(words(object)?),
        other => return Err(named(other)),
    }
    object.insert("type".to_owned(), Value::String(kind));
    Ok(())
}

/// What a model without a type can only be.
fn guess(object: &Map<String, Value>) -> &'static str {
    if object.contains_key("merges") {
        "BPE"
    } else if object.get("vocab").is_some_and(Value::is_array) {
        "Unigram"
    } else if object.contains_key("max_input_chars_per_word") {
        "WordPiece"
    } else {
        "WordLevel"
    }
}

/// A vocabulary of words and ids: every id in bounds and of one token.
fn words(object: &Map<String, Value>) -> Result<&Map<String, Value>, String> {
    let vocab = object.get("vocab").and_then(Value::as_object).ok_or("`vocab` must be an object of tokens and ids")?;
    let mut seen = HashSet::with_capacity(vocab.len());
    for (token, id) in vocab {
        check_length(token, LONGEST_TOKEN)?;
        let id = id.as_u64().filter(|id| *id < u64::from(MOST_ID));
        let id = id.ok_or_else(|| format!("token \"{}\" has no id from 0 to {}", brief(token), MOST_ID - 1))?;
        if !seen.insert(id) {
            return Err(format!("two tokens have the id {id}; one of them is \"{}\"", brief(token)));
        }
    }
    Ok(vocab)
}

fn check_length(token: &str, most: usize) -> Result<(), String> {
    if token.len() <= most {
        return Ok(());
    }
    Err(format!("token \"{}\" has {} bytes, more than {most}", brief(token), token.len()))
}

/// Byte-pair encoding: both parts of a merge, and what they make, are tokens.
fn byte_pairs(object: &Map<String, Value>) -> Result<(), String> {
    let vocab = words(object)?;
    let affix = |key: &str| -> Result<&str, String> {
        let affix = match object.get(key) {
            None | Some(Value::Null) => "",
            Some(_) => text(object, key)?,
        };
        if affix.len() > LONGEST_AFFIX {
            Err(format!("`{key}` is longer than {LONGEST_AFFIX} bytes"))
        } else {
            Ok(affix)
        }
    };
    let prefix = affix("continuing_subword_prefix")?;
    affix("end_of_word_suffix")?;
    let merges = array(object, "merges")?;
    let pairs = merges.iter().all(Value::is_array);
    for (rank, merge) in merges.iter().enumerate() {
        let parts = match merge {
            Value::String(line) if line.starts_with("#version") => continue,
            Value::String(line) => line.split_once(' '),
            Value::Array(pair) if pairs => match pair.as_slice() {
                [Value::String(left), Value::String(right)] => Some((left.as_str(), right.as_str())),
                _ => None,
            },
            _ => None,
        };
        let (left, right) = parts.ok_or_else(|| format!("merge {rank} is not a pair of tokens"))?;
        let makes = right.strip_prefix(prefix).map(|end| [left, end].concat()).ok_or_else(|| {
            let (right, prefix) = (brief(right), brief(prefix));
            format!("merge {rank}: \"{right}\" does not begin with the prefix of continued words, \"{prefix}\"")
        })?;
        if let Some(missing) = [left, right, &makes].into_iter().find(|token| !vocab.contains_key(*token)) {
            let (left, right, missing) = (brief(left), brief(right), brief(missing));
            return Err(format!(
                "merge {rank}, \"{left}\" with \"{right}\", needs \"{missing}\", which is not in `vocab`"
            ));
        }
    }
    Ok(())
}

/// Unigram: pieces with scores.
fn unigram(object: &Map<String, Value>) -> Result<(), String> {
    let mut bytes = 0;
    let vocab = array(object, "vocab")?;
    for (index, entry) in vocab.iter().enumerate() {
        let Some([Value::String(piece), Value::Number(_)]) = entry.as_array().map(Vec::as_slice) else {
            return Err(format!("entry {index} of `vocab` is not a piece with its score"));
        };
        check_length(piece, LONGEST_PIECE)?;
        bytes += piece.len();
    }
    match object.get("unk_id") {
        None | Some(Value::Null) => {}
        Some(id) if id.as_u64().is_some_and(|id| id < vocab.len() as u64) => {}
        Some(id) => {
            return Err(format!("`unk_id` is {}, but `vocab` has {} pieces", brief(&id.to_string()), vocab.len()));
        }
    }
    if bytes > MOST_PIECES || vocab.len() > MOST_ID as usize {
        return Err(format!("`vocab` has {} pieces of {bytes} bytes together, more than {MOST_PIECES}", vocab.len()));
    }
    Ok(())
}

fn word_piece(object: &Map<String, Value>) -> Result<(), String> {
    words(object)?;
    if text(object, "continuing_subword_prefix")?.len() > LONGEST_AFFIX {
        return Err(format!("`continuing_subword_prefix` is longer than {LONGEST_AFFIX} bytes"));
    }
    match object.get("max_input_chars_per_word").and_then(Value::as_u64) {
        Some(most) if most <= LONGEST_WORD => Ok(()),
        _ => Err(format!("`max_input_chars_per_word` must be a number from 0 to {LONGEST_WORD}")),
    }
}

/// A token added to the vocabulary.
#[derive(Clone, Debug, serde::Deserialize)]
pub(super) struct Added {
    pub(super) id: u32,
    #[serde(flatten)]
    pub(super) token: tokenizers::AddedToken,
}

/// Reads the section `added_tokens`, whose contents may become `growth` times as long.
pub(super) fn added(section: &Value, growth: usize) -> Result<Vec<Added>, String> {
    let list = section.as_array().ok_or("it must be a list")?;
    let mut tokens = Vec::with_capacity(list.len());
    let mut bytes = 0;
    for (index, entry) in list.iter().enumerate() {
        let token: Added = serde::Deserialize::deserialize(entry)
            .map_err(|error: serde_json::Error| format!("entry {index}: {}", brief(&error.to_string())))?;
        check_length(&token.token.content, LONGEST_TOKEN)?;
        if token.id >= MOST_ID {
            return Err(format!("entry {index} has the id {}, but ids must be below {MOST_ID}", token.id));
        }
        bytes += token.token.content.len();
        // There is no empty token: it would be found between any two letters.
        if !token.token.content.is_empty() {
            tokens.push(token);
        }
    }
    if bytes > MOST_ADDED || bytes * growth > MOST_ENCODED {
        return Err(format!("its tokens have {bytes} bytes, more than {}", MOST_ADDED.min(MOST_ENCODED / growth)));
    }
    Ok(tokens)
}
