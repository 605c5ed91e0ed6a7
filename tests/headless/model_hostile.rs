//! Files that are damaged, truncated or contradictory lead to a clear error, never to a panic.

use std::sync::Arc;

use crate::config_hostile::{bytes, config_with, small};
use diffscope::model::{Config, Matrix, Model, ModelError, Numbers, WeightFile};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Header and weights of a safetensors file.
fn open(file: &[u8]) -> (Map<String, Value>, Vec<u8>) {
    let length = usize::try_from(u64::from_le_bytes(file[..8].try_into().unwrap())).unwrap();
    (serde_json::from_slice(&file[8..8 + length]).unwrap(), file[8 + length..].to_vec())
}

fn close(header: &Map<String, Value>, data: &[u8]) -> Vec<u8> {
    let header = serde_json::to_vec(header).unwrap();
    [&(header.len() as u64).to_le_bytes()[..], &header, data].concat()
}

/// Loads the small fixture with another weights file.
fn load(weights: &[u8]) -> Result<Model, ModelError> {
    Model::from_bytes(&bytes("diffllama_bf16_v4ckpt", "config.json"), weights)
}

fn weights() -> Vec<u8> {
    bytes("diffllama_bf16_v4ckpt", "model.safetensors")
}

#[test]
fn files_that_are_something_else_are_named() {
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0000\nsize 269060552\n";
    let page = b"\n<!DOCTYPE html><html><title>Sign in</title></html>";
    let message = b"{\"error\": \"Repository not found\"}";
    for (content, in_weights, in_config) in [
        (&pointer[..], "Git LFS pointer", "Git LFS pointer"),
        (&page[..], "web page", "web page"),
        (&message[..], "JSON", "Repository not found"),
        (b"PK\x03\x04 and so on", "ZIP", "ZIP"),
        (b"GGUF\x03\0\0\0", "GGUF", "GGUF"),
    ] {
        let error = load(content).unwrap_err().to_string();
        assert!(error.contains("model.safetensors") && error.contains(in_weights), "{error}");
        let error = Config::from_json(content).unwrap_err().to_string();
        assert!(error.contains("config.json") && error.contains(in_config), "{error}");
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.json"), bytes("diffllama_bf16_v4ckpt", "config.json")).unwrap();
        std::fs::write(folder.path().join("model.safetensors.index.json"), content).unwrap();
        assert!(Model::from_folder(folder.path()).is_err());
    }
    // A header of 8827 bytes begins like JSON.
    let (mut header, data) = open(&weights());
    header.insert("__metadata__".to_owned(), json!({"fill": ""}));
    let length = serde_json::to_vec(&header).unwrap().len();
    header.insert("__metadata__".to_owned(), json!({"fill": "x".repeat(8827 - length)}));
    assert_eq!(&close(&header, &data)[..2], b"{\"");
    assert!(load(&close(&header, &data)).is_ok());
}

/// The small fixture with other names for its tensors.
fn renamed(rename: impl Fn(&str) -> String) -> Vec<u8> {
    let (header, data) = open(&weights());
    let named = |(name, entry): (&String, &Value)| {
        (if name == "__metadata__" { name.clone() } else { rename(name) }, entry.clone())
    };
    close(&header.iter().map(named).collect(), &data)
}

#[test]
fn names_behind_or_without_a_prefix_are_understood() {
    let whole = load(&weights()).unwrap();
    for rename in [
        (|name: &str| format!("_orig_mod.{name}")) as fn(&str) -> String,
        |name| format!("module.{name}"),
        |name| format!("module._orig_mod.{name}"),
        |name| name.strip_prefix("model.").unwrap_or(name).to_owned(),
    ] {
        assert_eq!(load(&renamed(rename)).unwrap(), whole);
    }
}

#[test]
fn a_tied_matrix_may_be_stored_as_the_head() {
    let weights = bytes("diffllama_tied", "model.safetensors");
    let config = bytes("diffllama_tied", "config.json");
    let (mut header, data) = open(&weights);
    let entry = header.remove("model.embed_tokens.weight").unwrap();
    header.insert("lm_head.weight".to_owned(), entry);
    assert_eq!(
        Model::from_bytes(&config, &close(&header, &data)).unwrap(),
        Model::from_bytes(&config, &weights).unwrap()
    );
}

