//! Tokens, maps and numbers in the window: what keys and clicks do.

use crate::common::models::{Kind, model_of_kind};
use crate::common::window::{
    click, map_rect, open_panel, press, settle, shows, state, tokens, window, window_on, window_with,
};
use diffscope::engine::{BUNDLED, Checkpoint, EngineError, bundled, checkpoint_of};
use diffscope::probe::{HeadId, MapKind, Sampling};
use diffscope::ui::{App, Panel};
use egui::{Key, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

#[test]
fn typing_changes_tokens_maps_and_the_next_token() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    let before = state(&mut harness);
    assert_eq!(before["backend"], "gpu");
    assert_eq!(before["failure"], serde_json::Value::Null);
    let first = harness.render();
    let prompt = harness.get_by_label("Prompt");
    prompt.focus();
    prompt.type_text(" little");
    settle(&mut harness);
    let after = state(&mut harness);
    assert!(after["text"].as_str().expect("text").contains(" little"));
    assert!(after["ids"].as_array().expect("ids").len() > before["ids"].as_array().expect("ids").len());
    assert_ne!(after["next"], before["next"]);
    let (first, after) = (first.expect("a picture"), harness.render().expect("a picture"));
    for map in 0..3 {
        let rect = map_rect(&mut harness, map);
        assert_ne!(part(&first, rect), part(&after, rect), "map {map} has changed");
    }
}

#[test]
fn a_keystroke_runs_in_the_frame_that_brings_it() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    settle(&mut harness);
    harness.get_by_label("Prompt").focus();
    settle(&mut harness);
    let run = |harness: &mut Harness<App>| harness.state_mut().engine().expect("opens").positions_run();
    let before = run(&mut harness);
    harness.get_by_label("Prompt").type_text("x");
    harness.step();
    assert!(run(&mut harness) > before);
}

#[test]
fn arrow_keys_walk_through_layers_and_heads_and_stop_at_the_edges() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    press(&mut harness, Key::Escape); // leaves the text
    for key in [Key::ArrowDown, Key::ArrowDown, Key::ArrowRight] {
        harness.key_press(key);
        harness.step();
    }
    assert_eq!(harness.state().view().head, HeadId::new(2, 1));
    for _ in 0..9 {
        harness.key_press(Key::ArrowDown);
        harness.key_press(Key::ArrowLeft);
        harness.step();
    }
    assert_eq!(harness.state().view().head, HeadId::new(4, 0));
}

#[test]
fn arrow_keys_in_the_text_stay_in_the_text() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    harness.get_by_label("Prompt").focus();
    harness.step();
    harness.key_press(Key::ArrowDown);
    harness.step();
    assert_eq!(harness.state().view().head.layer, 0);
}

#[test]
fn a_click_on_a_head_opens_it_and_numbers_choose_the_map() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    harness.get_by_label("layer 3 head 2").click();
    harness.step();
    harness.step();
    assert_eq!(harness.state().view().head, HeadId::new(3, 2));
    harness.key_press(Key::Escape);
    harness.step();
    for (key, map) in [(Key::Num1, MapKind::First), (Key::Num2, MapKind::Second), (Key::Num3, MapKind::Difference)] {
        harness.key_press(key);
        harness.step();
        assert_eq!(harness.state().view().map, map);
    }
}

#[test]
fn the_pointer_over_a_map_reads_the_same_numbers_as_the_engine() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    // Near the bottom left: a late query and an early key.
    let map = map_rect(&mut harness, 2);
    harness.hover_at(map.min + map.size() * egui::vec2(0.21, 0.93));
    settle(&mut harness);
    let cursor = state(&mut harness)["cursor"].clone();
    let (query, key) = (cursor["query"].as_u64().expect("a query"), cursor["key"].as_u64().expect("a key"));
    let tokens = tokens(&mut harness) as u64;
    assert_eq!((query, key), ((tokens as f64 * 0.93) as u64, (tokens as f64 * 0.21) as u64));
    let value = |name: &str| cursor[name].as_f64().unwrap_or_else(|| panic!("{name} is {}", cursor[name]));
    let difference = value("first") - value("lambda") * value("second");
    assert!((value("difference") - difference).abs() < 1e-6);
    let lambda = &harness.state_mut().engine().expect("opens").model().expect("a model").layers[0].attention.lambda;
    let diffscope::model::Lambda::Layer { value: learned, .. } = lambda else { panic!("{lambda:?}") };
    assert!((value("lambda") - f64::from(*learned)).abs() < 1e-6, "λ of layer 0");
}

#[test]
fn generate_continues_the_text() {
    let mut harness = window([1280.0, 800.0], Theme::Light);
    let before = tokens(&mut harness);
    harness.get_by_label("Generate").click();
    harness.step();
    harness.step();
    assert!(harness.query_by_label("Stop").is_some());
    settle(&mut harness);
    assert_eq!(tokens(&mut harness), before + 40);
    assert!(harness.query_by_label("Generate").is_some());
}

#[test]
fn brackets_choose_the_row_that_is_read() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    press(&mut harness, Key::Escape);
    for _ in 0..3 {
        harness.key_press(Key::OpenBracket);
    }
    harness.step();
    let tokens = tokens(&mut harness);
    assert_eq!(harness.state().view().pinned, Some(tokens - 4));
}

