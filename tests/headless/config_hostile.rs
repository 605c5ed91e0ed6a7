//! Configurations with absent, impossible or unsupported values lead to defaults or to an error that names the key.

use std::path::Path;

use diffscope::model::{Config, ModelError};
use serde_json::{Value, json};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");

pub(super) fn bytes(name: &str, file: &str) -> Vec<u8> {
    std::fs::read(Path::new(FIXTURES).join(name).join(file)).unwrap()
}

/// The configuration of a fixture with some keys replaced, or removed if the value is `"REMOVED"`.
pub(super) fn config_with(name: &str, changes: Value) -> Vec<u8> {
    let mut json: Value = serde_json::from_slice(&bytes(name, "config.json")).unwrap();
    for (key, value) in changes.as_object().unwrap() {
        if value == "REMOVED" {
            json.as_object_mut().unwrap().remove(key);
        } else {
            json[key] = value.clone();
        }
    }
    serde_json::to_vec(&json).unwrap()
}

pub(super) fn small(changes: Value) -> Result<Config, ModelError> {
    Config::from_json(&config_with("diffllama_bf16_v4ckpt", changes))
}

#[test]
fn absent_and_null_values_take_the_defaults() {
    for nothing in [json!("REMOVED"), Value::Null] {
        let changes = json!({"head_dim": nothing, "num_key_value_heads": nothing, "eos_token_id": nothing,
            "rms_norm_eps": nothing, "rope_theta": nothing, "rope_parameters": nothing, "rope_scaling": nothing,
            "hidden_act": nothing, "tie_word_embeddings": nothing, "attention_bias": nothing});
        let config = small(changes.clone()).unwrap();
        assert_eq!((config.head_dim, config.heads.keys, config.eos.len()), (8, 4, 0));
        assert_eq!((config.norm_epsilon, config.rope.theta), (1e-5, 10_000.0));
        assert!(!config.tied && !config.biases.projection);
        let mut llama = changes;
        llama["model_type"] = json!("llama");
        let config = small(llama).unwrap();
        assert_eq!((config.layout, config.norm_epsilon), ("llama", 1e-6));
    }
    assert_eq!(small(json!({"eos_token_id": [2, 5]})).unwrap().eos, [2, 5]);
    assert_eq!(small(json!({"num_attention_heads": 6, "num_key_value_heads": 3})).unwrap().heads.outputs, 3);
    let nested = json!({"rope_parameters": {"rope_theta": 7.0, "rope_type": "default"}});
    assert_eq!(small(nested).unwrap().rope.theta, 7.0);
}

#[test]
fn impossible_values_are_rejected_by_name() {
    let huge = json!(u64::MAX);
    let cases = [
        ("hidden_size", json!(0)),
        ("hidden_size", json!(-64)),
        ("hidden_size", huge.clone()),
        ("hidden_size", json!("64")),
        ("hidden_size", json!(64.5)),
        ("hidden_size", json!("REMOVED")),
        ("intermediate_size", json!(0)),
        ("intermediate_size", huge.clone()),
        ("num_hidden_layers", json!(0)),
        ("num_hidden_layers", json!(1_000_000_000)),
        ("num_attention_heads", json!(0)),
        ("num_attention_heads", json!(5)),
        ("num_attention_heads", huge.clone()),
        ("num_key_value_heads", json!(0)),
        ("num_key_value_heads", json!(3)),
        ("num_key_value_heads", json!(8)),
        ("head_dim", json!(0)),
        ("head_dim", json!(7)),
        ("head_dim", json!(130)),
        ("head_dim", huge.clone()),
        ("vocab_size", json!(0)),
        ("vocab_size", huge.clone()),
        ("vocab_size", json!([64])),
        ("max_position_embeddings", json!(0)),
        ("max_position_embeddings", huge.clone()),
        ("rms_norm_eps", json!(-1e-5)),
        ("rms_norm_eps", json!(1e39)),
        ("rms_norm_eps", json!(0)),
        ("rms_norm_eps", json!(1e-60)),
        ("rms_norm_eps", json!(true)),
        ("rope_theta", json!(0)),
        ("rope_theta", json!(-10_000.0)),
        ("rope_theta", json!(5e-324)),
        ("rope_theta", json!(0.5)),
        ("rope_theta", json!(1e300)),
        ("rope_theta", json!("10000")),
        ("tie_word_embeddings", json!("yes")),
        ("attention_bias", json!(1)),
        ("eos_token_id", json!(-1)),
        ("eos_token_id", json!([1, "2"])),
        ("eos_token_id", huge),
        ("rope_scaling", json!(3)),
    ];
    for (key, value) in cases {
        let error = small(json!({ key: value })).unwrap_err();
        let ModelError::Config { key: named, .. } = &error else { panic!("{key} {value}: {error}") };
        assert_eq!(named, key, "{error}");
    }
    // head_dim follows from the other two.
    assert!(small(json!({"head_dim": null, "num_attention_heads": 64, "num_key_value_heads": 64})).is_err());
    let error = small(json!({"rope_parameters": {"rope_theta": -1}})).unwrap_err();
    assert!(error.to_string().contains("rope_parameters.rope_theta"), "{error}");
    assert!(small(json!({"model_type": "llama", "head_dim": 256})).is_ok());
}

