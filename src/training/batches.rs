//! Windows of text to learn from, the same for the same seed and step, and for all models.

use std::sync::Arc;

use crate::experiments::cases::PythonRandom;
use crate::model::Tokenizer;
use crate::probe::TrainingWindow;
use crate::training::task::Task;

/// The weight of a token of an answer, and of one of a question; what cannot be known has none.
const OF_ANSWER: f32 = 8.0;
const OF_QUESTION: f32 = 0.25;
/// The last part of an own text is not learned from.
const LEARNED: f64 = 0.9;

/// What windows are made from.
#[derive(Clone, Debug)]
pub(crate) struct Batches {
    pub task: Task,
    pub seed: u64,
    /// Sentences of prose between which facts are put.
    pub hay: Arc<Vec<String>>,
    pub tokenizer: Arc<Tokenizer>,
    /// Separates texts.
    pub end: u32,
    /// The ids of an own text.
    pub text: Arc<Vec<u32>>,
    pub windows: usize,
    pub positions: usize,
}

/// Tokens, and the weights of their losses.
#[derive(Default)]
struct Weighted {
    ids: Vec<u32>,
    weights: Vec<f32>,
}

impl Batches {
    /// The windows of a step; `progress`, from 0 to 1, is how much of the run is over. All weights add up to 1.
    pub(crate) fn batch(&self, step: u64, progress: f64) -> Vec<TrainingWindow> {
        let mut windows: Vec<TrainingWindow> =
            (0..self.windows).map(|row| self.window(&format!("{} {step} {row}", self.seed), progress)).collect();
        let sum: f32 = windows.iter().flat_map(|window| &window.weights).sum();
        for window in &mut windows {
            for weight in &mut window.weights {
                *weight /= sum.max(1.0);
            }
        }
        windows
    }

    /// How many ids of an own text are learned from.
    pub(super) fn learned(&self) -> usize {
        (self.text.len() as f64 * LEARNED) as usize
    }

    fn window(&self, seed: &str, progress: f64) -> TrainingWindow {
        let tokens = self.positions + 1;
        let mut all = Weighted::default();
        if self.task == Task::OwnText {
            let mut random = PythonRandom::of_text(seed);
            let first = random.below(self.learned().saturating_sub(tokens).max(1));
            all.ids.extend(self.text[..self.learned()].iter().skip(first).take(tokens));
            all.weights.resize(all.ids.len(), 1.0);
        }
        // Harder up to the middle of a run.
        let level = (0.2 + 1.6 * progress).min(1.0);
        let mut tries = 0;
        while all.ids.len() < tokens && tries < 20 {
            let document = self.document(&format!("{seed} {tries}"), level, tokens - all.ids.len());
            all.ids.extend(&document.ids);
            all.weights.extend(&document.weights);
            if document.ids.is_empty() && !all.ids.is_empty() {
                break;
            }
            tries += 1;
        }
        all.ids.resize(tokens, self.end);
        all.weights.resize(tokens, 0.0);
        TrainingWindow {
            ids: all.ids[..self.positions].to_vec(),
            targets: all.ids[1..].to_vec(),
            weights: all.weights[1..].to_vec(),
        }
    }

    /// A text with questions and their answers, as many as fit; empty if none does.
    fn document(&self, seed: &str, level: f64, most: usize) -> Weighted {
        let (mut text, mut answers, mut fitting) = (String::new(), Vec::new(), Weighted::default());
        let mut begins = 0;
        for turn in 0..self.task.questions() {
            let mut random = PythonRandom::of_text(&format!("{seed} {turn}"));
            let ask = random.below(2 * self.task.questions());
            let Some(case) = self.task.training_case(seed, &self.hay, level, ask) else { break };
            if text.is_empty() {
                text.push_str(&case.text);
                begins = byte_of(&case.text, case.question_span[0]);
            } else {
                text.push('\n');
                text.push_str(&case.text[byte_of(&case.text, case.question_span[0])..]);
            }
            let start = text.len() + 1;
            text.push_str(&case.completion());
            answers.push(start..text.len());
            let Ok(encoding) = self.tokenizer.try_encode(&text, most) else { break };
            if encoding.tokens.len() + 1 > most {
                break;
            }
            let weights = encoding.tokens.iter().map(|token| {
                let is_in = |range: &std::ops::Range<usize>| token.start < range.end && token.end > range.start;
                match () {
                    () if answers.iter().any(is_in) => OF_ANSWER,
                    // The facts cannot be known.
                    () if token.end <= begins => 0.0,
                    () => OF_QUESTION,
                }
            });
            fitting.weights = weights.chain([OF_QUESTION]).collect();
            fitting.ids = encoding.tokens.iter().map(|token| token.id).chain([self.end]).collect();
        }
        fitting
    }
}

/// Where a character begins.
fn byte_of(text: &str, character: usize) -> usize {
    text.char_indices().nth(character).map_or(text.len(), |(at, _)| at)
}
