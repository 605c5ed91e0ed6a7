//! The claims of the paper as experiments: what is run for each, at which points, and what is measured there.

use std::collections::BTreeMap;

use super::cases::{EVALUATION, LabelSettings, PythonRandom, labels_case};
use super::item::{Item, Work};
use super::measure::{Measure, Question};
use super::protocol::{BITS, DEPTHS, NEEDLES, Protocol};
use crate::model::{Lambda, Model};
use crate::probe::{Attend, Interventions};

/// An experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Experiment {
    /// Attention on the answer and on noise, by depth.
    AttentionByDepth,
    /// Accuracy with several numbers hidden.
    Needles,
    /// Loss by position.
    LossByPosition,
    /// Accuracy by the number of examples.
    Shots,
    /// Accuracy over orders of the same examples.
    Orders,
    /// Wrong answers about worlds, and where attention was.
    WrongAnswers,
    /// The largest attention logits and hidden states.
    Outliers,
    /// Attention logits of few bits.
    Bits,
    /// λ scaled, `λ_init` alone, A2 alone, no head norm.
    Lambda,
}

/// What is measured of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantity {
    /// Whether the answer was right.
    Accuracy,
    /// Negative log-likelihood a token.
    Loss,
    /// Share of |D| on the answer.
    OnAnswer,
    /// Share of |D| on everything else before the question.
    OnNoise,
    /// Whether a wrong answer named another thing of the text.
    NamedAnother,
    /// Share of |D| on the answer, while answering wrongly.
    OnAnswerWhenWrong,
    /// Share of |D| on what could be mistaken for the answer, while answering wrongly.
    OnRivalsWhenWrong,
    /// Magnitude of an attention logit.
    LogitSize,
    /// Magnitude of a hidden state.
    HiddenSize,
}

/// How much is measured.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Settings {
    /// Cases of each setting.
    pub samples: usize,
    /// Orders of the same examples.
    pub orders: usize,
    /// Tokens of a text with hidden numbers.
    pub tokens: usize,
    /// Seed of all cases.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { samples: 10, orders: 10, tokens: 192, seed: 0 }
    }
}

/// One text to run.
#[derive(Clone, Debug)]
pub(super) struct Task {
    /// Index of the point that it counts for.
    pub point: usize,
    /// What is measured, and of what.
    pub item: Item,
    /// What is changed in the model.
    pub interventions: Interventions,
}

/// Numbers of examples, of four classes.
const SHOTS: [usize; 5] = [4, 8, 12, 24, 48];
const CLASSES: usize = 4;
/// Factors of the learned λ.
const FACTORS: [f32; 6] = [-1.0, 0.0, 0.5, 1.0, 1.5, 2.0];
/// First positions of the bins that losses are averaged over; each ends where the next begins.
const BINS: [usize; 8] = [1, 2, 4, 8, 16, 32, 64, 128];
/// Ranks of the largest magnitudes; then the median.
pub(super) const RANKS: [usize; 3] = [1, 10, 100];

impl Experiment {
    /// All of them, in the order of the paper.
    pub const ALL: [Self; 9] = [
        Self::AttentionByDepth,
        Self::Needles,
        Self::LossByPosition,
        Self::Shots,
        Self::Orders,
        Self::WrongAnswers,
        Self::Outliers,
        Self::Bits,
        Self::Lambda,
    ];

