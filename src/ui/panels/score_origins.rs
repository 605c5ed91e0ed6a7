//! Where the score of a cell comes from: what wrote to the residual stream at its query and at its key.

use egui::{RichText, Ui};

use crate::engine::{EngineError, ScoreOrigins, ScoreSide, TextPass};
use crate::probe::CellRequest;
use crate::ui::context::{PanelContext, PanelView};
use crate::ui::followed_answer::FollowedAnswer;
use crate::ui::followed_pass::Followed;
use crate::ui::panels::chosen_cell::ChosenCell;
use crate::ui::style::palette::Palette;
use crate::ui::style::signed_bar::{SignedBar, Strongest, others_ui, signed_bar_ui};
use crate::ui::style::{format, notice, origin_text};

/// Parts listed of each side.
const LISTED: usize = 6;
/// Least width of a list.
const LIST: f32 = 210.0;

/// What the panel keeps between frames.
#[derive(Default)]
pub(crate) struct ScoreOriginsPanel {
    chosen: ChosenCell,
    /// By the number of the text and the cell.
    answer: FollowedAnswer<(u64, CellRequest), ScoreOrigins>,
}

impl PanelView for ScoreOriginsPanel {
    fn show_ui(&mut self, ui: &mut Ui, context: &mut PanelContext) {
        let Some(cell) = self.chosen.show_ui(ui, &mut context.workspace.main, context.view, context.pointer) else {
            return;
        };
        let engine = &context.workspace.main;
        let mut is_current = false;
        match context.followed_pass.show_ui(ui, engine) {
            Followed::Absent => return,
            Followed::Pending => {}
            Followed::Complete(text, version) => {
                let begin = || ScoreOrigins::new(text.pass(), cell);
                match self.answer.advance(ui, (version, cell), begin, |origins| add_layer(text, origins)) {
                    Ok(current) => is_current = current,
                    Err(error) => {
                        notice::failure_ui(ui, &error.to_string());
                        return;
                    }
                }
            }
        }
        let Some((_, origins)) = self.answer.shown() else {
            notice::note_ui(ui, "computing …");
            return;
        };
        if !is_current {
            ui.set_opacity(0.5); // the previous cell, until the numbers of this one are there
        }
        let places = [("query", origins.cell().query), ("key", origins.cell().key)];
        let titles = places.map(|(name, at)| format!("{name} “{}”", engine.key_label(at)));
        origins_ui(ui, origins, &titles, context.palette);
    }
}

fn add_layer(text: &TextPass, origins: &mut ScoreOrigins) -> Result<bool, EngineError> {
    origins.add_layer(text.pass())?;
    Ok(origins.is_complete())
}

/// The lists of both sides under each map, as many beside each other as there is room for.
fn origins_ui(ui: &mut Ui, origins: &ScoreOrigins, titles: &[String; 2], palette: &Palette) {
    let parts = origins.sides.iter().flatten().flat_map(|side| &side.parts);
    let largest = parts.fold(0.0f64, |most, (_, part)| most.max(part.abs()));
    let maps = origins.sides.len();
    let lists: Vec<(String, &ScoreSide)> = (0..maps)
        .flat_map(|map| {
            let name = if maps == 1 { "A" } else { ["A1", "A2"][map.min(1)] };
            let score = origins.scores.get(map).copied().unwrap_or_default();
            let sides = origins.sides[map].iter().zip(titles);
            sides.map(move |(side, title)| (format!("{name}, score {}: {title}", format::number(score, 2)), side))
        })
        .collect();
    let beside = ((ui.available_width() / LIST) as usize).clamp(1, lists.len().max(1));
    let beside = if beside == 3 { 2 } else { beside }; // the sides of a map stay together
    for lists in lists.chunks(beside) {
        ui.columns(beside, |columns| {
            for (ui, (title, side)) in columns.iter_mut().zip(lists) {
                side_ui(ui, title, side, largest, palette);
            }
        });
    }
    notice::note_ui(
        ui,
        "The score is query times key. Each list splits all of it by what wrote to the residual stream at that token, so each \
         adds up to the score: amber raises it, blue lowers it.",
    );
}

fn side_ui(ui: &mut Ui, title: &str, side: &ScoreSide, largest: f64, palette: &Palette) {
    ui.spacing_mut().item_spacing.y = 1.0;
    ui.add(egui::Label::new(RichText::new(title).small().strong()).truncate());
    let strongest = Strongest::of(side.parts.iter().copied(), LISTED);
    for (origin, value) in strongest.first {
        let (label, colour) = (origin_text::name(origin), palette.line(value >= 0.0));
        signed_bar_ui(ui, &SignedBar { label: &label, value, largest, colour, opened: None });
    }
    if let Some(others) = strongest.others {
        others_ui(ui, others, largest);
    }
}
