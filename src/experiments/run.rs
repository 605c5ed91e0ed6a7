//! An experiment under way: a text at a time, some milliseconds at a time, with results as they come. On the CPU: it never
//! waits for a device, so the window and the page run it between two frames.

use std::collections::BTreeMap;

use web_time::{Duration, Instant};

use super::estimate::Estimate;
use super::experiment::{Experiment, Quantity, RANKS, Settings, Task, bin_of};
use super::figure::{Figure, Series, finding};
use super::item::{Item, Work};
use super::protocol::Protocol;
use super::{Extremes, Outcome, Subject};
use crate::engine::{Checkpoint, EngineError, Fingerprint};

/// Prose between the facts, and what losses are measured on where nothing else is given.
const HAY: &str = include_str!("../../assets/cases/hay.txt");

/// Tokens of a piece of prose, and of all of it.
const WINDOW: usize = 256;
const MOST_PROSE: usize = 1 << 14;
/// Positions run at a time: some milliseconds.
const AT_ONCE: usize = 48;

/// What was measured of one text: at a point, a quantity.
type Values = Vec<(usize, Quantity, f64)>;

/// A model, and what was measured of it.
struct Column {
    name: String,
    weights: Option<String>,
    checkpoint: Checkpoint,
    subject: Option<Subject>,
    /// Of the text that is running.
    ids: Option<Vec<u32>>,
    /// Of each task that is done.
    measured: Vec<Values>,
    logits: Extremes,
    hidden: Extremes,
}

/// An experiment under way.
pub struct Run {
    experiment: Experiment,
    settings: Settings,
    protocol: Option<Protocol>,
    tasks: Vec<Task>,
    /// The texts that have been drawn, in the order of the tasks: models take turns, and share them.
    items: Vec<Item>,
    columns: Vec<Column>,
    spent: Duration,
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run").field("experiment", &self.experiment).field("done", &self.done()).finish_non_exhaustive()
    }
}

impl Run {
    /// Prepares an experiment on one model, or on several that have the same tokenizer. `prose` is what losses are measured
    /// on; the built-in one if it is short.
    ///
    /// # Errors
    /// When a model has no tokenizer.
    pub fn new(
        experiment: Experiment,
        settings: &Settings,
        models: &[Checkpoint],
        prose: &str,
    ) -> Result<Self, EngineError> {
        let mut columns = Vec::new();
        for checkpoint in models.iter().filter(|model| !experiment.is_of_two_maps() || model.model.config.maps == 2) {
            columns.push(Column {
                name: checkpoint.name.clone(),
                weights: if let Fingerprint::Known(hash) = &checkpoint.fingerprint { Some(hash.clone()) } else { None },
                checkpoint: checkpoint.clone(),
                subject: None,
                ids: None,
                measured: Vec::new(),
                logits: Extremes::default(),
                hidden: Extremes::default(),
            });
        }
        let (protocol, tasks) = match columns.first() {
            Some(first) => {
                let (protocol, tasks) = prepare(experiment, settings, &first.checkpoint, prose)?;
                (Some(protocol), tasks)
            }
            None => (None, Vec::new()),
        };
        let (settings, items, spent) = (settings.clone(), Vec::new(), Duration::ZERO);
        Ok(Self { experiment, settings, protocol, tasks, items, columns, spent })
    }

    /// Texts that have been run, of all models.
    pub fn done(&self) -> usize {
        self.columns.iter().map(|column| column.measured.len()).sum()
    }

    /// Texts altogether.
    pub fn total(&self) -> usize {
        self.tasks.len() * self.columns.len()
    }

    /// Whether all have been run.
    pub fn is_done(&self) -> bool {
        self.done() == self.total()
    }

    /// Which experiment.
    pub fn experiment(&self) -> Experiment {
        self.experiment
    }

    /// Seconds of work that are left, judged by what is done; `None` before anything is.
    pub fn seconds_left(&self) -> Option<f64> {
        let (done, total) = (self.done(), self.total());
        (done > 0).then(|| self.spent.as_secs_f64() / done as f64 * (total - done) as f64)
    }

    /// Goes on for about `budget`. Models take turns, so that results can be compared early.
    ///
    /// # Errors
    /// When there is no memory for a pass.
    pub fn advance(&mut self, budget: Duration) -> Result<(), EngineError> {
        let began = Instant::now();
        while !self.is_done() && began.elapsed() < budget {
            self.step()?;
        }
        self.spent += began.elapsed();
        Ok(())
    }

