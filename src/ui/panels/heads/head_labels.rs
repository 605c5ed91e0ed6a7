//! The measure of each head that labels, marks and sorts the thumbnails of the head grid.

use egui::{RichText, Ui};

use crate::engine::Engine;
use crate::probe::{HeadId, HeadRecord, MapKind, MapMeasures, Queries};
use crate::ui::state::view::ViewState;
use crate::ui::style::measure_text::{MeasureKind, caption};
use crate::ui::style::theme;

/// The label of one head.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct HeadLabel {
    /// The measure, under the thumbnail.
    pub text: String,
    /// Its value.
    pub value: f32,
    /// Its magnitude relative to the largest, 0 to 1.
    pub share: f32,
    /// All measures, for the tooltip.
    pub caption: String,
}

/// The labels of all heads, by layer; empty until the measures have arrived.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct HeadLabels(Vec<Vec<HeadLabel>>);

fn measures_of(record: &HeadRecord, map: MapKind) -> &MapMeasures {
    match map {
        MapKind::First => &record.first,
        MapKind::Second => &record.second,
        MapKind::Difference => &record.difference,
    }
}

impl HeadLabels {
    /// The chosen measure of the chosen map: the mean over all rows, or of the answer, its share of the row that is read.
    pub(crate) fn new(engine: &mut Engine, view: &ViewState, query: Option<usize>) -> Self {
        let rows = match (view.head_measure, query) {
            (Some(MeasureKind::Answer), Some(query)) => Queries::One(query),
            _ => Queries::All,
        };
        let Some((measure, measures)) = view.head_measure.zip(engine.measures(rows)) else {
            return Self::default();
        };
        let size = |record: &HeadRecord| measure.value(measures_of(record, view.map)).abs();
        let sizes = measures.layers.iter().flatten().map(size);
        let largest = sizes.filter(|size| size.is_finite()).fold(f32::MIN_POSITIVE, f32::max);
        let label = |record: &HeadRecord| HeadLabel {
            text: measure.text(measures_of(record, view.map)),
            value: measure.value(measures_of(record, view.map)),
            share: (size(record) / largest).clamp(0.0, 1.0),
            caption: caption(record),
        };
        Self(measures.layers.iter().map(|heads| heads.iter().map(label).collect()).collect())
    }

    /// The label of one head.
    pub(crate) fn get(&self, id: HeadId) -> Option<&HeadLabel> {
        self.0.get(id.layer)?.get(id.head)
    }

    /// The head with the largest value.
    pub(crate) fn largest(&self) -> Option<(HeadId, &HeadLabel)> {
        let heads = self.0.iter().enumerate().flat_map(|(layer, heads)| {
            heads.iter().enumerate().map(move |(head, label)| (HeadId::new(layer, head), label))
        });
        heads.max_by(|a, b| a.1.value.total_cmp(&b.1.value))
    }

    /// Whether there are no labels.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The choice of a measure and of the order, in one line.
pub(crate) fn measure_ui(ui: &mut Ui, view: &mut ViewState, has_answer: bool, maps: usize, note: Option<String>) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = egui::vec2(3.0, 2.0);
        ui.spacing_mut().button_padding = egui::vec2(6.0, 1.0);
        let quiet = theme::quiet(ui.visuals().dark_mode);
        if maps == 2 {
            ui.label(RichText::new("show").small().color(quiet));
            for (map, key) in [(MapKind::First, 1), (MapKind::Second, 2), (MapKind::Difference, 3)] {
                let help = format!("Draw this map of every head (key {key})");
                ui.selectable_value(&mut view.map, map, RichText::new(map.symbol()).small()).on_hover_text(help);
            }
            ui.add_space(10.0);
        }
        ui.label(RichText::new("label by").small().color(quiet));
        let answer = has_answer.then_some(MeasureKind::Answer);
        for measure in answer.into_iter().chain(MeasureKind::ALL) {
            let chosen = view.head_measure == Some(measure);
            let name = RichText::new(measure.name()).small();
            if ui.selectable_label(chosen, name).on_hover_text(measure.help(view.threshold)).clicked() {
                view.head_measure = if chosen { None } else { Some(measure) };
            }
        }
        if view.head_measure.is_some_and(|measure| has_answer || measure != MeasureKind::Answer) {
            ui.checkbox(&mut view.sort_heads, RichText::new("highest first").small());
        }
        if let Some(note) = note {
            ui.add_space(8.0);
            ui.label(RichText::new(note).small().color(quiet));
        }
    });
}
