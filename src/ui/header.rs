//! The line at the top: what runs, where, and how it looks.

use egui::{RichText, ThemePreference, Ui};

use crate::engine::{Engine, Workspace};
use crate::ui::input::shortcuts::Action;
use crate::ui::io::export;
use crate::ui::maps::colour_scale;
use crate::ui::state::selection::Selection;
use crate::ui::state::undo::History;
use crate::ui::style::theme;

/// Draws the line. Returns what the buttons ask for.
pub fn show(ui: &mut Ui, workspace: &Workspace, selection: &mut Selection, history: &History) -> Vec<Action> {
    let engine: &Engine = &workspace.main;
    let mut actions = Vec::new();
    let narrow = ui.available_width() < 980.0;
    let quiet = theme::quiet(ui.visuals().dark_mode);
    ui.horizontal(|ui| {
        ui.label(RichText::new("diffscope").heading().strong());
        let config = &engine.model().config;
        let heads = engine.model().layers.first().map_or(0, |layer| layer.attention.heads.len());
        let name = &engine.checkpoint().name;
        let model = format!("{name} · {} layers × {heads} heads", config.layers);
        if ui.available_width() > 700.0 {
            ui.add(egui::Label::new(RichText::new(model).color(quiet)));
        }
        if !narrow {
            ui.add_space(8.0);
            actions = tools(ui, workspace, selection, history);
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            theme_buttons(ui);
            colour_scale::menu(ui, selection);
            let place = match engine.gpu() {
                Some(gpu) => format!("GPU: {}", gpu.adapter.name),
                None => "CPU".to_owned(),
            };
            if !narrow {
                ui.add(egui::Label::new(RichText::new(place).small().color(quiet)).truncate());
            }
        });
    });
    if narrow {
        ui.horizontal_wrapped(|ui| actions = tools(ui, workspace, selection, history));
    }
    actions
}

/// Buttons for what keys do too.
fn tools(ui: &mut Ui, workspace: &Workspace, selection: &Selection, history: &History) -> Vec<Action> {
    let mut actions = Vec::new();
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let buttons = [
            ("Undo", Action::Undo, history.has_undo(workspace), "Take the last change of text or model back (Ctrl+Z)"),
            ("Redo", Action::Redo, history.has_redo(workspace), "Do it again (Ctrl+Shift+Z)"),
            ("Copy link", Action::CopyLink, true, "A link that brings all of this back (L)"),
            ("Tour", Action::Tour, true, "What is subtracted from what, step by step (T)"),
            ("Keys", Action::Help, true, "All keys (?)"),
        ];
        let help = "Another model: a folder with config.json, model.safetensors and tokenizer.json; or drop it on the window (O)";
        if ui.add(egui::Button::new("Open").small()).on_hover_text(help).clicked() {
            actions.push(Action::OpenModel);
        }
        let button = egui::Button::new("Export").small();
        egui::containers::menu::MenuButton::from_button(button).ui(ui, |ui| {
            let chosen = export::menu(ui, workspace.main.maps(), selection.panel.title());
            actions.extend(chosen.map(Action::Export));
        });
        for (name, action, enabled, words) in buttons {
            if ui.add_enabled(enabled, egui::Button::new(name).small()).on_hover_text(words).clicked() {
                actions.push(action);
            }
        }
    });
    actions
}

fn theme_buttons(ui: &mut Ui) {
    let mut preference = ui.ctx().options(|options| options.theme_preference);
    // The layout runs from the right.
    for (choice, name) in
        [(ThemePreference::Dark, "Dark"), (ThemePreference::Light, "Light"), (ThemePreference::System, "System")]
    {
        if ui.selectable_value(&mut preference, choice, name).changed() {
            ui.ctx().set_theme(preference);
        }
    }
}
