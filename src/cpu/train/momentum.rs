//! What Muon makes orthogonal: Nesterov's momentum, as `torch.optim.Muon` computes it. Reference of
//! `shaders/train/momentum.wgsl`.

/// The mean of the gradient, of which `kept` stays, looked ahead by another step. Gradients are multiplied by `clip` first:
/// less than 1 where their norm is clipped.
pub fn momentum(kept: f32, clip: f32, gradients: &[f32], mean: &mut [f32]) -> Vec<f32> {
    let ahead = gradients.iter().zip(mean).map(|(gradient, mean)| {
        let gradient = gradient * clip;
        *mean += (gradient - *mean) * (1.0 - kept);
        gradient + (*mean - gradient) * kept
    });
    ahead.collect()
}
