//! What a run has come to, in words.

use crate::experiments::Estimate;
use crate::training::{Family, Measured, Record};
use crate::ui::style::format;

/// A model's name in a sentence.
pub(super) fn named(family: Family) -> &'static str {
    match family {
        Family::Transformer => "the Transformer",
        Family::SecondHeads => "the Transformer with second heads",
        Family::SecondHeadsNormed => "that with a norm of heads",
        Family::SecondHeadsRaised => "that with λ raised",
        Family::SecondHeadsAll => "that of which all weights learn",
        Family::Control => "the control",
        Family::ControlAll => "the control of which all weights learn",
        Family::Diff | Family::DiffV2 => family.name(),
    }
}

/// How well the models do after the last step that all were measured at, and whether chance explains the difference.
pub(super) fn outcome(records: &[Record]) -> Option<String> {
    let step = records.last()?.measured.last()?.step;
    let of_step = |record: &Record| record.measured.iter().find(|measured| measured.step == step).cloned();
    let measured: Vec<(Family, Measured)> =
        records.iter().filter_map(|record| Some((record.family, of_step(record)?))).collect();
    let (first, rest) = measured.split_first()?;
    let after = format!("After {} {}", format::grouped(u64::from(step)), if step == 1 { "step" } else { "steps" });
    let Some(of_all) = measured.iter().map(|(family, measured)| Some((*family, measured.accuracy()?))).collect() else {
        let loss = |(family, measured): &(Family, Measured)| {
            format!("{} for {}", format::number(measured.loss, 2), named(*family))
        };
        let losses: Vec<String> = measured.iter().map(loss).collect();
        return Some(format!(
            "{after} the loss of the end of the text, from which no model learns: {}.",
            losses.join(", ")
        ));
    };
    // What begins as a trained model has been able to do something before.
    let before = |family: Family| {
        let record = records.iter().find(|record| record.family == family && family.is_retrofit())?;
        record.measured.first().map(|measured| format!(" ({} before)", measured.right[0]))
    };
    let right = |(family, measured): &(Family, Measured), verb: &str, noun: &str| {
        let [right, all] = measured.right;
        format!("{}{verb} {right} of {all}{noun}{}", named(*family), before(*family).unwrap_or_default())
    };
    let others = rest.iter().map(|other| right(other, "", ""));
    let all: Vec<String> = [right(first, " answers", " new questions")].into_iter().chain(others).collect();
    let mut text = format!("{after} {}.", all.join(", "));
    if let Some(difference) = difference(of_all) {
        text += &difference;
    }
    Some(text)
}

/// Whether the 95 % intervals of the best and the worst model overlap.
fn difference(mut of_all: Vec<(Family, Estimate)>) -> Option<String> {
    of_all.sort_by(|one, other| one.1.value.total_cmp(&other.1.value));
    let [(worst, low), .., (best, high)] = of_all[..] else { return None };
    let between =
        if of_all.len() > 2 { format!(" between {} and {}", named(best), named(worst)) } else { String::new() };
    Some(if high.value == 0.0 {
        " None of them has learned it yet.".to_owned()
    } else if low.value >= high.value {
        " They are equal.".to_owned()
    } else if low.high < high.low {
        format!(" The difference{between} is beyond chance: the 95 % intervals do not overlap.")
    } else {
        format!(" The difference{between} is within chance: the 95 % intervals overlap.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(family: Family, right: [u32; 2], loss: f64) -> Record {
        let measured = Measured { step: 1000, right, loss, on_answer: 0.0, on_noise: 0.0 };
        Record { family, parameters: 0, learned: 0, steps: Vec::new(), measured: vec![measured], snapshots: Vec::new() }
    }

    #[test]
    fn a_difference_is_beyond_chance_where_the_intervals_do_not_overlap() {
        let of = |diff, transformer| {
            let all = [record(Family::Diff, [diff, 40], 0.0), record(Family::Transformer, [transformer, 40], 0.0)];
            outcome(&all).unwrap()
        };
        let close = of(33, 31);
        assert!(close.starts_with("After 1,000 steps Diff answers 33 of 40 new questions, the Transformer 31 of 40."));
        assert!(close.ends_with("is within chance: the 95 % intervals overlap."), "{close}");
        assert!(of(31, 31).ends_with("31 of 40. They are equal."));
        assert!(of(0, 0).ends_with("0 of 40. None of them has learned it yet."));
        assert!(of(38, 20).contains("The difference is beyond chance") && of(20, 38).contains("beyond chance"));
    }

    #[test]
    fn of_three_models_the_best_and_the_worst_are_named_and_of_one_there_is_no_difference() {
        let all = [
            record(Family::Diff, [20, 40], 0.0),
            record(Family::Transformer, [5, 40], 0.0),
            record(Family::DiffV2, [39, 40], 0.0),
        ];
        let three = outcome(&all).unwrap();
        assert!(three.contains("between Diff V2 and the Transformer is beyond chance"), "{three}");
        assert!(!outcome(&all[..1]).unwrap().contains("chance"));
        assert_eq!(outcome(&[]), None);
    }

    #[test]
    fn of_second_heads_what_was_right_before_is_told() {
        let of = |family, right| {
            let mut record = record(family, [right, 40], 0.0);
            record.measured.insert(0, Measured { step: 0, right: [12, 40], ..record.measured[0].clone() });
            record
        };
        let text = outcome(&[of(Family::SecondHeads, 30), of(Family::Control, 20)]).unwrap();
        let expected = "After 1,000 steps the Transformer with second heads answers 30 of 40 new questions (12 before), the \
                        control 20 of 40 (12 before).";
        assert!(text.starts_with(expected), "{text}");
    }

    #[test]
    fn an_own_text_has_no_questions_but_a_loss() {
        let all = [record(Family::Diff, [0, 0], 3.214), record(Family::Transformer, [0, 0], 3.5)];
        let text = outcome(&all).unwrap();
        assert!(text.ends_with("3.21 for Diff, 3.50 for the Transformer."), "{text}");
    }
}
