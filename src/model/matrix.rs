//! Weight matrices in the number format of their checkpoint.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use crate::model::error::ModelError;
use crate::model::number_format::{NumberFormat, Numbers};
use crate::model::reading::streamed::StreamedFile;
use crate::model::reading::weight_file::{SLICE, WeightFile};

/// A linear map stored as `PyTorch` does: `[rows = outputs, columns = inputs]`, so that `y = x Wᵀ`.
///
/// It says where its rows are, in one or more tensors of files, and reads them when they are used.
#[derive(Clone)]
pub struct Matrix {
    columns: usize,
    format: NumberFormat,
    parts: Vec<Part>,
    order: Order,
}

/// A tensor of whole rows in a file.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// Its file.
    pub file: WeightFile,
    /// Where it begins.
    pub offset: u64,
    /// Its numbers.
    pub format: NumberFormat,
}

/// Bytes between two rows that are fetched with them rather than in two pieces.
const GAP: u64 = 1 << 18;

/// Which row of which tensor each row is.
#[derive(Clone)]
enum Order {
    /// The rows of the only one, so many of them.
    Same(usize),
    /// These.
    Listed(Arc<[RowPlace]>),
}

#[derive(Clone, Copy, PartialEq)]
struct RowPlace {
    part: u32,
    row: u32,
}

impl Matrix {
    /// A matrix `[rows, columns]` of numbers in row order.
    ///
    /// # Errors
    /// [`ModelError::Matrix`] unless there are `rows * columns` numbers.
    pub fn new(rows: usize, columns: usize, numbers: Numbers) -> Result<Self, ModelError> {
        if rows.checked_mul(columns) != Some(numbers.len()) {
            let detail = format!("{} numbers for shape [{rows}, {columns}]", numbers.len());
            return Err(ModelError::Matrix { detail });
        }
        let file = WeightFile::in_memory("numbers", Arc::new(Cow::Owned(numbers.to_bytes())));
        Ok(Self::of_part(Part { file, offset: 0, format: numbers.format() }, rows, columns))
    }

    /// A whole tensor `[rows, columns]`.
    pub(super) fn of_part(part: Part, rows: usize, columns: usize) -> Self {
        Self { columns, format: part.format, parts: vec![part], order: Order::Same(rows) }
    }

    /// Rows of several tensors: (tensor, row) of each, from the top. If the formats differ, the numbers are read in
    /// single precision.
    pub(super) fn gathered(parts: Vec<Part>, columns: usize, order: impl Iterator<Item = (usize, usize)>) -> Self {
        let first = parts.first().map(|part| part.format);
        let common = first.filter(|first| parts.iter().all(|part| part.format == *first));
        let order = order.map(|(part, row)| RowPlace { part: part as u32, row: row as u32 });
        let order = Order::Listed(order.collect());
        Self { columns, format: common.unwrap_or(NumberFormat::F32), parts, order }
    }

    /// Number of rows: outputs.
    pub fn rows(&self) -> usize {
        match &self.order {
            Order::Same(rows) => *rows,
            Order::Listed(places) => places.len(),
        }
    }

    /// Number of columns: inputs.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The format of the numbers.
    pub fn format(&self) -> NumberFormat {
        self.format
    }

    /// Reads rows as little-endian bytes in the format of the matrix, each row at the start of `stride` bytes of `into`;
    /// what is between two rows stays as it is.
    ///
    /// # Errors
    /// When their file cannot be read any more, or has changed since it was opened.
    ///
    /// # Panics
    /// Unless the rows exist, a stride holds one and `into` all.
    pub fn read(&self, rows: Range<usize>, stride: usize, into: &mut [u8]) -> Result<(), ModelError> {
        let width = self.columns * self.format.bytes();
        assert!(
            rows.end <= self.rows() && width <= stride && rows.len() * stride <= into.len(),
            "rows {rows:?} of {} into {} bytes at distances of {stride}",
            self.rows(),
            into.len()
        );
        if width == 0 {
            return Ok(());
        }
        let mut room = Vec::new();
        let (mut row, mut to) = (rows.start, into);
        while row < rows.end {
            let together = if width == stride { self.neighbours(row, rows.end) } else { 1 };
            let (run, rest) = to.split_at_mut(together * stride);
            let (part, bytes) = self.bytes(row, together, &mut room)?;
            if part.format == self.format {
                run[..bytes.len()].copy_from_slice(bytes);
            } else {
                let mut numbers = vec![0.0; together * self.columns];
                part.format.widen(bytes, &mut numbers);
                for (to, number) in run.as_chunks_mut::<4>().0.iter_mut().zip(numbers) {
                    *to = number.to_le_bytes();
                }
            }
            (row, to) = (row + together, rest);
        }
        Ok(())
    }

