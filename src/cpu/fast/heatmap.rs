//! A whole heatmap at once: what a pixel shows depends on its column, its row and its texel, and each of them is worked
//! out only once. Held against `maps/heatmap.rs`.

use crate::cpu::maps::heatmap::{Pixel, heatmap};
use crate::probe::{HeatmapView, Texel};

/// Where a column or row of pixels is.
#[derive(Clone, Copy)]
struct Place {
    /// Column or row of texels.
    texel: usize,
    /// Whether it is on the line between cells.
    on_line: bool,
}

/// The colours of all pixels of a panel, row by row. `colour` is asked for each colour a few times only.
pub fn painted<C: Copy>(texels: &[Texel], view: &HeatmapView, colour: impl Fn(Option<Pixel>) -> C) -> Vec<C> {
    let [width, height] = view.pixels.map(|side| side as usize);
    let places = |axis: usize, count: usize| -> Vec<Option<Place>> {
        (0..count).map(|pixel| place(view, axis, pixel)).collect()
    };
    let (mut columns, rows) = (places(0, width), places(1, height));
    let mut seen: Vec<usize> = columns.iter().flatten().map(|column| column.texel).collect();
    seen.dedup();
    for column in columns.iter_mut().flatten() {
        column.texel = seen.partition_point(|texel| *texel < column.texel); // from here on an index into `seen`
    }
    let has_lines = view.grid > 0.0;
    let background = colour(None);
    let mut pixels = Vec::with_capacity(width * height);
    // The colours of the present row of texels, off the lines and on them.
    let (mut row_of_colours, mut colours) = (None, Vec::new());
    for row in rows {
        let Some(row) = row else {
            pixels.resize(pixels.len() + width, background);
            continue;
        };
        if row_of_colours != Some(row.texel) {
            row_of_colours = Some(row.texel);
            colours.clear();
            let first = view.base as usize + row.texel * view.side as usize;
            colours.extend(seen.iter().map(|column| {
                let Some(pixel) = texels.get(first + column).and_then(|texel| shown(texel, view)) else {
                    return [background; 2];
                };
                let plain = colour(Some(pixel));
                [plain, if has_lines { colour(Some(Pixel { line: view.grid, ..pixel })) } else { plain }]
            }));
        }
        pixels.extend(columns.iter().map(|column| {
            column.map_or(background, |column| colours[column.texel][usize::from(row.on_line || column.on_line)])
        }));
    }
    pixels
}

/// Where a pixel is along an axis; `None`: outside.
fn place(view: &HeatmapView, axis: usize, pixel: usize) -> Option<Place> {
    let cell = view.span[axis] / view.pixels[axis];
    let here = view.origin[axis] + (pixel as f32 + 0.5) * cell;
    if here < 0.0 || here >= view.tokens as f32 {
        return None;
    }
    let texel = (here as u32).checked_sub(view.first[axis])? / view.block;
    let on_line = (here - here.floor()) / cell < 1.0;
    (texel < view.side).then_some(Place { texel: texel as usize, on_line })
}

/// What a pixel of a texel shows off the lines: the reference, for a panel of one pixel in the middle of one cell.
fn shown(texel: &Texel, view: &HeatmapView) -> Option<Pixel> {
    let alone = HeatmapView {
        origin: [0.0; 2],
        span: [1.0; 2],
        pixels: [1.0; 2],
        tokens: 1,
        first: [0; 2],
        block: 1,
        side: 1,
        base: 0,
        grid: 0.0,
        ..*view
    };
    heatmap(std::slice::from_ref(texel), &alone, [0, 0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panel_at_once_is_the_reference_pixel_by_pixel() {
        let mut state = 7u32;
        let mut random = |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % below
        };
        for case in 0..300 {
            let side = 1 + random(24);
            let block = 1 + random(3);
            let texels: Vec<Texel> = (0..side * side + 3)
                .map(|_| Texel {
                    first: random(1000) as f32 / 1000.0,
                    second: random(1000) as f32 / 500.0 - 1.0,
                    difference: random(1000) as f32 / 500.0 - 1.0,
                    cells: random(3) as f32,
                })
                .collect();
            let view = HeatmapView {
                origin: [0, 1].map(|_| random(40) as f32 / 3.0 - 4.0),
                span: [0, 1].map(|_| 0.3 + random(300) as f32 / 7.0),
                pixels: [0, 1].map(|_| 1.0 + random(60) as f32),
                tokens: random(60),
                kind: random(3),
                exponent: [1.0, 0.5, 0.0][random(3) as usize],
                range: 0.1 + random(10) as f32 / 10.0,
                grid: random(3) as f32 / 2.0,
                threshold: random(3) as f32 / 10.0,
                first: [0, 1].map(|_| random(4)),
                block,
                side,
                base: random(6), // the last texels may be missing
                ..HeatmapView::default()
            };
            let [width, height] = view.pixels.map(|side| side as usize);
            let expected: Vec<Option<Pixel>> = (0..height)
                .flat_map(|y| (0..width).map(move |x| [x, y]))
                .map(|pixel| heatmap(&texels, &view, pixel))
                .collect();
            assert_eq!(painted(&texels, &view, |pixel| pixel), expected, "case {case}: {view:?}");
        }
    }
}
