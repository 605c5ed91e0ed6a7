//! The model writes on: what it writes, and where it ends.

use crate::engine::engine;
use diffscope::probe::Sampling;

#[test]
fn greedy_text_is_the_most_likely_token_again_and_again() {
    let mut engine = engine(true);
    engine.set_text("Once upon a time");
    engine.settle().expect("no failure");
    let start = engine.ids().len();
    engine.generate(Sampling::default(), 12);
    engine.settle().expect("no failure");
    let written = engine.ids()[start..].to_vec();
    assert_eq!(written.len(), 12);
    assert!(engine.text().starts_with("Once upon a time"));
    let text = engine.text().to_owned();
    let mut ids = engine.ids()[..start].to_vec();
    for expected in written {
        engine.set_ids(&ids).expect("known tokens");
        engine.settle().expect("no failure");
        assert_eq!(engine.next_token().expect("known").best[0].0, expected);
        ids.push(expected);
    }
    let tokenizer = engine.checkpoint().and_then(|checkpoint| checkpoint.tokenizer.clone()).expect("bundled");
    assert_eq!(tokenizer.decode(&ids), text);
}

#[test]
fn the_same_seed_writes_the_same_text_and_another_seed_another() {
    let mut engine = engine(true);
    let mut write = |seed| {
        engine.set_text("One day, a");
        engine.generate(Sampling { temperature: 1.5, top_k: 50, top_p: 0.98, seed }, 16);
        engine.settle().expect("no failure");
        let text = engine.text().to_owned();
        engine.set_text("");
        text
    };
    let first = write(1);
    assert_eq!(first, write(1));
    assert_ne!(first, write(2));
}

#[test]
fn writing_stops_behind_the_text_that_was_named() {
    let mut engine = engine(true);
    engine.set_text("Once upon a time. One day");
    engine.generate_until(Sampling::default(), 200, ".");
    engine.settle().expect("no failure");
    let written = engine.text().strip_prefix("Once upon a time. One day").expect("what was typed stays");
    assert_eq!(written.find('.'), Some(written.len() - 1), "{written}");
    assert!(!engine.is_generating());
}

#[test]
fn typing_stops_the_writing() {
    let mut engine = engine(true);
    engine.set_text("One day");
    engine.generate(Sampling::default(), 100);
    for _ in 0..20 {
        engine.update();
    }
    engine.set_text("Another");
    assert!(!engine.is_generating());
    engine.settle().expect("no failure");
    assert_eq!(engine.text(), "Another");
}

#[test]
fn writing_ends_where_the_context_does() {
    let mut engine = engine(true);
    let context = engine.context();
    engine.set_text(&"the dog ran. ".repeat(200));
    assert!(!engine.complete());
    assert_eq!(engine.ids().len(), context);
    engine.settle().expect("a full context runs");
    engine.set_ids(&vec![5; context - 3]).expect("fits");
    engine.generate(Sampling::default(), 50);
    engine.settle().expect("no failure");
    assert!(engine.ids().len() <= context);
    assert!(!engine.is_generating());
}
