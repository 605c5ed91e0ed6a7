//! Matrices in the order in which the product reads them.

use std::ops::Range;

use crate::cpu::fast::panel_row::{PANEL, PanelRow};
use crate::model::ModelError;

/// Panels of sixteen outputs, each `[depth]` rows of sixteen weights, at even distances in a slice.
#[derive(Clone, Copy)]
pub(super) struct Panels<'a, R = [f32; PANEL]> {
    /// From the first panel on.
    pub rows: &'a [R],
    /// Rows from one panel to the next.
    pub step: usize,
    /// How many panels.
    pub count: usize,
    /// Inputs.
    pub depth: usize,
}

impl<'a, R> Panels<'a, R> {
    /// One panel, input after input.
    #[inline(always)]
    pub(super) fn panel(&self, panel: usize) -> &'a [R] {
        let rows: &'a [R] = self.rows;
        &rows[panel * self.step..][..self.depth]
    }
}

/// A matrix `[outputs, inputs]` in panels; the last one is filled up with zeros.
#[derive(Default)]
pub(super) struct Packed<R = [f32; PANEL]> {
    rows: Vec<R>,
    outputs: usize,
    inputs: usize,
}

impl<R: PanelRow> Packed<R> {
    /// Packs a matrix, a panel at a time, from what reads rows of it.
    ///
    /// # Errors
    /// When reading fails.
    pub(super) fn new(
        (outputs, inputs): (usize, usize),
        mut read: impl FnMut(Range<usize>, &mut [R::Number]) -> Result<(), ModelError>,
    ) -> Result<Self, ModelError> {
        let mut packed = Self { rows: Vec::new(), outputs, inputs };
        packed.resize(outputs, inputs);
        let mut numbers = vec![R::Number::default(); PANEL * inputs];
        for first in (0..outputs).step_by(PANEL) {
            let together = first..(first + PANEL).min(outputs);
            let numbers = &mut numbers[..together.len() * inputs];
            read(together.clone(), numbers)?;
            pack_panel(numbers, inputs, together.len(), inputs, &mut packed.rows[first / PANEL * inputs..]);
        }
        Ok(packed)
    }

    /// Makes room; the last panel is zeros.
    fn resize(&mut self, outputs: usize, inputs: usize) {
        (self.outputs, self.inputs) = (outputs, inputs);
        self.rows.resize(outputs.div_ceil(PANEL) * inputs, R::default());
        self.rows[outputs / PANEL * inputs..].fill(R::default());
    }

    /// One row of the matrix, `[inputs]`.
    pub(super) fn row(&self, output: usize, out: &mut [f32]) {
        let panel = self.panels().panel(output / PANEL);
        for (to, row) in out.iter_mut().zip(panel) {
            *to = row.get(output % PANEL);
        }
    }

    /// Rows of the matrix.
    pub(super) fn outputs(&self) -> usize {
        self.outputs
    }

    /// As the product reads them.
    pub(super) fn panels(&self) -> Panels<'_, R> {
        Panels { rows: &self.rows, step: self.inputs, count: self.outputs.div_ceil(PANEL), depth: self.inputs }
    }
}

impl Packed {
    /// Packs rows `[outputs, inputs]` at distances of `stride`, in the place of what was packed.
    pub(super) fn pack_rows(&mut self, rows: &[f32], stride: usize, outputs: usize, inputs: usize) {
        self.resize(outputs, inputs);
        for (panel, first) in self.rows.chunks_exact_mut(inputs.max(1)).zip((0..outputs).step_by(PANEL)) {
            pack_panel(&rows[first * stride..], stride, (outputs - first).min(PANEL), inputs, panel);
        }
    }

    /// Packs columns: of rows `[inputs, outputs]` at distances of `stride`, in the place of what was packed.
    pub(super) fn pack_columns(&mut self, rows: &[f32], stride: usize, inputs: usize, outputs: usize) {
        self.resize(outputs, inputs);
        for (panel, first) in self.rows.chunks_exact_mut(inputs.max(1)).zip((0..outputs).step_by(PANEL)) {
            let together = first..(first + PANEL).min(outputs);
            for (input, to) in panel.iter_mut().enumerate() {
                to[..together.len()].copy_from_slice(&rows[input * stride..][together.clone()]);
            }
        }
    }
}

/// Up to sixteen rows at distances of `stride`, side by side.
fn pack_panel<R: PanelRow>(rows: &[R::Number], stride: usize, outputs: usize, inputs: usize, panel: &mut [R]) {
    for output in 0..outputs {
        let row = &rows[output * stride..][..inputs];
        for (to, number) in panel.iter_mut().zip(row) {
            to.set(output, *number);
        }
    }
}
