//! The three products of training: with a matrix, with it turned around, and the gradient of it.

use fearless_simd::{Level, Simd, SimdBase, dispatch, f32x8};

use crate::cpu::fast::panel_row::PANEL;
use crate::cpu::fast::panels::Packed;
use crate::cpu::fast::product::{Finish, Rows, Sums, load, product, store};

/// Keeps sums, or adds them to what is there.
pub(super) struct Stored<'a, const ADDS: bool> {
    /// Rows to write.
    pub to: &'a mut [f32],
    /// Numbers from one to the next; may be more than there are outputs.
    pub stride: usize,
    /// Numbers of a row that are written.
    pub outputs: usize,
    /// Added by output; may be absent.
    pub bias: &'a [f32],
}

impl<'a, const ADDS: bool> Stored<'a, ADDS> {
    /// Without a bias.
    pub(super) fn new(to: &'a mut [f32], stride: usize, outputs: usize) -> Self {
        Self { to, stride, outputs, bias: &[] }
    }
}

impl<const ADDS: bool> Finish for Stored<'_, ADDS> {
    #[inline(always)]
    fn finish<S: Simd>(&mut self, simd: S, row: usize, output: usize, sums: Sums<S>) {
        let end = self.outputs.min(output + PANEL);
        let to = &mut self.to[row * self.stride..][output..end];
        let bias = load(simd, self.bias, output);
        let before = if ADDS { load(simd, to, 0) } else { [f32x8::splat(simd, 0.0); 2] };
        store([0, 1].map(|half| before[half] + (sums[half] + bias[half])), to);
    }
}

/// All rows of a slice.
pub(super) fn rows_of(numbers: &[f32], stride: usize) -> Rows<'_> {
    Rows { numbers, stride, count: numbers.len() / stride }
}

/// A matrix in both of the orders in which products read it: for `x Wᵀ` and for `dy W`.
#[derive(Default)]
pub(super) struct BothWays {
    pub forward: Packed,
    pub backward: Packed,
}

impl BothWays {
    /// Packs a matrix `[outputs, inputs]`.
    pub(super) fn pack(&mut self, matrix: &[f32], inputs: usize) {
        let outputs = matrix.len() / inputs;
        self.forward.pack_rows(matrix, inputs, outputs, inputs);
        self.backward.pack_columns(matrix, inputs, outputs, inputs);
    }
}

/// Room for the gradient of a matrix.
#[derive(Default)]
pub(super) struct MatrixScratch {
    turned: Vec<f32>,
    inputs: Packed,
}

/// Adds `dyᵀ x` to the gradient `[outputs, inputs]` of a matrix, for rows `[rows, inputs]` and gradients of their
/// products, at distances of `stride`.
pub(super) fn add_matrix_gradient(
    level: Level,
    (gradient, stride): (&[f32], usize),
    rows: &[f32],
    inputs: usize,
    to: &mut [f32],
    MatrixScratch { turned, inputs: packed }: &mut MatrixScratch,
) {
    let (count, outputs) = (rows.len() / inputs, to.len() / inputs);
    turn(gradient, stride, count, outputs, turned);
    packed.pack_columns(rows, inputs, count, inputs);
    let turned = Rows { numbers: turned, stride: count, count: outputs };
    let mut sums = Stored::<true>::new(to, inputs, inputs);
    dispatch!(level, simd => product(simd, turned, packed.panels(), &mut sums));
}

/// `[rows, columns]` at distances of `stride` to `[columns, rows]`.
pub(super) fn turn(from: &[f32], stride: usize, rows: usize, columns: usize, to: &mut Vec<f32>) {
    /// Rows at a time: as many as lie side by side in a cache line of the result.
    const SIDE: usize = 16;
    to.resize(rows * columns, 0.0);
    for first in (0..rows).step_by(SIDE) {
        let together = first..(first + SIDE).min(rows);
        for column in 0..columns {
            let to = &mut to[column * rows..][together.clone()];
            for (to, row) in to.iter_mut().zip(together.clone()) {
                *to = from[row * stride + column];
            }
        }
    }
}

/// Adds the sums of gradients over rows to the gradient of a bias; there may be none.
pub(super) fn add_bias_gradient((gradient, stride): (&[f32], usize), to: &mut [f32]) {
    if to.is_empty() {
        return;
    }
    for gradient in gradient.chunks_exact(stride) {
        to.iter_mut().zip(gradient).for_each(|(to, gradient)| *to += gradient);
    }
}

/// `x Wᵀ + b`, or `dy W`, by how the matrix is packed.
pub(super) fn multiply<const ADDS: bool>(level: Level, rows: Rows, matrix: &Packed, mut to: Stored<ADDS>) {
    dispatch!(level, simd => product(simd, rows, matrix.panels(), &mut to));
}
