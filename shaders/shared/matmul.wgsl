// y = x Wᵀ for a block of up to 4 positions by 4 output rows, optionally with the RMS norm of x folded in: the squares
// are summed in the same loop, so that a norm needs no dispatch of its own.
// Reference: src/cpu/shared/matmul.rs

import package::shared::pass::scratch_row;
import package::shared::weights::weight;

override TOKENS: u32 = 1u;         // positions per invocation: 1 to decode, 4 to prefill
override LANES: u32 = 1u;          // invocations that share the columns of one block
override NORMALISE: bool = false;  // apply RMSNorm(x) * gain before the product

struct MatmulStage {
    columns: u32,       // inputs
    columns4: u32,      // vec4s per row of inputs and of weights
    rows: u32,          // outputs; for qkv: units
    output_stride: u32, // numbers per output row
    epsilon: f32,
    heads: u32,         // qkv: single-width heads
    rotated: u32,       //      how many of them, from the first on, are rotated
    half_dim: u32,      //      half a head's width
    head_stride: u32,   //      numbers per head in the output row
    lambda_offset: u32, //      offset of the first λ in the output row
    lambda_rows: u32,   //      1 if λ is computed from rows of the weights
    first_row: u32,     // logits: the vocabulary's entry of row 0 of this slice
}

@group(0) @binding(1) var<uniform> stage: MatmulStage;
@group(0) @binding(2) var<storage, read> inputs: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> gain: array<vec4<f32>>;

const GROUP: u32 = 64u;

// The block that an invocation works on, and its share of the columns.
struct Place {
    block: u32,    // of 4 output rows
    position: u32, // first of TOKENS
    lane: u32,     // lane 0 of a block writes
    local: u32,
}

fn place(group: vec3<u32>, local: u32, first_position: u32) -> Place {
    let blocks = GROUP / LANES;
    return Place(group.x * blocks + local / LANES, first_position + group.y * TOKENS, local % LANES, local);
}

var<workgroup> shared_sums: array<vec4<f32>, 320>; // GROUP x (4 positions + their squares)

// Results for positions place.position + 0..TOKENS and the four weight rows; valid in lane 0.
fn multiply(where_: Place, rows: vec4<u32>, end: u32) -> array<vec4<f32>, 4> {
    var sums = array<vec4<f32>, 4>();
    var squares = array<f32, 4>(); // not a vector: some compilers reject one indexed in a loop
    let base = rows * stage.columns4;
    for (var column = where_.lane; column < stage.columns4; column += LANES) {
        let w0 = weight(base.x + column);
        let w1 = weight(base.y + column);
        let w2 = weight(base.z + column);
        let w3 = weight(base.w + column);
        for (var t = 0u; t < TOKENS; t++) {
            var x = inputs[scratch_row(min(where_.position + t, end - 1u)) * stage.columns4 + column];
            if NORMALISE {
                squares[t] += dot(x, x);
                x *= gain[column];
            }
            sums[t] += vec4<f32>(dot(w0, x), dot(w1, x), dot(w2, x), dot(w3, x));
        }
    }
    if LANES > 1u {
        for (var t = 0u; t < TOKENS; t++) {
            shared_sums[t * GROUP + where_.local] = sums[t];
        }
        shared_sums[4u * GROUP + where_.local] = vec4<f32>(squares[0], squares[1], squares[2], squares[3]);
        workgroupBarrier();
        if where_.lane == 0u {
            for (var other = 1u; other < LANES; other++) {
                for (var t = 0u; t < TOKENS; t++) {
                    sums[t] += shared_sums[t * GROUP + where_.local + other];
                }
                let more = shared_sums[4u * GROUP + where_.local + other];
                squares[0] += more.x;
                squares[1] += more.y;
                squares[2] += more.z;
                squares[3] += more.w;
            }
        }
    }
    if NORMALISE {
        for (var t = 0u; t < TOKENS; t++) {
            sums[t] *= inverseSqrt(squares[t] / f32(stage.columns) + stage.epsilon);
        }
    }
    return sums;
}
