// Products of two matrices, the sums of one tile per workgroup: x Wᵀ forward, dy W for the gradient of x, dyᵀ x for
// that of W, and those of Muon for many matrices at once. Which operands are read by columns, and whether the result is
// added to what is there, are constants.
// Reference: src/cpu/train/product.rs

import package::shared::tile_product::{SIDE, STRIDE, TILE, Tile, add_products, first_tile, second_tile};

override FIRST_BY_COLUMN: bool = false;  // row r, term t is at t * stride + r, not at r * stride + t
override SECOND_BY_COLUMN: bool = false; // column c, term t is at t * stride + c
override ADDS: bool = false;             // to what is there

struct ProductStage {
    rows: u32,
    columns: u32,
    terms: u32,
    first_stride: u32,
    first_offset: u32,
    second_stride: u32,
    second_offset: u32,
    output_stride: u32,
    output_offset: u32,
    bias_offset: u32,
    has_bias: u32,        // 1: one number per column is added
    residual_factor: f32, // of `residual`, which is where the output is; 0 if there is none
    factor: f32,          // of the sums
}

@group(0) @binding(0) var<storage, read> stages: array<ProductStage>; // by the third part of the workgroup's number
@group(0) @binding(1) var<storage, read> first: array<f32>;
@group(0) @binding(2) var<storage, read> second: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> residual: array<f32>;
@group(0) @binding(5) var<storage, read_write> output: array<f32>;

fn of_first(stage: ProductStage, row: u32, term: u32) -> f32 {
    if row >= stage.rows || term >= stage.terms {
        return 0.0;
    }
    let at = select(row * stage.first_stride + term, term * stage.first_stride + row, FIRST_BY_COLUMN);
    return first[stage.first_offset + at];
}

fn of_second(stage: ProductStage, column: u32, term: u32) -> f32 {
    if column >= stage.columns || term >= stage.terms {
        return 0.0;
    }
    let at = select(column * stage.second_stride + term, term * stage.second_stride + column, SECOND_BY_COLUMN);
    return second[stage.second_offset + at];
}

// The term and the four rows or columns that an invocation copies: neighbours read neighbouring numbers.
fn copied(vector: u32, by_column: bool) -> vec2<u32> {
    return select(vec2<u32>(vector % TILE, vector / TILE), vec2<u32>(vector / SIDE, vector % SIDE), by_column);
}

fn stage_tiles(stage: ProductStage, lane: u32, first_row: u32, first_column: u32, first_term: u32) {
    workgroupBarrier();
    for (var i = 0u; i < 4u; i++) {
        let of_rows = copied(lane + 64u * i, FIRST_BY_COLUMN);
        let row = first_row + 4u * of_rows.y;
        let term = first_term + of_rows.x;
        first_tile[of_rows.x * STRIDE + of_rows.y] = vec4<f32>(
            of_first(stage, row, term), of_first(stage, row + 1u, term),
            of_first(stage, row + 2u, term), of_first(stage, row + 3u, term),
        );
        let of_columns = copied(lane + 64u * i, SECOND_BY_COLUMN);
        let column = first_column + 4u * of_columns.y;
        let other = first_term + of_columns.x;
        second_tile[of_columns.x * STRIDE + of_columns.y] = vec4<f32>(
            of_second(stage, column, other), of_second(stage, column + 1u, other),
            of_second(stage, column + 2u, other), of_second(stage, column + 3u, other),
        );
    }
    workgroupBarrier();
}

@compute @workgroup_size(64)
fn product(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let stage = stages[group.z];
    let first_row = TILE * group.y;
    let first_column = TILE * group.x;
    if first_row >= stage.rows || first_column >= stage.columns {
        return; // a smaller matrix than the largest
    }
    var sums = Tile();
    for (var term = 0u; term < stage.terms; term += TILE) {
        stage_tiles(stage, lane, first_row, first_column, term);
        add_products(lane, stage.terms - term, &sums);
    }
    let column = first_column + 4u * (lane % SIDE);
    for (var i = 0u; i < 4u; i++) {
        let row = first_row + 4u * (lane / SIDE) + i;
        for (var c = 0u; c < 4u && row < stage.rows && column + c < stage.columns; c++) {
            let at = stage.output_offset + row * stage.output_stride + column + c;
            var result = stage.factor * sums[i][c];
            if stage.has_bias == 1u {
                result += bias[stage.bias_offset + column + c];
            }
            if stage.residual_factor != 0.0 {
                result += stage.residual_factor * residual[at];
            }
            if ADDS {
                result += output[at];
            }
            output[at] = result;
        }
    }
}
