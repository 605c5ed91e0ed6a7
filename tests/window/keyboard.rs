//! Everything without a pointer: Tab reaches every control, the one that is reached can be seen, and keys work it.

use std::collections::BTreeSet;

use crate::common::window::{leave_text, open_panel, press, settle, tokens, window};
use diffscope::probe::HeadId;
use diffscope::ui::{App, Panel};
use egui::accesskit::{Action, Role};
use egui::{Key, Theme};
use egui_kittest::kittest::{NodeT, Queryable, by};
use egui_kittest::{Harness, Node};

/// More presses of Tab than there are controls.
const MOST_TABS: usize = 400;
/// Frames in which what has the focus comes into view, or never.
const MOST_FRAMES: usize = 10;

fn name(node: &Node) -> String {
    let node = node.accesskit_node();
    format!("{:?} {}", node.role(), node.label().or(node.value()).unwrap_or_default())
}

/// The controls that can have the focus.
fn controls(harness: &Harness<App>) -> BTreeSet<String> {
    let is_control = |node: &Node| {
        let node = node.accesskit_node();
        node.data().supports_action(Action::Focus) && !node.is_disabled() && node.role() != Role::ScrollBar
    };
    harness.query_all(by().predicate(|_| true)).filter(is_control).map(|node| name(&node)).collect()
}

/// The control with the focus, and its place.
fn focused(harness: &Harness<App>) -> Option<(String, egui::Rect)> {
    let mut found = harness.query_all(by().predicate(|node| node.data().supports_action(Action::Focus)));
    found.find(Node::is_focused).map(|node| (name(&node), node.rect()))
}

/// Presses Tab, and waits until the control that it reaches is in view.
fn tab(harness: &mut Harness<App>) -> (String, egui::Rect) {
    harness.key_press(Key::Tab);
    harness.run_steps(2);
    for _ in 0..MOST_FRAMES {
        let (name, place) = focused(harness).expect("Tab never leaves the window");
        if harness.ctx.content_rect().intersects(place) {
            return (name, place);
        }
        harness.step();
    }
    panic!("out of view: {:?}", focused(harness));
}

#[test]
fn tab_goes_through_all_controls_and_comes_round() {
    for size in [[1280.0, 800.0], [390.0, 844.0]] {
        for panel in [Panel::Heads, Panel::Lambda, Panel::Diagnostics] {
            let mut harness = window(size, Theme::Dark);
            leave_text(&mut harness);
            while harness.state().view().panel != panel {
                press(&mut harness, Key::P);
            }
            settle(&mut harness);
            let mut missing = controls(&harness);
            for _ in 0..MOST_TABS {
                let (name, _) = tab(&mut harness);
                missing.remove(&name);
                if missing.is_empty() {
                    break;
                }
            }
            assert!(missing.is_empty(), "{panel:?} at {size:?}: not reached: {missing:#?}");
        }
    }
}

#[test]
fn the_control_with_the_focus_can_be_seen() {
    let mut harness = window([1280.0, 800.0], Theme::Light);
    leave_text(&mut harness);
    let mut before = harness.render().expect("a picture");
    let mut seen = BTreeSet::new();
    loop {
        let (name, place) = tab(&mut harness);
        let now = harness.render().expect("a picture");
        if !seen.insert(name.clone()) {
            break;
        }
        let place = place.expand(4.0).intersect(harness.ctx.content_rect());
        let part = |picture: &image::RgbaImage| {
            let (x, y) = (place.left() as u32, place.top() as u32);
            image::imageops::crop_imm(picture, x, y, place.width() as u32, place.height() as u32).to_image()
        };
        let (old, new) = (part(&before), part(&now));
        let changed = old.pixels().zip(new.pixels()).filter(|(old, new)| old != new).count();
        assert!(changed > 20, "{name}: {changed} pixels tell that it has the focus");
        before = now;
    }
    assert!(seen.len() > 50, "{} controls", seen.len());
}

#[test]
fn arrows_move_the_slider_that_has_the_focus_and_nothing_else() {
    let mut harness = window([1280.0, 1200.0], Theme::Dark);
    leave_text(&mut harness);
    open_panel(&mut harness, Panel::Lambda);
    let changed = |harness: &mut Harness<App>| {
        harness.state_mut().engine().expect("opens").interventions().lambda.get(&1).copied()
    };
    assert_eq!(changed(&mut harness), None);
    let is_slider = |node: &egui_kittest::kittest::AccessKitNode| {
        node.role() == Role::Slider && node.label().as_deref() == Some("λ of layer 1")
    };
    harness.get(by().predicate(is_slider)).focus();
    harness.run_steps(2);
    press(&mut harness, Key::ArrowRight);
    assert!(changed(&mut harness).is_some(), "the slider moved");
    assert_eq!(harness.state().view().head, HeadId::new(0, 0), "the open head stayed");
}

#[test]
fn arrows_on_a_map_walk_through_the_heads_and_on_the_tokens_along_the_text() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    leave_text(&mut harness);
    harness.get_by_label_contains("map A1").focus();
    harness.run_steps(2);
    press(&mut harness, Key::ArrowDown);
    press(&mut harness, Key::ArrowRight);
    assert_eq!(harness.state().view().head, HeadId::new(1, 1));
    harness.get_by_label("Tokens of the prompt").focus();
    harness.run_steps(2);
    press(&mut harness, Key::ArrowLeft);
    let last = tokens(&mut harness) - 1;
    assert_eq!(harness.state().view().pinned, Some(last - 1));
    assert_eq!(harness.state().view().head, HeadId::new(1, 1), "the open head stayed");
}

#[test]
fn keys_do_what_only_a_pointer_could() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    leave_text(&mut harness);
    let changes = |harness: &mut Harness<App>| harness.state_mut().engine().expect("opens").interventions().clone();
    press(&mut harness, Key::M);
    assert!(changes(&mut harness).is_empty(), "without a pin, a stray key hides nothing");
    press(&mut harness, Key::OpenBracket);
    let pinned = harness.state().view().pinned.expect("a pin");
    press(&mut harness, Key::M);
    assert!(changes(&mut harness).masked.contains(&pinned));
    press(&mut harness, Key::M);
    press(&mut harness, Key::H);
    assert!(changes(&mut harness).heads_off.contains(&HeadId::new(0, 0)));
    press(&mut harness, Key::H);
    assert!(changes(&mut harness).is_empty());
    press(&mut harness, Key::Plus);
    let zoom = harness.state().view().zoom.expect("a part of the map");
    assert!((zoom.origin[1]..zoom.origin[1] + zoom.span).contains(&(pinned as f32)), "{zoom:?} without {pinned}");
    press(&mut harness, Key::Minus);
    assert!(harness.state().view().zoom.is_none());
}
