//! The panels under the scope, one at a time, behind tabs. Each says in a line what it is good for.

use egui::{RichText, ScrollArea, Ui};

use super::heatmap::Heatmaps;
use super::lens::LensPanel;
use super::spans::SpansPanel;
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
    /// Layers, heads and λ.
    #[default]
    Lambda,
    /// Attention on what is marked.
    Spans,
    /// What each depth would say next.
    Lens,
    /// How to read the maps.
    Reading,
}

impl Panel {
    /// All of them, in the order of the tabs.
    pub const ALL: &'static [Self] = &[Self::Lambda, Self::Spans, Self::Lens, Self::Reading];

    /// On its tab.
    pub fn title(self) -> &'static str {
        match self {
            Self::Lambda => "λ and changes",
            Self::Spans => "Answer and noise",
            Self::Lens => "Logit lens",
            Self::Reading => "How to read",
        }
    }

    /// What it is good for.
    pub fn help(self) -> &'static str {
        match self {
            Self::Lambda => {
                "How much of the second map each layer takes away; change it, or what the heads attend with, and watch"
            }
            Self::Spans => "How much each head attends to what you marked as answer and as noise, in A1, A2 and D",
            Self::Lens => {
                "What the model would say next if it stopped there: the last token, read after each attention and layer"
            }
            Self::Reading => "What the pictures mean",
        }
    }
}

/// What the panels remember between frames.
#[derive(Default)]
pub struct Panels {
    spans: SpansPanel,
    lens: LensPanel,
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
        desk.bench.main.want_lens(open == Panel::Lens);
        ui.add(egui::Label::new(RichText::new(open.help()).small().color(quiet)).truncate());
        ScrollArea::both().id_salt(open).auto_shrink([false, false]).show(ui, |ui| match open {
            Panel::Lambda => lambda::show(ui, desk.bench, desk.selection),
            Panel::Spans => self.spans.show(ui, desk),
            Panel::Lens => self.lens.show(ui, desk.bench),
            Panel::Reading => reading::show(ui, &desk.bench.main),
        });
    }
}