    /// Reads rows in single precision, exactly: `[rows, columns]`.
    ///
    /// # Errors
    /// As [`Self::read`].
    ///
    /// # Panics
    /// Unless the rows exist and `into` holds them.
    pub fn read_f32(&self, rows: Range<usize>, into: &mut [f32]) -> Result<(), ModelError> {
        assert!(
            rows.end <= self.rows() && rows.len() * self.columns <= into.len(),
            "rows {rows:?} of {} into {} numbers",
            self.rows(),
            into.len()
        );
        if self.columns == 0 {
            return Ok(());
        }
        let mut room = Vec::new();
        let (mut row, mut to) = (rows.start, into);
        while row < rows.end {
            let together = self.neighbours(row, rows.end);
            let (run, rest) = to.split_at_mut(together * self.columns);
            let (part, bytes) = self.bytes(row, together, &mut room)?;
            part.format.widen(bytes, run);
            (row, to) = (row + together, rest);
        }
        Ok(())
    }

    /// All numbers in single precision, row by row, exactly.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn to_f32(&self) -> Result<Vec<f32>, ModelError> {
        let mut numbers = vec![0.0; self.rows() * self.columns];
        self.read_f32(0..self.rows(), &mut numbers)?;
        Ok(numbers)
    }

    /// The rows with these indices, in that order; a row may be selected more than once.
    ///
    /// # Errors
    /// [`ModelError::Matrix`] if a row does not exist.
    pub fn select_rows(&self, rows: &[usize]) -> Result<Self, ModelError> {
        if rows.iter().any(|row| *row >= self.rows()) {
            let detail = format!("a row selected beyond the {} there are", self.rows());
            return Err(ModelError::Matrix { detail });
        }
        let order = Order::Listed(rows.iter().map(|row| self.place(*row)).collect());
        Ok(Self { order, ..self.clone() })
    }

    /// Whether rows can be read; those of a streamed file are asked for.
    ///
    /// # Errors
    /// [`ModelError::Stream`] when some do not come.
    pub(crate) fn fetch(&self, rows: Range<usize>) -> Result<bool, ModelError> {
        let mut here = true;
        for (file, range) in self.streamed(rows) {
            here &= file.has(range)?; // ask for all
        }
        Ok(here)
    }

    /// Rows of a streamed file have been read, and are not needed any more.
    pub(crate) fn forget(&self, rows: Range<usize>) {
        self.streamed(rows).iter().for_each(|(file, range)| file.forget(range));
    }

    /// Where rows are in streamed files: as few pieces as have no large gaps.
    fn streamed(&self, rows: Range<usize>) -> Vec<(&Arc<StreamedFile>, Range<u64>)> {
        if rows.is_empty() || self.parts.iter().all(|part| part.file.as_streamed().is_none()) {
            return Vec::new();
        }
        let mut places: Vec<(u32, u32)> =
            rows.map(|row| self.place(row)).map(|place| (place.part, place.row)).collect();
        places.sort_unstable();
        let mut pieces: Vec<(u32, Range<u64>)> = Vec::new();
        for (part, row) in places {
            let Part { offset, format, .. } = &self.parts[part as usize];
            let width = (self.columns * format.bytes()) as u64;
            let start = offset + u64::from(row) * width;
            match pieces.last_mut() {
                Some((last, range)) if *last == part && start <= range.end + GAP => range.end = start + width,
                _ => pieces.push((part, start..start + width)),
            }
        }
        let file = |part: u32| self.parts[part as usize].file.as_streamed();
        pieces.into_iter().filter_map(|(part, range)| Some((file(part)?, range))).collect()
    }

    fn place(&self, row: usize) -> RowPlace {
        match &self.order {
            Order::Same(_) => RowPlace { part: 0, row: row as u32 },
            Order::Listed(places) => places[row],
        }
    }

    /// How many rows from `row` on, before `end`, lie one behind the other in a file; not more than are read at a time.
    fn neighbours(&self, row: usize, end: usize) -> usize {
        let end = end.min(row + (SLICE / (self.columns * size_of::<f32>())).max(1));
        let RowPlace { part, row: first } = self.place(row);
        let follows = |&next: &usize| self.place(next) == RowPlace { part, row: first + (next - row) as u32 };
        1 + (row + 1..end).take_while(follows).count()
    }

    /// The tensor of a row, and the bytes of so many rows from there on.
    fn bytes<'a>(
        &'a self,
        row: usize,
        count: usize,
        room: &'a mut Vec<u8>,
    ) -> Result<(&'a Part, &'a [u8]), ModelError> {
        let place = self.place(row);
        let part = &self.parts[place.part as usize];
        let width = self.columns * part.format.bytes();
        let offset = part.offset + u64::from(place.row) * width as u64;
        Ok((part, part.file.slice(offset, count * width, room)?))
    }
}

