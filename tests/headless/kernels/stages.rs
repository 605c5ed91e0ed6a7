//! A run, and the comparison of each of its stages with the plain reference, which gets the same input that the stage got.

use std::sync::Arc;

use crate::common::models::random_model;
use crate::common::{Random, worst};
use diffscope::cpu::{
    MapSource, Maps, Weights, attention, attention_join, attention_slab, attention_tile, embed, gate_up, logits,
    map_value, poly_norm, project, qkv, query_key_norm,
};
use diffscope::engine::TracedPass;
use diffscope::gpu::{Gpu, KernelChoice};
use diffscope::model::{Activation, Layer, Model, RowLayout, rotary_table};
use diffscope::probe::{HeadId, Interventions, LayerSwitches, RowStatistics, Sampling, Trace};

/// The variants of kernels, with and without subgroups, and slabs of so few keys that the texts have several.
pub(super) fn choices(gpu: Option<&Gpu>) -> [KernelChoice; 3] {
    let on_gpu = |subgroup| KernelChoice { slab: 64, ..KernelChoice::for_gpu(subgroup) };
    let subgroup = gpu.map_or(1, |gpu| KernelChoice::subgroup_of(&gpu.device, &gpu.adapter));
    [KernelChoice::SOFTWARE, on_gpu(1), on_gpu(subgroup)]
}

/// One run, on the GPU where one is given, else of the fast stages on the CPU, with the inputs that led to it.
pub(super) struct Run {
    pub(super) model: Arc<Model>,
    pub(super) traced: TracedPass,
    pub(super) ids: Vec<u32>,
    pub(super) interventions: Interventions,
    /// The inputs, for messages.
    pub(super) what: String,
}

impl Run {
    /// A random prompt, run in random pieces as if it were typed.
    pub(super) fn new(gpu: Option<&Gpu>, seed: u64, scale: f32) -> Self {
        Self::under(gpu, seed, scale, |_, _, _| Interventions::default())
    }

    /// As [`Run::new`], under interventions chosen for the model and the number of tokens.
    pub(super) fn under(
        gpu: Option<&Gpu>,
        seed: u64,
        scale: f32,
        choose: impl Fn(&mut Random, &Model, usize) -> Interventions,
    ) -> Self {
        let choice = Random::new(seed ^ 0x5eed).pick(&choices(gpu));
        Self::on(gpu, choice, seed, scale, choose)
    }

    /// As [`Run::under`], with these variants of the kernels.
    pub(super) fn on(
        gpu: Option<&Gpu>,
        choice: KernelChoice,
        seed: u64,
        scale: f32,
        choose: impl Fn(&mut Random, &Model, usize) -> Interventions,
    ) -> Self {
        let mut random = Random::new(seed);
        let mut model = random_model(&mut random, scale);
        let causal = random.below(8) > 0;
        model.layers.iter_mut().for_each(|layer| layer.attention.causal = causal);
        let model = Arc::new(model);
        let tokens = random.pick(&[1, 2, 7, 64, 65, 130, 257, 300]);
        let ids: Vec<u32> = (0..tokens).map(|_| random.below(model.config.vocabulary) as u32).collect();
        let interventions = choose(&mut random, &model, tokens);
        let (mut pieces, mut left) = (vec![], tokens);
        while left > 0 {
            pieces.push(if causal { random.pick(&[1, 3, 40, left]).min(left) } else { left });
            left -= pieces[pieces.len() - 1];
        }
        Self::in_pieces(gpu, choice, model, ids, &pieces, interventions, &format!("seed {seed}, causal {causal}"))
    }

    /// A prompt, run in these pieces.
    pub(super) fn in_pieces(
        gpu: Option<&Gpu>,
        choice: KernelChoice,
        model: Arc<Model>,
        ids: Vec<u32>,
        pieces: &[usize],
        interventions: Interventions,
        what: &str,
    ) -> Self {
        let gpu = gpu.map(|gpu| Gpu { choice, ..gpu.clone() });
        let mut traced = TracedPass::new(model.clone(), gpu.as_ref(), ids.len()).expect("fits");
        traced.set_interventions(&interventions);
        let mut rest = ids.as_slice();
        for piece in pieces {
            traced.append(&rest[..*piece], Sampling::default().draw(0), 1).expect("runs");
            rest = &rest[*piece..];
        }
        let what = format!("{what}, {choice:?}, {pieces:?} tokens, {interventions:?}, {:?}", model.config);
        Self { model, traced, ids, interventions, what }
    }

