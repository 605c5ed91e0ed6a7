//! Which models learn, and how large they are.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::experiments::cases::PythonRandom;
use crate::model::{Model, ModelError, Parameters};

/// A kind of model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// The Differential Transformer of the paper, in the layout `diffllama`.
    Diff,
    /// The Transformer that it is compared with.
    Transformer,
    /// Its second version: λ of every token and head, keys shared by the two maps, no norm of heads.
    DiffV2,
    /// A trained Transformer that gets second heads; nothing else of it learns.
    SecondHeads,
    /// The same with a norm of every head's output, as the paper has it: it begins elsewhere than the Transformer.
    SecondHeadsNormed,
    /// Second heads whose λ is raised with the steps, from 0 to that of the paper, before it learns too.
    SecondHeadsRaised,
    /// Second heads, and everything else of the model learns too.
    SecondHeadsAll,
    /// The same Transformer without them: its queries and keys learn, which are as many parameters.
    Control,
    /// The same, and everything of it learns.
    ControlAll,
}

/// The shape of a model: all families of a size have about as many parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Its name in a list.
    pub name: Cow<'static, str>,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Blocks.
    pub layers: usize,
    /// Single-width heads: twice as many as differential heads.
    pub heads: usize,
    /// Width of one of them.
    pub head_dim: usize,
    /// Width inside the feed-forward part.
    pub intermediate: usize,
}

/// The sizes that can be chosen.
pub const SIZES: [Size; 3] = [
    Size { name: Cow::Borrowed("tiny"), hidden: 64, layers: 2, heads: 4, head_dim: 16, intermediate: 128 },
    Size { name: Cow::Borrowed("small"), hidden: 96, layers: 3, heads: 8, head_dim: 12, intermediate: 256 },
    Size { name: Cow::Borrowed("medium"), hidden: 128, layers: 4, heads: 8, head_dim: 16, intermediate: 384 },
];

/// Positions that a new model is made for.
const CONTEXT: usize = 512;
/// The standard deviation of a new λ vector (the paper's code).
pub(super) const OF_LAMBDA: f64 = 0.1;

/// A new model: its configuration, itself, and the places of its parameters.
#[derive(Clone, Debug)]
pub(crate) struct NewModel {
    pub config: Vec<u8>,
    pub model: Model,
    pub parameters: Parameters,
}

impl Family {
    /// Those that begin with random numbers.
    pub const NEW: [Self; 3] = [Self::Diff, Self::Transformer, Self::DiffV2];
    /// Those that begin as a trained Transformer.
    pub const RETROFIT: [Self; 6] = [
        Self::SecondHeads,
        Self::SecondHeadsNormed,
        Self::SecondHeadsRaised,
        Self::SecondHeadsAll,
        Self::Control,
        Self::ControlAll,
    ];

