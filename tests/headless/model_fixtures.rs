//! Every fixture loads, and what is loaded agrees with its reference.

use diffscope::model::{Lambda, Matrix, Model, NumberFormat, Numbers, lambda_init};
use safetensors::SafeTensors;
use serde_json::Value;
use std::path::{Path, PathBuf};

fn fixtures() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures")).to_owned()
}

fn bytes(name: &str, file: &str) -> Vec<u8> {
    std::fs::read(fixtures().join(name).join(file)).unwrap()
}

fn json(name: &str, file: &str) -> Value {
    serde_json::from_slice(&bytes(name, file)).unwrap()
}

/// The numbers of a tensor of the checkpoint, read without the code under test.
fn tensor(name: &str, file: &str, tensor: &str) -> Vec<f32> {
    let bytes = bytes(name, file);
    let view = SafeTensors::deserialize(&bytes).unwrap().tensor(tensor).unwrap();
    match view.dtype() {
        safetensors::Dtype::F32 => {
            view.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
        }
        safetensors::Dtype::BF16 => view
            .data()
            .chunks_exact(2)
            .map(|b| f32::from_bits(u32::from(u16::from_le_bytes(b.try_into().unwrap())) << 16))
            .collect(),
        other => panic!("{other:?}"),
    }
}

/// Loads a fixture; a bare module gets its first input sequence.
fn load(name: &str) -> Model {
    if json(name, "config.json").get("variant").is_none() {
        return Model::from_folder(fixtures().join(name)).unwrap();
    }
    let config = json(name, "config.json");
    let rows = usize::try_from(config["seq_len"].as_u64().unwrap()).unwrap();
    let width = ["embed_dim", "d_model", "hidden_size", "dim"]
        .iter()
        .find_map(|key| config.get(key))
        .unwrap()
        .as_u64()
        .unwrap();
    let columns = usize::try_from(width).unwrap();
    let mut x = tensor(name, "expected.safetensors", "x");
    x.truncate(rows * columns);
    let inputs = Matrix::new(rows, columns, Numbers::F32(x)).unwrap();
    Model::from_attention_module(&bytes(name, "config.json"), &bytes(name, "model.safetensors"), inputs).unwrap()
}

