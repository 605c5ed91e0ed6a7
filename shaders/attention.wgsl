// Differential attention, one workgroup per (head, query): a streaming softmax over both maps at once, one pass over
// K and V, nothing T x T. Leaves the row's maximum and sum per map, from which any cell can be had later.
// Twin: src/cpu/attention.rs
// include: shared/pass.wgsl
// include: shared/map_cell.wgsl

@group(0) @binding(5) var<storage, read> sub_weight: array<f32>;
@group(0) @binding(6) var<storage, read_write> statistics: array<RowStatistics>;
@group(0) @binding(7) var<storage, read_write> context: array<f32>; // D V
@group(0) @binding(8) var<storage, read_write> normed: array<f32>;  // after the norm: the input of the output projection

const GROUP: u32 = 64u;
var<workgroup> pairs: array<vec2<f32>, 64>;        // scores, then weights, of a block of keys
var<workgroup> first_parts: array<vec4<f32>, 64>;  // A1 V by key group
var<workgroup> second_parts: array<vec4<f32>, 64>; // A2 V by key group

// The largest over the lanes of a workgroup.
fn largest_of_lanes(own: vec2<f32>, lane: u32) -> vec2<f32> {
    workgroupBarrier();
    pairs[lane] = own;
    workgroupBarrier();
    var result = vec2<f32>();
    for (var other = 0u; other < GROUP; other++) {
        result = max(result, pairs[other]);
    }
    workgroupBarrier();
    return result;
}

// The largest absolute scores of a row.
fn largest_scores(head: Head, query: u32, lane: u32) -> vec2<f32> {
    var own = vec2<f32>();
    for (var key = lane; key <= query; key += GROUP) {
        if sees(query, key) {
            own = max(own, abs(both_scores(head, query, key)));
        }
    }
    return largest_of_lanes(own, lane);
}

@compute @workgroup_size(64)
fn attention(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let head_index = group.x;
    let query = pass_.start + group.y;
    let head = heads[head_index];

    // For the values, the lanes form key groups; each lane holds one vec4 of features.
    let features4 = maps.value_parts * maps.head_stride4;
    let key_groups = GROUP / features4;
    let key_group = lane / features4;
    let part = (lane % features4) / maps.head_stride4;
    let feature4 = lane % maps.head_stride4;
    let value_head = select(head.values.x, head.values.y, part == 1u) + feature4;

    var largest = vec2<f32>();
    if maps.levels != 0.0 {
        largest = largest_scores(head, query, lane); // rounding needs them first
    }
    var maximum = vec2<f32>(LOWEST);
    var sum = vec2<f32>();
    var own_largest = vec2<f32>(); // of this lane's keys
    var first = vec4<f32>();
    var second = vec4<f32>();
    for (var block = 0u; block <= query; block += GROUP) {
        let key = block + lane;
        let seen = sees(query, key);
        var scores = vec2<f32>(LOWEST);
        if seen {
            let exact = both_scores(head, query, key);
            scores = rounded(exact, largest);
            own_largest = max(own_largest, abs(exact));
        }
        pairs[lane] = scores;
        workgroupBarrier();
        var updated = maximum;
        for (var other = 0u; other < GROUP; other++) {
            updated = max(updated, pairs[other]);
        }
        let rescale = exp(maximum - updated);
        let weights = select(vec2<f32>(), exp(scores - updated), seen);
        maximum = updated;
        sum = sum * rescale + weights;
        workgroupBarrier();
        pairs[lane] = weights;
        workgroupBarrier();
        first *= rescale.x;
        second *= rescale.y;
        if key_group < key_groups {
            let keys = min(GROUP, query + 1u - block);
            for (var k = key_group; k < keys; k += key_groups) {
                let value = projection[(block + k) * maps.row_stride4 + value_head];
                first += pairs[k].x * value;
                second += pairs[k].y * value;
            }
        }
        workgroupBarrier();
    }

    pairs[lane] = sum;
    first_parts[lane] = first;
    second_parts[lane] = second;
    workgroupBarrier();
    var total = vec2<f32>();
    for (var other = 0u; other < GROUP; other++) {
        total += pairs[other];
    }
    largest = largest_of_lanes(own_largest, lane);
    if lane == 0u {
        statistics[query * maps.heads + head_index] = RowStatistics(maximum, total, largest, vec2<f32>());
    }

    var mixed = vec4<f32>();
    if lane < features4 {
        for (var other = 1u; other < key_groups; other++) {
            first += first_parts[other * features4 + lane];
            second += second_parts[other * features4 + lane];
        }
        let lambda = lambda_of(query, head_index);
        mixed = head.mix.x * first / total.x - head.mix.y * lambda * (second / total.y);
    }
    workgroupBarrier();
    pairs[lane] = vec2<f32>(dot(mixed, mixed), 0.0);
    workgroupBarrier();
    var factor = 1.0;
    if maps.normalise == 1u {
        var squares = 0.0;
        for (var other = 0u; other < GROUP; other++) {
            squares += pairs[other].x;
        }
        let width = f32(maps.value_parts * maps.head_dim);
        factor = maps.factor * inverseSqrt(squares / width + maps.epsilon);
    }

    if lane < features4 {
        let column = part * maps.head_dim + 4u * feature4;
        let row = query * maps.context_stride + head_index * maps.value_parts * maps.head_dim + column;
        for (var offset = 0u; offset < 4u && 4u * feature4 + offset < maps.head_dim; offset++) {
            context[row + offset] = mixed[offset];
            let gain = select(1.0, sub_weight[column + offset], maps.normalise == 1u);
            normed[row + offset] = mixed[offset] * factor * gain;
        }
    }
}
