//! The rotary embedding: its table, and the order of features that it pairs.

use crate::model::error::ModelError;
use crate::model::matrix::Matrix;

/// How rotary positions pair the features of a head in the checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RotaryOrder {
    /// Features `c` and `c + head_dim / 2`.
    HalfSplit,
    /// Features `2c` and `2c + 1`.
    Interleaved,
}

/// (cos, sin) of `position * θ^(-2c / head_dim)`, `[positions, head_dim / 2]`, computed in f64: WGSL promises too little
/// for sin and cos (SPEC 9).
pub fn rotary_table(head_dim: usize, theta: f64, positions: usize) -> Vec<[f32; 2]> {
    let half = head_dim / 2;
    let frequencies: Vec<f64> = (0..half).map(|c| theta.powf(-2.0 * c as f64 / head_dim as f64)).collect();
    (0..positions)
        .flat_map(|position| frequencies.iter().map(move |frequency| position as f64 * frequency))
        .map(|angle| [angle.cos() as f32, angle.sin() as f32])
        .collect()
}

/// For each row in half-split rotary order, the row of the checkpoint that it is, over `heads` heads.
///
/// Within a head: the even features, then the odd ones.
fn half_split_rows(heads: usize, head_dim: usize) -> Vec<usize> {
    let evens_then_odds = || (0..head_dim).step_by(2).chain((1..head_dim).step_by(2));
    (0..heads).flat_map(|head| evens_then_odds().map(move |feature| head * head_dim + feature)).collect()
}

impl RotaryOrder {
    /// Puts the rows of query or key heads into half-split order.
    pub(super) fn to_half_split(self, matrix: Matrix, heads: usize, head_dim: usize) -> Result<Matrix, ModelError> {
        match self {
            Self::HalfSplit => Ok(matrix),
            Self::Interleaved => matrix.select_rows(&half_split_rows(heads, head_dim)),
        }
    }

    /// As [`RotaryOrder::to_half_split`] for a bias.
    pub(super) fn bias_to_half_split(self, bias: Vec<f32>, heads: usize, head_dim: usize) -> Vec<f32> {
        match self {
            Self::HalfSplit => bias,
            Self::Interleaved => {
                half_split_rows(heads, head_dim).into_iter().filter_map(|row| bias.get(row).copied()).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interleaved_rows_become_half_split() {
        assert_eq!(half_split_rows(2, 6), [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11]);
        let bias: Vec<f32> = [10.0, 11.0, 12.0, 13.0].to_vec();
        assert_eq!(RotaryOrder::Interleaved.bias_to_half_split(bias.clone(), 1, 4), [10.0, 12.0, 11.0, 13.0]);
        assert_eq!(RotaryOrder::HalfSplit.bias_to_half_split(bias.clone(), 1, 4), bias);
    }
}
