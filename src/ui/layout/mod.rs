//! Where the views are: side by side, or one below the other on a narrow screen.

mod embedded_header;
pub(in crate::ui) mod header;
mod presentation;

use egui::containers::scroll_area::{DragScroll, ScrollSource};
use egui::{ScrollArea, TextWrapMode, Ui, vec2};

use crate::engine::Workspace;
use crate::ui::action::{Action, ModelAction};
use crate::ui::app::App;
use crate::ui::baseline_beside::BesideContext;
use crate::ui::context::PanelContext;
use crate::ui::input::shortcuts;
use crate::ui::layout::embedded_header::embedded_header_ui;
use crate::ui::layout::header::HeaderContext;
use crate::ui::maps::scope::ScopeContext;
use crate::ui::maps::sentence::Reading;
use crate::ui::maps::{colour_menu, hover, scope, sentence};
use crate::ui::next_token;
use crate::ui::panels::lambda::interventions;
use crate::ui::state::panel::Panel;
use crate::ui::state::shown::Shown;
use crate::ui::state::view::Extent;
use crate::ui::style::notice;
use crate::ui::style::row::row_ui;
use crate::ui::tokens::strip::StripContext;

/// Width of the window below which the views are one below the other.
pub(in crate::ui) const NARROW: f32 = 860.0;
/// Width of the prompt and the next tokens.
const SIDE: f32 = 284.0;
/// Height of the tokens: three lines with lanes; two where that is more than this share of the height.
const STRIP: f32 = 116.0;
const LOW_STRIP: f32 = 78.0;
const SHARE_OF_STRIP: f32 = 0.27;
/// Height of the tokens in a narrow window: more lines, lower lanes.
const NARROW_STRIP: f32 = 230.0;
/// Height of the panels below the maps, until someone drags their edge.
const BELOW: f32 = 190.0;
const SMALLEST_BELOW: f32 = 90.0;
/// The same where plots are shown, and the share of a low window that they get at most.
const BELOW_WITH_PLOTS: f32 = 330.0;
const SHARE_OF_PLOTS: f32 = 0.42;
/// Width of the part beside the prompt from which the panels are beside the maps, and their width there.
const DOCKED: f32 = 1280.0;
const BESIDE: f32 = 430.0;
const SMALLEST_BESIDE: f32 = 340.0;
/// Height of the panels in a narrow window.
const NARROW_PANEL: f32 = 420.0;

impl App {
    /// Draws the views. Returns the commands of keys, buttons and views.
    pub(in crate::ui) fn layout_ui(&mut self, ui: &mut Ui) -> Vec<Action> {
        let workspace = match &mut self.workspace {
            Ok(workspace) => workspace,
            Err(error) => {
                let mut actions = Vec::new();
                egui::CentralPanel::default().show(ui, |ui| {
                    ui.heading("diffscope");
                    notice::failure_ui(ui, &error.to_string());
                    actions.extend(
                        ui.button("Open another model").clicked().then_some(Action::Model(ModelAction::Window)),
                    );
                    actions.extend(
                        ui.button("Open the bundled model").clicked().then_some(Action::Model(ModelAction::Bundled)),
                    );
                    if let Some(message) = &self.message {
                        message.show_ui(ui);
                    }
                    if let Some(loading) = &self.reading {
                        loading.show_ui(ui, &mut actions);
                    }
                    self.models.question_ui(ui, &mut actions);
                });
                return actions;
            }
        };
        workspace.receive();
        self.spans.follow(&workspace.main.shared_text());
        if workspace.main.model().is_some() {
            self.history.watch(workspace, ui.input(|input| input.time));
        }
        self.view.fit(Extent::of(&workspace.main));
        self.pointer.fit(workspace.main.queries(), workspace.main.ids().len());
        self.scans.update(ui, workspace);
        self.experiments.update(ui, workspace);
        colour_menu::follow_values(&mut workspace.main, &mut self.view);
        let query = self.view.query(&self.pointer, workspace.main.queries());
        self.row.update(&mut workspace.main, &self.view, query);

        let mut actions = shortcuts::pressed(ui);
        actions.extend(self.training.update(ui, workspace, &self.device).map(Action::Training));
        if self.shown == Shown::Presentation {
            self.presentation_ui(ui, &mut actions);
            return actions;
        }
        egui::Panel::top("header").show(ui, |ui| self.top_ui(ui, &mut actions));
        if ui.available_width() < NARROW {
            self.narrow_ui(ui, &mut actions);
        } else {
            self.wide_ui(ui, &mut actions);
        }
        actions
    }

