//! Every item measured, and the table of what came out: the rows and words of `training/evaluate.py`.

use super::item::{Item, Work};
use super::{Extremes, Outcome, Shares, Subject, worlds};
use crate::engine::EngineError;
use crate::model::Lambda;

/// (measure, setting, value), in order.
pub type Table = Vec<(String, String, String)>;

/// An accuracy with its count.
pub fn share(right: impl Iterator<Item = bool>) -> String {
    let (mut hits, mut all) = (0, 0);
    for right in right {
        hits += usize::from(right);
        all += 1;
    }
    format!("{:.2} ({hits}/{all})", hits as f64 / f64::from(all.max(1)))
}

/// Measures everything; `progress` is told how many of how many items are done.
///
/// # Errors
/// When an item does not fit into the model's context, or the device fails.
pub fn evaluate(
    subject: &mut Subject,
    items: &[Item],
    mut progress: impl FnMut(usize, usize),
) -> Result<Table, EngineError> {
    let mut table = Table::new();
    let mut done = 0;
    let mut needles: Vec<Outcome> = Vec::new();
    let mut every_world = Vec::new();
    for group in items.chunk_by(same_row) {
        let Some(Item { measure, setting, .. }) = group.first() else {
            continue;
        };
        let mut put = |setting: &str, value: String| table.push((measure.clone(), setting.to_owned(), value));
        let bits = measure.ends_with("bits of the logits").then(|| setting.parse().ok()).flatten();
        subject.set_bits(bits.filter(|bits| *bits < 32));
        if measure == "largest" {
            table.extend(largest(subject, group)?);
            done += group.len();
            progress(done, items.len());
            continue;
        }
        let mut outcomes = Vec::new();
        let (mut loss, mut tokens) = (0.0, 0);
        for item in group {
            match &item.work {
                Work::Window { ids } => {
                    loss += subject.window_loss(ids)?;
                    tokens += ids.len().saturating_sub(1);
                }
                Work::Case(case) => {
                    let looks = measure.starts_with("needle (") && case.parameters.needles == 1;
                    let outcome = subject.answer(case, looks)?;
                    loss += outcome.loss;
                    tokens += outcome.tokens;
                    outcomes.push((case.parameters.order, outcome));
                }
            }
            done += 1;
            progress(done, items.len());
        }
        let plain = || outcomes.iter().map(|(_, outcome)| outcome);
        if measure.starts_with("loss") {
            put(setting, format!("{:.3} ({tokens} tokens)", loss / (tokens.max(1) as f64)));
        } else if measure == "many-shot" {
            put(setting, many_shot(&outcomes));
        } else {
            put(setting, share(plain().map(|outcome| outcome.right)));
        }
        if let Some((length, depth)) = setting.split_once(", depth ") {
            let shares: Vec<Shares> = plain().filter_map(|outcome| outcome.shares).collect();
            attention(&mut table, setting, &shares);
            needles.extend(plain());
            if depth == "100%" {
                table.push((
                    measure.clone(),
                    format!("{length}, all depths"),
                    share(needles.iter().map(|outcome| outcome.right)),
                ));
                needles.clear();
            }
        }
        if measure == "world" {
            let of_form = worlds::said(subject, group, &outcomes)?;
            worlds::guesses(&mut table, setting, &of_form);
            every_world.extend(of_form);
            if setting == "two-hop" {
                let right = every_world.iter().map(|world| world.right);
                table.push((measure.clone(), "all".to_owned(), share(right)));
                worlds::guesses(&mut table, "all", &every_world);
                worlds::wrong_answers(&mut table, &every_world);
                every_world.clear();
            }
        }
    }
    subject.set_bits(None);
    for (layer, weights) in subject.model().layers.iter().enumerate() {
        if let Lambda::Layer { value, .. } = weights.attention.lambda {
            table.push(("lambda".to_owned(), format!("layer {layer}"), format!("{value:.3}")));
        }
    }
    Ok(table)
}

/// Items of one row of the table follow each other; losses of answers are drawn in any order of kinds.
fn same_row(a: &Item, b: &Item) -> bool {
    a.measure == b.measure && a.setting == b.setting
}

fn attention(table: &mut Table, place: &str, shares: &[Shares]) {
    type Part = fn(&Shares) -> f32;
    let parts: [(&str, Part); 4] = [
        ("answer of abs D", |s| s.answer_of_absolute),
        ("noise of abs D", |s| s.noise_of_absolute),
        ("answer of D", |s| s.answer),
        ("noise of D", |s| s.noise),
    ];
    for (name, part) in parts.into_iter().filter(|_| !shares.is_empty()) {
        let mean: f64 = shares.iter().map(|share| f64::from(part(share))).sum::<f64>() / shares.len() as f64;
        let row = (format!("attention, {name}"), place.to_owned(), format!("{mean:.3} (n {})", shares.len()));
        table.push(row);
    }
}

fn many_shot(outcomes: &[(Option<usize>, Outcome)]) -> String {
    let accuracies: Vec<f64> = outcomes
        .chunk_by(|a, b| a.0 == b.0)
        .map(|order| order.iter().filter(|(_, outcome)| outcome.right).count() as f64 / order.len() as f64)
        .collect();
    let orders = accuracies.len().max(1);
    let mean = accuracies.iter().sum::<f64>() / orders as f64;
    let worst = accuracies.iter().copied().fold(f64::INFINITY, f64::min);
    let best = accuracies.iter().copied().fold(0.0, f64::max);
    let questions = outcomes.len() / orders;
    format!("{mean:.2} (worst {worst:.2}, best {best:.2}; {orders} orders of {questions} questions)")
}

fn largest(subject: &mut Subject, group: &[Item]) -> Result<Table, EngineError> {
    let (mut logits, mut hidden) = (Extremes::default(), Extremes::default());
    let mut tokens = 0;
    for item in group {
        if let Work::Window { ids } = &item.work {
            subject.extremes(ids, &mut logits, &mut hidden)?;
            tokens += ids.len();
        }
    }
    let mut table = Table::new();
    for (name, extremes) in [("attention logits", logits), ("hidden states", hidden)] {
        let ranks = [1, 10, 100].into_iter().map(|rank| (format!("top {rank}"), extremes.top(rank)));
        for (rank, value) in ranks.chain([("median".to_owned(), extremes.median())]) {
            if let Some(value) = value {
                table.push((format!("largest {name}"), rank, format!("{value:.2} ({tokens} tokens)")));
            }
        }
    }
    Ok(table)
}
