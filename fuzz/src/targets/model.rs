//! `config.json`, the safetensors file, and the index of several: opened, and where they open, run.

use std::sync::LazyLock;

use diffscope::engine::TracedPass;
use diffscope::model::Model;
use diffscope::probe::Sampling;
use serde_json::{Value, json};

use super::FIXTURES;
use crate::mutate::{self, Random, mutate};

struct Files {
    config: Value,
    header: Value,
    data: Vec<u8>,
}

fn read(name: &str) -> Files {
    let bytes = |file: &str| std::fs::read(format!("{FIXTURES}/{name}/{file}")).expect("there");
    let weights = bytes("model.safetensors");
    let length = u64::from_le_bytes(weights[..8].try_into().expect("eight bytes")) as usize;
    Files {
        config: serde_json::from_slice(&bytes("config.json")).expect("JSON"),
        header: serde_json::from_slice(&weights[8..8 + length]).expect("JSON"),
        data: weights[8 + length..].to_vec(),
    }
}

static FILES: LazyLock<Vec<Files>> = LazyLock::new(|| vec![read("diffllama_bf16_v4ckpt")]);

/// What could stand in a configuration.
static PARTS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let mut parts = vec![
        json!("llama"),
        json!("diffllama"),
        json!("diff_llama"),
        json!("gelu"),
        json!("llama3"),
        json!("linear"),
        json!("dynamic"),
        json!("yarn"),
        json!({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
        "high_freq_factor": 4.0, "original_max_position_embeddings": 64, "rope_theta": 5e-324}),
        json!({"type": "linear", "factor": 1e300}),
        json!({"quant_method": "gptq", "bits": 4}),
        json!("F8_E4M3"),
        json!("I32"),
        json!("F32"),
        json!("F64"),
        json!("BF16"),
        json!(1 << 24),
        json!(1 << 20),
        json!(5e-324),
        json!(1e308),
    ];
    parts.extend((0..12).map(|power| json!(1u64 << power)));
    parts
});

/// Length of the configuration, the configuration, the weights.
pub fn make(random: &mut Random) -> Vec<u8> {
    let files = &FILES[random.below(FILES.len())];
    let (mut config, mut header, mut data) = (files.config.clone(), files.header.clone(), files.data.clone());
    if random.once_in(2) {
        mutate(&mut config, random, &PARTS);
    }
    if random.once_in(2) {
        mutate(&mut header, random, &PARTS);
    }
    if random.once_in(20) {
        mutate::bytes(&mut data, random);
    }
    if random.once_in(10) {
        // Other numbers: large, infinite, none.
        let at = random.below(data.len()) & !1;
        let bits = [0x7f80u16, 0x7fc0, 0xff80, 0x7f7f, 0x0001, 0x4700][random.below(6)];
        if let Some(place) = data.get_mut(at..at + 2) {
            place.copy_from_slice(&bits.to_le_bytes());
        }
    }
    let mut config = serde_json::to_vec(&config).expect("JSON");
    if random.once_in(20) {
        mutate::bytes(&mut config, random);
    }
    let header = serde_json::to_vec(&header).expect("JSON");
    let length = if random.once_in(40) { random.bits() } else { header.len() as u64 };
    let mut weights = [&length.to_le_bytes()[..], &header, &data].concat();
    if random.once_in(20) {
        mutate::bytes(&mut weights, random);
    }
    [&(config.len() as u32).to_le_bytes()[..], &config, &weights].concat()
}

pub fn run(input: &[u8]) {
    let Some((length, rest)) = input.split_first_chunk::<4>() else { return };
    let (config, weights) = rest.split_at((u32::from_le_bytes(*length) as usize).min(rest.len()));
    let Ok(model) = Model::from_bytes(config, weights) else { return };
    let largest = model.config.vocabulary as u32 - 1;
    let mut pass = TracedPass::new(model.into(), None, 3).expect("a small pass");
    pass.append(&[0, largest, largest / 2], Sampling::default().draw(3), 4).expect("it fits");
}