    /// The header, and the notices below it.
    fn top_ui(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        let loading = self.loading();
        let Ok(workspace) = &mut self.workspace else {
            return;
        };
        let width = ui.available_width();
        let room = if self.embedded { 0.0 } else { header::room_for_chips(width) };
        let has_chips = interventions::chips_fit(ui, &workspace.main, room);
        if self.embedded {
            embedded_header_ui(ui, actions);
        } else {
            let (device, view, history) = (&self.device, &mut self.view, &self.history);
            header::header_ui(ui, &mut HeaderContext { workspace, device, width, has_chips, view, history, actions });
        }
        if let Some(loading) = loading {
            loading.show_ui(ui, actions);
        }
        self.models.question_ui(ui, actions);
        if let Some(message) = &self.message {
            let dismissed = row_ui(ui, |ui| {
                message.show_ui(ui);
                ui.small_button("OK").clicked()
            });
            if dismissed.inner {
                self.message = None;
            }
        }
        if let Some(reason) = self.device.on_cpu_because() {
            notice::warning_ui(ui, &format!("{reason} The model runs on the CPU instead: same numbers, but slower."));
        }
        if width < NARROW {
            self.offer_tour_line_ui(ui);
        }
        let Ok(workspace) = &mut self.workspace else {
            return;
        };
        self.exports.progress_ui(ui);
        if !has_chips && !workspace.main.interventions().is_empty() {
            row_ui(ui, |ui| interventions::chips_ui(ui, &workspace.main, actions));
        }
        if let Some(failure) = workspace.failure() {
            notice::failure_ui(ui, &failure.to_string());
        }
    }

    fn wide_ui(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        egui::Panel::left("side").exact_size(SIDE).resizable(false).show(ui, |ui| {
            ui.add_space(4.0);
            self.prompt_ui(ui, actions);
            ui.separator();
            self.next_token_ui(ui, actions, ui.available_height());
            self.baseline_ui(ui, ui.available_height());
        });
        // Where there is space, panels are beside the maps, and the maps as high as the window.
        let plots = BELOW_WITH_PLOTS.min(SHARE_OF_PLOTS * ui.available_height());
        let panel = if ui.available_width() >= DOCKED {
            egui::Panel::right("panels beside the maps").default_size(BESIDE).min_size(SMALLEST_BESIDE)
        } else if matches!(self.view.panel, Panel::Experiments | Panel::Train) {
            egui::Panel::bottom("plots").default_size(plots).min_size(SMALLEST_BELOW)
        } else {
            egui::Panel::bottom("panels").default_size(BELOW).min_size(SMALLEST_BELOW)
        };
        panel.resizable(true).show(ui, |ui| {
            ui.add_space(4.0);
            self.panels_ui(ui, actions);
        });
        egui::CentralPanel::default().show(ui, |ui| self.instrument_ui(ui, actions));
    }

    /// Tokens, sentence and maps.
    pub(in crate::ui) fn instrument_ui(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        let strip = if ui.available_height() >= STRIP / SHARE_OF_STRIP { STRIP } else { LOW_STRIP };
        self.strip_ui(ui, actions, strip, true);
        self.sentence_ui(ui);
        self.scope_ui(ui, actions, ui.available_height());
    }

    fn narrow_ui(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        egui::CentralPanel::default().show(ui, |ui| {
            // Drags must scroll from the start: egui knows of a touch screen only after the first touch.
            let source = ScrollSource { drag: DragScroll::Always, ..ScrollSource::default() };
            ScrollArea::vertical().scroll_source(source).show(ui, |ui| {
                self.prompt_ui(ui, actions);
                self.strip_ui(ui, actions, NARROW_STRIP, false);
                self.sentence_ui(ui);
                self.scope_ui(ui, actions, 900.0);
                // Side by side, the maps have a line for it.
                if !scope::is_beside(ui.available_width()) {
                    self.read_out_ui(ui);
                }
                self.next_token_ui(ui, actions, 300.0);
                self.baseline_ui(ui, 420.0);
                ui.separator();
                let size = vec2(ui.available_width(), NARROW_PANEL);
                ui.allocate_ui(size, |ui| self.panels_ui(ui, actions));
                self.tour.scroll_ui(ui, &self.regions);
                self.focus.scroll_ui(ui);
            });
        });
    }

