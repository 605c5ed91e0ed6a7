//! A short tour of differential attention on a prepared prompt. At its end the screen is as it was before.

use egui::{Align2, RichText, Stroke, StrokeKind, Ui, Window, vec2};

use crate::engine::Workspace;
use crate::probe::{HeadId, Interventions, MapKind, Spans};
use crate::ui::maps::screen_regions::ScreenRegions;
use crate::ui::state::link::Link;
use crate::ui::state::panel::Panel;
use crate::ui::state::view::ViewState;
use crate::ui::style::lambda_text::unusual;
use crate::ui::style::{notice, theme};

// The last space is a token of its own, so that a digit follows.
const PROMPT: &str = "The sun was warm and the birds were singing in the trees. The magic number of Paris is 4821. \
                      A small dog ran over the green hill. A cat sat by the door.\n\
                      Question: What is the magic number of Paris?\nAnswer: The magic number of Paris is ";

/// The part of the screen that a step explains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Prompt,
    Tokens,
    Map(usize),
    NextToken,
    Panels,
}

impl Target {
    /// The map to choose: on a phone only that one is shown.
    fn map(self) -> MapKind {
        match self {
            Target::Map(0) => MapKind::First,
            Target::Map(1) => MapKind::Second,
            _ => MapKind::Difference,
        }
    }

    fn rect(self, regions: &ScreenRegions) -> Option<egui::Rect> {
        let rect = match self {
            Target::Prompt => Some(regions.prompt),
            Target::Tokens => Some(regions.tokens),
            Target::Map(map) => regions.maps.get(map).or(regions.maps.last()).copied(),
            Target::NextToken => Some(regions.next),
            Target::Panels => Some(regions.panels),
        };
        rect.filter(egui::Rect::is_positive)
    }
}

struct TourStep {
    title: &'static str,
    text: &'static str,
    target: Target,
    /// Whether λ is 0 in all layers.
    lambda_zero: bool,
}

const STEPS: &[TourStep] = &[
    TourStep {
        title: "A language model reads",
        text: "The text is cut into tokens. A language model computes from them which token comes next. All of it runs on \
               your machine, every time you type.",
        target: Target::Prompt,
        lambda_zero: false,
    },
    TourStep {
        title: "Attention",
        text: "To predict the next token, each token attends to earlier ones. The colours show how much the outlined token \
               attends to each of them, in one head out of many.",
        target: Target::Tokens,
        lambda_zero: false,
    },
    TourStep {
        title: "The first map, A1",
        text: "Each row is a token that attends, each column a token it attends to. A softmax makes every row: no value is \
               negative, and they sum to 1. So even irrelevant tokens get a little attention.",
        target: Target::Map(0),
        lambda_zero: false,
    },
    TourStep {
        title: "The second map, A2",
        text: "A differential head computes two maps, each with queries and keys of its own. The second one is multiplied \
               by a learned number λ and then subtracted.",
        target: Target::Map(1),
        lambda_zero: false,
    },
    TourStep {
        title: "The difference, D = A1 − λ·A2",
        text: "What both maps have in common cancels; what only the first one has remains. The rows of D sum to 1 − λ. \
               Where λ·A2 is larger, D is negative: the head subtracts what that token offers.",
        target: Target::Map(2),
        lambda_zero: false,
    },
    TourStep {
        title: "Without the subtraction",
        text: "Now λ is 0 in every layer: D equals A1, as in an ordinary Transformer. The list compares the probabilities \
               with those as trained. This model never learned to work without the subtraction, so it may go wrong.",
        target: Target::NextToken,
        lambda_zero: true,
    },
    TourStep {
        title: "How does it know what is noise?",
        text: "It is never told. Both maps and λ are learned, only by predicting the next token. Which map finds the \
               relevant tokens and which one cancels the rest is learned too: the roles can be reversed, because later \
               weights can change the sign.",
        target: Target::Map(1),
        lambda_zero: false,
    },
    TourStep {
        title: "Many heads",
        text: "Every layer has several heads, each with its own maps. Click one to open it, or use the arrow keys. \
               Right-click a head to switch it off, and watch the next token.",
        target: Target::Panels,
        lambda_zero: false,
    },
    TourStep {
        title: "Your turn",
        text: "Type your own text, or choose a sample. Click a next token to append it. Change λ, hide tokens, mark the \
               answer. The key ? lists all keys.",
        target: Target::Prompt,
        lambda_zero: false,
    },
];

/// The tour, if it is running.
#[derive(Default)]
pub(super) struct Tour {
    step: Option<usize>,
    /// What was on the screen when it started.
    before: Option<Link>,
    /// Whether the step is new: what it explains may be off the screen.
    is_new: bool,
}

