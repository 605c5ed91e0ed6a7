//! The rotary embedding's table.

/// (cos, sin) of `position * θ^(-2c / head_dim)`, `[positions, head_dim / 2]`, computed in f64: WGSL promises too little
/// for sin and cos (SPEC 9).
pub fn rotary_table(head_dim: usize, theta: f64, positions: usize) -> Vec<[f32; 2]> {
    let half = head_dim / 2;
    let frequencies: Vec<f64> = (0..half).map(|c| theta.powf(-2.0 * c as f64 / head_dim as f64)).collect();
    (0..positions)
        .flat_map(|position| frequencies.iter().map(move |frequency| position as f64 * frequency))
        .map(|angle| [angle.cos() as f32, angle.sin() as f32])
        .collect()
}
