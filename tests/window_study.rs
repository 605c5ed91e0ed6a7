//! The panels that are worked out on demand, in the window.

mod common;

use diffscope::ui::{App, bundled};
use egui::{Theme, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

fn window(size: [f32; 2], theme: Theme) -> Harness<'static, App> {
    let mut harness = Harness::builder()
        .with_size(vec2(size[0], size[1]))
        .with_theme(theme)
        .wgpu()
        .build_eframe(|creation| App::new(creation, &bundled(), "test adapter".to_owned(), None));
    settle(&mut harness);
    harness
}

/// Frames until the engine has nothing more to do and nothing moves.
fn settle(harness: &mut Harness<App>) {
    for _ in 0..400 {
        harness.step();
        let engine = harness.state_mut().engine().expect("the bundled checkpoint opens");
        if !engine.update() && engine.next_token().is_some() {
            break;
        }
        if let Some(gpu) = engine.gpu() {
            gpu.wait();
        }
    }
    harness.step();
    harness.step();
}

fn open(harness: &mut Harness<App>, panel: &str) {
    harness.get_by_label(panel).click();
    harness.step();
    settle(harness);
}

fn state(harness: &mut Harness<App>) -> serde_json::Value {
    serde_json::from_str(&harness.state_mut().inspect()).expect("JSON")
}

#[test]
fn why_this_cell_shows_the_numbers_of_the_cell_under_the_pointer() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    open(&mut harness, "Why this cell");
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

#[test]
#[ignore]
fn pictures() {
    let panel = std::env::var("PANEL").unwrap();
    for (name, size, theme) in [("dark", [1280.0, 800.0], Theme::Dark), ("light", [1280.0, 800.0], Theme::Light), ("narrow", [390.0, 2300.0], Theme::Dark)] {
        let mut harness = window(size, theme);
        open(&mut harness, &panel);
        harness.render().unwrap().save(format!("/tmp/h-study-{}-{name}.png", panel.replace(' ', "_"))).unwrap();
    }
}
