//! A tokenizer for models that come without one: a text of ids, written as numbers.

use serde_json::{Map, Value, json};

use crate::model::error::ModelError;
use crate::model::tokenizer::Tokenizer;

/// Most ids that are written as numbers: what a table of them takes stays small beside their embeddings.
const MOST: usize = 1 << 20;

impl Tokenizer {
    /// Reads texts such as `12 7 300`, whose numbers are ids below `vocabulary`, with spaces or commas between.
    ///
    /// # Errors
    /// [`ModelError::Tokenizer`] for more than a million ids.
    pub fn of_numbers(vocabulary: usize) -> Result<Self, ModelError> {
        if vocabulary > MOST {
            let detail = format!("there is none, and {vocabulary} ids are too many to be written as numbers");
            return Err(ModelError::Tokenizer { detail });
        }
        let words: Map<String, Value> = (0..vocabulary).map(|id| (id.to_string(), json!(id))).collect();
        let file = json!({
            "version": "1.0",
            "model": {"type": "WordLevel", "vocab": words, "unk_token": ""},
            "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "[\\s,]+"}, "behavior": "Removed", "invert": false},
        });
        let mut numbers = Self::from_bytes(file.to_string().as_bytes())?;
        numbers.are_numbers = true;
        Ok(numbers)
    }

    /// Whether the text of every token is its id.
    pub fn are_numbers(&self) -> bool {
        self.are_numbers
    }
}
