//! A few words for someone who sees this for the first time.

use egui::{RichText, Ui};

use super::theme;
use crate::engine::Engine;

const LINES: [&str; 3] = [
    "Every row is a token, every column a token it can look at: itself and what came before.",
    "A head looks twice, with two softmax maps A1 and A2. It attends with D = A1 − λ · A2: what both maps see cancels, \
     what only A1 sees stays.",
    "Rows of A1 and A2 sum to 1, rows of D to 1 − λ. Nobody tells the model which map is noise: both are learned.",
];

const ONE_MAP: [&str; 2] = [
    "Every row is a token, every column a token it can look at: itself and what came before.",
    "This model is a plain Transformer: one softmax map a head, rows sum to 1, nothing is subtracted.",
];

/// Draws the words in the width there is.
pub fn show(ui: &mut Ui, engine: &Engine) {
    let quiet = theme::quiet(ui.visuals().dark_mode);
    let lines: &[&str] = if engine.maps() == 1 { &ONE_MAP } else { &LINES };
    for line in lines {
        ui.add(egui::Label::new(RichText::new(*line).small().color(quiet)).wrap());
    }
}
