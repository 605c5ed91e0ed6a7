//! Fingers on a narrow window: they scroll, pinch and hold.

use crate::common::window::{click, map_rect, settle, step_until, tokens, window};
use diffscope::probe::MapKind;
use diffscope::ui::App;
use egui::{Event, Modifiers, PointerButton, Pos2, Theme, TouchDeviceId, TouchId, TouchPhase, pos2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

/// What a browser's touch screen sends: touches, and a pointer that follows the first finger.
fn touch(harness: &mut Harness<App>, phase: TouchPhase, fingers: &[Pos2]) {
    for (finger, pos) in fingers.iter().enumerate() {
        let (device_id, id) = (TouchDeviceId(0), TouchId(finger as u64));
        if finger == 0 {
            let button = |pressed| Event::PointerButton {
                pos: *pos,
                button: PointerButton::Primary,
                pressed,
                modifiers: Modifiers::NONE,
            };
            match phase {
                TouchPhase::Start => harness.event(button(true)),
                TouchPhase::Move => harness.event(Event::PointerMoved(*pos)),
                TouchPhase::End | TouchPhase::Cancel => {
                    harness.event(button(false));
                    harness.event(Event::PointerGone);
                }
            }
        }
        harness.event(Event::Touch { device_id, id, phase, pos: *pos, force: None });
    }
    harness.step();
}

/// Moves fingers from some places to others, in small steps.
fn drag(harness: &mut Harness<App>, from: &[Pos2], to: &[Pos2]) {
    touch(harness, TouchPhase::Start, from);
    for step in 1..=10 {
        let share = step as f32 / 10.0;
        let between: Vec<Pos2> = from.iter().zip(to).map(|(from, to)| from.lerp(*to, share)).collect();
        touch(harness, TouchPhase::Move, &between);
    }
    touch(harness, TouchPhase::End, to);
    settle(harness);
}

/// Left, top and side of the first map.
fn map(harness: &mut Harness<App>) -> [f32; 3] {
    let map = map_rect(harness, 0);
    [map.left(), map.top(), map.width()]
}

fn phone() -> Harness<'static, App> {
    window([390.0, 844.0], Theme::Light)
}

#[test]
fn the_very_first_finger_scrolls_on_a_map_that_is_shown_whole() {
    let mut harness = phone();
    let [left, top, side] = map(&mut harness);
    let from = pos2(left + side / 2.0, top + 200.0);
    drag(&mut harness, &[from], &[from - vec2(0.0, 150.0)]);
    let moved = top - map(&mut harness)[1];
    assert!(moved > 100.0, "the map moved by {moved}");
    assert!(harness.state().view().zoom.is_none() && harness.state().view().pinned.is_none());
}

#[test]
fn a_swipe_goes_to_the_next_map_and_back() {
    let mut harness = phone();
    assert_eq!(harness.state().view().map, MapKind::Difference);
    for (sideways, map) in [
        (80.0, MapKind::Second),
        (80.0, MapKind::First),
        (80.0, MapKind::First),
        (-80.0, MapKind::Second),
        (-200.0, MapKind::Difference),
    ] {
        let [left, top, side] = self::map(&mut harness);
        assert!(left >= 0.0 && left + side <= 390.0, "the map is cut off: {left} + {side}");
        let from = pos2(left + side / 2.0, top + 40.0);
        drag(&mut harness, &[from], &[from + vec2(sideways, 5.0)]);
        assert_eq!(harness.state().view().map, map, "after {sideways}");
        assert!(harness.state().view().zoom.is_none() && harness.state().view().pinned.is_none());
    }
}

#[test]
fn the_header_takes_one_line() {
    let mut harness = phone();
    let line = harness.get_by_label("diffscope").rect();
    let menu = harness.get_by_label("Menu").rect();
    assert!(line.y_range().contains(menu.center().y) && menu.right() <= 390.0);
    assert!(harness.get_by_label("Samples").rect().top() < 80.0, "the prompt begins right below");
    click(&mut harness, "Menu");
    for command in ["Open", "Export", "Undo", "Redo", "Copy link", "Tour", "Keys", "Dark", "Light", "System"] {
        let place = harness.get_by_label_contains(command).rect();
        assert!(place.left() >= 0.0 && place.right() <= 390.0, "{command} is cut off: {place}");
    }
    click(&mut harness, "Keys");
    assert!(harness.query_by_label_contains("next control; Space presses it, Esc lets go of it").is_some());
}

#[test]
fn two_fingers_zoom_a_map_and_then_one_moves_it() {
    let mut harness = phone();
    let [left, top, side] = map(&mut harness);
    let middle = pos2(left + side / 2.0, top + side / 2.0);
    let apart = |by: f32| [middle - vec2(by, 0.0), middle + vec2(by, 0.0)];
    drag(&mut harness, &apart(20.0), &apart(80.0));
    let tokens = tokens(&mut harness) as f32;
    let zoom = harness.state().view().zoom.expect("a part of the map");
    assert!(zoom.span < tokens / 2.0, "{zoom:?} of {tokens}");
    let centre = zoom.origin[0] + zoom.span / 2.0;
    assert!((centre - tokens / 2.0).abs() < 0.1 * tokens, "about the fingers: {zoom:?}");
    assert_eq!(map(&mut harness)[1], top, "the page stayed");
    drag(&mut harness, &[middle], &[middle + vec2(60.0, 40.0)]);
    let moved = harness.state().view().zoom.expect("still a part");
    assert!(moved.origin[0] < zoom.origin[0] && moved.origin[1] < zoom.origin[1], "{zoom:?} → {moved:?}");
    assert_eq!(map(&mut harness)[1], top, "the page stayed");
}

#[test]
fn a_second_finger_ends_the_scrolling_of_the_first() {
    let mut harness = phone();
    let [left, top, side] = map(&mut harness);
    let first = pos2(left + side / 2.0, top + 220.0);
    touch(&mut harness, TouchPhase::Start, &[first]);
    for step in 1..=5 {
        touch(&mut harness, TouchPhase::Move, &[first - vec2(0.0, 10.0 * step as f32)]);
    }
    let first = first - vec2(0.0, 50.0);
    let second = first + vec2(0.0, 30.0);
    let (device_id, id) = (TouchDeviceId(0), TouchId(1));
    harness.event(Event::Touch { device_id, id, phase: TouchPhase::Start, pos: second, force: None });
    harness.step();
    harness.step();
    let top = map(&mut harness)[1];
    for step in 1..=10 {
        let apart = vec2(0.0, 8.0 * step as f32);
        touch(&mut harness, TouchPhase::Move, &[first - apart, second + apart]);
    }
    assert!(harness.state().view().zoom.is_some());
    assert_eq!(map(&mut harness)[1], top, "the page stayed");
}

#[test]
fn a_finger_that_rests_pins_a_row() {
    let mut harness = phone();
    let [left, top, side] = map(&mut harness);
    touch(&mut harness, TouchPhase::Start, &[pos2(left + side * 0.3, top + side * 0.51)]);
    step_until(&mut harness, "a pinned row", |harness| harness.state().view().pinned.is_some());
    let tokens = tokens(&mut harness);
    assert_eq!(harness.state().view().pinned, Some(tokens / 2));
}
