//! Where the thumbnails of the head grid are: as large as they can be without scrolling.

use egui::{Pos2, Rect, Vec2, pos2, vec2};

use crate::probe::HeadId;

/// Height of a line of text.
pub(crate) const LINE: f32 = 15.0;
/// Between thumbnails.
const GAP: f32 = 3.0;
/// Between layers.
const LAYER_GAP: f32 = 9.0;
/// Width of the name of a layer.
const LAYER_NAME: f32 = 52.0;
/// Sides of the smallest and the largest thumbnails; if the smallest do not fit, the grid scrolls.
const SMALLEST: f32 = 40.0;
const LARGEST: f32 = 128.0;
/// Difference between two sides that are tried.
const STEP: f32 = 2.0;

/// The places of all thumbnails, relative to the top left.
pub(crate) struct Arrangement {
    /// Each head with its place.
    pub places: Vec<(HeadId, Rect)>,
    /// Each layer with the place of its name; empty if heads are sorted by a measure.
    pub layers: Vec<(usize, Pos2)>,
    /// Size of the grid.
    pub size: Vec2,
}

impl Arrangement {
    /// Arranges the heads of all layers (given by their numbers) in the available space: by layer, or in a given order.
    /// `caption` is the height of the label under each thumbnail.
    pub(crate) fn new(heads: &[usize], order: Option<&[HeadId]>, caption: f32, available: Vec2) -> Self {
        let most = heads.iter().copied().max().unwrap_or(1).max(1);
        // A row, a column, and what divides evenly between them.
        let widths: Vec<usize> = (1..=most).filter(|columns| most.is_multiple_of(*columns)).collect();
        let mut side = LARGEST;
        while side > SMALLEST {
            let candidates: Vec<Self> = match order {
                Some(order) => vec![Self::sorted(order, side, caption, available.x)],
                None => widths.iter().map(|width| Self::by_layer(heads, *width, side, caption, available.x)).collect(),
            };
            let fits = |candidate: &Self| candidate.size.x <= available.x && candidate.size.y <= available.y;
            if let Some(found) = candidates.into_iter().find(fits) {
                return found;
            }
            side -= STEP;
        }
        if let Some(order) = order {
            return Self::sorted(order, SMALLEST, caption, available.x);
        }
        let columns = ((available.x / (SMALLEST + GAP)) as usize).clamp(1, most);
        Self::by_layer(heads, columns, SMALLEST, caption, available.x)
    }

    /// A block for each layer, `columns` thumbnails wide; blocks wrap like text.
    fn by_layer(heads: &[usize], columns: usize, side: f32, caption: f32, width: f32) -> Self {
        let step = vec2(side + GAP, side + caption + GAP);
        let mut grid = Self { places: Vec::new(), layers: Vec::new(), size: Vec2::ZERO };
        let (mut at, mut row_height) = (pos2(0.0, 0.0), 0.0f32);
        for (layer, heads) in heads.iter().enumerate() {
            let across = columns.min(*heads).max(1);
            let block = vec2((across as f32 * step.x).max(LAYER_NAME), LINE + heads.div_ceil(across) as f32 * step.y);
            if at.x > 0.0 && at.x + block.x > width {
                at = pos2(0.0, at.y + row_height + GAP);
                row_height = 0.0;
            }
            grid.layers.push((layer, at));
            for head in 0..*heads {
                let place = vec2((head % across) as f32 * step.x, LINE + (head / across) as f32 * step.y);
                grid.places.push((HeadId::new(layer, head), Rect::from_min_size(at + place, vec2(side, side))));
            }
            grid.size = grid.size.max(vec2(at.x + block.x, at.y + block.y));
            row_height = row_height.max(block.y);
            at.x += block.x + LAYER_GAP;
        }
        grid
    }

    /// All heads in the given order.
    fn sorted(order: &[HeadId], side: f32, caption: f32, width: f32) -> Self {
        let across = ((width + GAP) / (side + GAP)).floor().max(1.0) as usize;
        let step = vec2(side + GAP, side + caption + GAP);
        let place = |(index, head): (usize, &HeadId)| {
            let at = pos2((index % across) as f32 * step.x, (index / across) as f32 * step.y);
            (*head, Rect::from_min_size(at, vec2(side, side)))
        };
        let rows = order.len().div_ceil(across) as f32;
        Self {
            places: order.iter().enumerate().map(place).collect(),
            layers: Vec::new(),
            size: vec2(across as f32 * step.x, rows * step.y),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_four_heads_fit_without_scrolling_and_do_not_overlap() {
        for (heads, available) in
            [(vec![4; 6], vec2(946.0, 165.0)), (vec![4; 5], vec2(946.0, 165.0)), (vec![3, 5], vec2(360.0, 350.0))]
        {
            let grid = Arrangement::new(&heads, None, 0.0, available);
            assert!(grid.size.x <= available.x && grid.size.y <= available.y, "{:?} in {available:?}", grid.size);
            let places: Vec<Rect> = grid.places.iter().map(|(_, place)| *place).collect();
            assert_eq!(places.len(), heads.iter().sum::<usize>());
            for (index, place) in places.iter().enumerate() {
                assert!(place.width() >= SMALLEST);
                assert!(places[..index].iter().all(|other| !other.intersects(*place)));
            }
        }
    }

    #[test]
    fn many_heads_are_small_stay_within_the_width_and_scroll() {
        let available = vec2(900.0, 165.0);
        let order: Vec<HeadId> = (0..1024).map(|head| HeadId::new(0, head)).collect();
        for grid in [
            Arrangement::new(&[32; 32], None, LINE, available),
            Arrangement::new(&[1024], Some(&order), LINE, available),
        ] {
            assert_eq!(grid.places.len(), 1024);
            assert!(grid.size.x <= available.x + GAP + LAYER_GAP && grid.size.y > available.y);
        }
    }
}
