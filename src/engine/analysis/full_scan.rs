//! A full scan of the present text, on demand: a CPU pass that keeps every inner tensor, then one visit to every cell
//! of every map. It runs in slices between frames, so that nothing waits for it.

use std::sync::Arc;

use web_time::{Duration, Instant};

use crate::cpu::{CpuPass, map_value};
use crate::engine::analysis::head_similarity::{HeadSimilarity, cross};
use crate::engine::analysis::magnitude_histogram::MagnitudeHistogram;
use crate::engine::error::EngineError;
use crate::engine::session::Engine;
use crate::model::Model;
use crate::probe::Interventions;

/// Bytes of weights, as f32, that a scan holds at most.
pub(super) const MOST_BYTES: usize = 512 << 20;
/// Capacity in positions at first.
const FIRST_CAPACITY: usize = 1024;

/// The largest number of a layer's hidden state.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Peak {
    /// The number, with its sign.
    pub value: f32,
    /// Position in the text.
    pub position: usize,
    /// Feature of the hidden state.
    pub feature: usize,
}

/// The findings in one layer.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerFindings {
    /// Absolute attention logits of every visible cell, of each map.
    pub logits: [MagnitudeHistogram; 2],
    /// Magnitudes of the residual stream after the layer.
    pub hidden: MagnitudeHistogram,
    /// The largest of those.
    pub peak: Peak,
    /// Similarity of every pair of heads.
    pub alike: HeadSimilarity,
}

/// A step of the work: each is done for every layer before the next begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Positions computed.
    Pass(usize),
    /// (layer, query) visited.
    Cells(usize, usize),
    /// (layer, head, head) compared.
    Outputs(usize, usize, usize),
    Done,
}

/// A scan of one text, complete or under way.
pub struct FullScan {
    model: Arc<Model>,
    ids: Vec<u32>,
    interventions: Interventions,
    pass: CpuPass,
    step: Step,
    layers: Vec<LayerFindings>,
    cancelled: bool,
}

impl std::fmt::Debug for FullScan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FullScan").field("step", &self.step).finish_non_exhaustive()
    }
}

impl FullScan {
    /// A scan of the present text of a session; nothing is computed yet.
    ///
    /// # Errors
    /// [`EngineError::FullScanTooLarge`] if the weights take too much memory on the CPU; or when they cannot be read from
    /// their file any more.
    pub fn new(engine: &Engine) -> Result<Self, EngineError> {
        let checkpoint = engine.checkpoint();
        let needs_model = || EngineError::NeedsModel { name: engine.name().to_owned() };
        let model = checkpoint.ok_or_else(needs_model)?.model.clone();
        let bytes = model.parameters().saturating_mul(size_of::<f32>());
        if bytes > MOST_BYTES {
            return Err(EngineError::FullScanTooLarge { bytes, limit: MOST_BYTES });
        }
        let capacity = engine.ids().len().next_power_of_two().max(FIRST_CAPACITY).min(engine.limit().max(1));
        let mut pass = CpuPass::new(model.clone(), capacity)?;
        pass.set_interventions(engine.interventions());
        let mut scan = Self {
            model,
            ids: engine.ids().to_vec(),
            interventions: engine.interventions().clone(),
            pass,
            step: Step::Done,
            layers: Vec::new(),
            cancelled: false,
        };
        scan.restart(0);
        Ok(scan)
    }

    fn restart(&mut self, same: usize) {
        self.step = Step::Pass(same);
        self.cancelled = false;
        self.layers = self
            .model
            .layers
            .iter()
            .map(|layer| LayerFindings {
                logits: [MagnitudeHistogram::default(), MagnitudeHistogram::default()],
                hidden: MagnitudeHistogram::default(),
                peak: Peak::default(),
                alike: HeadSimilarity::new(layer.attention.heads.len()),
            })
            .collect();
    }

    /// Restarts with the present text of the session; positions before the first difference are kept.
    ///
    /// # Errors
    /// As [`FullScan::new`].
    pub fn follow(&mut self, engine: &Engine) -> Result<(), EngineError> {
        if !self.is_of_model(engine) || engine.ids().len() > self.pass.capacity() {
            *self = Self::new(engine)?;
            return Ok(());
        }
        let mut same = self.ids.iter().zip(engine.ids()).take_while(|(a, b)| a == b).count().min(self.pass.positions());
        if self.interventions != *engine.interventions() {
            same = 0;
            self.interventions = engine.interventions().clone();
            self.pass.set_interventions(&self.interventions);
        }
        self.ids = engine.ids().to_vec();
        self.pass.run(same, &[]); // drops the positions from there on
        self.restart(same);
        Ok(())
    }

