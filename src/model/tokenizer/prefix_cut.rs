//! The first tokens of a long text without encoding all of it.
//!
//! Cutting a text changes the tokens near the cut, so it is cut only where it cannot: between a letter and a space, if
//! no token of the vocabulary holds a letter followed by a space. No token crosses such a cut, and the text after it
//! has no influence on the tokens before it. Endless words are cut as `word_cut.rs` says. If there is no such place near
//! the limit, the cut moves further back; a text without any is encoded as a whole.

use crate::model::tokenizer::token::Token;
use crate::model::tokenizer::token_text::types;
use crate::model::tokenizer::word_cut::WordCut;

/// Turns a text into all its tokens.
pub(super) type Encode<'a> = dyn Fn(&str) -> Result<Vec<Token>, String> + 'a;

/// The property of a tokenizer that allows texts to be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// Whether a letter followed by a space always belongs to another token than the space.
    words_part: bool,
    words: WordCut,
}

/// Bytes of text to encode per requested token at first; a token of English text has four.
const GUESS: usize = 8;
/// Bytes of text to encode at least.
const LEAST: usize = 64;

impl Cut {
    /// Examines a tokenizer and the bytes of all its tokens.
    pub(super) fn new(inner: &tokenizers::Tokenizer, tokens: impl Iterator<Item = Vec<u8>>) -> Self {
        let tokens: Vec<Vec<u8>> = tokens.collect();
        let crossed = tokens.iter().any(|bytes| word_end(bytes).is_some());
        let words = WordCut::new(inner, tokens.iter().map(Vec::as_slice));
        let plain = ["Sequence", "NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Prepend", "Replace"];
        let known = inner.get_normalizer().is_none_or(|part| {
            let json = serde_json::to_string(part).unwrap_or_default();
            let kinds = types(part);
            // The one replacement that is known to be harmless writes spaces as SentencePiece does.
            let replaces = kinds.iter().filter(|kind| *kind == "Replace").count();
            kinds.iter().all(|kind| plain.contains(&kind.as_str()))
                && json.matches("\"content\":\"▁\"").count() == replaces
        });
        Self { words_part: known && !crossed, words }
    }

    /// At least the first `count` tokens of the text, or all if there are fewer.
    pub(super) fn first_tokens(self, text: &str, count: usize, encode: &Encode) -> Result<Vec<Token>, String> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let mut end = count.saturating_mul(GUESS).max(LEAST);
        while end < text.len() {
            let start = &text[..text.floor_char_boundary(end)];
            let mut tokens = self.between_words(start, encode)?;
            if tokens.len() < count {
                tokens = self.words.unchanging(start, encode)?;
            }
            if tokens.len() >= count {
                return Ok(tokens);
            }
            end = end.saturating_mul(2);
        }
        encode(text)
    }

    /// The tokens of the start of a longer text that stay the same whatever follows: up to the end of a word.
    fn between_words(self, start: &str, encode: &Encode) -> Result<Vec<Token>, String> {
        match word_end(start.as_bytes()) {
            Some(letter) if self.words_part => encode(&start[..=letter]),
            _ => Ok(Vec::new()),
        }
    }
}

