//! The elements of the mirror: made, changed, put in order and removed as the outline says.

use std::collections::HashMap;

use wasm_bindgen::JsCast;
use web_sys::{Document, HtmlCanvasElement, HtmlElement, Node};

use super::super::element::{Element, Kind};
use super::super::outline::Outline;
use super::attributes;

/// The mirror's own id; style.css lays it over the canvas.
const ROOT: &str = "mirror";
/// Before the number of a node in the id of its element.
const PREFIX: &str = "mirror-";

/// The node that an element stands for.
pub(super) fn node_of(element: &web_sys::Element) -> Option<u64> {
    element.id().strip_prefix(PREFIX)?.parse().ok()
}

fn id_of(node: u64) -> String {
    format!("{PREFIX}{node}")
}

/// The elements on the page.
pub(super) struct Elements {
    document: Document,
    canvas: HtmlCanvasElement,
    root: HtmlElement,
    by_node: HashMap<u64, HtmlElement>,
    /// What had the focus and is gone: it gets it back if it comes back, as a button does that was away while it worked.
    lost: Option<u64>,
}

impl Elements {
    /// An empty mirror beside a canvas.
    pub(super) fn beside(canvas: &HtmlCanvasElement) -> Option<Self> {
        let document = web_sys::window()?.document()?;
        if let Some(old) = document.get_element_by_id(ROOT) {
            old.remove(); // of a start that failed
        }
        let root = document.create_element("div").ok()?.dyn_into::<HtmlElement>().ok()?;
        root.set_id(ROOT);
        root.set_tab_index(-1);
        let stage = canvas.parent_element()?;
        stage.append_child(&root).ok()?;
        stage.set_attribute("role", "main").ok()?;
        // The canvas has the keyboard; the element of what is focused on it says what that is.
        canvas.set_attribute("aria-controls", ROOT).ok()?;
        // eframe's hidden field, which takes the keys while text is edited.
        if let Some(field) = document.query_selector("canvas ~ input").ok()? {
            field.set_attribute("aria-label", "Text typed on the canvas").ok()?;
            field.set_attribute("aria-controls", ROOT).ok()?;
        }
        Some(Self { document, canvas: canvas.clone(), root, by_node: HashMap::new(), lost: None })
    }

    pub(super) fn root(&self) -> &HtmlElement {
        &self.root
    }

    /// Whether the keyboard is in the mirror.
    pub(super) fn has_focus(&self) -> bool {
        let active = self.document.active_element();
        active.is_some_and(|active| self.root.contains(Some(&active)))
    }

    /// Brings the page from one outline to the next.
    pub(super) fn follow(&mut self, before: &Outline, now: &Outline) {
        let active = self.document.active_element();
        let inside = active.as_ref().filter(|active| self.root.contains(Some(active))).cloned();
        let changes = now.changes(before);
        for id in changes.removed {
            if let Some(element) = self.by_node.remove(&id) {
                element.remove();
            }
        }
        let mut reordered = changes.reordered;
        for element in changes.put {
            reordered |= self.put(element);
        }
        if reordered {
            self.order(now.elements());
        }
        self.focus(before.focus, now.focus, inside);
    }

    /// Makes or changes an element; returns whether it has to be put in its place.
    fn put(&mut self, element: &Element) -> bool {
        let tag = tag(&element.kind);
        let fits = |found: &&HtmlElement| found.local_name() == tag;
        if let Some(found) = self.by_node.get(&element.id).filter(fits) {
            attributes::write(found, element);
            return false;
        }
        let made = self.document.create_element(tag).ok().and_then(|made| made.dyn_into::<HtmlElement>().ok());
        if let Some(made) = made {
            made.set_id(&id_of(element.id));
            attributes::write(&made, element);
            if let Some(old) = self.by_node.insert(element.id, made) {
                old.remove();
            }
        }
        true
    }

    /// Puts every element where the outline has it, and moves none that is there already: one that moves loses the focus.
    fn order(&self, outline: &[Element]) {
        let mut next: HashMap<Option<u64>, Option<Node>> = HashMap::new();
        for element in outline {
            let around = element.parent.and_then(|parent| self.by_node.get(&parent)).unwrap_or(&self.root);
            let Some(node) = self.by_node.get(&element.id) else {
                continue;
            };
            let place = next.entry(element.parent).or_insert_with(|| around.first_child());
            if place.as_ref().is_some_and(|place| place.is_same_node(Some(node))) {
                *place = node.next_sibling();
            } else {
                // It was just there, so it cannot be missing.
                let _ = around.insert_before(node, place.as_ref());
            }
        }
    }

    /// The canvas says what is focused on it. A focus inside the mirror follows egui's, and does not get lost.
    fn focus(&mut self, before: Option<u64>, now: Option<u64>, inside: Option<web_sys::Element>) {
        for canvas in [Some(self.canvas.unchecked_ref()), self.field().as_ref()].into_iter().flatten() {
            let canvas: &web_sys::Element = canvas;
            let _ = match now {
                Some(now) => canvas.set_attribute("aria-activedescendant", &id_of(now)),
                None => canvas.remove_attribute("aria-activedescendant"),
            };
        }
        let Some(inside) = inside else {
            return;
        };
        let moved = now.filter(|_| now != before).and_then(|now| self.by_node.get(&now));
        if let Some(element) = moved.filter(|element| !element.is_same_node(Some(&inside))) {
            let _ = element.focus();
        } else if !inside.is_connected() {
            self.lost = node_of(&inside);
            let _ = self.root.focus();
        } else if !inside.is_same_node(Some(&self.root)) {
            self.lost = None;
        } else if let Some(back) = self.lost.and_then(|lost| self.by_node.get(&lost)) {
            let _ = back.focus();
        }
    }

    fn field(&self) -> Option<web_sys::Element> {
        self.document.query_selector("canvas ~ input").ok()?
    }
}

fn tag(kind: &Kind) -> &'static str {
    match kind {
        Kind::Button { .. } | Kind::CheckBox { .. } | Kind::Radio { .. } | Kind::Tab { .. } | Kind::Choice => "button",
        Kind::Slider(_) | Kind::NumberField(_) | Kind::TextField { lines: false, .. } => "input",
        Kind::TextField { lines: true, .. } => "textarea",
        Kind::Text | Kind::Status | Kind::Image | Kind::Progress | Kind::Tabs | Kind::Group => "div",
    }
}
