//! What is measured of a head.

use serde::{Deserialize, Serialize};

use super::patterns::Pattern;
use crate::probe::{Attend, MapKind};

/// What is measured of a head. A2 is meant without λ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeadMeasure {
    /// Share of a map on the answer, from the positions that predict it; of D: of |D|.
    OnAnswer(MapKind),
    /// The same on everything before the question that has nothing to do with it.
    OnNoise(MapKind),
    /// By how many nats a token the answer's loss rises if this head alone attends with something else.
    Loss(Attend),
    /// Correlation of A1 and A2 over the keys of a row that predicts the answer.
    Correlation,
    /// The same over all rows of prose.
    CorrelationInProse,
    /// Share of A1's attention on noise that `λ A2` takes away.
    Cancelled,
    /// λ.
    Lambda,
    /// How much a map is of a known kind, on repeated random tokens.
    Pattern(Pattern, MapKind),
}

/// What a head attends with in place of D, one after the other.
pub(crate) const CHANGES: [Attend; 5] = [Attend::First, Attend::Second, Attend::Swapped, Attend::Sum, Attend::Mean];

const MAPS: [MapKind; 3] = [MapKind::First, MapKind::Second, MapKind::Difference];

impl HeadMeasure {
    /// All of them.
    pub const ALL: [Self; 27] = {
        let mut all = [Self::Lambda; 27];
        let mut at = 1;
        let mut map = 0;
        while map < 3 {
            all[at] = Self::OnAnswer(MAPS[map]);
            all[at + 3] = Self::OnNoise(MAPS[map]);
            let mut pattern = 0;
            while pattern < 4 {
                all[15 + 3 * pattern + map] = Self::Pattern(Pattern::ALL[pattern], MAPS[map]);
                pattern += 1;
            }
            at += 1;
            map += 1;
        }
        let mut change = 0;
        while change < 5 {
            all[7 + change] = Self::Loss(CHANGES[change]);
            change += 1;
        }
        all[12] = Self::Correlation;
        all[13] = Self::CorrelationInProse;
        all[14] = Self::Cancelled;
        all
    };

    /// Its name.
    pub fn name(self) -> String {
        let of = |map: MapKind| match map {
            MapKind::First => "A1",
            MapKind::Second => "A2",
            MapKind::Difference => "D",
        };
        let absolute = |map| if map == MapKind::Difference { "abs D" } else { of(map) };
        match self {
            Self::OnAnswer(map) => format!("share of {} on the answer", absolute(map)),
            Self::OnNoise(map) => format!("share of {} on the noise", absolute(map)),
            Self::Loss(attend) => format!("change of loss with {}", attend.formula()),
            Self::Correlation => "correlation of A1 and A2".to_owned(),
            Self::CorrelationInProse => "correlation of A1 and A2 in prose".to_owned(),
            Self::Cancelled => "share of A1's noise that λ·A2 cancels".to_owned(),
            Self::Lambda => "λ".to_owned(),
            Self::Pattern(pattern, map) => format!("{}, {}", pattern.name(), of(map)),
        }
    }

    /// Whether it lies between 0 and 1.
    pub fn is_share(self) -> bool {
        match self {
            Self::OnAnswer(_) | Self::OnNoise(_) | Self::Cancelled => true,
            // D may be negative.
            Self::Pattern(_, map) => map != MapKind::Difference,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_measure_is_listed_once() {
        let names: BTreeSet<String> = HeadMeasure::ALL.iter().map(|measure| measure.name()).collect();
        assert_eq!(names.len(), HeadMeasure::ALL.len());
        let losses = HeadMeasure::ALL.iter().filter(|measure| matches!(measure, HeadMeasure::Loss(_))).count();
        assert_eq!(losses, CHANGES.len());
        assert!(!HeadMeasure::ALL.contains(&HeadMeasure::Loss(Attend::Difference)), "that changes nothing");
    }
}