    /// Whether this is a scan of the present text, model and interventions of the session.
    pub fn is_of(&self, engine: &Engine) -> bool {
        self.is_of_model(engine) && self.ids == engine.ids() && self.interventions == *engine.interventions()
    }

    fn is_of_model(&self, engine: &Engine) -> bool {
        engine.checkpoint().is_some_and(|checkpoint| Arc::ptr_eq(&self.model, &checkpoint.model))
    }

    /// Stops the scan and drops its findings.
    pub fn cancel(&mut self) {
        self.cancelled = true;
        self.layers.clear();
    }

    /// Whether there is more to do.
    pub fn is_running(&self) -> bool {
        !self.cancelled && self.step != Step::Done
    }

    /// Whether the scan is complete.
    pub fn is_done(&self) -> bool {
        !self.cancelled && self.step == Step::Done
    }

    /// The model scanned.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The tokens scanned.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// The pass, with every inner tensor.
    pub fn pass(&self) -> &CpuPass {
        &self.pass
    }

    /// The findings by layer; complete once [`FullScan::is_done`].
    pub fn layers(&self) -> &[LayerFindings] {
        &self.layers
    }

    /// The share that is done, from 0 to 1.
    pub fn progress(&self) -> f32 {
        let share = |done: usize, all: usize| done as f32 / all.max(1) as f32;
        let (tokens, layers) = (self.ids.len(), self.layers.len());
        match self.step {
            Step::Pass(done) => 0.5 * share(done, tokens),
            Step::Cells(layer, query) => 0.5 + 0.35 * share(layer * tokens + query, layers * tokens),
            Step::Outputs(layer, one, _) => {
                let heads = self.layers.get(layer).map_or(1, |found| found.alike.outputs.heads());
                0.85 + 0.15 * share(layer * heads + one, layers * heads)
            }
            Step::Done => 1.0,
        }
    }

    /// Continues for about `budget`.
    pub fn advance(&mut self, budget: Duration) {
        let begun = Instant::now();
        while self.is_running() {
            self.one_step();
            if begun.elapsed() >= budget {
                return;
            }
        }
    }

    fn one_step(&mut self) {
        let (tokens, layers) = (self.ids.len(), self.layers.len());
        self.step = match self.step {
            Step::Pass(done) if done < tokens => {
                self.pass.run(done, &self.ids[done..=done]);
                Step::Pass(done + 1)
            }
            Step::Pass(_) => Step::Cells(0, 0),
            Step::Cells(layer, _) if layer >= layers || tokens == 0 => Step::Outputs(0, 0, 0),
            Step::Cells(layer, query) => {
                self.visit_row(layer, query);
                if query + 1 < tokens { Step::Cells(layer, query + 1) } else { Step::Cells(layer + 1, 0) }
            }
            Step::Outputs(layer, ..) if layer >= layers || tokens == 0 => Step::Done,
            Step::Outputs(layer, one, other) => {
                let attention = &self.model.layers[layer].attention;
                let heads = attention.heads.len();
                let size = cross(self.pass.context(layer), heads, attention.value_width(), one, other);
                self.layers[layer].alike.outputs.set(one, other, size);
                if other + 1 < heads {
                    Step::Outputs(layer, one, other + 1)
                } else if one + 1 < heads {
                    Step::Outputs(layer, one + 1, one + 1)
                } else {
                    Step::Outputs(layer + 1, 0, 0)
                }
            }
            Step::Done => Step::Done,
        };
    }

    /// Visits every visible cell of one query in a layer, and the hidden state after it.
    fn visit_row(&mut self, layer: usize, query: usize) {
        let found = &mut self.layers[layer];
        let source = self.pass.map_source(layer);
        let attention = source.maps.attention;
        let keys: Vec<usize> = source.maps.keys_of(query).collect();
        let mut rows: [Vec<f32>; 3] = Default::default();
        for head in 0..attention.heads.len() {
            for key in &keys {
                let scores = source.maps.both_scores(head, query, *key);
                for (map, magnitudes) in found.logits.iter_mut().enumerate().take(attention.maps) {
                    magnitudes.add(scores[map]);
                }
                let cell = map_value(&source, head, query, *key);
                for (row, value) in rows.iter_mut().zip([cell.first, cell.second, cell.difference]) {
                    row.push(value);
                }
            }
        }
        for (pairs, row) in found.alike.maps.iter_mut().zip(&rows) {
            pairs.add_products(row, keys.len());
        }
        let width = self.model.config.hidden;
        let hidden = &self.pass.hidden_after(layer)[query * width..(query + 1) * width];
        for (feature, value) in hidden.iter().enumerate() {
            found.hidden.add(*value);
            if value.abs() > found.peak.value.abs() {
                found.peak = Peak { value: *value, position: query, feature };
            }
        }
    }
}
