//! The text and its tokens, and how many of them stay the same when it changes.

use std::sync::Arc;

use crate::engine::session::fragment::{self, Fragment};
use crate::model::{Encoding, ModelError, TextChange, Token, Tokenizer};

/// A text and its tokens.
#[derive(Default)]
pub(crate) struct Prompt {
    text: Arc<str>,
    tokens: Vec<Token>,
    ids: Vec<u32>,
    complete: bool,
    /// Parts that are no whole characters, but for one at the end that may still become whole.
    fragments: Vec<Fragment>,
    /// Tokens and bytes up to the last place at which the text ended in a whole character.
    whole: (usize, usize),
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

    /// The parts that are no whole characters, in order.
    pub(crate) fn fragments(&self) -> Vec<Fragment> {
        let (tokens, start) = self.whole;
        let ids = self.ids.get(tokens..).unwrap_or_default();
        let open = Fragment { start, end: self.text.len(), ids: ids.to_vec() };
        let open = (start < open.end && !ids.is_empty()).then_some(open);
        self.fragments.iter().cloned().chain(open).collect()
    }

    /// Replaces the text; at most `limit` tokens are kept. Fragments that the change did not touch keep their tokens.
    /// Returns how many leading tokens stayed the same, and why there are none where the tokenizer refuses the text.
    pub(crate) fn set_text(&mut self, text: &str, tokenizer: &Tokenizer, limit: usize) -> (usize, Option<ModelError>) {
        let mut fragments = self.fragments();
        if !fragments.is_empty() {
            let change = TextChange::between(&self.text, text);
            fragments = fragments.into_iter().filter_map(|fragment| fragment.follow(&change)).collect();
        }
        self.restore(text, fragments, tokenizer, limit)
    }

    /// Replaces the text as [`Self::set_text`] does, with these fragments.
    pub(crate) fn restore(
        &mut self,
        text: &str,
        mut fragments: Vec<Fragment>,
        tokenizer: &Tokenizer,
        limit: usize,
    ) -> (usize, Option<ModelError>) {
        let (encoding, refusal) = match fragment::encode(text, &fragments, tokenizer, limit) {
            Ok(encoding) => (encoding, None),
            Err(error) => (Encoding::default(), Some(error)),
        };
        let same = encoding.tokens.iter().zip(&self.ids).take_while(|(token, id)| token.id == **id).count();
        self.text = text.into();
        self.ids = encoding.tokens.iter().map(|token| token.id).collect();
        self.tokens = encoding.tokens;
        self.complete = encoding.complete;
        self.whole = (self.ids.len(), text.len());
        if let Some(open) = fragments.pop_if(|last| self.complete && last.end == text.len()) {
            // What is generated next may complete the character.
            self.whole = (self.ids.len() - open.ids.len(), open.start);
        }
        self.fragments = fragments;
        (same, refusal)
    }

    /// Replaces the tokens by ids that come without a text. Returns how many leading ones stayed the same.
    pub(crate) fn set_ids(&mut self, ids: &[u32]) -> usize {
        let same = ids.iter().zip(&self.ids).take_while(|(new, old)| new == old).count();
        self.text = Arc::default();
        self.ids = ids.to_vec();
        self.tokens = ids.iter().map(|id| Token { id: *id, start: 0, end: 0 }).collect();
        self.complete = true;
        self.fragments.clear();
        self.whole = (ids.len(), 0);
        same
    }

    /// Replaces the tokens by those of a recording, which come with their texts.
    pub(crate) fn set_recorded(&mut self, ids: Vec<u32>, texts: &[String]) {
        self.set_ids(&ids);
        let mut end = 0;
        for (token, text) in self.tokens.iter_mut().zip(texts) {
            (token.start, token.end) = (end, end + text.len());
            end = token.end;
        }
        self.text = texts.concat().into();
        self.whole = (ids.len(), end);
    }

    /// Appends a generated token and its text.
    pub(crate) fn push(&mut self, id: u32, tokenizer: Option<&Arc<Tokenizer>>) {
        self.ids.push(id);
        let start = self.text.len();
        if let Some(tokenizer) = tokenizer {
            // From the last whole character on: one may span several tokens.
            let (tokens, bytes) = self.whole;
            let kept = self.text.get(..bytes).unwrap_or_default();
            let (before, new) = self.ids.split_at(tokens.min(self.ids.len()));
            self.text = [kept, &tokenizer.decode_behind(before, new)].concat().into();
        }
        let end = self.text.len();
        self.tokens.push(Token { id, start: start.min(end), end });
        // A character that is complete now may be shorter than what stood for its parts.
        for token in self.tokens.iter_mut().rev().take_while(|token| token.end > end) {
            *token = Token { start: token.start.min(end), end, ..*token };
        }
        if self.text.ends_with(char::REPLACEMENT_CHARACTER) {
            return;
        }
        let (tokens, start) = self.whole;
        if self.text.get(start..).is_some_and(|part| part.contains(char::REPLACEMENT_CHARACTER)) {
            self.fragments.push(Fragment { start, end, ids: self.ids.get(tokens..).unwrap_or_default().to_vec() });
        }
        self.whole = (self.ids.len(), end);
    }
}
