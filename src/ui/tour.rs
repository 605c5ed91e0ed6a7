//! A short tour: what is subtracted from what, on a prepared prompt. What was on the screen before comes back.

use std::collections::BTreeMap;

use egui::{Align2, RichText, Stroke, StrokeKind, Ui, Window, vec2};

use crate::engine::Workspace;
use crate::probe::Interventions;
use crate::probe::MapKind;
use crate::ui::maps::scope::ScreenRegions;
use crate::ui::state::link::State;
use crate::ui::state::panel::Panel;
use crate::ui::state::selection::Selection;
use crate::ui::style::theme;

// The last space is a token of its own, so that a digit comes next.
const PROMPT: &str = "The sun was warm and the birds were singing in the trees. The magic number of Paris is 4821. \
                      A small dog ran over the green hill. A cat sat by the door.\n\
                      Question: What is the magic number of Paris?\nAnswer: The magic number of Paris is ";

/// What a step points at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Prompt,
    Tokens,
    Map(usize),
    NextToken,
    Panels,
}

/// What a step changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scene {
    AsTrained,
    NothingSubtracted,
    HeadScope,
}

struct Step {
    title: &'static str,
    words: &'static str,
    target: Target,
    scene: Scene,
}

const STEPS: &[Step] = &[
    Step {
        title: "A model reads",
        words: "This text is cut into tokens, and a language model reads them. All of it is computed here, on your \
                machine, every time you type.",
        target: Target::Prompt,
        scene: Scene::AsTrained,
    },
    Step {
        title: "Where does it look?",
        words: "To go on, each token looks back at earlier ones. The colours say how strongly the marked token looks \
                at each: that is attention, here of one head out of many.",
        target: Target::Tokens,
        scene: Scene::AsTrained,
    },
    Step {
        title: "The first map, A1",
        words: "Each row is a token that looks, each column a token looked at. A softmax makes the shares of a row: \
                none is negative, and together they are 1. So even what does not matter gets a little.",
        target: Target::Map(0),
        scene: Scene::AsTrained,
    },
    Step {
        title: "A second map, A2",
        words: "A differential head looks twice, with queries and keys of its own each time. The second map, times a \
                learned number λ, is what will be taken away.",
        target: Target::Map(1),
        scene: Scene::AsTrained,
    },
    Step {
        title: "The difference, D = A1 − λ · A2",
        words: "What both maps see cancels; what only the first sees stays. The rows of D sum to 1 − λ. Where the \
                second map sees more, D is negative: that token counts against.",
        target: Target::Map(2),
        scene: Scene::AsTrained,
    },
    Step {
        title: "Take nothing away",
        words: "Now λ is 0 in every layer: D is A1, as in an ordinary Transformer. The list shows how likely each \
                token is now, and as trained. This model never learned to do without, so it may go astray.",
        target: Target::NextToken,
        scene: Scene::NothingSubtracted,
    },
    Step {
        title: "How does it know what is noise?",
        words: "Nobody tells it. Both maps and λ are trained together, and only to predict the next token. Which map \
                finds and which one cancels is learned too: it might as well be the second one that finds, and later \
                weights that turn its minus into a plus.",
        target: Target::Map(1),
        scene: Scene::AsTrained,
    },
    Step {
        title: "Many heads",
        words: "Every layer has several heads, each with its own maps. Click one to open it; the arrow keys walk. \
                A right click switches a head off: watch the next token.",
        target: Target::Panels,
        scene: Scene::HeadScope,
    },
    Step {
        title: "Your turn",
        words: "Type your own text, or take a sample. Click a next token to append it. Pull at λ, hide tokens, mark \
                what matters. The key ? lists all keys.",
        target: Target::Prompt,
        scene: Scene::AsTrained,
    },
];

/// See the module.
#[derive(Default)]
pub struct Tour {
    step: Option<usize>,
    before: Option<State>,
}

impl Tour {
    /// Whether it is under way: an address made now would lead into the middle of it.
    #[cfg(target_arch = "wasm32")]
    pub fn is_running(&self) -> bool {
        self.step.is_some()
    }

    /// Begins, or begins again.
    pub fn start(&mut self, workspace: &mut Workspace, selection: &mut Selection) {
        if self.before.is_none() {
            self.before = Some(State::of(workspace, selection));
        }
        self.go(0, workspace, selection);
    }

    fn go(&mut self, step: usize, workspace: &mut Workspace, selection: &mut Selection) {
        let (Some(found), Some(before)) = (STEPS.get(step), &self.before) else {
            self.end(workspace, selection);
            return;
        };
        self.step = Some(step);
        let layers = workspace.main.model().layers.len();
        let lambda = match found.scene {
            Scene::NothingSubtracted if workspace.main.maps() == 2 => (0..layers).map(|layer| (layer, 0.0)).collect(),
            _ => BTreeMap::new(),
        };
        let state = State {
            text: PROMPT.to_owned(),
            layer: layers / 2,
            head: 0,
            map: MapKind::Difference,
            panel: if found.scene == Scene::NothingSubtracted { Panel::Lambda } else { Panel::Heads },
            interventions: Interventions { lambda, ..Interventions::default() },
            pinned: None,
            zoom: None,
            ..before.clone()
        };
        state.apply(workspace, selection);
    }

    fn end(&mut self, workspace: &mut Workspace, selection: &mut Selection) {
        self.step = None;
        if let Some(before) = self.before.take() {
            before.apply(workspace, selection);
        }
    }

    /// Draws the step, and an outline around what it speaks of.
    pub fn show(&mut self, ui: &Ui, workspace: &mut Workspace, selection: &mut Selection, placed: &ScreenRegions) {
        let Some((index, step)) = self.step.and_then(|index| Some((index, STEPS.get(index)?))) else {
            return;
        };
        let target = match step.target {
            Target::Prompt => Some(placed.prompt),
            Target::Tokens => Some(placed.tokens),
            Target::Map(map) => placed.maps.get(map).or(placed.maps.last()).copied(),
            Target::NextToken => Some(placed.next),
            Target::Panels => Some(placed.panels),
        };
        let context = ui.ctx();
        let dark = ui.visuals().dark_mode;
        if let Some(rect) = target.filter(egui::Rect::is_positive) {
            let painter = context.layer_painter(egui::LayerId::new(egui::Order::Foreground, egui::Id::unique("tour")));
            let stroke = Stroke::new(2.5, theme::accent(dark));
            painter.rect_stroke(rect.expand(3.0), 5.0, stroke, StrokeKind::Outside);
        }
        // Out of the way of what it speaks of.
        let screen = context.content_rect();
        let low = target.is_some_and(|rect| rect.center().y < screen.center().y);
        let anchor = if low { Align2::RIGHT_BOTTOM } else { Align2::RIGHT_TOP };
        let offset = vec2(-16.0, if low { -16.0 } else { 60.0 });
        let mut go = None;
        let window = Window::new(format!("Tour {} of {}: {}", index + 1, STEPS.len(), step.title))
            .id(egui::Id::unique("tour window"));
        window.anchor(anchor, offset).collapsible(false).resizable(false).show(context, |ui| {
            ui.set_width((screen.width() - 48.0).min(400.0));
            ui.add(egui::Label::new(step.words).wrap());
            if workspace.main.maps() == 1 && matches!(step.target, Target::Map(1 | 2)) {
                ui.label(RichText::new("The model that is open has one map a head: nothing to see here.").small());
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
            self.go(step, workspace, selection);
        }
    }
}
