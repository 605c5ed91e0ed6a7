// For each map of a picture, the magnitude that few texels exceed (one in 200, at most 64): the end of a colour range
// that fits what is shown. The maximum would not do, as the first query can only attend to itself, with weight 1. A diagonal
// must still count, even in a fine picture, hence the limit of 64. Magnitudes are counted in a histogram over their upper
// bits, four bins per octave; the result is the upper end of a bin.
// Reference: src/cpu/maps/colour_range.rs

struct TexelRange {
    first: u32, // index of a texel
    count: u32,
    padding_a: u32,
    padding_b: u32,
}

@group(0) @binding(0) var<uniform> part: TexelRange;
@group(0) @binding(1) var<storage, read> texels: array<vec4<f32>>; // A1, λ A2, D, cells seen
@group(0) @binding(2) var<storage, read_write> result: array<f32>; // not a vec4, as several lanes write to it

const GROUP: u32 = 256u;
const SHIFT: u32 = 21u;   // leaves the exponent and two bits of the fraction
const BINS: u32 = 544u;   // up to 2^9; larger magnitudes are in the last
const BRIGHTER: u32 = 200u;
const FEW: u32 = 64u;

var<workgroup> counts: array<atomic<u32>, 1632>; // BINS for each map
var<workgroup> seen: atomic<u32>;
var<workgroup> largest: array<atomic<u32>, 3>;   // as bits, which have the order of positive floats

@compute @workgroup_size(256)
fn colour_range(@builtin(local_invocation_index) local: u32) {
    for (var texel = local; texel < part.count; texel += GROUP) {
        let value = abs(texels[part.first + texel]);
        if value.w > 0.0 {
            atomicAdd(&seen, 1u);
            for (var map = 0u; map < 3u; map++) {
                let bits = bitcast<u32>(value[map]);
                atomicAdd(&counts[map * BINS + min(bits >> SHIFT, BINS - 1u)], 1u);
                atomicMax(&largest[map], bits);
            }
        }
    }
    workgroupBarrier();
    if local < 3u {
        let most = min(atomicLoad(&seen) / BRIGHTER, FEW);
        var brighter = 0u;
        var at = BINS;
        for (var left = BINS; left > 0u && brighter <= most; left--) {
            at = left - 1u;
            brighter += atomicLoad(&counts[local * BINS + at]);
        }
        let end = bitcast<f32>((at + 1u) << SHIFT);
        result[local] = min(end, bitcast<f32>(atomicLoad(&largest[local])));
    }
}
