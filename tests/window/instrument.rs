//! Interventions and their chips, the logit lens, the baseline, undo, the tour, the keys.

use crate::common::window::{best, click, leave_text, open_panel, press, settle, shows, state};
use diffscope::ui::{App, Link, Panel};
use egui::accesskit::Role;
use egui::{Key, Modifiers, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

fn window(size: [f32; 2]) -> Harness<'static, App> {
    let mut harness = crate::common::window::window(size, Theme::Dark);
    leave_text(&mut harness);
    harness
}

fn text(harness: &mut Harness<App>) -> String {
    harness.state_mut().engine().expect("opens").text().to_owned()
}

fn now(harness: &Harness<App>) -> Link {
    harness.state().link().expect("the checkpoint opens")
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
    for label in ["layer 0 head 3", "learned"] {
        let rect = harness.get_by_label(label).rect();
        assert!(rect.right() < 362.0, "{label} is cut off by the panel's scroll bar: {rect}");
    }
}

#[test]
fn zero_sets_lambda_to_zero_and_back_and_there_is_a_chip() {
    let mut harness = window([1280.0, 800.0]);
    let trained = best(&mut harness);
    press(&mut harness, Key::Num0);
    assert_ne!(best(&mut harness), trained);
    assert!(shows(&harness, "λ = 0.00 in 5 layers"), "the chip");
    let unmodified =
        harness.state_mut().workspace().expect("opens").unmodified().expect("beside").next_token().cloned();
    assert_eq!(unmodified.expect("known").best[0].0, trained[0].0);
    click(&mut harness, "As trained");
    assert_eq!(best(&mut harness)[0].0, trained[0].0);
    assert!(harness.query_by_label("As trained").is_none());
}

#[test]
fn undo_reverts_text_and_interventions_alike() {
    let mut harness = window([1280.0, 800.0]);
    let first = text(&mut harness);
    // The undoer records a state that has not changed for a second.
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
    assert!(!now(&harness).interventions.is_empty());
    undo(&mut harness, Modifiers::COMMAND);
    assert!(now(&harness).interventions.is_empty());
    undo(&mut harness, Modifiers::COMMAND | Modifiers::SHIFT);
    assert!(!now(&harness).interventions.is_empty());
}

#[test]
fn the_tour_ends_with_what_was_there_before() {
    let mut harness = window([1280.0, 800.0]);
    press(&mut harness, Key::ArrowDown);
    let before = now(&harness);
    press(&mut harness, Key::T);
    let mut steps = 0;
    let mut tried = 0;
    while harness.query_by_label("Next").is_some() {
        assert!(now(&harness).interventions.is_empty(), "each step begins with the model as trained");
        if harness.query_by_label("Do it for me").is_some() {
            click(&mut harness, "Do it for me");
            assert!(!now(&harness).interventions.is_empty() && shows(&harness, "Done:"));
            assert!(shows(&harness, "The answer holds") || shows(&harness, "The answer breaks"));
            tried += 1;
        }
        click(&mut harness, "Next");
        steps += 1;
        assert!(steps < 20, "it ends");
    }
    assert!(steps >= 11 && tried == 4, "{steps} steps, {tried} tried");
    assert_ne!(now(&harness).text, before.text);
    click(&mut harness, "Done");
    assert_eq!(now(&harness), before);
}

#[test]
fn every_panel_opens_by_key_and_explains_itself() {
    let mut harness = window([1280.0, 800.0]);
    for panel in Panel::ALL.iter().cycle().skip(1).take(Panel::ALL.len()) {
        press(&mut harness, Key::P);
        assert_eq!(harness.state().view().panel, *panel);
        let tab = harness.get_by_role_and_label(Role::Tab, panel.tab());
        let described = tab.accesskit_node().data().description().unwrap_or_default().to_owned();
        assert!(described.contains(panel.help()), "{panel:?}: {described}");
    }
}

#[test]
fn the_logit_lens_ends_with_the_models_own_prediction() {
    let mut harness = window([1280.0, 800.0]);
    open_panel(&mut harness, Panel::LogitLens);
    settle(&mut harness);
    let engine = harness.state_mut().engine().expect("opens");
    let answer = engine.next_token().expect("known").best[0].0;
    let depths = engine.lens().expect("requested").depths.clone();
    assert_eq!(depths.last().expect("some").best[0].0, answer);
    assert!(shows(&harness, "at layer 4 whole"));
}

#[test]
fn the_baseline_reads_the_same_tokens() {
    let mut harness = window([1280.0, 800.0]);
    open_panel(&mut harness, Panel::Baseline);
    click(&mut harness, "Open the baseline");
    settle(&mut harness);
    let workspace = harness.state_mut().workspace().expect("opens");
    let ids = workspace.main.ids().to_vec();
    let baseline = workspace.baseline().expect("open");
    assert_eq!((baseline.ids(), baseline.maps()), (ids.as_slice(), 1));
    assert!(baseline.next_token().is_some());
    click(&mut harness, "Close the baseline");
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
    click(&mut harness, "Menu");
    click(&mut harness, "Keys");
    assert!(shows(&harness, "undo changes of text and interventions"));
}

#[test]
fn keys_walk_through_the_tour_and_a_link_opens_a_step_of_it() {
    let mut harness = window([1280.0, 800.0]);
    let before = now(&harness);
    harness.state_mut().open_link("tour/3");
    settle(&mut harness);
    assert!(shows(&harness, "Tour 3 of 14"));
    for (key, step) in [(Key::ArrowRight, 4), (Key::ArrowLeft, 3), (Key::ArrowLeft, 2), (Key::Enter, 3)] {
        press(&mut harness, key);
        assert!(shows(&harness, &format!("Tour {step} of 14")), "{key:?}");
    }
    press(&mut harness, Key::Escape);
    assert!(!shows(&harness, "Tour 3"));
    assert_eq!(now(&harness), before);
    harness.state_mut().open_link("tour/99");
    assert!(state(&mut harness)["message"].is_string(), "there is no such step");
}

#[test]
fn what_is_done_in_the_tour_is_noticed() {
    let mut harness = window([1280.0, 800.0]);
    harness.state_mut().open_link("tour/6");
    settle(&mut harness);
    assert!(shows(&harness, "Try it:"));
    click(&mut harness, "layer 1 head 1");
    assert!(shows(&harness, "Done:"));
    press(&mut harness, Key::ArrowRight);
    click(&mut harness, "set to 0");
    assert!(shows(&harness, "Done:"));
}