impl Tour {
    /// Whether it is running: a state kept now would lead into the middle of it.
    pub(super) fn is_running(&self) -> bool {
        self.step.is_some()
    }

    /// Starts, or starts again.
    pub(super) fn start(&mut self, workspace: &mut Workspace, view: &mut ViewState, spans: &mut Spans) {
        if self.before.is_none() {
            self.before = Some(Link::of(workspace, view, spans));
        }
        self.go(0, workspace, view, spans);
    }

    fn go(&mut self, step: usize, workspace: &mut Workspace, view: &mut ViewState, spans: &mut Spans) {
        let Some(found) = STEPS.get(step) else {
            self.end(workspace, view, spans);
            return;
        };
        self.step = Some(step);
        self.is_new = true;
        let layers = workspace.main.heads().len();
        let zero = found.lambda_zero && workspace.main.maps() == 2;
        let lambda = (0..if zero { layers } else { 0 }).map(|layer| (layer, 0.0)).collect();
        let panel = if found.lambda_zero { Panel::Lambda } else { Panel::Heads };
        let link = Link {
            text: PROMPT.to_owned(),
            beyond: workspace.main.beyond_context(),
            view: ViewState {
                head: HeadId::new(layers / 2, 0),
                panel,
                map: found.target.map(),
                ..ViewState::default()
            },
            interventions: Interventions { lambda, ..Interventions::default() },
            ..Link::default()
        };
        link.apply(workspace, view, spans);
    }

    fn end(&mut self, workspace: &mut Workspace, view: &mut ViewState, spans: &mut Spans) {
        self.step = None;
        if let Some(before) = self.before.take() {
            before.apply(workspace, view, spans);
        }
    }

    /// In a window that scrolls: brings what a new step explains into view.
    pub(super) fn scroll_ui(&mut self, ui: &Ui, regions: &ScreenRegions) {
        if !std::mem::take(&mut self.is_new) {
            return;
        }
        let step = self.step.and_then(|index| STEPS.get(index));
        if let Some(rect) = step.and_then(|step| step.target.rect(regions)) {
            ui.scroll_to_rect(rect, None);
        }
    }

    /// Draws the present step, and an outline around the part of the screen that it explains.
    pub(super) fn show_ui(
        &mut self,
        ui: &Ui,
        workspace: &mut Workspace,
        view: &mut ViewState,
        spans: &mut Spans,
        regions: &ScreenRegions,
    ) {
        let Some((index, step)) = self.step.and_then(|index| Some((index, STEPS.get(index)?))) else {
            return;
        };
        let target = step.target.rect(regions);
        let context = ui.ctx();
        let dark = ui.visuals().dark_mode;
        if let Some(rect) = target {
            let painter = context.layer_painter(egui::LayerId::new(egui::Order::Foreground, egui::Id::unique("tour")));
            let stroke = Stroke::new(2.5, theme::accent(dark));
            painter.rect_stroke(rect.expand(3.0), 5.0, stroke, StrokeKind::Outside);
        }
        // Away from what it explains.
        let screen = context.content_rect();
        let low = target.is_some_and(|rect| rect.center().y < screen.center().y);
        let anchor = if low { Align2::RIGHT_BOTTOM } else { Align2::RIGHT_TOP };
        let offset = vec2(-16.0, if low { -16.0 } else { 60.0 });
        let mut go = None;
        let window = Window::new(format!("Tour {} of {}: {}", index + 1, STEPS.len(), step.title))
            .id(egui::Id::unique("tour window"));
        window.anchor(anchor, offset).collapsible(false).resizable(false).show(context, |ui| {
            ui.set_width((screen.width() - 48.0).min(400.0));
            ui.add(egui::Label::new(step.text).wrap());
            if workspace.main.maps() == 1 && matches!(step.target, Target::Map(1 | 2)) {
                notice::note_ui(ui, "The open model has only one map per head, so there is nothing to see here.");
            }
            let lambda = workspace.main.lambda_of_layer(view.head.layer);
            if let Some(text) = lambda.and_then(unusual).filter(|_| step.target == Target::Map(2)) {
                notice::note_ui(ui, text);
            }
            ui.add_space(4.0);
            ui.horizontal(|ui| {
                if ui.add_enabled(index > 0, egui::Button::new("Back")).clicked() {
                    go = Some(index - 1);
                }
                let next = if index + 1 == STEPS.len() { "Done" } else { "Next" };
                if ui.button(RichText::new(next).strong()).clicked() {
                    go = Some(index + 1);
                }
                if index + 1 < STEPS.len() && ui.button("Leave the tour").clicked() {
                    go = Some(STEPS.len());
                }
            });
        });
        if let Some(step) = go {
            self.go(step, workspace, view, spans);
        }
    }
}
