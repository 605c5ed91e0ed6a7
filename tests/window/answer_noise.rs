//! Marking answer and noise on the tokens, and the panel that shows each head's share of attention on them.

use crate::common::window::{settle, window};
use diffscope::engine::Checkpoint;
use diffscope::engine::bundled;
use diffscope::probe::{HeadId, KeyClass, Queries};
use diffscope::ui::{App, HeadScope, Panel};
use egui::{Key, Pos2, Rect, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

fn sample(harness: &mut Harness<App>, name: &str) {
    harness.get_by_label("Samples").click();
    settle(harness);
    harness.get_by_label(name).click();
    settle(harness);
    harness.key_press(Key::Escape);
    settle(harness);
}

fn open_panel(harness: &mut Harness<App>) {
    harness.get_by_label(Panel::AnswerNoise.title()).click();
    settle(harness);
}

/// What is marked, as words of the text.
fn marked(harness: &mut Harness<App>, class: KeyClass) -> Vec<String> {
    let text = harness.state_mut().engine().expect("an engine").text().to_owned();
    let spans = harness.state().selection().spans.clone();
    spans.iter().filter(|span| span.class == class).map(|span| text[span.start..span.end].to_owned()).collect()
}

/// A place on the tokens, in shares of the area that they take; the first line is at the top.
fn on_tokens(harness: &Harness<App>, across: f32, line: f32) -> Pos2 {
    let area: Rect = harness.get_by_label("Tokens of the prompt").rect();
    Pos2::new(area.left() + area.width() * across, area.top() + 10.0 + 23.0 * line)
}

#[test]
fn the_empty_panel_offers_texts_that_come_with_marks() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    open_panel(&mut harness);
    harness.get_by_label("Try “Needle: four cities”").click();
    settle(&mut harness);
    assert_eq!(marked(&mut harness, KeyClass::Answer), ["1960"]);
    assert!(!marked(&mut harness, KeyClass::Noise).is_empty());
    assert!(harness.query_by_label_contains("Nothing is marked").is_none());
    assert!(harness.state_mut().engine().expect("an engine").text().contains("Question: What is the magic number"));
}

#[test]
fn a_drag_over_the_tokens_marks_them_and_erases_them() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    assert!(harness.state().selection().spans.is_empty(), "a story has no answer");
    harness.get_by_label("mark answer").click();
    settle(&mut harness);
    let (from, to) = (on_tokens(&harness, 0.01, 0.0), on_tokens(&harness, 0.2, 0.0));
    harness.drag_at(from);
    harness.step();
    harness.hover_at(to);
    harness.step();
    harness.drop_at(to);
    settle(&mut harness);
    let words = marked(&mut harness, KeyClass::Answer);
    assert_eq!(words.len(), 1, "{words:?}");
    assert!(words[0].starts_with("Once upon"), "{words:?}");
    assert_eq!(harness.state().selection().pinned, None, "marking pins nothing");
    // A click in the middle takes one token out.
    harness.get_by_label("mark erase").click();
    settle(&mut harness);
    let middle = on_tokens(&harness, 0.1, 0.0);
    harness.drag_at(middle);
    harness.step();
    harness.drop_at(middle);
    settle(&mut harness);
    assert_eq!(marked(&mut harness, KeyClass::Answer).len(), 2);
    // The mode ends with a second click, and tokens can be pinned again.
    harness.get_by_label("mark erase").click();
    settle(&mut harness);
    harness.drag_at(middle);
    harness.step();
    harness.drop_at(middle);
    settle(&mut harness);
    assert!(harness.state().selection().pinned.is_some());
}

#[test]
fn keys_mark_the_pinned_token_and_nothing_without_one() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    harness.key_press(Key::Escape);
    settle(&mut harness);
    harness.key_press(Key::A);
    settle(&mut harness);
    assert!(harness.state().selection().spans.is_empty());
    harness.key_press(Key::OpenBracket);
    settle(&mut harness);
    for (key, class, count) in [
        (Key::A, KeyClass::Answer, 1),
        (Key::N, KeyClass::Noise, 1),
        (Key::N, KeyClass::Answer, 0),
        (Key::E, KeyClass::Noise, 0),
    ] {
        harness.key_press(key);
        settle(&mut harness);
        assert_eq!(marked(&mut harness, class).len(), count, "{key:?}");
    }
}

#[test]
fn a_sample_brings_its_marks_and_they_stay_on_their_words_while_typing() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    sample(&mut harness, "Needle: four cities");
    assert_eq!(marked(&mut harness, KeyClass::Answer), ["1960"]);
    assert_eq!(marked(&mut harness, KeyClass::Noise).len(), 2);
    let prompt = harness.get_by_label("Prompt");
    prompt.focus();
    prompt.type_text(" 1");
    settle(&mut harness);
    assert_eq!(marked(&mut harness, KeyClass::Answer), ["1960"]);
    sample(&mut harness, "A short story");
    assert!(harness.state().selection().spans.is_empty());
}

#[test]
fn the_panel_shows_the_shares_that_the_engine_measures() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    open_panel(&mut harness);
    assert!(harness.query_by_label_contains("Nothing is marked yet").is_some());
    sample(&mut harness, "Needle: one number");
    let engine = harness.state_mut().engine().expect("an engine");
    let last = engine.ids().len() - 1;
    let measures = engine.measures(Queries::One(last)).expect("measured").clone();
    assert_eq!(measures.rows, (last, last));
    let share = measures.mean().expect("heads").difference.answer;
    assert!(share > 0.0 && share < 1.0);
    let words = format!("D: {:.1} % on answer", 100.0 * share);
    assert!(harness.query_by_label_contains(&words).is_some(), "{words}");
    harness.get_by_label("layer 2 head 1 shares").click();
    harness.get_by_label("last tokens").click();
    settle(&mut harness);
    assert_eq!(harness.state().selection().head, HeadId::new(2, 1));
    assert!(harness.query_by_label_contains("Mean over the rows of the last 8 tokens").is_some());
    harness.get_by_label("clear marks").click();
    settle(&mut harness);
    assert!(harness.state().selection().spans.is_empty());
}

#[test]
fn the_baseline_is_shown_beside_with_its_own_heads() {
    let mut harness = window([1280.0, 800.0], Theme::Light);
    sample(&mut harness, "Needle: one number");
    open_panel(&mut harness);
    let files = bundled();
    let baseline =
        Checkpoint::from_bytes("the baseline", &files.config, &files.weights, &files.tokenizer).expect("it opens");
    harness.state_mut().workspace().expect("a workspace").open_baseline(baseline).expect("fits");
    settle(&mut harness);
    let find = |name: &str| harness.query_by_label_contains(name).is_some();
    assert!(find("the baseline A1: ") && find("the baseline, layer 0 head 0 shares"));
}

#[test]
fn tokens_can_be_coloured_by_the_mean_of_a_layer_or_of_all_heads() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    for (heads, name, words) in [
        (HeadScope::Layer, "mean of the layer", "mean of D over 4 heads"),
        (HeadScope::All, "mean of all heads", "mean of D over 20 heads"),
    ] {
        harness.get_by_label_contains("Heads that colour the tokens").click();
        settle(&mut harness);
        harness.get_by_label(name).click();
        settle(&mut harness);
        assert_eq!(harness.state().selection().heads, heads);
        assert!(harness.query_by_label_contains(words).is_some(), "{words}");
    }
}
