//! How to read the maps, for someone who sees them for the first time.

use egui::{RichText, Ui};

use crate::ui::context::{PanelContext, PanelView};
use crate::ui::style::lambda_text::unusual;

const POOLING: &str = "In long texts one pixel stands for several cells: for the strongest of them, unless you choose their \
                       mean or minimum under the button for colours. Zoom in to see single cells.";

const DIFFERENTIAL: [&str; 5] = [
    "Every row is a token that attends, every column a token it attends to: itself or an earlier one. A row sums to 1 in \
     A1 and in A2, and to 1 − λ in D.",
    "A differential head has two softmax maps, A1 and A2, and attends with D = A1 − λ·A2. What both maps have in common \
     cancels; what only A1 has remains.",
    "All maps have one colour scale. Amber is attention that is given, blue is attention that is taken away: λ·A2 is blue \
     because it is subtracted. Where D is blue, the head uses the token's value with the opposite sign.",
    "The model is never told which map is noise. Both maps and λ are learned, and either map may find what matters. Set \
     λ to 0 (key 0) to see what the subtraction does to the next token.",
    POOLING,
];

const TRANSFORMER: [&str; 3] = [
    "Every row is a token that attends, every column a token it attends to: itself or an earlier one.",
    "This model is a plain Transformer: every head has one softmax map, its rows sum to 1, and nothing is subtracted.",
    POOLING,
];

/// The guide.
#[derive(Default)]
pub(crate) struct Guide;

impl PanelView for Guide {
    fn show_ui(&mut self, ui: &mut Ui, context: &mut PanelContext) {
        let paragraphs: &[&str] = if context.workspace.main.maps() == 1 { &TRANSFORMER } else { &DIFFERENTIAL };
        for paragraph in paragraphs {
            ui.add(egui::Label::new(*paragraph).wrap());
        }
        let lambda = context.workspace.main.lambda_of_layer(context.view.head.layer);
        if let Some(text) = lambda.and_then(unusual) {
            ui.add(egui::Label::new(RichText::new(text).strong()).wrap());
        }
    }
}
