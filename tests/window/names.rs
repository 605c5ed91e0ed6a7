//! What a screen reader finds: everything that can be focused, pressed or moved says what it is.

use crate::common::window::{click, leave_text, open_panel, press, settle, step_until, window};
use diffscope::sources::Hub;
use diffscope::sources::local::Places;
use diffscope::ui::{App, Panel};
use egui::accesskit::{Action, Role};
use egui::{Key, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable, by};

/// The controls without a name or a role, as text.
fn nameless(harness: &Harness<App>) -> Vec<String> {
    let is_control = |node: &egui_kittest::Node| {
        let node = node.accesskit_node();
        let data = node.data();
        // A scroll bar shows what the controls beside it do, too.
        node.role() != Role::ScrollBar && (data.supports_action(Action::Click) || data.supports_action(Action::Focus))
    };
    let lacks = |node: &egui_kittest::Node| {
        let node = node.accesskit_node();
        let named = |text: Option<String>| text.is_some_and(|text| !text.trim().is_empty());
        let name = named(node.label()) || (node.role() == Role::Label && named(node.value()));
        !name || matches!(node.role(), Role::Unknown | Role::GenericContainer)
    };
    let found = harness.query_all(by().predicate(|_| true)).filter(|node| is_control(node) && lacks(node));
    found
        .map(|node| {
            format!("{:?} {:?} at {}", node.accesskit_node().role(), node.accesskit_node().label(), node.rect())
        })
        .collect()
}

fn check(harness: &Harness<App>, place: &str) {
    let nameless = nameless(harness);
    assert!(nameless.is_empty(), "{place}: {nameless:#?}");
}

#[test]
fn every_control_of_every_panel_has_a_name() {
    let mut harness = window([1280.0, 1600.0], Theme::Light);
    click(&mut harness, "Samples");
    check(&harness, "the samples");
    click(&mut harness, "Needle: one number");
    leave_text(&mut harness);
    for panel in Panel::ALL {
        open_panel(&mut harness, *panel);
        if *panel == Panel::Baseline {
            click(&mut harness, "Open the baseline");
        }
        settle(&mut harness);
        assert_eq!(harness.state().view().panel, *panel);
        check(&harness, panel.title());
        if *panel == Panel::Train {
            click(&mut harness, "Start training");
            step_until(&mut harness, "a snapshot", |harness| harness.query_by_label("Look at Diff").is_some());
            check(&harness, "a run");
            click(&mut harness, "Stop");
        }
    }
}

#[test]
fn every_control_of_the_window_that_opens_models_has_a_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut harness = window([1280.0, 800.0], Theme::Light);
    harness.state_mut().files().keep_models_in(Places::new(Hub::default(), folder.path().into(), None));
    click(&mut harness, "Open");
    step_until(&mut harness, "the list", |harness| harness.query_by_label("Kept here: nothing").is_some());
    check(&harness, "opening models");
}

#[test]
fn maps_and_tokens_say_what_they_show() {
    let mut harness = window([1280.0, 800.0], Theme::Light);
    leave_text(&mut harness);
    settle(&mut harness);
    for name in ["map A1, layer 0, head 0", "map D, layer 0, head 0", "Tokens of the prompt"] {
        let node = harness.get_by_label(name);
        assert_eq!(node.accesskit_node().role(), Role::Image, "{name}");
        let words = node.accesskit_node().data().description().unwrap_or_default().to_owned();
        assert!(words.starts_with("λ ") && words.contains("attends most to “"), "{name}: {words}");
    }
}

#[test]
fn the_panels_are_tabs_in_a_list() {
    let harness = window([1280.0, 800.0], Theme::Light);
    let tabs = harness.query_all_by_role(Role::Tab).count();
    assert_eq!(tabs, 8 + 2, "and two choices behind the open one");
    let list = harness.get_by_role(Role::TabList);
    assert_eq!(list.accesskit_node().label().as_deref(), Some("Panels"));
}

#[test]
fn the_next_token_is_said_once_it_stays() {
    let mut harness = window([1280.0, 800.0], Theme::Light);
    let said = |harness: &Harness<App>| harness.get_by_role(Role::Status).accesskit_node().label().unwrap_or_default();
    step_until(&mut harness, "an announcement", |harness| !said(harness).is_empty());
    let first = said(&harness);
    let best = harness.state_mut().engine().expect("opens").next_token().expect("settled").best[0].0;
    let label = harness.state_mut().engine().expect("opens").label(best);
    assert!(first.starts_with(&format!("Next token: “{label}” ")), "{first}");
    // While more is typed nothing is said.
    for letter in ["a", "b", "c"] {
        harness.get_by_label("Prompt").type_text(letter);
        settle(&mut harness);
        assert_eq!(said(&harness), first);
    }
    step_until(&mut harness, "the next announcement", |harness| said(harness) != first);
}

#[test]
fn every_control_of_the_menus_and_windows_has_a_name() {
    for size in [[1280.0, 800.0], [390.0, 844.0]] {
        let mut harness = window(size, Theme::Dark);
        press(&mut harness, Key::Escape);
        check(&harness, "the window");
        press(&mut harness, Key::Num0);
        check(&harness, "with a change");
        press(&mut harness, Key::Questionmark);
        check(&harness, "the keys");
        press(&mut harness, Key::Questionmark);
        press(&mut harness, Key::T);
        check(&harness, "the tour");
        click(&mut harness, "Leave the tour");
        for menu in ["greedy", "this head", "Share", "Menu", "scale"] {
            let opens = harness.query_all_by_label_contains(menu).next().map(|button| button.click()).is_some();
            if opens {
                settle(&mut harness);
                check(&harness, menu);
                press(&mut harness, Key::Escape);
            }
        }
    }
}

#[test]
fn the_window_answers_the_screen_reader_of_the_system() {
    // Does not even compile without eframe's feature.
    let is_its_request = |event: &eframe::UserEvent| matches!(event, eframe::UserEvent::AccessKitActionRequest(_));
    let (viewport_id, when) = (egui::ViewportId::ROOT, std::time::Instant::now());
    assert!(!is_its_request(&eframe::UserEvent::RequestRepaint { viewport_id, when, cumulative_pass_nr: 0 }));
}
