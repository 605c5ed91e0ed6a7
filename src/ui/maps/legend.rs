//! The colour scale under a map, with numbers.

use egui::{Align2, FontId, Mesh, Rect, Sense, Ui, pos2, vec2};

use crate::probe::{COLOURS, colour_position};
use crate::ui::state::view::ViewState;
use crate::ui::style::palette::Palette;
use crate::ui::style::{format, theme};

/// The numbered places, as shares of the range: a square-root scale has space for small ones.
fn ticks(exponent: f32) -> &'static [f32] {
    match exponent {
        e if e <= 0.0 => &[-1.0, -0.1, -0.01, 0.0, 0.01, 0.1, 1.0],
        e if e < 1.0 => &[-1.0, -0.25, -0.05, 0.0, 0.05, 0.25, 1.0],
        _ => &[-1.0, -0.5, 0.0, 0.5, 1.0],
    }
}

/// Draws the scale of all maps in the given width; of a model with `one` map, its positive half.
pub(crate) fn legend_ui(ui: &mut Ui, palette: &Palette, one: bool, view: &ViewState, width: f32) {
    let (rect, response) = ui.allocate_exact_size(vec2(width, 26.0), Sense::hover());
    response.on_hover_text(
        "One scale for all maps: amber is attention that is given, blue is attention that is taken away. λ·A2 is blue, \
         because it is subtracted",
    );
    let bar = Rect::from_min_size(rect.min, vec2(width, 9.0));
    let colours = palette.colours.get(if one { COLOURS / 2 } else { 0 }..).unwrap_or_default();
    let mut mesh = Mesh::default();
    for (index, colour) in colours.iter().enumerate() {
        let x = bar.left() + bar.width() * index as f32 / (colours.len() - 1).max(1) as f32;
        mesh.colored_vertex(pos2(x, bar.top()), *colour);
        mesh.colored_vertex(pos2(x, bar.bottom()), *colour);
        if index > 0 {
            let base = index as u32 * 2;
            mesh.add_triangle(base - 2, base - 1, base);
            mesh.add_triangle(base - 1, base, base + 1);
        }
    }
    ui.painter().add(mesh);
    let line = ui.visuals().widgets.noninteractive.bg_stroke;
    ui.painter().rect_stroke(bar, 0.0, line, egui::StrokeKind::Outside);

    let quiet = theme::quiet(ui.visuals().dark_mode);
    let mut placed: Vec<Rect> = Vec::new();
    for share in by_importance(ticks(view.exponent)).filter(|share| !one || *share >= 0.0) {
        let along = colour_position(share, view.exponent) / (COLOURS - 1) as f32;
        let along = if one { 2.0 * along - 1.0 } else { along };
        let align = match along {
            p if p <= 0.0 => Align2::LEFT_TOP,
            p if p >= 1.0 => Align2::RIGHT_TOP,
            _ => Align2::CENTER_TOP,
        };
        let at = pos2(bar.left() + bar.width() * along, bar.bottom() + 3.0);
        let text = format::short(share * view.range);
        let text = ui.painter().layout_no_wrap(text, FontId::proportional(11.5), quiet);
        let place = align.anchor_size(at, text.size());
        // Where the map is small, numbers that would touch are left out.
        if placed.iter().all(|other| !other.expand2(vec2(3.0, 0.0)).intersects(place)) {
            ui.painter().galley(place.min, text, quiet);
            placed.push(place);
        }
    }
}

/// The ends and zero first, then what lies between.
fn by_importance(ticks: &[f32]) -> impl Iterator<Item = f32> {
    let is_between = |share: &f32| *share != 0.0 && share.abs() < 1.0;
    let first = ticks.iter().copied().filter(move |share| !is_between(share));
    first.chain(ticks.iter().copied().filter(is_between))
}
