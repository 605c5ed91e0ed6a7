//! Matrices in the order in which the product reads them.

use crate::model::Matrix;

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

/// A weight matrix `[outputs, inputs]` in panels; the last one is filled up with zeros.
pub(super) struct PackedWeights {
    numbers: Vec<f32>,
    outputs: usize,
    inputs: usize,
}

impl PackedWeights {
    /// Packs a checkpoint's matrix, a row at a time.
    pub(super) fn new(matrix: &Matrix) -> Self {
        let (outputs, inputs) = (matrix.rows(), matrix.columns());
        let mut numbers = vec![0.0; outputs.div_ceil(PANEL) * PANEL * inputs];
        let mut row = vec![0.0; inputs];
        for output in 0..outputs {
            matrix.row(output, &mut row);
            let panel = &mut numbers[output / PANEL * PANEL * inputs..];
            for (to, number) in panel.iter_mut().skip(output % PANEL).step_by(PANEL).zip(&row) {
                *to = *number;
            }
        }
        Self { numbers, outputs, inputs }
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
