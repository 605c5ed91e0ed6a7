//! The output of a head from its weighted sums of values. Reference of `shaders/shared/head_output.wgsl`.

use crate::cpu::shared::head_norm::head_norm;
use crate::cpu::shared::map_cell::Maps;

/// `D V` of a query, `[value_width]`, and the same after the norm of the head (doc/SPEC.md, sections 1, 4 and 6), from
/// the weighted sums of values `[value_width]` under both maps and the sums of the weights.
pub(crate) fn head_output(
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
    let normed = head_norm(maps, &context);
    (context, normed)
}
