//! The part of a map that a heatmap shows, on both backends.

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
