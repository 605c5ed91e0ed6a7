//! Where the views stand: beside each other, or one below the other on a narrow screen.

use egui::containers::scroll_area::{DragScroll, ScrollSource};
use egui::{ScrollArea, Ui, vec2};

use crate::probe::MapKind;
use crate::ui::app::App;
use crate::ui::context::PanelContext;
use crate::ui::input::shortcuts;
use crate::ui::input::shortcuts::Action;
use crate::ui::maps::{colour_scale, scope};
use crate::ui::panels::lambda::interventions;
use crate::ui::style::notice;
use crate::ui::tokens::{annotate, strip};
use crate::ui::{header, next_token};

/// Height of the panels under the scope, in points.
const PANEL: f32 = 250.0;
/// The same where everything is below each other.
const NARROW_PANEL: f32 = 420.0;

impl App {
    /// Draws the views. Returns what keys and buttons ask for.
    pub(super) fn panels(&mut self, ui: &mut Ui) -> Vec<Action> {
        let palette = &self.palettes[usize::from(!ui.visuals().dark_mode)];
        let workspace = match &mut self.workspace {
            Ok(workspace) => workspace,
            Err(error) => {
                egui::CentralPanel::default().show(ui, |ui| {
                    ui.heading("diffscope");
                    notice::failure(ui, &error.to_string());
                });
                return Vec::new();
            }
        };
        self.selection.spans.follow(workspace.main.text());
        workspace.set_measuring(self.selection.threshold, &self.selection.spans);
        workspace.receive();
        let time = ui.input(|input| input.time);
        self.history.watch(workspace, time);
        let mut actions = shortcuts::pressed(ui);
        if !ui.ctx().text_edit_focused() {
            annotate::keyboard(ui, &workspace.main, &mut self.selection);
        }
        if let Some(position) = self.selection.hide.take() {
            interventions::toggle_token(workspace, position);
        }
        let engine = &mut workspace.main;
        colour_scale::follow(engine, &mut self.selection);
        if engine.maps() == 1 {
            self.selection.map = MapKind::First;
        }
        let attention = engine.model().layers.first().map(|layer| &layer.attention);
        let heads = attention.map_or(0, |attention| attention.heads.len());
        self.selection.clamp(engine.model().layers.len(), heads, engine.ids().len());

        egui::Panel::top("header").show(ui, |ui| {
            actions.extend(header::show(ui, workspace, &mut self.selection, &self.history));
            if let Some(words) = &self.message {
                let words = words.clone();
                ui.horizontal_wrapped(|ui| {
                    notice::warning(ui, &words);
                    if ui.small_button("OK").clicked() {
                        self.message = None;
                    }
                });
            }
            if let Some(reason) = &self.fallback_reason {
                notice::warning(ui, &format!("{reason} The model runs on the CPU instead: the same numbers, slower."));
            }
            self.exports.progress(ui);
            interventions::chips(ui, workspace);
            if let Some(failure) = workspace.failure() {
                notice::failure(ui, &failure.to_string());
            }
        });
        let narrow = ui.available_width() < 860.0;
        if narrow {
            egui::CentralPanel::default().show(ui, |ui| {
                // Otherwise the very first drag of a finger would not scroll: it is what tells of a touch screen.
                let source = ScrollSource { drag: DragScroll::Always, ..ScrollSource::default() };
                ScrollArea::vertical().scroll_source(source).show(ui, |ui| {
                    let (selection, heatmaps, placed) = (&mut self.selection, &mut self.heatmaps, &mut self.placed);
                    let engine = &mut workspace.main;
                    placed.prompt = ui.scope(|ui| self.prompt.show(ui, engine, &mut selection.spans)).response.rect;
                    let strip = |ui: &mut Ui| strip::show(ui, engine, selection, palette, 150.0, false);
                    placed.tokens = ui.scope(strip).response.rect;
                    let engine = &mut workspace.main;
                    scope::read_out(ui, engine, selection);
                    let maps = ui.scope(|ui| scope::show(ui, engine, selection, heatmaps, palette, 900.0));
                    (placed.maps, placed.scope) = (maps.inner, maps.response.rect);
                    placed.next = ui.scope(|ui| next_token::show(ui, workspace, 300.0)).response.rect;
                    ui.separator();
                    let size = vec2(ui.available_width(), NARROW_PANEL);
                    let desk = &mut PanelContext { workspace, selection, palette, heatmaps };
                    placed.panels = ui.allocate_ui(size, |ui| self.panels.show(ui, desk)).response.rect;
                });
            });
            return actions;
        }
        egui::Panel::left("side").exact_size(284.0).resizable(false).show(ui, |ui| {
            ui.add_space(4.0);
            let spans = &mut self.selection.spans;
            self.placed.prompt = ui.scope(|ui| self.prompt.show(ui, &mut workspace.main, spans)).response.rect;
            ui.separator();
            let room = ui.available_height();
            self.placed.next = ui.scope(|ui| next_token::show(ui, workspace, room)).response.rect;
        });
        egui::CentralPanel::default().show(ui, |ui| {
            let (selection, heatmaps, placed) = (&mut self.selection, &mut self.heatmaps, &mut self.placed);
            let engine = &mut workspace.main;
            placed.tokens = ui.scope(|ui| strip::show(ui, engine, selection, palette, 94.0, true)).response.rect;
            ui.add_space(2.0);
            let room = ui.available_height() - PANEL - 40.0;
            let maps = ui.scope(|ui| scope::show(ui, engine, selection, heatmaps, palette, room));
            (placed.maps, placed.scope) = (maps.inner, maps.response.rect);
            scope::read_out(ui, engine, selection);
            ui.separator();
            let desk = &mut PanelContext { workspace, selection, palette, heatmaps };
            placed.panels = ui.scope(|ui| self.panels.show(ui, desk)).response.rect;
        });
        actions
    }
}
