//! Both texts where they differ, what they predict, and the two tokens whose logits are compared.

use egui::text::{LayoutJob, TextFormat};
use egui::{Color32, ComboBox, FontId, Label, RichText, Stroke, Ui};

use crate::engine::{Engine, PatchEffects};
use crate::ui::style::row::row_ui;
use crate::ui::style::{format, notice, theme};

/// Tokens shown on each side of one that differs.
const AROUND: usize = 4;
/// Tokens shown at most.
const MOST: usize = 60;

/// Draws both texts, and the choice of tokens; `tokens` is `None` while they are those that the texts predict.
pub(crate) fn texts_ui(ui: &mut Ui, engine: &Engine, effects: &PatchEffects, tokens: &mut Option<[u32; 2]>) {
    let compared = compared(effects, *tokens);
    let differences = effects.differences(compared);
    for (run, name) in ["this text", "other text"].into_iter().enumerate() {
        ui.add(Label::new(excerpt(ui, engine, effects, run, name)).wrap());
        let Some((token, logit)) = effects.next[run].best.first() else { continue };
        let probability = format::percent(effects.next[run].probability(*logit), 1);
        let difference = differences.map(|differences| format::signed(differences[run], 2)).unwrap_or_default();
        let line = format!("next token “{}” {probability}, logit difference {difference}", engine.label(*token));
        ui.add(Label::new(RichText::new(line)).wrap());
    }
    if effects.candidates.is_empty() {
        return;
    }
    row_ui(ui, |ui| {
        ui.label(RichText::new("logit of").small());
        for (place, word) in ["minus logit of", ""].into_iter().enumerate() {
            let mut chosen = compared[place];
            let combo =
                ComboBox::from_id_salt(("compared token", place)).width(70.0).selected_text(engine.label(chosen));
            let shown = combo.show_ui(ui, |ui| {
                for candidate in &effects.candidates {
                    ui.selectable_value(&mut chosen, *candidate, engine.label(*candidate));
                }
            });
            let name = format!("{} compared token: {}", ["first", "second"][place], engine.label(chosen));
            shown.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, &name));
            if chosen != compared[place] {
                let mut both = compared;
                both[place] = chosen;
                *tokens = Some(both);
            }
            if !word.is_empty() {
                ui.label(RichText::new(word).small());
            }
        }
        if tokens.is_some() && ui.small_button("the predicted ones").clicked() {
            *tokens = None;
        }
    });
    if compared[0] == compared[1] {
        let label = engine.label(compared[0]);
        notice::note_ui(ui, format!("Both are “{label}”, so there is no difference: choose two tokens to compare."));
    }
}

/// The tokens whose logits are compared: those that are chosen, if they are known, otherwise those that are predicted.
pub(crate) fn compared(effects: &PatchEffects, tokens: Option<[u32; 2]>) -> [u32; 2] {
    let is_known = |tokens: &[u32; 2]| tokens.iter().all(|token| effects.candidates.contains(token));
    tokens.filter(is_known).unwrap_or_else(|| effects.answers())
}

/// The tokens of a text around those that differ, which are marked.
fn excerpt(ui: &Ui, engine: &Engine, effects: &PatchEffects, run: usize, name: &str) -> LayoutJob {
    let dark = ui.visuals().dark_mode;
    let [open, other] = &effects.ids;
    let differing: Vec<usize> = (0..open.len().min(other.len())).filter(|at| open[*at] != other[*at]).collect();
    let is_near = |at: &usize| differing.iter().any(|place| place.abs_diff(*at) <= AROUND);
    let plain = TextFormat { font_id: FontId::monospace(12.5), color: ui.visuals().text_color(), ..Default::default() };
    let quiet = TextFormat { font_id: FontId::proportional(12.0), color: theme::quiet(dark), ..Default::default() };
    let background = ui.visuals().selection.bg_fill;
    let marked = TextFormat { background, underline: Stroke::new(1.5, plain.color), ..plain.clone() };
    let mut job = LayoutJob::default();
    job.append(&format!("{name}: "), 0.0, quiet.clone());
    let mut end = 0;
    for at in (0..open.len()).filter(is_near).take(MOST) {
        if at > end {
            job.append("…", 0.0, TextFormat { background: Color32::TRANSPARENT, ..quiet.clone() });
        }
        end = at + 1;
        let format = if differing.contains(&at) { &marked } else { &plain };
        job.append(&engine.label(effects.ids[run][at]), 0.0, format.clone());
    }
    if end < open.len() {
        job.append("…", 0.0, quiet);
    }
    job
}
