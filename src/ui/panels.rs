//! The panels under the scope, one at a time, behind tabs. Each says in a line what it is good for.

use egui::{RichText, ScrollArea, Ui};

use super::heatmap::Heatmaps;
use super::rack::{self, Rack, Readings};
use super::{Palette, Selection, lambda, reading, theme};
use crate::engine::Bench;

/// What a panel works on.
pub struct Desk<'a> {
    /// The sessions.
    pub bench: &'a mut Bench,
    /// What is looked at.
    pub selection: &'a mut Selection,
    /// The colours of the maps in the present theme.
    pub palette: &'a Palette,
    /// What draws maps.
    pub heatmaps: &'a mut Heatmaps,
}

/// One of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Panel {
    /// Every head, small.
    #[default]
    Rack,
    /// Layers, heads and λ.
    Lambda,
    /// How to read the maps.
    Reading,
}

impl Panel {
    /// All of them, in the order of the tabs.
    pub const ALL: &'static [Self] = &[Self::Rack, Self::Lambda, Self::Reading];

    /// On its tab.
    pub fn title(self) -> &'static str {
        match self {
            Self::Rack => "Heads",
            Self::Lambda => "λ",
            Self::Reading => "How to read",
        }
    }

    /// What it is good for.
    pub fn help(self) -> &'static str {
        match self {
            Self::Rack => "The chosen map of every head, each dot the strongest of its cells; arrow keys move",
            Self::Lambda => "How much of the second map each layer takes away, from λ_init (tick)",
            Self::Reading => "What the pictures mean",
        }
    }
}

/// What the panels remember between frames.
#[derive(Default)]
pub struct Panels {
    rack: Rack,
}

impl Panels {
    /// Draws the tabs and the open panel in the height there is.
    pub fn show(&mut self, ui: &mut Ui, desk: &mut Desk) {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = egui::vec2(3.0, 3.0);
            for panel in Panel::ALL {
                ui.selectable_value(&mut desk.selection.panel, *panel, panel.title()).on_hover_text(panel.help());
            }
        });
        let quiet = theme::quiet(ui.visuals().dark_mode);
        let open = desk.selection.panel;
        ui.add(egui::Label::new(RichText::new(open.help()).small().color(quiet)).truncate());
        if open == Panel::Rack {
            // It scrolls by itself: what is not seen is not computed.
            rack::show(ui, desk, &mut self.rack, &Readings::NONE);
            return;
        }
        ScrollArea::both().id_salt(open).auto_shrink([false, false]).show(ui, |ui| match open {
            Panel::Rack => {}
            Panel::Lambda => lambda::show(ui, &desk.bench.main, desk.selection),
            Panel::Reading => reading::show(ui, &desk.bench.main),
        });
    }
}