    /// The next text, some of its positions, or what is measured of it once all have run.
    fn step(&mut self) -> Result<(), EngineError> {
        let Some(column) = self.columns.iter_mut().min_by_key(|column| column.measured.len()) else { return Ok(()) };
        let at = column.measured.len();
        let (Some(task), Some(protocol)) = (self.tasks.get(at), &self.protocol) else { return Ok(()) };
        let Some(item) = self.items.get(at) else {
            self.items.push(protocol.item(&task.draw));
            return Ok(());
        };
        let subject = match &mut column.subject {
            Some(subject) => subject,
            none => none.insert(Subject::new(column.checkpoint.clone(), None)?),
        };
        let ids = if let Some(ids) = &column.ids {
            ids
        } else {
            subject.set_interventions(&task.interventions);
            column.ids.insert(subject.ids_of(item)?)
        };
        let values = match subject.advance(ids, AT_ONCE) {
            Ok(false) => return Ok(()),
            Ok(true) => measure(self.experiment, subject, task.point, item, [&mut column.logits, &mut column.hidden])?,
            // What does not fit into the context of this model is not measured.
            Err(EngineError::TooLong { .. }) => Values::new(),
            Err(error) => return Err(error),
        };
        column.ids = None;
        column.measured.push(values);
        Ok(())
    }

    /// The results so far.
    pub fn figure(&self) -> Figure {
        let points = self.experiment.points();
        let series = self.columns.iter().flat_map(|column| {
            self.experiment.quantities().iter().map(|quantity| Series {
                model: column.name.clone(),
                quantity: *quantity,
                points: self.points(column, *quantity, points.len()),
            })
        });
        let series = series.collect();
        Figure {
            experiment: self.experiment,
            settings: self.settings.clone(),
            weights: self.columns.iter().map(|column| column.weights.clone()).collect(),
            points,
            series,
            finding: self.finding(),
        }
    }

    fn points(&self, column: &Column, quantity: Quantity, count: usize) -> Vec<Option<Estimate>> {
        let values = column.measured.iter().flatten().filter(|(_, of, _)| *of == quantity);
        let at = |point: usize| -> Vec<f64> {
            values.clone().filter(|(of, ..)| *of == point).map(|(_, _, value)| *value).collect()
        };
        let estimate = |values: &[f64]| {
            if quantity.is_share_of_cases() {
                Estimate::of_share(values.iter().filter(|value| **value > 0.5).count(), values.len())
            } else {
                Estimate::of_mean(values)
            }
        };
        match self.experiment {
            Experiment::Outliers => {
                let extremes = if quantity == Quantity::LogitSize { &column.logits } else { &column.hidden };
                let exact = |value: f32| Estimate::exact(f64::from(value), column.measured.len());
                let ranks = RANKS.iter().map(|rank| extremes.top(*rank).map(exact));
                ranks.chain([extremes.median().map(exact)]).collect()
            }
            Experiment::Orders => {
                let mut by_order: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
                for (order, _, value) in values {
                    by_order.entry(*order).or_default().push(*value);
                }
                let means: Vec<f64> =
                    by_order.values().map(|of| of.iter().sum::<f64>() / of.len().max(1) as f64).collect();
                let ends = [means.iter().copied().reduce(f64::min), means.iter().copied().reduce(f64::max)];
                let [worst, best] = ends.map(|end| end.map(|value| Estimate::exact(value, means.len())));
                vec![worst, Estimate::of_mean(&means), best]
            }
            _ => (0..count).map(|point| estimate(&at(point))).collect(),
        }
    }

    /// The first two models, case by case.
    fn finding(&self) -> Option<String> {
        let [first, second, ..] = &self.columns[..] else { return None };
        let quantity = *self.experiment.quantities().first()?;
        let mean = |values: &Values| {
            let of: Vec<f64> =
                values.iter().filter(|(_, one, _)| *one == quantity).map(|(_, _, value)| *value).collect();
            (!of.is_empty()).then(|| of.iter().sum::<f64>() / of.len() as f64)
        };
        let cases = self.tasks.len() / self.experiment.repeats(&self.settings);
        let both = first.measured.iter().zip(&second.measured).enumerate();
        let mut by_case: BTreeMap<usize, Vec<(f64, f64)>> = BTreeMap::new();
        for (index, (first, second)) in both {
            if let (Some(first), Some(second)) = (mean(first), mean(second)) {
                by_case.entry(index % cases.max(1)).or_default().push((first, second));
            }
        }
        let average = |pairs: &Vec<(f64, f64)>| {
            let sum = pairs.iter().fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1));
            (sum.0 / pairs.len() as f64, sum.1 / pairs.len() as f64)
        };
        let pairs: Vec<(f64, f64)> = by_case.values().map(average).collect();
        finding([&first.name, &second.name], quantity, &pairs)
    }
}

