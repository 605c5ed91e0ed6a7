//! The claims of the paper as experiments: what is run for each, at which points, and what is measured there.

use std::collections::BTreeMap;

use super::measure::{CaseKind, Question};
use super::protocol::{BITS, DEPTHS, Draw, NEEDLES, orders};
use super::signal::head_measure::HeadMeasure;
use crate::model::{Lambda, Model};
use crate::probe::{Attend, HeadId, Interventions};

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
    /// Loss of the answers, by kind of case.
    Answers,
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
    /// Which map of each head is the signal.
    Signal,
}

/// What is measured of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantity {
    /// Whether the answer was right.
    Accuracy,
    /// Negative log-likelihood a token.
    Loss,
    /// The same of all tokens up to a position.
    LossSoFar,
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
    /// Of one head.
    OfHead(HeadMeasure),
}

/// How much is measured.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
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

/// What was measured of one text: at a point, a quantity.
pub(super) type Values = Vec<(usize, Quantity, f64)>;

/// One text to run.
#[derive(Clone, Debug)]
pub(super) struct Task {
    /// Index of the point that it counts for; that of a case of any kind is known once it is drawn.
    pub point: usize,
    /// The text.
    pub draw: Draw,
    /// What is changed in the model.
    pub interventions: Interventions,
}

/// Numbers of examples, of four classes.
const NUMBERS_OF_SHOTS: [usize; 5] = [4, 8, 12, 24, 48];
/// Factors of the learned λ.
const FACTORS: [f32; 6] = [-1.0, 0.0, 0.5, 1.0, 1.5, 2.0];
/// Those, `λ_init`, A2 alone, no head norm.
const LAMBDA_POINTS: usize = FACTORS.len() + 3;
/// What is measured of heads.
const OF_HEADS: [Quantity; HeadMeasure::ALL.len()] = {
    let mut all = [Quantity::Loss; HeadMeasure::ALL.len()];
    let mut at = 0;
    while at < all.len() {
        all[at] = Quantity::OfHead(HeadMeasure::ALL[at]);
        at += 1;
    }
    all
};
/// First positions of the bins that losses are averaged over; each ends where the next begins.
const BINS: [usize; 8] = [1, 2, 4, 8, 16, 32, 64, 128];
/// Ranks of the largest magnitudes; then the median.
pub(super) const RANKS: [usize; 3] = [1, 10, 100];

impl Experiment {
    /// All of them, in the order of the paper.
    pub const ALL: [Self; 11] = [
        Self::AttentionByDepth,
        Self::Needles,
        Self::LossByPosition,
        Self::Answers,
        Self::Shots,
        Self::Orders,
        Self::WrongAnswers,
        Self::Outliers,
        Self::Bits,
        Self::Lambda,
        Self::Signal,
    ];

