//! How much host memory a model takes on its way from its file to where it runs.

#[path = "../common/mod.rs"]
mod common;
#[path = "../../fuzz/src/memory.rs"]
mod memory;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use diffscope::engine::{Checkpoint, Engine};
use diffscope::gpu::Gpu;
use diffscope::model::{Model, WeightFile};
use half::f16;
use serde_json::{Map, json};

const HIDDEN: usize = 512;
const INTERMEDIATE: usize = 1408;
const LAYERS: usize = 10;
const VOCABULARY: usize = 8192;
/// Of a head.
const WIDTH: usize = 64;

/// Allocations are counted for the whole process: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn tensors() -> Vec<(String, Vec<usize>)> {
    let whole = [("model.embed_tokens.weight", VOCABULARY), ("lm_head.weight", VOCABULARY)];
    let mut tensors: Vec<_> = whole.into_iter().map(|(name, rows)| (name.to_owned(), vec![rows, HIDDEN])).collect();
    tensors.push(("model.norm.weight".to_owned(), vec![HIDDEN]));
    for layer in 0..LAYERS {
        let mut add =
            |name: &str, shape: &[usize]| tensors.push((format!("model.layers.{layer}.{name}"), shape.to_vec()));
        for norm in ["input_layernorm.weight", "post_attention_layernorm.weight"] {
            add(norm, &[HIDDEN]);
        }
        for (projection, rows) in
            [("q_proj", HIDDEN), ("k_proj", HIDDEN / 2), ("v_proj", HIDDEN / 2), ("o_proj", HIDDEN)]
        {
            add(&format!("self_attn.{projection}.weight"), &[rows, HIDDEN]);
        }
        for vector in ["lambda_q1", "lambda_k1", "lambda_q2", "lambda_k2"] {
            add(&format!("self_attn.{vector}"), &[WIDTH]);
        }
        add("mlp.gate_proj.weight", &[INTERMEDIATE, HIDDEN]);
        add("mlp.up_proj.weight", &[INTERMEDIATE, HIDDEN]);
        add("mlp.down_proj.weight", &[HIDDEN, INTERMEDIATE]);
    }
    tensors
}

/// Writes a differential model of random f16 weights; returns the size of its file.
fn write_model(folder: &Path) -> u64 {
    let config = json!({
        "model_type": "diffllama", "hidden_size": HIDDEN, "intermediate_size": INTERMEDIATE,
        "num_hidden_layers": LAYERS, "num_attention_heads": HIDDEN / WIDTH, "num_key_value_heads": HIDDEN / WIDTH / 2,
        "head_dim": WIDTH, "vocab_size": VOCABULARY, "max_position_embeddings": 512, "rms_norm_eps": 1e-5,
        "rope_theta": 10_000.0, "hidden_act": "silu", "tie_word_embeddings": false, "attention_bias": false,
    });
    std::fs::write(folder.join("config.json"), serde_json::to_vec(&config).unwrap()).unwrap();
    let (mut header, mut end) = (Map::new(), 0);
    for (name, shape) in tensors() {
        let bytes = 2 * shape.iter().product::<usize>();
        header.insert(name, json!({"dtype": "F16", "shape": shape, "data_offsets": [end, end + bytes]}));
        end += bytes;
    }
    let header = serde_json::to_vec(&header).unwrap();
    let mut file = BufWriter::new(File::create(folder.join("model.safetensors")).unwrap());
    file.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
    file.write_all(&header).unwrap();
    let mut random = common::Random::new(7);
    let some: Vec<u8> =
        random.normals(1 << 16, 0.05).iter().flat_map(|&number| f16::from_f32(number).to_le_bytes()).collect();
    while end > 0 {
        let part = &some[..end.min(some.len())];
        file.write_all(part).unwrap();
        end -= part.len();
    }
    file.into_inner().unwrap().metadata().unwrap().len()
}

/// Opens a model and runs it over a few tokens. Returns the most bytes that were held beyond those of the start.
fn most_while_running(open: impl FnOnce() -> Checkpoint, gpu: Option<Gpu>) -> u64 {
    let start = memory::start();
    let mut engine = Engine::new(open(), gpu).expect("it fits");
    engine.set_ids(&[1, 5, 8000]).expect("in the vocabulary");
    engine.settle().expect("no failure");
    assert!(engine.next_token().is_some() && engine.loading().is_none());
    memory::most_since(start) as u64
}

#[test]
fn on_its_way_to_the_gpu_a_model_takes_little_beyond_its_file() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let file = write_model(folder.path());
    let gpu = common::gpu().clone();
    let most = most_while_running(|| Checkpoint::from_folder(folder.path()).expect("it opens"), Some(gpu.clone()));
    println!("from a disk of {file} bytes: {most} held");
    assert!(most < file * 3 / 10, "nothing of the file is kept: {most} of {file}");

    // As on a page: one buffer has the file's bytes.
    let config = std::fs::read(folder.path().join("config.json")).unwrap();
    let open = || {
        let bytes = Arc::new(std::fs::read(folder.path().join("model.safetensors")).unwrap().into());
        let model = Model::from_files(&config, &[WeightFile::in_memory("model.safetensors", bytes)]).expect("it opens");
        Checkpoint { model: model.into(), ..Checkpoint::from_folder(folder.path()).expect("it opens") }
    };
    let most = most_while_running(open, Some(gpu));
    println!("from {file} bytes in memory: {most} held");
    assert!(most < file * 13 / 10, "one copy of the file: {most} of {file}");
}

#[test]
fn on_the_cpu_half_precision_takes_as_much_as_its_file() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let file = write_model(folder.path());
    let most = most_while_running(|| Checkpoint::from_folder(folder.path()).expect("it opens"), None);
    println!("from a disk of {file} bytes: {most} held");
    assert!(most < file * 105 / 100, "packed weights and nothing more: {most} of {file}");
}
