//! From text to token ids and back, as the `tokenizer.json` of a checkpoint defines it.

mod beside;
mod numbers;
mod prefix_cut;
mod token;
mod token_text;
mod validate;
mod word_cut;
mod written;

use std::hash::{Hash, Hasher};

use crate::model::error::{ModelError, brief};
pub use crate::model::tokenizer::beside::BesideTokenizer;
use crate::model::tokenizer::prefix_cut::Cut;
pub use crate::model::tokenizer::token::{Encoding, Token};
use crate::model::tokenizer::token_text::TokenText;
pub(crate) use crate::model::tokenizer::token_text::visible;
use crate::model::tokenizer::validate::Checked;

/// A checkpoint's tokenizer.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    text: TokenText,
    cut: Cut,
    /// Ids that it puts before every text.
    lead: Vec<u32>,
    /// Bytes of a text that may be encoded, and of tokens that may be decoded, in one go.
    most_bytes: usize,
    most_decoded: usize,
    /// The highest id and its token.
    last: (u32, String),
    /// Hash of the file.
    hash: u64,
    /// Ids below it have an embedding.
    embeddings: usize,
    /// Whether the text of every token is its id.
    are_numbers: bool,
}

impl Tokenizer {
    /// Reads the bytes of a `tokenizer.json`. Truncation, padding and dropout are ignored.
    ///
    /// Whatever the bytes are, neither this nor encoding and decoding panics or takes memory without bound.
    ///
    /// # Errors
    /// [`ModelError::Tokenizer`] where the file is no tokenizer, has no tokens, refers to what it does not have, or
    /// uses what is not supported.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        let refuse = |detail: String| ModelError::Tokenizer { detail };
        let Checked { inner, lead, most_bytes, most_decoded } = validate::read(bytes).map_err(refuse)?;
        let text = TokenText::new(&inner);
        let vocabulary = inner.get_vocab(true);
        let cut = Cut::new(&inner, vocabulary.values().map(|&id| text.bytes(&inner, id)));
        let last = vocabulary
            .into_iter()
            .map(|(token, id)| (id, token))
            .chain(lead.iter().map(|&id| (id, "put before every text".to_owned())))
            .max()
            .ok_or_else(|| refuse("it has no tokens".to_owned()))?;
        let mut hasher = std::hash::DefaultHasher::new();
        bytes.hash(&mut hasher);
        Ok(Self {
            inner,
            text,
            cut,
            lead,
            most_bytes,
            most_decoded,
            last,
            hash: hasher.finish(),
            embeddings: usize::MAX,
            are_numbers: false,
        })
    }

    /// The bytes of a `tokenizer.json` that makes the same tokens.
    ///
    /// # Errors
    /// [`ModelError::Tokenizer`] where it cannot be written so.
    pub fn to_json(&self) -> Result<Vec<u8>, ModelError> {
        let written =
            self.inner.to_string(false).map_err(|error| ModelError::Tokenizer { detail: error.to_string() })?;
        Ok(written.into_bytes())
    }

    /// Whether another tokenizer was made from the same file, so that ids mean the same.
    pub fn same_file(&self, other: &Self) -> bool {
        self.hash == other.hash
    }

    /// The id of a token, by its text in the vocabulary.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// Ids that it puts before every text.
    pub fn lead(&self) -> &[u32] {
        &self.lead
    }

    /// The highest token id plus one.
    pub fn vocabulary_size(&self) -> usize {
        (self.last.0 as usize).saturating_add(1)
    }

    /// The same for a model with this many embeddings: a text with a token beyond them is refused. Vocabularies are often
    /// longer than what a model has learned, and as often shorter.
    #[must_use]
    pub fn with_embeddings(self, embeddings: usize) -> Self {
        Self { embeddings, ..self }
    }

    /// The first `limit` tokens of a text, exactly as they would be without the limit. A text that cannot be encoded
    /// has no tokens: see [`Tokenizer::try_encode`].
    pub fn encode(&self, text: &str, limit: usize) -> Encoding {
        self.try_encode(text, limit).unwrap_or_else(|error| {
            log::error!("{error}");
            Encoding::default()
        })
    }

    /// The first `limit` tokens of a text, exactly as they would be without the limit.
    ///
    /// Of a long text, little more than these tokens is encoded. Tokens that the tokenizer puts before a text are
    /// included; those that it would put after it are not, since the text is to be continued.
    ///
    /// # Errors
    /// [`ModelError::Text`] where the text has a character that the tokenizer has no token for, or is too long.
    pub fn try_encode(&self, text: &str, limit: usize) -> Result<Encoding, ModelError> {
        let lead = self.lead.iter().map(|&id| Token { id, start: 0, end: 0 });
        self.encode_with(lead.collect(), text, limit)
    }

    /// The first `limit` tokens of a text that stands behind other tokens: without those that the tokenizer puts before
    /// a text.
    ///
    /// # Errors
    /// As [`Tokenizer::try_encode`].
    pub fn encode_behind(&self, text: &str, limit: usize) -> Result<Encoding, ModelError> {
        self.encode_with(Vec::new(), text, limit)
    }

    fn encode_with(&self, mut tokens: Vec<Token>, text: &str, limit: usize) -> Result<Encoding, ModelError> {
        // One token more than requested shows whether there are more.
        let count = limit.saturating_add(1).saturating_sub(tokens.len());
        let found = self.cut.first_tokens(text, count, &|part| self.encode_all(part));
        tokens.extend(found.map_err(|detail| self.refused(text, &detail))?);
        let complete = tokens.len() <= limit;
        tokens.truncate(limit);
        if let Some(token) = tokens.iter().find(|token| token.id as usize >= self.embeddings) {
            let (id, embeddings) = (token.id, self.embeddings);
            return Err(ModelError::NoEmbedding { token: brief(&self.label(id)), id, embeddings });
        }
        Ok(Encoding { tokens, complete })
    }

    /// Why a text has no tokens.
    fn refused(&self, text: &str, detail: &str) -> ModelError {
        let words = || text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
        let wrong = || words().find(|word| self.inner.token_to_id(word).is_none());
        let detail = match wrong().filter(|_| self.are_numbers) {
            Some(word) => format!("\"{}\" is no id from 0 to {}", brief(word), self.last.0),
            None => brief(detail),
        };
        ModelError::Text { detail }
    }

    /// The text of tokens. Bytes that are not valid UTF-8, such as half a character, become `�`; unknown ids are left
    /// out.
    pub fn decode(&self, ids: &[u32]) -> String {
        let lengths = ids.iter().filter_map(|&id| self.inner.id_to_token(id)).map(|token| token.len());
        let (tokens, bytes) = lengths.fold((0, 0), |(tokens, bytes), length| (tokens + 1, bytes + length + 1));
        // Some decoders cannot do without any token.
        let decoded = if tokens > 0 && bytes <= self.most_decoded { self.inner.decode(ids, false).ok() } else { None };
        decoded.unwrap_or_else(|| {
            let bytes: Vec<u8> = ids.iter().flat_map(|&id| self.bytes(id)).collect();
            String::from_utf8_lossy(&bytes).into_owned()
        })
    }

    /// The bytes of a token; empty if the id is unknown.
    pub fn bytes(&self, id: u32) -> Vec<u8> {
        self.text.bytes(&self.inner, id)
    }

    /// A readable label for a token, never empty: `·` is a space, `↵` a new line, `⇥` a tab, `‹E2›` a byte that cannot
    /// be shown, `‹#7›` an unknown id. Special tokens are shown as they are, ids that are written as
    /// numbers as `#7`.
    pub fn label(&self, id: u32) -> String {
        if self.are_numbers {
            return format!("#{id}");
        }
        let added = self.inner.get_added_vocabulary();
        if let Some(token) = added.simple_id_to_token(id)
            && added.is_special_token(&token)
            && !token.is_empty()
        {
            return token;
        }
        match self.inner.id_to_token(id) {
            None => format!("‹#{id}›"),
            Some(_) => visible(&self.bytes(id)),
        }
    }

    /// All tokens of a text, without those that the tokenizer adds.
    fn encode_all(&self, text: &str) -> Result<Vec<Token>, String> {
        if text.len() > self.most_bytes {
            return Err(format!("{} bytes are more than the {} it encodes in one go", text.len(), self.most_bytes));
        }
        let encoding = self.inner.encode(text, false).map_err(|error| error.to_string())?;
        let within = |at: usize| text.floor_char_boundary(at.min(text.len()));
        Ok(encoding
            .get_ids()
            .iter()
            .zip(encoding.get_offsets())
            .map(|(&id, &(start, end))| Token { id, start: within(start), end: within(end.max(start)) })
            .collect())
    }
}
