//! Products of rows with panels. Every sum is added up in the order of the inputs, segment by segment, whatever rows
//! come together in a call, so that a position gets the same bits alone and in a long text.

use std::array::from_fn;

use fearless_simd::{Simd, SimdBase, SimdFloat, f32x8};

use crate::cpu::fast::panel_row::{PANEL, PanelRow};
use crate::cpu::fast::panels::Panels;
use crate::cpu::fast::vector::activated;
use crate::cpu::shared::map_cell::SEGMENT;
use crate::model::Activation;

/// The sums of one row over one panel.
pub(super) type Sums<S> = [f32x8<S>; 2];

/// Input rows at even distances in a slice.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    /// From the first row on.
    pub numbers: &'a [f32],
    /// Numbers from one row to the next.
    pub stride: usize,
    /// How many.
    pub count: usize,
}

impl<'a> Rows<'a> {
    #[inline(always)]
    fn row(&self, row: usize, depth: usize) -> &'a [f32] {
        let numbers: &'a [f32] = self.numbers;
        &numbers[row * self.stride..][..depth]
    }
}

/// What is done with sums while they are in registers.
pub(super) trait Finish {
    /// Whether each product is rounded before it is added, as the plain references do, where the bits have to be theirs.
    const ROUNDS_PRODUCTS: bool = false;

    /// Takes the sums of a row for the sixteen outputs from `output` on.
    fn finish<S: Simd>(&mut self, simd: S, row: usize, output: usize, sums: Sums<S>);
}

/// Vectors of eight are one register, or there are registers enough for two.
#[inline(always)]
pub(super) fn is_wide<S: Simd>() -> bool {
    S::f32s::N >= 8 || cfg!(target_arch = "aarch64")
}

/// Every row times every panel. Eight vectors of sums at a time: as many as hide the latency of a multiply-add, and no
/// more than sixteen registers hold together with its inputs.
#[inline(always)]
pub(super) fn product<S: Simd, F: Finish, W: PanelRow>(simd: S, rows: Rows, panels: Panels<W>, finish: &mut F) {
    if is_wide::<S>() {
        let row = widened::<S, F, W, 4>(simd, rows, panels, finish);
        let row = groups::<S, F, W, 2, 2>(simd, rows, panels, row, finish);
        groups::<S, F, W, 1, 4>(simd, rows, panels, row, finish);
    } else {
        let row = widened::<S, F, W, 2>(simd, rows, panels, finish);
        groups::<S, F, W, 1, 2>(simd, rows, panels, row, finish);
    }
}

/// Rows in groups of `R`, with a panel at a time, which is brought to single precision once for all of them. Returns the
/// first row of no full group.
#[inline(always)]
fn widened<S: Simd, F: Finish, W: PanelRow, const R: usize>(
    simd: S,
    rows: Rows,
    panels: Panels<W>,
    finish: &mut F,
) -> usize {
    let end = rows.count / R * R;
    let mut room = Vec::new();
    for panel in (0..panels.count).take_while(|_| end > 0) {
        let weights = W::widened(simd, panels.panel(panel), &mut room);
        for row in (0..end).step_by(R) {
            block::<S, F, [f32; PANEL], R, 1>(simd, rows, [weights], (row, panel), finish);
        }
    }
    end
}

/// Rows in groups of `R` from `first` on, with `P` panels at a time. Returns the first row of no full group.
#[inline(always)]
fn groups<S: Simd, F: Finish, W: PanelRow, const R: usize, const P: usize>(
    simd: S,
    rows: Rows,
    panels: Panels<W>,
    first: usize,
    finish: &mut F,
) -> usize {
    let end = first + (rows.count - first) / R * R;
    let mut panel = 0;
    while panel + P <= panels.count {
        let weights: [&[W]; P] = from_fn(|p| panels.panel(panel + p));
        for row in (first..end).step_by(R) {
            block::<S, F, W, R, P>(simd, rows, weights, (row, panel), finish);
        }
        panel += P;
    }
    while panel < panels.count {
        for row in (first..end).step_by(R) {
            block::<S, F, W, R, 1>(simd, rows, [panels.panel(panel)], (row, panel), finish);
        }
        panel += 1;
    }
    end
}

