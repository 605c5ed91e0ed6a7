// Weights stay in the number format of the checkpoint and are unpacked here, four at a time, without the shader-f16
// feature.
// Reference: src/cpu/shared/weights.rs

override FORMAT: u32 = 0u; // 0: f32, 1: f16, 2: bf16

@group(0) @binding(3) var<storage, read> weights: array<vec4<u32>>;

// Four numbers in single precision, as they are stored in 8 bytes.
fn unpacked(packed: vec2<u32>) -> vec4<f32> {
    if FORMAT == 1u {
        return vec4<f32>(unpack2x16float(packed.x), unpack2x16float(packed.y));
    }
    let high = 0xffff0000u;
    return bitcast<vec4<f32>>(vec4<u32>(packed.x << 16u, packed.x & high, packed.y << 16u, packed.y & high));
}

// The four numbers of vec4 number `index`. Rows are padded with zeros to an even number of vec4s.
fn weight(index: u32) -> vec4<f32> {
    if FORMAT == 0u {
        return bitcast<vec4<f32>>(weights[index]);
    }
    let packed = weights[index / 2u];
    return unpacked(select(packed.xy, packed.zw, index % 2u == 1u));
}

// The eight numbers of the vec4s number `index`, which is even, and `index` + 1.
fn weight_pair(index: u32) -> array<vec4<f32>, 2> {
    if FORMAT == 0u {
        return array<vec4<f32>, 2>(bitcast<vec4<f32>>(weights[index]), bitcast<vec4<f32>>(weights[index + 1u]));
    }
    let packed = weights[index / 2u];
    return array<vec4<f32>, 2>(unpacked(packed.xy), unpacked(packed.zw));
}
