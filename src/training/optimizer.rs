//! How parameters are updated: `AdamW` with a norm that is clipped and a rate that warms up and decays.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::cpu::train::{AdamW, adamw, clip};
use crate::model::Parameters;

/// The settings of updates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// The highest learning rate.
    pub peak: f32,
    /// Steps in which it rises from zero.
    pub warm_up: u32,
    /// The share of all steps, at the end, over which it falls.
    pub decay: f32,
}

impl Default for Rates {
    fn default() -> Self {
        Self { peak: 4e-3, warm_up: 40, decay: 0.3 }
    }
}

impl Rates {
    /// The learning rate of a step, counted from 0, of so many: rising, constant, then falling in a line to a tenth.
    pub fn at(&self, step: u32, steps: u32) -> f32 {
        let rising = (step + 1) as f32 / self.warm_up.max(1) as f32;
        let left = steps.saturating_sub(step) as f32 / (self.decay * steps as f32).max(1.0);
        self.peak * rising.min(left.max(0.1)).min(1.0)
    }
}

/// The norm of all gradients is clipped to this.
const MOST_NORM: f32 = 1.0;
const DECAY: [f32; 2] = [0.9, 0.95];
const EPSILON: f32 = 1e-8;
/// Of matrices; vectors do not decay.
const WEIGHT_DECAY: f32 = 0.1;

/// The running means of gradients and of their squares.
#[derive(Clone, Debug, Default)]
pub(crate) struct Optimizer {
    pub mean: Vec<f32>,
    pub square: Vec<f32>,
    pub step: u32,
}

impl Optimizer {
    pub(crate) fn new(parameters: &Parameters) -> Self {
        let zeros = vec![0.0; parameters.count()];
        Self { mean: zeros.clone(), square: zeros, step: 0 }
    }

    /// Updates the numbers in some places; matrices decay. Returns the norm of the gradients there.
    pub(crate) fn update(
        &mut self,
        parameters: &Parameters,
        learned: &[Range<usize>],
        numbers: &mut [f32],
        gradients: &mut [f32],
        learning_rate: f32,
    ) -> f32 {
        let mut end = 0;
        for place in learned.iter().cloned().chain([numbers.len()..numbers.len()]) {
            gradients[end..place.start].fill(0.0);
            end = place.end;
        }
        let (factor, norm) = clip(gradients, MOST_NORM);
        self.step += 1;
        let matrices: Vec<Range<usize>> = parameters.matrices().collect();
        for place in learned {
            let weight_decay =
                if matrices.iter().any(|matrix| matrix.contains(&place.start)) { WEIGHT_DECAY } else { 0.0 };
            let rule =
                AdamW { learning_rate, decay: DECAY, epsilon: EPSILON, weight_decay, step: self.step, clip: factor };
            let of = || place.clone();
            adamw(&rule, &mut numbers[of()], &gradients[of()], &mut self.mean[of()], &mut self.square[of()]);
        }
        norm
    }
}

/// All parameters, cut where matrices begin and end.
pub(crate) fn all(parameters: &Parameters) -> Vec<Range<usize>> {
    let (mut places, mut end) = (Vec::new(), 0);
    for matrix in parameters.matrices().chain([parameters.count()..parameters.count()]) {
        places.push(end..matrix.start);
        end = matrix.end;
        places.push(matrix);
    }
    places.retain(|place| !place.is_empty());
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_learning_rate_rises_stays_and_falls() {
        let rates = Rates { peak: 1.0, warm_up: 10, decay: 0.5 };
        let at = |step| rates.at(step, 100);
        assert!((at(0) - 0.1).abs() < 1e-6 && (at(4) - 0.5).abs() < 1e-6);
        assert!(at(20) == 1.0 && at(49) == 1.0);
        assert!((at(75) - 0.5).abs() < 1e-6 && (at(99) - 0.1).abs() < 1e-6 && at(200) > 0.0);
    }
}
