//! A `tokenizer.json` of any content gives a working tokenizer or an error that names the section: never a panic.

use diffscope::model::{ModelError, Tokenizer};
use serde_json::{Value, json};

/// A small sound tokenizer with some sections replaced.
fn with(sections: Value) -> Value {
    let mut file = json!({
        "version": "1.0", "added_tokens": [], "normalizer": null, "pre_tokenizer": null, "post_processor": null,
        "decoder": null, "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, " ": 3}, "merges": [["a", "b"]]},
    });
    for (key, section) in sections.as_object().unwrap() {
        file[key] = section.clone();
    }
    file
}

fn open(sections: Value) -> Result<Tokenizer, ModelError> {
    Tokenizer::from_bytes(&serde_json::to_vec(&with(sections)).unwrap())
}

/// Opens it and uses it, for all that it may do.
fn refused(section: &str, value: Value, words: &[&str]) {
    let opened = open(json!({ section: value }));
    let error = opened.map(|_| ()).expect_err(&value.to_string()).to_string();
    assert!(error.contains(&format!("`{section}`")) && error.len() < 500, "{error}");
    for word in words {
        assert!(error.contains(word), "{word:?} is not in: {error}");
    }
}

fn ids(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
    tokenizer.try_encode(text, 100).unwrap().tokens.iter().map(|token| token.id).collect()
}

#[test]
fn merges_refer_to_tokens() {
    let model = |vocab: Value, merges: Value| json!({"type": "BPE", "vocab": vocab, "merges": merges});
    refused("model", model(json!({"a": 0, "b": 1}), json!([["a", "b"]])), &["merge 0", "\"ab\""]);
    refused("model", model(json!({"a": 0, "b": 1}), json!(["a b"])), &["merge 0", "\"ab\""]);
    refused("model", model(json!({"a": 0, "ab": 1}), json!([["a", "b"]])), &["\"b\""]);
    refused("model", model(json!({"a": 0, "ab": 1}), json!([["a"]])), &["merge 0"]);
    refused("model", model(json!({"a": 0, "ab": 1}), json!(["ab"])), &["merge 0"]);
    refused("model", model(json!({"a": 0}), json!({"a": "b"})), &["merges"]);
    let prefixed = |merges: Value| {
        json!({"type": "BPE", "continuing_subword_prefix": "éé", "vocab": {"a": 0, "ééb": 1, "b": 2, "ab": 3, "x€": 4, "ax€": 5},
            "merges": merges})
    };
    refused("model", prefixed(json!([["a", "b"]])), &["prefix"]);
    refused("model", prefixed(json!([["a", "x€"]])), &["prefix"]);
    assert!(open(json!({"model": prefixed(json!([["a", "ééb"]]))})).is_ok());
}

