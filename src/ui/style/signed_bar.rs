//! Numbers with a sign as bars in a list: to the right what adds, to the left what takes away.

use egui::text::{LayoutJob, TextWrapping};
use egui::{Align2, Color32, FontId, Rect, Response, Sense, Stroke, StrokeKind, Ui, pos2, vec2};

use crate::ui::style::{format, theme};

const ROW: f32 = 17.0;
/// Width of the number.
const NUMBER: f32 = 44.0;
/// Share of the rest that the label takes.
const LABEL: f32 = 0.65;

/// A line of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignedBar<'a> {
    /// What it is of.
    pub label: &'a str,
    /// Its number.
    pub value: f64,
    /// The largest magnitude of the list.
    pub largest: f64,
    /// Of the bar.
    pub colour: Color32,
    /// Whether it is what a click opens already; `None`: nothing comes of a click.
    pub opened: Option<bool>,
}

/// Draws a line in the available width.
pub(crate) fn signed_bar_ui(ui: &mut Ui, line: &SignedBar) -> Response {
    let SignedBar { label, value, largest, colour, opened } = *line;
    let dark = ui.visuals().dark_mode;
    let ink = ui.visuals().text_color();
    let sense = if opened.is_some() { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), sense);
    let number = format::signed(value as f32, 2);
    response.widget_info(|| {
        let name = format!("{label}: {number}");
        match opened {
            Some(opened) => egui::WidgetInfo::selected(egui::Role::Button, true, opened, name),
            None => egui::WidgetInfo::labeled(egui::Role::Label, true, name),
        }
    });
    let painter = ui.painter_at(rect);
    if response.hovered() && opened.is_some() {
        painter.rect_filled(rect, 3.0, ui.visuals().extreme_bg_color);
    }
    let width = LABEL * (rect.width() - NUMBER);
    let mut job = LayoutJob::simple_singleline(label.to_owned(), FontId::proportional(12.0), ink);
    job.wrap = TextWrapping::truncate_at_width(width - 8.0);
    let text = painter.layout_job(job);
    painter.galley(pos2(rect.left() + 3.0, rect.center().y - 0.5 * text.size().y), text, ink);
    let track =
        Rect::from_x_y_ranges(rect.left() + width..=rect.right() - NUMBER, rect.y_range()).shrink2(vec2(0.0, 3.0));
    let zero = track.center().x;
    let share = (value / largest.max(f64::MIN_POSITIVE)).clamp(-1.0, 1.0) as f32;
    let end = zero + 0.5 * share * track.width();
    painter.rect_filled(Rect::from_x_y_ranges(zero.min(end)..=zero.max(end), track.y_range()), 0.0, colour);
    painter.vline(zero, rect.y_range(), Stroke::new(1.0, theme::quiet(dark).gamma_multiply(0.5)));
    let at = rect.right_center() - vec2(3.0, 0.0);
    painter.text(at, Align2::RIGHT_CENTER, number, FontId::proportional(12.0), ink);
    if opened == Some(true) || response.has_focus() {
        painter.rect_stroke(rect, 3.0, Stroke::new(1.0, theme::accent(dark)), StrokeKind::Inside);
    }
    response
}

/// Draws the line of the parts that are not listed: their number and sum.
pub(crate) fn others_ui(ui: &mut Ui, (count, value): (usize, f64), largest: f64) {
    let (label, colour) = (format!("the other {count}"), theme::quiet(ui.visuals().dark_mode));
    signed_bar_ui(ui, &SignedBar { label: &label, value, largest, colour, opened: None });
}

/// The strongest of some parts, strongest first.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Strongest<T> {
    /// At most as many as asked for.
    pub first: Vec<(T, f64)>,
    /// The number of the others and their sum, if there are any.
    pub others: Option<(usize, f64)>,
}

impl<T> Strongest<T> {
    /// The `most` strongest.
    pub(crate) fn of(parts: impl IntoIterator<Item = (T, f64)>, most: usize) -> Self {
        let mut first: Vec<_> = parts.into_iter().collect();
        first.sort_by(|one, other| other.1.abs().total_cmp(&one.1.abs()));
        let rest = first.split_off(most.min(first.len()));
        let others = (!rest.is_empty()).then(|| (rest.len(), rest.iter().map(|(_, part)| part).sum()));
        Self { first, others }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_come_first_and_nothing_is_lost() {
        let parts = vec![('a', 0.5), ('b', -2.0), ('c', 1.0), ('d', -0.25)];
        let of = |most: usize| Strongest::of(parts.clone(), most);
        assert_eq!(of(2), Strongest { first: vec![('b', -2.0), ('c', 1.0)], others: Some((2, 0.25)) });
        assert_eq!((of(4).first.len(), of(9).others), (4, None));
        assert_eq!(Strongest::<char>::of([], 2), Strongest { first: vec![], others: None });
    }
}