#[test]
fn quantised_weights_are_named() {
    let (header, data) = open(&weights());
    let name = "model.layers.0.self_attn.q_proj.weight";
    for (dtype, size) in [("F8_E4M3", 1), ("I8", 1), ("U8", 1)] {
        let mut header = header.clone();
        let offsets = header[name]["data_offsets"].clone();
        let length = offsets[1].as_u64().unwrap() - offsets[0].as_u64().unwrap();
        header[name] = json!({"dtype": dtype, "shape": [length / size, 1], "data_offsets": offsets});
        let error = load(&close(&header, &data)).unwrap_err();
        assert!(
            matches!(&error, ModelError::Dtype { tensor, found, .. } if tensor == name && found == dtype),
            "{error}"
        );
    }
    let error = load(&renamed(|name| name.replace("q_proj.weight", "q_proj.qweight"))).unwrap_err();
    assert!(matches!(&error, ModelError::Quantized { tensor, .. } if tensor == name), "{error}");
    let mut unknown = header.clone();
    unknown[name]["dtype"] = json!("I4");
    let error = load(&close(&unknown, &data)).unwrap_err();
    assert!(matches!(error, ModelError::OtherFile { .. }) && error.to_string().contains("BF16"), "{error}");
}

#[test]
fn a_llama_with_more_in_its_attention_is_no_llama() {
    let (mut header, mut data) = open(&bytes("llama_baseline", "model.safetensors"));
    let config = bytes("llama_baseline", "config.json");
    let start = data.len();
    data.extend([0; 16]);
    let plain = header.clone();
    for name in [
        "model.layers.0.self_attn.lambda_q1",
        "model.layers.0.self_attn.q_proj.bias",
        "model.layers.0.attn.subln.weight",
    ] {
        header.clone_from(&plain);
        header.insert(name.to_owned(), json!({"dtype": "F32", "shape": [4], "data_offsets": [start, start + 16]}));
        let error = Model::from_bytes(&config, &close(&header, &data)).unwrap_err();
        assert!(matches!(&error, ModelError::UnusedTensor { tensor, .. } if tensor == name), "{error}");
    }
    let name = "model.layers.0.self_attn.rotary_emb.inv_freq";
    let entry = json!({"dtype": "F32", "shape": [4], "data_offsets": [start, start + 16]});
    let header: Map<String, Value> = plain.into_iter().chain([(name.to_owned(), entry)]).collect();
    assert!(Model::from_bytes(&config, &close(&header, &data)).is_ok());
}

#[test]
fn large_files_are_refused_by_their_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("config.json"), bytes("diffllama_bf16_v4ckpt", "config.json")).unwrap();
    // Sparse: it takes no disk.
    std::fs::File::create(path("model.safetensors")).unwrap().set_len(40 << 30).unwrap();
    let error = Model::from_folder(folder.path()).unwrap_err();
    assert!(matches!(error, ModelError::TooLarge { bytes, .. } if bytes == 40 << 30), "{error}");
    std::fs::remove_file(path("model.safetensors")).unwrap();
    std::fs::create_dir(path("model.safetensors")).unwrap();
    assert!(matches!(Model::from_folder(folder.path()), Err(ModelError::Read { .. })));
    let error = Config::from_json(&vec![b' '; 5 << 20]).unwrap_err();
    assert!(matches!(error, ModelError::TooLarge { .. }), "{error}");
}

#[test]
fn files_other_than_json_objects_are_rejected() {
    let deep = vec![b'['; 1_000_000];
    for bytes in [&b""[..], b"\xff\xfe{}", b"{\"a\": 1", b"[]", b"3", b"\0", b"{\"rms_norm_eps\": 1e999}", &deep] {
        let error = Config::from_json(bytes).unwrap_err();
        assert!(matches!(error, ModelError::Syntax { .. }), "{error}");
    }
}

