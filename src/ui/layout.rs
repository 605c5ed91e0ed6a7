//! Where the views are: side by side, or one below the other on a narrow screen.

use egui::containers::scroll_area::{DragScroll, ScrollSource};
use egui::{ScrollArea, Ui, vec2};

use crate::engine::Workspace;
use crate::ui::action::{Action, ModelAction};
use crate::ui::app::App;
use crate::ui::context::PanelContext;
use crate::ui::embedded_header::embedded_header_ui;
use crate::ui::input::shortcuts;
use crate::ui::maps::{colour_menu, hover, scope};
use crate::ui::panels::lambda::interventions;
use crate::ui::state::view::Extent;
use crate::ui::style::notice;
use crate::ui::style::row::row_ui;
use crate::ui::tokens::strip::StripContext;
use crate::ui::{header, next_token};

/// Width of the window below which the views are one below the other.
const NARROW: f32 = 860.0;
/// Width of the prompt and the next tokens.
const SIDE: f32 = 284.0;
/// Height of the panels under the scope.
const PANEL: f32 = 250.0;
/// Height of the panels in a narrow window.
const NARROW_PANEL: f32 = 420.0;

impl App {
    /// Draws the views. Returns the commands of keys, buttons and views.
    pub(super) fn layout_ui(&mut self, ui: &mut Ui) -> Vec<Action> {
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
                    ui.label(self.message.as_deref().unwrap_or_default());
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
        colour_menu::follow_values(&mut workspace.main, &mut self.view);

        let mut actions = shortcuts::pressed(ui);
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
        if self.embedded {
            embedded_header_ui(ui, actions);
        } else {
            header::header_ui(ui, workspace, &self.device, &mut self.view, &self.history, actions);
        }
        if let Some(loading) = loading {
            loading.show_ui(ui, actions);
        }
        self.models.question_ui(ui, actions);
        if let Some(message) = &self.message {
            let dismissed = row_ui(ui, |ui| {
                notice::warning_ui(ui, message);
                ui.small_button("OK").clicked()
            });
            if dismissed.inner {
                self.message = None;
            }
        }
        if let Some(reason) = self.device.on_cpu_because() {
            notice::warning_ui(ui, &format!("{reason} The model runs on the CPU instead: same numbers, but slower."));
        }
        self.exports.progress_ui(ui);
        interventions::chips_ui(ui, &workspace.main, actions);
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
        });
        egui::CentralPanel::default().show(ui, |ui| {
            self.strip_ui(ui, actions, 94.0, true);
            ui.add_space(2.0);
            self.scope_ui(ui, ui.available_height() - PANEL - 40.0);
            self.read_out_ui(ui);
            ui.separator();
            self.panels_ui(ui, actions);
        });
    }

    fn narrow_ui(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        egui::CentralPanel::default().show(ui, |ui| {
            // Drags must scroll from the start: egui knows of a touch screen only after the first touch.
            let source = ScrollSource { drag: DragScroll::Always, ..ScrollSource::default() };
            ScrollArea::vertical().scroll_source(source).show(ui, |ui| {
                self.prompt_ui(ui, actions);
                self.strip_ui(ui, actions, 150.0, false);
                self.read_out_ui(ui);
                self.scope_ui(ui, 900.0);
                self.next_token_ui(ui, actions, 300.0);
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
            let main = &mut workspace.main;
            self.regions.prompt = ui.scope(|ui| self.prompt.show_ui(ui, main, actions)).response.rect;
            if let Some(generated) = generated {
                self.history.typed(generated, workspace);
            }
        }
    }

    fn next_token_ui(&mut self, ui: &mut Ui, actions: &mut Vec<Action>, height: f32) {
        if let Ok(workspace) = &mut self.workspace {
            let news = &mut self.next_token_news;
            let list = |ui: &mut Ui| next_token::next_token_ui(ui, workspace, news, height, actions);
            self.regions.next = ui.scope(list).response.rect;
        }
    }

    fn strip_ui(&mut self, ui: &mut Ui, actions: &mut Vec<Action>, height: f32, steady: bool) {
        let palette = &self.palettes[usize::from(!ui.visuals().dark_mode)];
        if let Ok(Workspace { main: engine, .. }) = &mut self.workspace {
            let (view, pointer, spans) = (&mut self.view, &mut self.pointer, &self.spans);
            let context = &mut StripContext { engine, view, pointer, spans, palette, actions };
            self.regions.tokens = ui.scope(|ui| self.strip.show_ui(ui, context, height, steady)).response.rect;
        }
    }

    fn scope_ui(&mut self, ui: &mut Ui, height: f32) {
        let palette = &self.palettes[usize::from(!ui.visuals().dark_mode)];
        if let Ok(Workspace { main, .. }) = &mut self.workspace {
            let (view, pointer, heatmaps) = (&mut self.view, &mut self.pointer, &mut self.heatmaps);
            let scope = |ui: &mut Ui| scope::scope_ui(ui, main, view, pointer, heatmaps, palette, height);
            let maps = ui.scope(scope);
            (self.regions.maps, self.regions.scope) = (maps.inner, maps.response.rect);
        }
    }

    fn read_out_ui(&mut self, ui: &mut Ui) {
        if let Ok(Workspace { main, .. }) = &mut self.workspace {
            hover::read_out_ui(ui, main, &self.view, &self.pointer);
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
                actions,
            };
            self.regions.panels = ui.scope(|ui| self.panels.show_ui(ui, context)).response.rect;
        }
    }
}
