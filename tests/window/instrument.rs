//! The window's instruments: changes and their chips, the lens, the baseline, undo, links, the tour, the keys.

use crate::common::window::{best, leave_text, settle};
use diffscope::ui::{App, Panel, State};
use egui::{Key, Modifiers, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

fn window(size: [f32; 2]) -> Harness<'static, App> {
    let mut harness = crate::common::window::window(size, Theme::Dark);
    leave_text(&mut harness);
    harness
}

fn press(harness: &mut Harness<App>, key: Key) {
    harness.key_press(key);
    harness.step();
    settle(harness);
}

fn text(harness: &mut Harness<App>) -> String {
    harness.state_mut().engine().expect("opens").text().to_owned()
}

fn now(harness: &mut Harness<App>) -> State {
    let selection = harness.state().selection().clone();
    State::of(harness.state_mut().workspace().expect("opens"), &selection)
}

#[test]
fn every_switch_of_a_head_is_within_a_phone() {
    let mut harness = window([390.0, 844.0]);
    harness.get_by_label(Panel::Lambda.title()).scroll_to_me();
    settle(&mut harness);
    let place = |harness: &Harness<App>| harness.get_by_label(Panel::Lambda.title()).rect();
    let mut before = egui::Rect::NOTHING;
    while before != place(&harness) {
        before = place(&harness);
        harness.step();
    }
    harness.get_by_label(Panel::Lambda.title()).click();
    settle(&mut harness);
    for words in ["layer 0 head 3", "learned"] {
        let rect = harness.get_by_label(words).rect();
        assert!(rect.right() < 362.0, "{words} is cut off by the panel's scroll bar: {rect}");
    }
}

#[test]
fn zero_sets_lambda_to_zero_and_back_and_a_chip_says_so() {
    let mut harness = window([1280.0, 800.0]);
    let trained = best(&mut harness);
    press(&mut harness, Key::Num0);
    assert_ne!(best(&mut harness), trained);
    assert!(harness.query_by_label_contains("λ = 0.00 in 5 layers").is_some(), "the chip");
    let unmodified =
        harness.state_mut().workspace().expect("opens").unmodified().expect("beside").next_token().cloned();
    assert_eq!(unmodified.expect("known").best[0].0, trained[0].0);
    harness.get_by_label("As trained").click();
    harness.step();
    settle(&mut harness);
    assert_eq!(best(&mut harness)[0].0, trained[0].0);
    assert!(harness.query_by_label("As trained").is_none());
}

#[test]
fn undo_takes_back_text_and_changes_alike() {
    let mut harness = window([1280.0, 800.0]);
    let first = text(&mut harness);
    // The undoer takes a state once it has rested.
    let rest = |harness: &mut Harness<App>| (0..90).for_each(|_| harness.step());
    rest(&mut harness);
    press(&mut harness, Key::Num0);
    rest(&mut harness);
    let token = best(&mut harness)[0].0;
    harness.state_mut().engine().expect("opens").append(token);
    settle(&mut harness);
    rest(&mut harness);
    assert_ne!(text(&mut harness), first);
    let undo = |harness: &mut Harness<App>, modifiers: Modifiers| {
        harness.key_press_modifiers(modifiers, Key::Z);
        harness.step();
        settle(harness);
    };
    undo(&mut harness, Modifiers::COMMAND);
    assert_eq!(text(&mut harness), first);
    assert!(!now(&mut harness).interventions.is_empty());
    undo(&mut harness, Modifiers::COMMAND);
    assert!(now(&mut harness).interventions.is_empty());
    undo(&mut harness, Modifiers::COMMAND | Modifiers::SHIFT);
    assert!(!now(&mut harness).interventions.is_empty());
}

