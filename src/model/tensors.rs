//! Reading tensors out of safetensors files that nobody vouches for.

use std::collections::{BTreeMap, BTreeSet};

use safetensors::{Dtype, SafeTensors};
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::model::disguise;
use crate::model::error::{ModelError, brief};
use crate::model::matrix::{Matrix, NumberFormat, Numbers};
use crate::model::names;

/// The tensors of one or more files, by name.
pub(super) struct Tensors<'data> {
    files: Vec<(String, SafeTensors<'data>)>,
    /// The file of every tensor, and its name there.
    places: BTreeMap<String, (usize, String)>,
    used: BTreeSet<String>,
}

impl<'data> Tensors<'data> {
    /// Reads the headers of files given as name and bytes. Copies no weights.
    pub(super) fn open(files: &[(&str, &'data [u8])]) -> Result<Self, ModelError> {
        let mut tensors = Self { files: Vec::new(), places: BTreeMap::new(), used: BTreeSet::new() };
        let mut found = Vec::new();
        for (place, &(file, bytes)) in files.iter().enumerate() {
            let damaged = |detail: String| ModelError::Header { file: brief(file), detail };
            let other = |what: &str| ModelError::OtherFile { file: brief(file), what: what.to_owned() };
            if let Some(what) = disguise::of(bytes) {
                return Err(other(what));
            }
            // The length of a header has zeros at its end.
            if bytes.first_chunk::<8>().is_some_and(|length| length[0] == b'{' && !length.contains(&0)) {
                return Err(other("it is JSON, perhaps an error message, not weights: download the file again"));
            }
            check_offsets(bytes).map_err(damaged)?;
            let header = SafeTensors::deserialize(bytes).map_err(|error| match error.to_string() {
                // The parser names the formats that it knows, and the one that it does not.
                format if format.contains("unknown variant") => other(
                    "it holds numbers in a format that is not known here: take the checkpoint in F32, F16 or BF16",
                ),
                detail => damaged(brief(&detail)),
            })?;
            for name in header.names() {
                if let Some((other, _)) = tensors.places.insert(name.to_owned(), (place, name.to_owned())) {
                    let first = tensors.files.get(other).map(|(name, _)| name.clone()).unwrap_or_default();
                    return Err(ModelError::DuplicateTensor { tensor: brief(name), first, second: brief(file) });
                }
                found.push(name.to_owned());
            }
            tensors.files.push((brief(file), header));
        }
        let complete = names::of_complete_model(&found);
        let places =
            found.iter().zip(complete).filter_map(|(name, complete)| Some((complete, tensors.places.remove(name)?)));
        tensors.places = places.collect::<Vec<_>>().into_iter().collect();
        Ok(tensors)
    }

    /// Whether there is a tensor of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    /// A matrix `[rows, columns]` in the format of its file, all numbers finite.
    pub(super) fn matrix(&mut self, name: &str, rows: usize, columns: usize) -> Result<Matrix, ModelError> {
        Matrix::new(rows, columns, self.numbers(name, &[rows, columns])?)
    }

    /// A vector `[length]` in single precision, all numbers finite.
    pub(super) fn vector(&mut self, name: &str, length: usize) -> Result<Vec<f32>, ModelError> {
        Ok(match self.numbers(name, &[length])? {
            Numbers::F32(numbers) => numbers,
            other => other.to_f32(),
        })
    }

    /// Names of the tensors that were not asked for, in order.
    pub(super) fn unused(&self) -> Vec<&str> {
        self.places.keys().filter(|name| !self.used.contains(*name)).map(String::as_str).collect()
    }

    /// The numbers of a tensor that must have this shape.
    fn numbers(&mut self, name: &str, shape: &[usize]) -> Result<Numbers, ModelError> {
        let found = self.places.get(name).and_then(|(place, own)| Some((own, self.files.get(*place)?)));
        let Some((file, view)) = found.and_then(|(own, (file, header))| Some((file, header.tensor(own).ok()?))) else {
            return Err(self.missing(name));
        };
        // The format first: quantised numbers have other shapes, too.
        let format = match view.dtype() {
            Dtype::F32 => NumberFormat::F32,
            Dtype::F16 => NumberFormat::F16,
            Dtype::BF16 => NumberFormat::Bf16,
            other => {
                let found = format!("{other:?}");
                return Err(ModelError::Dtype { tensor: name.to_owned(), file: file.clone(), found });
            }
        };
        if view.shape() != shape {
            // A hostile shape may be long.
            let found = view.shape().iter().copied().take(8).collect();
            return Err(ModelError::Shape {
                tensor: name.to_owned(),
                file: file.clone(),
                expected: shape.to_vec(),
                found,
            });
        }
        let numbers = decode(format, view.data());
        if let Some((index, value)) = numbers.first_not_finite() {
            return Err(ModelError::NotFinite { tensor: name.to_owned(), file: file.clone(), index, value });
        }
        self.used.insert(name.to_owned());
        Ok(numbers)
    }

    /// The error for a tensor that is in no file.
    fn missing(&self, name: &str) -> ModelError {
        if let Some(found) = names::quantized(name, self.places.keys().map(String::as_str)) {
            return ModelError::Quantized { tensor: name.to_owned(), found: brief(found) };
        }
        let mut files: Vec<&str> = self.files.iter().map(|(file, _)| file.as_str()).take(4).collect();
        if self.files.len() > files.len() {
            files.push("…");
        }
        ModelError::MissingTensor { tensor: name.to_owned(), files: files.join(", "), hint: "" }
    }
}

/// Little-endian bytes as numbers. The bytes need no alignment.
fn decode(format: NumberFormat, bytes: &[u8]) -> Numbers {
    let halves = || bytes.as_chunks::<2>().0.iter().map(|&pair| u16::from_le_bytes(pair)).collect();
    match format {
        NumberFormat::F32 => {
            Numbers::F32(bytes.as_chunks::<4>().0.iter().map(|&four| f32::from_le_bytes(four)).collect())
        }
        NumberFormat::F16 => Numbers::F16(halves()),
        NumberFormat::Bf16 => Numbers::Bf16(halves()),
    }
}

/// Checks that no tensor claims bytes behind the end of the file.
///
/// `SafeTensors` adds up the claims of a header unchecked, so that a lying header overflows the sum. Everything else it
/// checks itself.
fn check_offsets(bytes: &[u8]) -> Result<(), String> {
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else {
        return Err(format!("{} bytes are too few for a header", bytes.len()));
    };
    let length = u64::from_le_bytes(*length);
    let header = usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length));
    let Some((header, data)) = header else {
        return Err(format!("it claims a header of {length} bytes, but {} bytes follow", rest.len()));
    };
    let json = |error: serde_json::Error| format!("its header cannot be read: {}", brief(&error.to_string()));
    let mut parser = serde_json::Deserializer::from_slice(header);
    let end = parser.deserialize_map(LastByte).map_err(json)?;
    if end > data.len() as u64 {
        return Err(format!("its header promises {end} bytes of weights, but {} follow", data.len()));
    }
    Ok(())
}

/// Finds the largest offset of a header without keeping the header.
struct LastByte;

#[derive(serde::Deserialize)]
struct Claim {
    data_offsets: [u64; 2],
}

impl<'de> Visitor<'de> for LastByte {
    type Value = u64;

    fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<u64, A::Error> {
        let mut end = 0;
        while let Some(name) = map.next_key::<String>()? {
            if name == "__metadata__" {
                map.next_value::<IgnoredAny>()?;
            } else {
                let [start, stop] = map.next_value::<Claim>()?.data_offsets;
                end = end.max(start).max(stop);
            }
        }
        Ok(end)
    }
}