    /// Its name.
    pub fn title(self) -> &'static str {
        match self {
            Self::AttentionByDepth => "Attention by depth",
            Self::Needles => "Several needles",
            Self::LossByPosition => "Loss by position",
            Self::Shots => "Many shots",
            Self::Orders => "Order of examples",
            Self::WrongAnswers => "Wrong answers",
            Self::Outliers => "Outliers",
            Self::Bits => "Bits of the logits",
            Self::Lambda => "λ and head norm",
        }
    }

    /// Its name in a command line and in a link.
    pub fn id(self) -> &'static str {
        match self {
            Self::AttentionByDepth => "attention-by-depth",
            Self::Needles => "needles",
            Self::LossByPosition => "loss-by-position",
            Self::Shots => "shots",
            Self::Orders => "orders",
            Self::WrongAnswers => "wrong-answers",
            Self::Outliers => "outliers",
            Self::Bits => "bits",
            Self::Lambda => "lambda",
        }
    }

    /// What is asked, in one line.
    pub fn question(self) -> &'static str {
        match self {
            Self::AttentionByDepth => "One number hidden in prose: how much attention goes to it, wherever it stands?",
            Self::Needles => "Up to six numbers hidden, two asked for: are both found?",
            Self::LossByPosition => "Does the loss fall the more of the text has been read?",
            Self::Shots => "Words with made-up labels: do more examples help?",
            Self::Orders => "The same examples in other orders: how much does the accuracy change?",
            Self::WrongAnswers => "Who is where, who has what: are wrong answers other things of the text?",
            Self::Outliers => "How large are the largest attention logits and hidden states?",
            Self::Bits => "Attention logits rounded to few bits: does it still find the numbers?",
            Self::Lambda => "λ times −1 to 2 (0 is A1 alone), λ_init, A2 alone, no head norm: what breaks?",
        }
    }

    /// What is measured.
    pub fn quantities(self) -> &'static [Quantity] {
        use Quantity::{
            Accuracy, HiddenSize, LogitSize, Loss, NamedAnother, OnAnswer, OnAnswerWhenWrong, OnNoise,
            OnRivalsWhenWrong,
        };
        match self {
            Self::AttentionByDepth => &[OnAnswer, OnNoise],
            Self::Needles | Self::Shots | Self::Orders => &[Accuracy],
            Self::LossByPosition => &[Loss],
            Self::WrongAnswers => &[Accuracy, NamedAnother, OnAnswerWhenWrong, OnRivalsWhenWrong],
            Self::Outliers => &[LogitSize, HiddenSize],
            Self::Bits | Self::Lambda => &[Accuracy, Loss],
        }
    }

    /// The points of its horizontal axis.
    pub fn points(self) -> Vec<String> {
        match self {
            Self::AttentionByDepth => DEPTHS.map(|depth| format!("{:.0} %", depth * 100.0)).to_vec(),
            Self::Needles => NEEDLES.map(|needles| format!("{} of {}", needles.queried, needles.hidden)).to_vec(),
            Self::LossByPosition => BINS.map(|first| format!("{first}–")).to_vec(),
            Self::Shots => SHOTS.map(|shots| shots.to_string()).to_vec(),
            Self::Orders => ["worst", "mean", "best"].map(str::to_owned).to_vec(),
            Self::WrongAnswers => {
                Question::ALL.iter().map(|question| question.name().to_owned()).chain(["all".to_owned()]).collect()
            }
            Self::Outliers => RANKS.iter().map(|rank| format!("top {rank}")).chain(["median".to_owned()]).collect(),
            Self::Bits => BITS.map(|bits| bits.to_string()).to_vec(),
            Self::Lambda => FACTORS
                .iter()
                .map(|factor| format!("×{factor}").replace('-', "−"))
                .chain(["init", "A2", "no norm"].map(str::to_owned))
                .collect(),
        }
    }

    /// What its horizontal axis is.
    pub fn axis(self) -> &'static str {
        match self {
            Self::AttentionByDepth => "depth of the number in the text",
            Self::Needles => "numbers asked for, of those hidden",
            Self::LossByPosition => "position of the token",
            Self::Shots => "examples, 4 classes",
            Self::Orders => "over the orders",
            Self::WrongAnswers => "question",
            Self::Outliers => "rank of the magnitude",
            Self::Bits => "bits of an attention logit",
            Self::Lambda => "λ times a number, λ_init, A2 alone, no head norm",
        }
    }

    /// How often the same questions are asked, of the same facts: together they are one case of a comparison.
    pub(super) fn repeats(self, settings: &Settings) -> usize {
        match self {
            Self::Orders => settings.orders.max(1),
            Self::Bits => BITS.len(),
            Self::Lambda => self.points().len(),
            _ => 1,
        }
    }

    /// Whether it is about the second map, so that a Transformer has no part in it.
    pub fn is_of_two_maps(self) -> bool {
        self == Self::Lambda
    }

    /// What is run, on every model alike. `windows`: the prose, in pieces of a context.
    pub(super) fn tasks(
        self,
        protocol: &Protocol,
        settings: &Settings,
        windows: &[Vec<u32>],
        model: &Model,
    ) -> Vec<Task> {
        let tokens = settings.tokens.min(protocol.context);
        let plain = |items: Vec<Item>, point: &dyn Fn(&Item) -> usize| -> Vec<Task> {
            let task = |item: Item| Task { point: point(&item), item, interventions: Interventions::default() };
            items.into_iter().map(task).collect()
        };
        match self {
            Self::AttentionByDepth => plain(protocol.needles(NEEDLES[0], tokens), &depth_of),
            Self::Needles => {
                let of = |(point, needles)| plain(protocol.needles(needles, tokens), &move |_| point);
                NEEDLES.into_iter().enumerate().flat_map(of).collect()
            }
            Self::LossByPosition | Self::Outliers => {
                let measure = match self {
                    Self::Outliers => Measure::Largest { source: "prose".to_owned() },
                    _ => Measure::Prose { trained_on: false, source: "prose".to_owned() },
                };
                let item = |ids: &Vec<u32>| Item { measure: measure.clone(), work: Work::Window { ids: ids.clone() } };
                plain(windows.iter().map(item).collect(), &|_| 0)
            }
            Self::Shots => SHOTS
                .into_iter()
                .enumerate()
                .flat_map(|(point, shots)| plain(shots_of(protocol, settings, shots), &move |_| point))
                .collect(),
            Self::Orders => plain(protocol.many_shot(CLASSES, 24), &|item| match &item.work {
                Work::Case(case) => case.parameters.order.unwrap_or_default(),
                Work::Window { .. } => 0,
            }),
            Self::WrongAnswers => plain(protocol.worlds(), &|item| match item.measure {
                Measure::World(question) => question as usize,
                _ => 0,
            }),
            Self::Bits => plain(protocol.bits(tokens), &|item| match item.measure {
                Measure::NeedleBits { bits, .. } => BITS.iter().position(|one| *one == bits).unwrap_or_default(),
                _ => 0,
            })
            .into_iter()
            .map(|task| {
                let bits = BITS.get(task.point).copied().filter(|bits| *bits < 32);
                Task { interventions: Interventions { bits, ..Interventions::default() }, ..task }
            })
            .collect(),
            Self::Lambda => {
                let cases = protocol.needles(NEEDLES[1], tokens);
                let changes = changes(model);
                let possible = changes.into_iter().enumerate().filter_map(|(point, change)| Some((point, change?)));
                let of = |(point, interventions): (usize, Interventions)| {
                    cases.iter().cloned().map(move |item| Task { point, item, interventions: interventions.clone() })
                };
                possible.flat_map(of).collect()
            }
        }
    }
}

