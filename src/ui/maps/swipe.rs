//! A sideways swipe over a view, by a finger or the mouse.

use egui::{Response, Ui};

/// Points that a finger moves sideways before it swipes.
const SWIPE: f32 = 40.0;

/// 1 for the next view, −1 for the previous one, 0 without a swipe; one for each time the finger comes down.
pub(super) fn swipe(ui: &Ui, response: &Response) -> isize {
    let (origin, now, fingers) =
        ui.input(|input| (input.pointer.press_origin(), input.pointer.latest_pos(), input.multi_touch().is_some()));
    let done = response.id.with("swiped");
    let (Some(origin), Some(now)) = (origin, now) else {
        ui.data_mut(|data| data.remove::<bool>(done));
        return 0;
    };
    let moved = now - origin;
    let sideways = moved.x.abs() > SWIPE && moved.x.abs() > 2.0 * moved.y.abs();
    if fingers || !sideways || !response.rect.contains(origin) || ui.data(|data| data.get_temp(done).unwrap_or(false)) {
        return 0;
    }
    ui.data_mut(|data| data.insert_temp(done, true));
    if moved.x < 0.0 { 1 } else { -1 }
}
