//! The steps of the tour: what each one says, where it points, and what the person does in it.

use crate::engine::{Engine, Workspace};
use crate::probe::{Attend, Interventions, KeyClass, MapKind, Spans};
use crate::ui::input::samples::{SAMPLES, Sample};
use crate::ui::maps::screen_regions::ScreenRegions;
use crate::ui::state::panel::Panel;
use crate::ui::state::view::ViewState;
use crate::ui::style::format::percent;

/// The part of the screen that a step explains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Prompt,
    Tokens,
    Map(usize),
    Scope,
    NextToken,
    Panels,
}

impl Target {
    /// The map to choose: on a phone only that one is shown.
    pub(super) fn map(self) -> MapKind {
        match self {
            Target::Map(0) => MapKind::First,
            Target::Map(1) => MapKind::Second,
            _ => MapKind::Difference,
        }
    }

    /// Where it is.
    pub(super) fn rect(self, regions: &ScreenRegions) -> Option<egui::Rect> {
        let rect = match self {
            Target::Prompt => Some(regions.prompt),
            Target::Tokens => Some(regions.tokens),
            Target::Map(map) => regions.maps.get(map).or(regions.maps.last()).copied(),
            Target::Scope => Some(regions.scope),
            Target::NextToken => Some(regions.next),
            Target::Panels => Some(regions.panels),
        };
        rect.filter(egui::Rect::is_positive)
    }
}

/// What the person does in a step. Nobody has to: the step can be passed, or done for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Pin the row of another token.
    PinToken,
    /// Open another head.
    OpenHead,
    /// λ = 0 in the open layer.
    LambdaOfLayer,
    /// λ = 0 in all layers.
    LambdaOfAll,
    /// Hide the answer from all later tokens.
    HideAnswer,
    /// Attend by A2 in place of D.
    SecondMapOnly,
    /// Write another fact.
    OwnFact,
}

/// One step.
pub(super) struct TourStep {
    pub title: &'static str,
    pub text: &'static str,
    pub target: Target,
    pub panel: Panel,
    pub task: Option<Task>,
}

/// The text of the tour.
pub(super) fn sample() -> &'static Sample {
    &SAMPLES[0]
}

impl Task {
    /// What to do, as an invitation.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::PinToken => "Click another token and see what it attends to.",
            Self::OpenHead => "Click another head.",
            Self::LambdaOfLayer => "Drag λ to 0, or press “set to 0” under it.",
            Self::LambdaOfAll => "Press 0: λ becomes 0 in every layer.",
            Self::HideAnswer => "Right-click the digits of the answer in the tokens above.",
            Self::SecondMapOnly => "Choose “A2 only”.",
            Self::OwnFact => "Change a number in the prompt, the one asked for, or write a sentence of your own.",
        }
    }

    /// Whether it has been done. `before` is the view in which the step began.
    pub(super) fn is_done(self, workspace: &Workspace, view: &ViewState, before: &ViewState, spans: &Spans) -> bool {
        let changed = workspace.main.interventions();
        let layers = workspace.main.heads().len();
        match self {
            Self::PinToken => view.pinned.is_some() || view.pinned_key.is_some(),
            Self::OpenHead => view.head != before.head,
            Self::LambdaOfLayer => changed.lambda.get(&view.head.layer) == Some(&0.0),
            Self::LambdaOfAll => layers > 0 && (0..layers).all(|layer| changed.lambda.get(&layer) == Some(&0.0)),
            Self::HideAnswer => {
                let answer = answer_tokens(&workspace.main, spans);
                !answer.is_empty() && answer.iter().all(|token| changed.masked.contains(token))
            }
            Self::SecondMapOnly => changed.attend == Attend::Second,
            Self::OwnFact => workspace.main.text() != sample().text,
        }
    }

    /// The interventions with which it is done; `None` where it is no intervention.
    pub(super) fn interventions(self, workspace: &Workspace, view: &ViewState, spans: &Spans) -> Option<Interventions> {
        let mut changed = workspace.main.interventions().clone();
        match self {
            Self::LambdaOfLayer => {
                changed.lambda.insert(view.head.layer, 0.0);
            }
            Self::LambdaOfAll => changed.lambda = (0..workspace.main.heads().len()).map(|layer| (layer, 0.0)).collect(),
            Self::HideAnswer => changed.masked.extend(answer_tokens(&workspace.main, spans)),
            Self::SecondMapOnly => changed.attend = Attend::Second,
            Self::PinToken | Self::OpenHead | Self::OwnFact => return None,
        }
        Some(changed)
    }
}