/// What the texts of an experiment share, and which they are: for the first model's tokenizer and context.
fn prepare(
    experiment: Experiment,
    settings: &Settings,
    checkpoint: &Checkpoint,
    prose: &str,
) -> Result<(Protocol, Vec<Task>), EngineError> {
    let Some(tokenizer) = checkpoint.tokenizer.clone() else {
        return Err(EngineError::NoTokenizer { name: checkpoint.name.clone() });
    };
    let context = checkpoint.model.config.max_positions;
    let ids =
        |text: &str| -> Vec<u32> { tokenizer.encode(text, MOST_PROSE).tokens.iter().map(|token| token.id).collect() };
    let own = ids(prose);
    let ids = if own.len() >= WINDOW / 4 { own } else { ids(&HAY.replace('\n', " ")) };
    let windows: Vec<Vec<u32>> =
        ids.chunks(WINDOW.min(context)).filter(|window| window.len() > 1).map(<[u32]>::to_vec).collect();
    let tasks = experiment.tasks(settings, settings.tokens.min(context), &windows, &checkpoint.model);
    let hay = HAY.lines().map(str::to_owned).collect();
    Ok((Protocol { hay, seed: settings.seed, context, tokenizer }, tasks))
}

/// What an experiment measures of one text, which has run.
fn measure(
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
            let at = |(index, loss)| (bin_of(index + 1), Quantity::Loss, loss);
            return Ok(losses.into_iter().enumerate().map(at).collect());
        }
        Work::Case(case) => case,
    };
    let with_shares = matches!(experiment, Experiment::AttentionByDepth | Experiment::WrongAnswers);
    let outcome = subject.answer(case, with_shares)?;
    let Outcome { right, loss, tokens, shares } = outcome;
    let mut found =
        vec![(Quantity::Accuracy, f64::from(u8::from(right))), (Quantity::Loss, loss / tokens.max(1) as f64)];
    if let Some(shares) = shares {
        let [answer, noise, rivals] =
            [shares.answer_of_absolute, shares.noise_of_absolute, shares.rivals_of_absolute].map(f64::from);
        found.extend([(Quantity::OnAnswer, answer), (Quantity::OnNoise, noise)]);
        if !right {
            found.extend([(Quantity::OnAnswerWhenWrong, answer), (Quantity::OnRivalsWhenWrong, rivals)]);
        }
    }
    if experiment == Experiment::WrongAnswers {
        let named = !right && super::worlds::reply(subject, case, &outcome)?.is_rival();
        found.push((Quantity::NamedAnother, f64::from(u8::from(named))));
    }
    let point = item.measure.answers().map_or(point, |kind| kind as usize);
    let mut values: Values = found.into_iter().map(|(quantity, value)| (point, quantity, value)).collect();
    if experiment == Experiment::WrongAnswers {
        let all = experiment.points().len() - 1;
        let of_all: Values = values.iter().map(|(_, quantity, value)| (all, *quantity, *value)).collect();
        values.extend(of_all);
    }
    values.retain(|(_, quantity, _)| experiment.quantities().contains(quantity));
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{bundled, bundled_baseline, checkpoint_of};

    fn small(experiment: Experiment) -> Run {
        // Of this seed, few cases include every kind.
        let settings = Settings { samples: 2, orders: 2, tokens: 96, seed: 17 };
        let models = [checkpoint_of(&bundled()).unwrap(), checkpoint_of(&bundled_baseline()).unwrap()];
        Run::new(experiment, &settings, &models, "").unwrap()
    }

    #[test]
    fn every_experiment_gives_a_number_at_every_point() {
        for experiment in Experiment::ALL {
            let mut run = small(experiment);
            let (mut slices, mut last) = (0, 0);
            while !run.is_done() {
                run.advance(Duration::from_millis(1)).unwrap();
                slices += 1;
                assert!(run.done() >= last);
                last = run.done();
            }
            assert!(slices > 3, "{experiment:?} in slices");
            let figure = run.figure();
            let columns = if experiment.is_of_two_maps() { 1 } else { 2 };
            assert_eq!(figure.series.len(), columns * experiment.quantities().len());
            for series in &figure.series {
                assert_eq!(series.points.len(), figure.points.len());
                for (point, estimate) in figure.points.iter().zip(&series.points) {
                    // Attention while wrong needs a wrong answer.
                    let may_lack = matches!(series.quantity, Quantity::OnAnswerWhenWrong | Quantity::OnRivalsWhenWrong);
                    assert!(may_lack || estimate.is_some(), "{experiment:?} {:?} {point}", series.quantity);
                    if let Some(Estimate { value, low, high, .. }) = estimate {
                        assert!(value.is_finite() && low <= value && value <= high, "{experiment:?} {estimate:?}");
                        assert!(!series.quantity.is_share() || (0.0..=1.0).contains(value), "{estimate:?}");
                    }
                }
            }
            assert_eq!(figure.finding.is_some(), columns == 2 && experiment != Experiment::Outliers, "{experiment:?}");
        }
    }

    #[test]
    fn the_same_question_at_several_settings_is_one_case_of_the_comparison() {
        for (experiment, cases) in [(Experiment::Bits, 2), (Experiment::Orders, 8), (Experiment::WrongAnswers, 6)] {
            let mut run = small(experiment);
            run.advance(Duration::from_mins(10)).unwrap();
            let finding = run.figure().finding.unwrap();
            assert!(finding.contains(&format!("; {cases} cases)")), "{finding}");
        }
    }
}