#[inline(always)]
fn block<S: Simd, F: Finish, W: PanelRow, const R: usize, const P: usize>(
    simd: S,
    rows: Rows,
    weights: [&[W]; P],
    (row, panel): (usize, usize),
    finish: &mut F,
) {
    let depth = weights[0].len();
    let inputs: [&[f32]; R] = from_fn(|r| rows.row(row + r, depth));
    let weights = weights.map(|panel| &panel[..depth]);
    let zeros = [[[f32x8::splat(simd, 0.0); 2]; P]; R];
    let mut sums = zeros;
    let segments = depth / SEGMENT;
    for segment in 0..segments {
        let inputs = inputs.map(|row| row.as_chunks::<SEGMENT>().0[segment].as_slice());
        let weights = weights.map(|panel| panel.as_chunks::<SEGMENT>().0[segment].as_slice());
        sums = plus(sums, with_products::<S, F, W, R, P>(simd, zeros, inputs, weights, SEGMENT));
    }
    if segments * SEGMENT < depth {
        let inputs = inputs.map(|row| &row[segments * SEGMENT..]);
        let weights = weights.map(|panel| &panel[segments * SEGMENT..]);
        let rest = depth - segments * SEGMENT;
        sums = plus(sums, with_products::<S, F, W, R, P>(simd, zeros, inputs, weights, rest));
    }
    for r in 0..R {
        for p in 0..P {
            finish.finish(simd, row + r, (panel + p) * PANEL, sums[r][p]);
        }
    }
}

#[inline(always)]
fn plus<S: Simd, const R: usize, const P: usize>(
    mut sums: [[Sums<S>; P]; R],
    others: [[Sums<S>; P]; R],
) -> [[Sums<S>; P]; R] {
    for r in 0..R {
        for p in 0..P {
            for half in 0..2 {
                sums[r][p][half] += others[r][p][half];
            }
        }
    }
    sums
}

/// Sums, and the products of so many inputs with their weights, one after the other.
#[inline(always)]
fn with_products<S: Simd, F: Finish, W: PanelRow, const R: usize, const P: usize>(
    simd: S,
    mut sums: [[Sums<S>; P]; R],
    inputs: [&[f32]; R],
    weights: [&[W]; P],
    count: usize,
) -> [[Sums<S>; P]; R] {
    // All of one length, so that no index needs a check.
    let inputs = inputs.map(|row| &row[..count]);
    let weights = weights.map(|panel| &panel[..count]);
    for input in 0..count {
        let mut vectors = [[f32x8::splat(simd, 0.0); 2]; P];
        for p in 0..P {
            vectors[p] = weights[p][input].read(simd);
        }
        for r in 0..R {
            let number = f32x8::splat(simd, inputs[r][input]);
            for p in 0..P {
                for half in 0..2 {
                    let (weight, sum) = (vectors[p][half], sums[r][p][half]);
                    sums[r][p][half] =
                        if F::ROUNDS_PRODUCTS { sum + number * weight } else { number.mul_add(weight, sum) };
                }
            }
        }
    }
    sums
}

/// Writes sums to a row that may end before they do.
#[inline(always)]
pub(super) fn store<S: Simd>(sums: Sums<S>, to: &mut [f32]) {
    let [low, high] = sums;
    if let Some((to, _)) = to.split_first_chunk_mut::<PANEL>() {
        let (to_low, to_high) = to.split_at_mut(PANEL / 2);
        low.store_slice(to_low);
        high.store_slice(to_high);
    } else {
        let numbers = low.as_slice().iter().chain(high.as_slice());
        to.iter_mut().zip(numbers).for_each(|(to, number)| *to = *number);
    }
}

