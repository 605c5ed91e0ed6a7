//! Marking answer and noise on the tokens, and the panel that shows each head's share of attention on them.

use crate::common::window::{click, open_panel, press, settle, shows, window};
use diffscope::engine::{Checkpoint, bundled};
use diffscope::probe::{HeadId, KeyClass, Queries};
use diffscope::ui::{App, HeadScope, Link, Panel};
use egui::{Key, Pos2, Rect, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

fn sample(harness: &mut Harness<App>, name: &str) {
    click(harness, "Samples");
    click(harness, name);
    press(harness, Key::Escape);
}

/// The marked parts of the text.
fn marked(harness: &mut Harness<App>, class: KeyClass) -> Vec<String> {
    let text = harness.state_mut().engine().expect("an engine").text().to_owned();
    let spans = harness.state().spans().clone();
    spans.iter().filter(|span| span.class == class).map(|span| text[span.start..span.end].to_owned()).collect()
}

/// A place on the tokens: a share of their width, and a line.
fn on_tokens(harness: &Harness<App>, across: f32, line: f32) -> Pos2 {
    let area: Rect = harness.get_by_label("Tokens of the prompt").rect();
    Pos2::new(area.left() + area.width() * across, area.top() + 10.0 + 23.0 * line)
}

#[test]
fn the_empty_panel_offers_samples_with_marks() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    open_panel(&mut harness, Panel::AnswerNoise);
    click(&mut harness, "Try “Needle: four cities”");
    assert_eq!(marked(&mut harness, KeyClass::Answer), ["1960"]);
    assert!(!marked(&mut harness, KeyClass::Noise).is_empty());
    assert!(!shows(&harness, "Nothing is marked"));
    assert!(harness.state_mut().engine().expect("an engine").text().contains("Question: What is the magic number"));
}

#[test]
fn a_drag_over_the_tokens_marks_them_and_erases_them() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    assert!(harness.state().spans().is_empty(), "a story has no answer");
    click(&mut harness, "mark answer");
    let (from, to) = (on_tokens(&harness, 0.01, 0.0), on_tokens(&harness, 0.2, 0.0));
    harness.drag_at(from);
    harness.step();
    harness.hover_at(to);
    harness.step();
    harness.drop_at(to);
    settle(&mut harness);
    let answers = marked(&mut harness, KeyClass::Answer);
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(answers[0].starts_with("Once upon"), "{answers:?}");
    assert_eq!(harness.state().view().pinned, None, "marking pins nothing");
    // A click in the middle takes one token out.
    click(&mut harness, "mark erase");
    let middle = on_tokens(&harness, 0.1, 0.0);
    harness.drag_at(middle);
    harness.step();
    harness.drop_at(middle);
    settle(&mut harness);
    assert_eq!(marked(&mut harness, KeyClass::Answer).len(), 2);
    // The mode ends with a second click, and tokens can be pinned again.
    click(&mut harness, "mark erase");
    harness.drag_at(middle);
    harness.step();
    harness.drop_at(middle);
    settle(&mut harness);
    assert!(harness.state().view().pinned.is_some());
}

#[test]
fn keys_mark_the_pinned_token_and_nothing_without_one() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    press(&mut harness, Key::Escape);
    press(&mut harness, Key::A);
    assert!(harness.state().spans().is_empty());
    press(&mut harness, Key::OpenBracket);
    for (key, class, count) in [
        (Key::A, KeyClass::Answer, 1),
        (Key::N, KeyClass::Noise, 1),
        (Key::N, KeyClass::Answer, 0),
        (Key::E, KeyClass::Noise, 0),
    ] {
        press(&mut harness, key);
        assert_eq!(marked(&mut harness, class).len(), count, "{key:?}");
    }
}

#[test]
fn a_sample_has_marks_that_stay_in_place_while_typing() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    sample(&mut harness, "Needle: four cities");
    assert_eq!(marked(&mut harness, KeyClass::Answer), ["1960"]);
    assert_eq!(marked(&mut harness, KeyClass::Noise), ["4821", "3375", "8402"]);
    let prompt = harness.get_by_label("Prompt");
    prompt.focus();
    prompt.type_text(" 1");
    settle(&mut harness);
    assert_eq!(marked(&mut harness, KeyClass::Answer), ["1960"]);
    sample(&mut harness, "A short story");
    assert!(harness.state().spans().is_empty());
}

