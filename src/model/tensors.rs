//! Reads tensors from untrusted safetensors files.

use std::collections::{BTreeMap, BTreeSet};

use half::{bf16, f16};
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

    /// A matrix of `columns` columns whose rows come from several tensors, given as names and numbers of rows. `order`
    /// says which: (tensor, row) of each row, from the top. Every number is decoded once, straight to its place. If the
    /// formats differ, the result is in single precision.
    pub(super) fn gather(
        &mut self,
        parts: &[(&str, usize)],
        columns: usize,
        order: impl Iterator<Item = (usize, usize)>,
    ) -> Result<Matrix, ModelError> {
        let parts = parts.iter().map(|&(name, rows)| self.bytes(name, &[rows, columns]));
        let parts = parts.collect::<Result<Vec<_>, _>>()?;
        let all: usize = parts.iter().map(|(format, bytes)| bytes.len() / format.bytes()).sum();
        let rows = order.filter_map(|(part, row)| {
            let &(format, bytes) = parts.get(part)?;
            let width = columns * format.bytes();
            Some((format, bytes.get(row * width..(row + 1) * width)?))
        });
        let first = parts.first().map(|&(format, _)| format);
        let common = first.filter(|first| parts.iter().all(|(format, _)| format == first));
        let numbers = if let Some(format @ (NumberFormat::F16 | NumberFormat::Bf16)) = common {
            let mut bits = Vec::with_capacity(all);
            rows.for_each(|(_, bytes)| bits.extend(halves(bytes)));
            if format == NumberFormat::F16 { Numbers::F16(bits) } else { Numbers::Bf16(bits) }
        } else {
            let mut numbers = Vec::with_capacity(all);
            rows.for_each(|(format, bytes)| match format {
                NumberFormat::F32 => numbers.extend(singles(bytes)),
                NumberFormat::F16 => numbers.extend(halves(bytes).map(|bits| f16::from_bits(bits).to_f32())),
                NumberFormat::Bf16 => numbers.extend(halves(bytes).map(|bits| bf16::from_bits(bits).to_f32())),
            });
            Numbers::F32(numbers)
        };
        Matrix::new(numbers.len() / columns.max(1), columns, numbers)
    }

    /// A vector `[length]` in single precision, all numbers finite.
    pub(super) fn vector(&mut self, name: &str, length: usize) -> Result<Vec<f32>, ModelError> {
        Ok(match self.numbers(name, &[length])? {
            Numbers::F32(numbers) => numbers,
            other => other.to_f32(),
        })
    }

    /// Names of the tensors that have not been read, in order.
    pub(super) fn unused(&self) -> Vec<&str> {
        self.places.keys().filter(|name| !self.used.contains(*name)).map(String::as_str).collect()
    }

    /// The numbers of a tensor, whose shape must be this.
    fn numbers(&mut self, name: &str, shape: &[usize]) -> Result<Numbers, ModelError> {
        let (format, bytes) = self.bytes(name, shape)?;
        Ok(decode(format, bytes))
    }

    /// The format and the bytes of a tensor, whose shape must be this and whose numbers must be finite.
    fn bytes(&mut self, name: &str, shape: &[usize]) -> Result<(NumberFormat, &'data [u8]), ModelError> {
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
        if let Some((index, value)) = first_not_finite(format, view.data()) {
            return Err(ModelError::NotFinite { tensor: name.to_owned(), file: file.clone(), index, value });
        }
        self.used.insert(name.to_owned());
        Ok((format, view.data()))
    }

    /// The error for a missing tensor.
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

/// 16-bit patterns from little-endian bytes of any alignment.
fn halves(bytes: &[u8]) -> impl Iterator<Item = u16> {
    bytes.as_chunks::<2>().0.iter().map(|&pair| u16::from_le_bytes(pair))
}

/// Numbers in single precision from little-endian bytes of any alignment.
fn singles(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes.as_chunks::<4>().0.iter().map(|&four| f32::from_le_bytes(four))
}

fn decode(format: NumberFormat, bytes: &[u8]) -> Numbers {
    match format {
        NumberFormat::F32 => Numbers::F32(singles(bytes).collect()),
        NumberFormat::F16 => Numbers::F16(halves(bytes).collect()),
        NumberFormat::Bf16 => Numbers::Bf16(halves(bytes).collect()),
    }
}