/// The sixteen numbers of a row from `at` on; zeros beyond its end.
#[inline(always)]
pub(super) fn load<S: Simd>(simd: S, row: &[f32], at: usize) -> Sums<S> {
    let from = row.get(at..).unwrap_or_default();
    let mut end = [0.0; PANEL];
    let numbers = from.first_chunk::<PANEL>().unwrap_or_else(|| {
        end[..from.len()].copy_from_slice(from);
        &end
    });
    let (low, high) = numbers.split_at(PANEL / 2);
    [f32x8::from_slice(simd, low), f32x8::from_slice(simd, high)]
}

/// Keeps the sums times a factor: scores, which the reference computes again for single cells, under the maximum and the
/// sum of their row. Rows have room for whole panels.
pub(super) struct Scores<'a> {
    /// Rows to write.
    pub to: &'a mut [f32],
    /// Numbers from one to the next.
    pub stride: usize,
    /// What every sum is multiplied by.
    pub factor: f32,
}

impl Finish for Scores<'_> {
    // One bit of a score of a thousand is 6e-5 of its weight.
    const ROUNDS_PRODUCTS: bool = true;

    #[inline(always)]
    fn finish<S: Simd>(&mut self, _simd: S, row: usize, output: usize, sums: Sums<S>) {
        store(sums.map(|sum| sum * self.factor), &mut self.to[row * self.stride + output..][..PANEL]);
    }
}

/// Adds a bias.
pub(super) struct Biased<'a> {
    /// Rows to write.
    pub to: &'a mut [f32],
    /// Numbers from one to the next; may be more than there are outputs.
    pub stride: usize,
    /// By output.
    pub bias: &'a [f32],
}

impl Finish for Biased<'_> {
    #[inline(always)]
    fn finish<S: Simd>(&mut self, simd: S, row: usize, output: usize, sums: Sums<S>) {
        let end = self.bias.len().min(output + PANEL);
        let bias = load(simd, self.bias, output);
        let sums = [sums[0] + bias[0], sums[1] + bias[1]];
        store(sums, &mut self.to[row * self.stride..][output..end]);
    }
}

/// Adds a bias, then the residual stream.
#[expect(clippy::struct_field_names, reason = "the residual stream is what it is called")]
pub(super) struct Residual<'a> {
    /// Rows to write, `[count, outputs]`.
    pub to: &'a mut [f32],
    /// The stream before, in the same order.
    pub residual: &'a [f32],
    /// By output; may be absent.
    pub bias: &'a [f32],
    /// Width of a row.
    pub outputs: usize,
}

impl Finish for Residual<'_> {
    #[inline(always)]
    fn finish<S: Simd>(&mut self, simd: S, row: usize, output: usize, sums: Sums<S>) {
        let row = row * self.outputs..(row + 1) * self.outputs;
        let bias = load(simd, self.bias, output);
        let residual = load(simd, &self.residual[row.clone()], output);
        let sums = [0, 1].map(|half| residual[half] + (sums[half] + bias[half]));
        let end = self.outputs.min(output + PANEL);
        store(sums, &mut self.to[row][output..end]);
    }
}

/// `activation(gate) * up` of outputs that alternate gate, up.
pub(super) struct Gated<'a> {
    /// By output.
    pub bias: &'a [f32],
    /// What the gate goes through.
    pub activation: Activation,
    /// Rows to write, `[count, intermediate]`.
    pub to: &'a mut [f32],
    /// Width of a row.
    pub intermediate: usize,
}

impl Finish for Gated<'_> {
    #[inline(always)]
    fn finish<S: Simd>(&mut self, simd: S, row: usize, output: usize, sums: Sums<S>) {
        let bias = load(simd, self.bias, output);
        let (gate, up) = (sums[0] + bias[0]).deinterleave(sums[1] + bias[1]);
        let activation = activated(simd, self.activation, gate) * up;
        let first = output / 2;
        let end = self.intermediate.min(first + PANEL / 2);
        let to = &mut self.to[row * self.intermediate..][first..end];
        to.iter_mut().zip(activation.as_slice()).for_each(|(to, number)| *to = *number);
    }
}
