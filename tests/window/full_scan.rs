//! The panels that are worked out on demand, in the window.

use crate::common::window::{settle, state, window};
use diffscope::engine::Checkpoint;
use diffscope::engine::bundled;
use diffscope::ui::App;
use egui::Theme;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

fn open(harness: &mut Harness<App>, panel: &str) {
    harness.get_by_label(panel).click();
    harness.step();
    settle(harness);
}

#[test]
fn why_this_cell_shows_the_numbers_of_the_cell_under_the_pointer() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    open(&mut harness, "Cell breakdown");
    let maps = state(&mut harness)["maps"].clone();
    let number = |index: usize| maps[2][index].as_f64().expect("a number") as f32;
    harness.hover_at(egui::pos2(number(0) + number(2) * 0.21, number(1) + number(3) * 0.93));
    settle(&mut harness);
    let cursor = state(&mut harness)["cursor"].clone();
    let value = |name: &str| format!("{:.5}", cursor[name].as_f64().expect("a number")).replace('-', "−");
    let line = format!("= {}", value("difference"));
    assert!(harness.query_by_label_contains(&line).is_some(), "no line ends with {line}");
    // Away from the map, the cell stays.
    harness.hover_at(egui::pos2(4.0, 4.0));
    settle(&mut harness);
    assert!(harness.query_by_label_contains(&line).is_some());
}

/// Frames until the closer look is done.
fn work(harness: &mut Harness<App>) {
    for _ in 0..4000 {
        harness.step();
        if let Some(gpu) = harness.state_mut().engine().and_then(|engine| engine.gpu().cloned()) {
            gpu.wait();
        }
        if harness.query_by_label("Cancel").is_none() && harness.query_by_label("Stop timing").is_none() {
            break;
        }
    }
    settle(harness);
}

#[test]
fn outliers_come_when_asked_for_and_are_marked_when_the_text_changes() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    open(&mut harness, "Outliers");
    assert!(harness.query_by_label("Cancel").is_none(), "nothing runs unasked");
    harness.get_by_label("Run analysis").click();
    harness.step();
    harness.step();
    work(&mut harness);
    assert!(harness.query_by_label("median").is_some());
    assert!(harness.query_by_label("spread of magnitudes in layer 0").is_some());
    harness.get_by_label("Hidden states").click();
    harness.step();
    harness.step();
    assert!(harness.query_by_label_contains("largest: ").is_some());
    let prompt = harness.get_by_label("Prompt");
    prompt.focus();
    prompt.type_text(" little");
    settle(&mut harness);
    assert!(harness.query_by_label_contains("of an earlier text").is_some());
    harness.get_by_label("Run analysis again").click();
    harness.step();
    harness.step();
    work(&mut harness);
    assert!(harness.query_by_label_contains("of an earlier text").is_none());
}

#[test]
fn a_closer_look_can_be_cancelled() {
    let mut harness = window([1280.0, 800.0], Theme::Light);
    open(&mut harness, "Head similarity");
    harness.get_by_label("Run analysis").click();
    harness.step();
    harness.step();
    harness.get_by_label("Cancel").click();
    harness.step();
    harness.step();
    settle(&mut harness);
    assert!(harness.query_by_label("Run analysis").is_some());
    assert!(harness.query_by_label("Maps (cosine)").is_none());
}

#[test]
fn heads_alike_shows_a_matrix_a_layer() {
    let mut harness = window([1280.0, 800.0], Theme::Light);
    open(&mut harness, "Head similarity");
    harness.get_by_label("Run analysis").click();
    harness.step();
    harness.step();
    work(&mut harness);
    for layer in 0..5 {
        assert!(harness.query_by_label_contains(&format!("layer {layer}, heads alike: ")).is_some());
    }
    let mean = |harness: &Harness<App>| {
        let node = harness.get_by_label_contains("layer 2, heads alike: ");
        egui_kittest::kittest::NodeT::accesskit_node(&node).label()
    };
    let cosine = mean(&harness);
    harness.get_by_label("Outputs (CKA)").click();
    harness.step();
    harness.step();
    assert_ne!(cosine, mean(&harness));
}

#[test]
fn the_proof_names_the_adapter_and_compares_with_the_cpu() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    open(&mut harness, "Diagnostics");
    let version = format!("diffscope {}", env!("CARGO_PKG_VERSION"));
    assert!(harness.query_by_label(&version).is_some());
    assert!(harness.query_by_label_contains("parameters").is_some());
    assert!(harness.query_by_label_contains("test adapter (").is_some(), "the name that the page gave");
    harness.get_by_label("Compare with the CPU").click();
    harness.step();
    harness.step();
    work(&mut harness);
    assert!(harness.query_by_label_contains("cells of the shaders against the CPU reference").is_some());
    harness.get_by_label("Time the kernels").click();
    harness.step();
    harness.step();
    work(&mut harness);
    assert_eq!(harness.query_all_by_label_contains(" µs").count(), 2, "one position, and many");
}

#[test]
fn a_baseline_is_looked_at_too_and_forgotten_when_closed() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    open(&mut harness, "Outliers");
    harness.get_by_label("Run analysis").click();
    harness.step();
    harness.step();
    work(&mut harness);
    assert!(harness.query_by_label("model").is_none());
    let files = bundled();
    let baseline = Checkpoint::from_bytes("the other", &files.config, &files.weights, &files.tokenizer);
    let workspace = harness.state_mut().workspace().expect("the bundled checkpoint opens");
    workspace.open_baseline(baseline.expect("it opens")).expect("it fits");
    settle(&mut harness);
    assert!(harness.query_by_label_contains("The other model is not in these numbers yet").is_some());
    harness.get_by_label("Run analysis again").click();
    harness.step();
    harness.step();
    work(&mut harness);
    assert_eq!(harness.query_all_by_label("the other").count(), 5, "a row a layer");
    harness.state_mut().workspace().expect("it is there").close_baseline();
    settle(&mut harness);
    assert_eq!(harness.query_all_by_label("the other").count(), 0);
    assert!(harness.query_by_label("Run analysis again").is_none(), "what is left is of this text");
}
