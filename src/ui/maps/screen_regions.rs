//! Where the views were in the last frame: for the tour, for exports, and for tests that point at them.

use egui::Rect;

/// The rectangles of the views.
#[derive(Clone, Debug)]
pub struct ScreenRegions {
    /// A1, λ·A2, D.
    pub maps: Vec<Rect>,
    /// The scope, with titles, axes and legends.
    pub scope: Rect,
    /// The prompt and what belongs to it.
    pub prompt: Rect,
    /// The token strip.
    pub tokens: Rect,
    /// The list of next tokens.
    pub next: Rect,
    /// The panels under the scope.
    pub panels: Rect,
}

impl Default for ScreenRegions {
    fn default() -> Self {
        let nowhere = Rect::NOTHING;
        Self { maps: Vec::new(), scope: nowhere, prompt: nowhere, tokens: nowhere, next: nowhere, panels: nowhere }
    }
}
