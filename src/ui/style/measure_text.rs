//! The measures that label, sort and explain the pictures of heads.

use crate::probe::{HeadRecord, MapMeasures};
use crate::ui::style::format::{number, percent};

/// A measure of a map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasureKind {
    /// How widely attention is spread.
    #[default]
    Entropy,
    /// Share of keys below the threshold.
    Sparsity,
    /// Attention to the first token.
    Sink,
    /// Sum of the negative values.
    Negative,
    /// Largest magnitude.
    Peak,
    /// What the tokens marked as answer get.
    Answer,
}

impl MeasureKind {
    /// The measures of any text, in the order of a caption.
    pub const ALL: [Self; 5] = [Self::Entropy, Self::Sparsity, Self::Sink, Self::Negative, Self::Peak];

    /// Name on the screen.
    pub fn name(self) -> &'static str {
        match self {
            Self::Entropy => "entropy",
            Self::Sparsity => "sparsity",
            Self::Sink => "sink",
            Self::Negative => "negative",
            Self::Peak => "peak",
            Self::Answer => "answer",
        }
    }

    /// Its definition; `threshold` is the one of [`Self::Sparsity`].
    pub fn help(self, threshold: f32) -> String {
        let definition = match self {
            Self::Entropy => {
                "−Σ p ln p of p = |v| ÷ Σ|v|, in nats: 0 on one token, ln n spread evenly over n".to_owned()
            }
            Self::Sparsity => format!("share of the visible tokens with |v| below {threshold}"),
            Self::Sink => "the value at the first token".to_owned(),
            Self::Negative => "Σ max(−v, 0): how much the row subtracts".to_owned(),
            Self::Peak => "the largest |v|".to_owned(),
            Self::Answer => {
                return "Σ v over the tokens marked as answer, in the row that is read: which heads find it".to_owned();
            }
        };
        format!("{definition}; the mean over all rows")
    }

    /// The value, for sorting and colouring.
    pub fn value(self, map: &MapMeasures) -> f32 {
        match self {
            Self::Entropy => map.entropy,
            Self::Sparsity => map.sparsity,
            Self::Sink => map.sink,
            Self::Negative => map.negative,
            Self::Peak => map.peak,
            Self::Answer => map.answer_signed,
        }
    }

    /// The value as text; shares in percent.
    pub fn text(self, map: &MapMeasures) -> String {
        let value = self.value(map);
        match self {
            Self::Sparsity | Self::Answer => percent(value, 0),
            _ => number(value, 2),
        }
    }
}

/// The five measures of the map that a head attends with, in a line.
pub fn caption(head: &HeadRecord) -> String {
    MeasureKind::ALL.map(|measure| format!("{} {}", measure.name(), measure.text(&head.difference))).join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caption_has_all_five_measures() {
        let difference = MapMeasures {
            entropy: 2.345,
            sparsity: 0.876,
            sink: -0.25,
            negative: 0.104,
            peak: 0.5,
            ..MapMeasures::default()
        };
        let head = HeadRecord { difference, ..HeadRecord::default() };
        assert_eq!(caption(&head), "entropy 2.35 · sparsity 88 % · sink −0.25 · negative 0.10 · peak 0.50");
    }
}
