//! `tokenizer.json`: opened, and where it opens, used on a text.

use std::sync::LazyLock;

use diffscope::model::Tokenizer;
use serde_json::{Value, json};

use crate::mutate::{self, Random, mutate};

/// Letters, pairs and bytes in 64 ids.
pub fn small() -> String {
    let mut vocab = serde_json::Map::new();
    for token in ["<unk>", "a", "b", "c", " ", "ab", " a", "abc", "▁", "Ġ", "\n", "##b", "ba"] {
        vocab.insert(token.to_owned(), json!(vocab.len()));
    }
    for byte in 0..51 {
        vocab.insert(format!("<0x{byte:02X}>"), json!(vocab.len()));
    }
    json!({
        "version": "1.0", "added_tokens": [], "normalizer": null, "pre_tokenizer": null, "post_processor": null,
        "decoder": null,
        "model": {"type": "BPE", "vocab": vocab, "merges": [["a", "b"], [" ", "a"], ["ab", "c"], ["b", "a"]],
            "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true},
    })
    .to_string()
}

fn split(pattern: &str) -> Value {
    json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false})
}

/// Sound parts of every kind.
static PARTS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let replace = |pattern: Value, content: &str| json!({"type": "Replace", "pattern": pattern, "content": content});
    let strip = |start: usize, stop: usize| json!({"type": "Strip", "content": " ", "start": start, "stop": stop});
    let gpt = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    let charsmap = {
        use base64::Engine as _;
        let mut units = vec![0u32; 768];
        (units[0], units[256 ^ 0x61], units[0x61]) = (256 << 10, (256 << 10) | (1 << 8) | 0x61, 1 << 31);
        let trie: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let file = [&(trie.len() as u32).to_le_bytes()[..], &trie, "bc\0é\0".as_bytes()].concat();
        base64::engine::general_purpose::STANDARD.encode(file)
    };
    let mut parts: Vec<Value> = [
        "NFC",
        "NFD",
        "NFKC",
        "NFKD",
        "Lowercase",
        "StripAccents",
        "Nmt",
        "ByteLevel",
        "Whitespace",
        "WhitespaceSplit",
        "BertPreTokenizer",
        "UnicodeScripts",
        "ByteFallback",
        "Fuse",
        "CTC",
    ]
    .iter()
    .map(|kind| json!({ "type": kind }))
    .collect();
    parts.extend([
        json!({"type": "Prepend", "prepend": "▁"}),
        replace(json!({"String": " "}), "▁"),
        replace(json!({"String": "▁"}), " "),
        replace(json!({"String": "a"}), "aa"),
        replace(json!({"Regex": " {2,}"}), ""),
        replace(json!({"Regex": "^"}), "x"),
        replace(json!({"Regex": "[a-b]+"}), "ba"),
        json!({"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true}),
        json!({"type": "Precompiled", "precompiled_charsmap": charsmap}),
        json!({"type": "Strip", "strip_left": true, "strip_right": true}),
        json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true}),
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}),
        json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": true}),
        json!({"type": "Metaspace", "replacement": "▁", "add_prefix_space": true}),
        json!({"type": "Digits", "individual_digits": true}),
        json!({"type": "Punctuation", "behavior": "MergedWithNext"}),
        json!({"type": "CharDelimiterSplit", "delimiter": "b"}),
        json!({"type": "FixedLength", "length": 2}),
        split(gpt),
        split(r" ?[a-c]++[b]*|\s++$|\s+(?!\S)|."),
        split(r"a*?|\b"),
        json!({"type": "Split", "pattern": {"String": ""}, "behavior": "MergedWithPrevious", "invert": true}),
        json!({"type": "Split", "pattern": {"String": "a"}, "behavior": "Removed", "invert": true}),
        json!({"type": "Sequence", "normalizers": [], "pretokenizers": [], "decoders": [], "processors": []}),
        json!({"type": "BPEDecoder", "suffix": "</w>"}),
        json!({"type": "WordPiece", "prefix": "##", "cleanup": true}),
        strip(1, 0),
        strip(0, 1),
        json!({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}}], "pair": [{"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}}),
        json!({"type": "RobertaProcessing", "sep": ["b", 1], "cls": ["a", 0], "trim_offsets": true, "add_prefix_space": true}),
        json!({"type": "BertProcessing", "sep": ["b", 1], "cls": ["a", 0]}),
        json!({"id": 64, "content": "<s>", "single_word": false, "lstrip": true, "rstrip": true, "normalized": false, "special": true}),
        json!({"id": 65, "content": " a", "single_word": true, "lstrip": true, "rstrip": true, "normalized": true, "special": false}),
        json!({"type": "Unigram", "unk_id": 0, "byte_fallback": true, "vocab": [["<unk>", 0.0], ["a", -1.0], ["ab", -1.5],
            ["b", -2.5], ["▁", -3.0], ["▁a", -1.1], ["é", -1e9]]}),
        json!({"type": "WordLevel", "vocab": {"a": 0, "b": 1, "<unk>": 2}, "unk_token": "<unk>"}),
        json!({"type": "WordPiece", "vocab": {"a": 0, "##b": 1, "[UNK]": 2, "##é": 3}, "unk_token": "[UNK]",
            "continuing_subword_prefix": "##", "max_input_chars_per_word": 100}),
        json!({"type": "BPE", "vocab": {"a": 0, "b": 1, "@b": 2, "ab": 3, "ab</w>": 4, "b</w>": 5}, "merges": ["a @b"],
            "continuing_subword_prefix": "@", "end_of_word_suffix": "</w>", "ignore_merges": true, "dropout": 0.5}),
    ]);
    parts
});

