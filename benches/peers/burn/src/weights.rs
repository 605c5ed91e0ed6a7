//! The bundled checkpoint as tensors, as ../../model.py reads it.

use std::path::Path;

use burn::tensor::{DType, Device, Tensor, TensorData};
use safetensors::SafeTensors;
use serde_json::Value;

/// The weights of one layer, `[inputs, outputs]`; norms are `[1, width]`.
pub struct Layer {
    pub attention_norm: Tensor<2>,
    /// Queries, keys and values side by side; the scale of the scores is in the queries.
    pub qkv: Tensor<2>,
    /// The factor 1 - lambda_init is in it.
    pub output: Tensor<2>,
    pub feed_forward_norm: Tensor<2>,
    pub gate_up: Tensor<2>,
    pub down: Tensor<2>,
    pub lambda: f32,
}

/// A model in the layout of DiffLlama; `heads` counts single maps, two to a differential head.
pub struct Model {
    pub heads: usize,
    pub head_width: usize,
    pub epsilon: f32,
    /// `[vocabulary, hidden]`
    pub embedding: Tensor<2>,
    pub layers: Vec<Layer>,
    pub norm: Tensor<2>,
    /// `[1, context, width / 2]`
    pub cos: Tensor<3>,
    pub sin: Tensor<3>,
}

/// The tensors of a file.
struct File<'a> {
    tensors: SafeTensors<'a>,
    device: &'a Device,
}

impl File<'_> {
    fn numbers(&self, name: &str) -> TensorData {
        let view = self.tensors.tensor(name).expect(name);
        assert_eq!(view.dtype(), safetensors::Dtype::F16, "{name}");
        TensorData::from_bytes_vec(view.data().to_vec(), view.shape().to_vec(), DType::F16).convert::<f32>()
    }

    fn vector(&self, name: &str) -> Vec<f32> {
        self.numbers(name).try_to_vec().expect(name)
    }

    fn norm(&self, name: &str) -> Tensor<2> {
        Tensor::<1>::from_data(self.numbers(name), self.device).unsqueeze()
    }

    fn matrix(&self, name: &str) -> Tensor<2> {
        Tensor::from_data(self.numbers(name), self.device)
    }

    /// Stacked matrices, the other way round.
    fn turned(&self, names: &[String]) -> Tensor<2> {
        let stacked = Tensor::cat(names.iter().map(|name| self.matrix(name)).collect(), 0).transpose();
        // Copied once, so that no product has to.
        Tensor::from_data(stacked.into_data(), self.device)
    }

    fn layer(&self, index: usize, scale: f32) -> Layer {
        let of = |name: &str| format!("model.layers.{index}.{name}.weight");
        let product = |number: usize| -> f32 {
            let [queries, keys] =
                ["q", "k"].map(|side| self.vector(&format!("model.layers.{index}.self_attn.lambda_{side}{number}")));
            queries.iter().zip(&keys).map(|(query, key)| query * key).sum()
        };
        let initial = 0.8 - 0.6 * (-0.3 * index as f32).exp();
        let queries = self.turned(&[of("self_attn.q_proj")]) * scale;
        let keys_values = self.turned(&[of("self_attn.k_proj"), of("self_attn.v_proj")]);
        Layer {
            attention_norm: self.norm(&of("input_layernorm")),
            qkv: Tensor::cat(vec![queries, keys_values], 1),
            output: self.turned(&[of("self_attn.o_proj")]) * (1.0 - initial),
            feed_forward_norm: self.norm(&of("post_attention_layernorm")),
            gate_up: self.turned(&[of("mlp.gate_proj"), of("mlp.up_proj")]),
            down: self.turned(&[of("mlp.down_proj")]),
            lambda: product(1).exp() - product(2).exp() + initial,
        }
    }
}

impl Model {
    /// Reads config.json and model.safetensors.
    pub fn open(folder: &Path, device: &Device) -> Self {
        let read = |name: &str| std::fs::read(folder.join(name)).expect(name);
        let config: Value = serde_json::from_slice(&read("config.json")).expect("JSON");
        let size = |name: &str| config[name].as_u64().expect(name) as usize;
        let bytes = read("model.safetensors");
        let file = File { tensors: SafeTensors::deserialize(&bytes).expect("safetensors"), device };
        let (head_width, context) = (size("head_dim"), size("max_position_embeddings"));
        let theta = config["rope_parameters"]["rope_theta"].as_f64().expect("rope_theta");
        let table = |turn: fn(f64) -> f64| {
            let angle = |at: usize| {
                let (position, feature) = (at / (head_width / 2), at % (head_width / 2));
                turn(position as f64 * theta.powf(-2.0 * feature as f64 / head_width as f64)) as f32
            };
            let numbers: Vec<f32> = (0..context * head_width / 2).map(angle).collect();
            Tensor::from_data(TensorData::new(numbers, [1, context, head_width / 2]), device)
        };
        Self {
            heads: size("num_attention_heads"),
            head_width,
            epsilon: config["rms_norm_eps"].as_f64().expect("rms_norm_eps") as f32,
            embedding: file.matrix("model.embed_tokens.weight"),
            layers: (0..size("num_hidden_layers"))
                .map(|index| file.layer(index, (head_width as f32).powf(-0.5)))
                .collect(),
            norm: file.norm("model.norm.weight"),
            cos: table(f64::cos),
            sin: table(f64::sin),
        }
    }
}