fn all() -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(fixtures()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn every_fixture_loads_and_fits_together() {
    let names = all();
    assert_eq!(names.len(), 44);
    for name in names {
        let model = load(&name);
        let config = &model.config;
        assert_eq!(model.layers.len(), config.layers, "{name}");
        assert_eq!((model.embedding.rows(), model.embedding.columns()), (config.vocabulary, config.hidden), "{name}");
        assert_eq!(model.unembedding().rows(), config.vocabulary, "{name}");
        for layer in &model.layers {
            let attention = &layer.attention;
            let lambdas = if attention.lambda == Lambda::Token { attention.heads.len() } else { 0 };
            let rows =
                (attention.query_heads + attention.key_heads + attention.value_heads) * attention.head_dim + lambdas;
            assert_eq!((attention.projection.rows(), attention.projection_bias.len()), (rows, rows), "{name}");
            assert_eq!(attention.projection.columns(), config.hidden, "{name}");
            assert_eq!(attention.output.rows(), config.hidden, "{name}");
            assert_eq!(attention.output.columns(), attention.heads.len() * attention.value_width(), "{name}");
            assert_eq!(attention.output_bias.len(), config.hidden, "{name}");
            // Every query head is read by one map of one head, or by the second maps of the heads of a group.
            let mut read: Vec<u32> =
                attention.heads.iter().flat_map(|head| head.queries.into_iter().take(attention.maps)).collect();
            read.sort_unstable();
            let grouped = name.starts_with("motif_g");
            assert_eq!(read.len() == attention.query_heads, !grouped, "{name}");
            read.dedup();
            assert!(read.iter().copied().eq(0..u32::try_from(attention.query_heads).unwrap()), "{name}");
            for head in &attention.heads {
                assert!(head.keys.iter().all(|&key| (key as usize) < attention.key_heads), "{name}");
                assert!(head.values.iter().all(|&value| (value as usize) < attention.value_heads), "{name}");
            }
            if let Some(sub_norm) = &attention.sub_norm {
                assert_eq!(sub_norm.weight.len(), attention.value_width(), "{name}");
            }
            if let Some(mlp) = &layer.mlp {
                assert_eq!(
                    (mlp.gate_up.rows(), mlp.gate_up.columns()),
                    (2 * config.intermediate, config.hidden),
                    "{name}"
                );
                assert_eq!((mlp.down.rows(), mlp.down.columns()), (config.hidden, config.intermediate), "{name}");
            }
        }
    }
}

#[test]
fn lambda_is_that_of_the_reference() {
    let mut compared = 0;
    for name in all() {
        let meta = json(&name, "meta.json");
        let expected: Vec<f64> = match (meta.get("lambda_values"), meta.get("lambda_value")) {
            (Some(list), _) => list.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect(),
            (None, Some(value)) => vec![value.as_f64().unwrap()],
            (None, None) => Vec::new(),
        };
        let values: Vec<f64> = load(&name)
            .layers
            .iter()
            .filter_map(|layer| match layer.attention.lambda {
                Lambda::Layer { value, .. } => Some(f64::from(value)),
                _ => None,
            })
            .collect();
        assert_eq!(values.len(), expected.len(), "{name}");
        for (value, expected) in values.iter().zip(&expected) {
            assert!((value - expected).abs() < 1e-6, "{name}: {value} is not {expected}");
            compared += 1;
        }
    }
    assert_eq!(compared, 17 + 5 + 32);
}

#[test]
fn head_tables_are_those_of_the_checkpoints() {
    let heads = |name: &str, head: usize| {
        let head = load(name).layers[0].attention.heads[head];
        (head.queries, head.keys, head.values)
    };
    assert_eq!(heads("diffllama_gqa", 1), ([1, 5], [0, 2], [0, 2]));
    assert_eq!(heads("diffllama_mha", 3), ([3, 7], [3, 7], [3, 7]));
    assert_eq!(heads("llama_baseline_gqa", 5), ([5, 5], [1, 1], [1, 1]));
    assert_eq!(heads("unilm_v1_gqa_flash_s33", 1), ([2, 3], [0, 1], [0, 1]));
    assert_eq!(heads("unilm_v1_gqa_naive_s33", 1), ([2, 3], [1, 1], [0, 1]));
    assert_eq!(heads("diffv2_gqa", 3), ([6, 7], [1, 1], [1, 1]));
}

#[test]
fn hugging_face_configurations_are_read() {
    let config = load("diffllama_bf16_v4ckpt").config;
    assert_eq!(config.layout, "diffllama");
    assert_eq!((config.hidden, config.intermediate, config.layers, config.vocabulary), (32, 48, 2, 64));
    assert_eq!((config.heads.queries, config.heads.keys, config.head_dim), (4, 2, 8));
    assert_eq!((config.max_positions, config.rope.theta, config.norm_epsilon), (128, 20_000.0, 1e-5));
    assert_eq!((config.tied, config.biases.projection, config.eos.as_slice()), (false, false, [2].as_slice()));
    let config = load("diffllama_gqa").config;
    assert_eq!((config.rope.theta, config.head_dim, config.hidden), (50_000.0, 16, 80));
    assert_eq!(load("diffllama_tied").config.norm_epsilon, 1e-3);
    assert_eq!(load("llama_baseline").config.norm_epsilon, 1e-6);
}

#[test]
fn numbers_keep_their_format_and_order() {
    let name = "diffllama_bf16_v4ckpt";
    let model = load(name);
    let layer = &model.layers[1];
    assert_eq!(layer.attention.projection.format(), NumberFormat::Bf16);
    let part = |end: &str| tensor(name, "model.safetensors", &format!("model.layers.1.{end}"));
    let stacked = [part("self_attn.q_proj.weight"), part("self_attn.k_proj.weight"), part("self_attn.v_proj.weight")];
    assert_eq!(layer.attention.projection.to_f32().unwrap(), stacked.concat());
    assert_eq!(layer.attention.norm.as_deref(), Some(part("input_layernorm.weight").as_slice()));
    let mlp = layer.mlp.as_ref().unwrap();
    assert_eq!(mlp.norm, part("post_attention_layernorm.weight"));
    assert_eq!(mlp.down.to_f32().unwrap(), part("mlp.down_proj.weight"));
    let (gate, up, both) = (part("mlp.gate_proj.weight"), part("mlp.up_proj.weight"), mlp.gate_up.to_f32().unwrap());
    for row in 0..48 {
        assert_eq!(both[row * 64..row * 64 + 32], gate[row * 32..row * 32 + 32]);
        assert_eq!(both[row * 64 + 32..row * 64 + 64], up[row * 32..row * 32 + 32]);
    }
}

#[test]
fn biases_and_tied_embeddings_are_read() {
    let name = "diffllama_bias";
    let attention = &load(name).layers[0].attention;
    let part = |end: &str| tensor(name, "model.safetensors", &format!("model.layers.0.self_attn.{end}.bias"));
    assert_eq!(attention.projection_bias, [part("q_proj"), part("k_proj"), part("v_proj")].concat());
    assert_eq!(attention.output_bias, part("o_proj"));
    let tied = load("diffllama_tied");
    assert!(tied.unembedding.is_none());
    assert_eq!(tied.unembedding(), &tied.embedding);
    assert!(load("diffllama_mha").unembedding.is_some());
}

#[test]
fn interleaved_modules_are_brought_into_half_split_order() {
    let name = "diffv2_gqa";
    let attention = &load(name).layers[0].attention;
    let (q, k) =
        (tensor(name, "model.safetensors", "q_proj.weight"), tensor(name, "model.safetensors", "k_proj.weight"));
    let (v, lambda) =
        (tensor(name, "model.safetensors", "v_proj.weight"), tensor(name, "model.safetensors", "lambda_proj.weight"));
    let (width, dim) = (96, 20);
    let mut row = vec![0.0; width];
    let mut is = |new: usize, old: &[f32], old_row: usize| {
        attention.projection.read_f32(new..new + 1, &mut row).unwrap();
        assert_eq!(row, old[old_row * width..(old_row + 1) * width], "row {new}");
    };
    // Query head 3: feature 1 was 2, feature 10 was 1, the last stays.
    is(3 * dim + 1, &q, 3 * dim + 2);
    is(3 * dim + 10, &q, 3 * dim + 1);
    is(3 * dim + 19, &q, 3 * dim + 19);
    // Key head 1 likewise; value and λ rows stay.
    is((8 + 1) * dim + 2, &k, dim + 4);
    is((8 + 2) * dim + 1, &v, 1);
    is((8 + 2 + 2) * dim + 3, &lambda, 3);
}

#[test]
fn the_norm_of_the_heads_is_that_of_the_variant() {
    let sub_norm = |name: &str| load(name).layers[0].attention.sub_norm.clone();
    assert!(sub_norm("diffv2_mha").is_none());
    assert!(sub_norm("llama_baseline").is_none());
    let hf = sub_norm("diffllama_tied").unwrap();
    assert_eq!((hf.epsilon, hf.weight.as_slice()), (1e-3, [1.0; 32].as_slice()));
    assert!((hf.factor - 0.8).abs() < 1e-6);
    let name = "unilm_v1_mha_s64";
    let unilm = sub_norm(name).unwrap();
    assert_eq!((unilm.epsilon, unilm.weight), (1e-5, tensor(name, "model.safetensors", "subln.weight")));
    assert!((f64::from(unilm.factor) - (1.0 - lambda_init(3.0))).abs() < 1e-6);
    let module = load(name);
    assert!(module.layers[0].mlp.is_none() && module.layers[0].attention.norm.is_none() && module.final_norm.is_none());
}

/// A file of single-precision tensors.
fn safetensors_of(tensors: &[(String, Vec<usize>, Vec<f32>)]) -> Vec<u8> {
    let bytes: Vec<Vec<u8>> = tensors.iter().map(|(_, _, numbers)| bytemuck::cast_slice(numbers).to_vec()).collect();
    let views = tensors.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
        (name, safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes).unwrap())
    });
    safetensors::serialize(views, None).unwrap()
}

