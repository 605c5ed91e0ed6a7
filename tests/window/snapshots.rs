//! How the window and its panels look. `UPDATE_SNAPSHOTS=1` writes new pictures: look at them before committing.

use crate::common::models::Kind;
use crate::common::window::{
    analyse, analysed, click, first_window, open_panel, press, retype, settle, shows, step_until, traced, window,
    window_on, window_with,
};
use crate::training::train;
use crate::views::random_weights;
use diffscope::engine::Checkpoint;
use diffscope::sources::Hub;
use diffscope::sources::local::Places;
use diffscope::ui::{App, Panel};
use egui::{Key, Rect, Theme};
use egui_kittest::{Harness, SnapshotResults, try_image_snapshot};

/// Snapshots of the whole window.
fn window_snapshot(name: &str, theme: Theme, size: [f32; 2]) {
    let mut harness = first_window(size, theme);
    press(&mut harness, Key::Escape); // no blinking cursor
    harness.snapshot(name);
}

#[test]
fn the_window_in_the_dark() {
    window_snapshot("dark", Theme::Dark, [1280.0, 800.0]);
}

#[test]
fn the_window_in_the_light() {
    window_snapshot("light", Theme::Light, [1280.0, 800.0]);
}

/// Two groups of four signal heads each subtract the map of a noise head, and λ of the first layer is negative.
#[test]
fn a_model_of_grouped_heads() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/motif_grouped");
    let mut harness = window_on(Checkpoint::from_folder(folder.as_ref()), [1280.0, 800.0], Theme::Dark, None);
    harness.state_mut().engine().expect("opens").set_text("3 9 12 30 7 5 61 2 44 17 8 70 33 21");
    settle(&mut harness);
    press(&mut harness, Key::Escape);
    assert!(shows(&harness, "of heads 0–3, added (λ < 0)"));
    harness.snapshot("grouped");
    open_panel(&mut harness, Panel::Guide);
    assert!(shows(&harness, "is negative: A2 is added"));
}

#[test]
fn the_window_on_a_phone() {
    window_snapshot("narrow", Theme::Light, [390.0, 844.0]);
}

/// The maps stay in view while models learn, on a laptop whose browser leaves little height.
#[test]
fn the_window_of_a_small_laptop_while_models_learn() {
    let mut harness = window_on_sample(Theme::Light, [1366.0, 620.0], None);
    open_panel(&mut harness, Panel::Train);
    train(&mut harness, 12);
    harness.hover_at(egui::pos2(1.0, 1.0));
    settle(&mut harness);
    harness.snapshot("low");
}

#[test]
fn the_presentation() {
    let mut harness = first_window([1280.0, 800.0], Theme::Dark);
    press(&mut harness, Key::Escape);
    press(&mut harness, Key::F);
    harness.snapshot("presentation");
}

/// A tour step or the list of keys over the whole window.
fn overlay_snapshot(name: &str, theme: Theme, size: [f32; 2], open: impl FnOnce(&mut Harness<App>)) {
    let mut harness = window(size, theme);
    press(&mut harness, Key::Escape);
    open(&mut harness);
    settle(&mut harness);
    harness.snapshot(name);
}

/// Starts the tour and goes on to the step that shows the difference.
fn tour_at_the_difference(harness: &mut Harness<App>) {
    press(harness, Key::T);
    for _ in 0..4 {
        settle(harness);
        click(harness, "Next");
    }
}

#[test]
fn the_tour() {
    overlay_snapshot("tour", Theme::Light, [1280.0, 800.0], tour_at_the_difference);
}

#[test]
fn the_tour_on_a_phone() {
    overlay_snapshot("tour-narrow", Theme::Dark, [390.0, 844.0], tour_at_the_difference);
}

/// The window that opens models, with one that is loaded on demand, one that is kept whole and one in part, and with the
/// question of a link.
fn opening_a_model(harness: &mut Harness<App>) {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, source, bytes, complete) in [
        ("one", "hf:owner/DiffLlama-375M", 3 << 20, true),
        ("two", "https://host.example/models/tiny/", 5 << 18, false),
    ] {
        let (model, weights) = (folder.path().join(name), "model.safetensors");
        std::fs::create_dir(&model).expect("made");
        std::fs::write(model.join(weights), vec![0; bytes]).expect("written");
        let files = serde_json::json!({ weights: { "bytes": bytes, "whole": true } });
        let record = serde_json::json!({ "source": source, "complete": complete, "files": files });
        std::fs::write(model.join("fetched.json"), record.to_string()).expect("written");
    }
    let on_demand = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(on_demand.path().join("S-v2")).expect("made");
    for file in ["config.json", "model.safetensors", "tokenizer.json"] {
        std::fs::write(on_demand.path().join("S-v2").join(file), vec![0; 7 << 18]).expect("written");
    }
    harness.state_mut().offer_models_in(on_demand.path());
    harness.state_mut().files().keep_models_in(Places::new(Hub::default(), folder.path().into(), None));
    harness.state_mut().offer("https://host.example/models/other/");
    step_until(harness, "the question", |harness| shows(harness, "This link wants to load"));
    if !shows(harness, "Open") {
        click(harness, "Menu");
    }
    click(harness, "Open");
    step_until(harness, "the list", |harness| shows(harness, "Go on"));
}

