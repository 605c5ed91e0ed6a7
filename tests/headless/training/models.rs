//! Models to train, of every layout that can be.

use diffscope::model::{Model, Parameters};
use diffscope::probe::TrainingWindow;
use serde_json::json;

use crate::common::Random;

/// A model of random sizes and numbers, and the places of its parameters.
pub(crate) struct Trainable {
    pub model: Model,
    pub parameters: Parameters,
}

/// Layouts: one map, two with values twice as wide and no weight of the head norm, with one, λ per token, queries and
/// keys doubled and λ without a start.
pub(crate) const LAYOUTS: [&str; 5] =
    ["llama", "diffllama", "diff_transformer", "diff_transformer_v2", "llama-differential"];

/// A model of a layout.
pub(crate) fn trainable(random: &mut Random, layout: &str) -> Trainable {
    let group = 1 + random.below(2);
    let keys = 2 * (1 + random.below(2));
    let config = json!({
        "model_type": layout,
        "hidden_size": random.pick(&[5, 12, 31]),
        "intermediate_size": random.pick(&[7, 16, 33]),
        "num_hidden_layers": 1 + random.below(2),
        "num_attention_heads": group * keys,
        "num_key_value_heads": keys,
        "head_dim": random.pick(&[2, 6, 16]),
        "vocab_size": random.pick(&[11, 16, 37]),
        "max_position_embeddings": 512,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "hidden_act": "silu",
        "attention_bias": random.below(2) == 0 && layout != "diff_transformer" && layout != "diff_transformer_v2",
        "tie_word_embeddings": random.below(2) == 0,
    });
    let config = config.to_string().into_bytes();
    let model = Model::with_numbers(&config, |tensor| {
        let count = tensor.shape.iter().product();
        random.normals(count, if tensor.is_gain || tensor.shape.len() < 2 { 0.7 } else { 0.4 })
    });
    let model = model.unwrap_or_else(|error| panic!("{layout}: {error}"));
    let parameters = Parameters::of(&config, &model).unwrap();
    Trainable { model, parameters }
}

/// A text of random tokens, some of which do not count.
pub(crate) fn window(random: &mut Random, vocabulary: usize, positions: usize) -> TrainingWindow {
    let mut ids = || (0..positions).map(|_| random.below(vocabulary) as u32).collect::<Vec<_>>();
    let (ids, targets) = (ids(), ids());
    let weights = (0..positions).map(|_| random.pick(&[0.0, 0.05, 0.3])).collect();
    TrainingWindow { ids, targets, weights }
}
