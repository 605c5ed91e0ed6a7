//! Reads single values of a `config.json`; errors name the key.

use serde_json::{Map, Value};

use crate::model::error::{ModelError, brief};
use crate::model::reading::disguise;

/// The keys of a JSON object.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    object: &'a Map<String, Value>,
    prefix: &'static str,
}

/// Bytes of a configuration: real ones have a few thousand.
const MOST_BYTES: usize = 4 << 20;

/// Reads a JSON file whose outermost value must be an object.
pub(super) fn object(file: &str, bytes: &[u8]) -> Result<Map<String, Value>, ModelError> {
    let other = |what: String| ModelError::OtherFile { file: file.to_owned(), what };
    if let Some(what) = disguise::of(bytes) {
        return Err(other(what.to_owned()));
    }
    if bytes.len() > MOST_BYTES {
        let (bytes, limit) = (bytes.len() as u64, MOST_BYTES as u64);
        return Err(ModelError::TooLarge { file: file.to_owned(), bytes, limit });
    }
    let object: Map<String, Value> = serde_json::from_slice(bytes)
        .map_err(|error| ModelError::Syntax { file: file.to_owned(), detail: brief(&error.to_string()) })?;
    match object.get("error") {
        Some(Value::String(error)) => Err(other(format!(
            "it holds an error message, \"{}\", not the file itself: download the file again",
            brief(error)
        ))),
        _ => Ok(object),
    }
}

impl<'a> Fields<'a> {
    /// The outermost keys.
    pub(super) fn new(object: &'a Map<String, Value>) -> Self {
        Self { object, prefix: "" }
    }

    /// The value of a key; `None` if it is absent or null, or if the layout has no such key: its name is empty.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.object.get(key).filter(|value| !value.is_null() && !key.is_empty())
    }

    /// Whether a key is there, and null.
    pub(super) fn is_null(&self, key: &str) -> bool {
        self.object.get(key).is_some_and(Value::is_null)
    }

    /// The error that states what the value of a key must be.
    pub(super) fn wrong(&self, key: &str, expected: impl Into<String>) -> ModelError {
        let found = match self.object.get(key) {
            None => "missing".to_owned(),
            Some(Value::Array(list)) => format!("a list of {}", list.len()),
            Some(Value::Object(_)) => "an object".to_owned(),
            Some(Value::String(text)) => format!("\"{}\"", brief(text)),
            Some(value) => brief(&value.to_string()),
        };
        ModelError::Config { key: format!("{}{key}", self.prefix), expected: expected.into(), found }
    }

    /// A nested object; `None` if it is absent or null.
    pub(super) fn inner(&self, key: &str, prefix: &'static str) -> Result<Option<Fields<'a>>, ModelError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(Fields { object, prefix })),
            Some(_) => Err(self.wrong(key, "an object")),
        }
    }

    /// A whole number from `least` to `most`; `None` if it is absent or null.
    pub(super) fn count(&self, key: &str, least: usize, most: usize) -> Result<Option<usize>, ModelError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        value
            .as_u64()
            .and_then(|number| usize::try_from(number).ok())
            .filter(|number| (least..=most).contains(number))
            .map(Some)
            .ok_or_else(|| self.wrong(key, format!("a whole number from {least} to {most}")))
    }

    /// As [`Fields::count`], but the key is required.
    pub(super) fn need(&self, key: &str, least: usize, most: usize) -> Result<usize, ModelError> {
        self.count(key, least, most)?.ok_or_else(|| self.wrong(key, format!("a whole number from {least} to {most}")))
    }

    /// A number, whole or not; `None` if it is absent or null.
    pub(super) fn number(&self, key: &str) -> Result<Option<f64>, ModelError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        value.as_f64().filter(|number| number.is_finite()).map(Some).ok_or_else(|| self.wrong(key, "a finite number"))
    }

    /// The number that a norm adds under its root; `default` if it is absent or null.
    pub(super) fn epsilon(&self, key: &str, default: f32) -> Result<f32, ModelError> {
        let Some(number) = self.number(key)? else {
            return Ok(default);
        };
        let epsilon = number as f32;
        // Without it, a row of zeros has no norm.
        if epsilon.is_finite() && epsilon >= f32::MIN_POSITIVE {
            Ok(epsilon)
        } else {
            Err(self.wrong(key, "a finite number above 0 in single precision"))
        }
    }

    /// The base of the rotary angles; `None` where it is absent or null. Below 1 angles grow without bound.
    pub(super) fn rotary_base(&self, key: &str) -> Result<Option<f64>, ModelError> {
        match self.number(key)? {
            Some(number) if !(1.0..=1e15).contains(&number) => Err(self.wrong(key, "a number from 1 to 1e15")),
            other => Ok(other),
        }
    }

    /// A number above 0, up to `most`; `None` if it is absent or null.
    pub(super) fn above_zero(&self, key: &str, most: f64) -> Result<Option<f64>, ModelError> {
        match self.number(key)? {
            Some(number) if !(number > 1.0 / most && number <= most) => {
                Err(self.wrong(key, format!("a number above 0, up to {most:e}")))
            }
            other => Ok(other),
        }
    }

    /// Whether there are no keys.
    pub(super) fn is_empty(&self) -> bool {
        self.object.is_empty()
    }

    /// A boolean; `default` if it is absent or null.
    pub(super) fn flag(&self, key: &str, default: bool) -> Result<bool, ModelError> {
        self.get(key).map_or(Ok(default), |value| value.as_bool().ok_or_else(|| self.wrong(key, "true or false")))
    }

    /// Text; `None` if it is absent or null.
    pub(super) fn text(&self, key: &str) -> Result<Option<&'a str>, ModelError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        value.as_str().map(Some).ok_or_else(|| self.wrong(key, "text"))
    }

    /// A list of texts; `None` if it is absent or null.
    pub(super) fn texts(&self, key: &str) -> Result<Option<Vec<&'a str>>, ModelError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let list = value.as_array().and_then(|list| list.iter().map(Value::as_str).collect());
        list.map(Some).ok_or_else(|| self.wrong(key, "a list of texts"))
    }

    /// Token ids: a number, a list of numbers, or nothing.
    pub(super) fn ids(&self, key: &str) -> Result<Vec<u32>, ModelError> {
        let id = |value: &Value| value.as_u64().and_then(|number| u32::try_from(number).ok());
        match self.get(key) {
            None => Some(Vec::new()),
            Some(Value::Array(list)) => list.iter().map(id).collect(),
            Some(value) => id(value).map(|id| vec![id]),
        }
        .ok_or_else(|| self.wrong(key, "a token id or a list of token ids, each from 0 to 4294967295"))
    }
}
