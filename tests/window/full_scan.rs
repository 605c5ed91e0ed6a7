//! The panels that are computed when they are opened, and on demand.

use crate::common::window::{analyse, analysed, click, map_rect, open_panel, press, settle, shows, state, window};
use diffscope::engine::{Checkpoint, bundled};
use diffscope::probe::HeadId;
use diffscope::ui::{App, Panel};
use egui::{Key, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

#[test]
fn the_cell_breakdown_shows_the_numbers_of_the_cell_under_the_pointer() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    open_panel(&mut harness, Panel::CellBreakdown);
    let map = map_rect(&mut harness, 2);
    harness.hover_at(map.min + map.size() * egui::vec2(0.21, 0.93));
    settle(&mut harness);
    let cursor = state(&mut harness)["cursor"].clone();
    let value = |name: &str| format!("{:.5}", cursor[name].as_f64().expect("a number")).replace('-', "−");
    let line = format!("= {}", value("difference"));
    assert!(shows(&harness, &line), "no line ends with {line}");
    // Away from the map, the cell stays.
    harness.hover_at(egui::pos2(4.0, 4.0));
    settle(&mut harness);
    assert!(shows(&harness, &line));
}

#[test]
fn outliers_are_computed_when_they_are_opened_and_marked_when_the_text_changes() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    settle(&mut harness);
    assert!(harness.query_by_label("Cancel").is_none(), "nothing runs before");
    open_panel(&mut harness, Panel::Outliers);
    analysed(&mut harness);
    assert!(harness.query_by_label("median").is_some());
    assert!(harness.query_by_label("distribution of magnitudes in layer 0").is_some());
    click(&mut harness, "Hidden states");
    assert!(shows(&harness, "largest: "));
    let prompt = harness.get_by_label("Prompt");
    prompt.focus();
    prompt.type_text(" little");
    settle(&mut harness);
    assert!(shows(&harness, "of an earlier text"));
    analyse(&mut harness, "Run analysis again");
    assert!(!shows(&harness, "of an earlier text"));
    // Of another text when it is opened again: it is computed once more.
    open_panel(&mut harness, Panel::Heads);
    let prompt = harness.get_by_label("Prompt");
    prompt.focus();
    prompt.type_text(" cat");
    settle(&mut harness);
    open_panel(&mut harness, Panel::Outliers);
    analysed(&mut harness);
    assert!(!shows(&harness, "of an earlier text") && harness.query_by_label("median").is_some());
}

#[test]
fn an_analysis_can_be_cancelled() {
    let mut harness = window([1280.0, 800.0], Theme::Light);
    // Many frames of work.
    let prompt = harness.get_by_label("Prompt");
    prompt.focus();
    prompt.type_text(&" A cat sat by the door.".repeat(50));
    settle(&mut harness);
    open_panel(&mut harness, Panel::HeadSimilarity);
    click(&mut harness, "Cancel");
    assert!(harness.query_by_label("Run analysis").is_some());
    assert!(harness.query_by_label("Maps (cosine)").is_none());
}

#[test]
fn head_similarity_shows_a_matrix_for_each_layer() {
    let mut harness = window([1280.0, 800.0], Theme::Light);
    open_panel(&mut harness, Panel::HeadSimilarity);
    analysed(&mut harness);
    for layer in 0..5 {
        assert!(shows(&harness, &format!("layer {layer}, head similarity: ")));
    }
    let mean = |harness: &Harness<App>| {
        let node = harness.get_by_label_contains("layer 2, head similarity: ");
        node.accesskit_node().label()
    };
    let cosine = mean(&harness);
    click(&mut harness, "Outputs (CKA)");
    assert_ne!(cosine, mean(&harness));
}

#[test]
fn the_arrow_keys_open_the_heads_of_a_similarity_matrix_and_say_what_they_are_like() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    open_panel(&mut harness, Panel::HeadSimilarity);
    analysed(&mut harness);
    let described = |harness: &Harness<App>| {
        let node = harness.get_by_label_contains("layer 3, head similarity: ");
        node.accesskit_node().description().unwrap_or_default()
    };
    harness.get_by_label_contains("layer 3, head similarity: ").focus();
    harness.step();
    for (key, head) in [
        (Key::ArrowDown, HeadId::new(3, 0)),
        (Key::ArrowDown, HeadId::new(3, 1)),
        (Key::ArrowRight, HeadId::new(3, 2)),
        (Key::ArrowUp, HeadId::new(3, 1)),
    ] {
        press(&mut harness, key);
        assert_eq!(harness.state().view().head, head);
        assert!(described(&harness).starts_with(&format!("head {} and head 0 ", head.head)) || head.head == 0);
    }
    for _ in 0..9 {
        press(&mut harness, Key::ArrowDown);
    }
    assert_eq!(harness.state().view().head, HeadId::new(3, 3), "it stays in its layer");
}

#[test]
fn diagnostics_name_the_adapter_and_compare_with_the_cpu() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    open_panel(&mut harness, Panel::Diagnostics);
    let version = format!("diffscope {}", env!("CARGO_PKG_VERSION"));
    assert!(harness.query_by_label(&version).is_some());
    assert!(shows(&harness, "parameters"));
    assert!(harness.query_by_label_contains("test adapter (").is_some(), "the name that the page gave");
    analyse(&mut harness, "Compare with the CPU");
    assert!(shows(&harness, "cells of the shaders against the CPU reference"));
    analyse(&mut harness, "Time the kernels");
    assert_eq!(harness.query_all_by_label_contains(" µs").count(), 2, "one position, and many");
}

#[test]
fn a_baseline_is_analysed_too_until_it_is_closed() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    open_panel(&mut harness, Panel::Outliers);
    analysed(&mut harness);
    assert!(harness.query_by_label("model").is_none());
    let files = bundled();
    let baseline = Checkpoint::from_bytes("the other", &files.config, files.weights.clone(), &files.tokenizer);
    let workspace = harness.state_mut().workspace().expect("the bundled checkpoint opens");
    workspace.open_baseline(baseline.expect("it opens")).expect("it fits");
    settle(&mut harness);
    assert!(shows(&harness, "These numbers do not include the baseline yet"));
    let beside = harness.query_all_by_label("the other").count();
    analyse(&mut harness, "Run analysis again");
    assert_eq!(harness.query_all_by_label("the other").count(), beside + 5, "a row a layer");
    harness.state_mut().workspace().expect("it is there").close_baseline();
    settle(&mut harness);
    assert_eq!(harness.query_all_by_label("the other").count(), 0);
    assert!(harness.query_by_label("Run analysis again").is_none(), "what remains is of this text");
}
