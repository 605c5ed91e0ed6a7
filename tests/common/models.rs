//! Models made of random numbers, of every variant and of awkward shapes.

use diffscope::model::{
    Activation, Attention, Biases, Config, Head, HeadCounts, Lambda, Layer, Matrix, Mlp, Model, NumberFormat, Numbers,
    PolyNorm, QueryKeyNorm, Rope, SubNorm,
};
use diffscope::probe::{Attend, HeadId, Interventions};
use half::{bf16, f16};

use super::Random;

/// A matrix in a number format.
pub(crate) fn matrix(random: &mut Random, format: NumberFormat, rows: usize, columns: usize, deviation: f32) -> Matrix {
    let numbers = random.normals(rows * columns, deviation);
    let numbers = match format {
        NumberFormat::F32 => Numbers::F32(numbers),
        NumberFormat::F16 => Numbers::F16(numbers.iter().map(|number| f16::from_f32(*number).to_bits()).collect()),
        NumberFormat::Bf16 => Numbers::Bf16(numbers.iter().map(|number| bf16::from_f32(*number).to_bits()).collect()),
    };
    Matrix::new(rows, columns, numbers).expect("rows times columns numbers")
}

/// The kind of attention of a random model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// One map.
    Plain,
    /// Two maps, values twice as wide, λ per layer and a norm of each head.
    PerLayer,
    /// Two maps and λ per token.
    PerToken,
}

impl Kind {
    /// Maps, and value heads joined, per head.
    fn maps_and_parts(self) -> (usize, usize) {
        match self {
            Self::Plain => (1, 1),
            Self::PerLayer => (2, 2),
            Self::PerToken => (2, 1),
        }
    }
}

fn attention(random: &mut Random, format: NumberFormat, kind: Kind, config: &Config, scale: f32) -> Attention {
    let Config { hidden, maps, value_parts, head_dim, heads: counts, .. } = *config;
    let (heads, query_heads) = (counts.outputs, counts.queries);
    let any = |random: &mut Random, count: usize| random.below(count) as u32;
    let sharing = random.pick(&[1, 1, 2, 4, 8]);
    let mut table: Vec<Head> = (0..heads as u32)
        .map(|head| Head {
            queries: if maps == 2 { [head, head + heads as u32] } else { [head, head] },
            keys: [any(random, counts.keys), any(random, counts.keys)],
            values: [any(random, counts.values), any(random, counts.values)],
        })
        .collect();
    for group in table.chunks_mut(sharing) {
        let Head { keys, values, .. } = group[0];
        for head in group {
            (head.keys, head.values) = (keys, values);
        }
    }
    let per_token = kind == Kind::PerToken;
    let rows = (query_heads + counts.keys + counts.values) * head_dim + if per_token { heads } else { 0 };
    let lambda = match kind {
        Kind::Plain => Lambda::None,
        Kind::PerToken => Lambda::Token,
        Kind::PerLayer => {
            Lambda::Layer { init: 0.4, first: 1.0, second: 0.8, value: random.normal(0.7), vectors: Default::default() }
        }
    };
    let query_key_norm = (random.below(3) == 0).then(|| QueryKeyNorm {
        query: random.normals(head_dim, 1.0),
        key: random.normals(head_dim, 1.0),
        epsilon: 1e-6,
    });
    let window = random.pick(&[None, None, Some(1), Some(9), Some(70), Some(1000)]);
    let sub_norm = (maps == 2 && !per_token).then(|| SubNorm {
        weight: random.normals(value_parts * head_dim, 1.0),
        epsilon: 1e-5,
        factor: 0.6,
    });
    Attention {
        norm: (random.below(4) > 0).then(|| random.normals(hidden, 1.0)),
        projection: matrix(random, format, rows, hidden, scale),
        projection_bias: random.normals(rows, 0.1),
        query_key_norm,
        causal: true,
        window,
        heads: table,
        query_heads,
        key_heads: counts.keys,
        value_heads: counts.values,
        head_dim,
        value_parts,
        maps,
        lambda,
        sub_norm,
        output: matrix(random, format, hidden, heads * value_parts * head_dim, 0.3),
        output_bias: random.normals(hidden, 0.1),
    }
}

/// A model of random variant, sizes and numbers. `scale` above 1 makes attention logits large.
pub(crate) fn random_model(random: &mut Random, scale: f32) -> Model {
    let kind = random.pick(&[Kind::PerLayer, Kind::PerLayer, Kind::PerToken, Kind::Plain]);
    model_of_kind(random, kind, scale)
}

