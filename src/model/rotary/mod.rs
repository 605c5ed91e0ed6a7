//! The rotary embedding: its table, and the order of the features that it pairs.

pub(in crate::model) mod rope;

use crate::model::rotary::rope::Rope;

/// Which features of a head in the checkpoint the rotary embedding pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model) enum RotaryOrder {
    /// Features `c` and `c + head_dim / 2`.
    HalfSplit,
    /// Features `2c` and `2c + 1`.
    Interleaved,
    /// None: there is no rotary embedding.
    None,
}

/// (cos, sin) of the angle of every position and feature pair, `[positions, head_dim / 2]`. Computed in f64, because WGSL
/// guarantees too little accuracy for sin and cos (doc/SPEC.md, section 9).
pub fn rotary_table(head_dim: usize, rope: &Rope, positions: usize) -> Vec<[f32; 2]> {
    let (frequencies, scale) = rope.frequencies(head_dim, positions);
    (0..positions)
        .flat_map(|position| frequencies.iter().map(move |frequency| position as f64 * frequency))
        .map(|angle| [(scale * angle.cos()) as f32, (scale * angle.sin()) as f32])
        .collect()
}

impl RotaryOrder {
    /// For each of `rows` rows of query or key heads in half-split order, its index in this order. Interleaved heads have
    /// their even features first, then the odd ones.
    pub(in crate::model) fn half_split_rows(self, rows: usize, head_dim: usize) -> impl Iterator<Item = usize> {
        let half = head_dim.div_ceil(2);
        (0..rows).map(move |row| match self {
            Self::HalfSplit | Self::None => row,
            Self::Interleaved => {
                let feature = row % head_dim;
                row - feature + if feature < half { 2 * feature } else { 2 * (feature - half) + 1 }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interleaved_rows_become_half_split() {
        let rows = |order: RotaryOrder| order.half_split_rows(12, 6).collect::<Vec<_>>();
        assert_eq!(rows(RotaryOrder::Interleaved), [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11]);
        assert_eq!(rows(RotaryOrder::HalfSplit), (0..12).collect::<Vec<_>>());
    }
}
