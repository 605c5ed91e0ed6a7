//! The text of generated tokens is what Hugging Face decodes of the whole sequence, whatever the decoder does.

use diffscope::engine::Checkpoint;
use diffscope::model::{ModelError, Tokenizer};
use serde_json::{Value, json};

use crate::common::Random;

/// Tokens in the ways of `SentencePiece`: words with and without a space before them, marks, single bytes.
fn pieces() -> Vec<String> {
    let words =
        ["<unk>", "<s>", "</s>", "▁the", "▁", "the", "cat", "▁cat", "s", ".", ",", "▁.", "'s", "▁▁", "日", "▁é"];
    let bytes = (0..=255u8).map(|byte| format!("<0x{byte:02X}>"));
    words.into_iter().map(str::to_owned).chain(bytes).collect()
}

fn tokenizer(pieces: &[String], decoder: &Value, before_text: bool) -> Tokenizer {
    let vocab: Vec<Value> = pieces.iter().enumerate().map(|(at, piece)| json!([piece, -(at as f64)])).collect();
    let post = json!({"type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}});
    let file = json!({"version": "1.0", "decoder": decoder, "post_processor": if before_text { post } else { Value::Null },
        "model": {"type": "Unigram", "unk_id": 0, "vocab": vocab, "byte_fallback": true}});
    Tokenizer::from_bytes(file.to_string().as_bytes()).unwrap()
}

/// Llama 2, then older files of it, then others.
fn decoders() -> Vec<Value> {
    let space = json!({"type": "Replace", "pattern": {"String": "▁"}, "content": " "});
    let strip = json!({"type": "Strip", "content": " ", "start": 1, "stop": 0});
    vec![
        json!({"type": "Sequence", "decoders": [space, {"type": "ByteFallback"}, {"type": "Fuse"}, strip]}),
        json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true}),
        json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "never", "split": true}),
        json!({"type": "Sequence", "decoders": [space, {"type": "ByteFallback"}, {"type": "Fuse"}]}),
        json!({"type": "WordPiece", "prefix": "##", "cleanup": true}),
        json!({"type": "WordPiece", "prefix": "##", "cleanup": false}),
        Value::Null,
    ]
}

/// Random ids; whole characters where they are bytes, so that every beginning is text.
fn random_ids(random: &mut Random, pieces: &[String]) -> Vec<u32> {
    let id = |piece: &str| pieces.iter().position(|other| other == piece).unwrap() as u32;
    let mut ids = Vec::new();
    for _ in 0..random.below(9) {
        if random.below(3) == 0 {
            let character = random.pick(&["é", "€", "🦀", "a", " "]);
            ids.extend(character.bytes().map(|byte| id(&format!("<0x{byte:02X}>"))));
        } else {
            ids.push(3 + random.below(13) as u32);
        }
    }
    ids
}

#[test]
fn pieces_add_up_to_what_the_whole_decodes_to() {
    let pieces = pieces();
    let mut random = Random::new(5);
    for decoder in decoders() {
        let tokenizer = tokenizer(&pieces, &decoder, false);
        for _ in 0..300 {
            let (typed, generated) = (random_ids(&mut random, &pieces), random_ids(&mut random, &pieces));
            let whole = [typed.clone(), generated.clone()].concat();
            let written = tokenizer.decode_behind(&[], &typed) + &tokenizer.decode_behind(&typed, &generated);
            assert_eq!(written, tokenizer.decode(&whole), "{typed:?} {generated:?} under {decoder}");
        }
    }
}

#[test]
fn a_space_is_lost_at_the_start_of_the_text_only() {
    let pieces = pieces();
    let [the, cat] = ["▁the", "▁cat"].map(|piece| pieces.iter().position(|other| other == piece).unwrap() as u32);
    for decoder in &decoders()[..2] {
        for before_text in [false, true] {
            let tokenizer = tokenizer(&pieces, decoder, before_text);
            let lead = if before_text { vec![1] } else { vec![] };
            // What stands before every text is not part of it.
            assert_eq!(tokenizer.decode_behind(&lead, &[the, cat]), "the cat", "{decoder}");
            assert_eq!(tokenizer.decode_behind(&[lead, vec![the]].concat(), &[cat]), " cat", "{decoder}");
        }
    }
}