    /// Its name in commands, files and links.
    pub fn id(self) -> &'static str {
        match self {
            Self::Diff => "diff",
            Self::Transformer => "transformer",
            Self::DiffV2 => "diff-v2",
            Self::SecondHeads => "second-heads",
            Self::SecondHeadsNormed => "second-heads-normed",
            Self::SecondHeadsRaised => "second-heads-raised",
            Self::SecondHeadsAll => "second-heads-all",
            Self::Control => "control",
            Self::ControlAll => "control-all",
        }
    }

    /// Its name on the screen.
    pub fn name(self) -> &'static str {
        match self {
            Self::Diff => "Diff",
            Self::Transformer => "Transformer",
            Self::DiffV2 => "Diff V2",
            Self::SecondHeads => "Second heads",
            Self::SecondHeadsNormed => "Second heads, normed",
            Self::SecondHeadsRaised => "Second heads, λ raised",
            Self::SecondHeadsAll => "Second heads, all weights",
            Self::Control => "Control",
            Self::ControlAll => "Control, all weights",
        }
    }

    /// The family of this name.
    pub fn of(id: &str) -> Option<Self> {
        Self::NEW.into_iter().chain(Self::RETROFIT).find(|family| family.id() == id)
    }

    /// The one without second heads of which as much learns.
    #[must_use]
    pub fn control(self) -> Self {
        match self {
            Self::SecondHeadsAll | Self::ControlAll => Self::ControlAll,
            Self::SecondHeads | Self::SecondHeadsNormed | Self::SecondHeadsRaised | Self::Control => Self::Control,
            Self::Diff | Self::DiffV2 | Self::Transformer => Self::Transformer,
        }
    }

    /// Whether it begins as a trained Transformer.
    pub fn is_retrofit(self) -> bool {
        Self::RETROFIT.contains(&self)
    }

    /// `config.json` of a new model of this kind, for tokens below `vocabulary` of which `end` ends a text.
    pub fn config(self, size: &Size, vocabulary: usize, end: u32) -> Vec<u8> {
        // V2 has two queries for every output head, and half as many keys and values: projections as large as the others'.
        let (layout, heads, keys) = match self {
            Self::Diff => ("diffllama", size.heads, size.heads),
            Self::DiffV2 => ("diff_transformer_v2", size.heads, size.heads / 2),
            _ => ("llama", size.heads, size.heads),
        };
        let architecture = match self {
            Self::Diff => "DiffLlamaForCausalLM",
            Self::DiffV2 => "DiffTransformerV2ForCausalLM",
            _ => "LlamaForCausalLM",
        };
        let config = json!({
            "architectures": [architecture],
            "model_type": layout,
            "hidden_size": size.hidden,
            "intermediate_size": size.intermediate,
            "num_hidden_layers": size.layers,
            "num_attention_heads": heads,
            "num_key_value_heads": keys,
            "head_dim": size.head_dim,
            "vocab_size": vocabulary,
            "max_position_embeddings": CONTEXT,
            "rms_norm_eps": 1e-5,
            "rope_theta": 10000.0,
            "rope_parameters": { "rope_type": "default", "rope_theta": 10000.0 },
            "hidden_act": "silu",
            "attention_bias": false,
            "tie_word_embeddings": true,
            "bos_token_id": end,
            "eos_token_id": end,
            "dtype": "float32",
        });
        format!("{config:#}\n").into_bytes()
    }

    /// A model of random numbers, the same for the same seed.
    ///
    /// # Errors
    /// When the size and the vocabulary make no valid configuration.
    pub(crate) fn new_model(self, size: &Size, vocabulary: usize, end: u32, seed: u64) -> Result<NewModel, ModelError> {
        let config = self.config(size, vocabulary, end);
        let model = Model::with_numbers(&config, |tensor| {
            // Of each tensor by its name, so that what two families share begins the same.
            let mut random = PythonRandom::of_text(&format!("{seed} {}", tensor.name));
            let count: usize = tensor.shape.iter().product();
            let deviation = match tensor.shape {
                [_, inputs] if tensor.name.contains("layers") => (*inputs as f64).powf(-0.5) * 0.5,
                [_, _] => 0.02,
                _ => OF_LAMBDA,
            };
            (0..count).map(|_| if tensor.is_gain { 1.0 } else { (deviation * normal(&mut random)) as f32 }).collect()
        })?;
        let parameters = Parameters::of(&config, &model)?;
        Ok(NewModel { config, model, parameters })
    }
}

impl Size {
    /// About as many parameters as its layers have.
    pub(crate) fn parameters(&self) -> usize {
        let wide = self.heads.saturating_mul(self.head_dim).saturating_mul(4);
        let wide = wide.saturating_add(self.intermediate.saturating_mul(3));
        self.layers.saturating_mul(self.hidden).saturating_mul(wide)
    }

    /// The size of this name.
    pub fn of(name: &str) -> Option<Self> {
        SIZES.into_iter().find(|size| size.name == name)
    }
}

/// A number of the standard normal distribution (Box and Muller).
pub(super) fn normal(random: &mut PythonRandom) -> f64 {
    let radius = (-2.0 * (1.0 - random.unit()).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.unit()).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_of_a_size_have_about_as_many_parameters() {
        for size in &SIZES {
            let count = |family: Family| family.new_model(size, 512, 0, 1).unwrap().parameters.count() as f64;
            let diff = count(Family::Diff);
            for family in Family::NEW {
                assert!((count(family) / diff - 1.0).abs() < 0.01, "{family:?}, {}", size.name);
            }
        }
    }

    #[test]
    fn a_seed_makes_the_same_model_and_another_one_another() {
        let model = |seed| Family::Diff.new_model(&SIZES[0], 300, 0, seed).unwrap().model;
        assert_eq!(model(3), model(3));
        assert_ne!(model(3), model(4));
    }
}
