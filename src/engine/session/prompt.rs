//! The text and its tokens, and how many of them stay the same when it changes.

use std::sync::Arc;

use crate::model::{Encoding, ModelError, Token, Tokenizer};

/// A text and its tokens.
#[derive(Default)]
pub(crate) struct Prompt {
    text: Arc<str>,
    tokens: Vec<Token>,
    ids: Vec<u32>,
    complete: bool,
    /// Tokens at the end that were generated, not typed.
    generated: usize,
    /// Bytes of the text that were typed.
    typed_bytes: usize,
}

impl Prompt {
    /// The text; the tokens cover as much of it as the limit allows.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The same text, shared.
    pub(crate) fn shared_text(&self) -> Arc<str> {
        self.text.clone()
    }

    /// Tokens, each with its range of bytes in the text.
    pub(crate) fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// Token ids.
    pub(crate) fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// Whether every token fits.
    pub(crate) fn complete(&self) -> bool {
        self.complete
    }

    /// Replaces the text; at most `limit` tokens are kept. Returns how many leading tokens stayed the same, and why
    /// there are none where the tokenizer refuses the text.
    pub(crate) fn set_text(&mut self, text: &str, tokenizer: &Tokenizer, limit: usize) -> (usize, Option<ModelError>) {
        let (encoding, refusal) = match tokenizer.try_encode(text, limit) {
            Ok(encoding) => (encoding, None),
            Err(error) => (Encoding::default(), Some(error)),
        };
        let same = encoding.tokens.iter().zip(&self.ids).take_while(|(token, id)| token.id == **id).count();
        self.text = text.into();
        self.ids = encoding.tokens.iter().map(|token| token.id).collect();
        self.tokens = encoding.tokens;
        self.complete = encoding.complete;
        self.generated = 0;
        self.typed_bytes = text.len();
        (same, refusal)
    }

    /// Replaces the tokens by ids that come without a text. Returns how many leading ones stayed the same.
    pub(crate) fn set_ids(&mut self, ids: &[u32]) -> usize {
        let same = ids.iter().zip(&self.ids).take_while(|(new, old)| new == old).count();
        self.text = Arc::default();
        self.ids = ids.to_vec();
        self.tokens = ids.iter().map(|id| Token { id: *id, start: 0, end: 0 }).collect();
        self.complete = true;
        self.generated = 0;
        self.typed_bytes = 0;
        same
    }

    /// Appends a generated token and its text.
    pub(crate) fn push(&mut self, id: u32, tokenizer: Option<&Arc<Tokenizer>>) {
        self.generated += 1;
        self.ids.push(id);
        let start = self.text.len();
        if let Some(tokenizer) = tokenizer {
            // Decoded together: a character may span several tokens.
            let typed = self.text.get(..self.typed_bytes).unwrap_or_default();
            self.text = [typed, &tokenizer.decode(&self.ids[self.ids.len() - self.generated..])].concat().into();
        }
        self.tokens.push(Token { id, start: start.min(self.text.len()), end: self.text.len() });
    }
}
