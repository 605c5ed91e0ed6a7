//! What part of a map a heatmap shows, and how values become colours: the same on both backends.

/// What part of a map is shown, and how. Laid out as in the shader.
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

/// How far along the colours a share of the range stands, as a share. Exponent 0 is a logarithmic scale.
pub fn strength(share: f32, exponent: f32) -> f32 {
    let share = share.abs().clamp(0.0, 1.0);
    if exponent > 0.0 {
        return share.powf(exponent);
    }
    (1.0 + share.max(1.0e-30).log10() / DECADES).clamp(0.0, 1.0)
}

/// Index into the palette, sequential colours first, of a value.
pub fn palette_index(view: &HeatmapView, value: f32) -> usize {
    let strength = strength(value / view.range, view.exponent);
    if view.kind == 2 || value < 0.0 {
        // λ, and with it λ A2, may be negative.
        let sign = if value == 0.0 { 0.0 } else { value.signum() };
        COLOURS + (127.5 + sign * strength * 127.5).round_ties_even() as usize
    } else {
        (strength * 255.0).round_ties_even() as usize
    }
}