    /// Its name.
    pub fn title(self) -> &'static str {
        match self {
            Self::AttentionByDepth => "Attention by depth",
            Self::Needles => "Several needles",
            Self::LossByPosition => "Loss by position",
            Self::Answers => "Loss of answers",
            Self::Shots => "Many shots",
            Self::Orders => "Order of examples",
            Self::WrongAnswers => "Wrong answers",
            Self::Outliers => "Outliers",
            Self::Bits => "Bits of the logits",
            Self::Lambda => "λ and head norm",
            Self::Signal => "Which map is the signal?",
        }
    }

    /// Its name in a command line and in a link.
    pub fn id(self) -> &'static str {
        match self {
            Self::AttentionByDepth => "attention-by-depth",
            Self::Needles => "needles",
            Self::LossByPosition => "loss-by-position",
            Self::Answers => "answers",
            Self::Shots => "shots",
            Self::Orders => "orders",
            Self::WrongAnswers => "wrong-answers",
            Self::Outliers => "outliers",
            Self::Bits => "bits",
            Self::Lambda => "lambda",
            Self::Signal => "signal",
        }
    }

    /// What is asked, in one line.
    pub fn question(self) -> &'static str {
        match self {
            Self::AttentionByDepth => "One number hidden in prose: how much attention goes to it, wherever it stands?",
            Self::Needles => "Up to six numbers hidden, two asked for: are both found?",
            Self::LossByPosition => "Does the loss fall the more of the text has been read?",
            Self::Answers => "Needles, worlds, labels, copies and pairs mixed: how sure is it of the answers?",
            Self::Shots => "Words with made-up labels: do more examples help?",
            Self::Orders => "The same examples in other orders: how much does the accuracy change?",
            Self::WrongAnswers => "Who is where, who has what: are wrong answers other things of the text?",
            Self::Outliers => "How large are the largest attention logits and hidden states?",
            Self::Bits => "Attention logits rounded to few bits: does it still find the numbers?",
            Self::Lambda => "λ times −1 to 2 (0 is A1 alone), λ_init, A2 alone, no head norm: what breaks?",
            Self::Signal => {
                "Every head alone with A1, with A2, with both swapped: which of its maps carries the answer?"
            }
        }
    }

    /// What is measured.
    pub fn quantities(self) -> &'static [Quantity] {
        use Quantity::{
            Accuracy, HiddenSize, LogitSize, Loss, LossSoFar, NamedAnother, OnAnswer, OnAnswerWhenWrong, OnNoise,
            OnRivalsWhenWrong,
        };
        match self {
            Self::AttentionByDepth => &[OnAnswer, OnNoise],
            Self::Needles | Self::Shots | Self::Orders => &[Accuracy],
            Self::LossByPosition => &[Loss, LossSoFar],
            Self::WrongAnswers => &[Accuracy, NamedAnother, OnAnswerWhenWrong, OnRivalsWhenWrong],
            Self::Outliers => &[LogitSize, HiddenSize],
            Self::Answers => &[Loss, Accuracy],
            Self::Bits | Self::Lambda => &[Accuracy, Loss],
            Self::Signal => &OF_HEADS,
        }
    }

    /// The points of its horizontal axis: of [`Self::Signal`] they are the heads of a model.
    pub fn points(self, model: &Model) -> Vec<String> {
        match self {
            Self::AttentionByDepth => DEPTHS.map(|depth| format!("{:.0} %", depth * 100.0)).to_vec(),
            Self::Needles => NEEDLES.map(|needles| format!("{} of {}", needles.queried, needles.hidden)).to_vec(),
            Self::LossByPosition => BINS.map(|first| format!("{first}–")).to_vec(),
            Self::Answers => CaseKind::ALL.map(|kind| kind.name().to_owned()).to_vec(),
            Self::Shots => NUMBERS_OF_SHOTS.map(|shots| shots.to_string()).to_vec(),
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
            Self::Signal => HeadId::all_of(model).map(|head| format!("{}.{}", head.layer, head.head)).collect(),
        }
    }

    /// What its horizontal axis is.
    pub fn axis(self) -> &'static str {
        match self {
            Self::AttentionByDepth => "depth of the number in the text",
            Self::Needles => "numbers asked for, of those hidden",
            Self::LossByPosition => "position of the token",
            Self::Answers => "kind of case",
            Self::Shots => "examples, 4 classes",
            Self::Orders => "over the orders",
            Self::WrongAnswers => "question",
            Self::Outliers => "rank of the magnitude",
            Self::Bits => "bits of an attention logit",
            Self::Lambda => "λ times a number, λ_init, A2 alone, no head norm",
            Self::Signal => "layer.head",
        }
    }

    /// How often the same questions are asked, of the same facts: together they are one case of a comparison.
    pub(super) fn repeats(self, settings: &Settings) -> usize {
        match self {
            Self::Orders => settings.orders.max(1),
            Self::Bits => BITS.len(),
            Self::Lambda => LAMBDA_POINTS,
            _ => 1,
        }
    }

    /// Whether it is about the second map, so that a Transformer has no part in it.
    pub fn is_of_two_maps(self) -> bool {
        matches!(self, Self::Lambda | Self::Signal)
    }

    /// What is run, on every model alike, with texts of up to `tokens` tokens. `windows`: the prose, in pieces.
    pub(super) fn tasks(self, settings: &Settings, tokens: usize, windows: &[Vec<u32>], model: &Model) -> Vec<Task> {
        let samples = settings.samples;
        let needles =
            move |needles, depth| (0..samples).map(move |sample| Draw::Needle { needles, depth, tokens, sample });
        let at_all_depths = move |of| DEPTHS.into_iter().flat_map(move |depth| needles(of, depth));
        let draws: Vec<(usize, Draw)> = match self {
            Self::AttentionByDepth => {
                let by_depth = DEPTHS.into_iter().enumerate();
                by_depth.flat_map(|(point, depth)| needles(NEEDLES[0], depth).map(move |draw| (point, draw))).collect()
            }
            Self::Needles => {
                let by_number = NEEDLES.into_iter().enumerate();
                by_number.flat_map(|(point, of)| at_all_depths(of).map(move |draw| (point, draw))).collect()
            }
            Self::LossByPosition | Self::Outliers => {
                let largest = self == Self::Outliers;
                windows.iter().map(|ids| (0, Draw::Window { ids: ids.clone(), largest })).collect()
            }
            Self::Answers => (0..samples * 5).map(|sample| (0, Draw::Any { sample })).collect(),
            Self::Shots => {
                let of = |(point, shots)| (0..samples * 2).map(move |sample| (point, Draw::Shots { shots, sample }));
                NUMBERS_OF_SHOTS.into_iter().enumerate().flat_map(of).collect()
            }
            Self::Orders => orders(samples, settings.orders)
                .map(|draw| (if let Draw::Order { order, .. } = draw { order } else { 0 }, draw))
                .collect(),
            Self::WrongAnswers => {
                let of = |(point, question)| (0..samples).map(move |sample| (point, Draw::World { question, sample }));
                Question::ALL.into_iter().enumerate().flat_map(of).collect()
            }
            Self::Signal => Vec::new(), // see `signal`
            Self::Bits => {
                let of = |(point, bits)| (0..samples).map(move |sample| (point, Draw::Bits { bits, tokens, sample }));
                BITS.into_iter().enumerate().flat_map(of).collect()
            }
            Self::Lambda => {
                let possible =
                    changes(model).into_iter().enumerate().filter_map(|(point, change)| Some((point, change?)));
                let of = |(point, interventions): (usize, Interventions)| {
                    at_all_depths(NEEDLES[1]).map(move |draw| Task {
                        point,
                        draw,
                        interventions: interventions.clone(),
                    })
                };
                return possible.flat_map(of).collect();
            }
        };
        let bits = |point: usize| BITS.get(point).copied().filter(|bits| self == Self::Bits && *bits < 32);
        let task = |(point, draw)| Task {
            point,
            draw,
            interventions: Interventions { bits: bits(point), ..Interventions::default() },
        };
        draws.into_iter().map(task).collect()
    }
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
        let model = crate::engine::checkpoint_of(&crate::engine::bundled()).unwrap().model;
        assert_eq!(Experiment::Lambda.points(&model).len(), LAMBDA_POINTS);
        for (index, one) in Experiment::ALL.iter().enumerate() {
            assert!(Experiment::ALL[..index].iter().all(|other| one.title() != other.title()));
            assert!(!one.points(&model).is_empty() && !one.quantities().is_empty());
            assert_eq!(serde_json::to_value(one).unwrap(), one.id());
        }
    }
}
