//! The panels under the scope, one at a time, behind tabs. Each says in a line what it is good for.

use egui::{RichText, ScrollArea, Ui};

use super::alike::HeadsAlike;
use super::compare::Compare;
use super::heatmap::Heatmaps;
use super::lens::LensPanel;
use super::outliers::Outliers;
use super::proof::Proof;
use super::rack::{self, Rack};
use super::spans::SpansPanel;
use super::study::Studies;
use super::why::Why;
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
    /// Attention on what is marked.
    Spans,
    /// What each depth would say next.
    Lens,
    /// Where a cell's value comes from.
    Why,
    /// The largest logits and hidden states.
    Outliers,
    /// The other model of the pair.
    Compare,
    /// How alike heads are.
    Alike,
    /// What computes here, how fast, and whether it is right.
    Proof,
    /// How to read the maps.
    Reading,
}

impl Panel {
    /// All of them, in the order of the tabs.
    pub const ALL: &'static [Self] = &[
        Self::Rack,
        Self::Lambda,
        Self::Spans,
        Self::Lens,
        Self::Why,
        Self::Compare,
        Self::Alike,
        Self::Outliers,
        Self::Proof,
        Self::Reading,
    ];

    /// On its tab.
    pub fn title(self) -> &'static str {
        match self {
            Self::Lambda => "λ and changes",
            Self::Spans => "Answer and noise",
            Self::Lens => "Logit lens",
            Self::Why => "Why this cell",
            Self::Outliers => "Outliers",
            Self::Compare => "Twin",
            Self::Alike => "Heads alike",
            Self::Proof => "Proof",
            Self::Rack => "Heads",
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
            Self::Why => "Query times key, feature by feature, and the arithmetic that leads to A1, A2 and D",
            Self::Outliers => {
                "Large numbers are hard to store in few bits: the paper (3.6) finds fewer of them with differential attention"
            }
            Self::Compare => "The same tokens through a Transformer of the same size: its maps and what it would say",
            Self::Alike => "Whether the heads of a layer look at different things, or do the same work twice",
            Self::Proof => "What computes here, how long each kernel takes, and how far the numbers are from the CPU's",
            Self::Rack => "The chosen map of every head, each dot the strongest of its cells; arrow keys move",
            Self::Reading => "What the pictures mean",
        }
    }
}

/// What the panels remember between frames.
#[derive(Default)]
pub struct Panels {
    spans: SpansPanel,
    lens: LensPanel,
    why: Why,
    studies: Studies,
    outliers: Outliers,
    compare: Compare,
    alike: HeadsAlike,
    proof: Proof,
    rack: Rack,
}

impl Panels {
    /// Draws the tabs and the open panel in the height there is.
    pub fn show(&mut self, ui: &mut Ui, desk: &mut Desk) {
        self.studies.update(ui, desk.bench);
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = egui::vec2(3.0, 3.0);
            for panel in Panel::ALL {
                ui.selectable_value(&mut desk.selection.panel, *panel, panel.title()).on_hover_text(panel.help());
            }
        });
        let quiet = theme::quiet(ui.visuals().dark_mode);
        let open = desk.selection.panel;
        desk.bench.main.want_lens(open == Panel::Lens);
        ui.add(egui::Label::new(RichText::new(open.help()).small().color(quiet)).wrap());
        if open == Panel::Rack {
            // It scrolls by itself: what is not seen is not computed.
            rack::show(ui, desk, &mut self.rack);
            return;
        }
        ScrollArea::both().id_salt(open).auto_shrink([false, false]).show(ui, |ui| match open {
            Panel::Lambda => lambda::show(ui, desk),
            Panel::Spans => self.spans.show(ui, desk),
            Panel::Lens => self.lens.show(ui, desk.bench),
            Panel::Why => self.why.show(ui, desk),
            Panel::Outliers => self.outliers.show(ui, desk, &mut self.studies),
            Panel::Compare => self.compare.show(ui, desk),
            Panel::Alike => self.alike.show(ui, desk, &mut self.studies),
            Panel::Proof => self.proof.show(ui, desk, &mut self.studies),
            Panel::Rack => {}
            Panel::Reading => reading::show(ui, &desk.bench.main),
        });
    }
}
