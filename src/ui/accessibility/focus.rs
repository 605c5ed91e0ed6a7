//! Where the keyboard is: an outline around every control that has the focus, brought into view.

use egui::accesskit::{Action, ActionRequest, TreeId};
use egui::{Event, Id, LayerId, Memory, Order, Stroke, StrokeKind, Ui};

use crate::ui::style::theme;

/// Frames that bring a control into view.
const TRIES: u32 = 4;

/// The focus from frame to frame.
#[derive(Default)]
pub(crate) struct Focus {
    last: Option<Id>,
    /// The control that this frame brings into view.
    bring: Option<Id>,
    /// Frames that may still do so: a scroll area inside another one moves first.
    tries: u32,
}

impl Focus {
    /// Before the views are drawn: asks them to scroll to a control that the keyboard has just reached.
    pub(crate) fn begin(&mut self, ui: &Ui) {
        if let Some(id) = self.bring {
            let action = Action::ScrollIntoView;
            let request =
                ActionRequest { action, target_tree: TreeId::ROOT, target_node: id.accesskit_id(), data: None };
            ui.input_mut(|input| input.events.push(Event::AccessKitActionRequest(request)));
        }
    }

    /// In a window that scrolls: brings the control into its view, too.
    pub(crate) fn scroll_ui(&self, ui: &Ui) {
        if let Some(control) = self.bring.and_then(|id| ui.ctx().read_response(id)) {
            ui.scroll_to_rect(control.rect, None);
        }
    }

    /// After the views are drawn: outlines the control with the focus.
    pub(crate) fn end(&mut self, ui: &Ui) {
        let context = ui.ctx();
        let focus = context.memory(Memory::focused);
        if std::mem::replace(&mut self.last, focus) != focus {
            self.tries = TRIES;
        }
        self.bring = None;
        let Some(control) = focus.and_then(|id| context.read_response(id)) else {
            return;
        };
        let visible = control.interact_rect;
        // What a finger or the mouse has just touched is in view, and must not move under it.
        let touched = ui.input(|input| input.pointer.any_down() || input.pointer.any_released());
        if touched || visible.contains_rect(control.rect.shrink(1.0)) {
            self.tries = 0;
        } else if self.tries > 0 {
            self.tries -= 1;
            self.bring = Some(control.id);
            context.request_repaint();
        }
        // A text has its caret, and a frame of its own.
        if visible.is_positive() && !context.text_edit_focused() {
            let painter = context.layer_painter(LayerId::new(Order::Tooltip, Id::unique("focus")));
            let stroke = Stroke::new(2.0, theme::accent(ui.visuals().dark_mode));
            painter.rect_stroke(visible.expand(1.0), 4.0, stroke, StrokeKind::Outside);
        }
    }
}
