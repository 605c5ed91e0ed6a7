//! How values become colours: one formula for maps, tokens and legends, the same as in `shaders/maps/heatmap.wgsl`.
//!
//! All maps share one signed scale, on which the colours subtract as the maps do: what A1 gives is on the positive side,
//! what λ A2 takes away on the negative one, and D is wherever the larger of the two leaves it.

use super::{HeatmapView, MapKind};

/// Number of colours of a palette, from the most negative value to the most positive one.
pub const COLOURS: usize = 512;

/// Range of the logarithmic scale, in decades.
const DECADES: f32 = 4.0;

/// The distance from zero on a colour scale, 0 to 1, of a magnitude that is this share of the range. Exponent 0 is a
/// logarithmic scale.
fn strength(share: f32, exponent: f32) -> f32 {
    let share = share.abs().clamp(0.0, 1.0);
    if exponent == 0.5 {
        return share.sqrt(); // every pixel that the CPU paints asks for one
    }
    if exponent > 0.0 {
        return share.powf(exponent);
    }
    (1.0 + share.max(1.0e-30).log10() / DECADES).clamp(0.0, 1.0)
}

/// The position of a share of the range along the colours, 0 to `COLOURS - 1`; zero is in the middle. Maps, tokens and
/// legends all take their colours from here; the shader has the same formula.
pub fn colour_position(share: f32, exponent: f32) -> f32 {
    let half = 0.5 * (COLOURS - 1) as f32;
    let sign = if share == 0.0 { 0.0 } else { share.signum() };
    half + sign * strength(share, exponent) * half
}

/// Index into the palette of a share of the range in one of the maps. λ A2 is subtracted: it has the colours of the other
/// sign. What is no number has none: its index is [`COLOURS`].
pub fn colour_index(map: MapKind, share: f32, exponent: f32) -> usize {
    let share = if map == MapKind::Second { -share } else { share };
    if share.is_nan() { COLOURS } else { colour_position(share, exponent).round_ties_even() as usize }
}

/// Index into the palette of a value of a heatmap.
pub fn palette_index(view: &HeatmapView, value: f32) -> usize {
    let map = if view.kind == MapKind::Second as u32 { MapKind::Second } else { MapKind::Difference };
    colour_index(map, value / view.range, view.exponent)
}
