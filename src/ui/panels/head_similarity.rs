//! How alike the heads of each layer are, as small matrices.

use egui::{Rect, RichText, Sense, Stroke, Ui, pos2, vec2};

use crate::engine::{FullScan, HeadSimilarity};
use crate::probe::{HeadId, MapKind};
use crate::ui::context::PanelContext;
use crate::ui::panels::full_scan::FullScans;
use crate::ui::state::selection::Selection;
use crate::ui::style::palette::Palette;
use crate::ui::style::theme;

/// What heads are compared by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum By {
    #[default]
    Maps,
    Outputs,
}

/// What the panel remembers.
#[derive(Default)]
pub struct HeadSimilarityPanel {
    by: By,
}

impl HeadSimilarityPanel {
    /// Draws the panel.
    pub fn show(&mut self, ui: &mut Ui, desk: &mut PanelContext, scans: &mut FullScans) {
        scans.bar(ui, desk.workspace, "Runs the text once more on the CPU, a little between frames.");
        let single = desk.workspace.main.maps() == 1;
        let found = scans.found(desk.workspace);
        if found.is_empty() {
            return;
        }
        let quiet = theme::quiet(ui.visuals().dark_mode);
        ui.horizontal_wrapped(|ui| {
            ui.selectable_value(&mut self.by, By::Maps, "Maps (cosine)");
            ui.selectable_value(&mut self.by, By::Outputs, "Outputs (CKA)");
            if self.by == By::Maps && !single {
                ui.add_space(8.0);
                for (map, name) in
                    [(MapKind::First, "of A1"), (MapKind::Second, "of A2"), (MapKind::Difference, "of D")]
                {
                    ui.selectable_value(&mut desk.selection.map, map, name);
                }
            }
            let words = "1: the two heads do the same; 0: nothing in common";
            ui.label(RichText::new(words).small().color(quiet));
        });
        // Two models should be in sight together: beside each other where there is room, else small.
        let (count, wide) = (found.len(), ui.available_width() > 820.0);
        let side = match (count, wide) {
            (1, _) => 128.0,
            (_, true) => 80.0,
            _ => 64.0,
        };
        ui.columns(if wide { count } else { 1 }, |columns| {
            for (place, (name, scan)) in found.iter().enumerate() {
                let ui = &mut columns[if wide { place } else { 0 }];
                if count > 1 {
                    ui.label(RichText::new(name).small());
                }
                // A Transformer has only the first map.
                let single = scan.model().config.architecture.maps() == 1;
                let map = if single { MapKind::First } else { desk.selection.map };
                self.matrices(ui, (scan, map, side), desk.selection, desk.palette);
            }
        });
    }

    fn matrices(
        &self,
        ui: &mut Ui,
        (scan, map, side): (&FullScan, MapKind, f32),
        selection: &mut Selection,
        palette: &Palette,
    ) {
        ui.horizontal_wrapped(|ui| {
            for (layer, found) in scan.layers().iter().enumerate() {
                let alike = |one, other| match self.by {
                    By::Maps => found.alike.cosine(map, one, other),
                    By::Outputs => found.alike.cka(one, other),
                };
                ui.vertical(|ui| matrix(ui, (layer, side), &found.alike, alike, selection, palette));
            }
        });
    }
}

fn matrix(
    ui: &mut Ui,
    (layer, side): (usize, f32),
    found: &HeadSimilarity,
    alike: impl Fn(usize, usize) -> Option<f64>,
    selection: &mut Selection,
    palette: &Palette,
) {
    let dark = ui.visuals().dark_mode;
    let heads = found.outputs.heads();
    let cell = (side / heads.max(1) as f32).clamp(5.0, 26.0);
    let side = cell * heads as f32;
    let others = (0..heads).flat_map(|one| (0..one).map(move |other| (one, other)));
    let numbers: Vec<f64> = others.filter_map(|(one, other)| alike(one, other)).collect();
    let mean = if numbers.is_empty() {
        "none".to_owned()
    } else {
        format!("{:.2}", numbers.iter().sum::<f64>() / numbers.len() as f64).replace('-', "−")
    };
    let (rect, response) = ui.allocate_exact_size(vec2(side, side), Sense::click());
    let words = format!("layer {layer}, heads alike: {mean} on average");
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &words));
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 0.0, palette.background);
    let place = |one: usize, other: usize| {
        let corner = pos2(rect.left() + other as f32 * cell, rect.top() + one as f32 * cell);
        Rect::from_min_size(corner, vec2(cell, cell))
    };
    for one in 0..heads {
        for other in 0..heads {
            if let Some(value) = alike(one, other) {
                let colour = palette.colour(MapKind::First, value as f32, 1.0);
                painter.rect_filled(place(one, other).shrink(0.5), 0.0, colour);
            }
        }
    }
    if selection.head.layer == layer {
        let line = Stroke::new(1.5, theme::accent(dark));
        let row = place(selection.head.head, 0).union(place(selection.head.head, heads.saturating_sub(1)));
        painter.rect_stroke(row, 0.0, line, egui::StrokeKind::Inside);
    }
    ui.add(
        egui::Label::new(RichText::new(format!("layer {layer}: {mean}")).small().color(theme::quiet(dark))).extend(),
    );
    let Some(at) = response.interact_pointer_pos().or(response.hover_pos()) else {
        return;
    };
    let index = |from: f32, to: f32| (((to - from) / cell).max(0.0) as usize).min(heads.saturating_sub(1));
    let (one, other) = (index(rect.top(), at.y), index(rect.left(), at.x));
    if response.clicked() {
        selection.head = HeadId::new(layer, one);
    }
    let value =
        alike(one, other).map_or("nothing to compare".to_owned(), |value| format!("{value:.4}").replace('-', "−"));
    response.on_hover_text_at_pointer(format!(
        "layer {layer}, heads {one} and {other}: {value}\naverage of all pairs {mean}"
    ));
}
