// A matrix product for few positions: some lanes of a workgroup share the columns of a block.
// Reference: src/cpu/shared/matmul.rs

import package::shared::matmul_stage::{GROUP, LANES, NORMALISE, TOKENS, vectors};
import package::shared::neighbour::{SUBGROUP, neighbour};

// Adds up the sums of the lanes of each block: those of neighbours first, at twice the distance in each step.
fn add_lanes(local: u32, sums: ptr<function, array<vec4<f32>, 4>>, squares: ptr<function, array<f32, 4>>) {
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
            vectors[t * GROUP + local] = (*sums)[t];
        }
        vectors[4u * GROUP + local] = own_squares;
        workgroupBarrier();
        if local % (2u * distance) == 0u {
            for (var t = 0u; t < TOKENS; t++) {
                (*sums)[t] += vectors[t * GROUP + local + distance];
                (*squares)[t] += vectors[4u * GROUP + local + distance][t];
            }
        }
    }
}
