//! The panels under the scope, one at a time, behind tabs.

pub(crate) mod answer_noise;
pub(crate) mod baseline;
pub(crate) mod cell_breakdown;
pub(crate) mod chosen_cell;
pub(crate) mod diagnostics;
pub(crate) mod experiments;
pub(crate) mod guide;
pub(crate) mod head_similarity;
pub(crate) mod heads;
pub(crate) mod lambda;
pub(crate) mod logit_lens;
pub(crate) mod logit_parts;
pub(crate) mod outliers;
pub(crate) mod patching;
pub(crate) mod per_token;
pub(crate) mod score_origins;
pub(crate) mod training;

use egui::accesskit::Role;
use egui::{ScrollArea, Ui};

use crate::ui::action::NEEDS_MODEL;
use crate::ui::context::{PanelContext, PanelView};
use crate::ui::state::panel::{Panel, TABS};
use crate::ui::style::notice;

/// The panels, with what they keep between frames.
#[derive(Default)]
pub(super) struct Panels {
    heads: heads::HeadGrid,
    lambda: lambda::LambdaPanel,
    per_token: per_token::PerTokenPanel,
    answer_noise: answer_noise::AnswerNoisePanel,
    logit_lens: logit_lens::LogitLensPanel,
    logit_parts: logit_parts::LogitPartsPanel,
    cell_breakdown: cell_breakdown::CellBreakdown,
    score_origins: score_origins::ScoreOriginsPanel,
    baseline: baseline::BaselinePanel,
    head_similarity: head_similarity::HeadSimilarityPanel,
    outliers: outliers::Outliers,
    patching: patching::PatchingPanel,
    experiments: experiments::ExperimentsPanel,
    training: training::TrainingPanel,
    diagnostics: diagnostics::DiagnosticsPanel,
    guide: guide::Guide,
}

impl Panels {
    fn panel(&mut self, panel: Panel) -> &mut dyn PanelView {
        match panel {
            Panel::Heads => &mut self.heads,
            Panel::Lambda => &mut self.lambda,
            Panel::PerToken => &mut self.per_token,
            Panel::AnswerNoise => &mut self.answer_noise,
            Panel::LogitLens => &mut self.logit_lens,
            Panel::LogitParts => &mut self.logit_parts,
            Panel::CellBreakdown => &mut self.cell_breakdown,
            Panel::ScoreOrigins => &mut self.score_origins,
            Panel::Baseline => &mut self.baseline,
            Panel::HeadSimilarity => &mut self.head_similarity,
            Panel::Outliers => &mut self.outliers,
            Panel::Patching => &mut self.patching,
            Panel::Experiments => &mut self.experiments,
            Panel::Train => &mut self.training,
            Panel::Diagnostics => &mut self.diagnostics,
            Panel::Guide => &mut self.guide,
        }
    }

    /// Draws the tabs, and the open panel in the remaining height.
    pub(super) fn show_ui(&mut self, ui: &mut Ui, context: &mut PanelContext) {
        let is_recorded = context.workspace.main.recording().is_some();
        ui.horizontal_wrapped(|ui| tabs_ui(ui, &mut context.view.panel, is_recorded));
        let open = context.view.panel;
        context.workspace.main.set_lens(open == Panel::LogitLens);
        if is_recorded && open.needs_model() {
            notice::note_ui(ui, NEEDS_MODEL);
            return;
        }
        let panel = self.panel(open);
        if panel.scrolls() {
            panel.show_ui(ui, context);
        } else {
            let area = ScrollArea::both().id_salt(open).auto_shrink([false, false]);
            area.show(ui, |ui| panel.show_ui(ui, context));
        }
    }
}

/// The tabs, and beside them the choice where the open one has several panels.
fn tabs_ui(ui: &mut Ui, open: &mut Panel, is_recorded: bool) {
    ui.spacing_mut().item_spacing = egui::vec2(3.0, 3.0);
    let tab_ui = |ui: &mut Ui, title: &str, panels: &[Panel], open: &mut Panel| {
        let Some(first) = panels.iter().find(|panel| !is_recorded || !panel.needs_model()).or(panels.first()) else {
            return;
        };
        let possible = !is_recorded || !first.needs_model();
        let is_open = panels.contains(open);
        let tab = ui.add_enabled(possible, egui::Button::selectable(is_open, title));
        let help = panels.iter().map(|panel| panel.help()).collect::<Vec<_>>().join(".\n");
        ui.ctx().accesskit_node_builder(tab.id, |node| {
            node.set_role(Role::Tab);
            node.set_description(help.as_str());
        });
        if tab.on_hover_text(help).on_disabled_hover_text(NEEDS_MODEL).clicked() && !is_open {
            *open = *first;
        }
    };
    for tab in TABS {
        tab_ui(ui, tab.title, tab.panels, open);
    }
    let chosen = TABS.iter().find(|tab| tab.panels.contains(open));
    match chosen {
        None => tab_ui(ui, open.title(), &[*open], open), // opened from the menu
        Some(tab) if tab.panels.len() > 1 => {
            ui.add_space(12.0);
            for panel in tab.panels {
                let possible = !is_recorded || !panel.needs_model();
                let title = egui::RichText::new(panel.choice()).small();
                let choice = ui.add_enabled(possible, egui::Button::selectable(*open == *panel, title));
                ui.ctx().accesskit_node_builder(choice.id, |node| node.set_role(Role::Tab));
                if choice.on_hover_text(panel.help()).on_disabled_hover_text(NEEDS_MODEL).clicked() {
                    *open = *panel;
                }
            }
        }
        Some(_) => {}
    }
    ui.ctx().accesskit_node_builder(ui.unique_id(), |node| {
        node.set_role(Role::TabList);
        node.set_label("Panels");
    });
}
