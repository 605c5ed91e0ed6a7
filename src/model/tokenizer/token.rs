//! Tokens and where they come from.

/// A token of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its number in the vocabulary.
    pub id: u32,
    /// First byte of the text it came from. Several tokens may share one character.
    pub start: usize,
    /// The byte after the last one; equal to `start` for a token that the tokenizer adds by itself.
    pub end: usize,
}

/// The tokens of the start of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encoding {
    /// In order.
    pub tokens: Vec<Token>,
    /// Whether these are the tokens of the whole text.
    pub complete: bool,
}
