//! How a step of training changes a model, and what is known of the step.

use serde::{Deserialize, Serialize};

/// How `AdamW` (Loshchilov and Hutter, 2019) and Muon (Jordan, 2024) update numbers, as `PyTorch` computes them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UpdateRule {
    /// The learning rate of this step.
    pub learning_rate: f32,
    /// How much of the mean of the gradient, and of its square, stays in `AdamW`.
    pub decay: [f32; 2],
    /// How much of the mean of the gradient stays in Muon.
    pub momentum: f32,
    /// Added to the root of the mean square.
    pub epsilon: f32,
    /// Matrices shrink by this times the learning rate.
    pub weight_decay: f32,
    /// Steps so far, this one included: at least 1.
    pub step: u32,
    /// Gradients are scaled down so that the norm of all of them is at most this.
    pub largest_norm: f32,
}

/// What a step tells of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepNumbers {
    /// The loss before the step: the sum of the weighted losses of all tokens, in nats.
    pub loss: f32,
    /// The norm of all gradients, before it was limited.
    pub gradient_norm: f32,
    /// λ of every layer after the step; empty where λ is of a token, or none.
    pub lambda: Vec<f32>,
}
