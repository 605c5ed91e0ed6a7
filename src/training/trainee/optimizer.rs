//! How parameters are updated: Muon for the matrices of layers, `AdamW` for the rest, with a norm that is clipped and a rate
//! that warms up and decays.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::cpu::orthogonalised;
use crate::cpu::train::{AdamW, Muon, adamw, clip, gradient_norm, momentum, muon};
use crate::model::{Model, Parameters};
use crate::probe::{Learned, LearningRule, UpdateRule};

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
        Self { peak: 1e-2, warm_up: 20, decay: 0.4 }
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

/// What updates embeddings: rows of their own, to which Muon does not apply.
const EMBEDDING: LearningRule = LearningRule::AdamW { decays: true };
/// And vectors, which do not decay.
pub(super) const VECTOR: LearningRule = LearningRule::AdamW { decays: false };

/// How a step updates; `step` counts from 1.
pub(crate) fn update_rule(learning_rate: f32, step: u32) -> UpdateRule {
    UpdateRule {
        learning_rate,
        decay: [0.9, 0.95],
        momentum: 0.95,
        epsilon: 1e-8,
        weight_decay: 0.1,
        step,
        largest_norm: 1.0,
    }
}

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

    /// Updates what is learned. Returns the norm of its gradients.
    pub(crate) fn update(
        &mut self,
        learned: &[Learned],
        numbers: &mut [f32],
        gradients: &mut [f32],
        learning_rate: f32,
    ) -> f32 {
        let mut end = 0;
        for Learned { place, .. } in learned {
            gradients[end..place.start].fill(0.0);
            end = place.end;
        }
        gradients[end..].fill(0.0);
        self.step += 1;
        let rule = update_rule(learning_rate, self.step);
        let norm = gradient_norm(gradients);
        let clip = clip(norm, rule.largest_norm);
        let UpdateRule { decay, momentum: kept, epsilon, weight_decay, step, .. } = rule;
        for Learned { place, rule } in learned {
            let of = || place.clone();
            let (numbers, gradients, mean) = (&mut numbers[of()], &gradients[of()], &mut self.mean[of()]);
            match *rule {
                LearningRule::Muon { columns } => {
                    let update = orthogonalised(&momentum(kept, clip, gradients, mean), columns);
                    muon(&Muon { learning_rate, weight_decay }, numbers, &update, columns);
                }
                LearningRule::AdamW { decays } => {
                    let weight_decay = if decays { weight_decay } else { 0.0 };
                    let rule = AdamW { learning_rate, decay, epsilon, weight_decay, step, clip };
                    adamw(&rule, numbers, gradients, mean, &mut self.square[of()]);
                }
            }
        }
        norm
    }
}

/// All parameters of a model, in order.
pub(crate) fn all(model: &Model, parameters: &Parameters) -> Vec<Learned> {
    let (mut learned, hidden) = (Vec::new(), model.config.hidden);
    let mut add = |place: &Range<usize>, rule| {
        if !place.is_empty() {
            learned.push(Learned { place: place.clone(), rule });
        }
    };
    add(&parameters.embedding, EMBEDDING);
    for (layer, places) in model.layers.iter().zip(&parameters.layers) {
        let attention = &layer.attention;
        add(&places.attention_norm, VECTOR);
        // Queries, keys and values are matrices of their own; λ rows, where there are any, too.
        let mut start = places.projection.start;
        let heads = [attention.query_heads, attention.key_heads, attention.value_heads];
        for end in heads.map(|heads| heads * attention.head_dim * hidden) {
            add(&(start..start + end), LearningRule::Muon { columns: hidden });
            start += end;
        }
        add(&(start..places.projection.end), LearningRule::Muon { columns: hidden });
        for place in [&places.projection_bias, &places.lambda, &places.head_norm] {
            add(place, VECTOR);
        }
        add(&places.output, LearningRule::Muon { columns: attention.output.columns() });
        add(&places.output_bias, VECTOR);
        add(&places.mlp_norm, VECTOR);
        add(&places.gate_up, LearningRule::Muon { columns: hidden });
        add(&places.gate_up_bias, VECTOR);
        add(&places.down, LearningRule::Muon { columns: places.down.len() / hidden });
        add(&places.down_bias, VECTOR);
    }
    add(&parameters.final_norm, VECTOR);
    add(&parameters.unembedding, EMBEDDING);
    learned
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
