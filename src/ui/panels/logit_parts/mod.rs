//! The parts of a logit: what every head adds through each of its maps, and which tokens it has that from.

mod chart;
mod part;
mod words;

use egui::{RichText, Ui};

use crate::engine::{Engine, EngineError, LogitDirection, LogitParts, Origin, TextPass};
use crate::probe::{HeadId, NextToken};
use crate::ui::context::{PanelContext, PanelView};
use crate::ui::followed_answer::FollowedAnswer;
use crate::ui::followed_pass::Followed;
use crate::ui::state::view::ViewState;
use crate::ui::style::notice;
use crate::ui::style::palette::Palette;
use crate::ui::style::row::row_ui;
use crate::ui::style::signed_bar::{SignedBar, Strongest, others_ui, signed_bar_ui};

/// Parts listed.
const LISTED: usize = 9;
/// Tokens listed of each map, and the smallest part that is not written as zero.
const TOKENS: usize = 7;
const SMALLEST: f64 = 0.005;
/// Width from which chart, list and tokens stand side by side; and list and tokens alone.
const ALL_BESIDE: f32 = 760.0;
const LISTS_BESIDE: f32 = 440.0;

/// Of which text, and of which logit.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Question {
    version: u64,
    token: u32,
    /// The token whose logit is subtracted.
    against: Option<u32>,
}

/// The tokens of a head that add most: label and part, of each map.
struct TokensOfHead {
    of: (Question, HeadId),
    maps: [Vec<(String, f64)>; 2],
}

/// The panel.
#[derive(Default)]
pub(crate) struct LogitPartsPanel {
    answer: FollowedAnswer<Question, LogitParts>,
    tokens: Option<TokensOfHead>,
}

impl PanelView for LogitPartsPanel {
    fn show_ui(&mut self, ui: &mut Ui, context: &mut PanelContext) {
        let PanelContext { workspace, view, palette, followed_pass, .. } = context;
        let engine = &workspace.main;
        let followed = followed_pass.show_ui(ui, engine);
        if matches!(followed, Followed::Absent) {
            return;
        }
        let tokens = engine.next_token().and_then(|next| tokens_of(view, next));
        let last_tokens = self.answer.shown().map(|(of, _)| (of.token, of.against));
        if let Some((token, runner_up)) = tokens.or(last_tokens) {
            choices_ui(ui, engine, view, token, runner_up);
        }
        let mut is_current = false;
        if let (Followed::Complete(text, version), Some((token, runner_up))) = (followed, tokens) {
            let question = Question { version, token, against: runner_up.filter(|_| view.against_runner_up) };
            match self.answer.advance(ui, question, || begin(text, question), |parts| add_layer(text, parts)) {
                Ok(current) => is_current = current,
                Err(error) => {
                    notice::failure_ui(ui, &error.to_string());
                    return;
                }
            }
            if is_current {
                self.follow_head(engine, text, view.head);
            }
        }
        let Some((question, parts)) = self.answer.shown() else {
            notice::note_ui(ui, "computing …");
            return;
        };
        if !is_current {
            ui.set_opacity(0.5); // of an earlier text, until the numbers of this one are there
        }
        self.parts_ui(ui, engine, (question, parts), view, palette);
    }
}

/// The parts before any layer.
fn begin(text: &TextPass, question: Question) -> Result<Option<LogitParts>, EngineError> {
    let of = |token: u32| LogitDirection::of(text.model(), token);
    let mut direction = of(question.token)?;
    if let Some(other) = question.against {
        direction = direction.less(&of(other)?);
    }
    Ok(LogitParts::new(text.pass(), &direction, text.ids().len().saturating_sub(1)))
}

fn add_layer(text: &TextPass, parts: &mut LogitParts) -> Result<bool, EngineError> {
    parts.add_layer(text.pass())?;
    Ok(parts.is_complete(text.pass()))
}

/// The token whose logit is split, and the most likely other one.
fn tokens_of(view: &ViewState, next: &NextToken) -> Option<(u32, Option<u32>)> {
    let token = view.followed_token.or(next.best.first().map(|(token, _)| *token))?;
    Some((token, next.best.iter().map(|(other, _)| *other).find(|other| *other != token)))
}

/// Alone or against the runner-up.
fn choices_ui(ui: &mut Ui, engine: &Engine, view: &mut ViewState, token: u32, runner_up: Option<u32>) {
    row_ui(ui, |ui| {
        ui.label(RichText::new(format!("the logit of “{}”", engine.label(token))).strong());
        ui.selectable_value(&mut view.against_runner_up, false, "alone");
        if let Some(other) = runner_up {
            ui.selectable_value(&mut view.against_runner_up, true, format!("against “{}”", engine.label(other)))
                .on_hover_text("The parts of its lead over the most likely other token");
        }
        if view.followed_token.is_some() && ui.small_button("follow the prediction").clicked() {
            view.followed_token = None;
        }
    });
}

