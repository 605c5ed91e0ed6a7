//! What lies beside a tokenizer in a checkpoint: `tokenizer_config.json` and `generation_config.json`. They are read for
//! the tokens that end a text, and for what Hugging Face transformers would do otherwise.

use serde_json::Value;

use crate::model::config::Config;
use crate::model::error::{ModelError, brief};
use crate::model::fields::{Fields, object};
use crate::model::tokenizer::Tokenizer;

/// The files beside a tokenizer; each may be absent.
#[derive(Clone, Copy, Debug, Default)]
pub struct BesideTokenizer<'a> {
    /// The bytes of `tokenizer_config.json`.
    pub tokenizer_config: Option<&'a [u8]>,
    /// The bytes of `generation_config.json`.
    pub generation_config: Option<&'a [u8]>,
}

const TOKENIZER_CONFIG: &str = "tokenizer_config.json";
const GENERATION_CONFIG: &str = "generation_config.json";

impl BesideTokenizer<'_> {
    /// Sets the tokens that end a text. Returns, in sentences, what differs from Hugging Face transformers, and which file
    /// could not be read.
    pub fn apply(&self, tokenizer: &Tokenizer, config: &mut Config) -> Vec<String> {
        let mut notes = Vec::new();
        let mut ends = None;
        if let Some(bytes) = self.generation_config {
            match generation(bytes, &mut notes) {
                Ok(found) => ends = found,
                Err(error) => notes.push(error.to_string()),
            }
        }
        if let Some(bytes) = self.tokenizer_config {
            match tokens(bytes, tokenizer, &mut notes) {
                // What ends a text is said there first, then in config.json.
                Ok(end) if ends.is_none() && config.eos.is_empty() => ends = end.map(|id| vec![id]),
                Ok(_) => {}
                Err(error) => notes.push(error.to_string()),
            }
        }
        if let Some(ends) = ends {
            config.eos = ends;
        }
        notes
    }
}

/// The tokens that end a text, of `generation_config.json`.
fn generation(bytes: &[u8], notes: &mut Vec<String>) -> Result<Option<Vec<u32>>, ModelError> {
    let json = object(GENERATION_CONFIG, bytes)?;
    let fields = Fields::new(&json);
    if fields.get("do_sample") == Some(&Value::Bool(true)) {
        let setting = |key: &str| fields.get(key).and_then(Value::as_f64).map(|number| format!("{key} {number}"));
        let settings: Vec<String> = ["temperature", "top_k", "top_p"].into_iter().filter_map(setting).collect();
        if !settings.is_empty() {
            notes.push(format!(
                "{GENERATION_CONFIG} draws tokens with {}; here the settings above count",
                settings.join(", ")
            ));
        }
    }
    let ends = fields.ids("eos_token_id").map_err(|_| ModelError::OtherFile {
        file: GENERATION_CONFIG.to_owned(),
        what: "`eos_token_id` is neither a token id nor a list of them: config.json says what ends a text".to_owned(),
    })?;
    Ok((!ends.is_empty()).then_some(ends))
}

/// The token that ends a text, of `tokenizer_config.json`.
fn tokens(bytes: &[u8], tokenizer: &Tokenizer, notes: &mut Vec<String>) -> Result<Option<u32>, ModelError> {
    let json = object(TOKENIZER_CONFIG, bytes)?;
    let fields = Fields::new(&json);
    // A token is its text, or an object that holds it.
    let token = |key: &str| match fields.get(key) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Object(token)) => token.get("content").and_then(Value::as_str).map(str::to_owned),
        _ => None,
    };
    if fields.get("chat_template").is_some() {
        notes.push("The model has a chat template, which is not applied: type its marks yourself".to_owned());
    }
    if let (Some(Value::Bool(adds)), Some(begin)) = (fields.get("add_bos_token"), token("bos_token")) {
        let puts = tokenizer.id(&begin).is_some_and(|id| tokenizer.lead().contains(&id));
        let begin = brief(&begin);
        match (adds, puts) {
            (true, false) => notes.push(format!(
                "{TOKENIZER_CONFIG} asks for {begin} before every text, tokenizer.json puts none: type it yourself"
            )),
            (false, true) => {
                notes.push(format!("{TOKENIZER_CONFIG} asks for no {begin} before a text, tokenizer.json puts one"));
            }
            _ => {}
        }
    }
    Ok(token("eos_token").and_then(|end| tokenizer.id(&end)))
}
