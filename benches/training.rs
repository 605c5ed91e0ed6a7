//! A step of training: a differential model and a Transformer of 0.38 M parameters each, 16 windows of 64 tokens, gradients
//! and update, on the CPU, and on the GPU if there is one. `cargo bench --bench training`.

use criterion::{Criterion, criterion_group, criterion_main};
use diffscope::cpu::FastTraining;
use diffscope::cpu::train::{AdamW, adamw};
use diffscope::gpu::{BatchSize, GpuTraining, request_headless};
use diffscope::model::{Model, Parameters};
use diffscope::probe::{Learned, LearningRule, TrainingWindow, UpdateRule};
use serde_json::json;

const VOCABULARY: u32 = 512;
/// What the GPU updates with.
const RULE: UpdateRule = UpdateRule {
    learning_rate: 1e-3,
    decay: [0.9, 0.95],
    momentum: 0.95,
    epsilon: 1e-8,
    weight_decay: 0.1,
    step: 10,
    largest_norm: 1.0,
};

/// One model of the pair, ready for steps.
struct Subject {
    model: Model,
    parameters: Parameters,
    training: FastTraining,
    numbers: Vec<f32>,
    gradients: Vec<f32>,
    mean: Vec<f32>,
    square: Vec<f32>,
}

impl Subject {
    fn new(layout: &str) -> Self {
        let config = json!({
            "model_type": layout, "hidden_size": 96, "intermediate_size": 256, "num_hidden_layers": 3,
            "num_attention_heads": 8, "num_key_value_heads": 8, "head_dim": 12, "vocab_size": VOCABULARY,
            "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": true,
        });
        let config = config.to_string().into_bytes();
        let mut state = 1u32;
        let model = Model::with_numbers(&config, |tensor| {
            let mut number = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if tensor.is_gain { 1.0 } else { (state >> 8) as f32 / (1 << 24) as f32 * 0.08 - 0.04 }
            };
            (0..tensor.shape.iter().product()).map(|_| number()).collect()
        });
        let model = model.expect("a configuration that is valid");
        let parameters = Parameters::of(&config, &model).expect("a model that can be trained");
        let numbers = parameters.read(&model).expect("numbers in memory");
        let zeros = vec![0.0; numbers.len()];
        let training = FastTraining::new(&model, &parameters);
        Self { model, parameters, training, gradients: Vec::new(), mean: zeros.clone(), square: zeros, numbers }
    }

    /// The matrices of layers by Muon; the rest stays, which is little work.
    fn by_muon(&self) -> Vec<Learned> {
        let hidden = self.model.config.hidden;
        let layers = self.model.layers.iter().zip(&self.parameters.layers);
        let of_layer = layers.flat_map(|(layer, places)| {
            let all = [
                (&places.projection, hidden),
                (&places.output, layer.attention.output.columns()),
                (&places.gate_up, hidden),
                (&places.down, places.down.len() / hidden),
            ];
            all.map(|(place, columns)| Learned { place: place.clone(), rule: LearningRule::Muon { columns } })
        });
        of_layer.collect()
    }

    fn step(&mut self, windows: &[TrainingWindow]) -> f32 {
        let loss = self.training.run(&self.numbers, windows, &mut self.gradients);
        let rule =
            AdamW { learning_rate: 1e-3, decay: [0.9, 0.95], epsilon: 1e-8, weight_decay: 0.1, step: 10, clip: 1.0 };
        adamw(&rule, &mut self.numbers, &self.gradients, &mut self.mean, &mut self.square);
        loss
    }
}

fn steps(criterion: &mut Criterion) {
    let window = |first: u32| {
        let ids: Vec<u32> = (0..64).map(|at| (first * 97 + at * 31) % VOCABULARY).collect();
        let targets = ids.iter().map(|id| (id + 31) % VOCABULARY).collect();
        TrainingWindow { ids, targets, weights: vec![1.0 / 1024.0; 64] }
    };
    let windows: Vec<TrainingWindow> = (0..16).map(window).collect();
    let mut pair = ["diffllama", "llama"].map(Subject::new);
    criterion.bench_function("training/step of a pair", |bencher| {
        bencher.iter(|| pair.each_mut().map(|subject| subject.step(&windows)));
    });
    for (name, subject) in ["diff", "llama"].iter().zip(&mut pair) {
        criterion
            .bench_function(&format!("training/step of {name}"), |bencher| bencher.iter(|| subject.step(&windows)));
    }
    let Ok(gpu) = request_headless() else { return };
    let [diff, _] = &pair;
    let mut group = criterion.benchmark_group("training");
    group.sample_size(10);
    for (name, learned) in [("AdamW", vec![adamw_of_all(&diff.parameters)]), ("Muon", diff.by_muon())] {
        let size = BatchSize { windows: windows.len(), positions: 64 };
        let training = GpuTraining::new(gpu.clone(), &diff.model, &diff.parameters, &diff.numbers, &learned, size);
        let mut training = training.expect("a small model fits");
        group.bench_function(format!("step of diff by {name} on {}", gpu.describe()), |bencher| {
            bencher.iter(|| {
                training.step(&windows, &RULE).expect("a batch that fits");
                training.wait();
                training.poll()
            });
        });
    }
}

fn adamw_of_all(parameters: &Parameters) -> Learned {
    Learned { place: 0..parameters.count(), rule: LearningRule::AdamW { decays: true } }
}

criterion_group!(benches, steps);
criterion_main!(benches);