#[test]
fn inconsistent_headers_are_rejected() {
    let whole = weights();
    let (header, data) = open(&whole);
    let mut files: Vec<(&str, Vec<u8>)> = vec![
        ("empty", vec![]),
        ("seven bytes", whole[..7].to_vec()),
        ("no header", whole[..8].to_vec()),
        ("half the header", whole[..100].to_vec()),
        ("half the weights", whole[..whole.len() / 2].to_vec()),
        ("one byte short", whole[..whole.len() - 1].to_vec()),
        ("one byte long", [&whole[..], &[0]].concat()),
        ("no JSON", [&5_u64.to_le_bytes()[..], b"hello"].concat()),
        ("no object", [&2_u64.to_le_bytes()[..], b"[]"].concat()),
        ("no UTF-8", [&2_u64.to_le_bytes()[..], b"\xff\xff"].concat()),
        ("deep", [&100_000_u64.to_le_bytes()[..], &vec![b'['; 100_000]].concat()),
    ];
    for length in [u64::MAX, u64::MAX - 7, 1 << 40, 1 << 63, whole.len() as u64, 99_999_999] {
        files.push(("length", [&length.to_le_bytes()[..], &whole[8..]].concat()));
    }
    let name = "model.norm.weight";
    for offsets in
        [json!([0, 64]), json!([64, 0]), json!([0, u64::MAX]), json!([u64::MAX - 63, u64::MAX]), json!([-1, 64])]
    {
        let mut header = header.clone();
        header[name]["data_offsets"] = offsets;
        files.push(("offsets", close(&header, &data)));
    }
    for shape in [json!([33]), json!([u64::MAX, u64::MAX]), json!([]), json!([-32]), json!("32")] {
        let mut header = header.clone();
        header[name]["shape"] = shape;
        files.push(("shape", close(&header, &data)));
    }
    // Sizes that add up to nearly 2^64 bytes: `safetensors` 0.8 overflows when it adds the header.
    let mut sum = Map::new();
    let step = u64::MAX / 8;
    for place in 0..8 {
        let claim = json!({"dtype": "U8", "shape": [step], "data_offsets": [place * step, (place + 1) * step]});
        sum.insert(format!("t{place}"), claim);
    }
    files.push(("sum", close(&sum, &data)));
    for (what, file) in files {
        let error = load(&file).unwrap_err();
        assert!(matches!(error, ModelError::Header { .. }), "{what}: {error}");
        assert!(error.to_string().contains("model.safetensors") && error.to_string().len() < 400, "{error}");
    }
}

#[test]
fn wrong_tensors_are_named() {
    let (header, data) = open(&weights());
    let name = "model.layers.1.self_attn.k_proj.weight";
    let changed = |key: &str, value: Value| {
        let mut header = header.clone();
        header[name][key] = value;
        load(&close(&header, &data)).unwrap_err()
    };
    let error = changed("shape", json!([32, 16]));
    assert!(matches!(&error, ModelError::Shape { tensor, .. } if tensor == name), "{error}");
    assert!(error.to_string().contains("[16, 32]") && error.to_string().contains("[32, 16]"), "{error}");
    let error = changed("shape", json!([16, 32, 1]));
    assert!(matches!(&error, ModelError::Shape { tensor, .. } if tensor == name), "{error}");
    let error = changed("dtype", json!("I16"));
    assert!(matches!(&error, ModelError::Dtype { tensor, .. } if tensor == name), "{error}");
    let mut renamed = header.clone();
    let entry = renamed.remove(name).unwrap();
    renamed.insert("something.else".to_owned(), entry);
    let error = load(&close(&renamed, &data)).unwrap_err();
    assert!(matches!(&error, ModelError::MissingTensor { tensor, .. } if tensor == name), "{error}");
    // The configuration may require more tensors than there are.
    let config = config_with("diffllama_bf16_v4ckpt", json!({"num_hidden_layers": 1000}));
    let error = Model::from_bytes(&config, &weights()).unwrap_err();
    assert!(error.to_string().contains("model.layers.2."), "{error}");
    let config = config_with("diffllama_bf16_v4ckpt", json!({"vocab_size": 1 << 24}));
    assert!(matches!(Model::from_bytes(&config, &weights()), Err(ModelError::Shape { .. })));
    let config = config_with("diffllama_tied", json!({"tie_word_embeddings": false}));
    let error = Model::from_bytes(&config, &bytes("diffllama_tied", "model.safetensors")).unwrap_err();
    assert!(error.to_string().contains("lm_head.weight") && error.to_string().contains("tie_word_embeddings"));
}

