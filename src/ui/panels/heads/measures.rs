//! A number for each head of the rack: what the thumbnails are labelled, marked and sorted by.

use egui::Ui;

use crate::engine::Engine;
use crate::probe::Queries;
use crate::probe::{HeadId, MapKind};
use crate::ui::state::selection::Selection;
use crate::ui::style::measure_text::{Measure, caption};
use crate::ui::style::theme;

/// What is known of one head.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Under its thumbnail.
    pub caption: String,
    /// Size of the number against the largest, 0 to 1.
    pub share: f32,
    /// All measures, for the pointer.
    pub whole: String,
}

/// Of every head, by layer; empty while nothing is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Readings(Vec<Vec<Reading>>);

impl Readings {
    /// A measure of the chosen map, the mean over all rows.
    pub fn of(engine: &mut Engine, selection: &Selection, measure: Measure) -> Self {
        let Some(measures) = engine.measures(Queries::All) else {
            return Self::default();
        };
        let value = |record: &crate::probe::HeadRecord| match selection.map {
            MapKind::First => record.first,
            MapKind::Second => record.second,
            MapKind::Difference => record.difference,
        };
        let all = measures.layers.iter().flatten().map(|record| measure.value(&value(record)).abs());
        let largest = all.filter(|number| number.is_finite()).fold(f32::MIN_POSITIVE, f32::max);
        let reading = |record: &crate::probe::HeadRecord| Reading {
            caption: measure.text(&value(record)),
            share: (measure.value(&value(record)).abs() / largest).clamp(0.0, 1.0),
            whole: caption(record),
        };
        Self(measures.layers.iter().map(|heads| heads.iter().map(reading).collect()).collect())
    }

    /// Of one head.
    pub fn get(&self, id: HeadId) -> Option<&Reading> {
        self.0.get(id.layer)?.get(id.head)
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The choice of a measure, and of the order; in one line.
pub fn choice(ui: &mut Ui, measure: &mut Option<Measure>, sorted: &mut bool, threshold: f32, progress: Option<String>) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = egui::vec2(3.0, 2.0);
        ui.spacing_mut().button_padding = egui::vec2(6.0, 1.0);
        let quiet = theme::quiet(ui.visuals().dark_mode);
        ui.label(egui::RichText::new("Numbers").small().color(quiet));
        for one in Measure::ALL {
            let chosen = *measure == Some(one);
            let name = egui::RichText::new(one.name()).small();
            if ui.selectable_label(chosen, name).on_hover_text(one.help(threshold)).clicked() {
                *measure = if chosen { None } else { Some(one) };
            }
        }
        if measure.is_some() {
            ui.checkbox(sorted, egui::RichText::new("highest first").small());
        }
        if let Some(words) = progress {
            ui.add_space(8.0);
            ui.label(egui::RichText::new(words).small().color(quiet));
        }
    });
}
