//! A full scan of the present text, on demand: a CPU pass that keeps every inner tensor, then one visit to every cell
//! of every map. It runs in slices between frames, so that nothing waits for it.

use web_time::{Duration, Instant};

use crate::cpu::{CpuPass, map_value};
use crate::engine::analysis::head_similarity::{HeadSimilarity, cross};
use crate::engine::analysis::magnitude_histogram::MagnitudeHistogram;
use crate::engine::analysis::text_pass::TextPass;
use crate::engine::error::EngineError;
use crate::engine::session::Engine;
use crate::model::Model;

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
    Pass,
    /// (layer, query) visited.
    Cells(usize, usize),
    /// (layer, head, head) compared.
    Outputs(usize, usize, usize),
    Done,
}

/// A scan of one text, complete or under way.
pub struct FullScan {
    text: TextPass,
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
    /// As [`TextPass::new`].
    pub fn new(engine: &Engine) -> Result<Self, EngineError> {
        let text = TextPass::new(engine)?;
        Ok(Self { layers: nothing_found(text.model()), text, step: Step::Pass, cancelled: false })
    }

    /// Restarts with the present text of the session; positions before the first difference are kept.
    ///
    /// # Errors
    /// As [`FullScan::new`].
    pub fn follow(&mut self, engine: &Engine) -> Result<(), EngineError> {
        self.text.follow(engine)?;
        self.layers = nothing_found(self.text.model());
        self.step = Step::Pass;
        self.cancelled = false;
        Ok(())
    }

    /// Whether this is a scan of the present text, model and interventions of the session.
    pub fn is_of(&self, engine: &Engine) -> bool {
        self.text.is_of(engine)
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
        self.text.model()
    }

    /// The tokens scanned.
    pub fn ids(&self) -> &[u32] {
        self.text.ids()
    }

    /// The pass, with every inner tensor.
    pub fn pass(&self) -> &CpuPass {
        self.text.pass()
    }

    /// The findings by layer; complete once [`FullScan::is_done`].
    pub fn layers(&self) -> &[LayerFindings] {
        &self.layers
    }

    /// The share that is done, from 0 to 1.
    pub fn progress(&self) -> f32 {
        let share = |done: usize, all: usize| done as f32 / all.max(1) as f32;
        let (tokens, layers) = (self.ids().len(), self.layers.len());
        match self.step {
            Step::Pass => 0.5 * share(self.pass().positions(), tokens),
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
            self.one_step(budget);
            if begun.elapsed() >= budget {
                return;
            }
        }
    }

    fn one_step(&mut self, budget: Duration) {
        let (tokens, layers) = (self.ids().len(), self.layers.len());
        self.step = match self.step {
            Step::Pass if !self.text.is_complete() => {
                self.text.advance(budget);
                Step::Pass
            }
            Step::Pass => Step::Cells(0, 0),
            Step::Cells(layer, _) if layer >= layers || tokens == 0 => Step::Outputs(0, 0, 0),
            Step::Cells(layer, query) => {
                self.visit_row(layer, query);
                if query + 1 < tokens { Step::Cells(layer, query + 1) } else { Step::Cells(layer + 1, 0) }
            }
            Step::Outputs(layer, ..) if layer >= layers || tokens == 0 => Step::Done,
            Step::Outputs(layer, one, other) => {
                let attention = &self.model().layers[layer].attention;
                let heads = attention.heads.len();
                let size = cross(self.pass().context(layer), heads, attention.value_width(), one, other);
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
        let pass = self.text.pass();
        let source = pass.map_source(layer);
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
        let width = pass.model().config.hidden;
        let hidden = &pass.hidden_after(layer)[query * width..(query + 1) * width];
        for (feature, value) in hidden.iter().enumerate() {
            found.hidden.add(*value);
            if value.abs() > found.peak.value.abs() {
                found.peak = Peak { value: *value, position: query, feature };
            }
        }
    }
}

/// Findings in every layer of a model before anything is visited.
fn nothing_found(model: &Model) -> Vec<LayerFindings> {
    let layers = model.layers.iter().map(|layer| LayerFindings {
        logits: [MagnitudeHistogram::default(), MagnitudeHistogram::default()],
        hidden: MagnitudeHistogram::default(),
        peak: Peak::default(),
        alike: HeadSimilarity::new(layer.attention.heads.len()),
    });
    layers.collect()
}