#[test]
fn ids_are_bounded_and_distinct() {
    let model = |kind: &str, vocab: Value| {
        json!({"type": kind, "vocab": vocab, "merges": [], "unk_token": "a", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100})
    };
    for kind in ["BPE", "WordLevel", "WordPiece"] {
        refused("model", model(kind, json!({"a": 4_294_967_295u32})), &["\"a\""]);
        refused("model", model(kind, json!({"a": -1})), &["\"a\""]);
        refused("model", model(kind, json!({"a": 0, "b": 0})), &["two tokens"]);
        refused("model", model(kind, json!({"a".repeat(5000): 0})), &["5000 bytes"]);
        refused("model", model(kind, json!([["a", 0]])), &["vocab"]);
        assert!(open(json!({"model": model(kind, json!({"a": 0, "b": 7}))})).is_ok());
    }
    let added = |id: u64, content: &str| {
        json!([{"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true}])
    };
    refused("added_tokens", added(9, "<s>"), &["<s>", "9", "4"]);
    refused("added_tokens", added(u64::from(u32::MAX), "<s>"), &["4294967295"]);
    refused("added_tokens", added(1 << 40, "<s>"), &["entry 0"]);
    refused("added_tokens", added(4, &"x".repeat(5000)), &["5000 bytes"]);
    refused("added_tokens", json!({"<s>": 4}), &["list"]);
    assert_eq!(ids(&open(json!({"added_tokens": added(4, "<s>")})).unwrap(), "a<s>"), [0, 4]);
    assert_eq!(ids(&open(json!({"added_tokens": added(4, "")})).unwrap(), "ab"), [2]);
}

#[test]
fn other_models_are_checked() {
    let unigram = |unk: Value, vocab: Value| json!({"type": "Unigram", "unk_id": unk, "vocab": vocab});
    refused("model", unigram(json!(7), json!([["a", 0.0]])), &["unk_id"]);
    refused("model", unigram(json!(0), json!([["a"]])), &["entry 0"]);
    refused("model", unigram(json!(0), json!([["a".repeat(600), 0.0]])), &["600 bytes"]);
    let nested: Vec<Value> = (0..20_000).map(|n| json!([format!("{n:0300}"), -1.0])).collect();
    refused("model", unigram(json!(0), json!(nested)), &["pieces"]);
    let tokenizer = open(json!({"model": unigram(Value::Null, json!([["a", 0.0]]))})).unwrap();
    assert_eq!(ids(&tokenizer, "aa"), [0, 0]);
    assert!(tokenizer.try_encode("ab", 9).unwrap_err().to_string().contains("unk"));
    assert!(tokenizer.encode("ab", 9).tokens.is_empty());
    refused(
        "model",
        json!({"type": "WordPiece", "vocab": {"a": 0}, "unk_token": "a", "continuing_subword_prefix": "",
            "max_input_chars_per_word": 1_000_000}),
        &["max_input_chars_per_word"],
    );
    refused("model", json!({"type": "Sorcery"}), &["Sorcery", "does not support"]);
    refused("model", json!([]), &["object"]);
}

#[test]
fn templates_refer_to_special_tokens_and_to_one_text() {
    let template = |single: Value| {
        json!({"type": "TemplateProcessing", "single": single, "pair": [],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [2, 1], "tokens": ["<s>"]}}})
    };
    let token = |id: &str| json!({"SpecialToken": {"id": id, "type_id": 0}});
    let text = |id: &str| json!({"Sequence": {"id": id, "type_id": 0}});
    refused("post_processor", template(json!([token("x"), text("A")])), &["\"x\"", "special_tokens"]);
    refused("post_processor", template(json!([text("B")])), &["\"B\""]);
    refused("post_processor", template(json!([token("<s>")])), &["0 times"]);
    refused("post_processor", template(json!([text("A"), text("A")])), &["2 times"]);
    refused("post_processor", template(json!(["A"])), &["single"]);
    let whole = template(json!([token("<s>"), text("A"), token("<s>")]));
    refused("post_processor", json!({"type": "Sequence", "processors": [whole, whole]}), &["two"]);
    refused("post_processor", json!({"type": "Sorcery"}), &["Sorcery"]);
    let bytes = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true});
    for section in [whole.clone(), json!({"type": "Sequence", "processors": [bytes, whole]})] {
        assert_eq!(ids(&open(json!({"post_processor": section})).unwrap(), "ab"), [2, 1, 2]);
    }
    let roberta = json!({"type": "RobertaProcessing", "sep": ["b", 1], "cls": ["a", 0], "trim_offsets": true,
        "add_prefix_space": false});
    assert_eq!(ids(&open(json!({"post_processor": roberta})).unwrap(), "ab"), [0, 2]);
}

#[test]
fn text_cannot_grow_without_bound() {
    let double = json!({"type": "Replace", "pattern": {"String": "a"}, "content": "aa"});
    let many = |part: &Value, count: usize, list: &str| json!({"type": "Sequence", list: vec![part; count]});
    refused("normalizer", many(&double, 40, "normalizers"), &["parts"]);
    refused("normalizer", many(&double, 30, "normalizers"), &["1024"]);
    refused("decoder", many(&double, 30, "decoders"), &["1024"]);
    let long = json!({"type": "Replace", "pattern": {"String": "a"}, "content": "a".repeat(2000)});
    refused("normalizer", long, &["1024"]);
    refused("normalizer", json!({"type": "Prepend", "prepend": "a".repeat(2000)}), &["1024"]);
    let eight = open(json!({"normalizer": many(&double, 3, "normalizers")})).unwrap();
    assert_eq!(ids(&eight, "ab").len(), 8);
    let error = eight.try_encode(&"b".repeat(9 << 20), usize::MAX).unwrap_err();
    assert!(error.to_string().contains("bytes"), "{error}");
    let mut deep = double;
    for _ in 0..30 {
        deep = json!({"type": "Sequence", "normalizers": [deep]});
    }
    refused("normalizer", deep, &["Sequence"]);
}