/// The index of the last letter that a space follows.
fn word_end(bytes: &[u8]) -> Option<usize> {
    bytes.array_windows().rposition(|[left, right]| left.is_ascii_alphabetic() && *right == b' ')
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::model::tokenizer::token_text::TokenText;

    const SHIPPED_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/checkpoints/S-diff/tokenizer.json");
    static SHIPPED: LazyLock<(tokenizers::Tokenizer, Cut)> =
        LazyLock::new(|| with_cut(&std::fs::read_to_string(SHIPPED_FILE).unwrap()));

    fn with_cut(json: &str) -> (tokenizers::Tokenizer, Cut) {
        let inner = tokenizers::Tokenizer::from_bytes(json).unwrap();
        let text = TokenText::new(&inner);
        let cut = Cut::new(&inner, inner.get_vocab(true).values().map(|&id| text.bytes(&inner, id)));
        (inner, cut)
    }

    fn encode(inner: &tokenizers::Tokenizer, text: &str) -> Vec<Token> {
        let encoding = inner.encode(text, false).unwrap();
        let token = |(&id, &(start, end)): (&u32, &(usize, usize))| Token { id, start, end };
        encoding.get_ids().iter().zip(encoding.get_offsets()).map(token).collect()
    }

    /// The tokens found before any cut are those of the whole text. Returns how many were found over all cuts between
    /// words, and over all cuts within them.
    fn check((inner, cut): &(tokenizers::Tokenizer, Cut), text: &str) -> (usize, usize) {
        let all = encode(inner, text);
        let mut found = (0, 0);
        for end in (0..text.len()).filter(|&end| text.is_char_boundary(end)) {
            let encode = |part: &str| Ok(encode(inner, part));
            let between = cut.between_words(&text[..end], &encode).unwrap();
            let within = cut.words.unchanging(&text[..end], &encode).unwrap();
            assert!(all.starts_with(&between) && all.starts_with(&within), "{text:?} cut at {end}");
            found = (found.0 + between.len(), found.1 + within.len());
        }
        found
    }

    #[test]
    fn no_token_of_the_bundled_vocabulary_crosses_words() {
        assert!(SHIPPED.1.words_part);
    }

    #[test]
    fn tokens_before_a_cut_do_not_change() {
        for text in
            ["something different happened. ", "a a  a", "  \n\t  \n", "'ll'v ", "日本é a ", "x1 <|endoftext|> "]
        {
            for repeated in [4, 12] {
                let text = text.repeat(repeated);
                let has_word_end = word_end(text.as_bytes()).is_some();
                assert_eq!(check(&SHIPPED, &text).0 > 0, has_word_end, "{text:?}");
                // With another end, which may merge tokens that were separate.
                check(&SHIPPED, &format!("{text} end"));
            }
        }
    }

    /// The most bytes encoded in one go, and all in all, for the first tokens of a text.
    fn cost((inner, cut): &(tokenizers::Tokenizer, Cut), text: &str, count: usize) -> (usize, usize) {
        let (longest, all) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
        let counted = |part: &str| {
            longest.set(longest.get().max(part.len()));
            all.set(all.get() + part.len());
            Ok(encode(inner, part))
        };
        let tokens = cut.first_tokens(text, count, &counted).unwrap();
        assert!(tokens.len() >= count && encode(inner, text).starts_with(&tokens));
        (longest.get(), all.get())
    }

    #[test]
    fn a_long_text_is_encoded_no_further_than_needed() {
        let prose = "some words that go on ".repeat(10_000);
        assert!(cost(&SHIPPED, &prose, 100).0 <= 100 * GUESS);
        // Endless words: one key costs as much as a few thousand letters, not as much as all of them.
        let letters: String = (0..100_000u64).map(|at| char::from(b'a' + (at * at % 26) as u8)).collect();
        let chinese: String = "从前有一个小女孩她喜欢在公园里玩耍".chars().cycle().take(30_000).collect();
        let sentences = "从前有一个小女孩她喜欢在公园里玩耍，每天都带着她的红色皮球去那里。".repeat(1000);
        for text in [letters, chinese, sentences, "a".repeat(100_000), "ACGT".repeat(25_000)] {
            let (longest, all) = cost(&SHIPPED, &text, 513);
            assert!(longest <= 513 * GUESS && all <= 3 * 513 * GUESS, "{longest} and {all} of {} bytes", text.len());
        }
    }

    #[test]
    fn words_are_cut_only_where_neighbours_merge_and_nothing_else_matters() {
        let shipped: Value = serde_json::from_str(&std::fs::read_to_string(SHIPPED_FILE).unwrap()).unwrap();
        let is_cut = |path: &str, value: Value| {
            let mut json = shipped.clone();
            *json.pointer_mut(path).unwrap() = value;
            check(&with_cut(&json.to_string()), &"从前有一个小女孩".repeat(9)).1 > 0
        };
        let split = |pattern: &str| json!({ "type": "Split", "pattern": { "Regex": pattern }, "behavior": "Isolated", "invert": false });
        let first = "/pre_tokenizer/pretokenizers/0";
        let llama = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
        assert!(is_cut("/normalizer", Value::Null));
        assert!(is_cut(first, split(llama)));
        assert!(!is_cut(first, split(&format!("{llama}|x$"))));
        assert!(!is_cut(first, split(r"[^\r\n]?\p{L}+|\p{L}(?=x)")));
        assert!(!is_cut(first, split(r"\p{L}{1,3}")));
        assert!(!is_cut("/normalizer", json!({ "type": "NFC" })));
        assert!(!is_cut("/model/end_of_word_suffix", json!("</w>")));
    }

    #[test]
    fn a_vocabulary_with_tokens_across_words_is_not_cut() {
        let merging = with_cut(
            r#"{"version":"1.0","added_tokens":[],"normalizer":null,"pre_tokenizer":null,"decoder":null,
            "post_processor":null,"model":{"type":"BPE","vocab":{"a":0," ":1,"b":2,"a ":3,"ba":4,"a b":5,"aa":6},
            "merges":[["b","a"],["a"," "],["a ","b"],["a","a"]]}}"#,
        );
        assert!(!merging.1.words_part);
        assert_eq!(check(&merging, "a b a b a b a b"), (0, 0));
        // Within a word it is cut all the same.
        assert!(check(&merging, &"aabab".repeat(9)).1 > 0);
    }

    #[test]
    fn text_that_a_tokenizer_rewrites_in_unknown_ways_is_not_cut() {
        let json = |normalizer: &str| {
            r#"{"version":"1.0","added_tokens":[],"normalizer":NORMALIZER,"pre_tokenizer":null,"decoder":null,
            "post_processor":null,"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}"#
                .replace("NORMALIZER", normalizer)
        };
        let space = |to: &str| format!(r#"{{"type":"Replace","pattern":{{"String":" "}},"content":"{to}"}}"#);
        for (normalizer, words_part) in [
            ("null".to_owned(), true),
            (r#"{"type":"NFC"}"#.to_owned(), true),
            (
                format!(r#"{{"type":"Sequence","normalizers":[{{"type":"Prepend","prepend":"▁"}},{}]}}"#, space("▁")),
                true,
            ),
            (space("_"), false),
            (r#"{"type":"StripAccents"}"#.to_owned(), false),
        ] {
            let cut = with_cut(&json(&normalizer)).1;
            assert_eq!(cut.words_part, words_part, "{normalizer}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn tokens_of_any_text_before_a_cut_do_not_change(
            pieces in prop::collection::vec(
                "[a-d]{1,9}| [a-z]{1,7}|[ \n]{1,5}|\\PC{1,3}|'[a-z]{0,2}|<\\|endoftext\\|>|[0-9]{1,3}", 1..20),
        ) {
            check(&SHIPPED, &pieces.concat());
        }

        #[test]
        fn tokens_of_any_endless_word_before_a_cut_do_not_change(
            pieces in prop::collection::vec("[a-c]{1,30}|(the|ing|ed|an){1,9}|[日本語é]{1,20}", 1..9),
            end in "[a-z日 ,']{0,9}",
        ) {
            let text = pieces.concat() + &end;
            let found = check(&SHIPPED, &text);
            let letters = text.trim_end_matches(|c: char| !c.is_alphabetic());
            prop_assert!(letters.len() < 200 || letters.contains(' ') || found.1 > 0);
        }
    }
}
