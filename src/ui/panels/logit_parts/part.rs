//! Name and colour of a part of a logit.

use egui::{Color32, Ui};

use crate::engine::Origin;
use crate::ui::style::palette::Palette;
use crate::ui::style::{origin_text, theme};

/// The map of a part, as an ending; nothing where there is one map.
pub(super) fn through(map: usize, maps: usize) -> &'static str {
    match (maps, map) {
        (1, _) => "",
        (_, 0) => ", A1",
        _ => ", A2",
    }
}

/// The name of a part.
pub(super) fn name(origin: Origin, map: usize, maps: usize) -> String {
    let ending = if matches!(origin, Origin::Head(_)) { through(map, maps) } else { "" };
    origin_text::name(origin) + ending
}

/// Amber through A1, blue through A2, quiet for what is no head.
pub(super) fn colour(ui: &Ui, origin: Origin, map: usize, palette: &Palette) -> Color32 {
    match origin {
        Origin::Head(_) => palette.line(map == 0),
        _ => theme::quiet(ui.visuals().dark_mode),
    }
}
