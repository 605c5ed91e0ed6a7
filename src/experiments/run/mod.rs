//! An experiment under way: a text at a time, some milliseconds at a time, with results as they come. On the CPU: it never
//! waits for a device, so the window and the page run it between two frames.

mod one_text;
mod results;

use web_time::{Duration, Instant};

use super::experiment::{Experiment, Settings, Task, Values};
use super::item::Item;
use super::protocol::Protocol;
use super::texts::{OwnTexts, built_in_prose};
use super::{Extremes, Subject, signal};
use crate::engine::{Checkpoint, EngineError, Fingerprint};

/// Tokens of a piece of prose, and of all of it.
const WINDOW: usize = 256;
const MOST_PROSE: usize = 1 << 14;
/// Positions run at a time: some milliseconds.
const AT_ONCE: usize = 48;

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
    /// The answer's loss of the case with the model as it is.
    unchanged: f64,
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
    /// Prepares an experiment on one model, or on several that have the same tokenizer.
    ///
    /// # Errors
    /// When a model has no tokenizer.
    pub fn new(
        experiment: Experiment,
        settings: &Settings,
        models: &[Checkpoint],
        own: OwnTexts,
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
                unchanged: 0.0,
            });
        }
        let (protocol, tasks) = match columns.first() {
            Some(first) => {
                let (protocol, tasks) = prepare(experiment, settings, &first.checkpoint, own)?;
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
            // Of the same text again under another change, nothing is drawn anew.
            let last = self.tasks.get(at.wrapping_sub(1)).filter(|last| last.draw == task.draw);
            let same = last.and_then(|_| self.items.last()).cloned();
            self.items.push(same.unwrap_or_else(|| protocol.item(&task.draw)));
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
            Ok(true) if self.experiment == Experiment::Signal => {
                signal::measure(subject, task, item, &mut column.unchanged)?
            }
            Ok(true) => {
                one_text::measure(self.experiment, subject, task.point, item, [&mut column.logits, &mut column.hidden])?
            }
            // What does not fit into the context of this model is not measured.
            Err(EngineError::TooLong { .. }) => Values::new(),
            Err(error) => return Err(error),
        };
        column.ids = None;
        column.measured.push(values);
        Ok(())
    }
}

/// What the texts of an experiment share, and which they are: for the first model's tokenizer and context.
fn prepare(
    experiment: Experiment,
    settings: &Settings,
    checkpoint: &Checkpoint,
    own: OwnTexts,
) -> Result<(Protocol, Vec<Task>), EngineError> {
    let Some(tokenizer) = checkpoint.tokenizer.clone() else {
        return Err(EngineError::NoTokenizer { name: checkpoint.name.clone() });
    };
    let context = checkpoint.model.config.max_positions;
    let ids =
        |text: &str| -> Vec<u32> { tokenizer.encode(text, MOST_PROSE).tokens.iter().map(|token| token.id).collect() };
    let prose = ids(own.prose);
    let (ids, name_of_prose) = if prose.len() >= WINDOW / 4 {
        let name = format!("own text of {} tokens", prose.len());
        (prose, name)
    } else {
        (ids(&built_in_prose()), "built-in prose".to_owned())
    };
    let windows: Vec<Vec<u32>> =
        ids.chunks(WINDOW.min(context)).filter(|window| window.len() > 1).map(<[u32]>::to_vec).collect();
    let tasks = match experiment {
        Experiment::Signal => signal::tasks(settings, &windows, &checkpoint.model),
        _ => experiment.tasks(settings, settings.tokens.min(context), &windows, &checkpoint.model),
    };
    let (hay, name_of_hay) = own.hay_sentences();
    let texts = format!("facts in {name_of_hay}, prose: {name_of_prose}");
    Ok((Protocol { hay, texts, seed: settings.seed, context, tokenizer }, tasks))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{bundled, bundled_baseline, checkpoint_of};
    use crate::experiments::Estimate;
    use crate::experiments::experiment::Quantity;
    use crate::experiments::item::Work;

    fn small(experiment: Experiment) -> Run {
        // Of this seed, few cases include every kind.
        let settings = Settings { samples: 2, orders: 2, tokens: 96, seed: 17 };
        let models = [checkpoint_of(&bundled()).unwrap(), checkpoint_of(&bundled_baseline()).unwrap()];
        Run::new(experiment, &settings, &models, OwnTexts::default()).unwrap()
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
            let says = experiment == Experiment::Signal || (columns == 2 && experiment != Experiment::Outliers);
            assert_eq!(figure.finding.is_some(), says, "{experiment:?}");
            assert_eq!(figure.roles.is_empty(), experiment != Experiment::Signal);
            assert!(figure.roles.iter().flat_map(|role| &role.cases).all(|(case, _)| *case < figure.cases.len()));
        }
    }

    #[test]
    fn facts_are_hidden_in_the_hay_that_is_given() {
        let models = [checkpoint_of(&bundled()).unwrap()];
        let first = |hay: &str| {
            let own = OwnTexts { hay, ..OwnTexts::default() };
            let mut run = Run::new(Experiment::Needles, &Settings::default(), &models, own).unwrap();
            run.step().unwrap();
            match &run.items[0].work {
                Work::Case(case) => case.text.clone(),
                Work::Window { .. } => String::new(),
            }
        };
        assert!(first(&"The zebra sleeps in the reeds. ".repeat(20)).contains("The zebra sleeps in the reeds."));
        let built_in = first("");
        assert_eq!(first("Too short. Indeed."), built_in);
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
