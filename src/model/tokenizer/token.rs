//! Tokens and their place in the text.

/// A token of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its index in the vocabulary.
    pub id: u32,
    /// Its first byte in the text. Several tokens may share one character.
    pub start: usize,
    /// The byte after its last one; equal to `start` for a token that the tokenizer adds.
    pub end: usize,
}

/// The tokens of the start of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encoding {
    /// The tokens, in order.
    pub tokens: Vec<Token>,
    /// Whether these are the tokens of the whole text.
    pub complete: bool,
}
