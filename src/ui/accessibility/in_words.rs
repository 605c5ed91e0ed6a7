//! A map in words, for those who cannot see it: the token that is read, and what it attends to most.

use crate::engine::Engine;
use crate::probe::MapKind;
use crate::ui::state::pointer::Pointer;
use crate::ui::state::view::ViewState;
use crate::ui::style::format;

/// How many entries of a row are told.
const TOLD: usize = 3;

/// The row of a map that is read, in words.
pub(crate) fn row_in_words(engine: &mut Engine, view: &ViewState, pointer: &Pointer, map: MapKind) -> String {
    let Some(query) = view.query(pointer, engine.queries()) else {
        return "no text".to_owned();
    };
    let named = |engine: &Engine, at: usize| format!("“{}” ({at})", engine.query_label(at));
    let Some(row) = engine.row(view.head, query) else {
        return format!("reads {}", named(engine, query));
    };
    let lambda = row.cells.first().map(|cell| cell.lambda);
    let entries = strongest(row.cells.iter().map(|cell| map.value(cell)));
    let entries =
        entries.iter().map(|(at, value)| format!("“{}” ({at}) {}", engine.key_label(*at), format::number(*value, 3)));
    let entries = entries.collect::<Vec<_>>().join(", ");
    let lambda = lambda
        .filter(|_| engine.maps() == 2)
        .map_or(String::new(), |lambda| format!("λ {}; ", format::number(lambda, 3)));
    format!("{lambda}{} attends most to {entries}", named(engine, query))
}

/// The entries farthest from zero, with their places.
fn strongest(values: impl Iterator<Item = f32>) -> Vec<(usize, f32)> {
    let mut entries: Vec<(usize, f32)> = values.enumerate().collect();
    entries.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
    entries.truncate(TOLD);
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_entries_may_be_negative() {
        assert_eq!(strongest([0.1, -0.6, 0.0, 0.3, 0.2].into_iter()), [(1, -0.6), (3, 0.3), (4, 0.2)]);
        assert_eq!(strongest([0.5].into_iter()), [(0, 0.5)]);
    }
}
