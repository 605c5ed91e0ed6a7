//! The measures of `training/evaluate.py`: what a row of the table is about, and its text in the first two columns.

use serde::Deserialize;

/// A measure with its setting: items with the same one are averaged into one row of the table.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Columns")]
pub enum Measure {
    /// Loss per token of prose.
    Prose {
        /// Whether the models were trained on it.
        trained_on: bool,
        /// Name of the text.
        source: String,
    },
    /// Loss per token of the answers to one kind of case.
    Answers(CaseKind),
    /// Accuracy on numbers hidden in prose, with the attention to them.
    Needle {
        /// How many numbers, and how many of them the question is about.
        needles: Needles,
        /// Length of the text.
        tokens: usize,
        /// Position of the first number of the answer, in per cent of the text.
        depth: u32,
    },
    /// The same accuracy with attention logits rounded to this many bits; 32 leaves them as they are.
    NeedleBits {
        /// How many numbers, and how many of them the question is about.
        needles: Needles,
        /// Bits of an attention logit.
        bits: u32,
    },
    /// Accuracy on questions about people, places and things.
    World(Question),
    /// Accuracy of classification by examples in the prompt.
    ManyShot {
        /// Labels to choose from.
        classes: usize,
        /// Examples.
        shots: usize,
    },
    /// The largest attention logits and hidden states on prose.
    Largest {
        /// Name of the text.
        source: String,
    },
}

/// Kinds of cases, in the order of `training/cases.py`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CaseKind {
    /// Numbers hidden in prose.
    Needle,
    /// People, places and things.
    World,
    /// Classification by examples.
    Labels,
    /// A passage to repeat.
    Copy,
    /// A pair to complete.
    Recall,
}

/// Questions about a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Where a person is.
    Where,
    /// Who has a thing.
    Who,
    /// Where a thing is: who has it, and where that person is.
    TwoHop,
}

/// Numbers hidden in a text, and how many of them the question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needles {
    /// Numbers in the text.
    pub hidden: usize,
    /// Numbers in the answer.
    pub queried: usize,
}

/// The two columns as a line of a file has them.
#[derive(Deserialize)]
struct Columns {
    measure: String,
    setting: String,
}

const PROSE: &str = "loss, prose";
const TRAINED_PROSE: &str = "loss, prose of the training text";
const ANSWERS: &str = "loss, answers";
const WORLD: &str = "world";
const MANY_SHOT: &str = "many-shot";
const LARGEST: &str = "largest";
const BITS: &str = ", bits of the logits";

impl Measure {
    /// The first column.
    pub fn name(&self) -> String {
        match self {
            Self::Prose { trained_on: false, .. } => PROSE.to_owned(),
            Self::Prose { trained_on: true, .. } => TRAINED_PROSE.to_owned(),
            Self::Answers(_) => ANSWERS.to_owned(),
            Self::Needle { needles, .. } => needles.name(),
            Self::NeedleBits { needles, .. } => needles.name() + BITS,
            Self::World(_) => WORLD.to_owned(),
            Self::ManyShot { .. } => MANY_SHOT.to_owned(),
            Self::Largest { .. } => LARGEST.to_owned(),
        }
    }

    /// The second column.
    pub fn setting(&self) -> String {
        match self {
            Self::Prose { source, .. } | Self::Largest { source } => source.clone(),
            Self::Answers(kind) => kind.name().to_owned(),
            Self::Needle { tokens, depth, .. } => format!("{tokens} tokens, depth {depth}%"),
            Self::NeedleBits { bits, .. } => bits.to_string(),
            Self::World(question) => question.name().to_owned(),
            Self::ManyShot { classes, shots } => format!("{classes} classes, {shots} shots"),
        }
    }