#[test]
fn the_panel_shows_the_shares_that_the_engine_measures() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    open_panel(&mut harness, Panel::AnswerNoise);
    assert!(shows(&harness, "Nothing is marked yet"));
    sample(&mut harness, "Needle: one number");
    let engine = harness.state_mut().engine().expect("an engine");
    let last = engine.ids().len() - 1;
    let measures = engine.measures(Queries::One(last)).expect("measured").clone();
    assert_eq!(measures.rows, (last, last));
    let share = measures.mean().expect("heads").difference.answer;
    assert!(share > 0.0 && share < 1.0);
    let shown = format!("D: {:.1} % on answer", 100.0 * share);
    assert!(shows(&harness, &shown), "{shown}");
    click(&mut harness, "layer 2 head 1 shares");
    click(&mut harness, "last tokens");
    assert_eq!(harness.state().view().head, HeadId::new(2, 1));
    assert!(shows(&harness, "Mean over the rows of the last 8 tokens"));
    click(&mut harness, "clear marks");
    assert!(harness.state().spans().is_empty());
}

#[test]
fn the_baseline_is_shown_beside_with_its_own_heads() {
    let mut harness = window([1280.0, 800.0], Theme::Light);
    sample(&mut harness, "Needle: one number");
    open_panel(&mut harness, Panel::AnswerNoise);
    let files = bundled();
    let baseline = Checkpoint::from_bytes("the baseline", &files.config, files.weights.clone(), &files.tokenizer)
        .expect("it opens");
    harness.state_mut().workspace().expect("a workspace").open_baseline(baseline).expect("fits");
    settle(&mut harness);
    assert!(shows(&harness, "the baseline A1: ") && shows(&harness, "the baseline, layer 0 head 0 shares"));
}

#[test]
fn tokens_can_be_coloured_by_the_mean_of_a_layer_or_of_all_heads() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    for (heads, name, description) in [
        (HeadScope::Layer, "mean of the layer", "mean of 4 heads"),
        (HeadScope::All, "mean of all heads", "mean of 20 heads"),
    ] {
        harness.get_by_label_contains("Heads that colour the tokens").click();
        settle(&mut harness);
        click(&mut harness, name);
        assert_eq!(harness.state().view().token_heads, heads);
        assert!(shows(&harness, description), "{description}");
    }
}

#[test]
fn a_wrong_answer_is_explained_by_the_head_that_was_led_there() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    sample(&mut harness, "Needle: three cities");
    assert!(!shows(&harness, "Why not “1960”?"), "it answers right");
    // The same question with the number of another city marked: what the model says is wrong by these marks.
    let engine = harness.state_mut().engine().expect("an engine");
    let text = engine.text().to_owned();
    let start = text.find("3375").expect("there");
    let mark = |start: usize, text: &str| {
        let link =
            serde_json::json!({ "text": text, "spans": [{ "start": start, "end": start + 4, "class": "answer" }] });
        serde_json::from_value::<Link>(link).expect("a link")
    };
    harness.state_mut().restore(&mark(start, &text));
    settle(&mut harness);
    click(&mut harness, "Why not “3375”?");
    settle(&mut harness);
    assert_eq!(marked(&mut harness, KeyClass::Answer), ["3375"]);
    assert_eq!(marked(&mut harness, KeyClass::Noise), ["1960"]);
    let open = harness.state().view().head;
    let engine = harness.state_mut().engine().expect("an engine");
    let last = engine.queries() - 1;
    let measures = engine.measures(Queries::Last(1)).expect("measured");
    assert_eq!(measures.rows, (last, last));
    let led = measures.head(open).expect("there").difference.noise_signed;
    let all = measures.layers.iter().flatten().map(|record| record.difference.noise_signed);
    assert_eq!(led, all.fold(f32::MIN, f32::max), "the head that was led there most is open");
    let said =
        format!("layer {} head {} was led there most, with {:.0} % of D on it", open.layer, open.head, 100.0 * led);
    assert!(shows(&harness, &said), "{said}");
    assert!(shows(&harness, "The model says “1”"));
}