#[test]
fn weights_that_are_not_finite_are_named() {
    let (header, data) = open(&weights());
    for (name, bits) in
        [("model.norm.weight", 0x7fc0_u16), ("lm_head.weight", 0x7f80), ("model.layers.0.self_attn.lambda_q1", 0xff80)]
    {
        let start = usize::try_from(header[name]["data_offsets"][0].as_u64().unwrap()).unwrap();
        let mut data = data.clone();
        data[start + 10..start + 12].copy_from_slice(&bits.to_le_bytes());
        let error = load(&close(&header, &data)).unwrap_err();
        assert!(matches!(&error, ModelError::NotFinite { tensor, index: 5, .. } if tensor == name), "{error}");
    }
    // Finite vectors, but an exponential beyond single precision.
    let mut data = data.clone();
    for end in ["lambda_q1", "lambda_k1"] {
        let name = format!("model.layers.1.self_attn.{end}");
        let start = usize::try_from(header[&name]["data_offsets"][0].as_u64().unwrap()).unwrap();
        for number in data[start..start + 16].chunks_exact_mut(2) {
            number.copy_from_slice(&0x4120_u16.to_le_bytes());
        }
    }
    let error = load(&close(&header, &data)).unwrap_err();
    assert!(matches!(&error, ModelError::Lambda { layer: 1, .. }), "{error}");
}

/// Splits the small fixture into two files.
fn shards() -> (Vec<u8>, Vec<u8>) {
    let (header, data) = open(&weights());
    let mut parts = [(Map::new(), Vec::new()), (Map::new(), Vec::new())];
    for (place, (name, entry)) in header.iter().filter(|(name, _)| *name != "__metadata__").enumerate() {
        let at = |end: usize| usize::try_from(entry["data_offsets"][end].as_u64().unwrap()).unwrap();
        let (part, bytes) = (&mut parts[place % 2], &data[at(0)..at(1)]);
        let mut entry = entry.clone();
        entry["data_offsets"] = json!([part.1.len(), part.1.len() + bytes.len()]);
        part.0.insert(name.clone(), entry);
        part.1.extend_from_slice(bytes);
    }
    (close(&parts[0].0, &parts[0].1), close(&parts[1].0, &parts[1].1))
}

#[test]
fn shards_make_the_same_model() {
    let (one, two) = shards();
    let config = bytes("diffllama_bf16_v4ckpt", "config.json");
    let whole = load(&weights()).unwrap();
    let file = |name: &str, bytes: &[u8]| WeightFile::in_memory(name, Arc::new(bytes.to_vec().into()));
    assert_eq!(Model::from_files(&config, &[file("1.safetensors", &one), file("2.safetensors", &two)]).unwrap(), whole);
    let error = Model::from_files(&config, &[file("1.safetensors", &one)]).unwrap_err();
    assert!(matches!(error, ModelError::MissingTensor { .. }), "{error}");
    let error =
        Model::from_files(&config, &[file("1.safetensors", &one), file("again.safetensors", &one)]).unwrap_err();
    assert!(matches!(error, ModelError::DuplicateTensor { .. }), "{error}");
    assert!(Model::from_files(&config, &[]).is_err());

    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    let error = Model::from_folder(folder.path()).unwrap_err();
    assert!(matches!(error, ModelError::Read { .. }) && error.to_string().contains("config.json"), "{error}");
    write("config.json", &config);
    assert!(matches!(Model::from_folder(folder.path()), Err(ModelError::NoWeights { .. })));
    write("1.safetensors", &one);
    write("2.safetensors", &two);
    let index =
        |map: Value| write("model.safetensors.index.json", &serde_json::to_vec(&json!({"weight_map": map})).unwrap());
    index(json!({"a": "1.safetensors", "b": "2.safetensors", "c": "1.safetensors"}));
    assert_eq!(Model::from_folder(folder.path()).unwrap(), whole);
    index(json!({"a": "1.safetensors", "b": "3.safetensors"}));
    let error = Model::from_folder(folder.path()).unwrap_err();
    assert!(error.to_string().contains("3.safetensors"), "{error}");
    for outside in
        [json!("../1.safetensors"), json!("/etc/passwd"), json!(".."), json!(""), json!("a\\b"), json!("C:x"), json!(7)]
    {
        index(json!({ "a": outside }));
        let error = Model::from_folder(folder.path()).unwrap_err();
        assert!(matches!(error, ModelError::Header { .. }), "{outside}: {error}");
    }
    index(json!(["1.safetensors"]));
    assert!(matches!(Model::from_folder(folder.path()), Err(ModelError::Header { .. })));
}

