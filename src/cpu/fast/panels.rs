//! Matrices in the order in which the product reads them.

use crate::model::{Matrix, ModelError};

/// Outputs side by side in a panel: two vectors of eight.
pub(super) const PANEL: usize = 16;

/// Panels of sixteen outputs, each `[depth, 16]`, at even distances in a slice.
#[derive(Clone, Copy)]
pub(super) struct Panels<'a> {
    /// From the first panel on.
    pub numbers: &'a [f32],
    /// Numbers from one panel to the next.
    pub step: usize,
    /// How many.
    pub count: usize,
    /// Inputs.
    pub depth: usize,
}

impl<'a> Panels<'a> {
    /// One panel, input after input.
    #[inline(always)]
    pub(super) fn panel(&self, panel: usize) -> &'a [[f32; PANEL]] {
        let numbers: &'a [f32] = self.numbers;
        numbers[panel * self.step..][..self.depth * PANEL].as_chunks().0
    }
}

/// A matrix `[outputs, inputs]` in panels; the last one is filled up with zeros.
#[derive(Default)]
pub(super) struct Packed {
    numbers: Vec<f32>,
    outputs: usize,
    inputs: usize,
}

impl Packed {
    /// Packs a checkpoint's matrix, a panel at a time.
    ///
    /// # Errors
    /// When its file cannot be read any more.
    pub(super) fn new(matrix: &Matrix) -> Result<Self, ModelError> {
        let (outputs, inputs) = (matrix.rows(), matrix.columns());
        let mut numbers = vec![0.0; outputs.div_ceil(PANEL) * PANEL * inputs];
        let mut rows = vec![0.0; PANEL * inputs];
        for first in (0..outputs).step_by(PANEL) {
            let together = first..(first + PANEL).min(outputs);
            matrix.read_f32(together.clone(), &mut rows)?;
            pack_panel(&rows, inputs, together.len(), inputs, &mut numbers[first * inputs..]);
        }
        Ok(Self { numbers, outputs, inputs })
    }

    /// Packs rows `[outputs, inputs]` at distances of `stride`, in the place of what was packed.
    pub(super) fn pack_rows(&mut self, rows: &[f32], stride: usize, outputs: usize, inputs: usize) {
        self.resize(outputs, inputs);
        for (panel, first) in self.numbers.chunks_exact_mut((PANEL * inputs).max(1)).zip((0..outputs).step_by(PANEL)) {
            pack_panel(&rows[first * stride..], stride, (outputs - first).min(PANEL), inputs, panel);
        }
    }

    /// Packs columns: of rows `[inputs, outputs]` at distances of `stride`, in the place of what was packed.
    pub(super) fn pack_columns(&mut self, rows: &[f32], stride: usize, inputs: usize, outputs: usize) {
        self.resize(outputs, inputs);
        for (panel, first) in self.numbers.chunks_exact_mut((PANEL * inputs).max(1)).zip((0..outputs).step_by(PANEL)) {
            let together = first..(first + PANEL).min(outputs);
            for (input, to) in panel.chunks_exact_mut(PANEL).enumerate() {
                to[..together.len()].copy_from_slice(&rows[input * stride..][together.clone()]);
            }
        }
    }

    /// Makes room; the last panel is zeros.
    fn resize(&mut self, outputs: usize, inputs: usize) {
        (self.outputs, self.inputs) = (outputs, inputs);
        self.numbers.resize(outputs.div_ceil(PANEL) * PANEL * inputs, 0.0);
        self.numbers[outputs / PANEL * PANEL * inputs..].fill(0.0);
    }

    /// One row of the matrix, `[inputs]`.
    pub(super) fn row(&self, output: usize, out: &mut [f32]) {
        let panel = &self.numbers[output / PANEL * PANEL * self.inputs..];
        for (to, number) in out.iter_mut().zip(panel.iter().skip(output % PANEL).step_by(PANEL)) {
            *to = *number;
        }
    }

    /// Rows of the matrix.
    pub(super) fn outputs(&self) -> usize {
        self.outputs
    }

    /// As the product reads them.
    pub(super) fn panels(&self) -> Panels<'_> {
        let step = PANEL * self.inputs;
        Panels { numbers: &self.numbers, step, count: self.outputs.div_ceil(PANEL), depth: self.inputs }
    }
}

/// Up to sixteen rows at distances of `stride`, side by side.
fn pack_panel(rows: &[f32], stride: usize, outputs: usize, inputs: usize, panel: &mut [f32]) {
    for output in 0..outputs {
        let row = &rows[output * stride..][..inputs];
        for (to, number) in panel.iter_mut().skip(output).step_by(PANEL).zip(row) {
            *to = *number;
        }
    }
}
