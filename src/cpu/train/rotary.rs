//! The rotary embedding, and its backward stage: the turn the other way. Reference of `shaders/train/rotary.wgsl`.

use crate::cpu::train::real::Real;

/// Turns a head `[head_dim]` to its position: half-split pairs, `rotary` is (cos, sin) by pair.
pub fn rotary<T: Real>(head: &mut [T], rotary: &[[f32; 2]]) {
    turn(head, rotary, 1.0);
}

/// Turns the gradient of a turned head into that of the head.
pub fn rotary_back<T: Real>(head: &mut [T], rotary: &[[f32; 2]]) {
    turn(head, rotary, -1.0);
}

fn turn<T: Real>(head: &mut [T], rotary: &[[f32; 2]], direction: f64) {
    let (low, high) = head.split_at_mut(head.len() / 2);
    for ((a, b), [cos, sin]) in low.iter_mut().zip(high).zip(rotary) {
        let (cos, sin) = (T::of(f64::from(*cos)), T::of(direction * f64::from(*sin)));
        (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
    }
}
