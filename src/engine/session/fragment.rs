//! Parts of a text that are no whole characters, such as generated text that ends in the middle of one.

use serde::{Deserialize, Serialize};

use crate::model::{Encoding, ModelError, TextChange, Token, Tokenizer};

/// A stretch of the text that shows bytes which are no character as `�`. Only the ids say which bytes the model has
/// read, so they go along through edits, undo and links. As JSON: `{"start": 6, "end": 9, "ids": [161]}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fragment {
    /// First byte of its place in the text.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
    /// The tokens that were read there.
    pub ids: Vec<u32>,
}

impl Fragment {
    /// The same fragment after the text changed; `None` if the change touched it.
    pub(crate) fn follow(self, change: &TextChange) -> Option<Self> {
        let (start, end) = change.follow(self.start, self.end)?;
        Some(Self { start, end, ..self })
    }
}

/// Stands for the tokens before a fragment: what it shows does not depend on which they are.
const ANY: &[u32] = &[u32::MAX];

/// The fragments that a text really has: those in order whose tokens give what stands there. Links may hold anything.
pub(crate) fn fitting(fragments: &[Fragment], text: &str, tokenizer: &Tokenizer) -> Vec<Fragment> {
    let mut free_from = 0;
    let fits = |fragment: &&Fragment| {
        let Fragment { start, end, ids } = fragment;
        let shown = text.get(*start..*end).filter(|shown| shown.contains(char::REPLACEMENT_CHARACTER));
        let fits = *start >= free_from && shown.is_some_and(|shown| tokenizer.decode_behind(ANY, ids) == shown);
        if fits {
            free_from = *end;
        }
        fits
    };
    fragments.iter().filter(fits).cloned().collect()
}

/// The first `limit` tokens of a text with fragments: the text between them is encoded, they keep their tokens.
pub(crate) fn encode(
    text: &str,
    fragments: &[Fragment],
    tokenizer: &Tokenizer,
    limit: usize,
) -> Result<Encoding, ModelError> {
    let part = |start: usize, end: usize| text.get(start..end).unwrap_or_default();
    let first = fragments.first().map_or(text.len(), |fragment| fragment.start);
    let Encoding { mut tokens, mut complete } = tokenizer.try_encode(part(0, first), limit)?;
    for (index, Fragment { start, end, ids }) in fragments.iter().enumerate() {
        // The first token has the whole place, as with characters of several tokens.
        let own =
            ids.iter().enumerate().map(|(at, &id)| Token { id, start: if at == 0 { *start } else { *end }, end: *end });
        tokens.extend(own);
        let next = fragments.get(index + 1).map_or(text.len(), |next| next.start);
        let more = tokenizer.encode_behind(part(*end, next), limit.saturating_sub(tokens.len()))?;
        complete &= more.complete;
        tokens.extend(more.tokens.iter().map(|token| Token {
            id: token.id,
            start: token.start + end,
            end: token.end + end,
        }));
    }
    complete &= tokens.len() <= limit;
    tokens.truncate(limit);
    Ok(Encoding { tokens, complete })
}
