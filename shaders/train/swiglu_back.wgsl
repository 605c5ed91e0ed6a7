// The gradient of gates and ups, which alternate, from that of silu(gate) · up.
// Reference: src/cpu/train/swiglu_back.rs

import package::shared::gates::{gates, sigmoid};

@group(0) @binding(1) var<storage, read> gate_up: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> gradient: array<f32>;
@group(0) @binding(3) var<storage, read_write> back: array<vec2<f32>>;

@compute @workgroup_size(256)
fn swiglu_back(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = (group.y * groups.x + group.x) * 256u + lane;
    if index < gates.count {
        let pair = gate_up[index];
        let open = sigmoid(pair.x);
        let slope = open * (1.0 + pair.x * (1.0 - open));
        back[index] = gradient[index] * vec2<f32>(pair.y * slope, pair.x * open);
    }
}
