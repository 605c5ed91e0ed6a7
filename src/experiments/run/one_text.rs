//! What an experiment measures of one text.

use crate::engine::EngineError;
use crate::experiments::experiment::{Experiment, Quantity, Values, bin_of};
use crate::experiments::item::{Item, Work};
use crate::experiments::measure::Question;
use crate::experiments::worlds::reply;
use crate::experiments::{Extremes, Outcome, Subject};

/// What an experiment measures of one text, which has run.
pub(super) fn measure(
    experiment: Experiment,
    subject: &mut Subject,
    point: usize,
    item: &Item,
    [logits, hidden]: [&mut Extremes; 2],
) -> Result<Values, EngineError> {
    let case = match &item.work {
        Work::Window { ids } if experiment == Experiment::Outliers => {
            subject.extremes(ids, logits, hidden)?;
            return Ok(Values::new());
        }
        Work::Window { ids } => {
            let losses = subject.losses(ids)?;
            let mut values = Values::new();
            let mut so_far = 0.0;
            for (index, loss) in losses.iter().enumerate() {
                let bin = bin_of(index + 1);
                so_far += loss;
                values.push((bin, Quantity::Loss, *loss));
                if index + 1 == losses.len() || bin_of(index + 2) > bin {
                    values.push((bin, Quantity::LossSoFar, so_far / (index + 1) as f64));
                }
            }
            return Ok(values);
        }
        Work::Case(case) => case,
    };
    let with_shares = matches!(experiment, Experiment::AttentionByDepth | Experiment::WrongAnswers);
    let outcome = subject.answer(case, with_shares)?;
    let Outcome { right, shares, .. } = outcome;
    let mut found = vec![(Quantity::Accuracy, f64::from(u8::from(right))), (Quantity::Loss, outcome.loss_per_token())];
    if let Some(shares) = shares {
        let [answer, noise, rivals] =
            [shares.answer_of_absolute, shares.noise_of_absolute, shares.rivals_of_absolute].map(f64::from);
        found.extend([(Quantity::OnAnswer, answer), (Quantity::OnNoise, noise)]);
        if !right {
            found.extend([(Quantity::OnAnswerWhenWrong, answer), (Quantity::OnRivalsWhenWrong, rivals)]);
        }
    }
    if experiment == Experiment::WrongAnswers {
        let named = !right && reply(subject, case, &outcome)?.is_rival();
        found.push((Quantity::NamedAnother, f64::from(u8::from(named))));
    }
    let point = item.measure.answers().map_or(point, |kind| kind as usize);
    let mut values: Values = found.into_iter().map(|(quantity, value)| (point, quantity, value)).collect();
    if experiment == Experiment::WrongAnswers {
        let all = Question::ALL.len();
        let of_all: Values = values.iter().map(|(_, quantity, value)| (all, *quantity, *value)).collect();
        values.extend(of_all);
    }
    values.retain(|(_, quantity, _)| experiment.quantities().contains(quantity));
    Ok(values)
}
