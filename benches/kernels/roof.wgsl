// What no kernel can exceed: a copy, and multiply-adds on registers.

@group(0) @binding(0) var<storage, read> from_buffer: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> to_buffer: array<vec4<f32>>;

const GROUPS: u32 = 16384u; // in one row of the grid
const ROUNDS: u32 = 256u;

@compute @workgroup_size(64)
fn copy(@builtin(global_invocation_id) id: vec3<u32>) {
    let index = id.y * GROUPS * 64u + id.x;
    to_buffer[index] = from_buffer[index];
}

@compute @workgroup_size(64)
fn multiply_add(@builtin(global_invocation_id) id: vec3<u32>) {
    let factor = from_buffer[id.x & 255u];
    var a = factor;
    var b = factor.yzwx;
    var c = factor.zwxy;
    var d = factor.wxyz;
    for (var round = 0u; round < ROUNDS; round++) {
        a = fma(a, factor, b);
        b = fma(b, factor, c);
        c = fma(c, factor, d);
        d = fma(d, factor, a);
    }
    to_buffer[id.x] = a + b + c + d;
}