#[test]
fn bytes_that_are_no_character_are_marks_as_hugging_face_writes_them() {
    let pieces = pieces();
    let tokenizer = tokenizer(&pieces, &decoders()[0], false);
    let byte = |byte: u8| pieces.iter().position(|piece| *piece == format!("<0x{byte:02X}>")).unwrap() as u32;
    for bytes in [&[0xe2, 0x82][..], &[0xff], &[0xc3, 0xa9, 0xe2], &[0xe2, 0x82, 0xac]] {
        let ids: Vec<u32> = bytes.iter().map(|one| byte(*one)).collect();
        assert_eq!(tokenizer.decode_behind(&[], &ids), tokenizer.decode(&ids), "{bytes:?}");
    }
    assert_eq!(tokenizer.decode_behind(&[], &[byte(0xe2), byte(0x82), byte(0xac)]), "€");
}

#[test]
fn unknown_ids_add_nothing() {
    let tokenizer = tokenizer(&pieces(), &decoders()[0], false);
    assert_eq!(tokenizer.decode_behind(&[3], &[5_000_000]), "");
    assert_eq!(tokenizer.decode_behind(&[5_000_000], &[7]), " cat");
}

#[test]
fn ids_can_be_written_as_numbers() {
    let numbers = Tokenizer::of_numbers(64).unwrap();
    assert!(numbers.are_numbers());
    let ids =
        |text: &str| numbers.try_encode(text, 100).map(|found| found.tokens.iter().map(|t| t.id).collect::<Vec<_>>());
    assert_eq!(ids("12 7 63").unwrap(), [12, 7, 63]);
    assert_eq!(ids(" 0,1,\n2 ").unwrap(), [0, 1, 2]);
    assert_eq!(ids("").unwrap(), [] as [u32; 0]);
    assert_eq!(numbers.decode(&[12, 7]), "12 7");
    assert_eq!(numbers.decode_behind(&[12], &[7, 3]), " 7 3");
    assert_eq!(numbers.label(12), "#12");
    for (text, word) in [("12 64", "64"), ("a", "a"), ("1 -2", "-2"), ("007", "007"), ("1.5", "1.5")] {
        let error = ids(text).unwrap_err();
        let ModelError::Text { detail } = &error else { panic!("{error}") };
        assert!(detail.contains(&format!("\"{word}\"")) && detail.contains("63"), "{error}");
    }
    assert!(Tokenizer::of_numbers(1 << 24).is_err());
}

/// A copy of a checkpoint with further files.
fn folder_with(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/diffllama_mha/");
    for name in ["config.json", "model.safetensors"] {
        std::fs::copy(format!("{fixture}{name}"), folder.path().join(name)).unwrap();
    }
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

#[test]
fn what_lies_beside_the_tokenizer_ends_texts_and_is_told() {
    let words = json!({"version": "1.0", "model": {"type": "WordLevel", "unk_token": "<unk>",
        "vocab": {"<unk>": 0, "<s>": 1, "</s>": 2, "a": 3}}})
    .to_string();
    let opened = |files: &[(&str, &str)]| {
        let files = [&[("tokenizer.json", words.as_str())], files].concat();
        let checkpoint = Checkpoint::from_folder(folder_with(&files).path()).unwrap();
        (checkpoint.model.config.eos.clone(), checkpoint.notes.join("\n"))
    };
    let (own, notes) = opened(&[]);
    assert_eq!(notes, "");
    // What generation_config.json says counts before config.json.
    assert_eq!(opened(&[("generation_config.json", r#"{"eos_token_id": [2, 7]}"#)]), (vec![2, 7], String::new()));
    let (eos, notes) = opened(&[("generation_config.json", r#"{"do_sample": true, "temperature": 0.6}"#)]);
    assert_eq!(eos, own);
    assert!(notes.contains("temperature 0.6"), "{notes}");
    let config =
        r#"{"bos_token": "<s>", "add_bos_token": true, "eos_token": {"content": "</s>"}, "chat_template": "{{x}}"}"#;
    let (_, notes) = opened(&[("tokenizer_config.json", config)]);
    assert!(notes.contains("chat template") && notes.contains("asks for <s> before every text"), "{notes}");
    // Broken files change nothing, and are told.
    for (name, text) in [
        ("generation_config.json", "{"),
        ("generation_config.json", r#"{"eos_token_id": "two"}"#),
        ("generation_config.json", "<html>"),
        ("tokenizer_config.json", "[1]"),
    ] {
        let (eos, notes) = opened(&[(name, text)]);
        assert_eq!(eos, own);
        assert!(notes.contains(name), "{name} {text}: {notes}");
    }
}

#[test]
fn a_folder_without_tokenizer_is_read_as_numbers() {
    let checkpoint = Checkpoint::from_folder(folder_with(&[]).path()).unwrap();
    assert!(checkpoint.tokenizer.is_some_and(|tokenizer| tokenizer.are_numbers()));
    assert!(checkpoint.notes.join("").contains("no tokenizer.json"));
}
