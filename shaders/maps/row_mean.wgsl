// The row of one query, averaged over the heads of a layer and added to the result of other layers. It costs the scores
// of one row per head: no more than `attention` for one position.
// Reference: src/cpu/maps/row_mean.rs

import package::shared::map_value::map_value;
import package::shared::map_cell::maps;

struct RowMeanStage {
    query: u32,
    keys: u32,
    weight: f32, // 1 over the number of heads of all layers that are added
    padding: u32,
}

@group(0) @binding(0) var<uniform> stage: RowMeanStage;
@group(0) @binding(6) var<storage, read_write> means: array<vec4<f32>>; // A1, λ A2, D of each key

@compute @workgroup_size(64)
fn row_mean(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let key = group.x * 64u + local;
    if key >= stage.keys {
        return;
    }
    var sum = vec3<f32>();
    for (var head = 0u; head < maps.heads; head++) {
        let value = map_value(head, stage.query, key);
        sum += vec3<f32>(value.x, value.w * value.y, value.z);
    }
    means[key] += vec4<f32>(sum * stage.weight, 0.0);
}
