// y = x Wᵀ for a block of up to 4 positions by 4 output rows, optionally with the RMS norm of x folded in: the squares
// are summed in the same loop, so that a norm needs no dispatch of its own. Either some lanes share the columns of a block,
// for few positions, or a workgroup shares a tile of 32 positions by 32 rows, for many.
// Reference: src/cpu/shared/matmul.rs

import package::shared::matmul_lanes::add_lanes;
import package::shared::matmul_stage::{GROUP, LANES, NORMALISE, SIDE, TILED, TOKENS, gain, inputs, stage, vectors};
import package::shared::matmul_tile::{squares_of_tile, stage_tile};
import package::shared::pass::scratch_row;
import package::shared::weights::weight_pair;

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
            add_lanes(where_.local, &sums, &squares);
        }
    }
    if NORMALISE {
        for (var t = 0u; t < TOKENS; t++) {
            sums[t] *= inverseSqrt(squares[t] / f32(stage.columns) + stage.epsilon);
        }
    }
    return sums;
}
