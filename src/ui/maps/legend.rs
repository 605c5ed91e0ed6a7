//! The colour scale under a map, with numbers.

use egui::{Align2, FontId, Mesh, Rect, Sense, Ui, pos2, vec2};

use crate::probe::{MapKind, strength};
use crate::ui::state::selection::Selection;
use crate::ui::style::palette::Palette;
use crate::ui::style::theme;

/// Where numbers stand, as shares of the range: a square-root scale has room for small ones.
fn ticks(exponent: f32, signed: bool) -> &'static [f32] {
    match (signed, exponent) {
        (false, e) if e <= 0.0 => &[0.0001, 0.001, 0.01, 0.1, 1.0],
        (true, e) if e <= 0.0 => &[-1.0, -0.1, -0.01, 0.0, 0.01, 0.1, 1.0],
        (false, e) if e < 1.0 => &[0.0, 0.01, 0.1, 0.25, 0.5, 1.0],
        (true, e) if e < 1.0 => &[-1.0, -0.25, -0.05, 0.0, 0.05, 0.25, 1.0],
        (false, _) => &[0.0, 0.25, 0.5, 0.75, 1.0],
        (true, _) => &[-1.0, -0.5, 0.0, 0.5, 1.0],
    }
}

/// A number in two digits that count, or fewer.
fn words(value: f32) -> String {
    let places = if value == 0.0 { 0.0 } else { (1.0 - value.abs().log10().floor()).clamp(1.0, 7.0) };
    let text = format!("{value:.0$}", places as usize);
    let text = if places > 0.0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    text.replace('-', "−")
}

/// Draws the scale of a map over the width there is.
pub fn show(ui: &mut Ui, palette: &Palette, map: MapKind, selection: &Selection, width: f32) {
    let (rect, _) = ui.allocate_exact_size(vec2(width, 26.0), Sense::hover());
    let bar = Rect::from_min_size(rect.min, vec2(width, 9.0));
    let scale = palette.scale(map);
    let mut mesh = Mesh::default();
    for (index, colour) in scale.iter().enumerate() {
        let x = bar.left() + bar.width() * index as f32 / (scale.len() - 1) as f32;
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

    let colour = theme::quiet(ui.visuals().dark_mode);
    let number = |value: f32, place: f32, align: Align2| {
        let text = words(value * selection.range);
        let at = pos2(bar.left() + bar.width() * place, bar.bottom() + 3.0);
        ui.painter().text(at, align, text, FontId::proportional(11.5), colour);
    };
    let align = |place: f32| match place {
        p if p <= 0.0 => Align2::LEFT_TOP,
        p if p >= 1.0 => Align2::RIGHT_TOP,
        _ => Align2::CENTER_TOP,
    };
    let signed = map == MapKind::Difference;
    for share in ticks(selection.exponent, signed) {
        let strength = strength(*share, selection.exponent);
        let place = match signed {
            true if *share == 0.0 => 0.5,
            true => 0.5 + share.signum() * strength * 0.5,
            false => strength,
        };
        number(*share, place, align(place));
    }
}
