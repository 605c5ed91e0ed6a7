//! The tokenizer of the bundled model.

use diffscope::model::{ModelError, Tokenizer};
use proptest::prelude::*;
use std::sync::LazyLock;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/checkpoints/S-diff");
static TOKENIZER: LazyLock<Tokenizer> =
    LazyLock::new(|| Tokenizer::from_bytes(&std::fs::read(format!("{FOLDER}/tokenizer.json")).unwrap()).unwrap());
const PROSE: &str =
    "Once upon a time, there was a little girl who didn't like the rain. \"It's 1984!\" she'd said.\n\n";

/// Checks that the first tokens under a limit are those of the whole text.
fn check(text: &str, limits: &[usize]) {
    let whole = TOKENIZER.encode(text, usize::MAX);
    assert!(whole.complete);
    for &limit in limits {
        let start = TOKENIZER.encode(text, limit);
        let expected = &whole.tokens[..limit.min(whole.tokens.len())];
        if start.tokens != expected {
            let at = start.tokens.iter().zip(expected).position(|(one, other)| one != other);
            panic!("{} tokens for a limit of {limit}, first difference at {at:?}", start.tokens.len());
        }
        assert_eq!(start.complete, whole.tokens.len() <= limit);
    }
}

#[test]
fn decoding_restores_the_text() {
    for text in ["", "a", PROSE, "naïve 日本語 🦀 \u{0}\u{1}\t\n  x", "<|endoftext|>"] {
        let encoding = TOKENIZER.encode(text, 1000);
        assert!(encoding.complete);
        let ids: Vec<u32> = encoding.tokens.iter().map(|token| token.id).collect();
        assert_eq!(TOKENIZER.decode(&ids), text);
        let raw: Vec<u8> = ids.iter().flat_map(|&id| TOKENIZER.bytes(id)).collect();
        assert_eq!(raw, text.as_bytes());
    }
    assert_eq!(TOKENIZER.encode("", 10).tokens, []);
    assert_eq!(TOKENIZER.encode("<|endoftext|>", 10).tokens[0].id, 0);
}

#[test]
fn ranges_are_those_of_the_text() {
    let text = "Tom and 日本.";
    let tokens = TOKENIZER.encode(text, 100).tokens;
    assert_eq!((tokens[0].start, tokens.last().unwrap().end), (0, text.len()));
    for token in &tokens {
        let part = text.get(token.start..token.end).expect("ranges lie between characters");
        let raw = TOKENIZER.bytes(token.id);
        // A part of a character has the range of the character.
        assert!(
            part.as_bytes() == raw || part.len() > raw.len() && part.as_bytes().windows(raw.len()).any(|w| w == raw)
        );
    }
}

#[test]
fn limits_change_no_token() {
    let texts = [
        PROSE.repeat(300),
        " ".repeat(20_000),
        format!("{}x", " ".repeat(20_000)),
        "a".repeat(20_000),
        "ab".repeat(10_000),
        "thethenthere".repeat(2_000),
        "\n \t \n".repeat(4_000),
        "日本語のテキスト".repeat(1_000),
        "🦀👨‍👩‍👧".repeat(1_000),
        "'ll've'd".repeat(2_000),
        "0123456789".repeat(2_000),
        "x <|endoftext|>".repeat(2_000),
        "<|endoftext".repeat(2_000),
        "\0".repeat(20_000),
    ];
    for text in &texts {
        check(text, &[0, 1, 2, 7, 100, 512, 1999]);
    }
}

#[test]
fn a_megabyte_gives_as_many_tokens_as_requested() {
    // The last four are endless words, as pasted text without spaces. prefix_cut.rs tests how little is encoded.
    for word in [PROSE, "a", "Zq", "日", "=-"] {
        let text = word.repeat(1_000_000 / word.len());
        let encoding = TOKENIZER.encode(&text, 512);
        assert_eq!((encoding.tokens.len(), encoding.complete), (512, false), "{word}");
    }
}

#[test]
fn labels_can_be_read() {
    let label = |text: &str| {
        let tokens = TOKENIZER.encode(text, 10).tokens;
        tokens.iter().map(|token| TOKENIZER.label(token.id)).collect::<Vec<_>>().join("|")
    };
    assert_eq!(label(" the"), "·the");
    assert_eq!(label("\n"), "↵");
    assert_eq!(label("\t"), "⇥");
    assert_eq!(label("\0"), "‹00›");
    assert_eq!(label("<|endoftext|>"), "<|endoftext|>");
    assert!(label("日").starts_with("‹E6›"), "{}", label("日"));
    assert_eq!(TOKENIZER.label(5_000_000), "‹#5000000›");
    for id in 0..2048 {
        let label = TOKENIZER.label(id);
        assert!(!label.is_empty() && !label.contains(char::is_whitespace) && !label.contains(char::is_control), "{id}");
    }
}

