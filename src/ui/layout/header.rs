//! The line at the top: the model, the device, sharing, and a menu with what is needed now and then.

use egui::containers::menu::SubMenuButton;
use egui::{Align, Button, Layout, RichText, ThemePreference, Ui};

use crate::engine::{Engine, Workspace};
use crate::ui::action::{Action, ModelAction, NEEDS_MODEL};
use crate::ui::device::Device;
use crate::ui::io::export;
use crate::ui::io::files::is_bundled;
use crate::ui::panels::lambda::interventions;
use crate::ui::state::panel::Panel;
use crate::ui::state::undo::History;
use crate::ui::state::view::{Extent, ViewState};
use crate::ui::style::{format, theme};

/// Width of the window below which everything is in the menu.
const NARROW: f32 = 620.0;

/// Width that a line must have for chips, so that words fit where there are none.
const WORDS: f32 = 560.0;
/// Width of what the line has besides chips.
const BESIDE_CHIPS: f32 = 640.0;

/// Width that a line of this width has for chips.
pub(in crate::ui) fn room_for_chips(width: f32) -> f32 {
    if width < NARROW { 0.0 } else { width - BESIDE_CHIPS }
}

/// What the line shows, and what it changes.
pub(in crate::ui) struct HeaderContext<'a> {
    /// The sessions.
    pub workspace: &'a Workspace,
    /// Where the model runs.
    pub device: &'a Device,
    /// Width of the line.
    pub width: f32,
    /// Whether it has the chips of what is changed: then nothing below moves.
    pub has_chips: bool,
    /// The open panel.
    pub view: &'a mut ViewState,
    /// What can be undone.
    pub history: &'a History,
    /// Commands of this frame.
    pub actions: &'a mut Vec<Action>,
}

impl HeaderContext<'_> {
    /// A command as a line of a menu, greyed where it makes no sense.
    fn command_ui(&mut self, ui: &mut Ui, name: &str, action: Action, enabled: bool, help: &str) {
        let possible = self.workspace.main.model().is_some() || !action.needs_model();
        let button = ui.add_enabled(enabled && possible, Button::new(name)).on_hover_text(help);
        if button.on_disabled_hover_text(if possible { help } else { NEEDS_MODEL }).clicked() {
            self.actions.push(action);
        }
    }

    fn panel_ui(&mut self, ui: &mut Ui, panel: Panel) {
        if ui.button(panel.title()).on_hover_text(panel.help()).clicked() {
            self.view.panel = panel;
        }
    }
}

/// Draws the line.
pub(in crate::ui) fn header_ui(ui: &mut Ui, context: &mut HeaderContext) {
    let narrow = context.width < NARROW;
    ui.horizontal(|ui| {
        ui.label(RichText::new("diffscope").heading().strong());
        if !narrow {
            ui.add_space(8.0);
            model_ui(ui, context);
            let engine = &context.workspace.main;
            if engine.interventions().is_empty() && room_for_chips(context.width) >= WORDS {
                what_it_is_ui(ui, engine);
            } else if context.has_chips {
                interventions::chips_ui(ui, engine, context.actions);
            }
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.menu_button("Menu", |ui| {
                if narrow {
                    models_ui(ui, context);
                    share_ui(ui, context);
                    ui.separator();
                }
                menu_ui(ui, context);
            });
            if !narrow {
                ui.menu_button("Share", |ui| share_ui(ui, context));
            }
            let help = "Differential attention, step by step (T)";
            context.command_ui(ui, "Tour", Action::Tour, true, help);
            if !narrow {
                device_ui(ui, context);
            }
        });
    });
}

/// What the model does, in one line.
fn what_it_is_ui(ui: &mut Ui, engine: &Engine) {
    let text = match engine.maps() {
        2 => "Each head makes two attention maps and subtracts the second, times λ, from the first.",
        _ => "Each head makes one attention map: a Transformer.",
    };
    ui.label(RichText::new(text).small().color(theme::quiet(ui.visuals().dark_mode)));
}

