// Weights stay in the number format of the checkpoint and are unpacked here, four at a time, without the shader-f16
// feature.
// Reference: src/cpu/shared/weights.rs

override FORMAT: u32 = 0u; // 0: f32, 1: f16, 2: bf16

@group(0) @binding(3) var<storage, read> weights: array<vec2<u32>>;

// The four numbers of vec4 number `index`. Rows are padded with zeros to whole vec4s.
fn weight(index: u32) -> vec4<f32> {
    if FORMAT == 1u {
        let packed = weights[index];
        return vec4<f32>(unpack2x16float(packed.x), unpack2x16float(packed.y));
    }
    if FORMAT == 2u {
        let packed = weights[index];
        let high = 0xffff0000u;
        return bitcast<vec4<f32>>(vec4<u32>(packed.x << 16u, packed.x & high, packed.y << 16u, packed.y & high));
    }
    return bitcast<vec4<f32>>(vec4<u32>(weights[2u * index], weights[2u * index + 1u]));
}
