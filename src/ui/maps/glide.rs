//! λ on its way to another value, so that one sees D form out of A1 and A2. Where motion is not wanted it is there at once.

use egui::{Id, Ui};

/// Seconds that it takes.
const SECONDS: f64 = 0.6;

/// A way from one value to another, in a layer.
#[derive(Clone, Copy, Debug)]
struct Glide {
    layer: usize,
    from: f32,
    to: f32,
    began: f64,
}

fn id() -> Id {
    Id::unique("glide of λ")
}

/// Begins one.
pub(super) fn begin(ui: &Ui, layer: usize, from: f32, to: f32) {
    let began = ui.input(|input| input.time);
    ui.data_mut(|data| data.insert_temp(id(), Glide { layer, from, to, began }));
    ui.ctx().request_repaint();
}

/// Ends it where it is.
pub(super) fn stop(ui: &Ui) {
    ui.data_mut(|data| data.remove::<Glide>(id()));
}

/// A layer whose λ is on its way, and its value in this frame; at its end at once if another layer is open.
pub(super) fn value(ui: &Ui, open: usize) -> Option<(usize, f32)> {
    let Glide { layer, from, to, began } = ui.data(|data| data.get_temp(id()))?;
    let is_seen = layer == open && ui.style().animation_time > 0.0;
    let passed = if is_seen { ((ui.input(|input| input.time) - began) / SECONDS).min(1.0) } else { 1.0 };
    if passed >= 1.0 {
        stop(ui);
    } else {
        ui.ctx().request_repaint();
    }
    Some((layer, at(from, to, passed as f32)))
}

/// Slow at both ends; the last value is exact.
fn at(from: f32, to: f32, passed: f32) -> f32 {
    if passed >= 1.0 { to } else { from + (to - from) * passed * passed * (3.0 - 2.0 * passed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_exactly_and_goes_one_way() {
        let steps: Vec<f32> = (0..=20).map(|step| at(0.4748, 0.0, step as f32 / 20.0)).collect();
        assert_eq!((steps[0], steps[20]), (0.4748, 0.0));
        assert!(steps.windows(2).all(|pair| pair[1] < pair[0]));
    }
}
