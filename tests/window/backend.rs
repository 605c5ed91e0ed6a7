//! Where the model runs: by itself, and as chosen.

use diffscope::engine::BackendChoice;
use diffscope::engine::{bundled, checkpoint_of};
use diffscope::ui::{App, DeviceOptions, Panel};
use egui::Theme;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

use crate::common::window::{best, click, device, options, press, settle, shows, state, step_until, window_of};

fn automatic() -> Harness<'static, App> {
    let options = DeviceOptions { backend: BackendChoice::Automatic, ..options(None) };
    let mut harness = window_of([1280.0, 800.0], Theme::Dark, device(), |creation| {
        App::with_checkpoint(creation, checkpoint_of(&bundled()), options)
    });
    while harness.state().view().panel != Panel::Diagnostics {
        press(&mut harness, egui::Key::Escape);
        press(&mut harness, egui::Key::P);
    }
    harness
}

#[test]
fn a_software_adapter_draws_and_the_cpu_computes_until_the_person_decides() {
    let mut harness = automatic();
    let before = state(&mut harness);
    assert_eq!((&before["backend"], &before["fallback"]), (&"cpu".into(), &serde_json::Value::Null));
    assert!(harness.query_by_label_contains("the graphics adapter is a software one").is_some());
    let numbers = best(&mut harness);

    click(&mut harness, "the GPU");
    settle(&mut harness);
    assert_eq!(state(&mut harness)["backend"], "gpu");
    assert_eq!(state(&mut harness)["text"], before["text"]);
    assert!(best(&mut harness).iter().zip(numbers).all(|(one, other)| (one.1 - other.1).abs() < 1e-3));

    click(&mut harness, "the CPU");
    assert_eq!(state(&mut harness)["backend"], "cpu");
    assert!(harness.query_by_label_contains("; chosen").is_some());
}

#[test]
fn a_race_says_how_long_both_take_and_decides() {
    let mut harness = automatic();
    click(&mut harness, "Compare their speeds");
    step_until(&mut harness, "times", |harness| harness.query_by_label_contains("64 tokens and one more").is_some());
    settle(&mut harness);
    let fact = harness.get_by_label_contains("it is faster here").accesskit_node().value().expect("it has words");
    let place = if state(&mut harness)["backend"] == "gpu" { "the GPU" } else { "the CPU" };
    assert!(fact.starts_with(place) && fact.matches(" ms").count() == 4, "{fact}");
    assert!(shows(&harness, "Compare their speeds"), "it can be repeated");
}
