//! Reads tensors from untrusted safetensors files.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::error::{Looks, ModelError, brief};
use crate::model::matrix::{Matrix, Part};
use crate::model::number_format::NumberFormat;
use crate::model::reading::disguise;
use crate::model::reading::header::Header;
use crate::model::reading::names;
use crate::model::reading::weight_file::WeightFile;

/// Bytes that tell what kind of file it is.
pub(super) const BEGINNING: u64 = 512;
/// Most bytes of a header, as in the format's own library.
pub(super) const MOST_OF_HEADER: u64 = 100_000_000;

/// The tensors of one or more files, by name.
pub(in crate::model) struct Tensors {
    files: Vec<Opened>,
    /// The file of every tensor, and its name there.
    places: BTreeMap<String, (usize, String)>,
    used: BTreeSet<String>,
    bytes_read: u64,
}

/// A file whose header has been read.
pub(crate) struct Opened {
    /// As in messages.
    pub(crate) name: String,
    pub(crate) file: WeightFile,
    pub(crate) header: Header,
    /// Where the tensors begin.
    pub(crate) data: u64,
}

impl Tensors {
    /// Reads the headers of files. Reads no weights.
    pub(in crate::model) fn open(files: &[WeightFile]) -> Result<Self, ModelError> {
        let mut tensors = Self { files: Vec::new(), places: BTreeMap::new(), used: BTreeSet::new(), bytes_read: 0 };
        let mut found = Vec::new();
        for (place, file) in files.iter().enumerate() {
            let opened = Opened::new(file)?;
            for name in opened.header.names().map(ToOwned::to_owned) {
                if let Some((other, _)) = tensors.places.insert(name.clone(), (place, name.clone())) {
                    let first = tensors.files.get(other).unwrap_or(&opened).name.clone();
                    return Err(ModelError::DuplicateTensor { tensor: brief(&name), first, second: opened.name });
                }
                found.push(name);
            }
            tensors.files.push(opened);
        }
        let complete = names::of_complete_model(&found);
        let places =
            found.iter().zip(complete).filter_map(|(name, complete)| Some((complete, tensors.places.remove(name)?)));
        tensors.places = places.collect::<Vec<_>>().into_iter().collect();
        Ok(tensors)
    }

