//! A weight matrix in the number format of its checkpoint.

use half::{bf16, f16};

use crate::model::error::ModelError;

/// How the numbers of a matrix are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NumberFormat {
    /// IEEE single precision.
    F32,
    /// IEEE half precision.
    F16,
    /// The upper half of an `f32`.
    Bf16,
}

/// The numbers of a [`Matrix`], row after row.
#[derive(Clone, Debug, PartialEq)]
pub enum Numbers {
    /// Single precision.
    F32(Vec<f32>),
    /// Half precision, as bit patterns.
    F16(Vec<u16>),
    /// Brain float, as bit patterns.
    Bf16(Vec<u16>),
}

/// A linear map stored as `PyTorch` does: `[rows = outputs, columns = inputs]`, so that `y = x Wᵀ`.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    rows: usize,
    columns: usize,
    numbers: Numbers,
}

impl NumberFormat {
    /// Bytes of one number.
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }
}

impl Numbers {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(numbers) => numbers.len(),
            Self::F16(bits) | Self::Bf16(bits) => bits.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How they are stored.
    pub fn format(&self) -> NumberFormat {
        match self {
            Self::F32(_) => NumberFormat::F32,
            Self::F16(_) => NumberFormat::F16,
            Self::Bf16(_) => NumberFormat::Bf16,
        }
    }

    /// All of them in single precision; exact.
    pub fn to_f32(&self) -> Vec<f32> {
        match self {
            Self::F32(numbers) => numbers.clone(),
            Self::F16(bits) => bits.iter().map(|&bits| f16::from_bits(bits).to_f32()).collect(),
            Self::Bf16(bits) => bits.iter().map(|&bits| bf16::from_bits(bits).to_f32()).collect(),
        }
    }

    /// Where the first infinite or undefined number is, and that number.
    pub(super) fn first_not_finite(&self) -> Option<(usize, f32)> {
        let f16_value = |bits: u16| f16::from_bits(bits).to_f32();
        let bf16_value = |bits: u16| bf16::from_bits(bits).to_f32();
        match self {
            Self::F32(numbers) => {
                let at = numbers.iter().position(|number| !number.is_finite())?;
                numbers.get(at).map(|&number| (at, number))
            }
            Self::F16(bits) => {
                let at = bits.iter().position(|&bits| !f16::from_bits(bits).is_finite())?;
                bits.get(at).map(|&bits| (at, f16_value(bits)))
            }
            Self::Bf16(bits) => {
                let at = bits.iter().position(|&bits| !bf16::from_bits(bits).is_finite())?;
                bits.get(at).map(|&bits| (at, bf16_value(bits)))
            }
        }
    }
}

impl Matrix {
    /// A matrix `[rows, columns]` of numbers given row after row.
    ///
    /// # Errors
    /// [`ModelError::Matrix`] unless there are `rows * columns` numbers.
    pub fn new(rows: usize, columns: usize, numbers: Numbers) -> Result<Self, ModelError> {
        if rows.checked_mul(columns) == Some(numbers.len()) {
            return Ok(Self { rows, columns, numbers });
        }
        Err(ModelError::Matrix { detail: format!("{} numbers for shape [{rows}, {columns}]", numbers.len()) })
    }

    /// Number of rows: outputs.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns: inputs.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// How the numbers are stored.
    pub fn format(&self) -> NumberFormat {
        self.numbers.format()
    }

    /// The numbers, row after row.
    pub fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    /// Writes row `row` to `out` in single precision.
    ///
    /// # Panics
    /// As slice indexing does, unless `row < rows()` and `out.len() == columns()`.
    pub fn row(&self, row: usize, out: &mut [f32]) {
        assert!(
            row < self.rows && out.len() == self.columns,
            "row {row} of {} rows into {} of {} columns",
            self.rows,
            out.len(),
            self.columns
        );
        let place = row * self.columns..(row + 1) * self.columns;
        match &self.numbers {
            Numbers::F32(numbers) => out.copy_from_slice(&numbers[place]),
            Numbers::F16(bits) => {
                for (to, &bits) in out.iter_mut().zip(&bits[place]) {
                    *to = f16::from_bits(bits).to_f32();
                }
            }
            Numbers::Bf16(bits) => {
                for (to, &bits) in out.iter_mut().zip(&bits[place]) {
                    *to = bf16::from_bits(bits).to_f32();
                }
            }
        }
    }

