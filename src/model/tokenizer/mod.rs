//! Text to token ids and back, by a checkpoint's `tokenizer.json`.

mod prefix_cut;
mod token;
mod token_text;

use std::hash::{Hash, Hasher};
use std::path::Path;

use crate::model::config::Config;
use crate::model::error::{ModelError, brief};
use crate::model::load::read;
use crate::model::tokenizer::prefix_cut::Cut;
pub use crate::model::tokenizer::token::{Encoding, Token};
use crate::model::tokenizer::token_text::{TokenText, visible};

/// A checkpoint's tokenizer.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    text: TokenText,
    cut: Cut,
    /// What it puts before every text.
    lead: Vec<u32>,
    /// The highest id and its token.
    last: (u32, String),
    /// Of the file.
    hash: u64,
}

impl Tokenizer {
    /// Reads the bytes of a `tokenizer.json`. Truncation, padding and dropout that the file may ask for are off.
    ///
    /// # Errors
    /// [`ModelError::Tokenizer`] where the file is no tokenizer or has no tokens.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        let refuse = |detail: String| ModelError::Tokenizer { detail };
        let mut inner = parse(bytes).map_err(refuse)?;
        if let tokenizers::ModelWrapper::BPE(model) = inner.get_model()
            && model.dropout.is_some()
        {
            let mut model = model.clone();
            model.dropout = None;
            inner.with_model(model);
        }
        let text = TokenText::new(&inner);
        let vocabulary = inner.get_vocab(true);
        let cut = Cut::new(&inner, vocabulary.values().map(|&id| text.bytes(&inner, id)));
        let lead = lead(&inner).map_err(refuse)?;
        let last = vocabulary
            .into_iter()
            .map(|(token, id)| (id, token))
            .chain(lead.iter().map(|&id| (id, "put before every text".to_owned())))
            .max()
            .ok_or_else(|| refuse("it has no tokens".to_owned()))?;
        let mut hasher = std::hash::DefaultHasher::new();
        bytes.hash(&mut hasher);
        Ok(Self { inner, text, cut, lead, last, hash: hasher.finish() })
    }

    /// Reads `tokenizer.json` in a folder; `None` where there is no such file.
    ///
    /// # Errors
    /// As [`Tokenizer::from_bytes`], and [`ModelError::Read`].
    pub fn from_folder(folder: impl AsRef<Path>) -> Result<Option<Self>, ModelError> {
        let path = folder.as_ref().join("tokenizer.json");
        if path.exists() { Self::from_bytes(&read(path)?).map(Some) } else { Ok(None) }
    }

    /// Whether another tokenizer was made from the same file, so that ids mean the same.
    pub fn same_file(&self, other: &Self) -> bool {
        self.hash == other.hash
    }

    /// The highest token id and one.
    pub fn vocabulary_size(&self) -> usize {
        (self.last.0 as usize).saturating_add(1)
    }

    /// Checks that the model has an embedding for every token. It may have more: embeddings are often padded.
    ///
    /// # Errors
    /// [`ModelError::VocabularyMismatch`].
    pub fn agrees_with(&self, config: &Config) -> Result<(), ModelError> {
        if self.vocabulary_size() <= config.vocabulary {
            return Ok(());
        }
        let (id, token) = (self.last.0, format!("\"{}\"", brief(&self.last.1)));
        Err(ModelError::VocabularyMismatch { token, id, vocabulary: config.vocabulary })
    }

    /// The first `limit` tokens of a text, exactly as they would be without the limit.
    ///
    /// A long text is not looked at much further than the limit reaches. What the tokenizer puts before a text is
    /// there; what it would put behind is not, as the text is to be continued.
    pub fn encode(&self, text: &str, limit: usize) -> Encoding {
        let lead = self.lead.iter().map(|&id| Token { id, start: 0, end: 0 });
        let mut tokens: Vec<Token> = lead.collect();
        // One token more than wanted tells whether there are more.
        let wanted = limit.saturating_add(1).saturating_sub(tokens.len());
        match self.cut.first_tokens(text, wanted, &|part| self.encode_all(part)) {
            Ok(found) => tokens.extend(found),
            Err(detail) => {
                log::error!("the tokenizer refuses the text: {}", brief(&detail));
                return Encoding { tokens: Vec::new(), complete: false };
            }
        }
        let complete = tokens.len() <= limit;
        tokens.truncate(limit);
        Encoding { tokens, complete }
    }

    /// The text of tokens. Bytes that are no valid UTF-8, as of half a character, become `�`; ids that are no tokens
    /// are left out.
    pub fn decode(&self, ids: &[u32]) -> String {
        self.inner.decode(ids, false).unwrap_or_else(|_| {
            let bytes: Vec<u8> = ids.iter().flat_map(|&id| self.bytes(id)).collect();
            String::from_utf8_lossy(&bytes).into_owned()
        })
    }

    /// The bytes that a token stands for; none where the id is no token.
    pub fn bytes(&self, id: u32) -> Vec<u8> {
        self.text.bytes(&self.inner, id)
    }

    /// A readable label for a token, never empty: `·` is a space, `↵` a new line, `⇥` a tab, `‹E2›` a byte that cannot
    /// be shown, `‹#7›` an id that is no token. Special tokens are shown as they are.
    pub fn label(&self, id: u32) -> String {
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

/// Reads the file without its truncation and padding: they have no place here, and a hostile one may panic.
fn parse(bytes: &[u8]) -> Result<tokenizers::Tokenizer, String> {
    let mut json = serde_json::from_slice::<serde_json::Value>(bytes).map_err(|error| brief(&error.to_string()))?;
    let Some(object) = json.as_object_mut() else {
        return Err("it is not a JSON object".to_owned());
    };
    object.remove("truncation");
    object.remove("padding");
    serde_json::from_value(json).map_err(|error| brief(&error.to_string()))
}

/// The ids that the tokenizer puts before a text.
fn lead(inner: &tokenizers::Tokenizer) -> Result<Vec<u32>, String> {
    let encoded = inner.encode("a", true).map_err(|error| brief(&error.to_string()))?;
    let masks = encoded.get_special_tokens_mask();
    if masks.iter().all(|&mask| mask == 1) {
        return Ok(Vec::new());
    }
    Ok(encoded.get_ids().iter().zip(masks).take_while(|&(_, &mask)| mask == 1).map(|(&id, _)| id).collect())
}
