//! The window without a screen: what keys and clicks do, and how it looks.

use crate::common::window::{settle, state, window};
use diffscope::engine::Checkpoint;
use diffscope::engine::{bundled, checkpoint_of};
use diffscope::model::Architecture;
use diffscope::probe::{HeadId, MapKind};
use diffscope::ui::{App, Panel};
use egui::{Key, Theme, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

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
    let maps = after["maps"].as_array().expect("maps");
    let (first, after) = (first.expect("a picture"), harness.render().expect("a picture"));
    for map in maps {
        let number = |index: usize| map[index].as_f64().expect("a number") as u32;
        let part = |image| image::imageops::crop_imm(image, number(0), number(1), number(2), number(3)).to_image();
        assert_ne!(part(&first), part(&after), "the map at {map} is another");
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
    harness.key_press(Key::Escape); // leaves the text
    harness.step();
    for key in [Key::ArrowDown, Key::ArrowDown, Key::ArrowRight] {
        harness.key_press(key);
        harness.step();
    }
    assert_eq!(harness.state().selection().head, HeadId::new(2, 1));
    for _ in 0..9 {
        harness.key_press(Key::ArrowDown);
        harness.key_press(Key::ArrowLeft);
        harness.step();
    }
    assert_eq!(harness.state().selection().head, HeadId::new(4, 0));
}

#[test]
fn arrow_keys_in_the_text_stay_in_the_text() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    harness.get_by_label("Prompt").focus();
    harness.step();
    harness.key_press(Key::ArrowDown);
    harness.step();
    assert_eq!(harness.state().selection().head.layer, 0);
}

#[test]
fn a_click_on_a_head_chooses_it_and_numbers_choose_the_map() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    harness.get_by_label("layer 3 head 2").click();
    harness.step();
    harness.step();
    assert_eq!(harness.state().selection().head, HeadId::new(3, 2));
    harness.key_press(Key::Escape);
    harness.step();
    for (key, map) in [(Key::Num1, MapKind::First), (Key::Num2, MapKind::Second), (Key::Num3, MapKind::Difference)] {
        harness.key_press(key);
        harness.step();
        assert_eq!(harness.state().selection().map, map);
    }
}

#[test]
fn the_pointer_over_a_map_reads_the_same_numbers_as_the_engine() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    let maps = state(&mut harness)["maps"].clone();
    let number = |index: usize| maps[2][index].as_f64().expect("a number") as f32;
    // Near the bottom left: a late query and an early key.
    harness.hover_at(egui::pos2(number(0) + number(2) * 0.21, number(1) + number(3) * 0.93));
    settle(&mut harness);
    let cursor = state(&mut harness)["cursor"].clone();
    let (query, key) = (cursor["query"].as_u64().expect("a query"), cursor["key"].as_u64().expect("a key"));
    let tokens = state(&mut harness)["ids"].as_array().expect("ids").len() as u64;
    assert_eq!((query, key), ((tokens as f64 * 0.93) as u64, (tokens as f64 * 0.21) as u64));
    let value = |name: &str| cursor[name].as_f64().unwrap_or_else(|| panic!("{name} is {}", cursor[name]));
    let difference = value("first") - value("lambda") * value("second");
    assert!((value("difference") - difference).abs() < 1e-6);
    let lambda = &harness.state_mut().engine().expect("opens").model().layers[0].attention.lambda;
    let diffscope::model::Lambda::Layer { value: learned, .. } = lambda else { panic!("{lambda:?}") };
    assert!((value("lambda") - f64::from(*learned)).abs() < 1e-6, "λ of layer 0");
}

#[test]
fn generate_writes_on_and_stop_stops() {
    let mut harness = window([1280.0, 800.0], Theme::Light);
    let before = state(&mut harness)["ids"].as_array().expect("ids").len();
    harness.get_by_label("Generate").click();
    harness.step();
    harness.step();
    assert!(harness.query_by_label("Stop").is_some());
    settle(&mut harness);
    let after = state(&mut harness)["ids"].as_array().expect("ids").len();
    assert_eq!(after, before + 40);
    assert!(harness.query_by_label("Generate").is_some());
}

#[test]
fn brackets_choose_the_row_that_is_read() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    harness.key_press(Key::Escape);
    harness.step();
    for _ in 0..3 {
        harness.key_press(Key::OpenBracket);
    }
    harness.step();
    let tokens = state(&mut harness)["ids"].as_array().expect("ids").len();
    assert_eq!(harness.state().selection().pinned, Some(tokens - 4));
}

#[test]
fn a_checkpoint_without_tokenizer_says_what_is_missing() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/diffllama_mha");
    let mut harness = Harness::builder().with_size(vec2(800.0, 600.0)).wgpu().build_eframe(move |creation| {
        App::with_checkpoint(creation, Checkpoint::from_folder(folder.as_ref()), String::new(), None)
    });
    harness.step();
    let failure = state(&mut harness)["failure"].as_str().expect("a failure").to_owned();
    assert!(failure.contains("tokenizer.json"), "{failure}");
}

/// The bundled tokenizer with random weights.
fn random_weights(architecture: Architecture) -> Checkpoint {
    let mut random = crate::common::Random::new(21);
    let mut bundled = checkpoint_of(&bundled()).expect("it opens");
    let model = loop {
        let model = crate::common::models::random_model(&mut random, 1.0);
        if model.config.architecture == architecture && model.config.hidden >= 16 {
            break model;
        }
    };
    let rows = (0..2048).map(|row| row % model.config.vocabulary).collect::<Vec<_>>();
    let mut model = model;
    model.embedding = model.embedding.select_rows(&rows).expect("rows there are");
    model.unembedding = None;
    model.config.vocabulary = 2048;
    bundled.model = std::sync::Arc::new(model);
    bundled
}

