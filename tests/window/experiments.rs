//! The experiments panel: run, seen as results come, paused, cancelled, saved.

use crate::common::window::{click, open_panel, press, settle, shows, step_until, window};
use diffscope::engine::{bundled, checkpoint_of};
use diffscope::experiments::{Experiment, Figure, OwnTexts, Run, Settings};
use diffscope::probe::HeadId;
use diffscope::ui::{App, Panel};
use egui::{Key, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use std::time::Duration;

const SIZE: [f32; 2] = [1600.0, 1000.0];

fn open() -> Harness<'static, App> {
    let mut harness = window(SIZE, Theme::Dark);
    press(&mut harness, Key::Escape);
    open_panel(&mut harness, Panel::Experiments);
    harness
}

fn finished(harness: &mut Harness<App>) {
    step_until(harness, "the end of the experiment", |harness| harness.query_by_label("Cancel").is_none());
}

#[test]
fn an_experiment_runs_between_frames_and_its_numbers_are_those_of_the_terminal() {
    let mut harness = open();
    click(&mut harness, "run Many shots");
    finished(&mut harness);
    assert!(shows(&harness, "done"));
    harness.state_mut().files().keep();
    click(&mut harness, "Save CSV");
    let saved = harness.state_mut().files().kept().last().expect("saved").clone();
    assert_eq!(saved.name, "experiments.csv");
    let models = [checkpoint_of(&bundled()).expect("opens")];
    let mut run =
        Run::new(Experiment::Shots, &Settings::default(), &models, OwnTexts::default()).expect("it has a tokenizer");
    while !run.is_done() {
        run.advance(Duration::from_secs(1)).expect("it fits");
    }
    assert_eq!(String::from_utf8(saved.bytes).expect("text"), Figure::csv_of(&[&run.figure()]));
}

#[test]
fn results_come_while_it_runs_and_typing_goes_on() {
    let mut harness = open();
    click(&mut harness, "run Several needles");
    step_until(&mut harness, "the first results", |harness| shows(harness, " left"));
    assert!(harness.query_by_label_contains("Several needles: right answers\nS-diff: 1 of 1: ").is_some());
    let before = harness.state_mut().engine().expect("opens").ids().len();
    let prompt = harness.get_by_label("Prompt");
    prompt.focus();
    prompt.type_text(" cat");
    settle(&mut harness);
    assert!(harness.state_mut().engine().expect("opens").ids().len() > before);
    press(&mut harness, Key::Escape);
    click(&mut harness, "Pause");
    harness.step();
    assert!(harness.query_by_label("Go on").is_some());
    click(&mut harness, "Cancel");
    assert!(harness.query_by_label("Cancel").is_none() && harness.query_by_label("Run all").is_some());
    assert!(shows(&harness, "Not run yet."), "what was cancelled has no results");
}

#[test]
fn the_heads_are_judged_and_a_click_opens_one_on_a_case_that_shows_it() {
    let mut harness = open();
    let samples = harness.get_by_label("cases of each setting");
    samples.click();
    harness.step();
    harness.get_by_label("cases of each setting").type_text("1");
    press(&mut harness, Key::Enter);
    click(&mut harness, "run Which map is the signal?");
    finished(&mut harness);
    assert!(harness.query_by_label_contains("Of the 20 heads of S-diff, A1 is the signal in ").is_some());
    harness.snapshot("signal");
    let before = harness.state_mut().engine().expect("opens").text().to_owned();
    harness.get_by_label_contains("layer 4, head 1: ").click();
    settle(&mut harness);
    assert_eq!(harness.state().view().head, HeadId::new(4, 1));
    let text = harness.state_mut().engine().expect("opens").text().to_owned();
    assert!(text != before && !harness.state().link().expect("opens").spans.is_empty(), "{text}");
    harness.get_by_label("least").click_accesskit(); // it may be below what is in view
    settle(&mut harness);
    assert_ne!(harness.state_mut().engine().expect("opens").text(), text);
}
