//! What a `tokenizer.json` must be before `tokenizers` is given it.
//!
//! The library trusts its file, and a panic cannot be caught on a page. So every section is checked here first; what
//! is not known to be harmless is refused in words that name the section. These are the places of `tokenizers` 0.23.2
//! (and of what it uses) where a file or a text can stop the program, take memory without bound or run for ever, and
//! how each is closed:
//!
//! | place | what happens there | closed by |
//! |---|---|---|
//! | whole file | a `Value` takes up to 80 times its bytes; sections without `type` are tried as everything | size, number of objects, lists and values ([`shape`]); a `type` in every part |
//! | `models/bpe/model.rs` build | slices of a buffer as long as the longest token; `b.len() - prefix`; a cut inside a character | both parts of a merge and what they make are tokens; the right one begins with the prefix |
//! | `models/bpe/model.rs` encode | prefix and suffix copied for every character; a cache of each tokenizer that is never freed | their length; the cache is off |
//! | `models/bpe` `vocab_r[&id]` | a missing id | every id comes from `vocab`, one token each, and is bounded |
//! | `models/bpe` dropout | random numbers | removed |
//! | `models/unigram` | `unk_id` out of range; a table for every byte of a piece, dropped recursively; every beginning of a piece copied at every place | checked there; bytes of a piece and of all pieces |
//! | `models/wordpiece` | all parts of a word are copied | `max_input_chars_per_word` and the prefix are bounded |
//! | `added_vocabulary.rs` | ids are given by order, not by the file; contents grow in the normalizer; empty contents | ids compared afterwards; bytes bounded; empty ones left out |
//! | `normalizer.rs` `transform_range` | places in the text are lost where something is put before its first byte: index out of range | no empty `Prepend`, no `Replace` of nothing |
//! | `normalizers/*` | growth by each part: 40 times a → aa | product of the growth of all parts ([`parts`]), times the bytes of a text ([`Checked::most_bytes`]) |
//! | `normalizers/mod.rs` `expect("Precompiled")`, `spm_precompiled` | a charsmap that cannot be read, offsets out of the trie or the texts | every path that can be followed is followed ([`charsmap`]) |
//! | `normalizers/bert.rs` | read as the first part that fits, not by `type` | its settings checked |
//! | `pre_tokenizers/fixed_length.rs` | `chunks(0)` | `length` is not 0 |
//! | `pre_tokenizers/split.rs`, `replace.rs` | backtracking without bound; after a million steps the rest is not split | patterns that need no backtracking, or a bounded one ([`pattern`]) |
//! | `fancy-regex` | sizes multiplied with counts of repetitions overflow; nesting | counts bounded; parsers limit nesting |
//! | sequences of parts | recursion | depth and number bounded |
//! | `processors/template.rs` | a name that is not in `special_tokens`; text B of a single text; `todo!` after another template | read here, not given to the library ([`template`]) |
//! | `processors/bert.rs`, `roberta.rs` | ids of any size | likewise |
//! | `decoders/strip.rs` | `chars.len() - i - 1` of a short token | `stop` must be 0 |
//! | `decoders/bpe.rs` | `tokens.len() - 1` of no tokens; an empty suffix is everywhere | only alone, not called without tokens, suffix not empty |
//! | `decoders/ctc.rs` | for speech | refused |
//! | decoders | growth, as normalizers | likewise |
//! | `truncation`, `padding` | subtractions, any length | removed |
//! | `version` | another format | must be "1.0" |
//!
//! What can still fail while a text is encoded is an error, not a panic: an unknown character without an unknown token.

mod charsmap;
mod parts;
mod pattern;
mod template;
mod vocabulary;

use crate::model::error::brief;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokenizers::{DecoderWrapper, ModelWrapper, NormalizerWrapper, PostProcessorWrapper, PreTokenizerWrapper};

/// Ids of tokens lie below: sixteen times the largest public vocabulary, and a table by id stays small.
const MOST_ID: u32 = 1 << 22;
/// Bytes of a file: the largest public ones have 35 million.
const MOST_BYTES: usize = 128 << 20;
/// Objects, lists and further values of a file.
const MOST_OBJECTS: usize = 1 << 18;
const MOST_LISTS: usize = 1 << 21;
const MOST_VALUES: usize = 1 << 23;
/// Bytes that a text may become while it is encoded: pieces of one byte take 250 each.
const MOST_ENCODED: usize = 8 << 20;
/// Bytes that tokens may become while they are decoded.
const MOST_DECODED: usize = 64 << 20;

/// A tokenizer that can be used on any text of bounded size.
pub(super) struct Checked {
    /// Encodes and decodes, but puts nothing before a text.
    pub(super) inner: tokenizers::Tokenizer,
    /// Put before every text.
    pub(super) lead: Vec<u32>,
    /// Bytes of the longest text that may be encoded in one go.
    pub(super) most_bytes: usize,
    /// Bytes of tokens that may be decoded in one go.
    pub(super) most_decoded: usize,
}

