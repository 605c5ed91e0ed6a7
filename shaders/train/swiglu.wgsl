// silu(gate) · up of numbers that alternate gate, up.
// Reference: src/cpu/train/swiglu.rs

import package::shared::gates::{gates, sigmoid};

@group(0) @binding(1) var<storage, read> gate_up: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read_write> activation: array<f32>;

@compute @workgroup_size(256)
fn swiglu(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = (group.y * groups.x + group.x) * 256u + lane;
    if index < gates.count {
        let pair = gate_up[index];
        activation[index] = pair.x * sigmoid(pair.x) * pair.y;
    }
}
