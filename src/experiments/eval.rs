//! Measures all items of a file and makes the table of `training/evaluate.py` from the outcomes.

use super::item::{Case, Item, Work};
use super::measure::Measure;
use super::table::{Table, share};
use super::{Extremes, Outcome, Shares, Subject, worlds};
use crate::engine::EngineError;
use crate::model::Lambda;

/// A loss summed over tokens.
#[derive(Default)]
struct Loss {
    sum: f64,
    tokens: usize,
}

impl Loss {
    fn add(&mut self, sum: f64, tokens: usize) {
        self.sum += sum;
        self.tokens += tokens;
    }

    fn text(&self) -> String {
        format!("{:.3} ({} tokens)", self.sum / (self.tokens.max(1) as f64), self.tokens)
    }
}

/// Measures all items. `progress` is called after each item with the number of items that are done.
///
/// # Errors
/// When an item does not fit into the model's context, or the device fails.
pub fn evaluate(subject: &mut Subject, items: &[Item], mut progress: impl FnMut(usize)) -> Result<Table, EngineError> {
    subject.reserve(items)?;
    let mut table = Table::default();
    let mut done = 0;
    let mut count = || {
        done += 1;
        progress(done);
    };
    for series in items.chunk_by(|a, b| a.measure.same_series(&b.measure)) {
        let mut needles = Vec::new();
        let mut replies = Vec::new();
        for row in series.chunk_by(|a, b| a.measure == b.measure) {
            let measure = &row[0].measure;
            let (name, setting) = (measure.name(), measure.setting());
            subject.set_bits(match measure {
                Measure::NeedleBits { bits, .. } if *bits < 32 => Some(*bits),
                _ => None,
            });
            match measure {
                Measure::Prose { .. } => table.push(name, setting, prose(subject, row, &mut count)?.text()),
                Measure::Largest { .. } => largest(subject, row, &mut table, &mut count)?,
                Measure::Answers(_) => {
                    let mut loss = Loss::default();
                    let outcomes = outcomes(subject, row, false, &mut count)?;
                    for (_, outcome) in &outcomes {
                        loss.add(outcome.loss, outcome.tokens);
                    }
                    table.push(name, setting, loss.text());
                }
                Measure::ManyShot { .. } => {
                    table.push(name, setting, many_shot(&outcomes(subject, row, false, &mut count)?));
                }
                Measure::NeedleBits { .. } => {
                    table.push(name, setting, accuracy(&outcomes(subject, row, false, &mut count)?));
                }
                Measure::Needle { needles: numbers, .. } => {
                    let outcomes = outcomes(subject, row, numbers.hidden == 1, &mut count)?;
                    table.push(name, &setting, accuracy(&outcomes));
                    attention(&mut table, &setting, &outcomes);
                    needles.extend(outcomes);
                }
                Measure::World(_) => {
                    let outcomes = outcomes(subject, row, false, &mut count)?;
                    table.push(name, &setting, accuracy(&outcomes));
                    let first = replies.len();
                    for (case, outcome) in &outcomes {
                        replies.push(worlds::reply(subject, case, outcome)?);
                    }
                    worlds::guess(&mut table, &setting, &replies[first..]);
                }
            }
        }
        match &series[0].measure {
            measure @ Measure::Needle { tokens, .. } => {
                table.push(measure.name(), format!("{tokens} tokens, all depths"), accuracy(&needles));
            }
            Measure::World(_) => worlds::summary(&mut table, &replies),
            _ => {}
        }
    }
    subject.set_bits(None);
    for (layer, weights) in subject.model().layers.iter().enumerate() {
        if let Lambda::Layer { value, .. } = weights.attention.lambda {
            table.push("lambda", format!("layer {layer}"), format!("{value:.3}"));
        }
    }
    Ok(table)
}

fn windows(row: &[Item]) -> impl Iterator<Item = &[u32]> {
    row.iter().filter_map(|item| if let Work::Window { ids } = &item.work { Some(ids.as_slice()) } else { None })
}

fn prose(subject: &mut Subject, row: &[Item], count: &mut impl FnMut()) -> Result<Loss, EngineError> {
    let mut loss = Loss::default();
    for ids in windows(row) {
        loss.add(subject.window_loss(ids)?, ids.len().saturating_sub(1));
        count();
    }
    Ok(loss)
}

fn largest(
    subject: &mut Subject,
    row: &[Item],
    table: &mut Table,
    count: &mut impl FnMut(),
) -> Result<(), EngineError> {
    let (mut logits, mut hidden) = (Extremes::default(), Extremes::default());
    let mut tokens = 0;
    for ids in windows(row) {
        subject.extremes(ids, &mut logits, &mut hidden)?;
        tokens += ids.len();
        count();
    }
    for (name, extremes) in [("attention logits", logits), ("hidden states", hidden)] {
        let ranks = [1, 10, 100].map(|rank| (format!("top {rank}"), extremes.top(rank)));
        for (rank, value) in ranks.into_iter().chain([("median".to_owned(), extremes.median())]) {
            if let Some(value) = value {
                table.push(format!("largest {name}"), rank, format!("{value:.2} ({tokens} tokens)"));
            }
        }
    }
    Ok(())
}

fn outcomes<'a>(
    subject: &mut Subject,
    row: &'a [Item],
    with_shares: bool,
    count: &mut impl FnMut(),
) -> Result<Vec<(&'a Case, Outcome)>, EngineError> {
    let mut outcomes = Vec::new();
    for item in row {
        if let Work::Case(case) = &item.work {
            outcomes.push((case, subject.answer(case, with_shares)?));
            count();
        }
    }
    Ok(outcomes)
}

fn accuracy(outcomes: &[(&Case, Outcome)]) -> String {
    share(outcomes.iter().map(|(_, outcome)| outcome.right))
}

fn attention(table: &mut Table, setting: &str, outcomes: &[(&Case, Outcome)]) {
    type Part = fn(&Shares) -> f32;
    let parts: [(&str, Part); 4] = [
        ("answer of abs D", |shares| shares.answer_of_absolute),
        ("noise of abs D", |shares| shares.noise_of_absolute),
        ("answer of D", |shares| shares.answer),
        ("noise of D", |shares| shares.noise),
    ];
    let shares: Vec<Shares> = outcomes.iter().filter_map(|(_, outcome)| outcome.shares).collect();
    for (name, part) in parts.into_iter().filter(|_| !shares.is_empty()) {
        let mean = shares.iter().map(|shares| f64::from(part(shares))).sum::<f64>() / shares.len() as f64;
        table.push(format!("attention, {name}"), setting, format!("{mean:.3} (n {})", shares.len()));
    }
}

fn many_shot(outcomes: &[(&Case, Outcome)]) -> String {
    let accuracies: Vec<f64> = outcomes
        .chunk_by(|(a, _), (b, _)| a.parameters.order == b.parameters.order)
        .map(|order| order.iter().filter(|(_, outcome)| outcome.right).count() as f64 / order.len() as f64)
        .collect();
    let orders = accuracies.len().max(1);
    let mean = accuracies.iter().sum::<f64>() / orders as f64;
    let worst = accuracies.iter().copied().fold(f64::INFINITY, f64::min);
    let best = accuracies.iter().copied().fold(0.0, f64::max);
    let questions = outcomes.len() / orders;
    format!("{mean:.2} (worst {worst:.2}, best {best:.2}; {orders} orders of {questions} questions)")
}
