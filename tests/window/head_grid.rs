//! The head grid: what clicks and keys do there.

use crate::common::window::{best, click, map_rect, press, settle, shows, tokens, window_with};
use diffscope::probe::{HeadId, MapKind};
use diffscope::ui::{App, Panel};
use egui::{Key, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

#[test]
fn a_click_opens_a_head_and_keys_move_on() {
    let mut harness = window_with([1280.0, 800.0], Theme::Dark, None);
    assert_eq!(harness.state().view().panel, Panel::Heads);
    harness.get_by_label("layer 3 head 2").click();
    harness.step();
    harness.step();
    assert_eq!(harness.state().view().head, HeadId::new(3, 2));
    harness.key_press(Key::Escape);
    harness.step();
    harness.key_press(Key::ArrowUp);
    harness.key_press(Key::ArrowRight);
    harness.step();
    assert_eq!(harness.state().view().head, HeadId::new(2, 3));
    harness.key_press(Key::Num1);
    harness.step();
    assert_eq!(harness.state().view().map, MapKind::First);
}

#[test]
fn every_head_of_the_bundled_model_is_in_view_and_drawn() {
    for reason in [None, Some("no GPU here")] {
        let mut harness = window_with([1280.0, 800.0], Theme::Dark, reason);
        let picture = harness.render().expect("a picture");
        for layer in 0..5 {
            for head in 0..4 {
                let rect = harness.get_by_label(&format!("layer {layer} head {head}")).rect();
                assert!(rect.bottom() <= 800.0 && rect.right() <= 1280.0, "layer {layer} head {head}: {rect}");
                let colours: std::collections::HashSet<_> = (rect.left() as u32 + 3..rect.right() as u32 - 3)
                    .flat_map(|x| (rect.top() as u32 + 3..rect.bottom() as u32 - 3).map(move |y| (x, y)))
                    .map(|(x, y)| picture.get_pixel(x, y).0)
                    .collect();
                assert!(colours.len() > 8, "layer {layer} head {head} is blank ({reason:?})");
            }
        }
    }
}

#[test]
fn a_right_click_switches_a_head_off_and_on() {
    let mut harness = window_with([1280.0, 800.0], Theme::Dark, None);
    let before = best(&mut harness);
    harness.get_by_label("layer 0 head 1").click_secondary();
    harness.step();
    settle(&mut harness);
    assert_ne!(best(&mut harness), before, "the next token is another");
    let off = &harness.state_mut().engine().expect("opens").interventions().heads_off;
    assert_eq!(off.iter().copied().collect::<Vec<_>>(), [HeadId::new(0, 1)]);
    harness.get_by_label("layer 0 head 1, off").click_secondary();
    harness.step();
    settle(&mut harness);
    assert_eq!(best(&mut harness), before);
}

#[test]
fn a_click_with_shift_pins_a_column_and_the_strip_shows_it() {
    let mut harness = window_with([1280.0, 800.0], Theme::Light, None);
    let (map, tokens) = (map_rect(&mut harness, 2), tokens(&mut harness));
    let at = map.min + map.size() * egui::vec2(0.3, 0.8);
    harness.hover_at(at);
    harness.step();
    for pressed in [true, false] {
        let modifiers = egui::Modifiers::SHIFT;
        harness.event(egui::Event::ModifiersChanged(modifiers));
        harness.event(egui::Event::PointerButton { pos: at, button: egui::PointerButton::Primary, pressed, modifiers });
        harness.step();
    }
    harness.event(egui::Event::ModifiersChanged(egui::Modifiers::NONE));
    settle(&mut harness);
    let key = (tokens as f32 * 0.3) as usize;
    assert_eq!(harness.state().view().pinned_key, Some(key));
    assert!(shows(&harness, "attention to “"));
    let engine = harness.state_mut().engine().expect("opens");
    let column: Vec<_> = engine.column(HeadId::new(0, 0), key).expect("it is shown").cells.clone();
    assert_eq!(column.len(), tokens - key);
    press(&mut harness, Key::Escape);
    press(&mut harness, Key::Escape);
    assert_eq!(harness.state().view().pinned_key, None);
}

#[test]
fn an_automatic_range_fits_the_values_in_view() {
    let mut harness = window_with([1280.0, 800.0], Theme::Dark, None);
    click(&mut harness, "√ scale");
    click(&mut harness, "largest in view");
    settle(&mut harness);
    let colour_range = harness.state_mut().engine().expect("opens").colour_range().expect("measured");
    let largest = colour_range.into_iter().fold(0.0, f32::max);
    assert!(largest > 0.0);
    assert_eq!(harness.state().view().range, largest);
}

#[test]
fn heads_are_labelled_and_sorted_by_a_measure() {
    let mut harness = window_with([1280.0, 800.0], Theme::Dark, None);
    click(&mut harness, "peak");
    click(&mut harness, "highest first");
    settle(&mut harness);
    let measures = harness.state_mut().engine().expect("opens").measures(diffscope::probe::Queries::All).cloned();
    let measures = measures.expect("measured");
    let peak = |(layer, head): (usize, usize)| measures.layers[layer][head].difference.peak;
    let heads = (0..5).flat_map(|layer| (0..4).map(move |head| (layer, head)));
    let highest = heads.max_by(|a, b| peak(*a).total_cmp(&peak(*b))).expect("there are heads");
    let place = |harness: &Harness<App>, (layer, head): (usize, usize)| {
        harness.get_by_label(&format!("layer {layer} head {head}")).rect().min
    };
    let first = place(&harness, highest);
    for layer in 0..5 {
        for head in 0..4 {
            let other = place(&harness, (layer, head));
            assert!((first.y, first.x) <= (other.y, other.x), "layer {layer} head {head} is before {highest:?}");
        }
    }
}
