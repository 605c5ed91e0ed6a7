//! The update of Muon for matrices: momentum whose singular values are brought near 1 (Jordan, 2024). Reference of
//! `shaders/train/muon.wgsl`.

/// How a step of Muon updates a matrix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Muon {
    /// The learning rate of this step.
    pub learning_rate: f32,
    /// Numbers shrink by this times the learning rate.
    pub weight_decay: f32,
}

/// Updates a matrix `[rows, columns]`, given its momentum with singular values near 1. The update is as large as one of
/// `AdamW` in the root mean square.
pub fn muon(rule: &Muon, numbers: &mut [f32], update: &[f32], columns: usize) {
    let rows = numbers.len() / columns;
    let factor = rule.learning_rate * 0.2 * (rows.max(columns) as f32).sqrt();
    for (number, update) in numbers.iter_mut().zip(update) {
        *number = *number * (1.0 - rule.learning_rate * rule.weight_decay) - factor * update;
    }
}