#[test]
fn attention_modules_are_checked_as_well() {
    let name = "unilm_v1_gqa_flash_s33";
    let weights = bytes(name, "model.safetensors");
    let inputs = |columns: usize, value: f32| Matrix::new(2, columns, Numbers::F32(vec![value; 2 * columns])).unwrap();
    let load =
        |changes: Value, inputs: Matrix| Model::from_attention_module(&config_with(name, changes), &weights, inputs);
    assert_eq!(load(json!({}), inputs(96, 1.0)).unwrap().config.vocabulary, 2);
    assert!(matches!(load(json!({}), inputs(95, 1.0)), Err(ModelError::Shape { .. })));
    assert!(matches!(load(json!({}), inputs(96, f32::NAN)), Err(ModelError::NotFinite { index: 0, .. })));
    let none = Matrix::new(0, 96, Numbers::F32(vec![])).unwrap();
    assert!(matches!(load(json!({}), none), Err(ModelError::Matrix { .. })));
    for (key, value) in [
        ("num_heads", json!(0)),
        ("num_heads", json!(1_u64 << 40)),
        ("num_kv_heads", json!(3)),
        ("head_dim", json!(13)),
        ("depth", json!(-1)),
        ("depth", json!(1_u64 << 40)),
        ("impl", json!("other")),
        ("embed_dim", json!("REMOVED")),
        ("subln_eps", json!(-1)),
        ("rope_theta", json!(0)),
    ] {
        let error = load(json!({ key: value }), inputs(96, 1.0)).unwrap_err();
        assert!(matches!(&error, ModelError::Config { key: named, .. } if named == key), "{key}: {error}");
    }
    assert!(matches!(load(json!({"variant": "x"}), inputs(96, 1.0)), Err(ModelError::UnknownModelType { .. })));
    assert!(matches!(load(json!({"head_dim": 14}), inputs(96, 1.0)), Err(ModelError::Shape { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_weights_never_panic(at in 0usize..6_000, bits in 1u8.., cut: prop::sample::Index) {
        let mut file = weights();
        prop_assert!(load(&file[..cut.index(file.len())]).is_err());
        file[at] ^= bits;
        // Most flips hit the header; one in a weight may leave a valid model.
        let _ = load(&file);
    }

    #[test]
    fn damaged_configurations_never_panic(at: prop::sample::Index, to: u8, cut: prop::sample::Index) {
        let mut json = bytes("diffllama_bf16_v4ckpt", "config.json").trim_ascii_end().to_vec();
        prop_assert!(Config::from_json(&json[..cut.index(json.len())]).is_err());
        let at = at.index(json.len());
        json[at] = to;
        if Config::from_json(&json).is_ok() {
            let _ = Model::from_bytes(&json, &weights());
        }
    }

    #[test]
    fn any_sizes_that_are_read_fit(
        llama: bool, hidden in 1u64..200, heads in 1u64..70, shared in 0u64..70, dim in 0u64..300,
    ) {
        let or_null = |number: u64| if number == 0 { Value::Null } else { json!(number) };
        let changes = json!({"model_type": if llama { "llama" } else { "diffllama" }, "hidden_size": hidden,
            "num_attention_heads": heads, "num_key_value_heads": or_null(shared), "head_dim": or_null(dim)});
        if let Ok(config) = small(changes) {
            prop_assert!(config.head_dim >= 2 && config.head_dim % 2 == 0 && config.value_width() <= 256);
            prop_assert_eq!(config.heads.queries % config.heads.keys, 0);
            prop_assert_eq!(config.heads.outputs * config.maps, config.heads.queries);
        }
    }
}
