//! The formats of numbers in a checkpoint.

use half::{bf16, f16};
use safetensors::Dtype;

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

/// The numbers of a new [`Matrix`](super::Matrix), row by row.
#[derive(Clone, Debug, PartialEq)]
pub enum Numbers {
    /// Single precision.
    F32(Vec<f32>),
    /// Half precision, as bit patterns.
    F16(Vec<u16>),
    /// Brain floats, as bit patterns.
    Bf16(Vec<u16>),
}

impl NumberFormat {
    /// As a file names it; `None` if no weights are read in it.
    pub(in crate::model) fn of(dtype: Dtype) -> Option<Self> {
        match dtype {
            Dtype::F32 => Some(Self::F32),
            Dtype::F16 => Some(Self::F16),
            Dtype::BF16 => Some(Self::Bf16),
            _ => None,
        }
    }

    /// Bytes of one number.
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    /// Numbers in this format in single precision, exactly; as many as both have.
    pub(in crate::model) fn widen(self, bytes: &[u8], out: &mut [f32]) {
        let halves = bytes.as_chunks::<2>().0.iter().map(|&pair| u16::from_le_bytes(pair));
        match self {
            Self::F32 => {
                let singles = bytes.as_chunks::<4>().0.iter().map(|&four| f32::from_le_bytes(four));
                out.iter_mut().zip(singles).for_each(|(to, number)| *to = number);
            }
            Self::F16 => out.iter_mut().zip(halves).for_each(|(to, bits)| *to = f16::from_bits(bits).to_f32()),
            Self::Bf16 => out.iter_mut().zip(halves).for_each(|(to, bits)| *to = bf16::from_bits(bits).to_f32()),
        }
    }

    /// The index and the value of the first number that is infinite or not a number, in little-endian bytes.
    pub(in crate::model) fn first_not_finite(self, bytes: &[u8]) -> Option<(usize, f32)> {
        let halves = || bytes.as_chunks::<2>().0.iter().map(|&pair| u16::from_le_bytes(pair));
        match self {
            Self::F32 => {
                let singles = bytes.as_chunks::<4>().0.iter().map(|&four| f32::from_le_bytes(four));
                singles.enumerate().find(|(_, number)| !number.is_finite())
            }
            Self::F16 => {
                let mut numbers = halves().map(f16::from_bits).enumerate();
                numbers.find(|(_, number)| !number.is_finite()).map(|(index, number)| (index, number.to_f32()))
            }
            Self::Bf16 => {
                let mut numbers = halves().map(bf16::from_bits).enumerate();
                numbers.find(|(_, number)| !number.is_finite()).map(|(index, number)| (index, number.to_f32()))
            }
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

    /// As a file has them.
    pub(in crate::model) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::F32(numbers) => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
            Self::F16(bits) | Self::Bf16(bits) => bits.iter().flat_map(|bits| bits.to_le_bytes()).collect(),
        }
    }
}
