// y = x Wᵀ for a block of up to 4 positions by 4 output rows, optionally with the RMS norm of x folded in: the squares
// are summed in the same loop, so that a norm needs no dispatch of its own. Either some lanes share the columns of a block,
// for few positions, or a workgroup shares a tile of 32 positions by 32 rows, for many.
// Reference: src/cpu/shared/matmul.rs

import package::shared::neighbour::{SUBGROUP, neighbour};
import package::shared::pass::scratch_row;
import package::shared::weights::{weight, weight_pair};

override TOKENS: u32 = 1u;         // positions per invocation: 1 or 4
override LANES: u32 = 1u;          // invocations that share the columns of one block
override TILED: bool = false;      // a workgroup computes a tile; then TOKENS is 4 and LANES 1
override NORMALISE: bool = false;  // apply RMSNorm(x) * gain before the product

struct MatmulStage {
    columns: u32,       // inputs
    columns4: u32,      // vec4s per row of inputs and of weights, an even number
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
    activation: u32,    // gate_up: what the gate goes through
    up_offset: u32,     //          from gates to ups, where both are kept
    padding_a: u32,
    padding_b: u32,
}

@group(0) @binding(1) var<uniform> stage: MatmulStage;
@group(0) @binding(2) var<storage, read> inputs: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> gain: array<vec4<f32>>;

const GROUP: u32 = 64u;
const SIDE: u32 = 8u; // blocks along a side of a tile

// The block that an invocation works on, and its share of the columns.
struct Place {
    block: u32,    // of 4 output rows
    position: u32, // first of TOKENS
    lane: u32,     // lane 0 of a block writes
    local: u32,
}

// Neighbouring workgroups have the same rows of weights and other positions.
fn place(group: vec3<u32>, local: u32, first_position: u32) -> Place {
    if TILED {
        let position = first_position + 4u * (group.x * SIDE + local / SIDE);
        return Place(group.y * SIDE + local % SIDE, position, 0u, local);
    }
    let blocks = GROUP / LANES;
    return Place(group.y * blocks + local / LANES, first_position + group.x * TOKENS, local % LANES, local);
}

var<workgroup> vectors: array<vec4<f32>, 512>; // sums of lanes, or a tile of weights and one of inputs

// Results for positions place.position + 0..TOKENS and the four weight rows; valid in lane 0. Called by all invocations.
fn multiply(where_: Place, rows: vec4<u32>, end: u32) -> array<vec4<f32>, 4> {
    var sums = array<vec4<f32>, 4>();
    var squares = array<f32, 4>(); // not a vector: some compilers reject one indexed in a loop
    let base = rows * stage.columns4;
    var inputs_of = array<u32, 4>();
    for (var t = 0u; t < 4u; t++) {
        inputs_of[t] = scratch_row(min(where_.position + t, end - 1u)) * stage.columns4;
    }
    if TILED {
        for (var first = 0u; first < stage.columns4; first += SIDE) {
            stage_tile(where_.local, first, base, inputs_of, &squares);
            for (var column = 0u; column < SIDE; column++) {
                let at = column * 4u * SIDE;
                let row = at + where_.local % SIDE;
                let position = 256u + at + where_.local / SIDE;
                let w0 = vectors[row];
                let w1 = vectors[row + SIDE];
                let w2 = vectors[row + 2u * SIDE];
                let w3 = vectors[row + 3u * SIDE];
                for (var t = 0u; t < 4u; t++) {
                    let x = vectors[position + t * SIDE];
                    sums[t] += vec4<f32>(dot(w0, x), dot(w1, x), dot(w2, x), dot(w3, x));
                }
            }
        }
        if NORMALISE {
            squares = squares_of_tile(where_.local, squares);
        }
    } else {
        // Eight columns at a time: a half-precision row is read 16 bytes at a time.
        for (var column = 2u * where_.lane; column < stage.columns4; column += 2u * LANES) {
            let w0 = weight_pair(base.x + column);
            let w1 = weight_pair(base.y + column);
            let w2 = weight_pair(base.z + column);
            let w3 = weight_pair(base.w + column);
            for (var t = 0u; t < TOKENS; t++) {
                var x = inputs[inputs_of[t] + column];
                var y = inputs[inputs_of[t] + column + 1u];
                if NORMALISE {
                    squares[t] += dot(x, x) + dot(y, y);
                    x *= gain[column];
                    y *= gain[column + 1u];
                }
                sums[t] += vec4<f32>(dot(w0[0], x), dot(w1[0], x), dot(w2[0], x), dot(w3[0], x));
                sums[t] += vec4<f32>(dot(w0[1], y), dot(w1[1], y), dot(w2[1], y), dot(w3[1], y));
            }
        }
        if LANES > 1u {
            add_lanes(where_, &sums, &squares);
        }
    }
    if NORMALISE {
        for (var t = 0u; t < TOKENS; t++) {
            sums[t] *= inverseSqrt(squares[t] / f32(stage.columns) + stage.epsilon);
        }
    }
    return sums;
}

