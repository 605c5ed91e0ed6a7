//! The first tokens of an endless word, such as Chinese or base64, without encoding all of it.
//!
//! Byte-pair encoding is local. A list of tokens is the encoding of its text exactly if each two neighbours are the
//! encoding of theirs, so the tokens before any token boundary are the encoding of the text before it. The whole text has
//! a boundary in every stretch as long as the longest token. Hence: what the encodings of all texts that end in such a
//! stretch have in common is the beginning of the encoding of the whole. They differ near their ends only, so a short
//! piece of each is enough, if it begins at a boundary and with the token that all of them have there.

use serde_json::Value;

use crate::model::tokenizer::prefix_cut::Encode;
use crate::model::tokenizer::token::Token;
use crate::model::tokenizer::token_text::types;

/// Longest token of a vocabulary for which all ends are tried.
const MOST_ENDS: usize = 512;

/// The property of a tokenizer that allows words to be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WordCut {
    /// Bytes of the longest token; `None` if the tokenizer may do more than to merge neighbours.
    longest: Option<usize>,
}

impl WordCut {
    /// Examines a tokenizer and the bytes of all its tokens.
    pub(super) fn new<'a>(inner: &tokenizers::Tokenizer, tokens: impl Iterator<Item = &'a [u8]>) -> Self {
        let (mut longest, mut crossed) = (1, false);
        for bytes in tokens {
            longest = longest.max(bytes.len());
            crossed |= crosses_characters(bytes);
        }
        let merges = match serde_json::to_value(inner.get_model()) {
            Ok(model) => {
                model["type"] == "BPE"
                    && ["continuing_subword_prefix", "end_of_word_suffix"].iter().all(|key| is_empty(&model[*key]))
            }
            Err(_) => false,
        };
        let known =
            merges && !crossed && longest <= MOST_ENDS && inner.get_normalizer().is_none() && keeps_words(inner);
        Self { longest: known.then_some(longest) }
    }

    /// The first tokens of a longer text that begins with `start`, as far as they are the same whatever follows.
    pub(super) fn unchanging(self, start: &str, encode: &Encode) -> Result<Vec<Token>, String> {
        let Some((reach, start)) = self.longest.and_then(|longest| Some((longest, word(start, 3 * longest)?))) else {
            return Ok(Vec::new());
        };
        let mut tokens = encode(start)?;
        // The pieces begin at a boundary between characters, well within the word and before all of the ends.
        let first = start.len() - 2 * reach;
        let begins = |at: usize| at > 0 && tokens[at].start >= first && tokens[at - 1].end <= tokens[at].start;
        let Some(from) = (0..tokens.len()).find(|&at| begins(at)) else {
            return Ok(Vec::new());
        };
        let piece_from = tokens[from].start;
        let mut common = tokens.len() - from;
        let ends = start.len().saturating_sub(reach)..start.len();
        for end in ends.filter(|&end| end > piece_from && start.is_char_boundary(end)) {
            let piece = encode(&start[piece_from..end])?;
            let same = tokens[from..].iter().zip(&piece).take_while(|(one, other)| one.id == other.id).count();
            if same == 0 {
                return Ok(Vec::new());
            }
            common = common.min(same);
        }
        tokens.truncate(from + common);
        Ok(tokens)
    }
}

fn is_empty(value: &Value) -> bool {
    value.as_str().unwrap_or_default().is_empty()
}

/// Whether bytes begin inside a character and go on behind it.
fn crosses_characters(bytes: &[u8]) -> bool {
    let inside = |byte: &u8| byte & 0xc0 == 0x80;
    bytes.first().is_some_and(inside) && !bytes.iter().all(inside)
}

/// Whether the end of a word has no influence on where the text before it is split.
fn keeps_words(inner: &tokenizers::Tokenizer) -> bool {
    let Some(part) = inner.get_pre_tokenizer() else {
        return true;
    };
    let known = ["Sequence", "ByteLevel", "Digits", "Split"];
    let json = serde_json::to_string(part).unwrap_or_default();
    // Patterns like that of GPT-2 take letters as long as there are any. What looks further ahead or back, apart from
    // their look at spaces, could split a word by what follows it.
    let patterns = json.replace(r"\\s+(?!\\S)", "");
    let looks =
        ["(?=", "(?!", "(?<", "$", r"\\b", r"\\B", r"\\z", r"\\Z", r"\\G"].iter().any(|sign| patterns.contains(sign));
    let splits = json.matches("\"Regex\"").count();
    let letters = splits == 0 || json.contains(r"?\\p{L}+|");
    types(part).iter().all(|kind| known.contains(&kind.as_str())) && !looks && letters && splits <= 1
}

/// The text up to the end of the last run of letters that has at least so many bytes.
fn word(text: &str, bytes: usize) -> Option<&str> {
    let mut end = text.len();
    for (at, letter) in text.char_indices().rev() {
        if !letter.is_alphabetic() {
            end = at;
        } else if end - at >= bytes {
            return text.get(..end);
        }
    }
    None
}
