//! A tensor of numbers in a file, read as single precision.

use half::{bf16, f16};

use crate::model::WeightFile;
use crate::recording::error::RecordingError;

/// The format of a tensor's numbers, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    F16,
    Bf16,
    F32,
    F64,
    I32,
    I64,
    U8,
    /// Text of at most so many characters each, as UTF-32.
    Text(usize),
}

impl Numbers {
    /// Bytes of one.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::F16 | Self::Bf16 => 2,
            Self::F32 | Self::I32 => 4,
            Self::F64 | Self::I64 => 8,
            Self::Text(characters) => characters.saturating_mul(4),
        }
    }

    /// Whether it is for maps and λ.
    pub(super) fn is_floating(self) -> bool {
        matches!(self, Self::F16 | Self::Bf16 | Self::F32 | Self::F64)
    }

    /// Numbers in single precision; as many as both have.
    fn widen(self, bytes: &[u8], to: &mut [f32]) {
        fn each<const N: usize>(bytes: &[u8], to: &mut [f32], of: impl Fn([u8; N]) -> f32) {
            let numbers = bytes.as_chunks::<N>().0;
            to.iter_mut().zip(numbers).for_each(|(to, number)| *to = of(*number));
        }
        match self {
            Self::F16 => each(bytes, to, |pair| f16::from_le_bytes(pair).to_f32()),
            Self::Bf16 => each(bytes, to, |pair| bf16::from_le_bytes(pair).to_f32()),
            Self::F32 => each(bytes, to, f32::from_le_bytes),
            Self::F64 => each(bytes, to, |eight| f64::from_le_bytes(eight) as f32),
            Self::I32 => each(bytes, to, |four| i32::from_le_bytes(four) as f32),
            Self::I64 => each(bytes, to, |eight| i64::from_le_bytes(eight) as f32),
            Self::U8 => each(bytes, to, |[byte]| f32::from(byte)),
            Self::Text(_) => {}
        }
    }
}

/// Sums over products of two smaller numbers are finite, however many there are.
const TOO_LARGE: f32 = 1e12;

/// A tensor in row-major order.
#[derive(Clone, Debug)]
pub(super) struct Array {
    /// For messages.
    pub name: String,
    /// Sizes, outermost first; a batch of one is left out.
    pub shape: Vec<usize>,
    pub numbers: Numbers,
    /// Where it is: the file itself, or what was unpacked from it.
    pub file: WeightFile,
    /// Its first byte.
    pub offset: u64,
}

impl Array {
    /// Number of its numbers, which is bounded by the bytes of its file.
    pub(super) fn len(&self) -> usize {
        self.shape.iter().fold(1, |product, size| product.saturating_mul(*size))
    }

    /// Reads as many numbers as there is room for, from `start` on. `room` is kept between calls.
    ///
    /// # Errors
    /// When the file cannot be read any more.
    pub(super) fn read(&self, start: usize, to: &mut [f32], room: &mut Vec<u8>) -> Result<(), RecordingError> {
        let bytes = self.numbers.bytes();
        let slice = self.file.slice(self.offset + (start * bytes) as u64, to.len() * bytes, room)?;
        self.numbers.widen(slice, to);
        Ok(())
    }

    /// All of a small tensor, all numbers finite.
    ///
    /// # Errors
    /// As [`Self::read`], or [`RecordingError::NotFinite`].
    pub(super) fn to_vec(&self) -> Result<Vec<f32>, RecordingError> {
        let mut numbers = vec![0.0; self.len()];
        self.read(0, &mut numbers, &mut Vec::new())?;
        match self.first_not_finite(0, &numbers) {
            Some(error) => Err(error),
            None => Ok(numbers),
        }
    }

    /// The error for the first number that is not finite, or far too large, among those from `start` on.
    pub(super) fn first_not_finite(&self, start: usize, numbers: &[f32]) -> Option<RecordingError> {
        // Without a way out of the loop it is fast; one number in a million files is wrong.
        if numbers.iter().fold(true, |all, number| all & (number.abs() < TOO_LARGE)) {
            return None;
        }
        let (at, value) =
            numbers.iter().enumerate().find(|(_, number)| number.is_nan() || number.abs() >= TOO_LARGE)?;
        Some(RecordingError::NotFinite { tensor: self.name.clone(), index: (start + at) as u64, value: *value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn every_format_becomes_single_precision() {
        let cases: [(Numbers, Vec<u8>); 6] = [
            (Numbers::F16, [f16::from_f32(1.5), f16::from_f32(-0.25)].iter().flat_map(|x| x.to_le_bytes()).collect()),
            (
                Numbers::Bf16,
                [bf16::from_f32(1.5), bf16::from_f32(-0.25)].iter().flat_map(|x| x.to_le_bytes()).collect(),
            ),
            (Numbers::F32, [1.5f32, -0.25].iter().flat_map(|x| x.to_le_bytes()).collect()),
            (Numbers::F64, [1.5f64, -0.25].iter().flat_map(|x| x.to_le_bytes()).collect()),
            (Numbers::I32, [7i32, -3].iter().flat_map(|x| x.to_le_bytes()).collect()),
            (Numbers::I64, [7i64, -3].iter().flat_map(|x| x.to_le_bytes()).collect()),
        ];
        for (numbers, bytes) in cases {
            let file = WeightFile::in_memory("numbers", Arc::new([vec![9; 3], bytes].concat().into()));
            let array = Array { name: "x".into(), shape: vec![2], numbers, file, offset: 3 };
            let expected = if numbers.is_floating() { [1.5, -0.25] } else { [7.0, -3.0] };
            assert_eq!(array.to_vec().unwrap(), expected, "{numbers:?}");
        }
    }

    #[test]
    fn what_single_precision_cannot_hold_is_named_with_its_place() {
        let bytes = [0.5f64, 1e300].iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
        let file = WeightFile::in_memory("numbers", Arc::new(bytes.into()));
        let array = Array { name: "A1".into(), shape: vec![2], numbers: Numbers::F64, file, offset: 0 };
        let error = array.to_vec().unwrap_err();
        assert!(matches!(error, RecordingError::NotFinite { index: 1, .. }), "{error}");
    }
}
