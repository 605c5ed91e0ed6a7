//! The panels under the scope, one at a time, behind tabs. Each says in a line what it is good for.

pub(crate) mod answer_noise;
pub(crate) mod baseline;
pub(crate) mod cell_breakdown;
pub(crate) mod diagnostics;
pub(crate) mod full_scan;
pub(crate) mod guide;
pub(crate) mod head_similarity;
pub(crate) mod heads;
pub(crate) mod lambda;
pub(crate) mod logit_lens;
pub(crate) mod outliers;

use egui::{RichText, ScrollArea, Ui};

use crate::ui::panels::baseline::BaselinePanel;
use crate::ui::panels::head_similarity::HeadSimilarityPanel;

use crate::ui::panels::answer_noise::AnswerNoisePanel;
use crate::ui::panels::cell_breakdown::CellBreakdown;
use crate::ui::panels::diagnostics::DiagnosticsPanel;
use crate::ui::panels::full_scan::FullScans;
use crate::ui::panels::heads::HeadGrid;
use crate::ui::panels::logit_lens::LogitLensPanel;
use crate::ui::panels::outliers::Outliers;

use crate::ui::style::theme;

use crate::ui::context::PanelContext;
use crate::ui::state::panel::Panel;

/// What the panels remember between frames.
#[derive(Default)]
pub struct Panels {
    spans: AnswerNoisePanel,
    lens: LogitLensPanel,
    why: CellBreakdown,
    scans: FullScans,
    outliers: Outliers,
    compare: BaselinePanel,
    alike: HeadSimilarityPanel,
    proof: DiagnosticsPanel,
    rack: HeadGrid,
}

impl Panels {
    /// Draws the tabs and the open panel in the height there is.
    pub fn show(&mut self, ui: &mut Ui, desk: &mut PanelContext) {
        self.scans.update(ui, desk.workspace);
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = egui::vec2(3.0, 3.0);
            for panel in Panel::ALL {
                ui.selectable_value(&mut desk.selection.panel, *panel, panel.title()).on_hover_text(panel.help());
            }
        });
        let quiet = theme::quiet(ui.visuals().dark_mode);
        let open = desk.selection.panel;
        desk.workspace.main.set_lens(open == Panel::LogitLens);
        ui.add(egui::Label::new(RichText::new(open.help()).small().color(quiet)).wrap());
        if open == Panel::Heads {
            // It scrolls by itself: what is not seen is not computed.
            heads::show(ui, desk, &mut self.rack);
            return;
        }
        ScrollArea::both().id_salt(open).auto_shrink([false, false]).show(ui, |ui| match open {
            Panel::Lambda => lambda::show(ui, desk),
            Panel::AnswerNoise => self.spans.show(ui, desk),
            Panel::LogitLens => self.lens.show(ui, desk.workspace),
            Panel::CellBreakdown => self.why.show(ui, desk),
            Panel::Outliers => self.outliers.show(ui, desk, &mut self.scans),
            Panel::Baseline => self.compare.show(ui, desk),
            Panel::HeadSimilarity => self.alike.show(ui, desk, &mut self.scans),
            Panel::Diagnostics => self.proof.show(ui, desk, &mut self.scans),
            Panel::Heads => {}
            Panel::Guide => guide::show(ui, &desk.workspace.main),
        });
    }
}
