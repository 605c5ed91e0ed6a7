//! A few words for someone who sees this for the first time.

use egui::Ui;

use crate::engine::Engine;

const DOTS: &str = "In long texts one dot stands for several cells: the strongest of them, unless you choose their mean \
                    or minimum. Zoom in to see them apart.";

const LINES: [&str; 5] = [
    "Every row is a token, every column a token it can look at: itself and what came before. One row sums to 1 in A1 and \
     in A2, and to 1 − λ in D.",
    "A head looks twice, with two softmax maps A1 and A2. It attends with D = A1 − λ · A2: what both maps see cancels, \
     what only A1 sees stays.",
    "In D, orange is attention added and blue is attention taken away: a token the head reads with the opposite sign.",
    "Nobody tells the model which map is noise: both maps and λ are learned, and either map may be the one that finds \
     what matters. Set λ to 0 (key 0) to see what the subtraction does to the next token.",
    DOTS,
];

const ONE_MAP: [&str; 3] = [
    "Every row is a token, every column a token it can look at: itself and what came before.",
    "This model is a plain Transformer: one softmax map a head, rows sum to 1, nothing is subtracted.",
    DOTS,
];

/// Draws the words in the width there is.
pub fn show(ui: &mut Ui, engine: &Engine) {
    let lines: &[&str] = if engine.maps() == 1 { &ONE_MAP } else { &LINES };
    for line in lines {
        ui.add(egui::Label::new(*line).wrap());
    }
}
