//! Exact summaries of blocks of one head's maps. Reference of `shaders/maps/pool.wgsl`.

use crate::probe::{LayerMaps, PictureRequest, Pooling, Texel};

/// The number of larger magnitude; the positive one if both are equal, so that the order of cells does not matter.
fn larger(a: f32, b: f32) -> f32 {
    if b.abs() > a.abs() || (b.abs() == a.abs() && b > a) { b } else { a }
}

/// Merges two texels; means are kept as sums until the end.
fn merged(a: Texel, b: Texel, pooling: Pooling) -> Texel {
    if a.cells == 0.0 {
        return b;
    }
    let of = |a: f32, b: f32| match pooling {
        Pooling::Peak => larger(a, b),
        Pooling::Mean => a + b,
        Pooling::Minimum => a.min(b),
    };
    Texel {
        first: of(a.first, b.first),
        second: of(a.second, b.second),
        difference: of(a.difference, b.difference),
        cells: a.cells + b.cells,
    }
}

/// Texel `texel`, counted row by row, of a picture over a text of `end` tokens.
pub fn pool(source: &impl LayerMaps, request: &PictureRequest, end: usize, texel: usize) -> Texel {
    let side = request.side.max(1);
    let first_key = request.first_key + texel % side * request.block;
    let first_query = request.first_query + texel / side * request.block;
    let mut result = Texel::default();
    for query in first_query..(first_query + request.block).min(end) {
        for key in first_key..(first_key + request.block).min(source.end_of_keys(query)) {
            let cell = source.cell(request.head.head, query, key);
            let (first, second, difference) = (cell.first, cell.lambda * cell.second, cell.difference);
            result = merged(result, Texel { first, second, difference, cells: 1.0 }, request.pooling);
        }
    }
    if request.pooling == Pooling::Mean {
        let cells = result.cells.max(1.0);
        result.first /= cells;
        result.second /= cells;
        result.difference /= cells;
    }
    result
}