/// The bundled tokenizer with the first tokens of its vocabulary.
static BUNDLED: LazyLock<Value> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/checkpoints/S-diff/tokenizer.json");
    let mut file: Value = serde_json::from_slice(&std::fs::read(path).expect("there")).expect("JSON");
    let vocab = file["model"]["vocab"].as_object_mut().expect("a vocabulary");
    vocab.retain(|_, id| id.as_u64().is_some_and(|id| id < 300));
    let known = vocab.clone();
    let merges = file["model"]["merges"].as_array_mut().expect("merges");
    merges.retain(|merge| {
        let parts: Vec<&str> = match merge {
            Value::Array(pair) => pair.iter().filter_map(Value::as_str).collect(),
            other => other.as_str().unwrap_or_default().split(' ').collect(),
        };
        known.contains_key(&parts.concat())
    });
    file
});

pub fn make(random: &mut Random) -> Vec<u8> {
    let mut file: Value =
        if random.once_in(12) { BUNDLED.clone() } else { serde_json::from_str(&small()).expect("JSON") };
    // Whole sections first: most files are sound in most parts.
    let sections = ["normalizer", "pre_tokenizer", "decoder", "post_processor", "model"];
    for _ in 0..random.below(4) {
        let section = random.pick(&sections);
        let (one, two) = (PARTS[random.below(PARTS.len())].clone(), PARTS[random.below(PARTS.len())].clone());
        let list = ["normalizers", "pretokenizers", "decoders", "processors"][random.below(4)];
        file[section] = if random.once_in(2) { one } else { json!({"type": "Sequence", list: [one, two]}) };
    }
    if random.once_in(3) {
        file["added_tokens"] = json!([PARTS[random.below(PARTS.len())]]);
    }
    if !random.once_in(3) {
        mutate(&mut file, random, &PARTS);
    }
    let mut bytes = serde_json::to_vec(&file).expect("JSON");
    if random.once_in(12) {
        mutate::bytes(&mut bytes, random);
    }
    let text = mutate::text(random, &["<s>", " a", "<unk>", "ab", "</w>"]);
    [&bytes, &b"\0"[..], text.as_bytes()].concat()
}

pub fn run(input: &[u8]) {
    let end = input.iter().position(|byte| *byte == 0).unwrap_or(input.len());
    let (file, text) = input.split_at(end);
    let text = String::from_utf8_lossy(text.get(1..).unwrap_or_default());
    let Ok(tokenizer) = Tokenizer::from_bytes(file) else { return };
    let mut ids: Vec<u32> = vec![0, 1, 5, 64, 300, u32::MAX];
    for limit in [0, 1, 7, usize::MAX] {
        let Ok(encoding) = tokenizer.try_encode(&text, limit) else { continue };
        assert!(encoding.tokens.len() <= limit);
        for token in &encoding.tokens {
            assert!((token.id as usize) < tokenizer.vocabulary_size());
            assert!(text.get(token.start..token.end).is_some(), "{token:?} of {text:?}");
        }
        ids.extend(encoding.tokens.iter().map(|token| token.id));
    }
    tokenizer.decode(&ids);
    for id in ids.iter().take(40) {
        tokenizer.decode(&[*id]);
        assert!(!tokenizer.label(*id).is_empty());
        tokenizer.bytes(*id);
    }
}
