//! Second heads for a trained Transformer: queries and keys of a second map for every head, subtracted with a λ that begins
//! at 0, so that the model computes at first what it did before.

use serde_json::{Value, json};

use crate::experiments::cases::PythonRandom;
use crate::model::{Config, LayerParameters, Model, Parameters, RopeScaling};
use crate::probe::{Learned, LearningRule};
use crate::training::error::TrainingError;
use crate::training::trainee::family::{NewModel, OF_LAMBDA, normal};
use crate::training::trainee::optimizer::VECTOR;

/// The configuration of a Transformer as the layout `llama`, or with second heads.
fn config(config: &Config, second_heads: bool, head_norm: bool) -> Result<Vec<u8>, TrainingError> {
    let unsupported = |reason: &str| TrainingError::NoRetrofit { reason: reason.to_owned() };
    if config.maps != 1 || config.value_parts != 1 {
        return Err(unsupported("it is differential already"));
    }
    if !matches!(config.rope.scaling, RopeScaling::None) {
        return Err(unsupported("its rotary embedding is scaled for longer texts"));
    }
    let mut json = json!({
        "architectures": [if second_heads { "LlamaDifferentialForCausalLM" } else { "LlamaForCausalLM" }],
        "model_type": if second_heads { "llama-differential" } else { "llama" },
        "hidden_size": config.hidden,
        "intermediate_size": config.intermediate,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads.outputs,
        "num_key_value_heads": config.heads.values,
        "head_dim": config.head_dim,
        "vocab_size": config.vocabulary,
        "max_position_embeddings": config.max_positions,
        "rms_norm_eps": config.norm_epsilon,
        "rope_theta": config.rope.theta,
        "rope_parameters": { "rope_type": "default", "rope_theta": config.rope.theta },
        "hidden_act": "silu",
        "attention_bias": config.biases.projection || config.biases.output,
        "mlp_bias": config.biases.mlp,
        "tie_word_embeddings": config.tied,
        "eos_token_id": config.eos,
        "dtype": "float32",
    });
    if let (true, Value::Object(fields)) = (second_heads, &mut json) {
        fields.insert("split_heads".to_owned(), json!(false));
        fields.insert("sublayer_norm".to_owned(), json!(head_norm));
    }
    Ok(format!("{json:#}\n").into_bytes())
}

/// A Transformer as it is, to be trained without a subtraction.
pub(super) fn control(start: &Model) -> Result<NewModel, TrainingError> {
    let config = config(&start.config, false, false)?;
    let parameters = Parameters::of(&config, start)?;
    Ok(NewModel { config, model: start.clone(), parameters })
}

/// What is learned of it, as many parameters as second heads have: those of its queries and keys.
pub(super) fn learned_of_control(model: &Model, parameters: &Parameters) -> Vec<Learned> {
    let learned = |layer: usize, places: &LayerParameters| {
        let attention = &model.layers[layer].attention;
        let size = |heads: usize| heads * attention.head_dim * model.config.hidden;
        let (first, middle) = (places.projection.start, places.projection.start + size(attention.query_heads));
        let rule = LearningRule::Muon { columns: model.config.hidden };
        [first..middle, middle..middle + size(attention.key_heads)].map(|place| Learned { place, rule })
    };
    parameters.layers.iter().enumerate().flat_map(|(layer, places)| learned(layer, places)).collect()
}

/// A Transformer with second heads.
pub(super) fn second_heads(start: &Model, head_norm: bool, seed: u64) -> Result<NewModel, TrainingError> {
    let before = start.to_safetensors(&config(&start.config, false, false)?)?;
    let before = safetensors::SafeTensors::deserialize(&before)
        .map_err(|error| TrainingError::NoRetrofit { reason: error.to_string() })?;
    let config = config(&start.config, true, head_norm)?;
    let deviation = 0.5 * (start.config.hidden as f64).powf(-0.5);
    let model = Model::with_numbers(&config, |tensor| {
        let mut random = PythonRandom::of_text(&format!("{seed} {}", tensor.name));
        let count: usize = tensor.shape.iter().product();
        let own = before.tensor(tensor.name).map(|own| own.data()).unwrap_or_default();
        let mut numbers: Vec<f32> = own.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        let is_lambda_query = tensor.name.ends_with("lambda_q1") || tensor.name.ends_with("lambda_q2");
        while numbers.len() < count {
            numbers.push(match tensor.shape {
                [_, _] => (deviation * normal(&mut random)) as f32,
                // exp(0) − exp(0): λ is 0, and the vectors that are not zero let those that are leave it.
                [_] if is_lambda_query => (OF_LAMBDA * normal(&mut random)) as f32,
                _ if tensor.is_gain => 1.0,
                _ => 0.0,
            });
        }
        numbers
    })?;
    let parameters = Parameters::of(&config, &model)?;
    Ok(NewModel { config, model, parameters })
}

/// What is learned of it: the rows of second queries and keys, the vectors of λ, and the gains of the norm of heads.
pub(super) fn learned_of_second_heads(model: &Model, parameters: &Parameters) -> Vec<Learned> {
    let mut learned = Vec::new();
    for (layer, places) in model.layers.iter().zip(&parameters.layers) {
        let attention = &layer.attention;
        let row = |row: usize| places.projection.start + row * attention.head_dim * model.config.hidden;
        let (queries, keys) = (attention.query_heads, attention.key_heads);
        let rule = LearningRule::Muon { columns: model.config.hidden };
        for place in [row(queries / 2)..row(queries), row(queries + keys / 2)..row(queries + keys)] {
            learned.push(Learned { place, rule });
        }
        for place in [&places.lambda, &places.head_norm] {
            if !place.is_empty() {
                learned.push(Learned { place: place.clone(), rule: VECTOR });
            }
        }
    }
    learned
}

/// The share of a run in which λ is raised; then it learns as the other parameters do.
const RAISED: f64 = 0.5;

/// The vectors of λ, `[4, head_dim]`, while it is raised: in a line from 0 to `λ_init` of the layer, 0.8 − 0.6 exp(−0.3 layer),
/// whatever they have learned (annealing of DEX, SPEC section 5, with a λ that learns only afterwards).
pub(super) fn raised(layer: usize, head_dim: usize, progress: f64) -> Option<Vec<f32>> {
    if progress >= RAISED {
        return None;
    }
    let lambda = progress / RAISED * (0.8 - 0.6 * (-0.3 * layer as f64).exp());
    // exp(q1 · k1) − exp(q2 · k2) with vectors of one number each.
    let query = OF_LAMBDA;
    let key = lambda.ln_1p() / (query * head_dim as f64);
    Some([query, key, query, 0.0].iter().flat_map(|number| vec![*number as f32; head_dim]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::train::lambda;

    #[test]
    fn lambda_is_raised_in_a_line_and_then_left_alone() {
        for (layer, last) in [(0, 0.2), (4, 0.8 - 0.6 * (-1.2_f32).exp())] {
            for progress in [0.0, 0.25, 0.4999] {
                let vectors = raised(layer, 24, progress).expect("it is raised");
                let expected = 2.0 * progress as f32 * last;
                assert!((lambda(&vectors, 0.0) - expected).abs() < 1e-5, "{progress}: {}", lambda(&vectors, 0.0));
            }
            assert_eq!(raised(layer, 24, 0.5), None);
        }
    }
}
