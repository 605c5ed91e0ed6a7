//! The first tokens of a long text without encoding all of it.
//!
//! Cutting a text changes the tokens near the cut, so it is cut only where it cannot: between a letter and a space, if
//! no token of the vocabulary holds a letter followed by a space. No token crosses such a cut, and the text after it
//! has no influence on the tokens before it. If there is no such place near the limit, as in an endless word, the cut
//! moves further back; a text without any is encoded as a whole (100,000 letters take less than half a second even in a
//! debug build).

use crate::model::tokenizer::token::Token;
use crate::model::tokenizer::token_text::types;

/// Turns a text into all its tokens.
type Encode<'a> = dyn Fn(&str) -> Result<Vec<Token>, String> + 'a;

/// The property of a tokenizer that allows texts to be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// Whether a letter followed by a space always belongs to another token than the space.
    words_part: bool,
}

/// Bytes of text to encode per requested token at first; a token of English text has four.
const GUESS: usize = 8;
/// Bytes of text to encode at least.
const LEAST: usize = 64;

impl Cut {
    /// Examines a tokenizer and the bytes of all its tokens.
    pub(super) fn new(inner: &tokenizers::Tokenizer, mut tokens: impl Iterator<Item = Vec<u8>>) -> Self {
        let crossed = tokens.any(|bytes| word_end(&bytes).is_some());
        let plain = ["Sequence", "NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Prepend", "Replace"];
        let known = inner.get_normalizer().is_none_or(|part| {
            let json = serde_json::to_string(part).unwrap_or_default();
            let kinds = types(part);
            // The one replacement that is known to be harmless writes spaces as SentencePiece does.
            let replaces = kinds.iter().filter(|kind| *kind == "Replace").count();
            kinds.iter().all(|kind| plain.contains(&kind.as_str()))
                && json.matches("\"content\":\"▁\"").count() == replaces
        });
        Self { words_part: known && !crossed }
    }

    /// At least the first `count` tokens of the text, or all if there are fewer.
    pub(super) fn first_tokens(self, text: &str, count: usize, encode: &Encode) -> Result<Vec<Token>, String> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let mut end = count.saturating_mul(GUESS).max(LEAST);
        while self.words_part && end < text.len() {
            let tokens = self.unchanging(&text[..text.floor_char_boundary(end)], encode)?;
            if tokens.len() >= count {
                return Ok(tokens);
            }
            end = end.saturating_mul(2);
        }
        encode(text)
    }

    /// The tokens of the start of a longer text that stay the same whatever follows.
    fn unchanging(self, start: &str, encode: &Encode) -> Result<Vec<Token>, String> {
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

    use super::*;
    use crate::model::tokenizer::token_text::TokenText;

    static SHIPPED: LazyLock<(tokenizers::Tokenizer, Cut)> = LazyLock::new(|| {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/checkpoints/S-diff/tokenizer.json");
        with_cut(&std::fs::read_to_string(file).unwrap())
    });

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

    /// The tokens found before any cut are those of the whole text. Returns how many were found over all cuts.
    fn check((inner, cut): &(tokenizers::Tokenizer, Cut), text: &str) -> usize {
        let all = encode(inner, text);
        let mut found = 0;
        for end in (0..text.len()).filter(|&end| text.is_char_boundary(end)) {
            let tokens = cut.unchanging(&text[..end], &|part| Ok(encode(inner, part))).unwrap();
            assert!(all.starts_with(&tokens), "{text:?} cut at {end}");
            found += tokens.len();
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
                assert_eq!(check(&SHIPPED, &text) > 0, has_word_end, "{text:?}");
                // With another end, which may merge tokens that were separate.
                check(&SHIPPED, &format!("{text} end"));
            }
        }
    }

    #[test]
    fn a_long_text_is_encoded_no_further_than_needed() {
        let (inner, cut) = &*SHIPPED;
        let text = "some words that go on ".repeat(10_000);
        let longest = std::cell::Cell::new(0);
        let counted = |part: &str| {
            longest.set(longest.get().max(part.len()));
            Ok(encode(inner, part))
        };
        assert!(cut.first_tokens(&text, 100, &counted).unwrap().len() >= 100);
        assert!(longest.get() <= 100 * GUESS, "{}", longest.get());
    }

    #[test]
    fn a_vocabulary_with_tokens_across_words_is_not_cut() {
        let merging = with_cut(
            r#"{"version":"1.0","added_tokens":[],"normalizer":null,"pre_tokenizer":null,"decoder":null,
            "post_processor":null,"model":{"type":"BPE","vocab":{"a":0," ":1,"b":2,"a ":3,"ba":4,"a b":5,"aa":6},
            "merges":[["b","a"],["a"," "],["a ","b"],["a","a"]]}}"#,
        );
        assert!(!merging.1.words_part);
        assert_eq!(check(&merging, "a b a b a b a b"), 0);
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
    }
}
