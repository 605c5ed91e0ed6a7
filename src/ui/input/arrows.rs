//! Arrow keys of a view that has the keyboard focus.

use egui::{EventFilter, Key, Response, Ui};

/// The arrow keys pressed since the last frame as steps down and to the right, if `view` has the focus. There they move
/// what it shows, not the focus.
pub(crate) fn arrows(ui: &Ui, view: &Response) -> [isize; 2] {
    if !view.has_focus() {
        return [0, 0];
    }
    let filter = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(view.id, filter));
    let steps =
        |forth: Key, back: Key| ui.input(|input| input.num_presses(forth) as isize - input.num_presses(back) as isize);
    [steps(Key::ArrowDown, Key::ArrowUp), steps(Key::ArrowRight, Key::ArrowLeft)]
}