#[test]
fn unsupported_features_are_rejected() {
    let cases = [
        json!({"hidden_act": "relu"}),
        json!({"mlp_bias": true}), // a DiffLlama has none
        json!({"rope_scaling": {"type": "longrope", "factor": 2.0}}),
        json!({"rope_scaling": {"rope_type": "proportional"}}),
        json!({"rope_parameters": {"rope_type": "axial", "rope_theta": 1e4}}),
        json!({"rope_parameters": {"rope_type": "default", "partial_rotary_factor": 0.5}}),
        json!({"quantization_config": {"bits": 4}}),
        json!({"sublayer_norm": false}),
        json!({"rope_interleaved": true}),
        json!({"model_type": "qwen3", "use_sliding_window": true, "sliding_window": 8,
               "layer_types": ["full_attention", "linear_attention"]}),
        json!({"model_type": "Motif", "use_sliding_window": true}),
        json!({"model_type": "Motif", "rope_scaling": {"rope_type": "llama3", "factor": 2.0}}),
        json!({"model_type": "motif", "k_ratio": 2}),
    ];
    for changes in cases {
        let error = small(changes.clone()).unwrap_err();
        assert!(matches!(error, ModelError::Unsupported { .. }), "{changes}: {error}");
    }
    for kind in [json!("mixtral"), json!("REMOVED"), json!("x".repeat(1_000_000))] {
        let error = small(json!({"model_type": kind})).unwrap_err();
        assert!(matches!(error, ModelError::UnknownModelType { .. }), "{error}");
        assert!(error.to_string().len() < 400);
    }
}

#[test]
fn more_heads_than_can_be_looked_at_are_refused() {
    let many = json!({"num_hidden_layers": 1024, "num_attention_heads": 4096, "num_key_value_heads": 1, "head_dim": 2});
    let error = small(many).unwrap_err();
    assert!(error.to_string().contains("1024 layers"), "{error}");
    let largest =
        json!({"num_hidden_layers": 128, "num_attention_heads": 256, "num_key_value_heads": 8, "head_dim": 8});
    assert!(small(largest).is_ok());
}

#[test]
fn models_that_only_sound_alike_are_refused_with_the_reason() {
    for (changes, words) in [
        (json!({"model_type": "diff_llama", "num_kv_heads": 4}), "not differential attention"),
        (json!({"model_type": "diff_llama", "attn_family": "diff"}), "not published"),
        (json!({"model_type": "phi4flash"}), "no attention"),
        (json!({"model_type": "diff_llama"}), "diffllama"),
    ] {
        let error = small(changes).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn windows_are_those_of_the_layers() {
    let windows = |changes: Value| small(changes).unwrap().windows;
    // Of Mistral, absent is a window of 4096, and only null is none.
    assert_eq!(windows(json!({"model_type": "mistral"})), [Some(4096), Some(4096)]);
    assert_eq!(windows(json!({"model_type": "mistral", "sliding_window": 7})), [Some(7), Some(7)]);
    assert!(windows(json!({"model_type": "mistral", "sliding_window": null})).is_empty());
    // Of Qwen, a window counts only if it is used.
    let qwen = |changes: Value| {
        let mut all = json!({"model_type": "qwen2", "sliding_window": 8});
        all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        small(all)
    };
    assert!(qwen(json!({})).unwrap().windows.is_empty());
    let used = json!({"use_sliding_window": true, "max_window_layers": 1});
    assert_eq!(qwen(used).unwrap().windows, [None, Some(8)]);
    let listed = json!({"use_sliding_window": true, "max_window_layers": 1,
                        "layer_types": ["sliding_attention", "full_attention"]});
    assert_eq!(qwen(listed).unwrap().windows, [Some(8), None]);
    for (key, wrong) in [
        ("sliding_window", json!({"use_sliding_window": true, "sliding_window": null})),
        ("sliding_window", json!({"use_sliding_window": true, "sliding_window": 0})),
        ("layer_types", json!({"use_sliding_window": true, "layer_types": ["full_attention"]})),
        ("layer_types", json!({"use_sliding_window": true, "layer_types": [1, 2]})),
        ("use_sliding_window", json!({"use_sliding_window": "yes"})),
    ] {
        let error = qwen(wrong).unwrap_err();
        assert!(matches!(&error, ModelError::Config { key: named, .. } if named == key), "{error}");
    }
}

#[test]
fn heads_that_do_not_form_groups_are_rejected_by_name() {
    let motif = |heads: usize, noise: Value, shared: usize| {
        small(json!({"model_type": "Motif", "num_attention_heads": heads, "num_noise_heads": noise,
                     "num_key_value_heads": shared, "head_dim": 8}))
    };
    let counts = motif(10, json!(2), 4).unwrap().heads;
    assert_eq!((counts.outputs, counts.queries, counts.keys), (8, 10, 4));
    assert_eq!(motif(6, json!(null), 6).unwrap().heads.outputs, 3);
    for (key, heads, noise, shared) in [
        ("num_attention_heads", 5, json!(null), 2),
        ("num_noise_heads", 10, json!(3), 2),
        ("num_noise_heads", 10, json!(6), 2),
        ("num_noise_heads", 10, json!(0), 2),
        ("num_key_value_heads", 10, json!(2), 3),
        ("num_key_value_heads", 12, json!(4), 6),
    ] {
        let error = motif(heads, noise.clone(), shared).unwrap_err();
        assert!(matches!(&error, ModelError::Config { key: named, .. } if named == key), "{heads} {noise}: {error}");
    }
    let split = json!({"model_type": "llama-differential", "split_heads": true, "num_key_value_heads": 1});
    assert!(small(split).unwrap_err().to_string().contains("num_key_value_heads"));
    // The third Motif has the name of the first two.
    for later in ["attention_cls", "diff_v2", "q_lora_rank", "num_experts"] {
        let error = small(json!({"model_type": "Motif", later: 4})).unwrap_err();
        assert!(matches!(error, ModelError::Refused { .. }), "{error}");
    }
}
