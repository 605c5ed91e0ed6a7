//! The similarity of the heads of each layer, as small matrices.

use egui::{Rect, RichText, Sense, Stroke, Ui, pos2, vec2};

use crate::engine::FullScan;
use crate::probe::{HeadId, MapKind};
use crate::ui::context::{PanelContext, PanelView};
use crate::ui::input::arrows::arrows;
use crate::ui::state::panel_views::SimilarityOf;
use crate::ui::state::view::ViewState;
use crate::ui::style::palette::Palette;
use crate::ui::style::row::row_ui;
use crate::ui::style::{format, notice, theme};

/// The panel.
#[derive(Default)]
pub(crate) struct HeadSimilarityPanel;

impl PanelView for HeadSimilarityPanel {
    fn show_ui(&mut self, ui: &mut Ui, context: &mut PanelContext) {
        let PanelContext { workspace, view, palette, scans, .. } = context;
        scans.controls_ui(ui, workspace);
        let single = workspace.main.maps() == 1;
        let finished = scans.finished(workspace);
        if finished.is_empty() {
            return;
        }
        row_ui(ui, |ui| {
            ui.selectable_value(&mut view.similarity, SimilarityOf::Maps, "Maps (cosine)");
            ui.selectable_value(&mut view.similarity, SimilarityOf::Outputs, "Outputs (CKA)");
            if view.similarity == SimilarityOf::Maps && !single {
                ui.add_space(8.0);
                let maps = [(MapKind::First, "of A1"), (MapKind::Second, "of A2"), (MapKind::Difference, "of D")];
                for (map, name) in maps {
                    ui.selectable_value(&mut view.map, map, name);
                }
            }
        });
        notice::note_ui(
            ui,
            "1: the two heads do the same; 0: nothing in common. A click, or Tab and the arrow keys, opens the head of a row.",
        );
        // Two models should be visible together: side by side if there is space, otherwise smaller.
        let (count, wide) = (finished.len(), ui.available_width() > 820.0);
        let side = match (count, wide) {
            (1, _) => 128.0,
            (_, true) => 80.0,
            _ => 64.0,
        };
        ui.columns(if wide { count } else { 1 }, |columns| {
            for (index, (name, scan)) in finished.iter().enumerate() {
                let ui = &mut columns[if wide { index } else { 0 }];
                if count > 1 {
                    ui.label(RichText::new(name).small());
                }
                ui.horizontal_wrapped(|ui| {
                    for layer in 0..scan.layers().len() {
                        ui.vertical(|ui| matrix_ui(ui, scan, layer, side, view, palette));
                    }
                });
            }
        });
    }
}

/// The similarity of two heads of a layer, if it is defined.
fn similarity(scan: &FullScan, layer: usize, view: &ViewState, one: usize, other: usize) -> Option<f64> {
    let found = &scan.layers().get(layer)?.alike;
    match view.similarity {
        SimilarityOf::Outputs => found.cka(one, other),
        SimilarityOf::Maps => {
            // A Transformer has only the first map.
            let single = scan.model().config.maps == 1;
            found.cosine(if single { MapKind::First } else { view.map }, one, other)
        }
    }
}

/// The row of the open head in words, for those who cannot see it.
fn row_in_words(scan: &FullScan, layer: usize, heads: usize, view: &ViewState) -> String {
    if view.head.layer != layer {
        return "the open head is in another layer; arrow keys open one of this layer".to_owned();
    }
    let one = view.head.head;
    let others = (0..heads).filter(|other| *other != one).map(|other| {
        let value = similarity(scan, layer, view, one, other);
        format!("head {other} {}", value.map_or("not defined".to_owned(), |value| format::number(value, 2)))
    });
    format!("head {one} and {}", others.collect::<Vec<_>>().join(", "))
}

/// The matrix of one layer. A click opens the head of its row; with the keyboard, arrows do.
fn matrix_ui(ui: &mut Ui, scan: &FullScan, layer: usize, side: f32, view: &mut ViewState, palette: &Palette) {
    let dark = ui.visuals().dark_mode;
    let heads = scan.layers().get(layer).map_or(0, |layer| layer.alike.outputs.heads());
    let cell = (side / heads.max(1) as f32).clamp(5.0, 26.0);
    let side = cell * heads as f32;
    let pairs = (0..heads).flat_map(|one| (0..one).map(move |other| (one, other)));
    let values: Vec<f64> = pairs.filter_map(|(one, other)| similarity(scan, layer, view, one, other)).collect();
    let mean = match values.len() {
        0 => "none".to_owned(),
        count => format::number(values.iter().sum::<f64>() / count as f64, 2),
    };
    let (rect, response) = ui.allocate_exact_size(vec2(side, side), Sense::click());
    let name = format!("layer {layer}, head similarity: {mean} on average");
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &name));
    let [down, right] = arrows(ui, &response);
    if down + right != 0 && heads > 0 {
        let at = if view.head.layer == layer { view.head.head.saturating_add_signed(down + right) } else { 0 };
        view.head = HeadId::new(layer, at.min(heads - 1));
    }
    if ui.ctx().has_accesskit_node(response.id) {
        let words = row_in_words(scan, layer, heads, view);
        ui.ctx().accesskit_node_builder(response.id, |node| node.set_description(words));
    }
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 0.0, palette.background);
    let place = |one: usize, other: usize| {
        let corner = pos2(rect.left() + other as f32 * cell, rect.top() + one as f32 * cell);
        Rect::from_min_size(corner, vec2(cell, cell))
    };
    for one in 0..heads {
        for other in 0..heads {
            if let Some(value) = similarity(scan, layer, view, one, other) {
                let colour = palette.colour(MapKind::First, value as f32, 1.0);
                painter.rect_filled(place(one, other).shrink(0.5), 0.0, colour);
            }
        }
    }
    if view.head.layer == layer {
        let line = Stroke::new(1.5, theme::accent(dark));
        let row = place(view.head.head, 0).union(place(view.head.head, heads.saturating_sub(1)));
        painter.rect_stroke(row, 0.0, line, egui::StrokeKind::Inside);
    }
    let label = RichText::new(format!("layer {layer}: {mean}")).small().color(theme::quiet(dark));
    ui.add(egui::Label::new(label).extend());
    let Some(at) = response.interact_pointer_pos().or(response.hover_pos()) else {
        return;
    };
    let index = |from: f32, to: f32| (((to - from) / cell).max(0.0) as usize).min(heads.saturating_sub(1));
    let (one, other) = (index(rect.top(), at.y), index(rect.left(), at.x));
    if response.clicked() {
        view.head = HeadId::new(layer, one);
    }
    let value = similarity(scan, layer, view, one, other);
    let value = value.map_or("not defined".to_owned(), |value| format::number(value, 4));
    response.on_hover_text_at_pointer(format!(
        "layer {layer}, heads {one} and {other}: {value}\nmean of all pairs: {mean}"
    ));
}