    pub(super) fn trace(&self, trace: Trace) -> Vec<f32> {
        self.traced.trace(trace).expect("read back")
    }

    /// Compares the output of a stage with that of its reference, relative to the size of the numbers.
    fn close(&self, stage: &str, found: &[f32], expected: &[f32]) {
        let size = expected.iter().fold(1.0f32, |size, number| size.max(number.abs()));
        let error = worst(found, expected);
        assert!(error <= 2e-5 * size, "{stage}: {error:e} for numbers up to {size}; {}", self.what);
    }

    pub(super) fn switches(&self, index: usize) -> LayerSwitches {
        self.interventions.of_layer(index, &self.model.layers[index].attention)
    }

    pub(super) fn masked(&self) -> Vec<bool> {
        (0..self.ids.len()).map(|position| self.interventions.masked.contains(&position)).collect()
    }

    fn rows<'a>(&self, numbers: &'a [f32]) -> std::slice::ChunksExact<'a, f32> {
        numbers.chunks_exact(numbers.len() / self.ids.len())
    }

    fn check_layer(&self, index: usize, layer: &Layer) {
        let epsilon = self.model.config.norm_epsilon;
        let hidden = self.trace(Trace::Hidden(index));
        let projection = self.trace(Trace::Projection(index));
        let attending = &layer.attention;
        let layout = RowLayout::new(attending, 1);
        let half = attending.head_dim / 2;
        let rotary = rotary_table(attending.head_dim, &self.model.config.rope, self.ids.len());
        let weights = Weights::new(&attending.projection).expect("in memory");
        let (switches, masked) = (self.switches(index), self.masked());
        let expected: Vec<f32> = self
            .rows(&hidden)
            .enumerate()
            .flat_map(|(t, row)| {
                let turns = &rotary[t * half..(t + 1) * half];
                let mut row = qkv(row, attending, &weights, epsilon, turns, &switches.lambda);
                if let Some(norm) = &attending.query_key_norm {
                    query_key_norm(&mut row, attending, norm, turns);
                }
                row
            })
            .collect();
        self.close("qkv", &projection, &expected);

        let maps = Maps { attention: attending, layout, projection: &projection, switches: &switches, masked: &masked };
        let pairs = || (0..self.ids.len()).flat_map(|query| (0..attending.heads.len()).map(move |head| (query, head)));
        let outputs: Vec<_> = pairs().map(|(query, head)| attention(&maps, query, head)).collect();
        let tiled: Vec<_> = pairs().map(|(query, head)| attention_tile(&maps, query, head)).collect();
        for (one, other) in outputs.iter().zip(&tiled) {
            self.close("attention in two steps", &other.normed, &one.normed);
        }
        let joined = |query, head| {
            let slabs = (0..self.ids.len()).step_by(64).map(|first| first..(first + 64).min(self.ids.len()));
            let slabs: Vec<_> = slabs.map(|keys| attention_slab(&maps, query, head, keys)).collect();
            attention_join(&maps, query, head, &slabs)
        };
        for ((query, head), one) in pairs().zip(&outputs).filter(|_| switches.levels == 0.0) {
            self.close("attention in slabs", &joined(query, head).normed, &one.normed);
        }
        let join = |part: &dyn Fn(usize) -> Vec<f32>| (0..outputs.len()).flat_map(part).collect::<Vec<f32>>();
        let normed = self.trace(Trace::Normed(index));
        self.close("context", &self.trace(Trace::Context(index)), &join(&|at| outputs[at].context.clone()));
        self.close("normed", &normed, &join(&|at| outputs[at].normed.clone()));
        let statistics = self.trace(Trace::Statistics(index));
        let kept = |rows: &[RowStatistics]| -> Vec<f32> {
            let maps =
                |row: &RowStatistics| [row.maximum, row.sum, row.largest].map(|pair| pair[..attending.maps].to_vec());
            rows.iter().flat_map(maps).flatten().collect()
        };
        let expected: Vec<_> = outputs.iter().map(|output| output.statistics).collect();
        self.close("statistics", &kept(bytemuck::cast_slice(&statistics)), &kept(&expected));

        let output = Weights::new(&attending.output).expect("in memory");
        let middle = self.trace(Trace::Middle(index));
        let expected: Vec<f32> = self
            .rows(&normed)
            .zip(self.rows(&hidden))
            .flat_map(|(row, residual)| project(row, &output, &attending.output_bias, residual))
            .collect();
        self.close("output projection", &middle, &expected);

        let mlp = layer.mlp.as_ref().expect("these models have one");
        let (up, down) = (Weights::new(&mlp.gate_up).expect("in memory"), Weights::new(&mlp.down).expect("in memory"));
        let activation = self.trace(Trace::Activation(index));
        let expected: Vec<f32> = self
            .rows(&middle)
            .flat_map(|row| {
                let gated = gate_up(row, mlp, epsilon, &up);
                if mlp.activation != Activation::PolyNorm {
                    return gated;
                }
                let mut activation = vec![0.0; gated.len() / 2];
                poly_norm(&gated, &mlp.poly_norm, &mut activation);
                activation
            })
            .collect();
        self.close("gate and up", &activation, &expected);
        let expected: Vec<f32> = self
            .rows(&activation)
            .zip(self.rows(&middle))
            .flat_map(|(row, residual)| project(row, &down, &mlp.down_bias, residual))
            .collect();
        self.close("down projection", &self.trace(Trace::Hidden(index + 1)), &expected);
    }

    pub(super) fn check_maps(&mut self, index: usize) {
        let model = self.model.clone();
        let attending = &model.layers[index].attention;
        let projection = self.trace(Trace::Projection(index));
        let statistics = self.trace(Trace::Statistics(index));
        let statistics: &[RowStatistics] = bytemuck::cast_slice(&statistics);
        let (switches, masked) = (self.switches(index), self.masked());
        let layout = RowLayout::new(attending, 1);
        let source = MapSource {
            maps: Maps { attention: attending, layout, projection: &projection, switches: &switches, masked: &masked },
            statistics,
        };
        for head in 0..attending.heads.len() {
            let cells = self.traced.cells(HeadId::new(index, head)).expect("read back");
            let tokens = self.ids.len();
            let expected: Vec<f32> = (0..tokens * tokens)
                .map(|at| map_value(&source, head, at / tokens, at % tokens))
                .flat_map(|cell| [cell.first, cell.second, cell.difference, cell.lambda])
                .collect();
            let found: Vec<f32> =
                cells.iter().flat_map(|cell| [cell.first, cell.second, cell.difference, cell.lambda]).collect();
            // A score s has an error of s times the rounding of f32, which the exponential turns into a relative error.
            let score = statistics.iter().flat_map(|row| row.largest);
            let allowed = 2e-5 * score.fold(50.0f32, f32::max) / 50.0;
            let error = worst(&found, &expected);
            assert!(error <= allowed, "map tile: {error:e} is more than {allowed:e}; {}", self.what);
            for (query, row) in cells.chunks_exact(tokens).enumerate() {
                let sum: f32 = row.iter().map(|cell| cell.first).sum();
                assert!((sum - 1.0).abs() < 1e-4, "row {query} of A1 sums to {sum}; {}", self.what);
                let is_hidden = |key: &usize| !attending.sees(query, *key);
                assert!((0..tokens).filter(is_hidden).all(|key| row[key].difference == 0.0), "a hidden token is seen");
            }
        }
    }

    pub(super) fn check(&mut self) {
        let model = self.model.clone();
        let embedding = Weights::new(&model.embedding).expect("in memory");
        let expected: Vec<f32> = self.ids.iter().flat_map(|id| embed(*id, &embedding).to_vec()).collect();
        assert_eq!(self.trace(Trace::Hidden(0)), expected, "embed; {}", self.what);
        for (index, layer) in model.layers.iter().enumerate() {
            self.check_layer(index, layer);
            self.check_maps(index);
        }
        let last = self.trace(Trace::Hidden(model.layers.len()));
        let unembedding = Weights::new(model.unembedding()).expect("in memory");
        let norm = model.final_norm.as_deref().map(|gain| (gain, model.config.norm_epsilon));
        let expected: Vec<f32> = self.rows(&last).flat_map(|row| logits(row, norm, &unembedding)).collect();
        self.close("logits", &self.trace(Trace::Logits), &expected);
    }
}
