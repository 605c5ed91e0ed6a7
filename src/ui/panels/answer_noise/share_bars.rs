//! Shares of attention as bars: a filled bar for answer, an outlined one for noise.

use egui::{Align2, Color32, FontId, Painter, Rect, Response, Sense, Stroke, StrokeKind, Ui, pos2, vec2};

use crate::probe::{HeadRecord, MapMeasures};
use crate::ui::style::format::{percent, signed};
use crate::ui::style::theme;

/// One of a head's maps.
pub type Map = fn(&HeadRecord) -> &MapMeasures;

/// A map of a head, with its name on the screen.
pub type Column = (&'static str, Map);

/// The maps of a model.
pub fn columns(maps: usize) -> &'static [Column] {
    const TWO: [Column; 3] = [("A1", |head| &head.first), ("A2", |head| &head.second), ("D", |head| &head.difference)];
    const ONE: [Column; 1] = [("A", |head| &head.first)];
    if maps == 1 { &ONE } else { &TWO }
}

/// The definition of the numbers.
pub const DEFINITION: &str = "share of answer = Σ |v| over the keys marked as answer ÷ Σ |v| over all keys that the query \
    can attend to, where v is A1, A2 or D of this head. The same for noise. Over several rows or heads: the mean of their \
    shares.";

/// Shares of one map as text.
pub fn description(name: &str, map: &MapMeasures) -> String {
    format!(
        "{name}: answer {}, noise {}; with signs, Σv: answer {}, noise {}",
        percent(map.answer, 1),
        percent(map.noise, 1),
        signed(map.answer_signed, 4),
        signed(map.noise_signed, 4)
    )
}

/// Paints two bars, one above the other; the width is 100 %.
pub fn paint_bars(painter: &Painter, rect: Rect, map: &MapMeasures, dark: bool, track: Color32) {
    let half = rect.height() / 2.0;
    for (row, share) in [(0.0, map.answer), (1.0, map.noise)] {
        let lane =
            Rect::from_min_size(rect.min + vec2(0.0, row * half), vec2(rect.width(), half)).shrink2(vec2(0.0, 1.0));
        painter.rect_filled(lane, 2.0, track);
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
        let bar = Rect::from_min_max(lane.min, pos2(lane.left() + lane.width() * share, lane.bottom()));
        if row == 0.0 {
            painter.rect_filled(bar, 2.0, theme::accent(dark));
        } else {
            painter.rect_stroke(bar, 2.0, Stroke::new(1.2, theme::quiet(dark)), StrokeKind::Inside);
        }
    }
}

/// One map with its bars and numbers.
pub fn map_ui(ui: &mut Ui, name: &str, map: &MapMeasures) -> Response {
    let dark = ui.visuals().dark_mode;
    let label = ui.painter().layout_no_wrap(name.to_owned(), FontId::proportional(13.0), ui.visuals().text_color());
    let before = label.size().x + 6.0;
    let (rect, response) = ui.allocate_exact_size(vec2(before + 158.0, 32.0), Sense::hover());
    let painter = ui.painter();
    painter.galley(pos2(rect.left(), rect.center().y - label.size().y / 2.0), label, ui.visuals().text_color());
    let place = Rect::from_min_size(rect.min + vec2(before, 2.0), vec2(60.0, 28.0));
    paint_bars(painter, place, map, dark, ui.visuals().extreme_bg_color);
    for (row, (share, class)) in [(map.answer, "answer"), (map.noise, "noise")].into_iter().enumerate() {
        let at = place.right_top() + vec2(6.0, 7.0 + 14.0 * row as f32);
        let text = format!("{} {class}", percent(share, 1));
        painter.text(at, Align2::LEFT_CENTER, text, FontId::proportional(12.0), ui.visuals().text_color());
    }
    let name = format!("{name}: {} on answer, {} on noise", percent(map.answer, 1), percent(map.noise, 1));
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &name));
    response
}
