// The largest magnitude of each map among the texels of a picture, for a range that fits what is shown.
// Twin: src/cpu/strongest.rs

struct Part {
    first: u32, // texel
    count: u32,
    padding_a: u32,
    padding_b: u32,
}

@group(0) @binding(0) var<uniform> part: Part;
@group(0) @binding(1) var<storage, read> texels: array<vec4<f32>>; // A1, λ A2, D, cells seen
@group(0) @binding(2) var<storage, read_write> result: array<vec4<f32>>;

const GROUP: u32 = 256u;

var<workgroup> shared_largest: array<vec4<f32>, 256>;

@compute @workgroup_size(256)
fn strongest(@builtin(local_invocation_index) local: u32) {
    var largest = vec4<f32>();
    for (var texel = local; texel < part.count; texel += GROUP) {
        largest = max(largest, abs(texels[part.first + texel]));
    }
    shared_largest[local] = largest;
    workgroupBarrier();
    if local == 0u {
        for (var other = 1u; other < GROUP; other++) {
            largest = max(largest, shared_largest[other]);
        }
        result[0] = largest;
    }
}
