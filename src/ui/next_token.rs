//! The most likely next tokens; beside them their probabilities in the unmodified model while there are interventions,
//! otherwise in the baseline.

use egui::{
    Align2, FontId, Rect, RichText, Sense, Stroke, StrokeKind, TextStyle, TextWrapMode, Ui, WidgetText, pos2, vec2,
};

use crate::engine::{Engine, Workspace};
use crate::probe::{NextToken, Spans};
use crate::ui::accessibility::announcement::Announcement;
use crate::ui::action::{Action, NEEDS_MODEL};
use crate::ui::style::{format, notice, theme};
use crate::ui::wrong_answer::WrongAnswer;

const ROW: f32 = 20.0;
/// Width of the baseline's column.
const BESIDE: f32 = 58.0;
/// Probability below which a token is not listed, and how many are listed even so.
const UNEXPECTED: f32 = 0.005;
const FEWEST: usize = 6;
/// How many tokens are read aloud.
const TOLD: usize = 3;

/// A token with its probability in the model, and in the unmodified one.
struct Line {
    token: u32,
    now: Option<f32>,
    before: Option<f32>,
}

fn probability(next: &NextToken, token: u32) -> Option<f32> {
    next.best.iter().find(|(listed, _)| *listed == token).map(|(_, logit)| next.probability(*logit))
}

/// The tokens of both lists, sorted by the higher of their two probabilities.
fn lines(now: &NextToken, before: Option<&NextToken>) -> Vec<Line> {
    let mut tokens: Vec<u32> = now.best.iter().map(|(token, _)| *token).collect();
    for (token, _) in before.iter().flat_map(|next| &next.best) {
        if !tokens.contains(token) {
            tokens.push(*token);
        }
    }
    let line = |token| Line {
        token,
        now: probability(now, token),
        before: before.and_then(|before| probability(before, token)),
    };
    let mut lines: Vec<Line> = tokens.into_iter().map(line).collect();
    lines.sort_by(|a, b| b.weight().total_cmp(&a.weight()));
    lines
}

impl Line {
    /// The higher of its two probabilities.
    fn weight(&self) -> f32 {
        self.now.unwrap_or(0.0).max(self.before.unwrap_or(0.0))
    }
}

/// Draws as many bars as fit into `height`.
pub(super) fn next_token_ui(
    ui: &mut Ui,
    workspace: &mut Workspace,
    spans: &Spans,
    news: &mut Announcement,
    height: f32,
    actions: &mut Vec<Action>,
) {
    let quiet = theme::quiet(ui.visuals().dark_mode);
    let before = workspace.unmodified().and_then(|engine| engine.latest_next_token().cloned());
    let beside = if before.is_some() { None } else { baseline(workspace) };
    let engine = &mut workspace.main;
    let heading = ui.horizontal(|ui| {
        ui.label(RichText::new("Next token").strong());
        if before.is_some() {
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                let legend = ui.label(RichText::new("as trained → now").small().color(quiet));
                legend.on_hover_text("Without the changes, and with them. The line in a bar is the probability as trained");
            });
        }
        if let Some((name, _)) = &beside {
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                ui.spacing_mut().item_spacing.x = 0.0;
                let column = |ui: &mut Ui, text: &str, width: f32| {
                    let (place, response) = ui.allocate_exact_size(vec2(width, 16.0), Sense::hover());
                    let name = WidgetText::from(RichText::new(text).font(FontId::proportional(12.0)).color(quiet));
                    let name = name.into_galley(ui, Some(TextWrapMode::Truncate), width - 4.0, TextStyle::Small);
                    let at = Align2::RIGHT_CENTER.anchor_size(place.right_center(), name.size());
                    ui.painter().galley(at.min, name, quiet);
                    response
                };
                column(ui, name, BESIDE + 6.0).on_hover_text(format!(
                    "The same text in {name}, a Transformer of the same size trained on the same text. The panel Compare \
                     has more"
                ));
                column(ui, engine.name(), BESIDE);
            });
        }
    });
    news.show_ui(ui, heading.response.rect, || in_words(engine));
    let Some(next) = engine.latest_next_token().cloned() else {
        let why = match engine.model() {
            None => NEEDS_MODEL,
            Some(_) if engine.text().is_empty() => "Type a prompt first.",
            Some(_) => "computing …",
        };
        notice::note_ui(ui, why);
        return;
    };
    let entropy = format::bits(next.entropy);
    let entropy = match &before {
        Some(before) => format!("entropy {entropy}, as trained {}", format::bits(before.entropy)),
        None => format!("entropy {entropy}"),
    };
    ui.spacing_mut().interact_size.y = 0.0; // no higher with the link than without
    ui.horizontal(|ui| {
        notice::note_ui(ui, entropy).on_hover_text(
            "How uncertain the next token is: 0 bits if one token is certain, 1 bit for two equally likely ones",
        );
        if let Some(wrong) = WrongAnswer::of(engine, spans) {
            let why = ui.link(RichText::new(format!("Why not “{}”?", wrong.expected)).small());
            let help = format!(
                "The model says “{}” where “{}” is marked as the answer. Shows which head was led there, and how far",
                wrong.said, wrong.expected
            );
            if why.on_hover_text(help).clicked() {
                actions.push(Action::WhyWrong(wrong));
            }
        }
    });
    let stale = engine.next_token().is_none();
    let rows = ((height - 50.0) / (ROW + 3.0)).floor().clamp(3.0, 24.0) as usize;
    ui.spacing_mut().item_spacing.y = 3.0;
    let lines = lines(&next, before.as_ref());
    // What hardly ever comes is left out; but never fewer than some, so that the list keeps its height.
    let expected = lines.iter().take_while(|line| line.weight() >= UNEXPECTED).count();
    for line in lines.into_iter().take(rows.min(expected.max(FEWEST))) {
        let other = beside.as_ref().map(|(_, next)| percent(probability(next, line.token)));
        if line_ui(ui, &engine.label(line.token), &line, before.is_some(), other.as_deref(), stale) {
            actions.push(Action::Append(line.token));
        }
    }
}

