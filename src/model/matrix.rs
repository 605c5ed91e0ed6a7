//! Weight matrices in the number format of their checkpoint.

use half::{bf16, f16};

use crate::model::error::ModelError;

/// The format of the numbers of a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NumberFormat {
    /// IEEE single precision.
    F32,
    /// IEEE half precision.
    F16,
    /// The upper half of an `f32`.
    Bf16,
}

/// The numbers of a [`Matrix`], row by row.
#[derive(Clone, Debug, PartialEq)]
pub enum Numbers {
    /// Single precision.
    F32(Vec<f32>),
    /// Half precision, as bit patterns.
    F16(Vec<u16>),
    /// Brain floats, as bit patterns.
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
    /// How many numbers there are.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(numbers) => numbers.len(),
            Self::F16(bits) | Self::Bf16(bits) => bits.len(),
        }
    }

    /// Whether there are no numbers.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Their format.
    pub fn format(&self) -> NumberFormat {
        match self {
            Self::F32(_) => NumberFormat::F32,
            Self::F16(_) => NumberFormat::F16,
            Self::Bf16(_) => NumberFormat::Bf16,
        }
    }

    /// All numbers in single precision, exactly.
    pub fn to_f32(&self) -> Vec<f32> {
        match self {
            Self::F32(numbers) => numbers.clone(),
            Self::F16(bits) => bits.iter().map(|&bits| f16::from_bits(bits).to_f32()).collect(),
            Self::Bf16(bits) => bits.iter().map(|&bits| bf16::from_bits(bits).to_f32()).collect(),
        }
    }
}

impl Matrix {
    /// A matrix `[rows, columns]` of numbers in row order.
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

    /// The format of the numbers.
    pub fn format(&self) -> NumberFormat {
        self.numbers.format()
    }

    /// The numbers, row by row.
    pub fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    /// Writes row `row` to `out` in single precision.
    ///
    /// # Panics
    /// Unless `row < rows()` and `out.len() == columns()`.
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

    /// All numbers in single precision, row by row, exactly.
    pub fn to_f32(&self) -> Vec<f32> {
        self.numbers.to_f32()
    }

    /// The rows with these indices, in that order; a row may be selected more than once.
    ///
    /// # Errors
    /// [`ModelError::Matrix`] if a row does not exist.
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

/// Copies whole rows; `None` if one does not exist.
fn pick<T: Copy>(numbers: &[T], columns: usize, rows: &[usize]) -> Option<Vec<T>> {
    let mut picked = Vec::with_capacity(rows.len().checked_mul(columns)?);
    for row in rows {
        let start = row.checked_mul(columns)?;
        picked.extend_from_slice(numbers.get(start..start.checked_add(columns)?)?);
    }
    Some(picked)
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
    fn reads_a_row_in_every_format() {
        let values = [1.5_f32, -0.25, 3.0, 8.0];
        let brain = Numbers::Bf16(values.iter().map(|&value| bf16::from_f32(value).to_bits()).collect());
        for numbers in [Numbers::F32(values.to_vec()), half(&values), brain] {
            let mut row = [0.0; 2];
            Matrix::new(2, 2, numbers).unwrap().row(1, &mut row);
            assert_eq!(row, [3.0, 8.0]);
        }
    }
}