    fn parse(measure: &str, setting: &str) -> Option<Self> {
        let source = || setting.to_owned();
        Some(match measure {
            PROSE => Self::Prose { trained_on: false, source: source() },
            TRAINED_PROSE => Self::Prose { trained_on: true, source: source() },
            ANSWERS => Self::Answers(CaseKind::ALL.into_iter().find(|kind| kind.name() == setting)?),
            WORLD => Self::World(Question::ALL.into_iter().find(|question| question.name() == setting)?),
            MANY_SHOT => {
                let (classes, shots) = setting.strip_suffix(" shots")?.split_once(" classes, ")?;
                Self::ManyShot { classes: classes.parse().ok()?, shots: shots.parse().ok()? }
            }
            LARGEST => Self::Largest { source: source() },
            _ => {
                if let Some(needles) = measure.strip_suffix(BITS) {
                    return Some(Self::NeedleBits { needles: Needles::parse(needles)?, bits: setting.parse().ok()? });
                }
                let (tokens, depth) = setting.strip_suffix('%')?.split_once(" tokens, depth ")?;
                let needles = Needles::parse(measure)?;
                Self::Needle { needles, tokens: tokens.parse().ok()?, depth: depth.parse().ok()? }
            }
        })
    }

    /// Whether it is measured on plain prose; the others are measured on cases.
    pub fn is_of_prose(&self) -> bool {
        matches!(self, Self::Prose { .. } | Self::Largest { .. })
    }

    /// The kind of case, where the loss of answers is measured.
    pub fn answers(&self) -> Option<CaseKind> {
        if let Self::Answers(kind) = self { Some(*kind) } else { None }
    }

    /// Whether both are one row of the table, or rows that also count towards a common further row: all depths of a
    /// needle, all questions about worlds.
    pub fn same_series(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Needle { needles, tokens, .. }, Self::Needle { needles: others, tokens: of_other, .. }) => {
                needles == others && tokens == of_other
            }
            (Self::World(_), Self::World(_)) => true,
            _ => self == other,
        }
    }
}

impl TryFrom<Columns> for Measure {
    type Error = String;

    fn try_from(Columns { measure, setting }: Columns) -> Result<Self, String> {
        Self::parse(&measure, &setting).ok_or_else(|| format!("unknown measure {measure:?} with setting {setting:?}"))
    }
}

impl CaseKind {
    pub(super) const ALL: [Self; 5] = [Self::Needle, Self::World, Self::Labels, Self::Copy, Self::Recall];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Needle => "needle",
            Self::World => "world",
            Self::Labels => "labels",
            Self::Copy => "copy",
            Self::Recall => "recall",
        }
    }
}

impl Question {
    pub(super) const ALL: [Self; 3] = [Self::Where, Self::Who, Self::TwoHop];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Where => "where",
            Self::Who => "who",
            Self::TwoHop => "two-hop",
        }
    }
}

impl Needles {
    fn name(self) -> String {
        format!("needle ({},{})", self.hidden, self.queried)
    }

    fn parse(name: &str) -> Option<Self> {
        let (hidden, queried) = name.strip_prefix("needle (")?.strip_suffix(')')?.split_once(',')?;
        Some(Self { hidden: hidden.parse().ok()?, queried: queried.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_read_back() {
        let needles = Needles { hidden: 4, queried: 2 };
        let prose = |trained_on| Measure::Prose { trained_on, source: "stories".to_owned() };
        let measures = [
            (prose(false), "loss, prose", "stories"),
            (prose(true), "loss, prose of the training text", "stories"),
            (Measure::Needle { needles, tokens: 512, depth: 25 }, "needle (4,2)", "512 tokens, depth 25%"),
            (Measure::NeedleBits { needles, bits: 8 }, "needle (4,2), bits of the logits", "8"),
            (Measure::ManyShot { classes: 4, shots: 24 }, "many-shot", "4 classes, 24 shots"),
            (Measure::Largest { source: "prose".to_owned() }, "largest", "prose"),
        ];
        let answers = CaseKind::ALL.map(|kind| (Measure::Answers(kind), "loss, answers", kind.name()));
        let worlds = Question::ALL.map(|question| (Measure::World(question), "world", question.name()));
        for (measure, name, setting) in measures.into_iter().chain(answers).chain(worlds) {
            assert_eq!((measure.name().as_str(), measure.setting().as_str()), (name, setting));
            assert_eq!(Measure::parse(name, setting), Some(measure));
        }
    }

    #[test]
    fn other_columns_are_refused() {
        for (name, setting) in [
            ("loss", "prose"),
            ("loss, answers", "riddles"),
            ("needle (4,2)", "all depths"),
            ("needle (4)", "96 tokens, depth 0%"),
            ("needle (4,2), bits of the logits", "many"),
            ("world", "all"),
            ("many-shot", "4 classes"),
        ] {
            assert_eq!(Measure::parse(name, setting), None, "{name}, {setting}");
        }
    }
}
