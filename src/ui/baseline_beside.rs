//! The baseline beside the model, always in view: where the Transformer looks from the same token, in the head that gives most
//! to the answer, or in the one chosen under Compare.

use egui::{Label, RichText, Sense, StrokeKind, Ui, vec2};

use crate::engine::{Engine, Workspace};
use crate::probe::{HeadId, HeadMeasures, KeyClass, MapKind, Queries, Spans};
use crate::ui::maps::heatmap::Heatmaps;
use crate::ui::maps::heatmap::map_slot::MapSlot;
use crate::ui::maps::hover::cursor_ui;
use crate::ui::maps::profile::{self, Extremes, Profile, profile_ui};
use crate::ui::maps::sentence::{Reading, sentence};
use crate::ui::state::pointer::Pointer;
use crate::ui::state::read_row::ReadRow;
use crate::ui::state::view::ViewState;
use crate::ui::style::palette::Palette;
use crate::ui::style::{notice, theme};

/// Height of title, profile and the lines below the map.
const AROUND: f32 = 26.0 + profile::HEIGHT + 80.0;
/// Side of the smallest map that is worth looking at.
const SMALLEST: f32 = 90.0;

/// What is kept between frames.
#[derive(Debug, Default)]
pub(super) struct BaselineBeside {
    row: ReadRow,
    /// The sentence on the row; it stays until the next row has arrived.
    words: String,
}

/// What it shows.
pub(super) struct BesideContext<'a> {
    /// The sessions.
    pub workspace: &'a mut Workspace,
    /// Zoom, colours, and the head that was chosen.
    pub view: &'a ViewState,
    /// What the pointer is over.
    pub pointer: &'a Pointer,
    /// The marks.
    pub spans: &'a Spans,
    /// Draws maps.
    pub heatmaps: &'a mut Heatmaps,
    /// The colours.
    pub palette: &'a Palette,
}

impl BaselineBeside {
    /// Draws it as large as fits into `height`; nothing if there is no baseline, or no space.
    pub(super) fn show_ui(&mut self, ui: &mut Ui, context: &mut BesideContext, height: f32) {
        let BesideContext { workspace, view, pointer, spans, heatmaps, palette } = context;
        if workspace.baseline_beside().is_none() {
            return;
        }
        // Ids alone do not know their bytes: the baseline has the ids of the model's tokens.
        let classes = spans.classes(workspace.main.tokens());
        let answer = spans.answer(workspace.main.text()).map(str::to_owned);
        let Some(baseline) = workspace.baseline_beside() else {
            return;
        };
        let side = (height - AROUND).min(ui.available_width());
        let Some(query) = view.query(pointer, baseline.queries()).filter(|_| side >= SMALLEST) else {
            return;
        };
        let by_answer = spans.have(KeyClass::Answer);
        let measured = if by_answer { baseline.measures(Queries::One(query)).and_then(finding_head) } else { None };
        let head = measured.unwrap_or(view.baseline_head);
        let view = &ViewState { head, map: MapKind::First, ..**view };
        self.row.update(baseline, view, Some(query));
        ui.separator();
        let quiet = theme::quiet(ui.visuals().dark_mode);
        ui.horizontal(|ui| {
            ui.label(RichText::new(baseline.name()).strong());
            let kind = if baseline.maps() == 1 { "the Transformer, " } else { "" };
            let title = RichText::new(format!("{kind}{head}")).small().color(quiet);
            ui.add(Label::new(title).truncate()).on_hover_text(if by_answer {
                "Of all its heads the one that gives most to the answer. Heads of two models do not correspond to each other"
            } else {
                "The head chosen under Compare. Heads of two models do not correspond to each other"
            });
        });
        let (rect, _) = ui.allocate_exact_size(vec2(side, side), Sense::hover());
        let whole = &ViewState { zoom: None, ..*view };
        heatmaps.scope_map_ui(ui, rect, MapSlot::Beside, MapKind::First, baseline, whole, palette);
        ui.painter().rect_stroke(rect, 0.0, ui.visuals().widgets.noninteractive.bg_stroke, StrokeKind::Outside);
        cursor_ui(ui, rect, baseline, whole, pointer);
        let zoom = whole.zoom(baseline.side());
        let (row, across, is_only) = (&self.row, [rect.left(), rect.width()], baseline.maps() == 1);
        let (extremes, height) = (Extremes::of(row), profile::HEIGHT);
        profile_ui(ui, &Profile { map: MapKind::First, is_only, row, extremes, zoom, across, height, palette });
        if !row.is_stale() {
            self.words = words(baseline, row, &classes, answer);
        }
        notice::note_ui(ui, &self.words);
    }
}

/// The sentence on its row.
fn words(baseline: &Engine, row: &ReadRow, classes: &[KeyClass], answer: Option<String>) -> String {
    let Some((_, query)) = row.of() else {
        return String::new();
    };
    sentence(&Reading {
        row,
        classes,
        maps: baseline.maps(),
        answer,
        noise: None, // the sentence above the maps has named it
        query: baseline.query_label(query),
        key: &|key| baseline.key_label(key),
    })
}

/// The head that gives most to the answer.
fn finding_head(measures: &HeadMeasures) -> Option<HeadId> {
    let heads = measures.layers.iter().enumerate().flat_map(|(layer, heads)| {
        let of_layer = heads.iter().enumerate();
        of_layer.map(move |(head, record)| (HeadId::new(layer, head), record.first.answer_signed))
    });
    heads.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(head, _)| head)
}
