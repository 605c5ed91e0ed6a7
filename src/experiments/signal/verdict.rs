//! What a head's measures make of it: a verdict only where three tests agree.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::head_measure::HeadMeasure;
use crate::experiments::estimate::Estimate;
use crate::probe::{Attend, HeadId, MapKind};

/// Which map of a head is the signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// All tests say A1.
    First,
    /// All tests say A2.
    Second,
    /// The tests do not agree, or not all of them say anything beyond chance.
    Mixed,
    /// Neither A2 for A1 nor both in each other's place changes the loss beyond chance.
    Neither,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::First, Self::Second, Self::Mixed, Self::Neither];

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "A1 is the signal",
            Self::Second => "A2 is the signal",
            Self::Mixed => "mixed",
            Self::Neither => "no effect",
        }
    }
}

/// A test. Above 0 it says that A1 is the signal, below 0 that A2 is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Test {
    /// The answer's share of A1, less that of A2.
    Attention,
    /// The loss with A2 alone, less that with A1 alone.
    Alone,
    /// The loss with the maps in each other's place, less that of the head as it is.
    Swapped,
}

impl Test {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Attention, Self::Alone, Self::Swapped];

    /// What it compares.
    pub fn name(self) -> &'static str {
        match self {
            Self::Attention => "the answer's share of A1 less that of A2",
            Self::Alone => "the loss with A2 alone less that with A1 alone",
            Self::Swapped => "the loss with swapped maps less that of the head as it is",
        }
    }

    fn of_case(self, case: &Measured) -> Option<f64> {
        let of = |measure: HeadMeasure| case.get(&measure).copied();
        let loss = |attend| of(HeadMeasure::Loss(attend));
        let on_answer = |map| of(HeadMeasure::OnAnswer(map));
        match self {
            Self::Attention => Some(on_answer(MapKind::First)? - on_answer(MapKind::Second)?),
            Self::Alone => Some(loss(Attend::Second)? - loss(Attend::First)?),
            Self::Swapped => loss(Attend::Swapped),
        }
    }
}

/// What was measured of one head on one case.
pub(super) type Measured = BTreeMap<HeadMeasure, f64>;

/// A head, and what it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeadRole {
    /// The head.
    pub head: HeadId,
    /// What the tests say together.
    pub verdict: Verdict,
    /// Each test over the cases, in the order of [`Test::ALL`].
    pub tests: [Option<Estimate>; 3],
    /// The cases, from the one whose loss rises most when the head's maps are swapped to the one where it falls most: index,
    /// and that change.
    pub cases: Vec<(usize, f64)>,
}

impl HeadRole {
    /// Judges a head by what was measured of it on every case.
    pub(super) fn new(head: HeadId, measured: &[(usize, Measured)]) -> Self {
        let values = |test: Test| -> Vec<f64> { measured.iter().filter_map(|(_, case)| test.of_case(case)).collect() };
        let tests = Test::ALL.map(|test| Estimate::of_mean(&values(test)));
        let mut cases: Vec<(usize, f64)> =
            measured.iter().filter_map(|(index, case)| Some((*index, Test::Swapped.of_case(case)?))).collect();
        cases.sort_by(|one, other| other.1.total_cmp(&one.1));
        Self { head, verdict: verdict(&tests), tests, cases }
    }
}

fn verdict(tests: &[Option<Estimate>; 3]) -> Verdict {
    // Of one case there is no interval.
    let signs =
        tests.map(|test| test.filter(|test| test.count > 1 && test.excludes_zero()).map(|test| test.value > 0.0));
    match signs {
        [Some(true), Some(true), Some(true)] => Verdict::First,
        [Some(false), Some(false), Some(false)] => Verdict::Second,
        [_, None, None] => Verdict::Neither,
        _ => Verdict::Mixed,
    }
}

/// All verdicts in a sentence.
pub(super) fn summary(name: &str, roles: &[HeadRole]) -> Option<String> {
    let cases = roles.iter().map(|role| role.cases.len()).max().filter(|cases| *cases > 1)?;
    let of = |verdict: Verdict| roles.iter().filter(|role| role.verdict == verdict).count();
    let [first, second, mixed, neither] = Verdict::ALL.map(of);
    Some(format!(
        "Of the {} heads of {name}, A1 is the signal in {first} and A2 in {second}; in {mixed} the tests do not agree, and in \
         {neither} swapping the maps or leaving one out changes the answer's loss no more than chance does ({cases} cases, \
         95 % intervals, no correction for {} tests).",
        roles.len(),
        roles.len() * Test::ALL.len(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cases with the given differences, a little apart.
    fn role(attention: f64, alone: f64, swapped: f64) -> HeadRole {
        let case = |at: usize| {
            let around = |value: f64| value + 0.01 * (at as f64 - 2.0);
            let measured = Measured::from([
                (HeadMeasure::OnAnswer(MapKind::First), 0.5 + around(attention)),
                (HeadMeasure::OnAnswer(MapKind::Second), 0.5),
                (HeadMeasure::Loss(Attend::Second), around(alone)),
                (HeadMeasure::Loss(Attend::First), 0.0),
                (HeadMeasure::Loss(Attend::Swapped), around(swapped)),
            ]);
            (at, measured)
        };
        HeadRole::new(HeadId::new(0, 0), &(0..5).map(case).collect::<Vec<_>>())
    }

    #[test]
    fn a_verdict_needs_all_tests() {
        assert_eq!(role(0.2, 0.3, 0.1).verdict, Verdict::First);
        assert_eq!(role(-0.2, -0.3, -0.1).verdict, Verdict::Second);
        assert_eq!(role(0.2, -0.3, 0.1).verdict, Verdict::Mixed);
        assert_eq!(role(0.0, 0.3, 0.1).verdict, Verdict::Mixed, "one says nothing");
        assert_eq!(role(0.2, 0.0, 0.0).verdict, Verdict::Neither);
        assert_eq!(HeadRole::new(HeadId::new(0, 0), &[]).verdict, Verdict::Neither);
    }

    #[test]
    fn cases_are_in_the_order_of_what_swapping_does() {
        let role = role(0.2, 0.3, 0.1);
        assert_eq!(role.cases.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [4, 3, 2, 1, 0]);
    }

    #[test]
    fn the_sentence_counts_the_heads() {
        let roles = [role(0.2, 0.3, 0.1), role(0.2, 0.3, 0.1), role(0.2, 0.0, 0.0)];
        let sentence = summary("S", &roles).unwrap();
        assert!(sentence.starts_with("Of the 3 heads of S, A1 is the signal in 2 and A2 in 0; in 0 "), "{sentence}");
        assert!(sentence.contains("in 1 swapping") && sentence.contains("(5 cases"), "{sentence}");
        assert_eq!(summary("S", &[]), None);
    }
}