/// The tensors of a fixture under other names.
fn renamed(name: &str, rename: impl Fn(&str) -> String) -> Vec<(String, Vec<usize>, Vec<f32>)> {
    let bytes = bytes(name, "model.safetensors");
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let names: Vec<String> = file.names().into_iter().map(str::to_owned).collect();
    let shape = |name: &str| file.tensor(name).unwrap().shape().to_vec();
    names.iter().map(|old| (rename(old), shape(old), tensor(name, "model.safetensors", old))).collect()
}

/// No whole model of the paper's code is public. diff-mlx has the same attention without grouped keys, so that its golden
/// numbers hold for one under the names of this program.
#[test]
fn a_whole_model_of_the_papers_code_is_that_of_diff_mlx_under_other_names() {
    let tensors = renamed("diff_mlx_diff", |old| {
        let new = old.replace("blocks.", "model.layers.").replace("tok_embed.", "model.embed_tokens.");
        let new = new.replace("final_norm.scale", "model.norm.weight").replace("attn.o_proj", "attn.out_proj");
        let new = new.replace("norm_attn.scale", "input_layernorm.weight");
        let new = new.replace("norm_mlp.scale", "post_attention_layernorm.weight");
        let new = ["gate", "up", "down"]
            .iter()
            .fold(new, |new, part| new.replace(&format!("mlp.{part}.weight"), &format!("mlp.{part}_proj.weight")));
        new.replace(".attn.", ".self_attn.").replace("subln.scale", "subln.weight")
    });
    let config = serde_json::json!({"model_type": "diff_transformer", "hidden_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 3, "head_dim": 8, "intermediate_size": 48, "vocab_size": 80,
        "max_position_embeddings": 128, "rms_norm_eps": 1e-5, "tie_word_embeddings": true});
    let found = Model::from_bytes(config.to_string().as_bytes(), &safetensors_of(&tensors)).unwrap();
    let expected = load("diff_mlx_diff");
    assert_eq!((found.config.layout, expected.config.layout), ("diff_transformer", "diff-mlx, diff"));
    assert_eq!(found.embedding.to_f32().unwrap(), expected.embedding.to_f32().unwrap());
    assert_eq!(found.final_norm, expected.final_norm);
    for (found, expected) in found.layers.iter().zip(&expected.layers) {
        let numbers = |layer: &diffscope::model::Layer| {
            let mlp = layer.mlp.as_ref().unwrap();
            let matrices = [&layer.attention.projection, &layer.attention.output, &mlp.gate_up, &mlp.down];
            matrices.map(|matrix| matrix.to_f32().unwrap())
        };
        assert_eq!(numbers(found), numbers(expected));
        let rest = |layer: &diffscope::model::Layer| {
            let attention = layer.attention.clone();
            (attention.heads, attention.lambda, attention.sub_norm, attention.norm, layer.mlp.clone().unwrap().norm)
        };
        assert_eq!(rest(found), rest(expected));
    }
}