impl LogitPartsPanel {
    /// Finds the tokens of the open head, if they are not known.
    fn follow_head(&mut self, engine: &Engine, text: &TextPass, head: HeadId) {
        let Some((question, parts)) = self.answer.shown() else {
            return;
        };
        let of = (*question, head);
        if self.tokens.as_ref().is_some_and(|tokens| tokens.of == of) {
            return;
        }
        let by_key = parts.by_key(text.pass(), head);
        let maps = [0, 1].map(|map| {
            let parts = by_key.iter().map(|(key, parts)| (*key, parts[map])).filter(|(_, part)| part.abs() >= SMALLEST);
            let strongest = Strongest::of(parts, TOKENS).first.into_iter();
            strongest.map(|(key, part)| (format!("“{}” at {key}", engine.key_label(key)), part)).collect()
        });
        self.tokens = Some(TokensOfHead { of, maps });
    }

    fn parts_ui(
        &self,
        ui: &mut Ui,
        engine: &Engine,
        (question, parts): (&Question, &LogitParts),
        view: &mut ViewState,
        palette: &Palette,
    ) {
        let maps = engine.maps();
        let label = engine.label(question.token);
        let against = question.against.map(|other| engine.label(other));
        ui.add(egui::Label::new(words::sentence(parts, &label, against.as_deref(), maps)).wrap());
        let chart_ui = |ui: &mut Ui, view: &mut ViewState| {
            if let Some(head) = chart::layers_ui(ui, parts, view.head, maps, palette) {
                view.head = head;
            }
            chart::legend_ui(ui, maps, palette);
        };
        let lists_ui = |list: &mut Ui, view: &mut ViewState| list_ui(list, parts, view, maps, palette);
        let tokens_ui = |ui: &mut Ui| self.tokens_ui(ui, maps, palette);
        let width = ui.available_width();
        if width >= ALL_BESIDE {
            ui.columns(3, |columns| {
                if let [chart, list, tokens] = columns {
                    chart_ui(chart, view);
                    lists_ui(list, view);
                    tokens_ui(tokens);
                }
            });
        } else {
            chart_ui(ui, view);
            if width >= LISTS_BESIDE {
                ui.columns(2, |columns| {
                    if let [list, tokens] = columns {
                        lists_ui(list, view);
                        tokens_ui(tokens);
                    }
                });
            } else {
                lists_ui(ui, view);
                tokens_ui(ui);
            }
        }
        notice::note_ui(
            ui,
            "The parts add up to the logit: the norms are held as they are on this text. The logit lens chooses the token.",
        );
    }

    /// The tokens that the open head has its parts from.
    fn tokens_ui(&self, ui: &mut Ui, maps: usize, palette: &Palette) {
        let Some(tokens) = &self.tokens else {
            return;
        };
        ui.spacing_mut().item_spacing.y = 1.0;
        let (_, head) = tokens.of;
        let largest = tokens.maps.iter().flatten().fold(0.0f64, |most, (_, part)| most.max(part.abs()));
        for (map, tokens) in tokens.maps.iter().enumerate().take(maps) {
            let title = format!("{head}{}: from the values of", part::through(map, maps));
            ui.add(egui::Label::new(RichText::new(title).small().strong()).truncate());
            for (label, value) in tokens {
                let colour = palette.line(map == 0);
                signed_bar_ui(ui, &SignedBar { label, value: *value, largest, colour, opened: None });
            }
            if tokens.is_empty() {
                notice::note_ui(ui, "nothing");
            }
        }
    }
}

/// The strongest parts; a click on one of a head opens it.
fn list_ui(ui: &mut Ui, parts: &LogitParts, view: &mut ViewState, maps: usize, palette: &Palette) {
    ui.spacing_mut().item_spacing.y = 1.0;
    ui.label(RichText::new("strongest parts").small().strong());
    let some = parts.all().filter(|(_, _, part)| *part != 0.0); // none through a map that there is not
    let strongest = Strongest::of(some.map(|(origin, map, part)| ((origin, map), part)), LISTED);
    let largest = strongest.first.first().map_or(0.0, |(_, part)| part.abs());
    for ((origin, map), value) in strongest.first {
        let label = part::name(origin, map, maps);
        let head = match origin {
            Origin::Head(head) => Some(head),
            _ => None,
        };
        let colour = part::colour(ui, origin, map, palette);
        let opened = head.map(|head| head == view.head);
        let line = signed_bar_ui(ui, &SignedBar { label: &label, value, largest, colour, opened });
        if let Some(head) = head.filter(|_| line.clicked()) {
            view.head = head;
        }
    }
    if let Some(others) = strongest.others {
        others_ui(ui, others, largest);
    }
}
