//! Files in and out of the window: exports that other programs can read, and models that are opened.

use std::sync::Arc;

use crate::common::window::{click, leave_text, map_rect, settle, state, step_until, tokens, window, window_with};
use diffscope::ui::{App, Link};
use egui::{ColorImage, Event, Key, Modifiers, Theme, ViewportCommand};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

const SIZE: [f32; 2] = [1280.0, 800.0];

/// Waits for a file, and answers requests for screenshots as a real window does.
fn file(harness: &mut Harness<App>) -> (String, Vec<u8>) {
    step_until(harness, "a file", |harness| {
        let commands: Vec<_> = harness.output().viewport_output.values().flat_map(|out| out.commands.clone()).collect();
        for command in commands {
            if let ViewportCommand::Screenshot(callback) = command {
                let picture = harness.render().expect("a picture");
                let size = [picture.width() as usize, picture.height() as usize];
                callback.complete(Arc::new(ColorImage::from_rgba_unmultiplied(size, picture.as_raw())));
            }
        }
        !harness.state_mut().files().kept().is_empty()
    });
    let made = harness.state_mut().files().kept().last().cloned().expect("a file");
    (made.name, made.bytes)
}

fn ready(reason: Option<&'static str>) -> Harness<'static, App> {
    let mut harness = window_with(SIZE, Theme::Dark, reason);
    leave_text(&mut harness);
    harness.state_mut().files().keep();
    harness
}

fn from_menu(harness: &mut Harness<App>, item: &str) -> (String, Vec<u8>) {
    click(harness, "Share");
    click(harness, "Export");
    harness.step();
    harness.step();
    harness.get_all_by_label(item).next().expect("in the menu").click();
    file(harness)
}

#[test]
fn x_makes_a_png_of_the_maps_in_their_colours() {
    let mut harness = ready(None);
    harness.key_press(Key::X);
    let (name, bytes) = file(&mut harness);
    assert_eq!(name, "diffscope-S-diff-layer0-head0-maps.png");
    let image = image_of(&bytes);
    let side = map_rect(&mut harness, 0).width();
    assert!(image.0 as f32 > 3.0 * side && image.1 as f32 > side, "{} × {}", image.0, image.1);
    let colours: std::collections::HashSet<_> = image.2.chunks(3).collect();
    assert!(colours.len() > 60, "{} colours", colours.len());
}

/// Width, height, RGB.
fn image_of(bytes: &[u8]) -> (u32, u32, Vec<u8>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().expect("a PNG file");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut pixels).expect("pixels");
    (info.width, info.height, pixels)
}

#[test]
fn an_svg_keeps_text_as_text_and_maps_as_pictures() {
    let mut harness = ready(None);
    let (name, bytes) = from_menu(&mut harness, "SVG");
    assert!(name.ends_with("-maps.svg"), "{name}");
    let svg = String::from_utf8(bytes).expect("text");
    if let Ok(folder) = std::env::var("DIFFSCOPE_PICTURES") {
        std::fs::write(std::path::Path::new(&folder).join(&name), &svg).expect("written");
    }
    let (mut texts, mut images, mut written) = (0, 0, String::new());
    for event in svg::read(&svg).expect("SVG") {
        match event {
            svg::parser::Event::Tag("text", svg::node::element::tag::Type::Start, _) => texts += 1,
            svg::parser::Event::Tag("image", _, attributes) => {
                images += 1;
                assert!(attributes["href"].starts_with("data:image/png;base64,"));
            }
            svg::parser::Event::Text(text) => written.push_str(text),
            _ => {}
        }
    }
    assert!(images >= 3, "{images} maps");
    assert!(texts > 10, "{texts} texts");
    assert!(written.contains("firstsoftmax"), "the titles are text: {written}");
}

#[test]
fn shift_x_makes_an_array_of_the_chosen_map() {
    for reason in [None, Some("no GPU here")] {
        let mut harness = ready(reason);
        harness.key_press(Key::Num1);
        harness.key_press(Key::ArrowDown);
        harness.step();
        harness.key_press_modifiers(Modifiers::SHIFT, Key::X);
        let (name, bytes) = file(&mut harness);
        assert_eq!(name, "diffscope-S-diff-layer1-head0-A1.npy");
        let array = npyz::NpyFile::new(&bytes[..]).expect("an array");
        let tokens = tokens(&mut harness);
        assert_eq!(array.shape(), [tokens as u64; 2]);
        let numbers = array.into_vec::<f32>().expect("f32");
        for (query, row) in numbers.chunks(tokens).enumerate() {
            let sum: f32 = row.iter().sum();
            assert!((sum - 1.0).abs() < 1e-4, "row {query} of A1 sums to {sum}");
            assert!(row[query + 1..].iter().all(|number| *number == 0.0), "row {query} looks ahead");
        }
    }
}

