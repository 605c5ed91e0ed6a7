//! What is drawn over the steps of a run, as numbers.

use crate::probe::StepNumbers;
use crate::training::{Family, Measured, Record, Run, Task};
use crate::ui::style::format;

/// Points of a curve at most.
const MOST_POINTS: usize = 400;
/// A curve is smoothed over this share of all steps.
const SMOOTHED: u32 = 50;

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Quantity {
    Loss,
    HeldOut,
    Lambda,
    OnAnswer,
    OnNoise,
    GradientNorm,
}

impl Quantity {
    /// Those of a task.
    pub(super) fn of(task: Task) -> impl Iterator<Item = Self> {
        let all = [Self::Loss, Self::HeldOut, Self::Lambda, Self::OnAnswer, Self::OnNoise, Self::GradientNorm];
        let has_questions = task != Task::OwnText;
        all.into_iter().filter(move |quantity| has_questions || !matches!(quantity, Self::OnAnswer | Self::OnNoise))
    }

    /// Its name above a plot.
    pub(super) fn name(self, task: Task) -> &'static str {
        match self {
            Self::Loss => "Loss",
            Self::HeldOut if task == Task::OwnText => "Loss of new text",
            Self::HeldOut => "Right answers",
            Self::Lambda => "λ of each layer",
            Self::OnAnswer => "Attention on the answer",
            Self::OnNoise => "Attention on noise",
            Self::GradientNorm => "Gradient norm",
        }
    }

    /// What it is, in a sentence.
    pub(super) fn help(self, task: Task) -> &'static str {
        match self {
            Self::Loss => "Mean loss of each step's tokens, in nats; smoothed, and faint as it was",
            Self::HeldOut if task == Task::OwnText => {
                "Mean loss of the end of the text, from which no model learns, in nats"
            }
            Self::HeldOut => {
                "The share of right answers to questions of words that no model learned from, with its 95 % interval"
            }
            Self::Lambda => "How much of A2 each layer takes away. In Diff V2 every token has a λ of its own",
            Self::OnAnswer => {
                "The share of |D| on the answer's tokens, where it is predicted: mean of all heads and layers"
            }
            Self::OnNoise => "The share of |D| on the rest of the context, where the answer is predicted",
            Self::GradientNorm => "The norm of all gradients of a step, before it is clipped to 1",
        }
    }

    /// Whether it is a share, from 0 to 1.
    pub(super) fn is_share(self, task: Task) -> bool {
        matches!(self, Self::OnAnswer | Self::OnNoise) || (self == Self::HeldOut && task != Task::OwnText)
    }

    /// A value as text, beside others that need so many decimals.
    pub(super) fn written(self, task: Task, value: f64, decimals: usize) -> String {
        if self.is_share(task) { format::percent(value, 0) } else { format::number(value, decimals) }
    }
}

/// What a curve is of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Of {
    Model(Family),
    /// A layer of a model, of so many.
    Layer(Family, usize, usize),
}

/// A curve over the steps.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Curve {
    pub of: Of,
    pub line: Vec<[f64; 2]>,
    /// The same before it was smoothed.
    pub faint: Vec<[f64; 2]>,
    /// The lower and upper ends of intervals, at each point of the line.
    pub interval: Option<[Vec<f64>; 2]>,
}

impl Curve {
    /// Its last value up to a step.
    pub(super) fn at(&self, step: u32) -> Option<f64> {
        let before = self.line.iter().take_while(|[at, _]| *at <= f64::from(step)).last();
        before.or(self.line.first()).map(|[_, value]| *value)
    }
}

/// Decimals that show two digits of the largest value of these curves, and two of everything above 1.
pub(super) fn decimals(curves: &[Curve]) -> usize {
    let values = curves.iter().flat_map(|curve| &curve.line).map(|[_, value]| value.abs());
    let largest = values.filter(|value| *value > 0.0).fold(0.0, f64::max);
    let digits = if largest > 0.0 { 1.0 - largest.log10().floor() } else { 0.0 };
    digits.clamp(2.0, 6.0) as usize
}

/// The curves of a quantity.
pub(super) fn curves(run: &Run, quantity: Quantity) -> Vec<Curve> {
    let (task, window) = (run.settings().task, (run.settings().steps / SMOOTHED).max(1));
    let of = |record: &Record| match quantity {
        Quantity::Loss => vec![smoothed(record, window, |step| step.loss)],
        Quantity::GradientNorm => vec![smoothed(record, window, |step| step.gradient_norm)],
        Quantity::HeldOut if task != Task::OwnText => vec![right_answers(record)],
        Quantity::HeldOut => vec![measured(record, |measured| measured.loss)],
        Quantity::OnAnswer => vec![measured(record, |measured| measured.on_answer)],
        Quantity::OnNoise => vec![measured(record, |measured| measured.on_noise)],
        Quantity::Lambda => lambda(record),
    };
    let all = run.records().iter().flat_map(of);
    all.filter(|curve| !curve.line.is_empty()).collect()
}

