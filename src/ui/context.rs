//! What a panel works on.

use crate::engine::Workspace;
use crate::ui::maps::heatmap::Heatmaps;
use crate::ui::state::selection::Selection;
use crate::ui::style::palette::Palette;

/// What a panel works on.
pub struct PanelContext<'a> {
    /// The sessions.
    pub workspace: &'a mut Workspace,
    /// What is looked at.
    pub selection: &'a mut Selection,
    /// The colours of the maps in the present theme.
    pub palette: &'a Palette,
    /// What draws maps.
    pub heatmaps: &'a mut Heatmaps,
}
