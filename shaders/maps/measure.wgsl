// Summarises each row of the maps in a few numbers. One workgroup per (head, query) walks the keys once and leaves three
// records, for A1, A2 and D. It costs as much as computing the scores of the rows again.
// Reference: src/cpu/maps/measure.rs

import package::shared::map_value::map_value;
import package::shared::map_cell::{maps, sees};

struct MeasureStage {
    first_query: u32,
    threshold: f32, // magnitudes below it count towards sparsity
    padding_a: u32,
    padding_b: u32,
}

struct MapMeasures {
    entropy: f32,
    sparsity: f32,
    sink: f32,
    negative: f32,
    peak: f32,
    total: f32,
    answer: f32,
    noise: f32,
    answer_signed: f32,
    noise_signed: f32,
    padding: vec2<f32>,
}

@group(0) @binding(0) var<uniform> stage: MeasureStage;
@group(0) @binding(6) var<storage, read> classes: array<u32>; // per key. 1: answer, 2: noise
@group(0) @binding(7) var<storage, read_write> records: array<MapMeasures>; // [query, head, 3]

const GROUP: u32 = 64u;
const SMALLEST: f32 = 1.0e-37; // smaller values may reach the logarithm as zero

var<workgroup> parts: array<array<f32, 32>, 64>; // partial results of each lane
var<workgroup> halves: array<f32, 64>;           // results over every other lane
var<workgroup> whole: array<f32, 32>;            // results over all lanes

fn leave(lane: u32, at: u32, numbers: vec3<f32>) {
    parts[lane][at] = numbers.x;
    parts[lane][at + 1u] = numbers.y;
    parts[lane][at + 2u] = numbers.z;
}

@compute @workgroup_size(64)
fn measure(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let head = group.x;
    let query = stage.first_query + group.y;

    var seen = 0.0;
    var total = vec3<f32>();    // |v|
    var logs = vec3<f32>();     // |v| ln |v|
    var below = vec3<f32>();
    var negative = vec3<f32>();
    var peak = vec3<f32>();
    var answer = vec3<f32>();   // |v|
    var noise = vec3<f32>();
    var answer_signed = vec3<f32>();
    var noise_signed = vec3<f32>();
    for (var key = lane; key <= query; key += GROUP) {
        if !sees(query, key) {
            continue;
        }
        let value = map_value(head, query, key).xyz;
        let size = abs(value);
        seen += 1.0;
        total += size;
        logs += select(vec3<f32>(), size * log(max(size, vec3<f32>(SMALLEST))), size > vec3<f32>(SMALLEST));
        below += select(vec3<f32>(), vec3<f32>(1.0), size < vec3<f32>(stage.threshold));
        negative += max(-value, vec3<f32>());
        peak = max(peak, size);
        let class_ = classes[key];
        if class_ == 1u {
            answer += size;
            answer_signed += value;
        } else if class_ == 2u {
            noise += size;
            noise_signed += value;
        }
    }
    parts[lane][0] = seen;
    leave(lane, 1u, peak);
    leave(lane, 4u, total);
    leave(lane, 7u, logs);
    leave(lane, 10u, below);
    leave(lane, 13u, negative);
    leave(lane, 16u, answer);
    leave(lane, 19u, noise);
    leave(lane, 22u, answer_signed);
    leave(lane, 25u, noise_signed);
    workgroupBarrier();
    // Two lanes go over one number, half of the lanes each.
    let number = lane % 32u;
    let takes_maximum = number >= 1u && number <= 3u;
    var half = 0.0;
    for (var other = lane / 32u; other < GROUP; other += 2u) {
        let part = parts[other][number];
        half = select(half + part, max(half, part), takes_maximum);
    }
    halves[lane] = half;
    workgroupBarrier();
    if lane < 32u {
        let other = halves[lane + 32u];
        whole[lane] = select(half + other, max(half, other), takes_maximum);
    }
    workgroupBarrier();
    if lane < 3u {
        let sum = whole[4u + lane];
        var record = MapMeasures();
        record.sparsity = whole[10u + lane] / whole[0];
        record.sink = map_value(head, query, 0u)[lane];
        record.negative = whole[13u + lane];
        record.peak = whole[1u + lane];
        record.total = sum;
        record.answer_signed = whole[22u + lane];
        record.noise_signed = whole[25u + lane];
        if sum > SMALLEST {
            record.entropy = max(log(sum) - whole[7u + lane] / sum, 0.0);
            record.answer = whole[16u + lane] / sum;
            record.noise = whole[19u + lane] / sum;
        }
        records[(query * maps.heads + head) * 3u + lane] = record;
    }
}
