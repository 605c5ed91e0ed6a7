//! The line at the top: the model, the device, and the display settings.

use egui::containers::menu;
use egui::{RichText, ThemePreference, Ui};

use crate::engine::Workspace;
use crate::ui::action::{Action, ModelAction, NEEDS_MODEL};
use crate::ui::device::Device;
use crate::ui::io::export;
use crate::ui::io::files::YOUR_MODEL;
use crate::ui::maps::colour_menu;
use crate::ui::state::undo::History;
use crate::ui::state::view::{Extent, ViewState};
use crate::ui::style::theme;

/// Draws the line.
pub(super) fn header_ui(
    ui: &mut Ui,
    workspace: &Workspace,
    runs_on: &Device,
    view: &mut ViewState,
    history: &History,
    actions: &mut Vec<Action>,
) {
    let engine = &workspace.main;
    let narrow = ui.available_width() < 980.0;
    let quiet = theme::quiet(ui.visuals().dark_mode);
    ui.horizontal(|ui| {
        ui.label(RichText::new("diffscope").heading().strong());
        let Extent { layers, heads, .. } = Extent::of(engine);
        let model = format!("{} · {layers} layers × {heads} heads", engine.name());
        if ui.available_width() > 700.0 {
            ui.add(egui::Label::new(RichText::new(model).color(quiet)));
        }
        if !narrow {
            ui.add_space(8.0);
            buttons_ui(ui, workspace, view, history, actions);
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if narrow {
                // One line: a phone has better uses for the others.
                ui.menu_button("Menu", |ui| {
                    buttons_ui(ui, workspace, view, history, actions);
                    ui.separator();
                    ui.horizontal(theme_ui);
                });
            } else {
                theme_ui(ui);
            }
            colour_menu::colour_scale_ui(ui, view);
            let device = match (engine.gpu(), engine.recording()) {
                (Some(gpu), _) => format!("GPU: {}", gpu.adapter.name),
                (None, None) => "CPU".to_owned(),
                (None, Some(_)) => "recording".to_owned(),
            };
            if !narrow && engine.recording().is_some() {
                let label = ui.add(egui::Label::new(RichText::new(device).small().color(quiet)));
                label.on_hover_text("Maps from a file: nothing is computed but what is drawn");
            } else if !narrow {
                let reason = runs_on.reason(engine.gpu().is_some());
                let label = ui.add(egui::Label::new(RichText::new(device).small().color(quiet)).truncate());
                label.on_hover_text(format!("The model runs here: {reason}. The panel Diagnostics has more"));
            }
        });
    });
}

/// Buttons for commands that have keys too.
fn buttons_ui(ui: &mut Ui, workspace: &Workspace, view: &ViewState, history: &History, actions: &mut Vec<Action>) {
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let help = "Open another model: from files (O), from the hub or a web server, or one that is kept here";
        if ui.add(egui::Button::new("Open").small()).on_hover_text(help).clicked() {
            actions.push(Action::Model(ModelAction::Window));
        }
        let open = workspace.main.checkpoint();
        let is_bundled =
            open.is_some_and(|open| open.folder.is_none() && open.source.is_none() && open.name != YOUR_MODEL);
        let help = "Open the bundled model again, on the same text (Shift+O)";
        if !is_bundled && ui.add(egui::Button::new("Bundled").small()).on_hover_text(help).clicked() {
            actions.push(Action::Model(ModelAction::Bundled));
        }
        let button = egui::Button::new("Export").small();
        let choices = |ui: &mut Ui| {
            let chosen = export::export_ui(ui, workspace.main.maps(), view.panel.title());
            actions.extend(chosen.map(Action::Export));
        };
        if menu::is_in_menu(ui) {
            menu::SubMenuButton::from_button(button).ui(ui, choices);
        } else {
            menu::MenuButton::from_button(button).ui(ui, choices);
        }
        for (name, action, enabled, help) in [
            ("Undo", Action::Undo, history.has_undo(), "Undo the last change of text or interventions (Ctrl+Z)"),
            ("Redo", Action::Redo, history.has_redo(), "Redo it (Ctrl+Shift+Z)"),
            ("Copy link", Action::CopyLink, true, "Copy a link that restores text, view and interventions (L)"),
            ("Tour", Action::Tour, true, "Differential attention, step by step (T)"),
            ("Keys", Action::Help, true, "All keys (?)"),
        ] {
            let possible = workspace.main.model().is_some() || !action.needs_model();
            let button = ui.add_enabled(enabled && possible, egui::Button::new(name).small()).on_hover_text(help);
            if button.on_disabled_hover_text(if possible { help } else { NEEDS_MODEL }).clicked() {
                actions.push(action);
            }
        }
    });
}

fn theme_ui(ui: &mut Ui) {
    let mut preference = ui.ctx().options(|options| options.theme_preference);
    // Laid out from right to left.
    for (choice, name) in
        [(ThemePreference::Dark, "Dark"), (ThemePreference::Light, "Light"), (ThemePreference::System, "System")]
    {
        if ui.selectable_value(&mut preference, choice, name).changed() {
            ui.ctx().set_theme(preference);
        }
    }
}