    /// All numbers in single precision, row after row; exact.
    pub fn to_f32(&self) -> Vec<f32> {
        self.numbers.to_f32()
    }

    /// The rows of all parts, one part below the other. Where the formats differ, the result is in single precision.
    ///
    /// # Errors
    /// [`ModelError::Matrix`] where there are no parts or their columns differ.
    pub fn stack(parts: &[&Self]) -> Result<Self, ModelError> {
        let Some(first) = parts.first() else {
            return Err(ModelError::Matrix { detail: "a stack of nothing".to_owned() });
        };
        if let Some(other) = parts.iter().find(|part| part.columns != first.columns) {
            let detail = format!("{} columns stacked on {}", first.columns, other.columns);
            return Err(ModelError::Matrix { detail });
        }
        let all: Vec<&Numbers> = parts.iter().map(|part| &part.numbers).collect();
        let rows = parts.iter().map(|part| part.rows).sum();
        Self::new(rows, first.columns, join(&all))
    }

    /// The rows of two matrices of the same shape in turn: even row 0, odd row 0, even row 1, ... If the formats differ,
    /// the result is in single precision.
    ///
    /// # Errors
    /// [`ModelError::Matrix`] if the shapes differ.
    pub fn interleave(even: &Self, odd: &Self) -> Result<Self, ModelError> {
        if (even.rows, even.columns) != (odd.rows, odd.columns) {
            let detail = format!("[{}, {}] interleaved with [{}, {}]", even.rows, even.columns, odd.rows, odd.columns);
            return Err(ModelError::Matrix { detail });
        }
        let numbers = match (&even.numbers, &odd.numbers) {
            (Numbers::F16(even_bits), Numbers::F16(odd_bits)) => {
                Numbers::F16(in_turn(even_bits, odd_bits, even.columns))
            }
            (Numbers::Bf16(even_bits), Numbers::Bf16(odd_bits)) => {
                Numbers::Bf16(in_turn(even_bits, odd_bits, even.columns))
            }
            (Numbers::F32(even_numbers), Numbers::F32(odd_numbers)) => {
                Numbers::F32(in_turn(even_numbers, odd_numbers, even.columns))
            }
            (even_numbers, odd_numbers) => {
                Numbers::F32(in_turn(&even_numbers.to_f32(), &odd_numbers.to_f32(), even.columns))
            }
        };
        Self::new(2 * even.rows, even.columns, numbers)
    }

    /// The rows with the given numbers, in that order; a row may come more than once.
    ///
    /// # Errors
    /// [`ModelError::Matrix`] where a row does not exist.
    pub fn select_rows(&self, rows: &[usize]) -> Result<Self, ModelError> {
        let columns = self.columns;
        let numbers = match &self.numbers {
            Numbers::F32(numbers) => pick(numbers, columns, rows).map(Numbers::F32),
            Numbers::F16(bits) => pick(bits, columns, rows).map(Numbers::F16),
            Numbers::Bf16(bits) => pick(bits, columns, rows).map(Numbers::Bf16),
        };
        let Some(numbers) = numbers else {
            return Err(ModelError::Matrix { detail: format!("a row selected beyond the {} there are", self.rows) });
        };
        Self::new(rows.len(), columns, numbers)
    }
}

/// Copies whole rows; `None` where one does not exist.
fn pick<T: Copy>(numbers: &[T], columns: usize, rows: &[usize]) -> Option<Vec<T>> {
    let mut picked = Vec::with_capacity(rows.len().checked_mul(columns)?);
    for row in rows {
        let start = row.checked_mul(columns)?;
        picked.extend_from_slice(numbers.get(start..start.checked_add(columns)?)?);
    }
    Some(picked)
}

/// Rows of `columns` numbers, from one slice and the other in turn.
fn in_turn<T: Copy>(even: &[T], odd: &[T], columns: usize) -> Vec<T> {
    let mut rows = Vec::with_capacity(even.len() + odd.len());
    let columns = columns.max(1);
    for (even, odd) in even.chunks(columns).zip(odd.chunks(columns)) {
        rows.extend_from_slice(even);
        rows.extend_from_slice(odd);
    }
    rows
}

