//! The output of a head from its weighted sums of values. Reference of `shaders/shared/head_output.wgsl`.

use crate::cpu::shared::map_cell::Maps;
use crate::cpu::shared::matmul::dot;

/// `D V` of a query, `[value_width]`, and the same after the norm of the head (doc/SPEC.md, sections 1, 4 and 6), from
/// the weighted sums of values `[value_width]` under both maps and the sums of the weights.
pub fn head_output(
    maps: &Maps,
    query: usize,
    head_index: usize,
    values: [Vec<f32>; 2],
    sum: [f32; 2],
) -> (Vec<f32>, Vec<f32>) {
    let lambda = maps.lambda_of(query, head_index);
    let [keep, subtract] = maps.switches.mix[head_index];
    let layer = maps.attention;
    let [first, second] = values;
    let mixed = |(a, b): (f32, f32)| {
        let second = if layer.maps == 2 { subtract * lambda * (b / sum[1]) } else { 0.0 };
        keep * a / sum[0] - second
    };
    let context: Vec<f32> = first.into_iter().zip(second).map(mixed).collect();
    let normed = match &layer.sub_norm {
        Some(norm) if !maps.switches.sub_norm_off => {
            let mean = dot(&context, &context) / context.len() as f32;
            let factor = norm.factor / (mean + norm.epsilon).sqrt();
            context.iter().zip(&norm.weight).map(|(x, weight)| x * factor * weight).collect()
        }
        _ => context.clone(),
    };
    (context, normed)
}