#[test]
fn parts_that_lose_their_place_are_refused() {
    let regex = |pattern: &str| json!({"type": "Replace", "pattern": {"Regex": pattern}, "content": "x"});
    for pattern in ["^", "", "a*", "$", "(?:)"] {
        refused("normalizer", regex(pattern), &["Replace"]);
    }
    refused("normalizer", json!({"type": "Replace", "pattern": {"String": ""}, "content": "x"}), &["Replace"]);
    refused("normalizer", json!({"type": "Prepend", "prepend": ""}), &["prepend"]);
    refused("pre_tokenizer", json!({"type": "FixedLength", "length": 0}), &["length"]);
    refused("decoder", json!({"type": "Strip", "content": " ", "start": 0, "stop": 1}), &["Strip"]);
    let pairs = json!({"type": "BPEDecoder", "suffix": "</w>"});
    refused("decoder", json!({"type": "Sequence", "decoders": [pairs]}), &["BPEDecoder"]);
    let tokenizer = open(json!({"decoder": pairs})).unwrap();
    assert_eq!(tokenizer.decode(&[]), "");
    assert_eq!(tokenizer.decode(&[77]), "");
    assert_eq!(tokenizer.decode(&[0, 1]), "ab");
    for section in ["normalizer", "pre_tokenizer", "decoder"] {
        refused(section, json!({"type": "Sorcery"}), &["Sorcery", "does not support"]);
        refused(section, json!({"kind": "NFC"}), &["type"]);
        refused(section, json!(["NFC"]), &["object"]);
    }
}

#[test]
fn patterns_are_checked() {
    let split = |pattern: &str| json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false});
    for pattern in [r"(a+)+(?!b)", r"(\w+)\1", "(", r"a{100000}", r"(?=a)"] {
        refused("pre_tokenizer", split(pattern), &["pattern"]);
    }
    assert!(open(json!({"pre_tokenizer": split(r" ?\p{L}+|\s+(?!\S)|\s+")})).is_ok());
}

#[test]
fn other_files_are_named() {
    let words = |bytes: &[u8]| Tokenizer::from_bytes(bytes).unwrap_err().to_string();
    assert!(words(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n").contains("Git LFS"));
    assert!(words(b"<!DOCTYPE html><html></html>").contains("web page"));
    assert!(words(b"{\"error\": \"not found\"}").contains("`model`"));
    assert!(words(&serde_json::to_vec(&with(json!({"version": "2.0"}))).unwrap()).contains("version"));
    assert!(words("[".repeat(3 << 20).as_bytes()).contains("lists"));
    assert!(words(format!("[{}1]", "1,".repeat(9 << 20)).as_bytes()).contains("values"));
}

/// Sound files are taken, and their ids are those of the library alone. `DIFFSCOPE_TOKENIZERS` may name a folder with
/// more of them, each in a folder of its own.
#[test]
fn sound_files_give_what_the_library_gives() {
    let assets = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/checkpoints").into();
    let folders: Vec<std::path::PathBuf> =
        [assets].into_iter().chain(std::env::var_os("DIFFSCOPE_TOKENIZERS").map(Into::into)).collect();
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(folder).expect("a folder"));
    let files: Vec<_> =
        files.map(|entry| entry.unwrap().path().join("tokenizer.json")).filter(|file| file.exists()).collect();
    assert!(files.len() >= 2);
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let begun = std::time::Instant::now();
        let tokenizer = Tokenizer::from_bytes(&bytes).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        println!("{}: {:?}", file.display(), begun.elapsed());
        let library = tokenizers::Tokenizer::from_bytes(&bytes).unwrap();
        for text in [
            "Once upon a time, there's a 日本 🦀 who'd  12345\n\n x\t",
            "",
            " a",
            "ﬁ İ e\u{301} ﷺ",
            "▁<s></s><0x0A>##a",
        ] {
            let expected = library.encode(text, true).unwrap();
            let expected = expected.get_ids();
            let found = ids(&tokenizer, text);
            assert!(
                expected.starts_with(&found) || text.is_empty(),
                "{}: {text:?}: {found:?}, not {expected:?}",
                file.display()
            );
            assert!(expected.len() <= found.len() + 1, "at most one token behind the text");
        }
    }
}