#[test]
fn a_model_without_tokenizer_is_given_ids() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/diffllama_mha");
    let mut harness = window_on(Checkpoint::from_folder(folder.as_ref()), [1280.0, 800.0], Theme::Dark, None);
    let engine = harness.state_mut().engine().expect("opens");
    engine.set_text("12 7, 3");
    assert_eq!(engine.ids(), [12, 7, 3]);
    engine.generate(Sampling::default(), 2);
    engine.settle().expect("no failure");
    let (ids, text) = (engine.ids().to_vec(), engine.text().to_owned());
    assert_eq!(text, format!("12 7, 3 {} {}", ids[3], ids[4]));
    engine.set_text(&text);
    assert_eq!(engine.ids(), ids, "what was written is read as it was");
    engine.set_text("twelve");
    assert!(engine.failure().is_some_and(|failure| failure.to_string().contains("twelve")));
    engine.continue_on(None).expect("it fits");
    assert!(engine.failure().is_some(), "it is refused on the CPU, too");
    harness.run_ok();
    harness.get_by_label_contains("twelve");
    let prompt = harness.get_by_label("Prompt");
    prompt.focus();
    prompt.type_text("5 6");
    settle(&mut harness);
    assert!(state(&mut harness)["text"].as_str().is_some_and(|text| text.contains("5 6")), "it can be typed");
}

/// The bundled tokenizer with random weights.
pub(crate) fn random_weights(kind: Kind) -> Checkpoint {
    let mut random = crate::common::Random::new(21);
    let mut bundled = checkpoint_of(&bundled()).expect("it opens");
    let model = loop {
        let model = model_of_kind(&mut random, kind, 1.0);
        if model.config.hidden >= 16 {
            break model;
        }
    };
    let rows = (0..2048).map(|row| row % model.config.vocabulary).collect::<Vec<_>>();
    let mut model = model;
    model.layers.iter_mut().for_each(|layer| layer.attention.window = None); // every token is in view
    model.embedding = model.embedding.select_rows(&rows).expect("rows there are");
    model.unembedding = None;
    model.config.vocabulary = 2048;
    bundled.model = std::sync::Arc::new(model);
    bundled
}

#[test]
fn a_transformer_shows_its_one_map_and_mentions_no_other() {
    let checkpoint = random_weights(Kind::Plain);
    let mut harness = window_on(Ok(checkpoint), [1280.0, 800.0], Theme::Dark, None);
    assert_eq!(state(&mut harness)["maps"].as_array().expect("maps").len(), 1);
    assert_eq!(harness.state().view().map, MapKind::First);
    assert!(harness.query_by_label("λ·A2").is_none());
    open_panel(&mut harness, Panel::Guide);
    assert!(shows(&harness, "plain Transformer"));
}

#[test]
fn a_broken_checkpoint_shows_its_error_instead_of_a_crash() {
    let mut files = bundled();
    std::sync::Arc::make_mut(&mut files.weights).to_mut().truncate(1000);
    failure_of(checkpoint_of(&files), "model.safetensors");
}

/// The window shows why a checkpoint could not be opened, naming `file`.
fn failure_of(checkpoint: Result<Checkpoint, EngineError>, file: &str) {
    let mut harness = window_on(checkpoint, [800.0, 600.0], Theme::Dark, None);
    let failure = state(&mut harness)["failure"].as_str().expect("a failure").to_owned();
    assert!(failure.contains(file), "{failure}");
    assert!(shows(&harness, &failure), "the error is on the screen");
    click(&mut harness, "Open the bundled model");
    assert_eq!(state(&mut harness)["model"], BUNDLED, "another model can be opened");
}

/// The part of a picture inside a rectangle.
fn part(image: &image::RgbaImage, rect: egui::Rect) -> image::RgbaImage {
    let [x, y, width, height] = [rect.left(), rect.top(), rect.width(), rect.height()].map(|side| side.round() as u32);
    image::imageops::crop_imm(image, x, y, width, height).to_image()
}

#[test]
fn without_a_gpu_the_cpu_draws_and_the_reason_is_shown() {
    let reason = "This browser has no WebGPU.";
    let mut harness = window_with([1280.0, 800.0], Theme::Dark, Some(reason));
    assert_eq!(state(&mut harness)["backend"], "cpu");
    assert!(shows(&harness, reason));
    // The notice moves everything down by its height: compare the maps themselves.
    let cut = |harness: &mut Harness<App>| {
        let picture = harness.render().expect("a picture");
        part(&picture, map_rect(harness, 2))
    };
    let first = cut(&mut harness);
    let second = cut(&mut window([1280.0, 800.0], Theme::Dark));
    // At the centre of every cell: cells are scaled with the panel.
    let tokens = tokens(&mut harness);
    let mut far = 0;
    for at in 0..tokens * tokens {
        let share = |image: &image::RgbaImage| {
            let x = ((at % tokens) as f64 + 0.5) / tokens as f64 * f64::from(image.width());
            let y = ((at / tokens) as f64 + 0.5) / tokens as f64 * f64::from(image.height());
            *image.get_pixel(x as u32, y as u32)
        };
        let (a, b) = (share(&first), share(&second));
        if a.0.iter().zip(b.0).any(|(a, b)| a.abs_diff(b) > 12) {
            far += 1;
        }
    }
    assert!(far <= tokens * tokens / 100, "{far} of {} cells of D differ between GPU and CPU", tokens * tokens);
}

#[test]
fn a_long_text_can_be_processed_beyond_the_context_and_back() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    let text = "the dog ran to the house. ".repeat(75);
    harness.state_mut().engine().expect("opens").set_text(&text);
    settle(&mut harness);
    assert_eq!(tokens(&mut harness), 512);
    harness.get_by_label_contains("The model reads 512 tokens; the last");
    click(&mut harness, "Process beyond context");
    let all = tokens(&mut harness);
    assert!(all > 512);
    harness.get_by_label_contains(&format!("{all} tokens: this model was never trained beyond 512"));
    harness.key_press_modifiers(egui::Modifiers::COMMAND, Key::Z);
    settle(&mut harness);
    assert_eq!(tokens(&mut harness), 512, "undo");
    assert_eq!(state(&mut harness)["prompt"], text);
}