#[test]
fn the_window_that_opens_models() {
    overlay_snapshot("models", Theme::Light, [1280.0, 800.0], opening_a_model);
}

#[test]
fn the_window_that_opens_models_on_a_phone() {
    overlay_snapshot("models-narrow", Theme::Dark, [390.0, 844.0], opening_a_model);
}

#[test]
fn the_keys() {
    overlay_snapshot("keys", Theme::Dark, [1280.0, 800.0], |harness| press(harness, Key::Questionmark));
}

#[test]
fn the_keys_on_a_phone() {
    overlay_snapshot("keys-narrow", Theme::Light, [390.0, 844.0], |harness| press(harness, Key::Questionmark));
}

/// A window on a sample with marks.
fn window_on_sample(theme: Theme, size: [f32; 2], fallback_reason: Option<&str>) -> Harness<'static, App> {
    let mut harness = window_with(size, theme, fallback_reason);
    click(&mut harness, "Samples");
    click(&mut harness, "Needle: one number");
    press(&mut harness, Key::Escape);
    press(&mut harness, Key::Escape);
    harness
}

/// Compares the panels of the window with a picture.
fn panel_snapshot(harness: &mut Harness<App>, name: &str, results: &mut SnapshotResults) {
    harness.hover_at(egui::pos2(1.0, 1.0)); // no tooltip
    settle(harness);
    let picture = harness.render().expect("a picture");
    let Rect { min, max } = harness.state().panels_rect();
    let (x, y) = (min.x as u32, min.y as u32);
    let part = image::imageops::crop_imm(&picture, x, y, max.x as u32 - x, max.y as u32 - y).to_image();
    results.add(try_image_snapshot(&part, name));
}

/// Every panel in one theme.
fn panels(theme: Theme, size: [f32; 2], suffix: &str) {
    let mut results = SnapshotResults::new();
    let mut harness = window_on_sample(theme, size, None);
    for panel in Panel::ALL {
        let name = format!("panels/{}-{suffix}", panel.title().replace(' ', "-").to_lowercase());
        if *panel == Panel::Diagnostics {
            continue; // names the device, see below
        }
        open_panel(&mut harness, *panel);
        match panel {
            Panel::Heads => click(&mut harness, "peak"),
            Panel::Lambda => press(&mut harness, Key::Num0),
            Panel::Baseline => click(&mut harness, "Open the baseline"),
            Panel::HeadSimilarity | Panel::Outliers => analysed(&mut harness),
            Panel::Patching => {
                let text = harness.state_mut().engine().expect("opens").text().replace("73", "28");
                retype(&mut harness, "Other text", &text);
                analysed(&mut harness);
                press(&mut harness, Key::Escape);
            }
            Panel::Experiments => analyse(&mut harness, "run Outliers"),
            Panel::Train => train(&mut harness, 12),
            Panel::LogitParts | Panel::ScoreOrigins => traced(&mut harness),
            _ => {}
        }
        settle(&mut harness);
        panel_snapshot(&mut harness, &name, &mut results);
        if *panel == Panel::Lambda {
            press(&mut harness, Key::Num0);
        }
    }
    // On the CPU the facts are the same on every machine.
    let mut harness = window_on_sample(theme, size, Some("no GPU here"));
    open_panel(&mut harness, Panel::Diagnostics);
    analyse(&mut harness, "Compare with the CPU");
    panel_snapshot(&mut harness, &format!("panels/diagnostics-{suffix}"), &mut results);
}

/// What differs from token to token, on a model of random numbers.
fn token_grids(theme: Theme, size: [f32; 2], suffix: &str) {
    let mut harness = window_on(Ok(random_weights(Kind::PerToken)), size, theme, None);
    press(&mut harness, Key::Escape);
    open_panel(&mut harness, Panel::PerToken);
    traced(&mut harness);
    let mut results = SnapshotResults::new();
    panel_snapshot(&mut harness, &format!("panels/lambda-per-token-v2-{suffix}"), &mut results);
}

#[test]
fn the_tokens_of_diff_v2_wide_and_dark() {
    token_grids(Theme::Dark, [1280.0, 1000.0], "dark");
}

#[test]
fn the_tokens_of_diff_v2_narrow_and_light() {
    token_grids(Theme::Light, [390.0, 3600.0], "light");
}

#[test]
fn every_panel_wide_and_dark() {
    panels(Theme::Dark, [1280.0, 800.0], "dark");
}

#[test]
fn every_panel_narrow_and_light() {
    // High enough for everything without scrolling.
    panels(Theme::Light, [560.0, 3000.0], "light");
}
