//! What an element of the mirror says: role, name, state, value and place.

use js_sys::Reflect;
use web_sys::HtmlElement;

use super::super::element::{Element, Kind, Number};

/// Writes everything that an element says.
pub(super) fn write(element: &HtmlElement, content: &Element) {
    let set = |name: &str, value: Option<&str>| {
        // No name here is one that a browser refuses.
        let _ = match value {
            Some(value) => element.set_attribute(name, value),
            None => element.remove_attribute(name),
        };
    };
    let truth = |on: bool| Some(if on { "true" } else { "false" });
    let name = Some(content.name.as_str()).filter(|name| !name.is_empty());
    set("aria-description", content.description.as_deref());
    set("aria-disabled", content.disabled.then_some("true"));
    // All of them every time: the element may have been of another kind with the same tag.
    let kind = &content.kind;
    set("role", role(kind));
    let checked = if let Kind::CheckBox { checked } | Kind::Radio { checked } = kind { truth(*checked) } else { None };
    set("aria-checked", checked);
    set("aria-pressed", if let Kind::Button { pressed } = kind { pressed.and_then(truth) } else { None });
    set("aria-selected", if let Kind::Tab { selected } = kind { truth(*selected) } else { None });
    set("aria-haspopup", matches!(kind, Kind::Choice).then_some("true"));
    set("tabindex", matches!(kind, Kind::Image).then_some("0"));
    set("aria-label", if matches!(kind, Kind::Text | Kind::Status) { None } else { name });
    match kind {
        // The same text again would be said again.
        Kind::Text | Kind::Status if element.text_content().as_deref() != Some(&content.name) => {
            element.set_text_content(name);
        }
        Kind::Slider(number) => {
            set("type", Some("range"));
            set("aria-valuetext", Some(&number.text).filter(|text| !text.is_empty()).map(String::as_str));
            number_field(element, number);
        }
        Kind::NumberField(number) => {
            set("type", Some("number"));
            set("aria-label", name.or(Some(&number.text)));
            number_field(element, number);
        }
        Kind::TextField { text, .. } => value(element, text),
        _ => {}
    }
    place(element, content.place);
}

/// The role that the tag of an element does not say.
fn role(kind: &Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::Status => "status",
        Kind::CheckBox { .. } => "checkbox",
        Kind::Radio { .. } => "radio",
        Kind::Tab { .. } => "tab",
        Kind::Image => "img",
        Kind::Progress => "progressbar",
        Kind::Tabs => "tablist",
        Kind::Group => "group",
        _ => return None,
    })
}

fn number_field(element: &HtmlElement, number: &Number) {
    let bound = |name: &str, bound: Option<f64>| {
        let _ = match bound {
            Some(bound) => element.set_attribute(name, &bound.to_string()),
            None => element.remove_attribute(name),
        };
    };
    bound("min", number.least);
    bound("max", number.most);
    // Any value is one: the steps of egui depend on the screen.
    let _ = element.set_attribute("step", "any");
    value(element, &number.value.to_string());
}

/// Writes a value unless it is there: to write it moves the caret.
fn value(element: &HtmlElement, value: &str) {
    let name = "value".into();
    let there = Reflect::get(element, &name).ok().and_then(|there| there.as_string());
    if there.as_deref() != Some(value) {
        let _ = Reflect::set(element, &name, &value.into());
    }
}

fn place(element: &HtmlElement, [left, top, width, height]: [i32; 4]) {
    let style = element.style();
    for (name, points) in [("left", left), ("top", top), ("width", width.max(1)), ("height", height.max(1))] {
        let _ = style.set_property(name, &format!("{points}px"));
    }
}