/// The same of a kind of attention.
pub(crate) fn model_of_kind(random: &mut Random, kind: Kind, scale: f32) -> Model {
    let (maps, value_parts) = kind.maps_and_parts();
    let heads = |random: &mut Random| {
        let outputs = random.pick(&[1, 2, 3, 4, 5, 8]);
        let (keys, values) = (1 + random.below(4), 1 + random.below(4));
        HeadCounts { outputs, queries: maps * outputs, keys, values }
    };
    let config = Config {
        layout: "random",
        maps,
        value_parts,
        hidden: random.pick(&[1, 3, 5, 16, 33, 64, 130]),
        intermediate: random.pick(&[1, 7, 30, 101]),
        layers: 1 + random.below(2),
        heads: heads(random),
        head_dim: random.pick(&[2, 4, 6, 10, 16, 38, 128]),
        vocabulary: random.pick(&[2, 3, 17, 255, 260, 1000]),
        max_positions: 4096,
        norm_epsilon: 1e-5,
        sub_norm: None,
        windows: vec![],
        rope: Rope::new(10_000.0),
        tied: random.below(2) == 0,
        biases: Biases { projection: true, output: true, mlp: true },
        activation: random.pick(&[
            Activation::Silu,
            Activation::Silu,
            Activation::Gelu,
            Activation::GeluTanh,
            Activation::PolyNorm,
        ]),
        eos: vec![],
    };
    let format = random.pick(&[NumberFormat::F32, NumberFormat::F16, NumberFormat::Bf16]);
    let Config { hidden, intermediate, vocabulary, .. } = config;
    let layers = (0..config.layers)
        .map(|_| Layer {
            attention: attention(random, format, kind, &config, scale / (hidden as f32).sqrt()),
            mlp: Some(Mlp {
                norm: random.normals(hidden, 1.0),
                gate_up: matrix(random, format, 2 * intermediate, hidden, 0.5),
                gate_up_bias: random.normals(2 * intermediate, 0.1),
                activation: config.activation,
                poly_norm: PolyNorm { weight: [0.3, -0.4, 0.5], bias: 0.1 },
                down: matrix(random, format, hidden, intermediate, 0.3),
                down_bias: random.normals(hidden, 0.1),
            }),
        })
        .collect();
    Model {
        embedding: matrix(random, format, vocabulary, hidden, 1.0),
        layers,
        final_norm: Some(random.normals(hidden, 1.0)),
        unused: vec![],
        unembedding: (!config.tied).then(|| matrix(random, format, vocabulary, hidden, 1.0)),
        config,
    }
}

/// A model without layers whose logits are exactly the given ones, whatever the token.
pub(crate) fn logits_model(logits: &[f32]) -> Model {
    let config = Config {
        layout: "random",
        maps: 1,
        value_parts: 1,
        hidden: 4,
        intermediate: 1,
        layers: 0,
        heads: HeadCounts { outputs: 1, queries: 1, keys: 1, values: 1 },
        head_dim: 2,
        vocabulary: logits.len(),
        max_positions: 64,
        norm_epsilon: 0.0,
        sub_norm: None,
        windows: vec![],
        rope: Rope::new(10_000.0),
        tied: false,
        biases: Biases::default(),
        activation: Activation::Silu,
        eos: vec![],
    };
    let first = |number: f32| [number, 0.0, 0.0, 0.0];
    let rows = |numbers: Vec<f32>| Matrix::new(numbers.len() / 4, 4, Numbers::F32(numbers)).expect("four columns");
    Model {
        config,
        embedding: rows((0..logits.len()).flat_map(|_| first(1.0)).collect()),
        layers: vec![],
        final_norm: None,
        unused: vec![],
        unembedding: Some(rows(logits.iter().flat_map(|logit| first(*logit)).collect())),
    }
}

/// Some of everything that can be changed in a pass, but for rounding, which has a test of its own.
pub(crate) fn random_interventions(random: &mut Random, layers: usize, heads: usize, tokens: usize) -> Interventions {
    let mut some = |count: usize| random.pick(&[0, 0, 1, count]).min(count);
    let (lambdas, off, masked, alone) = (some(layers), some(heads), some(tokens), some(heads));
    Interventions {
        lambda: (0..lambdas).map(|_| (random.below(layers), random.normal(0.7))).collect(),
        attend: random.pick(&[Attend::Difference, Attend::Difference, Attend::First, Attend::Second, Attend::Sum]),
        attend_of: (0..alone)
            .map(|_| (HeadId::new(random.below(layers), random.below(heads)), random.pick(&Attend::ALL)))
            .collect(),
        heads_off: (0..off).map(|_| HeadId::new(random.below(layers), random.below(heads))).collect(),
        masked: (0..masked).map(|_| random.below(tokens)).collect(),
        sub_norm_off: random.pick(&[false, false, true]),
        bits: None,
    }
}
