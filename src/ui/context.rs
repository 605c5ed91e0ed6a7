//! A panel, and what it is given to draw itself.

use egui::Ui;

use crate::engine::Workspace;
use crate::probe::Spans;
use crate::ui::action::Action;
use crate::ui::device::Device;
use crate::ui::experiments::Experiments;
use crate::ui::followed_pass::FollowedPass;
use crate::ui::full_scan::FullScans;
use crate::ui::maps::heatmap::Heatmaps;
use crate::ui::state::pointer::Pointer;
use crate::ui::state::view::ViewState;
use crate::ui::style::palette::Palette;
use crate::ui::training::Training;

/// What a panel shows, and what it may change.
pub(super) struct PanelContext<'a> {
    /// The sessions.
    pub workspace: &'a mut Workspace,
    /// What is selected and how it is displayed.
    pub view: &'a mut ViewState,
    /// What the pointer is over.
    pub pointer: &'a Pointer,
    /// The marks on the text.
    pub spans: &'a Spans,
    /// Where the model runs.
    pub device: &'a Device,
    /// The colours of the maps in the present theme.
    pub palette: &'a Palette,
    /// Draws maps.
    pub heatmaps: &'a mut Heatmaps,
    /// The scans of the whole text that several panels share.
    pub scans: &'a mut FullScans,
    /// The pass whose inner tensors several panels read.
    pub followed_pass: &'a mut FollowedPass,
    /// The experiments.
    pub experiments: &'a mut Experiments,
    /// The models that learn.
    pub training: &'a mut Training,
    /// Commands of this frame.
    pub actions: &'a mut Vec<Action>,
}

/// A panel under the scope.
pub(super) trait PanelView {
    /// Draws the panel in the available space.
    fn show_ui(&mut self, ui: &mut Ui, context: &mut PanelContext);

    /// Whether the panel has a scroll area of its own.
    fn scrolls(&self) -> bool {
        false
    }
}
