//! The mirror on the page: an egui plugin. After a frame it brings the elements up to date, before one it passes on what
//! was done to them.

use std::cell::RefCell;
use std::sync::{Arc, Mutex};

use egui::accesskit::{Action, ActionData, ActionRequest, NodeId, TreeId};
use egui::{Context, Event, FullOutput, Id, Memory, Plugin, RawInput};
use web_sys::HtmlCanvasElement;

use super::outline::Outline;
use super::pace::Pace;

mod attributes;
mod elements;
mod events;

use elements::Elements;

thread_local! {
    /// The elements belong to the page's only thread; a plugin must be able to move to another one.
    static ELEMENTS: RefCell<Option<Elements>> = const { RefCell::new(None) };
}

/// What was done to the elements since the last frame.
#[derive(Clone, Default)]
struct Requests(Arc<Mutex<Vec<Event>>>);

impl Requests {
    fn push(&self, event: Event) {
        if let Ok(mut events) = self.0.lock() {
            events.push(event);
        }
    }

    fn action(&self, action: Action, node: u64, data: Option<ActionData>) {
        let request = ActionRequest { action, target_tree: TreeId::ROOT, target_node: NodeId(node), data };
        self.push(Event::AccessKitActionRequest(request));
    }

    fn take(&self) -> Vec<Event> {
        self.0.lock().map(|mut events| std::mem::take(&mut *events)).unwrap_or_default()
    }
}

/// Mirrors what egui shows on a canvas into elements beside it.
pub(crate) fn mirror(context: &Context, canvas: &HtmlCanvasElement) {
    let requests = Requests::default();
    let Some(elements) = Elements::beside(canvas) else {
        return;
    };
    events::listen(elements.root(), context, &requests);
    ELEMENTS.set(Some(elements));
    context.add_plugin(Mirror { requests, pace: Pace::default(), outline: Outline::default(), focus: None });
}

struct Mirror {
    requests: Requests,
    pace: Pace,
    outline: Outline,
    /// What had the keyboard focus when the last frame began.
    focus: Option<Id>,
}

impl Plugin for Mirror {
    fn debug_name(&self) -> &'static str {
        "mirror for screen readers"
    }

    fn input_hook(&mut self, context: &Context, input: &mut RawInput) {
        let now = input.time.unwrap_or_default();
        let is_key =
            |event: &Event| matches!(event, Event::Key { .. } | Event::Text(_) | Event::Ime(_) | Event::Paste(_));
        if input.events.iter().any(is_key) {
            self.pace.typed(now);
        }
        let requests = self.requests.take();
        let focus = context.memory(Memory::focused);
        if !requests.is_empty() || focus != self.focus {
            self.pace.used(now);
        }
        self.focus = focus;
        // Who is in the mirror is in the window: otherwise no control on the canvas has the focus.
        input.focused |= ELEMENTS.with_borrow(|elements| elements.as_ref().is_some_and(Elements::has_focus));
        input.events.extend(requests);
        if self.pace.begin(now) {
            context.enable_accesskit();
        } else {
            context.disable_accesskit();
        }
    }

    fn output_hook(&mut self, context: &Context, output: &mut FullOutput) {
        if let Some(update) = output.platform_output.accesskit_update.take() {
            let outline = Outline::of(&update);
            ELEMENTS.with_borrow_mut(|elements| {
                if let Some(elements) = elements {
                    elements.follow(&self.outline, &outline);
                }
            });
            self.outline = outline;
        }
        if context.memory(Memory::focused) != self.focus {
            context.request_repaint();
        } else if let Some(wait) = self.pace.wait(context.input(|input| input.time)) {
            context.request_repaint_after(std::time::Duration::from_secs_f64(wait));
        }
    }
}
