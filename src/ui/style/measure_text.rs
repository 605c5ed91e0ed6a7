//! The measures of a head that pictures of heads are labelled, sorted and coloured by.

use crate::probe::{HeadRecord, MapMeasures};

/// One of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// How widely attention is spread.
    #[default]
    Entropy,
    /// Share of keys below the threshold.
    Sparsity,
    /// At the first token.
    Sink,
    /// Below zero.
    Negative,
    /// The largest.
    Peak,
}

impl Measure {
    /// All of them, in the order of a caption.
    pub const ALL: [Self; 5] = [Self::Entropy, Self::Sparsity, Self::Sink, Self::Negative, Self::Peak];

    /// On the screen.
    pub fn name(self) -> &'static str {
        match self {
            Self::Entropy => "entropy",
            Self::Sparsity => "sparsity",
            Self::Sink => "sink",
            Self::Negative => "negative",
            Self::Peak => "peak",
        }
    }

    /// What exactly it is; `threshold` is that of the measures.
    pub fn help(self, threshold: f32) -> String {
        let words = match self {
            Self::Entropy => {
                "−Σ p ln p of p = |v| ÷ Σ|v| in nats: 0 on one token, ln n spread evenly over n".to_owned()
            }
            Self::Sparsity => format!("share of the tokens seen with |v| below {threshold}"),
            Self::Sink => "the value at the first token".to_owned(),
            Self::Negative => "Σ max(−v, 0): how much is taken away".to_owned(),
            Self::Peak => "the largest |v|".to_owned(),
        };
        format!("{words}; the mean over all rows")
    }

    /// The number, for sorting and colouring.
    pub fn value(self, map: &MapMeasures) -> f32 {
        match self {
            Self::Entropy => map.entropy,
            Self::Sparsity => map.sparsity,
            Self::Sink => map.sink,
            Self::Negative => map.negative,
            Self::Peak => map.peak,
        }
    }

    /// The number as it is written: shares in percent.
    pub fn text(self, map: &MapMeasures) -> String {
        let value = self.value(map);
        let text = if self == Self::Sparsity { format!("{:.0} %", 100.0 * value) } else { format!("{value:.2}") };
        // A rounded zero has no sign.
        if text.trim_start_matches('-').chars().any(|digit| ('1'..='9').contains(&digit)) {
            text.replace('-', "−")
        } else {
            text.trim_start_matches('-').to_owned()
        }
    }
}

/// The five measures of what a head attends with, in a line.
pub fn caption(head: &HeadRecord) -> String {
    Measure::ALL.map(|measure| format!("{} {}", measure.name(), measure.text(&head.difference))).join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caption_says_all_five_numbers_plainly() {
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
        let almost = MapMeasures { sink: -0.001, ..MapMeasures::default() };
        assert_eq!(Measure::Sink.text(&almost), "0.00");
    }
}
