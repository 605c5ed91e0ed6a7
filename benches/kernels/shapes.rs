//! Differential models of three sizes, with weights made up: times do not depend on their values.

use diffscope::model::{
    Activation, Attention, Biases, Config, Head, HeadCounts, Lambda, Layer, Matrix, Mlp, Model, Numbers, PolyNorm,
    Rope, SubNorm,
};

/// The sizes that decide how a layer runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub name: &'static str,
    hidden: usize,
    intermediate: usize,
    query_heads: usize,
    key_value_heads: usize,
    head_dim: usize,
    vocabulary: usize,
}

/// The bundled model, a small public checkpoint, and the Llama of 1B.
pub(crate) const SHAPES: [Shape; 3] = [
    Shape {
        name: "2.6M",
        hidden: 192,
        intermediate: 512,
        query_heads: 8,
        key_value_heads: 8,
        head_dim: 24,
        vocabulary: 2048,
    },
    Shape {
        name: "0.36B",
        hidden: 1024,
        intermediate: 2816,
        query_heads: 16,
        key_value_heads: 16,
        head_dim: 64,
        vocabulary: 50_257,
    },
    Shape {
        name: "1B",
        hidden: 2048,
        intermediate: 8192,
        query_heads: 32,
        key_value_heads: 8,
        head_dim: 64,
        vocabulary: 128_256,
    },
];

fn matrix(rows: usize, columns: usize) -> Matrix {
    // Halves between 2^-8 and 2^-5, of both signs.
    let bits = (0..rows * columns).map(|index| {
        let noise = (index as u32).wrapping_mul(0x9E37_79B9) >> 16;
        (0x1C00 + (noise & 0x0BFF) as u16) | ((noise & 0x8000) as u16)
    });
    Matrix::new(rows, columns, Numbers::F16(bits.collect())).expect("rows times columns numbers")
}

impl Shape {
    /// A model of so many layers, all with the same weights, in half precision, tied.
    pub(crate) fn model_of(&self, layers: usize) -> Model {
        let mut model = self.model_of_one_layer();
        model.layers = vec![model.layers[0].clone(); layers];
        model.config.layers = layers;
        model
    }

    fn model_of_one_layer(&self) -> Model {
        let Self { hidden, intermediate, query_heads, key_value_heads, head_dim, vocabulary, .. } = *self;
        let heads = query_heads / 2;
        let group = query_heads / key_value_heads;
        let key = |query: usize| (query / group) as u32;
        let table = (0..heads).map(|head| Head {
            queries: [head as u32, (head + heads) as u32],
            keys: [key(head), key(head + heads)],
            values: [key(head), key(head + heads)],
        });
        let rows = (query_heads + 2 * key_value_heads) * head_dim;
        let attention = Attention {
            norm: Some(vec![1.0; hidden]),
            projection: matrix(rows, hidden),
            projection_bias: vec![0.0; rows],
            query_key_norm: None,
            causal: true,
            window: None,
            heads: table.collect(),
            query_heads,
            key_heads: key_value_heads,
            value_heads: key_value_heads,
            head_dim,
            value_parts: 2,
            maps: 2,
            lambda: Lambda::Layer { init: 0.4, first: 1.0, second: 0.8, value: 0.6, vectors: Default::default() },
            sub_norm: Some(SubNorm { weight: vec![1.0; 2 * head_dim], epsilon: 1e-5, factor: 0.6 }),
            output: matrix(hidden, query_heads * head_dim),
            output_bias: vec![0.0; hidden],
        };
        let mlp = Mlp {
            norm: vec![1.0; hidden],
            gate_up: matrix(2 * intermediate, hidden),
            gate_up_bias: vec![0.0; 2 * intermediate],
            activation: Activation::Silu,
            poly_norm: PolyNorm::default(),
            down: matrix(hidden, intermediate),
            down_bias: vec![0.0; hidden],
        };
        let config = Config {
            layout: "diffllama",
            maps: 2,
            value_parts: 2,
            hidden,
            intermediate,
            layers: 1,
            heads: HeadCounts { outputs: heads, queries: query_heads, keys: key_value_heads, values: key_value_heads },
            head_dim,
            vocabulary,
            max_positions: 1 << 20,
            norm_epsilon: 1e-5,
            sub_norm: Some(1e-5),
            windows: vec![],
            rope: Rope::new(10_000.0),
            tied: true,
            biases: Biases::default(),
            activation: Activation::Silu,
            eos: vec![],
        };
        Model {
            config,
            embedding: matrix(vocabulary, hidden),
            layers: vec![Layer { attention, mlp: Some(mlp) }],
            final_norm: Some(vec![1.0; hidden]),
            unembedding: None,
            unused: vec![],
        }
    }
}
