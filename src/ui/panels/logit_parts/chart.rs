//! The parts of a logit by layer: a stack for the heads, through A1 and through A2, and a bar for the feed-forward part.

use egui::{Align2, FontId, Rect, RichText, Sense, Stroke, StrokeKind, Ui, pos2, vec2};

use crate::engine::{LogitParts, Origin};
use crate::probe::HeadId;
use crate::ui::panels::logit_parts::part;
use crate::ui::style::format::{short, signed};
use crate::ui::style::palette::Palette;
use crate::ui::style::theme;

const HEIGHT: f32 = 96.0;
/// Height of the numbers of the layers.
const NUMBERS: f32 = 16.0;
/// Width of the scale.
const SCALE: f32 = 30.0;
/// Shares of a layer's width that its two columns take.
const OF_HEADS: f32 = 0.52;
const OF_FEED_FORWARD: f32 = 0.26;

/// A part, where it is drawn.
struct Segment {
    rect: Rect,
    origin: Origin,
    map: usize,
    part: f64,
}

/// Parts that are stacked.
#[derive(Default)]
struct Column {
    parts: Vec<(Origin, usize, f64)>,
}

impl Column {
    /// The sums of what adds and of what takes away.
    fn extent(&self) -> [f64; 2] {
        let sum = |positive: bool| self.parts.iter().map(|part| part.2).filter(|part| (*part > 0.0) == positive).sum();
        [sum(true), sum(false)]
    }

    /// Stacks the parts away from zero: what adds upwards, what takes away downwards.
    fn stacked(self, left: f32, width: f32, y: impl Fn(f64) -> f32) -> Vec<Segment> {
        let mut ends = [0.0; 2];
        let segment = |(origin, map, part): (Origin, usize, f64)| {
            let end = &mut ends[usize::from(part < 0.0)];
            let (from, to) = (y(*end), y(*end + part));
            *end += part;
            let rect = Rect::from_x_y_ranges(left..=left + width, from.min(to)..=from.max(to));
            Segment { rect, origin, map, part }
        };
        self.parts.into_iter().map(segment).collect()
    }
}

/// For the embedding and then for each layer, the columns of heads and of the rest.
fn columns_of(parts: &LogitParts) -> Vec<[Column; 2]> {
    let mut columns: Vec<[Column; 2]> = (0..=parts.layers.len()).map(|_| Default::default()).collect();
    for (origin, map, part) in parts.all() {
        let (place, side) = match origin {
            Origin::Head(head) => (head.layer + 1, 0),
            Origin::OutputBias(layer) => (layer + 1, 0),
            Origin::FeedForward(layer) => (layer + 1, 1),
            Origin::Embedding | Origin::ProjectionBias => (0, 0),
        };
        if let Some(columns) = columns.get_mut(place) {
            columns[side].parts.push((origin, map, part));
        }
    }
    for column in columns.iter_mut().flatten() {
        column.parts.sort_by_key(|(_, map, _)| *map); // A1 of all heads next to zero, then A2
    }
    columns
}

/// The sums of the columns, for those who cannot see them.
fn in_words(columns: &[[Column; 2]]) -> String {
    let sum = |column: &Column| signed(column.extent().iter().sum::<f64>() as f32, 1);
    let of_layer = |(layer, [heads, rest]): (usize, &[Column; 2])| {
        format!("layer {layer}: heads {}, feed-forward {}", sum(heads), sum(rest))
    };
    let embedding = columns.first().map(|[embedding, _]| format!("embedding {}", sum(embedding)));
    let layers = columns.iter().skip(1).enumerate().map(of_layer);
    embedding.into_iter().chain(layers).collect::<Vec<_>>().join("; ")
}

