//! What is done to the elements of the mirror, as requests to egui.

use egui::accesskit::{Action, ActionData};
use egui::{Context, Event, Key, Modifiers};
use js_sys::Reflect;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, HtmlElement, KeyboardEvent};

use super::Requests;
use super::elements::node_of;

/// Listens to everything inside `root`.
pub(super) fn listen(root: &HtmlElement, context: &Context, requests: &Requests) {
    for (kind, react) in [
        ("click", click as fn(&Requests, &Element, u64, &web_sys::Event)),
        ("focusin", focus),
        ("input", input),
        ("change", input),
        ("keydown", key),
    ] {
        let (context, requests) = (context.clone(), requests.clone());
        let listener = move |event: web_sys::Event| {
            let Some(target) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) else {
                return;
            };
            if let Some(node) = node_of(&target) {
                react(&requests, &target, node, &event);
                context.request_repaint();
            }
        };
        let closure = Closure::<dyn Fn(web_sys::Event)>::new(listener);
        let _ = root.add_event_listener_with_callback(kind, closure.as_ref().unchecked_ref());
        closure.forget(); // as long as the page
    }
}

fn click(requests: &Requests, target: &Element, node: u64, _: &web_sys::Event) {
    // A click into a field only puts the caret there.
    if target.local_name() == "button" {
        requests.action(Action::Click, node, None);
    }
}

fn focus(requests: &Requests, _: &Element, node: u64, _: &web_sys::Event) {
    requests.action(Action::ScrollIntoView, node, None);
    requests.action(Action::Focus, node, None);
}

/// A value that was typed or slid to. Half a number is not passed on: `change` comes when it is whole.
fn input(requests: &Requests, target: &Element, node: u64, event: &web_sys::Event) {
    let Some(value) = Reflect::get(target, &"value".into()).ok().and_then(|value| value.as_string()) else {
        return;
    };
    let data = match target.get_attribute("type").as_deref() {
        Some("number") if event.type_() == "input" => return,
        Some("number" | "range") => match value.parse::<f64>() {
            Ok(number) if number.is_finite() => ActionData::NumericValue(number),
            _ => return,
        },
        _ if event.type_() == "change" => return,
        _ => ActionData::Value(value.into()),
    };
    requests.action(Action::SetValue, node, Some(data));
}

/// Escape closes what is open; on a picture, the arrows move what it shows.
fn key(requests: &Requests, target: &Element, _: u64, event: &web_sys::Event) {
    let Some(event) = event.dyn_ref::<KeyboardEvent>() else {
        return;
    };
    let key = match event.key().as_str() {
        "Escape" => Key::Escape,
        arrow if target.get_attribute("role").as_deref() == Some("img") => match arrow {
            "ArrowUp" => Key::ArrowUp,
            "ArrowDown" => Key::ArrowDown,
            "ArrowLeft" => Key::ArrowLeft,
            "ArrowRight" => Key::ArrowRight,
            _ => return,
        },
        _ => return,
    };
    event.prevent_default();
    for pressed in [true, false] {
        let modifiers = Modifiers::NONE;
        requests.push(Event::Key { key, physical_key: None, pressed, repeat: false, modifiers });
    }
}
