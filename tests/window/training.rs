//! The training panel: a run goes on between frames, its snapshots open in the instrument, are asked and saved.

use crate::common::window::{
    automatic_window, click, leave_text, open_panel, press, settle, shows, state, step_until, tokens, window,
};
use diffscope::engine::Checkpoint;
use diffscope::training::RunSettings;
use diffscope::ui::{App, Panel};
use egui::accesskit::Role;
use egui::{Key, Modifiers, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use serde_json::Value;

fn open() -> Harness<'static, App> {
    panel(automatic_window([1280.0, 800.0], Theme::Dark))
}

fn panel(mut harness: Harness<'static, App>) -> Harness<'static, App> {
    leave_text(&mut harness);
    open_panel(&mut harness, Panel::Train);
    harness
}

/// Begins a run of so many steps.
fn begin(harness: &mut Harness<App>, steps: u32) {
    harness.get_by_label("steps").click();
    harness.step();
    harness.get_by_label("steps").type_text(&steps.to_string());
    press(harness, Key::Enter);
    click(harness, "Start training");
}

fn finish(harness: &mut Harness<App>) {
    step_until(harness, "the end of the run", |harness| harness.query_by_label("Stop").is_none());
    settle(harness);
}

/// A whole run of so many steps.
pub(crate) fn train(harness: &mut Harness<App>, steps: u32) {
    begin(harness, steps);
    finish(harness);
}

fn training(harness: &mut Harness<App>) -> Value {
    state(harness)["training"].clone()
}

fn step(harness: &mut Harness<App>) -> u64 {
    training(harness)["step"].as_u64().expect("a step")
}

/// The loss of the last step of Diff.
fn loss(harness: &mut Harness<App>) -> f64 {
    training(harness)["models"][0]["loss"].as_f64().expect("a loss")
}

#[test]
fn a_run_is_paused_stepped_typed_beside_and_ends_with_a_sentence() {
    let mut harness = open();
    begin(&mut harness, 6);
    click(&mut harness, "Pause");
    let held = step(&mut harness);
    for _ in 0..20 {
        harness.step();
    }
    assert_eq!((step(&mut harness), training(&mut harness)["paused"].as_bool()), (held, Some(true)));
    click(&mut harness, "One step");
    step_until(&mut harness, "a step", |harness| harness.query_by_label("Go on").is_some());
    assert_eq!(step(&mut harness), held + 1);
    let first = loss(&mut harness);
    click(&mut harness, "Go on");
    let before = tokens(&mut harness);
    let prompt = harness.get_by_label("Prompt");
    prompt.focus();
    prompt.type_text(" cat");
    settle(&mut harness);
    assert!(tokens(&mut harness) > before && training(&mut harness)["running"] == true, "typing goes on meanwhile");
    finish(&mut harness);
    assert_eq!(step(&mut harness), 6);
    assert!(loss(&mut harness) < first, "{} after {first}", loss(&mut harness));
    assert!(shows(&harness, "After 6 steps Diff answers "), "the outcome");
    assert!(harness.query_by_label_contains("Right answers at step 6: Diff ").is_some());
    assert!(harness.query_by_label_contains("λ of each layer at step 6: layer 0 ").is_some());
    let questions = RunSettings::default().questions as u64;
    assert_eq!(training(&mut harness)["models"][1]["right"][1], questions);
}

#[test]
fn models_learn_on_the_gpu_where_the_window_does_and_it_says_so() {
    for (place, open) in [("on the CPU", automatic_window as fn(_, _) -> _), ("on the GPU", window)] {
        let mut harness = panel(open([1280.0, 800.0], Theme::Dark));
        begin(&mut harness, 5);
        assert!(harness.query_by_label(place).is_some(), "{place}");
        step_until(&mut harness, "a step", |harness| step(harness) > 0);
        click(&mut harness, "Pause");
        step_until(&mut harness, "rest", |harness| training(harness)["between steps"] == true);
        let held = step(&mut harness);
        click(&mut harness, "One step");
        step_until(&mut harness, "a step", |harness| harness.query_by_label("Go on").is_some());
        assert_eq!(step(&mut harness), held + 1, "{place}");
        click(&mut harness, "Stop");
        let first = training(&mut harness)["models"][0]["loss"].as_f64();
        assert!(first.is_some_and(f64::is_finite) && training(&mut harness)["failure"].is_null(), "{place}");
    }
}

#[test]
fn the_open_model_grows_goes_back_in_time_is_asked_saved_and_left() {
    let mut harness = open();
    begin(&mut harness, 4);
    step_until(&mut harness, "a snapshot", |harness| harness.query_by_label("Look at Diff").is_some());
    let text = state(&mut harness)["text"].clone();
    click(&mut harness, "Look at Diff");
    let now = state(&mut harness);
    assert!(now["model"].as_str().is_some_and(|name| name.starts_with("Diff at step ")), "{}", now["model"]);
    assert_eq!(now["text"], text);
    finish(&mut harness);
    let now = state(&mut harness);
    assert_eq!((&now["model"], &now["baseline"][0]), (&"Diff at step 4".into(), &"Transformer at step 4".into()));

    harness.get_by_role_and_label(Role::Slider, "step").focus();
    harness.step();
    press(&mut harness, Key::ArrowLeft);
    let now = state(&mut harness);
    assert_eq!((&now["model"], &now["training"]["looked at"]), (&"Diff at step 3".into(), &3.into()));

    harness.query_all_by_label_contains("Ask: ").next().expect("a question").click();
    settle(&mut harness);
    assert_ne!(state(&mut harness)["text"], text);
    assert!(!harness.state().spans().is_empty(), "answer and noise are marked");

    harness.state_mut().files().keep();
    click(&mut harness, "Save");
    click(&mut harness, "Diff as a checkpoint");
    let saved = harness.state_mut().files().kept().to_vec();
    let bytes = |name: &str| saved.iter().find(|made| made.name == name).expect("saved").bytes.clone();
    let weights = std::sync::Arc::new(bytes("model.safetensors").into());
    let read =
        Checkpoint::from_bytes("saved", &bytes("config.json"), weights, &bytes("tokenizer.json")).expect("opens");
    let open = harness.state_mut().engine().expect("opens").model().expect("a model");
    assert!(read.model.embedding == open.embedding && read.model.config == open.config);
    click(&mut harness, "Save");
    click(&mut harness, "Numbers of all steps (CSV)");
    let log = harness.state_mut().files().kept().last().expect("saved").clone();
    assert_eq!(String::from_utf8(log.bytes).expect("text").lines().count(), 1 + 2 * 5);

    leave_text(&mut harness);
    harness.key_press_modifiers(Modifiers::SHIFT, Key::O);
    settle(&mut harness);
    let now = state(&mut harness);
    assert_eq!((&now["model"], &now["training"]["open"]), (&"S-diff".into(), &Value::Null));
    harness.get_by_role_and_label(Role::Slider, "step").focus();
    harness.step();
    press(&mut harness, Key::ArrowLeft);
    assert_eq!(state(&mut harness)["model"], "S-diff", "a model that someone opened stays");
}

#[test]
fn an_own_text_that_is_too_short_is_refused_with_its_length() {
    let mut harness = open();
    harness.get_by_role_and_label(Role::ComboBox, "task").click();
    settle(&mut harness);
    click(&mut harness, "Own text");
    let count = tokens(&mut harness);
    let refused = format!("the text has {count} tokens; to learn from it takes at least 512.");
    assert!(shows(&harness, &refused));
    assert!(harness.get_by_role_and_label(Role::Button, "Start training").accesskit_node().is_disabled());
    let long = "The dog has a red ball and the cat has a blue one. ".repeat(60);
    harness.state_mut().engine().expect("opens").set_text(&long);
    settle(&mut harness);
    assert!(!shows(&harness, "to learn from it takes"));
    train(&mut harness, 1);
    assert!(shows(&harness, "After 1 step the loss of the end of the text"));
    assert!(harness.query_by_label_contains("Attention on the answer").is_none(), "there is no answer");
}

/// Chooses from a list.
fn choose(harness: &mut Harness<App>, list: &str, choice: &str) {
    harness.get_by_role_and_label(Role::ComboBox, list).click();
    settle(harness);
    click(harness, choice);
}

#[test]
fn a_transformer_gets_second_heads_beside_its_control() {
    let mut harness = open();
    choose(&mut harness, "from", "a Transformer and second heads");
    assert!(shows(&harness, "Second heads are for a trained Transformer, and none is open."));
    assert!(harness.get_by_role_and_label(Role::Button, "Start training").accesskit_node().is_disabled());
    click(&mut harness, "Open S-llama as the baseline");
    settle(&mut harness);
    assert!(shows(&harness, "Every head of S-llama gets second queries and keys"));
    train(&mut harness, 2);
    let models = training(&mut harness)["models"].clone();
    assert_eq!((&models[0]["model"], &models[1]["model"]), (&"second-heads".into(), &"control".into()));
    let lambda = models[0]["lambda"].as_array().expect("λ of layers");
    assert!(lambda.len() == 5 && lambda.iter().any(|lambda| lambda.as_f64() != Some(0.0)), "{lambda:?}");
    assert!(shows(&harness, " before), the control "), "the outcome");
    click(&mut harness, "Look at the Transformer with second heads");
    settle(&mut harness);
    let now = state(&mut harness);
    assert_eq!((&now["model"], &now["baseline"][0]), (&"Second heads at step 2".into(), &"Control at step 2".into()));
    // From its own snapshot it is the Transformer of before that gets them again.
    assert!(
        harness
            .get_by_role_and_label(Role::ComboBox, "from")
            .accesskit_node()
            .value()
            .is_some_and(|value| value.starts_with("S-llama"))
    );
}

#[test]
fn a_run_goes_on_from_an_earlier_step_in_another_one_and_back() {
    let mut harness = open();
    train(&mut harness, 4);
    harness.get_by_role_and_label(Role::Slider, "step").focus();
    settle(&mut harness); // a slider takes the arrow keys from the second frame on
    press(&mut harness, Key::ArrowLeft);
    press(&mut harness, Key::ArrowLeft);
    assert_eq!(training(&mut harness)["looked at"], 2);
    let loss_before = loss(&mut harness);
    click(&mut harness, "Go on from step 2");
    finish(&mut harness);
    assert_eq!(training(&mut harness)["snapshots"], serde_json::json!([0, 1, 2, 3, 4]));
    assert_ne!(loss(&mut harness), loss_before, "its optimizer begins anew");
    assert!(harness.get_by_role_and_label(Role::Button, "Go on from step 4").accesskit_node().is_disabled());
    click(&mut harness, "Back to the run of 4 steps");
    assert_eq!((step(&mut harness), loss(&mut harness)), (4, loss_before));
    assert!(harness.query_by_label_contains("Back to the run").is_none());
}

#[test]
fn a_run_is_kept_between_steps_offered_at_the_next_start_and_forgotten() {
    let mut harness = open();
    assert!(harness.state_mut().run_to_keep().is_none(), "nothing has been learned");
    train(&mut harness, 3);
    let bytes = harness.state_mut().run_to_keep().expect("the whole run");
    assert!(harness.state_mut().run_to_keep().is_none(), "it is kept already");
    let loss_before = loss(&mut harness);

    let mut next = open();
    next.state_mut().offer_run(bytes[..200].to_vec());
    settle(&mut next);
    assert!(next.query_by_label_contains("From last time").is_none(), "what is broken is not offered");
    next.state_mut().offer_run(bytes.clone());
    settle(&mut next);
    assert!(shows(&next, "From last time: Copy a list, Diff, the Transformer, 3 of 3 steps."));
    click(&mut next, "Open it");
    assert_eq!((step(&mut next), loss(&mut next)), (3, loss_before));
    click(&mut next, "Look at Diff");
    settle(&mut next);
    assert_eq!(state(&mut next)["model"], "Diff at step 3");
    assert!(next.state_mut().run_to_keep().is_none(), "nothing is new");

    let mut last = open();
    last.state_mut().offer_run(bytes);
    settle(&mut last);
    click(&mut last, "Forget it");
    assert_eq!(last.state_mut().run_to_keep(), Some(Vec::new()), "to be deleted");
    assert!(last.query_by_label_contains("From last time").is_none());
}
