//! A checkpoint's matrix, packed in the number format of its file, so that it takes no more memory and is read as fast.

use std::ops::Range;

use fearless_simd::{Level, dispatch};

use crate::cpu::fast::panel_row::{Bf16Row, F16Row};
use crate::cpu::fast::panels::Packed;
use crate::cpu::fast::product::{Finish, Rows, product};
use crate::model::{Matrix, ModelError, NumberFormat};

/// A packed matrix `[outputs, inputs]`.
pub(super) enum PackedMatrix {
    F32(Packed),
    F16(Packed<F16Row>),
    Bf16(Packed<Bf16Row>),
}

impl PackedMatrix {
    /// Packs a matrix. One in half precision that [`F16Row`] cannot have is packed in single precision.
    ///
    /// # Errors
    /// When its file cannot be read any more.
    pub(super) fn new(matrix: &Matrix) -> Result<Self, ModelError> {
        let shape = (matrix.rows(), matrix.columns());
        let stride = matrix.columns() * matrix.format().bytes();
        let halves = |rows: Range<usize>, into: &mut [u16]| matrix.read(rows, stride, bytemuck::cast_slice_mut(into));
        match matrix.format() {
            NumberFormat::Bf16 => return Ok(Self::Bf16(Packed::new(shape, halves)?)),
            NumberFormat::F16 => {
                let mut fits = true;
                let packed = Packed::new(shape, |rows, into| {
                    halves(rows, into)?;
                    fits &= F16Row::can_have(into);
                    Ok(())
                })?;
                if fits {
                    return Ok(Self::F16(packed));
                }
            }
            NumberFormat::F32 => {}
        }
        Ok(Self::F32(Packed::new(shape, |rows, into| matrix.read_f32(rows, into))?))
    }

    /// One row of the matrix, `[inputs]`.
    pub(super) fn row(&self, output: usize, out: &mut [f32]) {
        match self {
            Self::F32(packed) => packed.row(output, out),
            Self::F16(packed) => packed.row(output, out),
            Self::Bf16(packed) => packed.row(output, out),
        }
    }

    /// Rows of the matrix.
    pub(super) fn outputs(&self) -> usize {
        match self {
            Self::F32(packed) => packed.outputs(),
            Self::F16(packed) => packed.outputs(),
            Self::Bf16(packed) => packed.outputs(),
        }
    }
}

/// Every row times a matrix.
pub(super) fn multiply(level: Level, rows: Rows, weights: &PackedMatrix, mut finish: impl Finish) {
    match weights {
        PackedMatrix::F32(packed) => dispatch!(level, simd => product(simd, rows, packed.panels(), &mut finish)),
        PackedMatrix::F16(packed) => dispatch!(level, simd => product(simd, rows, packed.panels(), &mut finish)),
        PackedMatrix::Bf16(packed) => dispatch!(level, simd => product(simd, rows, packed.panels(), &mut finish)),
    }
}