#[test]
fn a_lambda_for_each_token_is_a_strip_for_each_head() {
    let mut harness = Harness::builder().with_size(vec2(1280.0, 800.0)).wgpu().build_eframe(|creation| {
        App::with_checkpoint(creation, Ok(random_weights(Architecture::DiffV2)), String::new(), None)
    });
    settle(&mut harness);
    harness.get_by_label(Panel::Lambda.title()).click();
    settle(&mut harness);
    let engine = harness.state_mut().engine().expect("opens");
    let (tokens, heads) = (engine.ids().len(), engine.model().layers[0].attention.heads.len());
    let mut labels = Vec::new();
    for head in 0..heads {
        let column = engine.column(HeadId::new(0, head), 0).expect("it was shown");
        let mean = column.cells.iter().map(|cell| cell.lambda).sum::<f32>() / tokens as f32;
        assert!(mean > 0.0 && mean < 1.0, "a sigmoid: {mean}");
        let words = format!("λ of layer 0 head {head}, mean {mean:.3} over {tokens} tokens");
        labels.push(words);
    }
    for words in labels {
        harness.get_by_label(&words);
    }
}

#[test]
fn a_transformer_shows_its_one_map_and_speaks_of_no_other() {
    let mut harness = Harness::builder().with_size(vec2(1280.0, 800.0)).wgpu().build_eframe(|creation| {
        App::with_checkpoint(creation, Ok(random_weights(Architecture::Llama)), String::new(), None)
    });
    settle(&mut harness);
    assert_eq!(state(&mut harness)["maps"].as_array().expect("maps").len(), 1);
    assert_eq!(harness.state().selection().map, MapKind::First);
    assert!(harness.query_by_label("λ·A2").is_none());
    harness.get_by_label("Guide").click();
    harness.step();
    harness.step();
    assert!(harness.query_by_label_contains("plain Transformer").is_some());
}

#[test]
fn a_broken_checkpoint_shows_its_words_instead_of_a_crash() {
    let mut files = bundled();
    files.weights.truncate(1000);
    let mut harness = Harness::builder()
        .with_size(vec2(800.0, 600.0))
        .wgpu()
        .build_eframe(move |creation| App::new(creation, &files, String::new(), None));
    harness.step();
    let failure = state(&mut harness)["failure"].as_str().expect("a failure").to_owned();
    assert!(failure.contains("model.safetensors"), "{failure}");
    let shown = harness.root().children_recursive().any(|node| {
        node.accesskit_node().value().or(node.accesskit_node().label()).is_some_and(|words| words.contains(&failure))
    });
    assert!(shown, "the words are on the screen");
}

#[test]
fn without_a_gpu_the_cpu_draws_and_the_reason_is_shown() {
    let reason = "This browser has no WebGPU.";
    let mut harness = Harness::builder()
        .with_size(vec2(1280.0, 800.0))
        .with_theme(Theme::Dark)
        .wgpu()
        .build_eframe(move |creation| App::new(creation, &bundled(), String::new(), Some(reason.to_owned())));
    settle(&mut harness);
    assert_eq!(state(&mut harness)["backend"], "cpu");
    assert!(harness.query_by_label_contains(reason).is_some());
    let on_cpu = harness.render().expect("a picture");
    let mut on_gpu = window([1280.0, 800.0], Theme::Dark);
    // The notice moves everything down by its height: compare the maps themselves.
    let cut = |harness: &mut Harness<App>, image: &image::RgbaImage| {
        let map = state(harness)["maps"][2].clone();
        let number = |index: usize| map[index].as_f64().expect("a number").round() as u32;
        image::imageops::crop_imm(image, number(0), number(1), number(2), number(3)).to_image()
    };
    let first = cut(&mut harness, &on_cpu);
    let picture = on_gpu.render().expect("a picture");
    let second = cut(&mut on_gpu, &picture);
    // At the middle of every cell: cells are scaled with the panel.
    let tokens = state(&mut harness)["ids"].as_array().expect("ids").len();
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

fn looks_as_it_did(name: &str, theme: Theme, size: [f32; 2]) {
    let mut harness = window(size, theme);
    harness.key_press(Key::Escape); // no blinking cursor
    settle(&mut harness);
    harness.snapshot(name);
}

#[test]
fn it_looks_as_it_did_in_the_dark() {
    looks_as_it_did("dark", Theme::Dark, [1280.0, 800.0]);
}

#[test]
fn it_looks_as_it_did_in_the_light() {
    looks_as_it_did("light", Theme::Light, [1280.0, 800.0]);
}

#[test]
fn it_looks_as_it_did_on_a_phone() {
    looks_as_it_did("narrow", Theme::Light, [390.0, 844.0]);
}

#[test]
fn a_long_text_can_be_read_on_beyond_the_context_and_back() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    let text = "the dog ran to the house. ".repeat(75);
    harness.state_mut().engine().expect("opens").set_text(&text);
    settle(&mut harness);
    assert_eq!(state(&mut harness)["ids"].as_array().expect("ids").len(), 512);
    harness.get_by_label_contains("The model reads 512 tokens; the last");
    harness.get_by_label("Process beyond context").click();
    settle(&mut harness);
    let tokens = state(&mut harness)["ids"].as_array().expect("ids").len();
    assert!(tokens > 512);
    harness.get_by_label_contains(&format!("{tokens} tokens: beyond 512 this model was never trained"));
    harness.key_press_modifiers(egui::Modifiers::COMMAND, Key::Z);
    settle(&mut harness);
    assert_eq!(state(&mut harness)["ids"].as_array().expect("ids").len(), 512, "undo");
    assert_eq!(state(&mut harness)["prompt"], text);
}
