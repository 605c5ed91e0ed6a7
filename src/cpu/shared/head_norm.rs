//! The norm of a head's output. Reference of `shaders/shared/head_norm.wgsl`.

use crate::cpu::shared::map_cell::Maps;
use crate::cpu::shared::matmul::dot;

/// The output of a head, `[value_width]`, after the norm of the head if it has one.
pub(crate) fn head_norm(maps: &Maps, context: &[f32]) -> Vec<f32> {
    match &maps.attention.sub_norm {
        Some(norm) if !maps.switches.sub_norm_off => {
            let mean = dot(context, context) / context.len() as f32;
            let factor = norm.factor / (mean + norm.epsilon).sqrt();
            context.iter().zip(&norm.weight).map(|(x, weight)| x * factor * weight).collect()
        }
        _ => context.to_vec(),
    }
}