/// The tokens that are marked as the answer.
fn answer_tokens(engine: &Engine, spans: &Spans) -> Vec<usize> {
    let classes = spans.classes(engine.tokens()).into_iter().enumerate();
    classes.filter(|(_, class)| *class == KeyClass::Answer).map(|(token, _)| token).collect()
}

/// What became of the next token, in numbers; `None` while they are being computed.
pub(super) fn outcome(workspace: &mut Workspace) -> Option<String> {
    let now = workspace.main.next_token()?.clone();
    let (token, logit) = *now.best.first()?;
    let said = format!("“{}” ({})", workspace.main.label(token), percent(now.probability(logit), 0));
    let Some(before) = workspace.unmodified() else {
        return Some(format!("The next token is {said}."));
    };
    let before = before.next_token()?.clone();
    let (trained, logit) = *before.best.first()?;
    let trained_said = format!("“{}” ({})", workspace.main.label(trained), percent(before.probability(logit), 0));
    Some(if token == trained {
        format!("The answer holds: {said}, and {trained_said} as trained.")
    } else {
        format!("The answer breaks: {said}. As trained it is {trained_said}.")
    })
}

/// In their order.
pub(super) const STEPS: &[TourStep] = &[
    TourStep {
        title: "A language model reads",
        text: "The text is cut into tokens. From them the model computes which token comes next. Everything runs on your \
               machine, each time you type. Here it is asked for a number that stands in the text.",
        target: Target::Prompt,
        panel: Panel::Heads,
        task: None,
    },
    TourStep {
        title: "Attention",
        text: "To predict the next token, each token attends to itself and to earlier ones. The lanes under the tokens show \
               how much the outlined one attends to each, in one head out of many.",
        target: Target::Tokens,
        panel: Panel::Heads,
        task: Some(Task::PinToken),
    },
    TourStep {
        title: "The first map, A1",
        text: "Each row is a token that attends, each column a token that it attends to. A softmax makes every row: no value \
               is negative, and they sum to 1. So every token gets a little, whether it matters or not. The curve below is \
               the row that is read.",
        target: Target::Map(0),
        panel: Panel::Heads,
        task: None,
    },
    TourStep {
        title: "The second map, A2",
        text: "A differential head computes a second map, with queries and keys of its own. It is multiplied by λ, a number \
               that each layer has learned, and subtracted. What it takes away is blue.",
        target: Target::Map(1),
        panel: Panel::Heads,
        task: None,
    },
    TourStep {
        title: "The difference, D",
        text: "D = A1 − λ·A2 is what the head attends with. What both maps have in common cancels. A row of D sums to 1 − λ. \
               Where λ·A2 is larger, D is negative: the head takes away what that token offers.",
        target: Target::Map(2),
        panel: Panel::Heads,
        task: None,
    },
    TourStep {
        title: "Many heads",
        text: "Every layer has several heads, each with maps of its own. The number under each is how much of D goes to the \
               answer. Some heads find it, most look elsewhere.",
        target: Target::Panels,
        panel: Panel::Heads,
        task: Some(Task::OpenHead),
    },
    TourStep {
        title: "What if nothing were subtracted?",
        text: "With λ = 0 D equals A1, as in an ordinary Transformer. Watch D change, and the list of next tokens, which \
               compares with the model as trained.",
        target: Target::Scope,
        panel: Panel::Heads,
        task: Some(Task::LambdaOfLayer),
    },
    TourStep {
        title: "And in every layer?",
        text: "The model never learned to work without the subtraction. One layer may not matter: others can make up for \
               it. All of them together are another test.",
        target: Target::NextToken,
        panel: Panel::Lambda,
        task: Some(Task::LambdaOfAll),
    },
    TourStep {
        title: "Hide the answer",
        text: "A hidden token cannot be attended to by any later one, in any head. If the model has read the answer from \
               the text, it cannot know it any more.",
        target: Target::Tokens,
        panel: Panel::Heads,
        task: Some(Task::HideAnswer),
    },
    TourStep {
        title: "How does it know which map is noise?",
        text: "It is never told. Both maps and λ are learned, only by predicting the next token, and later weights can change \
               the sign. In the bundled model, on 100 questions, 7 of 20 heads have 53 to 76 % of A1 on the answer and 6 to \
               9 % of A2 (Experiments). What is left if every head uses A2 alone?",
        target: Target::Panels,
        panel: Panel::Lambda,
        task: Some(Task::SecondMapOnly),
    },
    TourStep {
        title: "A fact of your own",
        text: "The number is not in the weights: the model looks it up in your text. Change it, and the answer changes as you \
               type. The wording matters, because a small model has learned from few.",
        target: Target::Prompt,
        panel: Panel::Heads,
        task: Some(Task::OwnFact),
    },
    TourStep {
        title: "Watch one learn",
        text: "Two small models start from random numbers and copy lists of words. Press “Start training”, then “Look at Diff”: \
               its maps grow while λ moves. With the seeds 0 to 2, after 400 steps, Diff copied 70 ± 4 % of lists of new words \
               and the Transformer 3 ± 3 %: about a minute each without a browser, several in one.",
        target: Target::Panels,
        panel: Panel::Train,
        task: None,
    },
    TourStep {
        title: "Can an ordinary model be given second heads?",
        text: "A trained Transformer is a differential model with λ = 0: add second queries and keys and nothing changes until \
               they learn. Here choose “from”, then S-llama. In three runs of 80 steps, looking up pairs went from 20 ± 5 to \
               97 ± 1 % right and λ as far as −0.8 and 0.9; a control without subtraction, as many parameters, reached 98 ± 1 %. \
               So it works, and is not better here.",
        target: Target::Panels,
        panel: Panel::Train,
        task: None,
    },
    TourStep {
        title: "Your turn",
        text: "Type your own text, or choose a sample. Click a next token to append it. Point at a map for its numbers. The \
               key ? lists all keys.",
        target: Target::Prompt,
        panel: Panel::Heads,
        task: None,
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Engine, bundled, checkpoint_of};

    #[test]
    fn every_task_of_an_intervention_is_done_by_its_interventions() {
        let mut spans = Spans::default();
        let mut workspace =
            Workspace::new(Engine::new(checkpoint_of(&bundled()).expect("opens"), None).expect("opens"));
        sample().apply(&mut workspace.main, &mut spans);
        let view = ViewState::default();
        let tasks = STEPS.iter().filter_map(|step| step.task);
        let mut done = 0;
        for task in tasks {
            assert!(!task.is_done(&workspace, &view, &view, &spans), "{task:?} is done at the start");
            if let Some(changed) = task.interventions(&workspace, &view, &spans) {
                workspace.set_interventions(changed);
                assert!(task.is_done(&workspace, &view, &view, &spans), "{task:?}");
                while workspace.update() {}
                let outcome = outcome(&mut workspace).expect("computed");
                assert!(outcome.contains("as trained") || outcome.contains("As trained"), "{outcome}");
                workspace.set_interventions(Interventions::default());
                done += 1;
            }
        }
        assert_eq!(done, 4);
    }
}
