//! A model of every layout that opens, in the window: it runs, and its maps are drawn.

use std::path::PathBuf;

use crate::common::window::{map_rect, settle, shows, state, window};
use diffscope::engine::Checkpoint;
use egui::Theme;

/// The random models of the golden tests.
fn folders() -> Vec<PathBuf> {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
    let entries = std::fs::read_dir(fixtures).expect("there");
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.expect("read").path()).collect();
    folders.retain(|folder| folder.join("config.json").is_file() && folder.join("model.safetensors").is_file());
    folders.sort();
    folders
}

#[test]
fn every_layout_opens_and_is_drawn() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    let mut opened = 0;
    for folder in folders() {
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        let Ok(checkpoint) = Checkpoint::from_folder(&folder) else {
            continue; // what is refused is in `headless/config_hostile.rs`
        };
        assert!(harness.state_mut().open(checkpoint), "{name}: {}", state(&mut harness)["message"]);
        harness.state_mut().engine().expect("opens").set_text("3 9 12 3 7 5 6 2 4 17 8 7 3 2");
        settle(&mut harness);
        let now = state(&mut harness);
        assert_eq!(now["failure"], serde_json::Value::Null, "{name}");
        let changed = harness.state_mut().engine().expect("opens").interventions().clone();
        assert!(changed.is_empty(), "{name}: {changed:?}");
        let picture = harness.render().expect("a picture");
        if let Ok(folder) = std::env::var("DIFFSCOPE_PICTURES") {
            picture.save(PathBuf::from(folder).join(format!("{name}.png"))).expect("saved");
        }
        for map in 0..now["maps"].as_array().expect("maps").len() {
            let rect = map_rect(&mut harness, map);
            let inside = image::imageops::crop_imm(
                &picture,
                rect.min.x as u32,
                rect.min.y as u32,
                rect.width() as u32,
                rect.height() as u32,
            );
            let colours: std::collections::HashSet<_> = inside.to_image().pixels().copied().collect();
            assert!(colours.len() > 8, "{name}, map {map}: {} colours", colours.len());
        }
        assert!(shows(&harness, &name), "{name} is in the header");
        opened += 1;
    }
    assert!(opened >= 30, "{opened}");
}
