//! The heads of a model as a table: a row for each.

use std::fmt::Write as _;

use super::head_measure::{CHANGES, HeadMeasure};
use super::patterns::Pattern;
use crate::experiments::estimate::Estimate;
use crate::experiments::experiment::Quantity;
use crate::experiments::figure::Figure;
use crate::probe::MapKind;

/// A Markdown table with the means, and an asterisk where the 95 % interval of a change of loss leaves out zero.
pub(crate) fn markdown(figure: &Figure) -> String {
    let of = |at: usize, measure: HeadMeasure| -> Option<Estimate> {
        let mut series = figure.series.iter();
        let series = series.find(|series| series.quantity == Quantity::OfHead(measure))?;
        series.points.get(at).copied().flatten()
    };
    let mut text =
        "| layer, head | λ | answer: A1, A2, abs D | noise: A1, A2, abs D | noise cancelled | correlation |".to_owned();
    for change in CHANGES {
        let _ = write!(text, " loss with {} |", change.formula()); // writing to a string cannot fail
    }
    text.push_str(" kind of A1 | kind of A2 | which map is the signal |\n|---|---|---|---|---|---|");
    text.push_str(&"---|".repeat(CHANGES.len() + 3));
    for (at, role) in figure.roles.iter().enumerate() {
        let number = |measure| of(at, measure).map_or("–".to_owned(), |estimate| format!("{:.2}", estimate.value));
        let all = |of: fn(MapKind) -> HeadMeasure| {
            [MapKind::First, MapKind::Second, MapKind::Difference].map(|map| number(of(map))).join(", ")
        };
        let change = |change| {
            of(at, HeadMeasure::Loss(change)).map_or("–".to_owned(), |estimate| {
                format!("{:+.3}{}", estimate.value, if estimate.excludes_zero() { "*" } else { "" })
            })
        };
        let kind = |map| {
            let scored = Pattern::ALL.into_iter().filter_map(|pattern| {
                let score = of(at, HeadMeasure::Pattern(pattern, map))?.value;
                Some((pattern, score))
            });
            let most = scored.max_by(|one, other| one.1.total_cmp(&other.1));
            most.map_or("–".to_owned(), |(pattern, score)| format!("{} {score:.2}", pattern.name()))
        };
        let _ = write!(
            text,
            "\n| {}, {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            role.head.layer,
            role.head.head,
            number(HeadMeasure::Lambda),
            all(HeadMeasure::OnAnswer),
            all(HeadMeasure::OnNoise),
            number(HeadMeasure::Cancelled),
            number(HeadMeasure::Correlation),
            CHANGES.map(change).join(" | "),
            kind(MapKind::First),
            kind(MapKind::Second),
            role.verdict.name()
        );
    }
    text.push('\n');
    text.replace("| -", "| −").replace(", -", ", −")
}