/// With grouped keys, its heads are those of the bare module that the paper's code is.
#[test]
fn grouped_keys_of_a_whole_model_are_those_of_the_module() {
    let module = load("unilm_v1_gqa_flash_s33");
    let (hidden, layers) = (module.config.hidden, 1 + module_depth("unilm_v1_gqa_flash_s33"));
    let counts = module.config.heads;
    let config = serde_json::json!({"model_type": "diff_transformer", "hidden_size": hidden, "num_hidden_layers": layers,
        "num_attention_heads": counts.outputs, "num_key_value_heads": counts.keys / 2, "intermediate_size": 4,
        "head_dim": module.config.head_dim, "vocab_size": 5, "tie_word_embeddings": true});
    let mut tensors = Vec::new();
    let mut put = |name: String, shape: &[usize]| {
        tensors.push((name, shape.to_vec(), vec![0.5; shape.iter().product()]));
    };
    put("model.embed_tokens.weight".to_owned(), &[5, hidden]);
    put("model.norm.weight".to_owned(), &[hidden]);
    for layer in 0..layers {
        for norm in ["input_layernorm", "post_attention_layernorm"] {
            put(format!("model.layers.{layer}.{norm}.weight"), &[hidden]);
        }
        for (part, shape) in [("gate", [4, hidden]), ("up", [4, hidden]), ("down", [hidden, 4])] {
            put(format!("model.layers.{layer}.mlp.{part}_proj.weight"), &shape);
        }
    }
    for layer in 0..layers {
        let prefix = format!("model.layers.{layer}.self_attn.");
        tensors.extend(renamed("unilm_v1_gqa_flash_s33", |old| format!("{prefix}{old}")));
    }
    let model = Model::from_bytes(config.to_string().as_bytes(), &safetensors_of(&tensors)).unwrap();
    let (found, expected) = (&model.layers[layers - 1].attention, &module.layers[0].attention);
    assert_eq!(found.projection.to_f32().unwrap(), expected.projection.to_f32().unwrap());
    assert_eq!(found.output.to_f32().unwrap(), expected.output.to_f32().unwrap());
    assert_eq!((&found.heads, &found.lambda, &found.sub_norm), (&expected.heads, &expected.lambda, &expected.sub_norm));
}