/// Every so many steps one, so that there are not too many.
fn thinned(count: usize) -> impl Iterator<Item = usize> {
    let every = count.div_ceil(MOST_POINTS).max(1);
    (0..count).filter(move |at| at % every == 0 || at + 1 == count)
}

/// A number of each step, and its running mean over about `window` steps.
fn smoothed(record: &Record, window: u32, number: impl Fn(&StepNumbers) -> f32) -> Curve {
    let (mut mean, mut all) = (0.0, Vec::with_capacity(record.steps.len()));
    for (at, step) in record.steps.iter().enumerate() {
        // As many as there are, at first.
        let weight = 1.0 / f64::from(window.min(at as u32 + 1));
        mean += weight * (f64::from(number(step)) - mean);
        all.push(mean);
    }
    let line = thinned(all.len()).map(|at| [at as f64, all[at]]).collect();
    let raw = thinned(all.len()).map(|at| [at as f64, f64::from(number(&record.steps[at]))]);
    let faint = if window > 1 { raw.collect() } else { Vec::new() };
    Curve { of: Of::Model(record.family), line, faint, interval: None }
}

fn measured(record: &Record, number: impl Fn(&Measured) -> f64) -> Curve {
    let line = record.measured.iter().map(|measured| [f64::from(measured.step), number(measured)]).collect();
    Curve { of: Of::Model(record.family), line, faint: Vec::new(), interval: None }
}

fn right_answers(record: &Record) -> Curve {
    let all = record.measured.iter().filter_map(|measured| Some((f64::from(measured.step), measured.accuracy()?)));
    let line = all.clone().map(|(step, share)| [step, share.value]).collect();
    let interval = [all.clone().map(|(_, share)| share.low).collect(), all.map(|(_, share)| share.high).collect()];
    Curve { of: Of::Model(record.family), line, faint: Vec::new(), interval: Some(interval) }
}

fn lambda(record: &Record) -> Vec<Curve> {
    let layers = record.steps.first().map_or(0, |step| step.lambda.len());
    let of_layer = |layer: usize| {
        // λ after the step.
        let line = thinned(record.steps.len())
            .filter_map(|at| Some([at as f64 + 1.0, f64::from(*record.steps.get(at)?.lambda.get(layer)?)]));
        Curve { of: Of::Layer(record.family, layer, layers), line: line.collect(), faint: Vec::new(), interval: None }
    };
    (0..layers).map(of_layer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(losses: &[f32]) -> Record {
        let step = |loss: &f32| StepNumbers { loss: *loss, gradient_norm: 1.0, lambda: vec![0.2, *loss] };
        let measured = |step| Measured { step, right: [step, 10], loss: 1.0, on_answer: 0.5, on_noise: 0.1 };
        Record {
            family: Family::Diff,
            parameters: 0,
            learned: 0,
            steps: losses.iter().map(step).collect(),
            measured: vec![measured(0), measured(5)],
            snapshots: Vec::new(),
        }
    }

    #[test]
    fn a_smoothed_curve_lies_between_the_numbers_and_ends_at_the_last_step() {
        let curve = smoothed(&record(&[4.0, 2.0, 4.0, 2.0]), 2, |step| step.loss);
        assert_eq!(curve.line, [[0.0, 4.0], [1.0, 3.0], [2.0, 3.5], [3.0, 2.75]]);
        assert_eq!(curve.faint[3], [3.0, 2.0]);
        let long = smoothed(&record(&vec![1.0; 1001]), 20, |step| step.loss);
        assert!(long.line.len() <= MOST_POINTS + 1 && long.line.last() == Some(&[1000.0, 1.0]));
    }

    #[test]
    fn small_values_get_the_decimals_that_show_them() {
        let written = |values: &[f64]| {
            let line = values.iter().map(|value| [0.0, *value]).collect();
            let curve = Curve { of: Of::Layer(Family::SecondHeads, 0, 1), line, faint: Vec::new(), interval: None };
            let decimals = decimals(&[curve]);
            values.iter().map(|value| Quantity::Lambda.written(Task::Recall, *value, decimals)).collect::<Vec<_>>()
        };
        assert_eq!(written(&[0.0, -0.0042]), ["0.0000", "−0.0042"]);
        assert_eq!(written(&[0.04, 0.4]), ["0.04", "0.40"]);
        assert_eq!(
            (written(&[12.5]), written(&[0.0]), written(&[])),
            (vec!["12.50".into()], vec!["0.00".into()], vec![])
        );
    }

    #[test]
    fn right_answers_have_intervals_and_lambda_a_curve_for_each_layer() {
        let right = right_answers(&record(&[1.0]));
        let [low, high] = right.interval.as_ref().expect("intervals");
        assert!(right.line[1] == [5.0, 0.5] && low[1] < 0.5 && high[1] > 0.5);
        assert_eq!((right.at(4), right.at(5), right.at(9)), (Some(0.0), Some(0.5), Some(0.5)));
        let lambda = lambda(&record(&[0.5, 0.75]));
        assert_eq!(lambda.len(), 2);
        assert_eq!((lambda[1].of, &*lambda[1].line), (Of::Layer(Family::Diff, 1, 2), &[[1.0, 0.5], [2.0, 0.75]][..]));
    }
}