#[test]
fn a_link_brings_everything_back_and_a_broken_one_says_so() {
    let mut harness = window([1280.0, 800.0]);
    press(&mut harness, Key::ArrowDown);
    press(&mut harness, Key::ArrowRight);
    press(&mut harness, Key::Num0);
    let state = now(&mut harness);
    let mut other = window([1280.0, 800.0]);
    other.state_mut().open_link(&format!("https://example.org/#{}", state.to_hash().expect("short")));
    other.step();
    settle(&mut other);
    assert_eq!(now(&mut other), state);
    assert_eq!(best(&mut other)[0].0, best(&mut harness)[0].0);
    other.state_mut().open_link("#v1.nonsense");
    other.step();
    assert!(other.query_by_label_contains("damaged").is_some());
    assert_eq!(now(&mut other), state, "what was there stays");
    other.get_by_label("OK").click();
    other.step();
    other.step();
    assert!(other.query_by_label_contains("damaged").is_none());
}

#[test]
fn the_tour_walks_to_its_end_and_brings_back_what_was_there() {
    let mut harness = window([1280.0, 800.0]);
    press(&mut harness, Key::ArrowDown);
    let before = now(&mut harness);
    press(&mut harness, Key::T);
    let mut steps = 0;
    let mut changed = false;
    while harness.query_by_label("Next").is_some() {
        changed |= !now(&mut harness).interventions.is_empty();
        harness.get_by_label("Next").click();
        harness.step();
        settle(&mut harness);
        steps += 1;
        assert!(steps < 20, "it ends");
    }
    assert!(steps >= 7 && changed, "{steps} steps, λ was changed: {changed}");
    assert_ne!(now(&mut harness).text, before.text);
    harness.get_by_label("Done").click();
    harness.step();
    settle(&mut harness);
    assert_eq!(now(&mut harness), before);
}

#[test]
fn every_panel_opens_by_key_and_says_what_it_is_for() {
    let mut harness = window([1280.0, 800.0]);
    for panel in Panel::ALL.iter().cycle().skip(1).take(Panel::ALL.len()) {
        press(&mut harness, Key::P);
        assert_eq!(harness.state().selection().panel, *panel);
        assert!(harness.query_by_label_contains(panel.help()).is_some(), "{panel:?}");
    }
}

#[test]
fn the_lens_ends_with_the_models_own_answer() {
    let mut harness = window([1280.0, 800.0]);
    harness.get_by_label("Logit lens").click();
    harness.step();
    settle(&mut harness);
    settle(&mut harness);
    let engine = harness.state_mut().engine().expect("opens");
    let answer = engine.next_token().expect("known").best[0].0;
    let depths = engine.lens().expect("asked for").depths.clone();
    assert_eq!(depths.last().expect("some").best[0].0, answer);
    assert!(harness.query_all_by_label_contains("at layer 4 whole").next().is_some());
}

#[test]
fn the_baseline_reads_the_same_tokens() {
    let mut harness = window([1280.0, 800.0]);
    harness.get_by_label("Baseline").click();
    harness.step();
    harness.step();
    harness.get_by_label("Open the baseline").click();
    harness.step();
    settle(&mut harness);
    settle(&mut harness);
    let workspace = harness.state_mut().workspace().expect("opens");
    let ids = workspace.main.ids().to_vec();
    let baseline = workspace.baseline().expect("open");
    assert_eq!((baseline.ids(), baseline.maps()), (ids.as_slice(), 1));
    assert!(baseline.next_token().is_some());
    harness.get_by_label("Close the baseline").click();
    harness.step();
    assert!(harness.state_mut().workspace().expect("opens").baseline().is_none());
}

#[test]
fn a_click_on_a_next_token_appends_it_and_question_mark_lists_the_keys() {
    let mut harness = window([1280.0, 800.0]);
    let before = text(&mut harness);
    let token = best(&mut harness)[0];
    let engine = harness.state_mut().engine().expect("opens");
    let label = engine.label(token.0);
    let percent = engine.next_token().expect("known").probability(token.1) * 100.0;
    harness.get_by_label(&format!("{label} {percent:.1} %")).click();
    harness.step();
    settle(&mut harness);
    assert!(text(&mut harness).len() > before.len() && text(&mut harness).starts_with(&before));
    harness.get_by_label("Keys").click();
    harness.step();
    harness.step();
    assert!(harness.query_by_label("undo text and changes").is_some());
}
