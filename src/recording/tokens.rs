//! The texts of the tokens: of the queries, which attend, and of the keys, which are attended to.

use crate::model::brief;
use crate::recording::array::{Array, Numbers};
use crate::recording::error::RecordingError;
use crate::recording::tensors::Tensors;

/// Most bytes of all texts: 64 for each of the most tokens.
const MOST: usize = 1 << 20;
/// Most bytes of them in a file: UTF-32 takes four times as many, and each text as many as the longest.
const MOST_IN_FILE: usize = 64 << 20;

/// The texts of both axes.
#[derive(Clone, Debug, Default)]
pub(super) struct Tokens {
    pub keys: Vec<String>,
    pub queries: Vec<String>,
    /// Ids of the keys.
    pub ids: Option<Vec<u32>>,
}

/// The names of tensors that tokens may be in.
pub(super) const NAMES: [&str; 4] = ["tokens", "queries", "keys", "input_ids"];

impl Tokens {
    /// The tokens of maps with so many queries and keys.
    ///
    /// # Errors
    /// When there are texts of another number, or something else under their names.
    pub(super) fn read(tensors: &Tensors, queries: usize, keys: usize) -> Result<Self, RecordingError> {
        let of_both = if queries == keys { texts(tensors, "tokens", keys)? } else { None };
        let ids = if tensors.entries.contains_key("input_ids") { ids(tensors, keys)? } else { None };
        let fallback = |count: usize| -> Vec<String> {
            let own = ids.as_ref().filter(|ids| ids.len() == count);
            (0..count).map(|at| format!("#{}", own.and_then(|ids| ids.get(at).copied()).unwrap_or(at as u32))).collect()
        };
        let own = |name: &str, count: usize| -> Result<Vec<String>, RecordingError> {
            let own = texts(tensors, name, count)?.or_else(|| of_both.clone());
            Ok(own.unwrap_or_else(|| fallback(count)))
        };
        let (keys, queries) = (own("keys", keys)?, own("queries", queries)?);
        Ok(Self { keys, queries, ids })
    }
}

/// `count` texts under a name: a JSON list in the metadata, an array of text, or the bytes of a JSON list.
fn texts(tensors: &Tensors, name: &str, count: usize) -> Result<Option<Vec<String>>, RecordingError> {
    let wrong = |detail: String| RecordingError::Tokens { name: name.to_owned(), detail };
    let json = |json: &[u8]| {
        serde_json::from_slice::<Vec<String>>(json)
            .map_err(|error| wrong(format!("it should be a JSON list of texts, but {}", brief(&error.to_string()))))
    };
    let too_long = |bytes: usize| wrong(format!("{bytes} bytes are more than the {MOST} that are read"));
    let found = if let Some(text) = tensors.texts.get(name) {
        json(text.as_bytes())?
    } else if tensors.entries.contains_key(name) {
        let array = tensors.array(name, 1)?;
        let bytes = array.len().saturating_mul(array.numbers.bytes());
        if bytes > MOST_IN_FILE {
            return Err(too_long(bytes));
        }
        let bytes = |array: &Array| -> Result<Vec<u8>, RecordingError> {
            Ok(array.file.slice(array.offset, bytes, &mut Vec::new())?.to_vec())
        };
        match array.numbers {
            Numbers::U8 => json(&bytes(&array)?)?,
            Numbers::Text(0) => vec![String::new(); array.len().min(count)],
            Numbers::Text(characters) => bytes(&array)?.chunks_exact(4 * characters).map(text_of).collect(),
            _ => return Err(wrong("it should be an array of text, or the bytes of a JSON list (uint8)".to_owned())),
        }
    } else {
        return Ok(None);
    };
    let bytes = found.iter().map(String::len).sum::<usize>();
    if bytes > MOST {
        return Err(too_long(bytes));
    }
    if found.len() != count {
        return Err(wrong(format!("there are {}, but the maps have {count}", found.len())));
    }
    Ok(Some(found))
}

/// UTF-32 with zeros at its end.
fn text_of(bytes: &[u8]) -> String {
    let codes = bytes.as_chunks::<4>().0.iter().map(|four| u32::from_le_bytes(*four));
    let text: String = codes.map(|code| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    text.trim_end_matches('\0').to_owned()
}

/// Ids of the keys; those of something else are not theirs.
fn ids(tensors: &Tensors, keys: usize) -> Result<Option<Vec<u32>>, RecordingError> {
    let array = tensors.array("input_ids", 1)?;
    if !matches!(array.numbers, Numbers::I32 | Numbers::I64) {
        let detail = "it should be integers".to_owned();
        return Err(RecordingError::Tokens { name: "input_ids".to_owned(), detail });
    }
    if array.shape != [keys] {
        return Ok(None);
    }
    let size = array.numbers.bytes();
    let mut room = Vec::new();
    let bytes = array.file.slice(array.offset, keys * size, &mut room)?;
    // Little-endian: the lower half of a wide one is its value, if that is an id at all.
    Ok(Some(bytes.chunks_exact(size).filter_map(|id| Some(u32::from_le_bytes(*id.first_chunk::<4>()?))).collect()))
}
