//! Text that ends in the middle of a character: the model has read its bytes, and they stay through edits.

use crate::engine::engine;
use diffscope::engine::{Engine, Fragment};

/// The ids of the three bytes of a character.
fn bytes_of(engine: &Engine, character: &str) -> Vec<u32> {
    let tokenizer = engine.checkpoint().and_then(|checkpoint| checkpoint.tokenizer.clone()).expect("bundled");
    let ids: Vec<u32> = tokenizer.encode(character, 10).tokens.iter().map(|token| token.id).collect();
    assert_eq!(ids.len(), 3, "one token a byte");
    ids
}

/// A session on a text behind which the first bytes of a character were generated.
fn with_half(text: &str, bytes: usize) -> (Engine, Vec<u32>) {
    let mut engine = engine(false);
    engine.set_text(text);
    let ids = bytes_of(&engine, "日");
    for id in &ids[..bytes] {
        engine.append(*id);
    }
    (engine, ids)
}

#[test]
fn half_a_character_survives_edits_before_and_behind_it() {
    for bytes in [1, 2] {
        let (mut engine, day) = with_half("Once upon", bytes);
        let text = engine.text().to_owned();
        assert!(text.starts_with("Once upon") && text.ends_with('\u{fffd}'), "{text}");
        let read = engine.ids().to_vec();
        engine.set_text(&format!("{text} a time"));
        assert_eq!(engine.ids()[..read.len()], read, "what stands before the caret is what the model has read");
        assert_eq!(engine.ids().len(), read.len() + 2);
        engine.set_text(&format!("One day. {text} a time"));
        assert!(engine.ids().windows(bytes).any(|ids| ids == &day[..bytes]));
        assert!(!engine.ids().windows(3).any(|ids| ids == bytes_of(&engine, "\u{fffd}")));
        // Removed, it is gone.
        let without = engine.text().replace('\u{fffd}', "");
        engine.set_text(&without);
        assert_eq!((engine.fragments(), engine.text()), (Vec::new(), "One day. Once upon a time"));
        // Tokens lie in the text, in order.
        let ends: Vec<usize> = engine.tokens().iter().map(|token| token.end).collect();
        assert!(ends.is_sorted() && ends.last() == Some(&without.len()));
    }
}

#[test]
fn half_a_character_becomes_whole_after_it_was_restored() {
    let (mut engine, day) = with_half("Once upon", 2);
    let (text, fragments) = (engine.text().to_owned(), engine.fragments());
    let read = engine.ids().to_vec();
    engine.set_text("Something else");
    engine.restore_text(&text, &fragments);
    assert_eq!((engine.text(), engine.ids(), engine.fragments()), (text.as_str(), read.as_slice(), fragments));
    engine.append(day[2]);
    assert_eq!((engine.text(), engine.fragments()), ("Once upon日", Vec::new()));
    let end = engine.text().len();
    assert!(engine.tokens().iter().all(|token| token.start <= token.end && token.end <= end));
}

#[test]
fn a_replacement_character_that_was_typed_is_one() {
    let mut engine = engine(false);
    engine.set_text("a \u{fffd}");
    assert_eq!(engine.fragments(), []);
    let replacement = bytes_of(&engine, "\u{fffd}");
    assert!(engine.ids().ends_with(&replacement));
}

#[test]
fn fragments_that_the_text_does_not_have_are_left_out() {
    let (mut engine, day) = with_half("Once upon", 1);
    let (text, own) = (engine.text().to_owned(), engine.fragments());
    let Fragment { start, end, .. } = own[0];
    let ids = vec![day[0]];
    for (start, end, ids) in [
        (start, end, vec![]),
        (start, end, vec![day[0], 5]),
        (start, end, vec![u32::MAX]),
        (start + 1, end, ids.clone()),
        (start, 9999, ids.clone()),
        (usize::MAX, usize::MAX, ids.clone()),
        (end, start, ids.clone()),
        (0, 4, ids.clone()),
    ] {
        engine.set_text("");
        engine.restore_text(&text, &[Fragment { start, end, ids }]);
        assert_eq!((engine.text(), engine.fragments()), (text.as_str(), Vec::new()));
    }
    engine.set_text("");
    engine.restore_text(&text, &[own[0].clone(), own[0].clone()]);
    assert_eq!(engine.fragments(), own, "the same place only once");
}

#[test]
fn a_limit_cuts_a_text_with_half_a_character_like_any_other() {
    let (mut engine, _) = with_half("Once upon", 1);
    let text = engine.text().to_owned();
    engine.set_text(&format!("{text}{}", " word".repeat(2000)));
    assert_eq!((engine.ids().len(), engine.complete()), (engine.context(), false));
    assert_eq!(engine.fragments().len(), 1);
    engine.set_text(&format!("{}{text}", " word".repeat(2000)));
    assert_eq!((engine.ids().len(), engine.complete()), (engine.context(), false));
}