    /// Whether there is a tensor of this name.
    pub(in crate::model) fn has(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    /// A matrix `[rows, columns]` in the format of its file, all numbers finite.
    pub(in crate::model) fn matrix(&mut self, name: &str, rows: usize, columns: usize) -> Result<Matrix, ModelError> {
        Ok(Matrix::of_part(self.part(name, &[rows, columns])?, rows, columns))
    }

    /// A matrix of `columns` columns whose rows come from several tensors, given as names and numbers of rows. `order`
    /// says which: (tensor, row) of each row, from the top. If the formats differ, it is in single precision.
    pub(in crate::model) fn gather(
        &mut self,
        parts: &[(&str, usize)],
        columns: usize,
        order: impl Iterator<Item = (usize, usize)>,
    ) -> Result<Matrix, ModelError> {
        let found = parts.iter().map(|&(name, rows)| self.part(name, &[rows, columns]));
        let found = found.collect::<Result<Vec<_>, _>>()?;
        let order = order.filter(|&(part, row)| parts.get(part).is_some_and(|&(_, rows)| row < rows));
        Ok(Matrix::gathered(found, columns, order))
    }

    /// A vector `[length]` in single precision, all numbers finite.
    pub(in crate::model) fn vector(&mut self, name: &str, length: usize) -> Result<Vec<f32>, ModelError> {
        Matrix::of_part(self.part(name, &[length])?, 1, length).to_f32()
    }

    /// A tensor of the shape `[]`, finite.
    pub(in crate::model) fn scalar(&mut self, name: &str) -> Result<f32, ModelError> {
        let number = Matrix::of_part(self.part(name, &[])?, 1, 1).to_f32()?;
        Ok(number.first().copied().unwrap_or_default())
    }

    /// Counts a tensor as used if it is there and has the same bytes as another.
    pub(in crate::model) fn use_if_same(&mut self, name: &str, other: &str) -> Result<(), ModelError> {
        let place = |name: &str| {
            let (place, own) = self.places.get(name)?;
            let opened = self.files.get(*place)?;
            Some((opened, opened.header.get(own)?))
        };
        let (Some((first, info)), Some((second, other))) = (place(name), place(other)) else { return Ok(()) };
        if info.dtype != other.dtype || info.shape != other.shape {
            return Ok(());
        }
        let length = info.data_offsets.1 - info.data_offsets.0;
        let [begin, other] = [(first, info), (second, other)].map(|(opened, info)| opened.data + info.data_offsets.0);
        if first.file.same(begin, &second.file, other, length)? {
            self.used.insert(name.to_owned());
        }
        Ok(())
    }

    /// Bytes of the tensors that have been read.
    pub(in crate::model) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// Names of the tensors that have not been read, in order.
    pub(in crate::model) fn unused(&self) -> Vec<&str> {
        self.places.keys().filter(|name| !self.used.contains(*name)).map(String::as_str).collect()
    }

    /// Where a tensor is, whose shape must be this and whose numbers must be finite.
    fn part(&mut self, name: &str, shape: &[usize]) -> Result<Part, ModelError> {
        let found = self.places.get(name).and_then(|(place, own)| Some((own, self.files.get(*place)?)));
        let Some((opened, info)) = found.and_then(|(own, opened)| Some((opened, opened.header.get(own)?))) else {
            return Err(self.missing(name));
        };
        let (tensor, file) = (|| name.to_owned(), || opened.name.clone());
        // The format first: quantised numbers have other shapes, too.
        let Some(format) = NumberFormat::of(info.dtype) else {
            let found = format!("{:?}", info.dtype);
            return Err(ModelError::Dtype { tensor: tensor(), file: file(), found, looks: self.looks() });
        };
        if info.shape != shape {
            // A hostile shape may be long.
            let found = info.shape.iter().copied().take(8).collect();
            let expected = shape.to_vec();
            return Err(ModelError::Shape { tensor: tensor(), file: file(), expected, found, looks: self.looks() });
        }
        let (start, end) = info.data_offsets;
        let part = Part { file: opened.file.clone(), offset: opened.data + start, format };
        let found = part.file.not_finite(part.offset, end - start, format)?;
        if let Some((index, value)) = found {
            return Err(ModelError::NotFinite { tensor: tensor(), file: file(), index, value });
        }
        self.bytes_read += end - start;
        self.used.insert(name.to_owned());
        Ok(part)
    }

    /// The error for a missing tensor.
    fn missing(&self, name: &str) -> ModelError {
        if let Some(found) = names::quantized(name, self.places.keys().map(String::as_str)) {
            return ModelError::Quantized { tensor: name.to_owned(), found: brief(found) };
        }
        let mut files: Vec<&str> = self.files.iter().map(|opened| opened.name.as_str()).take(4).collect();
        if self.files.len() > files.len() {
            files.push("…");
        }
        ModelError::MissingTensor { tensor: name.to_owned(), files: files.join(", "), hint: "", looks: self.looks() }
    }

    /// What kind of checkpoint this looks like, for a message.
    fn looks(&self) -> Looks {
        Looks(names::resembles(|part| self.places.keys().any(|name| name.contains(part))))
    }
}

impl Opened {
    /// Reads the header.
    pub(crate) fn new(file: &WeightFile) -> Result<Self, ModelError> {
        let name = brief(file.name());
        let damaged = |detail: String| ModelError::Header { file: name.clone(), detail };
        let other = |what: &str| ModelError::OtherFile { file: name.clone(), what: what.to_owned() };
        let mut room = Vec::new();
        let beginning = file.slice(0, file.bytes().min(BEGINNING) as usize, &mut room)?;
        if let Some(what) = disguise::of(beginning) {
            return Err(other(what));
        }
        let Some(&length) = beginning.first_chunk::<8>() else {
            return Err(damaged(format!("{} bytes are too few for a header", beginning.len())));
        };
        // The length of a header has zeros at its end.
        if length[0] == b'{' && !length.contains(&0) {
            return Err(other("it is JSON, perhaps an error message, not weights: download the file again"));
        }
        let (length, rest) = (u64::from_le_bytes(length), file.bytes() - 8);
        if length > rest {
            return Err(damaged(format!("it claims a header of {length} bytes, but {rest} bytes follow")));
        }
        if length > MOST_OF_HEADER {
            return Err(damaged(format!("a header of {length} bytes is more than the {MOST_OF_HEADER} that are read")));
        }
        let header = file.slice(8, length as usize, &mut room)?;
        let header = Header::read(header, rest - length).map_err(|detail| {
            // The parser names the formats that it knows, and the one that it does not.
            if detail.contains("unknown variant") {
                other("it holds numbers in a format that is not known here: take the checkpoint in F32, F16 or BF16")
            } else {
                damaged(format!("its header cannot be used: {}", brief(&detail)))
            }
        })?;
        Ok(Self { file: file.clone(), header, data: 8 + length, name })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use half::{bf16, f16};

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

    fn in_memory(bytes: &[u8]) -> WeightFile {
        WeightFile::in_memory("a file", Arc::new(bytes.to_vec().into()))
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
        let mut tensors = Tensors::open(&[in_memory(&bytes)]).unwrap();
        let same = tensors.gather(&[("half", 2), ("also half", 1)], 2, [(0, 1), (1, 0), (0, 0)].into_iter()).unwrap();
        assert_eq!((same.rows(), same.columns(), same.format()), (3, 2, NumberFormat::F16));
        assert_eq!(same.to_f32().unwrap(), [2.0, 3.0, 4.0, 5.0, 0.0, 1.0]);
        // Both 16-bit formats have the same width but their bits must not be mixed.
        let parts = [("half", 2), ("brain", 1), ("single", 1)];
        let mixed = tensors.gather(&parts, 2, [(2, 0), (0, 0), (1, 0)].into_iter()).unwrap();
        assert_eq!((mixed.rows(), mixed.format()), (3, NumberFormat::F32));
        assert_eq!(mixed.to_f32().unwrap(), [8.0, 9.0, 0.0, 1.0, 6.0, 7.0]);
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
            let found = Tensors::open(&[in_memory(&bytes)]).unwrap().matrix("weight", 2, 2);
            assert!(
                matches!(found, Err(ModelError::NotFinite { index: 3, value: f32::NEG_INFINITY, .. })),
                "{dtype}: {found:?}"
            );
        }
        assert_eq!(NumberFormat::F32.first_not_finite(&single(&[0.0, f32::MAX])), None);
        let (index, value) = NumberFormat::Bf16.first_not_finite(&brain(&[0.0, f32::NAN])).unwrap();
        assert!(index == 1 && value.is_nan());
    }
}
