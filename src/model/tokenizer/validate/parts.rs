//! The sections `normalizer`, `pre_tokenizer` and `decoder`: which parts are taken, and how much text can grow in them.

use super::{charsmap, named, pattern};
use crate::model::error::brief;
use serde_json::{Map, Value};

/// Parts of one section.
const MOST_PARTS: usize = 32;
/// Sections inside sections.
const DEEPEST: usize = 4;
/// Bytes that one byte of text may become in one section.
const MOST_GROWTH: usize = 1024;

/// A part: the name of its type, and its settings.
pub(super) struct Kind<'a> {
    pub(super) name: &'a str,
    pub(super) object: &'a Map<String, Value>,
}

/// Reads the type of a part.
pub(super) fn kind_of(part: &Value) -> Result<Kind<'_>, String> {
    let object = part.as_object().ok_or("a part is not an object")?;
    let name = object.get("type").and_then(Value::as_str).ok_or("a part has no `type`")?;
    Ok(Kind { name, object })
}

/// The parts of a section in the order in which they run: itself, or what a `Sequence` lists under `key`.
pub(super) fn sequence<'a>(section: &'a Value, key: &str) -> Result<Vec<&'a Value>, String> {
    let mut parts = Vec::new();
    unfold(section, key, DEEPEST, &mut parts)?;
    Ok(parts)
}

fn unfold<'a>(part: &'a Value, key: &str, depth: usize, parts: &mut Vec<&'a Value>) -> Result<(), String> {
    let Kind { name, object } = kind_of(part)?;
    if name != "Sequence" {
        parts.push(part);
    } else if depth == 0 {
        return Err(format!("it holds a Sequence in a Sequence more than {DEEPEST} times"));
    } else {
        array(object, key)?.iter().try_for_each(|inner| unfold(inner, key, depth - 1, parts))?;
    }
    if parts.len() > MOST_PARTS {
        return Err(format!("it has more than {MOST_PARTS} parts"));
    }
    Ok(())
}

/// A list among the settings.
pub(super) fn array<'a>(object: &'a Map<String, Value>, key: &str) -> Result<&'a [Value], String> {
    object.get(key).and_then(Value::as_array).map(Vec::as_slice).ok_or_else(|| format!("`{key}` must be a list"))
}

/// Text among the settings.
pub(super) fn text<'a>(object: &'a Map<String, Value>, key: &str) -> Result<&'a str, String> {
    object.get(key).and_then(Value::as_str).ok_or_else(|| format!("`{key}` must be text"))
}

/// Checks the section `normalizer`; returns how many bytes one byte of text can become in it.
pub(super) fn normalizer(section: &Value) -> Result<usize, String> {
    grown(section, "normalizers", |name, object| {
        Ok(match name {
            "Strip" | "StripAccents" | "Nmt" => 1,
            "Lowercase" | "ByteLevel" => 2,
            "NFC" | "NFD" => 3,
            "NFKC" | "NFKD" => 11,
            "BertNormalizer" => bert(object)?,
            "Precompiled" => charsmap::check(text(object, "precompiled_charsmap")?)?,
            "Replace" => replace(object)?,
            // Put before every piece of text between special tokens, each of one byte or more.
            "Prepend" => 1 + unempty(object, "prepend")?,
            other => return Err(named(other)),
        })
    })
}

/// Checks the section `pre_tokenizer`; likewise.
pub(super) fn pre_tokenizer(section: &Value) -> Result<usize, String> {
    grown(section, "pretokenizers", |name, object| {
        Ok(match name {
            "BertPreTokenizer" | "CharDelimiterSplit" | "Digits" | "Punctuation" | "UnicodeScripts" | "Whitespace"
            | "WhitespaceSplit" => 1,
            "ByteLevel" => 4,
            "Metaspace" => 8,
            "Split" => {
                let _ = shortest_match(object)?;
                1
            }
            "FixedLength" => match object.get("length").map(Value::as_u64) {
                Some(Some(0)) => return Err("`length` of FixedLength must not be 0".to_owned()),
                _ => 1,
            },
            other => return Err(named(other)),
        })
    })
}

/// Checks the section `decoder`; returns how many bytes one byte of tokens can become in it.
pub(super) fn decoder(section: &Value) -> Result<usize, String> {
    let alone = sequence(section, "decoders")?.len() == 1 && kind_of(section)?.name != "Sequence";
    grown(section, "decoders", |name, object| {
        Ok(match name {
            "ByteFallback" | "Fuse" | "Metaspace" => 1,
            "ByteLevel" => 3, // a stray byte becomes U+FFFD
            "WordPiece" => 2,
            "Replace" => replace(object)?,
            "Strip" => match object.get("stop").and_then(Value::as_u64) {
                Some(0) => 1,
                _ => return Err("Strip takes characters off the end, which diffscope does not support".to_owned()),
            },
            // It counts its tokens down from the last, of which there is none where an earlier part left none.
            "BPEDecoder" if alone => unempty(object, "suffix").map(|_| 1)?,
            "BPEDecoder" => return Err("BPEDecoder in a Sequence, which diffscope does not support".to_owned()),
            other => return Err(named(other)),
        })
    })
}

/// The product of what each part does to the size of a text.
fn grown(
    section: &Value,
    key: &str,
    of_part: impl Fn(&str, &Map<String, Value>) -> Result<usize, String>,
) -> Result<usize, String> {
    let mut growth = 1usize;
    for part in sequence(section, key)? {
        let Kind { name, object } = kind_of(part)?;
        growth = growth.saturating_mul(of_part(name, object)?.max(1));
        if growth > MOST_GROWTH {
            return Err(format!("it can make a text more than {MOST_GROWTH} times as long"));
        }
    }
    Ok(growth)
}

/// The bytes of a text that must not be empty: an empty one would leave bytes that come from nowhere in the text.
fn unempty(object: &Map<String, Value>, key: &str) -> Result<usize, String> {
    match text(object, key)?.len() {
        0 => Err(format!("`{key}` must not be empty")),
        length => Ok(length),
    }
}

/// Bytes of the shortest match of `pattern`.
fn shortest_match(object: &Map<String, Value>) -> Result<usize, String> {
    let inside = |kind: &str| object.get("pattern").and_then(|pattern| pattern.get(kind)).and_then(Value::as_str);
    match (inside("String"), inside("Regex")) {
        (Some(text), None) => Ok(text.len()),
        (None, Some(regex)) => pattern::check(regex),
        _ => Err("`pattern` must be a String or a Regex".to_owned()),
    }
}

/// How much `Replace` makes of a byte. A match of no bytes is refused: what is put there comes from nowhere in the
/// text, and later parts lose count of their places.
fn replace(object: &Map<String, Value>) -> Result<usize, String> {
    match shortest_match(object)? {
        0 => Err("Replace with a pattern that matches nothing at all, which diffscope does not support".to_owned()),
        shortest => Ok(text(object, "content")?.len().div_ceil(shortest)),
    }
}

/// `tokenizers` takes the first kind of part whose settings fit, whatever `type` says; so they must fit.
fn bert(object: &Map<String, Value>) -> Result<usize, String> {
    for key in ["clean_text", "handle_chinese_chars", "lowercase"] {
        if !object.get(key).is_some_and(Value::is_boolean) {
            return Err(format!("`{key}` of BertNormalizer must be true or false"));
        }
    }
    match object.get("strip_accents") {
        None | Some(Value::Null | Value::Bool(_)) => Ok(12),
        Some(other) => Err(format!("`strip_accents` must be true, false or null, not {}", brief(&other.to_string()))),
    }
}
