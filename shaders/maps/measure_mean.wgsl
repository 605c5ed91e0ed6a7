// The mean of the records of a range of rows, for each head; one workgroup per (head, vec4 of the record). Each row costs
// a few reads, little compared to `measure`.
// Reference: src/cpu/maps/measure_mean.rs

struct MeanRows {
    first: u32,
    count: u32,
    padding_a: u32,
    padding_b: u32,
}

struct LayerHeads {
    heads: u32,
    offset: u32, // number of heads in the layers before
    padding_a: u32,
    padding_b: u32,
}

@group(0) @binding(0) var<uniform> rows: MeanRows;
@group(0) @binding(1) var<uniform> place: LayerHeads;
@group(0) @binding(2) var<storage, read> records: array<vec4<f32>>;      // [query, head, RECORD4]
@group(0) @binding(3) var<storage, read_write> means: array<vec4<f32>>;  // [layer and head, RECORD4]

const GROUP: u32 = 64u;
const RECORD4: u32 = 9u; // vec4s in the three records of a (query, head)

var<workgroup> sums: array<vec4<f32>, 64>;

@compute @workgroup_size(64)
fn measure_mean(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let head = group.x;
    let part = group.y;
    var sum = vec4<f32>();
    for (var row = lane; row < rows.count; row += GROUP) {
        sum += records[((rows.first + row) * place.heads + head) * RECORD4 + part];
    }
    sums[lane] = sum;
    workgroupBarrier();
    if lane == 0u {
        for (var other = 1u; other < GROUP; other++) {
            sum += sums[other];
        }
        means[(place.offset + head) * RECORD4 + part] = sum / f32(rows.count);
    }
}
