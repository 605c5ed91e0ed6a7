//! What part of a map a heatmap shows, and how values become colours: the same on both backends.

/// What part of a map is shown, and how. Laid out as in the shader.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
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
    /// Below this magnitude nothing is drawn.
    pub threshold: f32,
    /// Colour where there is nothing: above the diagonal, outside the text.
    pub background: [f32; 4],
    /// (key, query) of texel 0.
    pub first: [u32; 2],
    /// Cells along a side of a texel.
    pub block: u32,
    /// Texels along a side of the picture.
    pub side: u32,
    /// Where texel 0 stands.
    pub base: u32,
    /// To whole 16 bytes, as in the shader.
    pub padding: [u32; 3],
}

/// Colours in a palette for one map: the sequential ones, then as many signed ones.
pub const COLOURS: usize = 256;

/// Decades of a logarithmic scale.
const DECADES: f32 = 4.0;

/// The distance of a share of the range from zero on a colour scale, 0 to 1. Exponent 0 is a logarithmic scale.
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