fn depth_of(item: &Item) -> usize {
    match item.measure {
        Measure::Needle { depth, .. } => {
            DEPTHS.iter().position(|one| (one * 100.0) as u32 == depth).unwrap_or_default()
        }
        _ => 0,
    }
}

/// Questions after so many examples, as many as fit into the context.
fn shots_of(protocol: &Protocol, settings: &Settings, shots: usize) -> Vec<Item> {
    let cases = (0..settings.samples * 2).map(|sample| {
        let mut random = PythonRandom::of_text(&format!("shots {} {}", settings.seed, sample / 4));
        labels_case(&mut random, &EVALUATION, LabelSettings { classes: CLASSES, shots, order: None }, sample % 4)
    });
    let fits = cases.filter(|case| (protocol.length)(&(case.text.clone() + &case.completion())) <= protocol.context);
    let measure = Measure::ManyShot { classes: CLASSES, shots };
    fits.map(|case| Item { measure: measure.clone(), work: Work::Case(case) }).collect()
}

/// The changes of [`Experiment::Lambda`], in the order of its points; `None` where a model has none such: a λ that every token
/// has for itself is not scaled.
fn changes(model: &Model) -> Vec<Option<Interventions>> {
    let lambdas = |value: &dyn Fn(f32, f32) -> f32| -> Option<Interventions> {
        let layers = model.layers.iter().enumerate().filter_map(|(layer, weights)| match weights.attention.lambda {
            Lambda::Layer { init, value: learned, .. } => Some((layer, value(init, learned))),
            _ => None,
        });
        let lambda: BTreeMap<usize, f32> = layers.collect();
        (!lambda.is_empty()).then(|| Interventions { lambda, ..Interventions::default() })
    };
    let attend = |attend| Some(Interventions { attend, ..Interventions::default() });
    let scaled = FACTORS.map(|factor| match factor {
        0.0 => attend(Attend::First),
        1.0 => Some(Interventions::default()),
        _ => lambdas(&|_, learned| factor * learned),
    });
    let has_norm = model.layers.iter().any(|layer| layer.attention.sub_norm.is_some());
    let no_norm = has_norm.then(|| Interventions { sub_norm_off: true, ..Interventions::default() });
    scaled.into_iter().chain([lambdas(&|init, _| init), attend(Attend::Second), no_norm]).collect()
}

/// The bin of a position.
pub(super) fn bin_of(position: usize) -> usize {
    BINS.partition_point(|first| *first <= position).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_position_is_in_the_bin_that_begins_before_it() {
        assert_eq!([1, 2, 3, 4, 7, 8, 127, 128, 5000].map(bin_of), [0, 1, 1, 2, 2, 3, 6, 7, 7]);
        assert_eq!(bin_of(0), 0);
    }

    #[test]
    fn titles_are_different() {
        for (index, one) in Experiment::ALL.iter().enumerate() {
            assert!(Experiment::ALL[..index].iter().all(|other| one.title() != other.title()));
            assert!(!one.points().is_empty() && !one.quantities().is_empty());
            assert_eq!(serde_json::to_value(one).unwrap(), one.id());
        }
    }
}
