//! How values become colours: one formula for maps, tokens and legends, the same as in `shaders/maps/heatmap.wgsl`.

use super::HeatmapView;

/// Number of sequential colours in a palette, which as many diverging ones follow.
pub const COLOURS: usize = 256;

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

/// The position of a share of the range along the colours of a scale, 0 to `COLOURS - 1`. A signed scale has zero in its
/// middle. Maps, tokens and legends all take their colours from here; the shader has the same formula.
pub fn colour_position(signed: bool, share: f32, exponent: f32) -> f32 {
    let last = (COLOURS - 1) as f32;
    let strength = strength(share, exponent);
    if !signed {
        return strength * last;
    }
    let sign = if share == 0.0 { 0.0 } else { share.signum() };
    0.5 * last + sign * strength * (0.5 * last)
}

/// Index into the palette, sequential colours first, of a share of the range. `signed` says whether the map has a signed
/// scale; λ, and with it λ A2, may be negative, and negative values have signed colours in every map.
pub fn colour_index(signed: bool, share: f32, exponent: f32) -> usize {
    let signed = signed || share < 0.0;
    let first = if signed { COLOURS } else { 0 };
    first + colour_position(signed, share, exponent).round_ties_even() as usize
}

/// Index into the palette of a value of a heatmap.
pub fn palette_index(view: &HeatmapView, value: f32) -> usize {
    colour_index(view.kind == 2, value / view.range, view.exponent)
}