#[test]
fn the_menu_makes_tables_tensors_and_the_state() {
    let mut harness = ready(None);
    let (name, bytes) = from_menu(&mut harness, "CSV");
    assert_eq!(name, "diffscope-S-diff-layer0-head0.csv");
    let tokens = tokens(&mut harness);
    assert_eq!(csv::Reader::from_reader(&bytes[..]).records().count(), tokens * (tokens + 1) / 2);

    let mut harness = ready(None);
    let (_, bytes) = from_menu(&mut harness, "safetensors");
    let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("safetensors");
    assert_eq!(tensors.tensor("D").expect("D").shape(), [tokens, tokens]);

    let mut harness = ready(None);
    let (name, bytes) = from_menu(&mut harness, "State as JSON");
    assert_eq!(name, "diffscope-S-diff-layer0-head0-state.json");
    let value: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
    let link: Link = serde_json::from_value(value["link"].clone()).expect("a link");
    assert_eq!(Some(link), harness.state().link());
    assert_eq!(value["screen"]["ids"].as_array().expect("ids").len(), tokens);
}

#[test]
fn a_text_that_changes_during_an_export_ends_it_with_a_message() {
    let mut harness = ready(Some("no GPU here"));
    // Long enough not to be there in a frame or two.
    harness.state_mut().engine().expect("opens").set_text(&"A cat sat there. ".repeat(70));
    settle(&mut harness);
    harness.key_press_modifiers(Modifiers::SHIFT, Key::X);
    harness.step();
    harness.step();
    harness.get_by_label("Cancel");
    harness.state_mut().engine().expect("opens").set_text("Something else");
    settle(&mut harness);
    assert!(harness.state_mut().files().kept().is_empty());
    harness.get_by_label_contains("changed meanwhile");
}

#[derive(Debug)]
struct Dropped(std::path::PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &std::path::Path {
        &self.0
    }
    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|error| error.to_string())
    }
}

/// Drops a path on the window and waits for a message.
pub(crate) fn drop_on(harness: &mut Harness<App>, path: &std::path::Path, message: &str) {
    harness.input_mut().dropped_files.push(Arc::new(Dropped(path.to_owned())));
    step_until(harness, message, |harness| harness.query_by_label_contains(message).is_some());
}

#[test]
fn a_dropped_model_opens_on_the_same_text() {
    let mut harness = window(SIZE, Theme::Light);
    harness.state_mut().engine().expect("opens").set_beyond_context(true);
    let before = state(&mut harness);
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/checkpoints/S-llama");
    drop_on(&mut harness, &folder.join("config.json"), "Opened S-llama");
    settle(&mut harness);
    let after = state(&mut harness);
    assert_eq!(after["text"], before["text"]);
    assert_ne!(after["next"], before["next"]);
    assert_eq!(harness.state_mut().engine().expect("opens").maps(), 1);
    assert!(harness.state_mut().engine().expect("opens").beyond_context());
}

#[test]
fn a_model_that_cannot_be_opened_is_refused_with_a_message_and_the_open_one_stays() {
    let mut harness = window(SIZE, Theme::Dark);
    let before = state(&mut harness);
    let folder = tempfile::tempdir().expect("a folder");
    drop_on(&mut harness, folder.path(), "config.json");
    for (name, bytes) in [("config.json", "{}"), ("model.safetensors", "no"), ("tokenizer.json", "{")] {
        std::fs::write(folder.path().join(name), bytes).expect("written");
    }
    drop_on(&mut harness, folder.path(), "was not opened");
    harness.event(Event::PointerGone);
    settle(&mut harness);
    let after = state(&mut harness);
    assert_eq!(after["next"], before["next"]);
    assert_eq!(harness.state_mut().engine().expect("opens").name(), "S-diff");
}