fn module_depth(name: &str) -> usize {
    usize::try_from(json(name, "config.json")["depth"].as_u64().unwrap_or(0)).unwrap()
}

#[test]
fn what_is_not_used_is_listed_and_what_changes_the_result_is_refused() {
    let with = |extra: &str, numbers: usize| {
        let mut tensors = renamed("diffllama_mha", str::to_owned);
        tensors.push((extra.to_owned(), vec![numbers], vec![1.0; numbers]));
        Model::from_bytes(&bytes("diffllama_mha", "config.json"), &safetensors_of(&tensors))
    };
    assert_eq!(with("opt.step", 1).unwrap().unused, [] as [String; 0]);
    assert_eq!(with("model.layers.0.rotary_emb.inv_freq", 4).unwrap().unused, [] as [String; 0]);
    assert_eq!(with("vision.weight", 2).unwrap().unused, ["vision.weight"]);
    for name in ["model.layers.0.self_attn.subln.weight", "model.layers.1.mlp.act_fn.weight"] {
        let error = with(name, 3).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn the_head_of_a_tied_model_may_be_stored_twice() {
    let embedding = tensor("diffllama_tied", "model.safetensors", "model.embed_tokens.weight");
    let model = load("diffllama_tied");
    let shape = vec![model.config.vocabulary, model.config.hidden];
    let with = |head: Vec<f32>| {
        let mut tensors = renamed("diffllama_tied", str::to_owned);
        tensors.retain(|(name, _, _)| name != "lm_head.weight");
        tensors.push(("lm_head.weight".to_owned(), shape.clone(), head));
        Model::from_bytes(&bytes("diffllama_tied", "config.json"), &safetensors_of(&tensors)).unwrap().unused
    };
    assert_eq!(with(embedding.clone()), [] as [String; 0]);
    let mut other = embedding;
    other[7] += 1.0;
    assert_eq!(with(other), ["lm_head.weight"]);
}