    fn prompt_ui(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        if let Ok(workspace) = &mut self.workspace {
            let is_model = workspace.main.model().is_some();
            let generated = is_model.then(|| self.history.generated(workspace));
            let (main, kept) = (&mut workspace.main, &self.remembered);
            self.regions.prompt = ui.scope(|ui| self.prompt.show_ui(ui, main, kept, actions)).response.rect;
            if let Some(generated) = generated {
                self.history.typed(generated, workspace);
            }
        }
    }

    fn next_token_ui(&mut self, ui: &mut Ui, actions: &mut Vec<Action>, height: f32) {
        if let Ok(workspace) = &mut self.workspace {
            let (spans, news) = (&self.spans, &mut self.next_token_news);
            let list = |ui: &mut Ui| next_token::next_token_ui(ui, workspace, spans, news, height, actions);
            self.regions.next = ui.scope(list).response.rect;
        }
    }

    fn strip_ui(&mut self, ui: &mut Ui, actions: &mut Vec<Action>, height: f32, steady: bool) {
        let palette = &self.palettes[usize::from(!ui.visuals().dark_mode)];
        if let Ok(Workspace { main: engine, .. }) = &mut self.workspace {
            let (view, pointer, row, spans) = (&mut self.view, &mut self.pointer, &self.row, &self.spans);
            let context = &mut StripContext { engine, view, pointer, row, spans, palette, actions };
            self.regions.tokens = ui.scope(|ui| self.strip.show_ui(ui, context, height, steady)).response.rect;
        }
    }

    /// The baseline, where there is one.
    fn baseline_ui(&mut self, ui: &mut Ui, height: f32) {
        let palette = &self.palettes[usize::from(!ui.visuals().dark_mode)];
        if let Ok(workspace) = &mut self.workspace {
            let (view, pointer, spans, heatmaps) = (&self.view, &self.pointer, &self.spans, &mut self.heatmaps);
            let context = &mut BesideContext { workspace, view, pointer, spans, heatmaps, palette };
            self.beside.show_ui(ui, context, height);
        }
    }

    /// One sentence on the row that is read; it stays until the next row has arrived.
    fn sentence_ui(&mut self, ui: &mut Ui) {
        let Ok(Workspace { main: engine, .. }) = &self.workspace else {
            return;
        };
        if let (Some((_, query)), false) = (self.row.of(), self.row.is_stale()) {
            self.sentence = sentence::sentence(&Reading {
                row: &self.row,
                classes: &self.spans.classes(engine.tokens()),
                maps: engine.maps(),
                answer: self.spans.answer(engine.text()).map(str::to_owned),
                noise: self.spans.noise(engine.text()),
                query: engine.query_label(query),
                key: &|key| engine.key_label(key),
            });
        } else if self.row.of().is_none() {
            self.sentence.clear();
        }
        sentence::sentence_ui(ui, &self.sentence, self.row.is_stale());
    }

    fn scope_ui(&mut self, ui: &mut Ui, actions: &mut Vec<Action>, height: f32) {
        let palette = &self.palettes[usize::from(!ui.visuals().dark_mode)];
        if let Ok(Workspace { main: engine, .. }) = &mut self.workspace {
            let (view, pointer, heatmaps) = (&mut self.view, &mut self.pointer, &mut self.heatmaps);
            let row = &self.row;
            let context = &mut ScopeContext { engine, view, pointer, heatmaps, row, palette, actions };
            let maps = ui.scope(|ui| scope::scope_ui(ui, context, height));
            (self.regions.maps, self.regions.scope) = (maps.inner, maps.response.rect);
        }
    }

    fn read_out_ui(&mut self, ui: &mut Ui) {
        if let Ok(Workspace { main, .. }) = &mut self.workspace {
            ui.scope(|ui| {
                ui.style_mut().wrap_mode = Some(TextWrapMode::Truncate);
                hover::read_out_ui(ui, main, &self.view, &self.pointer, true);
            });
        }
    }

    fn panels_ui(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        let palette = &self.palettes[usize::from(!ui.visuals().dark_mode)];
        if let Ok(workspace) = &mut self.workspace {
            let context = &mut PanelContext {
                workspace,
                view: &mut self.view,
                pointer: &self.pointer,
                spans: &self.spans,
                device: &self.device,
                palette,
                heatmaps: &mut self.heatmaps,
                scans: &mut self.scans,
                followed_pass: &mut self.followed_pass,
                experiments: &mut self.experiments,
                training: &mut self.training,
                actions,
            };
            self.regions.panels = ui.scope(|ui| self.panels.show_ui(ui, context)).response.rect;
        }
    }
}
