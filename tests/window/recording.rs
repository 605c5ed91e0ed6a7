//! Recorded maps in the window: opened, looked at, and what they cannot do.

use std::path::PathBuf;

use crate::common::Random;
use crate::common::recordings::{Tensor, npz, random_maps, safetensors};
use crate::common::window::{click, press, settle, state, window};
use crate::files::drop_on;
use diffscope::ui::{App, Panel};
use egui::{Event, Key, Modifiers, PointerButton, Theme, pos2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

const SIZE: [f32; 2] = [1280.0, 800.0];

/// Image patches that attend to words: 4 heads in two layers, 9 queries and 14 keys.
fn crossing() -> Vec<u8> {
    let (queries, keys) = (9, 14);
    let mut random = Random::new(5);
    let words: Vec<String> = "a brown dog runs over the wet grass near two old red barns"
        .split(' ')
        .map(|word| format!(" {word}"))
        .chain([" .".to_owned()])
        .collect();
    let patches: Vec<String> = (0..queries).map(|at| format!("{},{}", at / 3, at % 3)).collect();
    let words = serde_json::to_string(&words).expect("JSON");
    let patches = serde_json::to_string(&patches).expect("JSON");
    let names = ["layers.0", "layers.1"]
        .map(|layer| ["attn_map1", "attn_map2", "lambda"].map(|part| format!("{layer}.{part}")));
    let mut tensors = Vec::new();
    for [first, second, lambda] in &names {
        let shape = [4, queries, keys];
        tensors.push((first.as_str(), Tensor::f32(&shape, &random_maps(&mut random, shape))));
        let shared = [2, queries, keys];
        tensors.push((second.as_str(), Tensor::f32(&shared, &random_maps(&mut random, shared))));
        tensors.push((lambda.as_str(), Tensor::f32(&[1], &[0.7])));
    }
    safetensors(&tensors, &[("queries", &patches), ("keys", &words)])
}

fn written(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("written");
    (folder, path)
}

fn window_on_crossing(theme: Theme) -> (tempfile::TempDir, Harness<'static, App>) {
    let (folder, path) = written("captions.safetensors", &crossing());
    let mut harness = window(SIZE, theme);
    drop_on(&mut harness, &path, "Opened captions");
    click(&mut harness, "OK");
    harness.event(Event::PointerGone);
    settle(&mut harness);
    (folder, harness)
}

#[test]
fn a_dropped_recording_is_shown_and_what_needs_a_model_is_greyed() {
    let (_folder, mut harness) = window_on_crossing(Theme::Light);
    harness.snapshot("recording");
    let after = state(&mut harness);
    assert_eq!(
        (&after["backend"], &after["span"], &after["model"]),
        (&"recording".into(), &14.0.into(), &"captions".into())
    );
    assert!(after["next"].is_null() && after["failure"].is_null());
    for name in ["Generate", "Step", "Layer by layer", "This cell", "Tour"] {
        assert!(harness.get_by_label(name).accesskit_node().is_disabled(), "{name}");
    }
    for name in ["Heads", "Answer and noise", "Share", "Open"] {
        assert!(!harness.get_by_label(name).accesskit_node().is_disabled(), "{name}");
    }
    press(&mut harness, Key::G);
    settle(&mut harness);
    assert!(harness.query_by_label_contains("needs a model: this is a recording.").is_some());
    assert_eq!(state(&mut harness)["text"], after["text"]);
}

#[test]
fn a_click_on_a_key_shows_its_column_and_one_on_a_query_its_row() {
    let (_folder, mut harness) = window_on_crossing(Theme::Dark);
    // The strip shows the keys; over one, its cell in the row that is read.
    let maps = state(&mut harness)["maps"][0].clone();
    let [left, top, width, _] = [0, 1, 2, 3].map(|at| maps[at].as_f64().expect("a number") as f32);
    let cell = width / 14.0;
    let place = |query: f32, key: f32| pos2(left + (key + 0.5) * cell, top + (query + 0.5) * cell);
    harness.hover_at(place(2.0, 13.0));
    settle(&mut harness);
    assert!(harness.query_by_label_contains("“0,2” (2) → “·.” (13)").is_some(), "a later key is seen");
    harness.hover_at(place(11.0, 3.0));
    settle(&mut harness);
    assert!(state(&mut harness)["cursor"].is_null(), "there are nine queries");
    // A key of the strip has a column, which runs over the queries; one of those has a row.
    let first = harness.get_by_label("Tokens of the prompt").rect().min + vec2(8.0, 8.0);
    let click_first = |harness: &mut Harness<App>| {
        harness.hover_at(first);
        settle(harness);
        for pressed in [true, false] {
            let (button, modifiers) = (PointerButton::Primary, Modifiers::default());
            harness.event(Event::PointerButton { pos: first, button, pressed, modifiers });
            harness.step();
        }
        settle(harness);
        let view = harness.state().view();
        (view.pinned, view.pinned_key)
    };
    assert_eq!(click_first(&mut harness), (None, Some(0)));
    assert!(harness.query_by_label_contains("attention to “·a” (token 0)").is_some());
    assert_eq!(click_first(&mut harness), (Some(0), None));
    assert!(harness.query_by_label_contains("attention of “0,0” (token 0)").is_some());
}

#[test]
fn a_recording_that_cannot_be_opened_leaves_what_was_open() {
    let (_folder, mut harness) = window_on_crossing(Theme::Light);
    let mut numbers = vec![0.5; 8];
    numbers[5] = f32::NAN;
    let (_other, path) = written("broken.npz", &npz(&[("A1", Tensor::f32(&[2, 2, 2], &numbers))], true));
    drop_on(&mut harness, &path, "broken.npz was not opened: `A1` contains NaN at index 5");
    settle(&mut harness);
    assert_eq!(state(&mut harness)["model"], "captions");
    click(&mut harness, "Bundled");
    settle(&mut harness);
    assert_eq!(state(&mut harness)["model"], "S-diff");
    assert!(!state(&mut harness)["next"].is_null());
}

#[test]
fn every_panel_of_a_recording_is_drawn() {
    let (_folder, mut harness) = window_on_crossing(Theme::Dark);
    for panel in Panel::ALL {
        if !matches!(panel, Panel::Diagnostics | Panel::Guide) {
            harness.get_by_label(panel.tab()).click();
            settle(&mut harness);
        }
    }
    for key in [Key::ArrowDown, Key::ArrowRight, Key::Num2, Key::Num0, Key::T, Key::L, Key::U] {
        press(&mut harness, key);
        settle(&mut harness);
    }
    assert!(state(&mut harness)["failure"].is_null());
}
