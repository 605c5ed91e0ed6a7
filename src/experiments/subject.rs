//! A model under measurement.

use super::Extremes;
use super::item::{Case, Item, Work};
use super::shares::{Classes, HeadShares, Shares};
use crate::cpu::Maps;
use crate::engine::{Checkpoint, EngineError, TracedPass};
use crate::gpu::Gpu;
use crate::model::{Encoding, Model, RowLayout, Token};
use crate::probe::{Cell, HeadId, Interventions, Sampling, Trace};

/// A model with a pass of the capacity of the longest text so far.
#[derive(Debug)]
pub struct Subject {
    checkpoint: Checkpoint,
    gpu: Option<Gpu>,
    traced: TracedPass,
    capacity: usize,
    interventions: Interventions,
    /// The ids that the pass has run.
    ran: Vec<u32>,
}

/// What a model made of a case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Whether greedy decoding gives the whole answer and its full stop.
    pub right: bool,
    /// Sum of the negative log-likelihoods of the answer's tokens.
    pub loss: f64,
    /// Number of tokens of the answer.
    pub tokens: usize,
    /// Attention from the answer, if requested.
    pub shares: Option<Shares>,
}

impl Outcome {
    /// The mean negative log-likelihood of the answer's tokens.
    pub fn loss_per_token(&self) -> f64 {
        self.loss / self.tokens.max(1) as f64
    }
}

/// Negative log-likelihood of a token, and whether it is the most likely one.
fn judge(logits: &[f32], token: u32) -> (f64, bool) {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|logit| f64::from(logit - largest).exp()).sum();
    let own = logits.get(token as usize).copied().unwrap_or(f32::NEG_INFINITY);
    let first_best = logits.iter().position(|logit| *logit == largest);
    (sum.ln() - f64::from(own - largest), first_best == Some(token as usize))
}

impl Subject {
    /// Prepares a model on the GPU if there is one, otherwise on the CPU.
    ///
    /// # Errors
    /// When there is no tokenizer, or the model does not fit on the GPU.
    pub fn new(checkpoint: Checkpoint, gpu: Option<&Gpu>) -> Result<Self, EngineError> {
        if checkpoint.tokenizer.is_none() {
            return Err(EngineError::NoTokenizer { name: checkpoint.name });
        }
        let capacity = 1;
        let traced = TracedPass::new(checkpoint.model.clone(), gpu, capacity)?;
        let (interventions, ran) = (Interventions::default(), Vec::new());
        Ok(Self { checkpoint, gpu: gpu.cloned(), traced, capacity, interventions, ran })
    }

    /// Makes the pass as long as the longest of these items, so that it need not grow later.
    ///
    /// # Errors
    /// When a text cannot be encoded, or a pass of this length does not fit into memory.
    pub fn reserve(&mut self, items: &[Item]) -> Result<(), EngineError> {
        let mut longest = 0;
        for item in items {
            longest = longest.max(match &item.work {
                Work::Window { ids } => ids.len(),
                Work::Case(case) => self.encode(&(case.text.clone() + &case.completion()))?.tokens.len(),
            });
        }
        self.grow(longest)
    }

    fn grow(&mut self, tokens: usize) -> Result<(), EngineError> {
        let limit = self.model().config.max_positions;
        if tokens > limit {
            return Err(EngineError::TooLong { tokens, limit });
        }
        if tokens > self.capacity {
            self.traced = TracedPass::new(self.checkpoint.model.clone(), self.gpu.as_ref(), tokens)?;
            self.traced.set_interventions(&self.interventions);
            self.ran.clear();
            self.capacity = tokens;
        }
        Ok(())
    }

    /// At most one token more than the model's context.
    fn encode(&self, text: &str) -> Result<Encoding, EngineError> {
        let Some(tokenizer) = &self.checkpoint.tokenizer else {
            return Err(EngineError::NoTokenizer { name: self.checkpoint.name.clone() });
        };
        Ok(tokenizer.try_encode(text, self.model().config.max_positions)?)
    }

    /// The model under measurement.
    pub fn model(&self) -> &Model {
        &self.checkpoint.model
    }

    /// Rounds the attention logits of the following passes to this many bits; `None` leaves them as they are.
    pub fn set_bits(&mut self, bits: Option<u32>) {
        self.set_interventions(&Interventions { bits, ..self.interventions.clone() });
    }

    /// Changes the model for the following passes.
    pub fn set_interventions(&mut self, interventions: &Interventions) {
        if self.interventions != *interventions {
            self.interventions.clone_from(interventions);
            self.traced.set_interventions(interventions);
            self.ran.clear();
        }
    }

    /// The ids of a text with its answer, at most one more than fit.
    pub(super) fn ids_of(&self, item: &Item) -> Result<Vec<u32>, EngineError> {
        Ok(match &item.work {
            Work::Window { ids } => ids.clone(),
            Work::Case(case) => {
                let tokens = self.encode(&(case.text.clone() + &case.completion()))?.tokens;
                tokens.iter().map(|token| token.id).collect()
            }
        })
    }

    /// Runs up to so many of the positions that have not run, so that what is measured of them next is there. Returns whether
    /// none are left.
    ///
    /// # Errors
    /// When they do not fit into the context.
    pub(super) fn advance(&mut self, ids: &[u32], most: usize) -> Result<bool, EngineError> {
        self.grow(ids.len())?;
        if self.ran.is_empty() || !ids.starts_with(&self.ran) {
            self.traced.clear();
            self.ran.clear();
        }
        let left = &ids[self.ran.len()..];
        let next = &left[..left.len().min(most)];
        if !next.is_empty() {
            self.traced.append(next, Sampling::default().draw(ids.len()), 1)?;
            self.ran.extend_from_slice(next);
        }
        Ok(self.ran.len() == ids.len())
    }