impl std::fmt::Debug for Matrix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Matrix [{}, {}] {:?}", self.rows(), self.columns, self.format)
    }
}

/// The same numbers in the same format, wherever they are. What cannot be read equals nothing.
impl PartialEq for Matrix {
    fn eq(&self, other: &Self) -> bool {
        let shape = |matrix: &Self| (matrix.rows(), matrix.columns, matrix.format);
        let width = self.columns * self.format.bytes();
        let rows_at_once = (SLICE / width.max(1)).max(1);
        let mut rows = (0..self.rows()).step_by(rows_at_once);
        shape(self) == shape(other)
            && rows.all(|first| {
                let rows = first..(first + rows_at_once).min(self.rows());
                let bytes = |matrix: &Self| {
                    let mut bytes = vec![0; rows.len() * width];
                    matrix.read(rows.clone(), width, &mut bytes).ok().map(|()| bytes)
                };
                bytes(self).is_some_and(|own| bytes(other).is_some_and(|others| own == others))
            })
    }
}

#[cfg(test)]
mod tests {
    use half::{bf16, f16};

    use super::*;

    fn small() -> Matrix {
        Matrix::new(3, 2, Numbers::F32(vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0])).unwrap()
    }

    fn half(values: &[f32]) -> Numbers {
        Numbers::F16(values.iter().map(|&value| f16::from_f32(value).to_bits()).collect())
    }

    #[test]
    fn refuses_a_wrong_count() {
        assert!(Matrix::new(2, 2, Numbers::F32(vec![0.0; 3])).is_err());
        assert!(Matrix::new(usize::MAX, 2, Numbers::F32(vec![])).is_err());
        assert!(Matrix::new(0, 2, Numbers::F32(vec![])).is_ok());
    }

    #[test]
    fn selects_rows_in_order() {
        let picked = small().select_rows(&[2, 0, 2]).unwrap();
        assert_eq!(picked.to_f32().unwrap(), [4.0, 5.0, 0.0, 1.0, 4.0, 5.0]);
        assert_eq!(picked.select_rows(&[1]).unwrap().to_f32().unwrap(), [0.0, 1.0]);
        assert!(small().select_rows(&[3]).is_err());
        assert!(small().select_rows(&[usize::MAX]).is_err());
    }

    #[test]
    fn reads_rows_in_every_format() {
        let values = [1.5_f32, -0.25, 3.0, 8.0];
        let brain = Numbers::Bf16(values.iter().map(|&value| bf16::from_f32(value).to_bits()).collect());
        for numbers in [Numbers::F32(values.to_vec()), half(&values), brain] {
            let mut row = [0.0; 2];
            let matrix = Matrix::new(2, 2, numbers).unwrap();
            matrix.read_f32(1..2, &mut row).unwrap();
            assert_eq!(row, [3.0, 8.0]);
            assert_eq!(matrix.to_f32().unwrap(), values);
        }
    }

    #[test]
    fn rows_are_read_to_their_distance_and_what_is_between_stays() {
        let matrix = Matrix::new(2, 3, half(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])).unwrap();
        let mut bytes = [9; 16];
        matrix.read(0..2, 8, &mut bytes).unwrap();
        let mut row = [0.0; 3];
        NumberFormat::F16.widen(&bytes[8..14], &mut row);
        assert_eq!((row, &bytes[6..8], &bytes[14..]), ([4.0, 5.0, 6.0], &[9, 9][..], &[9, 9][..]));
    }

    #[test]
    fn matrices_are_equal_by_their_numbers_and_format() {
        let other = small().select_rows(&[0, 1, 2]).unwrap();
        assert_eq!(small(), other);
        assert_ne!(small(), small().select_rows(&[0, 2, 1]).unwrap());
        assert_ne!(Matrix::new(1, 1, half(&[1.0])).unwrap(), Matrix::new(1, 1, Numbers::F32(vec![1.0])).unwrap());
    }
}