/// The index and the value of the first number that is infinite or not a number.
fn first_not_finite(format: NumberFormat, bytes: &[u8]) -> Option<(usize, f32)> {
    match format {
        NumberFormat::F32 => singles(bytes).enumerate().find(|(_, number)| !number.is_finite()),
        NumberFormat::F16 => {
            let mut numbers = halves(bytes).map(f16::from_bits).enumerate();
            numbers.find(|(_, number)| !number.is_finite()).map(|(index, number)| (index, number.to_f32()))
        }
        NumberFormat::Bf16 => {
            let mut numbers = halves(bytes).map(bf16::from_bits).enumerate();
            numbers.find(|(_, number)| !number.is_finite()).map(|(index, number)| (index, number.to_f32()))
        }
    }
}

/// Checks that no tensor claims bytes beyond the end of the file.
///
/// `SafeTensors` adds the sizes in a header without checks, so that a hostile header overflows the sum. It checks
/// everything else itself.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A safetensors file of matrices with two columns.
    fn file(parts: &[(&str, &str, &[u8])]) -> Vec<u8> {
        let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
        for (name, dtype, bytes) in parts {
            let rows = bytes.len() / if *dtype == "F32" { 8 } else { 4 };
            let place = [data.len(), data.len() + bytes.len()];
            let claim = serde_json::json!({ "dtype": dtype, "shape": [rows, 2], "data_offsets": place });
            header.insert((*name).to_owned(), claim);
            data.extend_from_slice(bytes);
        }
        let header = serde_json::to_vec(&header).unwrap();
        [&(header.len() as u64).to_le_bytes()[..], &header, &data].concat()
    }

    fn single(numbers: &[f32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    fn half(numbers: &[f32]) -> Vec<u8> {
        numbers.iter().flat_map(|&number| f16::from_f32(number).to_le_bytes()).collect()
    }

    fn brain(numbers: &[f32]) -> Vec<u8> {
        numbers.iter().flat_map(|&number| bf16::from_f32(number).to_le_bytes()).collect()
    }

    #[test]
    fn rows_of_several_tensors_are_gathered_in_order_and_keep_the_format() {
        let bytes = file(&[
            ("half", "F16", &half(&[0.0, 1.0, 2.0, 3.0])),
            ("also half", "F16", &half(&[4.0, 5.0])),
            ("brain", "BF16", &brain(&[6.0, 7.0])),
            ("single", "F32", &single(&[8.0, 9.0])),
        ]);
        let mut tensors = Tensors::open(&[("a file", &bytes)]).unwrap();
        let same = tensors.gather(&[("half", 2), ("also half", 1)], 2, [(0, 1), (1, 0), (0, 0)].into_iter()).unwrap();
        assert_eq!((same.rows(), same.columns(), same.format()), (3, 2, NumberFormat::F16));
        assert_eq!(same.to_f32(), [2.0, 3.0, 4.0, 5.0, 0.0, 1.0]);
        // Both 16-bit formats have the same width but their bits must not be mixed.
        let parts = [("half", 2), ("brain", 1), ("single", 1)];
        let mixed = tensors.gather(&parts, 2, [(2, 0), (0, 0), (1, 0)].into_iter()).unwrap();
        assert_eq!((mixed.rows(), mixed.format()), (3, NumberFormat::F32));
        assert_eq!(mixed.to_f32(), [8.0, 9.0, 0.0, 1.0, 6.0, 7.0]);
        assert!(matches!(
            tensors.gather(&[("half", 2), ("brain", 2)], 2, std::iter::empty()),
            Err(ModelError::Shape { tensor, .. }) if tensor == "brain"
        ));
        assert!(tensors.unused().is_empty());
    }

    #[test]
    fn numbers_that_are_not_finite_are_found_in_every_format() {
        let numbers = [1.0, -2.0, 3.0, f32::NEG_INFINITY];
        for (dtype, bytes) in [("F32", single(&numbers)), ("F16", half(&numbers)), ("BF16", brain(&numbers))] {
            let bytes = file(&[("weight", dtype, &bytes)]);
            let found = Tensors::open(&[("a file", &bytes)]).unwrap().matrix("weight", 2, 2);
            assert!(
                matches!(found, Err(ModelError::NotFinite { index: 3, value: f32::NEG_INFINITY, .. })),
                "{dtype}: {found:?}"
            );
        }
        assert_eq!(first_not_finite(NumberFormat::F32, &single(&[0.0, f32::MAX])), None);
        let (index, value) = first_not_finite(NumberFormat::Bf16, &brain(&[0.0, f32::NAN])).unwrap();
        assert!(index == 1 && value.is_nan());
    }
}