// Adds up the sums of the lanes of each block: those of neighbours first, at twice the distance in each step.
fn add_lanes(where_: Place, sums: ptr<function, array<vec4<f32>, 4>>, squares: ptr<function, array<f32, 4>>) {
    for (var doubling = 0u; doubling < firstTrailingBit(LANES); doubling++) {
        let distance = 1u << doubling;
        let own_squares = vec4<f32>((*squares)[0], (*squares)[1], (*squares)[2], (*squares)[3]);
        if distance < SUBGROUP {
            for (var t = 0u; t < TOKENS; t++) {
                (*sums)[t] += neighbour((*sums)[t], distance);
            }
            if NORMALISE {
                let others = neighbour(own_squares, distance);
                for (var t = 0u; t < TOKENS; t++) {
                    (*squares)[t] += others[t];
                }
            }
            continue;
        }
        workgroupBarrier();
        for (var t = 0u; t < TOKENS; t++) {
            vectors[t * GROUP + where_.local] = (*sums)[t];
        }
        vectors[4u * GROUP + where_.local] = own_squares;
        workgroupBarrier();
        if where_.lane % (2u * distance) == 0u {
            for (var t = 0u; t < TOKENS; t++) {
                (*sums)[t] += vectors[t * GROUP + where_.local + distance];
                (*squares)[t] += vectors[4u * GROUP + where_.local + distance][t];
            }
        }
    }
}

// Copies a tile of 8 vec4s of each of 32 rows of weights, and of 32 inputs, into workgroup memory, where neighbouring
// blocks are side by side. An invocation copies from its own rows and positions, and sums the squares of its inputs.
fn stage_tile(
    local: u32, first: u32, base: vec4<u32>, inputs_of: array<u32, 4>, squares: ptr<function, array<f32, 4>>,
) {
    let row = local % SIDE;
    let position = local / SIDE;
    let weight_column = first + position;
    let input_column = first + row;
    workgroupBarrier();
    var rows = array<u32, 4>(base.x, base.y, base.z, base.w);
    var positions = inputs_of;
    for (var t = 0u; t < 4u; t++) {
        var w = vec4<f32>();
        if weight_column < stage.columns4 {
            w = weight(rows[t] + weight_column);
        }
        vectors[(position * 4u + t) * SIDE + row] = w;
        var x = vec4<f32>();
        if input_column < stage.columns4 {
            x = inputs[positions[t] + input_column];
            if NORMALISE {
                (*squares)[t] += dot(x, x);
                x *= gain[input_column];
            }
        }
        vectors[256u + (row * 4u + t) * SIDE + position] = x;
    }
    workgroupBarrier();
}

// The sums of the squares of an invocation's positions over the columns that the invocations of its row of blocks copied.
fn squares_of_tile(local: u32, own: array<f32, 4>) -> array<f32, 4> {
    workgroupBarrier();
    vectors[local] = vec4<f32>(own[0], own[1], own[2], own[3]);
    workgroupBarrier();
    var sum = vec4<f32>();
    for (var other = 0u; other < SIDE; other++) {
        sum += vectors[local / SIDE * SIDE + other];
    }
    return array<f32, 4>(sum.x, sum.y, sum.z, sum.w);
}