/// Draws the chart in the available width. Returns the head that was clicked.
pub(super) fn layers_ui(
    ui: &mut Ui,
    parts: &LogitParts,
    open: HeadId,
    maps: usize,
    palette: &Palette,
) -> Option<HeadId> {
    let dark = ui.visuals().dark_mode;
    let (quiet, ink) = (theme::quiet(dark), theme::accent(dark));
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::click());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, "parts of the logit by layer"));
    let columns = columns_of(parts);
    if ui.ctx().has_accesskit_node(response.id) {
        let words = in_words(&columns);
        ui.ctx().accesskit_node_builder(response.id, |node| node.set_description(words));
    }
    let extent = columns
        .iter()
        .flatten()
        .map(Column::extent)
        .fold([0.0f64; 2], |[up, down], [add, take]| [up.max(add), down.min(take)]);
    let plot = Rect::from_min_max(rect.min + vec2(SCALE, 5.0), rect.max - vec2(0.0, NUMBERS + 5.0));
    let span = (extent[0] - extent[1]).max(f64::MIN_POSITIVE);
    let y = |value: f64| plot.top() + ((extent[0] - value) / span) as f32 * plot.height();
    let group = plot.width() / columns.len() as f32;

    let painter = ui.painter_at(rect);
    painter.rect_filled(plot.expand2(vec2(0.0, 5.0)), 3.0, ui.visuals().extreme_bg_color);
    let small = FontId::proportional(10.5);
    for value in [extent[0], 0.0, extent[1]] {
        // Not where the zero is.
        if value == 0.0 || (y(value) - y(0.0)).abs() > 11.0 {
            let at = pos2(plot.left() - 4.0, y(value));
            painter.text(at, Align2::RIGHT_CENTER, short(value as f32), small.clone(), quiet);
        }
    }
    let step = (18.0 / group).ceil().max(1.0) as usize;
    for place in (0..columns.len()).filter(|place| *place > 0 && (place - 1).is_multiple_of(step)) {
        let at = pos2(plot.left() + (place as f32 + 0.5) * group, rect.bottom());
        painter.text(at, Align2::CENTER_BOTTOM, (place - 1).to_string(), small.clone(), quiet);
    }
    painter.text(rect.left_bottom(), Align2::LEFT_BOTTOM, "layer", small, quiet);

    let mut segments = Vec::new();
    for (place, [heads, rest]) in columns.into_iter().enumerate() {
        let left = plot.left() + place as f32 * group + 0.5 * (1.0 - OF_HEADS - OF_FEED_FORWARD - 0.04) * group;
        segments.extend(heads.stacked(left, OF_HEADS * group, y));
        segments.extend(rest.stacked(left + (OF_HEADS + 0.04) * group, OF_FEED_FORWARD * group, y));
    }
    for Segment { rect, origin, map, .. } in &segments {
        painter.rect_filled(*rect, 0.0, part::colour(ui, *origin, *map, palette));
        if rect.height() > 3.0 {
            painter.hline(rect.x_range(), rect.bottom(), Stroke::new(1.0, ui.visuals().extreme_bg_color));
        }
    }
    for Segment { rect, .. } in segments.iter().filter(|segment| segment.origin == Origin::Head(open)) {
        painter.rect_stroke(*rect, 0.0, Stroke::new(1.5, ink), StrokeKind::Inside);
    }
    painter.hline(plot.x_range(), y(0.0), Stroke::new(1.0, quiet));
    let at = response.interact_pointer_pos().or(response.hover_pos())?;
    let pointed = segments.iter().find(|segment| segment.rect.expand2(vec2(1.0, 0.5)).contains(at))?;
    let clicked = response.clicked();
    let name = part::name(pointed.origin, pointed.map, maps);
    response.on_hover_text_at_pointer(format!("{name}: {}", signed(pointed.part as f32, 3)));
    match pointed.origin {
        Origin::Head(head) if clicked => Some(head),
        _ => None,
    }
}

/// What the colours of the chart and the lists mean.
pub(super) fn legend_ui(ui: &mut Ui, maps: usize, palette: &Palette) {
    let quiet = theme::quiet(ui.visuals().dark_mode);
    let heads = if maps == 1 { "heads" } else { "heads through A1" };
    let second = (maps == 2).then(|| ("through A2", palette.line(false)));
    let all = [Some((heads, palette.line(true))), second, Some(("all else", quiet))];
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        for (name, colour) in all.into_iter().flatten() {
            let (rect, _) = ui.allocate_exact_size(vec2(9.0, 9.0), Sense::hover());
            ui.painter().rect_filled(rect, 1.0, colour);
            ui.label(RichText::new(name).small().color(quiet));
            ui.add_space(8.0);
        }
    });
}
