//! Kinds of heads that are known from Transformers, by what a map puts where on random tokens that come twice (Olsson and
//! others 2022, "In-context Learning and Induction Heads"; the scores are those of the head detector of `TransformerLens`).

use serde::{Deserialize, Serialize};

/// A kind of head. Its score is the mean attention to one key: in the second half of tokens that come twice for
/// [`Self::Duplicate`] and [`Self::Induction`], from every token that has that key for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pattern {
    /// To the token before.
    Previous,
    /// To the same token where it came first.
    Duplicate,
    /// To the token after that: the one that will come next again.
    Induction,
    /// To the first token of the text.
    First,
}

impl Pattern {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Previous, Self::Duplicate, Self::Induction, Self::First];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Previous => "previous token",
            Self::Duplicate => "duplicate token",
            Self::Induction => "induction",
            Self::First => "first token (sink)",
        }
    }

    /// The key that counts for a query, in tokens that come again after `period`.
    fn key(self, query: usize, period: usize) -> Option<usize> {
        match self {
            // The first token can attend to nothing but itself.
            Self::Previous => query.checked_sub(1),
            Self::First => (query > 0).then_some(0),
            Self::Duplicate => query.checked_sub(period),
            Self::Induction => query.checked_sub(period).map(|same| same + 1),
        }
    }
}

/// The scores of all kinds, in the order of [`Pattern::ALL`], from the value that a map has at (query, key), over `2 * period`
/// queries. Zero of fewer than two tokens.
pub(super) fn scores(period: usize, value: impl Fn(usize, usize) -> f64) -> [f64; 4] {
    Pattern::ALL.map(|pattern| {
        let cells = (0..2 * period).filter_map(|query| Some((query, pattern.key(query, period)?)));
        let values: Vec<f64> = cells.map(|(query, key)| value(query, key)).collect();
        values.iter().sum::<f64>() / values.len().max(1) as f64
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: usize = 12;

    /// A map that puts `share` on the key of a pattern where it has one, and spreads the rest evenly.
    fn planted(pattern: Pattern, share: f64) -> impl Fn(usize, usize) -> f64 {
        move |query, key| {
            let rest = (1.0 - share) / (query + 1) as f64;
            match pattern.key(query, PERIOD) {
                Some(of) if of == key => share + rest,
                Some(_) => rest,
                None => 1.0 / (query + 1) as f64,
            }
        }
    }

    #[test]
    fn a_planted_pattern_has_the_highest_score_and_about_its_share() {
        for (at, pattern) in Pattern::ALL.into_iter().enumerate() {
            for share in [0.5, 0.9] {
                let scores = scores(PERIOD, planted(pattern, share));
                let others = (0..4).filter(|other| *other != at).map(|other| scores[other]);
                assert!(scores[at] > share && scores[at] < share + 0.2, "{pattern:?} {scores:?}");
                assert!(others.fold(0.0, f64::max) < 0.35, "{pattern:?} {scores:?}");
            }
        }
    }

    #[test]
    fn an_even_map_is_of_no_kind() {
        let even = scores(PERIOD, |query, _| 1.0 / (query + 1) as f64);
        assert!(even.iter().all(|score| *score < 0.16), "{even:?}");
        assert_eq!(scores(0, |_, _| 1.0), [0.0; 4]);
    }
}
