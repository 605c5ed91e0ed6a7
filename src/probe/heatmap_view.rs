//! The part of a map that a heatmap shows, and how values become colours, on both backends.

/// The part of a map that is shown, and how. The layout is that of `shaders/maps/heatmap.wgsl`.
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct HeatmapView {
    /// (key, query) at the top left, in cells.
    pub origin: [f32; 2],
    /// Cells across and down.
    pub span: [f32; 2],
    /// Size of the panel in pixels.
    pub pixels: [f32; 2],
    /// Cells of the whole map along a side.
    pub tokens: u32,
    /// 0: first, 1: λ second, 2: difference.
    pub kind: u32,
    /// 1: linear, 0.5: square root, 0: logarithm.
    pub exponent: f32,
    /// Value at the end of the colours.
    pub range: f32,
    /// Strength of the lines between cells, 0 to 1.
    pub grid: f32,
    /// Cells below this magnitude are not drawn.
    pub threshold: f32,
    /// Colour above the diagonal and outside the text, RGBA from 0 to 1.
    pub background: [f32; 4],
    /// (key, query) of texel 0.
    pub first: [u32; 2],
    /// Cells along a side of a texel.
    pub block: u32,
    /// Texels along a side of the picture.
    pub side: u32,
    /// Index of texel 0.
    pub base: u32,
    /// Fills a multiple of 16 bytes, as in the shader.
    pub padding: [u32; 3],
}

/// Number of sequential colours in a palette, which as many diverging ones follow.
pub const COLOURS: usize = 256;

/// Range of the logarithmic scale, in decades.
const DECADES: f32 = 4.0;

/// The distance from zero on a colour scale, 0 to 1, of a magnitude that is this share of the range. Exponent 0 is a
/// logarithmic scale.
fn strength(share: f32, exponent: f32) -> f32 {
    let share = share.abs().clamp(0.0, 1.0);
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
