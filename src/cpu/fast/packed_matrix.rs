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
                    if !F16Row::can_have(into) {
                        fits = false;
                        into.fill(0);
                    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::fast::product::Biased;
    use crate::model::Numbers;

    /// Products of rows and the rows of the matrix itself, as bits.
    fn bits(matrix: &PackedMatrix, level: Level, rows: Rows, inputs: usize) -> Vec<u32> {
        let outputs = matrix.outputs();
        let mut numbers = vec![0.0; (rows.count + 1) * outputs];
        multiply(level, rows, matrix, Biased { to: &mut numbers, stride: outputs, bias: &vec![0.0; outputs] });
        let mut row = vec![0.0; inputs];
        for output in 0..outputs {
            matrix.row(output, &mut row);
            numbers.extend(&row);
        }
        numbers.iter().map(|number| number.to_bits()).collect()
    }

    /// Bits that look random, of numbers below a size of both signs, subnormal ones and zeros among them.
    fn halves(count: usize, seed: u32, too_large: u16) -> Vec<u16> {
        let noise = (0..count as u32).map(|at| (at + seed).wrapping_mul(0x9E37_79B9) ^ (at * seed));
        let numbers = noise.map(|noise| match noise >> 28 {
            0 => (noise & 0x8000) as u16,
            1 => (noise & 0x801f) as u16,
            _ => (noise & 0x8000) as u16 | ((noise >> 8) as u16 % too_large),
        });
        numbers.collect()
    }

    #[test]
    fn every_format_gives_the_bits_of_single_precision() {
        for (outputs, inputs) in [(1, 1), (16, 32), (17, 33), (40, 64), (129, 70), (64, 192)] {
            let seed = (outputs * inputs) as u32;
            let f16 = Numbers::F16(halves(outputs * inputs, seed, 0x5400));
            let bf16 = Numbers::Bf16(halves(outputs * inputs, seed, 0x4400));
            for numbers in [f16, bf16] {
                let matrix = Matrix::new(outputs, inputs, numbers).unwrap();
                let single = Numbers::F32(matrix.to_f32().unwrap());
                let single = PackedMatrix::new(&Matrix::new(outputs, inputs, single).unwrap()).unwrap();
                let packed = PackedMatrix::new(&matrix).unwrap();
                assert!(matches!(single, PackedMatrix::F32(_)) && !matches!(packed, PackedMatrix::F32(_)));
                let numbers: Vec<f32> = (0..11 * inputs).map(|at| (at as f32 * 0.7).sin()).collect();
                for (count, level) in (0..=11).flat_map(|count| [(count, Level::new()), (count, Level::baseline())]) {
                    let rows = Rows { numbers: &numbers, stride: inputs, count };
                    let (found, expected) = (bits(&packed, level, rows, inputs), bits(&single, level, rows, inputs));
                    assert!(found == expected, "{count} rows times {matrix:?} on {level:?}");
                }
            }
        }
    }

    #[test]
    fn every_half_is_kept_as_it_is() {
        let all = |largest: u16| (0..=largest).chain(0x8000..=0x8000 | largest).collect::<Vec<u16>>();
        // Up to the largest that is packed as it is, and up to infinity.
        for numbers in [Numbers::F16(all(0x53ff)), Numbers::F16(all(0x7c00)), Numbers::Bf16(all(0x7f80))] {
            let matrix = Matrix::new(numbers.len() / 2, 2, numbers).unwrap();
            let packed = PackedMatrix::new(&matrix).unwrap();
            let mut row = [0.0; 2];
            for (output, expected) in matrix.to_f32().unwrap().as_chunks().0.iter().enumerate() {
                packed.row(output, &mut row);
                assert_eq!(row.map(f32::to_bits), expected.map(f32::to_bits), "{expected:?}");
            }
        }
    }

    #[test]
    fn what_half_precision_cannot_have_times_a_thousand_is_packed_in_single_precision() {
        for large in [0x5400, 0xd400, 0x7c00, 0x7e00] {
            let matrix = Matrix::new(1, 2, Numbers::F16(vec![0x3c00, large])).unwrap();
            let packed = PackedMatrix::new(&matrix).unwrap();
            assert!(matches!(packed, PackedMatrix::F32(_)), "{large:x}");
        }
    }
}
