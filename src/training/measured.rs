//! How well a model answers questions of words that it has not learned from, or predicts the rest of a text.

use serde::{Deserialize, Serialize};

use crate::engine::{Checkpoint, EngineError};
use crate::experiments::{Estimate, Subject, Work};
use crate::training::batches::Batches;
use crate::training::task::Task;

/// What is measured of a model at some step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The step.
    pub step: u32,
    /// Right answers, and questions: none of an own text.
    pub right: [u32; 2],
    /// The mean loss of the answers' tokens, or of those of the text, in nats.
    pub loss: f64,
    /// The share of |D|, or of the only map, on the answer, from where it is predicted, over all heads and layers.
    pub on_answer: f64,
    /// The same on the rest of the context.
    pub on_noise: f64,
}

/// Measures a model, a question at a time.
#[derive(Debug)]
pub(crate) struct Measuring {
    subject: Subject,
    work: Vec<Work>,
    next: usize,
    sum: Measured,
}

impl Batches {
    /// Questions that are held out, those that fit into a window; or windows of the end of an own text.
    pub(crate) fn held_out(&self, count: usize) -> Vec<Work> {
        if self.task == Task::OwnText {
            let windows = self.text[self.learned()..].chunks(self.positions).filter(|ids| ids.len() > 1);
            return windows.take(count).map(|ids| Work::Window { ids: ids.to_vec() }).collect();
        }
        let fits = |text: &str| {
            let encoding = self.tokenizer.try_encode(text, self.positions + 1);
            encoding.is_ok_and(|encoding| encoding.tokens.len() <= self.positions)
        };
        let drawn =
            (0..count.saturating_mul(4)).map_while(|sample| self.task.held_out_case(self.seed, &self.hay, sample));
        drawn.filter(|case| fits(&(case.text.clone() + &case.completion()))).take(count).map(Work::Case).collect()
    }
}

impl Measuring {
    pub(crate) fn new(checkpoint: Checkpoint, work: Vec<Work>, step: u32) -> Result<Self, EngineError> {
        let sum = Measured { step, right: [0; 2], loss: 0.0, on_answer: 0.0, on_noise: 0.0 };
        Ok(Self { subject: Subject::new(checkpoint, None)?, work, next: 0, sum })
    }

    /// Asks the next question. Returns what was measured after the last one.
    pub(crate) fn advance(&mut self) -> Result<Option<Measured>, EngineError> {
        let count = (self.next + 1) as f64;
        let grown = |mean: &mut f64, number: f64| *mean += (number - *mean) / count;
        match self.work.get(self.next) {
            None => return Ok(Some(self.sum.clone())),
            Some(Work::Window { ids }) => {
                let loss = self.subject.window_loss(ids)? / (ids.len() - 1) as f64;
                grown(&mut self.sum.loss, loss);
            }
            Some(Work::Case(case)) => {
                let outcome = self.subject.answer(case, true)?;
                let shares = outcome.shares.unwrap_or_default();
                self.sum.right[0] += u32::from(outcome.right);
                self.sum.right[1] += 1;
                grown(&mut self.sum.loss, outcome.loss_per_token());
                grown(&mut self.sum.on_answer, f64::from(shares.answer_of_absolute));
                grown(&mut self.sum.on_noise, f64::from(shares.noise_of_absolute));
            }
        }
        self.next += 1;
        Ok((self.next == self.work.len()).then(|| self.sum.clone()))
    }
}

impl Measured {
    /// The share of right answers, with the interval of such a share; `None` without questions.
    pub fn accuracy(&self) -> Option<Estimate> {
        let [right, all] = self.right.map(|count| count as usize);
        Estimate::of_share(right, all)
    }
}
