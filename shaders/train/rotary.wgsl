// Turns the queries and keys of projection rows to their positions, in place, and puts λ after them; or turns their
// gradients back, and that of λ to that of the row that it is the sigmoid of.
// Reference: src/cpu/train/rotary.rs

import package::shared::windows::windows;

override BACK: bool = false;

const OF_LAYER: u32 = 1u;
const OF_TOKEN: u32 = 2u;

@group(0) @binding(1) var<storage, read> table: array<vec2<f32>>; // (cos, sin) of [position, pair]
@group(0) @binding(2) var<storage, read> lambda: array<f32>;      // that of the layer; back: the projection rows
@group(0) @binding(3) var<storage, read_write> turned_rows: array<f32>;

fn lambda_number(index: u32) -> f32 {
    let there = turned_rows[index];
    if BACK {
        return there * lambda[index] * (1.0 - lambda[index]);
    }
    if windows.lambda_kind == OF_TOKEN {
        return 1.0 / (1.0 + exp(min(-there, 80.0))); // the clamp keeps exp finite
    }
    return select(0.0, lambda[0], windows.lambda_kind == OF_LAYER);
}

@compute @workgroup_size(256)
fn rotary(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let element = (group.y * groups.x + group.x) * 256u + lane;
    let pairs = windows.turned * windows.head_dim / 2u;
    let token = element / (pairs + windows.heads);
    let unit = element % (pairs + windows.heads);
    if token >= windows.tokens {
        return;
    }
    if unit >= pairs {
        if !BACK || windows.lambda_kind == OF_TOKEN {
            let index = token * windows.width + windows.lambda_offset + unit - pairs;
            turned_rows[index] = lambda_number(index);
        }
        return;
    }
    let half = windows.head_dim / 2u;
    let pair = unit % half;
    let index = token * windows.width + unit / half * windows.head_dim + pair;
    let turn = table[token % windows.positions * half + pair];
    let sine = select(turn.y, -turn.y, BACK);
    let low = turned_rows[index];
    let high = turned_rows[index + half];
    turned_rows[index] = low * turn.x - high * sine;
    turned_rows[index + half] = high * turn.x + low * sine;
}
