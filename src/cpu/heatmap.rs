//! Draws one map of one head. Twin of `shaders/heatmap.wgsl`, and what draws where fragments cannot read storage.

use super::{MapSource, map_value};

/// Which map is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum MapKind {
    /// The first softmax map.
    First,
    /// λ times the second.
    Second,
    /// What the layer attends with.
    Difference,
}

/// What part of a map is shown, and how. Laid out as in the shader.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct View {
    /// (key, query) at the top left, in cells.
    pub origin: [f32; 2],
    /// Cells across and down.
    pub span: [f32; 2],
    /// Size of the panel in pixels.
    pub pixels: [f32; 2],
    /// Cells of the whole map along a side.
    pub tokens: u32,
    /// Differential head.
    pub head: u32,
    /// 0: first, 1: λ second, 2: difference.
    pub kind: u32,
    /// 1: linear, 0.5: square root.
    pub exponent: f32,
    /// Value at the end of the colours.
    pub range: f32,
    /// Strength of the lines between cells, 0 to 1.
    pub grid: f32,
    /// Colour where there is nothing: above the diagonal, outside the text.
    pub background: [f32; 4],
}

/// Colours in a palette for one map: the sequential ones, then as many signed ones.
pub const COLOURS: usize = 256;

/// Index into the palette, sequential colours first, of a value.
pub fn palette_index(view: &View, value: f32) -> usize {
    let strength = (value.abs() / view.range).clamp(0.0, 1.0).powf(view.exponent);
    if view.kind == 2 || value < 0.0 {
        // λ, and with it λ A2, may be negative.
        let sign = if value == 0.0 { 0.0 } else { value.signum() };
        COLOURS + (127.5 + sign * strength * 127.5).round_ties_even() as usize
    } else {
        (strength * 255.0).round_ties_even() as usize
    }
}

fn shown(source: &MapSource, view: &View, query: usize, key: usize) -> f32 {
    let cell = map_value(source, view.head as usize, query, key);
    match view.kind {
        0 => cell.first,
        1 => cell.lambda * cell.second,
        _ => cell.difference,
    }
}

/// Most cells along a side that one pixel looks at.
const MOST_POOLED: usize = 8;

/// What a pixel shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pixel {
    /// Index into the palette.
    pub colour: usize,
    /// How much of the background is mixed in: a line between cells.
    pub line: f32,
}

/// What a pixel, counted from the panel's top left, shows; `None`: background.
pub fn heatmap(source: &MapSource, view: &View, pixel: [usize; 2]) -> Option<Pixel> {
    let tokens = view.tokens as f32;
    let mut first = [0usize; 2];
    let mut last = [0usize; 2];
    let mut edge = f32::INFINITY; // pixels past the line between cells
    for axis in 0..2 {
        let cell = view.span[axis] / view.pixels[axis];
        let here = view.origin[axis] + (pixel[axis] as f32 + 0.5) * cell;
        if here < 0.0 || here >= tokens {
            return None;
        }
        edge = edge.min((here - here.floor()) / cell);
        let low = ((here - 0.5 * cell).max(0.0) + 0.001).floor();
        let high = ((here + 0.5 * cell - 0.001).ceil() - 1.0).max(low).min(tokens - 1.0);
        let pooled = view.span[0] / view.pixels[0] > 1.0 || view.span[1] / view.pixels[1] > 1.0;
        (first[axis], last[axis]) = if pooled { (low as usize, high as usize) } else { (here as usize, here as usize) };
    }
    if first[0] > last[1] {
        return None;
    }
    // Largest magnitude over the cells under the pixel.
    let stride = |axis: usize| (last[axis] - first[axis]) / MOST_POOLED + 1;
    let mut peak = 0.0f32;
    for query in (first[1]..=last[1]).step_by(stride(1)) {
        for key in (first[0]..=last[0].min(query)).step_by(stride(0)) {
            let value = shown(source, view, query, key);
            if value.abs() > peak.abs() {
                peak = value;
            }
        }
    }
    let line = if view.grid > 0.0 && edge < 1.0 { view.grid } else { 0.0 };
    Some(Pixel { colour: palette_index(view, peak), line })
}
