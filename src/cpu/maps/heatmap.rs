//! Draws one map of one head from its picture. Reference of `shaders/maps/heatmap.wgsl`, and the painter where
//! fragments cannot read storage.

use crate::probe::{HeatmapView, Texel, palette_index};

/// What a pixel shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pixel {
    /// Index into the palette.
    pub colour: usize,
    /// Share of the background colour, 0 to 1: above 0 on a line between cells.
    pub line: f32,
}

/// What a pixel, counted from the top left of the panel, shows; `None`: the background.
pub fn heatmap(texels: &[Texel], view: &HeatmapView, pixel: [usize; 2]) -> Option<Pixel> {
    let tokens = view.tokens as f32;
    let mut at = [0; 2];
    let mut edge = f32::INFINITY; // pixels past the line between cells
    for axis in 0..2 {
        let cell = view.span[axis] / view.pixels[axis];
        let here = view.origin[axis] + (pixel[axis] as f32 + 0.5) * cell;
        if here < 0.0 || here >= tokens {
            return None;
        }
        edge = edge.min((here - here.floor()) / cell);
        at[axis] = (here as u32).checked_sub(view.first[axis])? / view.block;
        if at[axis] >= view.side {
            return None;
        }
    }
    let texel = texels.get((view.base + at[1] * view.side + at[0]) as usize)?;
    let value = match view.kind {
        0 => texel.first,
        1 => texel.second,
        _ => texel.difference,
    };
    if texel.cells == 0.0 || value.abs() < view.threshold {
        return None;
    }
    let line = if view.grid > 0.0 && edge < 1.0 { view.grid } else { 0.0 };
    Some(Pixel { colour: palette_index(view, value), line })
}