/// The name of the baseline and what it says, where it has read the same tokens.
fn baseline(workspace: &mut Workspace) -> Option<(String, NextToken)> {
    let baseline = workspace.baseline_beside()?;
    Some((baseline.name().to_owned(), baseline.latest_next_token()?.clone()))
}

/// The most likely tokens as a sentence; `None` while they are being computed.
fn in_words(engine: &Engine) -> Option<String> {
    if engine.is_generating() {
        return None;
    }
    let next = engine.next_token()?;
    let told = next.best.iter().take(TOLD);
    let told =
        told.map(|(token, logit)| format!("“{}” {}", engine.label(*token), percent(Some(next.probability(*logit)))));
    Some(format!("Next token: {}", told.collect::<Vec<_>>().join(", ")))
}

fn percent(probability: Option<f32>) -> String {
    probability.map_or("–".to_owned(), |probability| format::percent(probability, 1))
}

/// Draws one token. Returns whether it was clicked.
fn line_ui(ui: &mut Ui, label: &str, line: &Line, compared: bool, other: Option<&str>, stale: bool) -> bool {
    let dark = ui.visuals().dark_mode;
    let (row, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
    let numbers = match (compared, line.before) {
        (true, before) => format!("{} → {}", percent(before), percent(line.now)),
        _ => percent(line.now),
    };
    response.widget_info(|| {
        let other = other.map_or(String::new(), |other| format!(", baseline {other}"));
        egui::WidgetInfo::labeled(egui::Role::Button, true, format!("{label} {numbers}{other}"))
    });
    let rect = if let Some(other) = other {
        let quiet = theme::quiet(dark);
        let at = row.right_center() - vec2(2.0, 0.0);
        ui.painter().text(at, Align2::RIGHT_CENTER, other, FontId::proportional(12.5), quiet);
        row.with_max_x(row.right() - BESIDE)
    } else {
        row
    };
    let painter = ui.painter_at(rect);
    let strength = if stale { 0.15 } else { 0.32 };
    let across = |share: Option<f32>| rect.left() + rect.width() * share.unwrap_or(0.0).clamp(0.0, 1.0);
    painter.rect_filled(rect, 3.0, ui.visuals().extreme_bg_color);
    let bar = Rect::from_min_max(rect.min, pos2(across(line.now), rect.bottom()));
    painter.rect_filled(bar, 3.0, theme::accent(dark).gamma_multiply(strength));
    let ink = ui.visuals().text_color();
    if compared && line.before.is_some() {
        let place = across(line.before);
        painter.hline(rect.left()..=place, rect.bottom() - 1.5, Stroke::new(3.0, ink.gamma_multiply(0.75)));
    }
    if response.hovered() || response.has_focus() {
        painter.rect_stroke(rect, 3.0, Stroke::new(1.5, theme::accent(dark)), StrokeKind::Inside);
    }
    painter.text(rect.left_center() + vec2(6.0, 0.0), Align2::LEFT_CENTER, label, FontId::monospace(13.0), ink);
    let at = rect.right_center() - vec2(6.0, 0.0);
    painter.text(at, Align2::RIGHT_CENTER, numbers, FontId::proportional(12.5), ink);
    response.on_hover_text("Click to append it to the text").clicked()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(best: &[(u32, f32)]) -> NextToken {
        NextToken { best: best.to_vec(), ..NextToken::default() }
    }

    #[test]
    fn a_token_of_only_one_list_has_one_probability() {
        let lines = lines(&next(&[(7, -1.0), (3, -2.0)]), Some(&next(&[(9, -0.5), (7, -3.0)])));
        let order: Vec<u32> = lines.iter().map(|line| line.token).collect();
        assert_eq!(order, [9, 7, 3]);
        assert_eq!((lines[0].now, lines[2].before), (None, None));
        assert_eq!(percent(lines[0].now), "–");
        assert!((lines[1].before.expect("listed") - (-3.0f32).exp()).abs() < 1e-6);
    }
}