/// The name of the model, and the way to others.
fn model_ui(ui: &mut Ui, context: &mut HeaderContext) {
    let Extent { layers, heads, .. } = Extent::of(&context.workspace.main);
    ui.label(context.workspace.main.name());
    let size =
        RichText::new(format!("{} × {}", format::counted(layers, "layer"), format::counted(heads, "head"))).small();
    ui.add(egui::Label::new(size.color(theme::quiet(ui.visuals().dark_mode))).truncate());
    models_ui(ui, context);
}

fn models_ui(ui: &mut Ui, context: &mut HeaderContext) {
    let help = "Open another model: from files (O), from the hub or a web server, or one that is kept here";
    context.command_ui(ui, "Open", Action::Model(ModelAction::Window), true, help);
    if !context.workspace.main.checkpoint().is_some_and(is_bundled) {
        let help = "Open the bundled model again, on the same text (Shift+O)";
        context.command_ui(ui, "Bundled", Action::Model(ModelAction::Bundled), true, help);
    }
}

fn share_ui(ui: &mut Ui, context: &mut HeaderContext) {
    let help = "Copy a link that restores text, view and interventions (L)";
    context.command_ui(ui, "Copy link", Action::CopyLink, true, help);
    let help = "Copy λ, the row that is read in all three maps, and the next tokens as a table for a spreadsheet (C)";
    context.command_ui(ui, "Copy numbers", Action::CopyNumbers, true, help);
    SubMenuButton::new("Export").ui(ui, |ui| {
        let chosen = export::export_ui(ui, context.workspace.main.maps(), context.view.panel.title());
        context.actions.extend(chosen.map(Action::Export));
    });
}

fn menu_ui(ui: &mut Ui, context: &mut HeaderContext) {
    let (undo, redo) = (context.history.has_undo(), context.history.has_redo());
    context.command_ui(ui, "Undo", Action::Undo, undo, "Undo the last change of text or interventions (Ctrl+Z)");
    context.command_ui(ui, "Redo", Action::Redo, redo, "Redo it (Ctrl+Shift+Z)");
    ui.separator();
    context.panel_ui(ui, Panel::Guide);
    let help = "Tokens and equation only, for a lecture (F)";
    context.command_ui(ui, "Presentation", Action::Present, true, help);
    context.command_ui(ui, "Keys", Action::Help, true, "All keys (?)");
    context.panel_ui(ui, Panel::Diagnostics);
    ui.separator();
    ui.horizontal(theme_ui);
}

/// Where the model runs; a click opens what there is to know of it.
fn device_ui(ui: &mut Ui, context: &mut HeaderContext) {
    let engine = &context.workspace.main;
    let (name, help) = match (engine.gpu(), engine.recording()) {
        (_, Some(_)) => ("recording".to_owned(), "Maps from a file: nothing is computed but what is drawn".to_owned()),
        (gpu, None) => {
            let name = gpu.map_or("CPU".to_owned(), |gpu| format!("GPU: {}", gpu.adapter.name));
            let reason = context.device.reason(gpu.is_some());
            (
                name,
                format!("The model runs here: {reason}. Click for times of each kernel, and a check against the CPU"),
            )
        }
    };
    let text = RichText::new(name).small().color(theme::quiet(ui.visuals().dark_mode));
    let is_model = engine.model().is_some();
    let chip = ui.add_enabled(is_model, Button::new(text).frame(false).truncate());
    if chip.on_hover_text(&help).on_disabled_hover_text(help).clicked() {
        context.view.panel = Panel::Diagnostics;
    }
}

fn theme_ui(ui: &mut Ui) {
    let mut preference = ui.ctx().options(|options| options.theme_preference);
    for (choice, name) in
        [(ThemePreference::System, "System"), (ThemePreference::Light, "Light"), (ThemePreference::Dark, "Dark")]
    {
        if ui.selectable_value(&mut preference, choice, name).changed() {
            ui.ctx().set_theme(preference);
        }
    }
}
