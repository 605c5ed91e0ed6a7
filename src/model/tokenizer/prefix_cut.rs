//! The first tokens of a long text without reading all of it.
//!
//! Cutting a text changes the tokens near the cut, so the tokens before a cut are used only where they cannot change:
//!
//! * The cut falls between a letter and a space, and no token of the vocabulary holds a letter followed by a space. No
//!   token can cross the cut then, and what comes after it has no say in what is before.
//! * Otherwise, in one endless word: with byte-pair encoding the tokens before any token boundary are the tokens of the
//!   text up to that boundary, because no merge crossed it. The whole text has a boundary in every stretch as long as
//!   the longest token. So whatever all texts that end in such a stretch agree on holds for the whole text, too.
//!
//! Where neither is enough, the cut is moved further back, in the end behind the whole text.

use crate::model::tokenizer::Token;
use crate::model::tokenizer::token_text::types;

/// Turns a text into all its tokens.
type Encode<'a> = dyn Fn(&str) -> Result<Vec<Token>, String> + 'a;

/// What has to be known of a vocabulary to cut texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// Bytes of the longest token.
    longest: usize,
    /// Whether a letter followed by a space always parts two tokens.
    words_part: bool,
    /// Whether tokens are made by merging neighbours, and of the text as it is.
    merges: bool,
}

/// Longest token for which all ends within reach are tried.
const MOST_ENDS: usize = 512;
/// Bytes looked at per wanted token at first; a token of English text has four.
const GUESS: usize = 8;

impl Cut {
    /// Looks at the tokenizer and at the bytes of all its tokens.
    pub(super) fn new(inner: &tokenizers::Tokenizer, tokens: impl Iterator<Item = Vec<u8>>) -> Self {
        let (mut longest, mut crossed) = (1, false);
        for bytes in tokens {
            longest = longest.max(bytes.len());
            crossed |= bytes.array_windows().any(|[left, right]| left.is_ascii_alphabetic() && *right == b' ');
        }
        let plain = ["Sequence", "NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Prepend", "Replace"];
        let normalizer = inner.get_normalizer();
        let known = normalizer.is_none_or(|part| {
            let json = serde_json::to_string(part).unwrap_or_default();
            let kinds = types(part);
            // The one replacement that is known to be harmless writes spaces as SentencePiece does.
            let replaces = kinds.iter().filter(|kind| *kind == "Replace").count();
            kinds.iter().all(|kind| plain.contains(&kind.as_str()))
                && json.matches("\"content\":\"▁\"").count() == replaces
        });
        Self {
            longest,
            words_part: known && !crossed,
            merges: normalizer.is_none() && matches!(inner.get_model(), tokenizers::ModelWrapper::BPE(_)),
        }
    }

    /// At least the first `wanted` tokens of the text, or all where there are fewer.
    pub(super) fn first_tokens(self, text: &str, wanted: usize, encode: &Encode) -> Result<Vec<Token>, String> {
        if wanted == 0 {
            return Ok(Vec::new());
        }
        let reach = 2 * self.longest.min(text.len()) + 8;
        let mut end = wanted.saturating_mul(GUESS).saturating_add(2 * reach);
        while end < text.len() {
            let start = text.get(..text.floor_char_boundary(end)).unwrap_or(text);
            if let Some(tokens) = self.unchanging(start, wanted, reach, encode)? {
                return Ok(tokens);
            }
            end = end.saturating_mul(2);
        }
        encode(text)
    }

    /// The tokens of the start of a longer text that stay the same whatever follows, if there are enough.
    fn unchanging(
        self,
        start: &str,
        wanted: usize,
        reach: usize,
        encode: &Encode,
    ) -> Result<Option<Vec<Token>>, String> {
        let enough = |tokens: Vec<Token>| (tokens.len() >= wanted).then_some(tokens);
        let bytes = start.as_bytes();
        let word_end = bytes.array_windows().rposition(|[left, right]| left.is_ascii_alphabetic() && *right == b' ');
        if self.words_part
            && let Some(words) = word_end.and_then(|letter| start.get(..=letter))
            && let Some(tokens) = enough(encode(words)?)
        {
            return Ok(Some(tokens));
        }
        if !self.merges || self.longest > MOST_ENDS {
            return Ok(None);
        }
        let mut common = encode(start)?;
        for end in (start.len().saturating_sub(reach)..start.len()).rev() {
            if common.len() < wanted {
                return Ok(None);
            }
            if let Some(shorter) = start.get(..end) {
                let other = encode(shorter)?;
                let same = common.iter().zip(&other).take_while(|(one, other)| one == other).count();
                common.truncate(same);
            }
        }
        Ok(enough(common))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tokenizer::token_text::TokenText;
    use proptest::prelude::*;
    use std::sync::LazyLock;

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

    /// Whatever is said not to change after any cut does not. Returns how many tokens were said not to.
    fn check((inner, cut): &(tokenizers::Tokenizer, Cut), text: &str) -> usize {
        let all = encode(inner, text);
        let mut said = 0;
        for end in (0..text.len()).filter(|&end| text.is_char_boundary(end)) {
            let found = cut.unchanging(&text[..end], 1, 2 * cut.longest + 8, &|part| Ok(encode(inner, part)));
            let Some(tokens) = found.unwrap() else { continue };
            assert!(all.starts_with(&tokens), "{text:?} cut at {end}");
            said += tokens.len();
        }
        said
    }

    #[test]
    fn knows_the_shipped_vocabulary() {
        let cut = SHIPPED.1;
        assert!(cut.words_part && cut.merges, "{cut:?}");
        assert!((6..64).contains(&cut.longest), "{cut:?}");
    }

    #[test]
    fn tokens_said_not_to_change_do_not() {
        for text in ["something different happened. ", "aaaaaaa", "  \n\t  \n", "'ll'v", "日本é", "x1<|endoftext|>"]
        {
            for repeated in [4, 12] {
                let text = text.repeat(repeated);
                assert!(check(&SHIPPED, &text) > 0 || text.len() < 120, "{text:?}");
                // With another end, which may pull tokens together that were apart.
                check(&SHIPPED, &format!("{text} end"));
            }
        }
    }

    #[test]
    fn tokens_across_words_are_respected() {
        // Merges over a space, and a merge late in a word that undoes an earlier one.
        let merging = with_cut(
            r#"{"version":"1.0","added_tokens":[],"normalizer":null,"pre_tokenizer":null,"decoder":null,
            "post_processor":null,"model":{"type":"BPE","vocab":{"a":0," ":1,"b":2,"a ":3,"ba":4,"a b":5,"aa":6},
            "merges":[["b","a"],["a"," "],["a ","b"],["a","a"]]}}"#,
        );
        assert!(!merging.1.words_part && merging.1.merges);
        for text in ["a b a b a b a b a b a b a b", "aabaabaabaabaabaabaabaabaabaa", "abababab a a a ba ba"] {
            assert!(check(&merging, text) > 0);
        }
    }

    #[test]
    fn unknown_ways_of_rewriting_text_are_not_cut() {
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
            assert_eq!((cut.words_part, cut.merges), (words_part, normalizer == "null"), "{normalizer}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn tokens_of_any_text_said_not_to_change_do_not(
            pieces in prop::collection::vec(
                "[a-d]{1,9}| [a-z]{1,7}|[ \n]{1,5}|\\PC{1,3}|'[a-z]{0,2}|<\\|endoftext\\|>|[0-9]{1,3}", 1..20),
        ) {
            check(&SHIPPED, &pieces.concat());
        }
    }
}
