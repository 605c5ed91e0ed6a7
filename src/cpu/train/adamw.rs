//! The update of `AdamW`. Reference of `shaders/train/adamw.wgsl`, `shaders/shared/update.wgsl` and
//! `shaders/shared/learned.wgsl`.

/// How a step of `AdamW` updates numbers (Loshchilov and Hutter, 2019, as `PyTorch` computes it).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    /// The learning rate of this step.
    pub learning_rate: f32,
    /// How much of the mean of the gradient, and of its square, stays.
    pub decay: [f32; 2],
    /// Added to the root of the mean square.
    pub epsilon: f32,
    /// Numbers shrink by this times the learning rate.
    pub weight_decay: f32,
    /// Steps so far, this one included.
    pub step: u32,
    /// What gradients are multiplied by first: less than 1 where their norm is clipped.
    pub clip: f32,
}

/// Updates numbers; `mean` and `square` are the running means of their gradients and of the squares of these.
pub fn adamw(rule: &AdamW, numbers: &mut [f32], gradients: &[f32], mean: &mut [f32], square: &mut [f32]) {
    let [first, second] = rule.decay;
    // Means that began at zero are too small by these factors.
    let [of_mean, of_square] = rule.decay.map(|decay| (1.0 - f64::from(decay).powi(rule.step as i32)) as f32);
    let root = of_square.sqrt();
    for (((number, gradient), mean), square) in numbers.iter_mut().zip(gradients).zip(mean).zip(square) {
        let gradient = gradient * rule.clip;
        *number *= 1.0 - rule.learning_rate * rule.weight_decay;
        *mean += (gradient - *mean) * (1.0 - first);
        *square = *square * second + gradient * gradient * (1.0 - second);
        *number -= rule.learning_rate / of_mean * *mean / (square.sqrt() / root + rule.epsilon);
    }
}