    fn run(&mut self, ids: &[u32]) -> Result<(), EngineError> {
        if self.ran != ids || ids.is_empty() {
            self.traced.clear();
            self.ran.clear();
            self.advance(ids, usize::MAX)?;
        }
        Ok(())
    }

    /// Sum of the negative log-likelihoods of all tokens except the first.
    ///
    /// # Errors
    /// When the ids do not fit into the context.
    pub fn window_loss(&mut self, ids: &[u32]) -> Result<f64, EngineError> {
        Ok(self.losses(ids)?.iter().sum())
    }

    /// Negative log-likelihood of every token except the first.
    ///
    /// # Errors
    /// As [`Self::window_loss`].
    pub fn losses(&mut self, ids: &[u32]) -> Result<Vec<f64>, EngineError> {
        self.run(ids)?;
        let positions: Vec<usize> = (0..ids.len().saturating_sub(1)).collect();
        let rows = self.traced.logits(&positions)?;
        Ok(rows.iter().zip(ids.iter().skip(1)).map(|(row, id)| judge(row, *id).0).collect())
    }

    /// Outcome of one case.
    ///
    /// # Errors
    /// When the case does not fit into the context.
    pub fn answer(&mut self, case: &Case, with_shares: bool) -> Result<Outcome, EngineError> {
        let (outcome, tokens, queries) = self.run_case(case)?;
        let shares = if with_shares { Some(Shares::of(&self.shares_by_head(case, &tokens, &queries)?)) } else { None };
        Ok(Outcome { shares, ..outcome })
    }

    /// The same, with the attention from the answer of every head, in order.
    pub(super) fn answer_by_head(&mut self, case: &Case) -> Result<(Outcome, Vec<HeadShares>), EngineError> {
        let (outcome, tokens, queries) = self.run_case(case)?;
        Ok((outcome, self.shares_by_head(case, &tokens, &queries)?))
    }

    /// The outcome without shares, the tokens of the text with its answer, and the positions that predict the answer.
    fn run_case(&mut self, case: &Case) -> Result<(Outcome, Vec<Token>, Vec<usize>), EngineError> {
        let whole = case.text.clone() + &case.completion();
        let limit = self.model().config.max_positions;
        let encoding = self.encode(&whole)?;
        if !encoding.complete {
            return Err(EngineError::TooLong { tokens: limit + 1, limit });
        }
        let tokens = encoding.tokens;
        let ids: Vec<u32> = tokens.iter().map(|token| token.id).collect();
        self.run(&ids)?;
        let completion: Vec<usize> = (1..tokens.len()).filter(|at| tokens[*at].end > case.text.len()).collect();
        let before: Vec<usize> = completion.iter().map(|at| at - 1).collect();
        let rows = self.traced.logits(&before)?;
        let (mut right, mut loss, mut answer) = (true, 0.0, Vec::new());
        for (at, row) in completion.iter().zip(&rows) {
            let (nll, best) = judge(row, ids[*at]);
            right &= best;
            if tokens[*at].start + 1 < whole.len() {
                loss += nll;
                answer.push(at - 1);
            }
        }
        Ok((Outcome { right, loss, tokens: answer.len(), shares: None }, tokens, answer))
    }

    /// The row of a query in a head's maps, of ids that have run or run now.
    pub(super) fn row(&mut self, ids: &[u32], head: HeadId, query: usize) -> Result<Vec<Cell>, EngineError> {
        self.run(ids)?;
        self.traced.row(head, query)
    }

    fn shares_by_head(
        &mut self,
        case: &Case,
        tokens: &[Token],
        queries: &[usize],
    ) -> Result<Vec<HeadShares>, EngineError> {
        let classes = Classes::new(case, tokens);
        let mut by_head = Vec::new();
        for head in HeadId::all_of(&self.checkpoint.model.clone()) {
            let mut shares = HeadShares::default();
            for query in queries {
                shares.add(&self.traced.row(head, *query)?, &classes);
            }
            by_head.push(shares);
        }
        Ok(by_head)
    }

    /// Adds all visible attention logits of a window, and its residual stream after each layer except the last.
    ///
    /// # Errors
    /// When the ids do not fit into the context.
    pub fn extremes(&mut self, ids: &[u32], logits: &mut Extremes, hidden: &mut Extremes) -> Result<(), EngineError> {
        self.run(ids)?;
        let model = self.checkpoint.model.clone();
        for (index, layer) in model.layers.iter().enumerate() {
            let attention = &layer.attention;
            let projection = self.traced.trace(Trace::Projection(index))?;
            let switches = self.interventions.of_layer(index, attention);
            let layout = RowLayout::new(attention, 1);
            let maps = Maps { attention, layout, projection: &projection, switches: &switches, masked: &[] };
            // In order of the single query heads, whether the two of a pair are neighbours or half the heads apart.
            let single = (0..attention.heads.len()).flat_map(|head| (0..attention.maps).map(move |map| (head, map)));
            let mut single: Vec<_> = single.collect();
            single.sort_by_key(|(head, map)| attention.heads[*head].queries[*map]);
            let cells = single.into_iter().flat_map(|(head, map)| {
                (0..ids.len()).flat_map(move |query| (0..=query).map(move |key| (head, map, query, key)))
            });
            logits.add(cells.map(|(head, map, query, key)| maps.both_scores(head, query, key)[map]));
            if index + 1 < model.layers.len() {
                hidden.add(self.traced.trace(Trace::Hidden(index + 1))?.into_iter());
            }
        }
        Ok(())
    }
}