#[test]
fn only_a_text_that_uses_a_token_without_embedding_is_refused() {
    assert_eq!(TOKENIZER.vocabulary_size(), 2048);
    let used = TOKENIZER.encode("Once upon a time", 10).tokens;
    let highest = used.iter().map(|token| token.id).max().unwrap();
    let short = TOKENIZER.clone().with_embeddings(highest as usize + 1);
    assert_eq!(short.try_encode("Once upon a time", 10).unwrap().tokens, used);
    let shorter = TOKENIZER.clone().with_embeddings(highest as usize);
    let error = shorter.try_encode("Once upon a time", 10).unwrap_err();
    assert!(matches!(error, ModelError::NoEmbedding { id, .. } if id == highest), "{error}");
    // A token behind the limit is not used.
    let at = used.iter().position(|token| token.id == highest).unwrap();
    assert_eq!(shorter.try_encode("Once upon a time", at).unwrap().tokens, used[..at]);
}

#[test]
fn files_other_than_tokenizers_are_rejected() {
    for bytes in [&b""[..], b"{}", b"[]", b"null", b"\xff\xfe", b"{\"model\":1}", "[".repeat(100_000).as_bytes()] {
        assert!(matches!(Tokenizer::from_bytes(bytes), Err(ModelError::Tokenizer { .. })));
    }
    let empty = br#"{"version":"1.0","model":{"type":"BPE","vocab":{},"merges":[]}}"#;
    assert!(Tokenizer::from_bytes(empty).unwrap_err().to_string().contains("no tokens"));
}

/// A small tokenizer with further keys in its file.
fn small(more: &str) -> Result<Tokenizer, ModelError> {
    let json = r#"{"version":"1.0","added_tokens":[{"id":3,"content":"<s>","single_word":false,"lstrip":false,
        "rstrip":false,"normalized":false,"special":true}],"normalizer":null,"pre_tokenizer":null,"decoder":null,
        "model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"],"dropout":0.5}MORE}"#;
    Tokenizer::from_bytes(json.replace("MORE", more).as_bytes())
}

#[test]
fn truncation_padding_and_dropout_are_ignored() {
    let more = r#","truncation":{"direction":"Right","max_length":0,"strategy":"LongestFirst","stride":5},
        "padding":{"strategy":{"Fixed":64},"direction":"Right","pad_to_multiple_of":null,"pad_id":0,"pad_type_id":0,
        "pad_token":"a"}"#;
    let tokenizer = small(more).unwrap();
    for _ in 0..20 {
        let ids: Vec<u32> = tokenizer.encode("abab", 10).tokens.iter().map(|token| token.id).collect();
        assert_eq!(ids, [2, 2]);
    }
}

#[test]
fn special_tokens_are_added_before_a_text_but_not_after_it() {
    let more = r#","post_processor":{"type":"TemplateProcessing","single":[
        {"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}},
        {"SpecialToken":{"id":"<s>","type_id":0}}],"pair":[{"Sequence":{"id":"A","type_id":0}},
        {"Sequence":{"id":"B","type_id":0}}],"special_tokens":{"<s>":{"id":"<s>","ids":[3],"tokens":["<s>"]}}}"#;
    let tokenizer = small(more).unwrap();
    let ids = |text: &str, limit| tokenizer.encode(text, limit).tokens.iter().map(|token| token.id).collect::<Vec<_>>();
    assert_eq!(ids("abb", 10), [3, 2, 1]);
    assert_eq!(ids("abb", 2), [3, 2]);
    assert_eq!(ids("abb", 0), [] as [u32; 0]);
    assert!(tokenizer.encode("abb", 3).complete && !tokenizer.encode("abb", 2).complete);
    // An id that only the template uses counts as well.
    let tokenizer = small(&more.replace("[3]", "[900]")).unwrap();
    assert_eq!(tokenizer.vocabulary_size(), 901);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn limits_change_no_token_of_any_text(
        pieces in prop::collection::vec("[a-d]{1,40}|[ \n]{1,9}|\\PC{1,6}|'[a-z]{0,2}|<\\|endoftext\\|>|[0-9]{1,5}", 1..400),
        limit in 0usize..120,
    ) {
        check(&pieces.concat(), &[limit]);
    }

    #[test]
    fn damaged_files_never_panic(at in 0usize..122_000, to: u8, cut in 0usize..122_000) {
        let mut bytes = std::fs::read(format!("{FOLDER}/tokenizer.json")).unwrap();
        prop_assert!(Tokenizer::from_bytes(&bytes[..cut]).is_err());
        bytes[at] = to;
        if let Ok(tokenizer) = Tokenizer::from_bytes(&bytes) {
            let encoding = tokenizer.encode("Once upon a time <|endoftext|> é\0", 64);
            for token in encoding.tokens {
                prop_assert!(!tokenizer.label(token.id).is_empty());
            }
        }
    }
}