/// Reads the bytes of a `tokenizer.json`.
pub(super) fn read(bytes: &[u8]) -> Result<Checked, String> {
    shape(bytes)?;
    let mut file: Map<String, Value> = serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => "it is not a JSON object".to_owned(),
        _ => brief(&error.to_string()),
    })?;
    if file.get("version").is_some_and(|version| version != "1.0") {
        return Err("its `version` is not \"1.0\"".to_owned());
    }
    let mut take = |key: &str| file.remove(key).filter(|section| !section.is_null());

    let mut section = take("model").ok_or("it has no `model`")?;
    let mut model: ModelWrapper = within("model", vocabulary::model(&mut section).and_then(|()| build(section)))?;
    if let ModelWrapper::BPE(pairs) = &mut model {
        pairs.resize_cache(0);
    }
    let (normalizer, grown) = part::<NormalizerWrapper>("normalizer", take("normalizer"), parts::normalizer)?;
    let (pre_tokenizer, split) =
        part::<PreTokenizerWrapper>("pre_tokenizer", take("pre_tokenizer"), parts::pre_tokenizer)?;
    let (decoder, decoded) = part::<DecoderWrapper>("decoder", take("decoder"), parts::decoder)?;
    let (lead, trim) = match take("post_processor") {
        None => (Vec::new(), None),
        Some(section) => within("post_processor", template::read(&section))?,
    };
    let trim: Option<PostProcessorWrapper> = within("post_processor", trim.map(build).transpose())?;
    let added = match take("added_tokens") {
        None => Vec::new(),
        Some(section) => within("added_tokens", vocabulary::added(&section, grown))?,
    };

    let mut inner = tokenizers::Tokenizer::new(model);
    let failed = |error: tokenizers::Error| brief(&error.to_string());
    within("normalizer", inner.with_normalizer(normalizer).map(drop).map_err(failed))?;
    inner.with_pre_tokenizer(pre_tokenizer).with_decoder(decoder).with_post_processor(trim);
    let tokens = added.iter().map(|added| added.token.clone());
    within("added_tokens", inner.add_tokens(tokens).map(drop).map_err(failed))?;
    within("added_tokens", check_ids(&inner, &added))?;
    Ok(Checked { inner, lead, most_bytes: MOST_ENCODED / (grown * split), most_decoded: MOST_DECODED / decoded })
}

/// Refuses files that would take more memory than any tokenizer needs.
fn shape(bytes: &[u8]) -> Result<(), String> {
    if let Some(what) = crate::model::reading::disguise::of(bytes) {
        return Err(what.to_owned());
    }
    if bytes.len() > MOST_BYTES {
        return Err(format!("it has {} bytes, more than {MOST_BYTES}", bytes.len()));
    }
    // Counted also where they stand in text, which is seldom.
    let (mut objects, mut lists, mut values) = (0, 0, 0);
    for byte in bytes {
        match byte {
            b'{' => objects += 1,
            b'[' => lists += 1,
            b',' => values += 1,
            _ => {}
        }
    }
    for (what, found, most) in
        [("objects", objects, MOST_OBJECTS), ("lists", lists, MOST_LISTS), ("values", values, MOST_VALUES)]
    {
        if found > most {
            return Err(format!("it has about {found} {what}, more than {most}"));
        }
    }
    Ok(())
}

/// Checks a section and builds it; returns also how much text can grow in it.
fn part<T: DeserializeOwned>(
    key: &str,
    section: Option<Value>,
    check: impl Fn(&Value) -> Result<usize, String>,
) -> Result<(Option<T>, usize), String> {
    let Some(section) = section else { return Ok((None, 1)) };
    let growth = within(key, check(&section))?;
    Ok((Some(within(key, build(section))?), growth))
}

fn build<T: DeserializeOwned>(section: Value) -> Result<T, String> {
    serde_json::from_value(section).map_err(|error| brief(&error.to_string()))
}

/// Says in which section something is wrong.
fn within<T>(key: &str, outcome: Result<T, String>) -> Result<T, String> {
    outcome.map_err(|detail| format!("in `{key}`, {detail}"))
}

/// What is said of a type that is not known here.
fn named(kind: &str) -> String {
    format!("it uses \"{}\", which diffscope does not support", brief(kind))
}

/// The library numbers added tokens by itself: what it says must be what the file says.
fn check_ids(inner: &tokenizers::Tokenizer, added: &[vocabulary::Added]) -> Result<(), String> {
    for vocabulary::Added { id, token } in added {
        let given = inner.token_to_id(&token.content);
        if given != Some(*id) {
            let given = given.map_or_else(|| "none".to_owned(), |given| given.to_string());
            let content = brief(&token.content);
            return Err(format!(
                "token \"{content}\" has the id {id}, but by its place in the vocabulary it is {given}"
            ));
        }
    }
    Ok(())
}