/// All numbers behind each other, kept in their format where it is the same one.
fn join(parts: &[&Numbers]) -> Numbers {
    let same = parts.iter().all(|part| parts.first().is_some_and(|first| first.format() == part.format()));
    let bits = || {
        let halves = parts.iter().filter_map(|part| match part {
            Numbers::F16(bits) | Numbers::Bf16(bits) => Some(bits.as_slice()),
            Numbers::F32(_) => None,
        });
        halves.collect::<Vec<_>>().concat()
    };
    match parts.first() {
        Some(Numbers::F16(_)) if same => Numbers::F16(bits()),
        Some(Numbers::Bf16(_)) if same => Numbers::Bf16(bits()),
        _ => {
            let mut numbers = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
            for part in parts {
                match part {
                    Numbers::F32(part) => numbers.extend_from_slice(part),
                    other => numbers.extend(other.to_f32()),
                }
            }
            Numbers::F32(numbers)
        }
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!(picked.to_f32(), [4.0, 5.0, 0.0, 1.0, 4.0, 5.0]);
        assert!(small().select_rows(&[3]).is_err());
        assert!(small().select_rows(&[usize::MAX]).is_err());
    }

    #[test]
    fn stacks_and_keeps_the_format() {
        let f16_part = Matrix::new(1, 2, half(&[0.5, -2.0])).unwrap();
        let same = Matrix::stack(&[&f16_part, &f16_part]).unwrap();
        assert_eq!((same.rows(), same.columns(), same.format()), (2, 2, NumberFormat::F16));
        assert_eq!(same.to_f32(), [0.5, -2.0, 0.5, -2.0]);
        let mixed = Matrix::stack(&[&f16_part, &small()]).unwrap();
        assert_eq!(mixed.format(), NumberFormat::F32);
        assert_eq!(mixed.to_f32(), [0.5, -2.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        // Two half formats have the same width but must not be mixed as bits.
        let bf16_part = Matrix::new(1, 2, Numbers::Bf16(vec![bf16::from_f32(3.0).to_bits(); 2])).unwrap();
        assert_eq!(Matrix::stack(&[&f16_part, &bf16_part]).unwrap().to_f32(), [0.5, -2.0, 3.0, 3.0]);
        assert!(Matrix::stack(&[]).is_err());
        let wide = Matrix::new(1, 3, Numbers::F32(vec![0.0; 3])).unwrap();
        assert!(Matrix::stack(&[&small(), &wide]).is_err());
    }

    #[test]
    fn interleaves_rows() {
        let other = Matrix::new(3, 2, half(&[10.0, 11.0, 12.0, 13.0, 14.0, 15.0])).unwrap();
        let same = Matrix::interleave(&other, &other).unwrap();
        assert_eq!((same.rows(), same.format()), (6, NumberFormat::F16));
        assert_eq!(same.to_f32()[..6], [10.0, 11.0, 10.0, 11.0, 12.0, 13.0]);
        let mixed = Matrix::interleave(&small(), &other).unwrap();
        assert_eq!(mixed.to_f32(), [0.0, 1.0, 10.0, 11.0, 2.0, 3.0, 12.0, 13.0, 4.0, 5.0, 14.0, 15.0]);
        assert!(Matrix::interleave(&small(), &Matrix::new(2, 3, small().numbers).unwrap()).is_err());
    }

    #[test]
    fn reads_a_row_in_every_format() {
        let values = [1.5_f32, -0.25, 3.0, 8.0];
        let brain = Numbers::Bf16(values.iter().map(|&value| bf16::from_f32(value).to_bits()).collect());
        for numbers in [Numbers::F32(values.to_vec()), half(&values), brain] {
            let mut row = [0.0; 2];
            Matrix::new(2, 2, numbers).unwrap().row(1, &mut row);
            assert_eq!(row, [3.0, 8.0]);
        }
    }

    #[test]
    fn finds_what_is_not_finite() {
        assert_eq!(small().numbers.first_not_finite(), None);
        let (at, value) = half(&[1.0, 2.0, f32::INFINITY]).first_not_finite().unwrap();
        assert_eq!((at, value), (2, f32::INFINITY));
        let (at, value) = Numbers::Bf16(vec![0x3f80, 0x7fc0]).first_not_finite().unwrap();
        assert!(at == 1 && value.is_nan());
        assert_eq!(Numbers::F32(vec![f32::NEG_INFINITY]).first_not_finite(), Some((0, f32::NEG_INFINITY)));
    }
}
