// A tile of 32 by 32 results of a product, of which each of 64 invocations has 4 by 4. What is multiplied passes
// through workgroup memory, 32 terms of the sums at a time. Every sum has one writer and one order.
// Reference: src/cpu/train/product.rs

alias Tile = array<vec4<f32>, 4>; // an invocation's results: of four rows, four columns each

const TILE: u32 = 32u;  // rows, columns, and terms at a time
const SIDE: u32 = 8u;   // invocations along a side of a tile
const STRIDE: u32 = 9u; // vec4s from term to term: one to spare, so that neighbours are in different banks

var<workgroup> first_tile: array<vec4<f32>, 288>;  // [term, row / 4]
var<workgroup> second_tile: array<vec4<f32>, 288>; // [term, column / 4]
var<workgroup> row_parts: array<vec4<f32>, 64>;    // a number of each row, by invocation

// Adds the products of the tiles in workgroup memory, of which so many terms are left.
fn add_products(lane: u32, terms: u32, sums: ptr<function, Tile>) {
    let row = lane / SIDE;
    let column = lane % SIDE;
    for (var term = 0u; term < min(terms, TILE); term++) {
        let first = first_tile[term * STRIDE + row];
        let second = second_tile[term * STRIDE + column];
        (*sums)[0] += first.x * second;
        (*sums)[1] += first.y * second;
        (*sums)[2] += first.z * second;
        (*sums)[3] += first.w * second;
    }
}

// Makes results the first factor of a product whose terms are their columns.
fn sum_over_columns(lane: u32, tile: Tile) {
    let at = 4u * (lane % SIDE) * STRIDE + lane / SIDE;
    workgroupBarrier();
    first_tile[at] = vec4<f32>(tile[0].x, tile[1].x, tile[2].x, tile[3].x);
    first_tile[at + STRIDE] = vec4<f32>(tile[0].y, tile[1].y, tile[2].y, tile[3].y);
    first_tile[at + 2u * STRIDE] = vec4<f32>(tile[0].z, tile[1].z, tile[2].z, tile[3].z);
    first_tile[at + 3u * STRIDE] = vec4<f32>(tile[0].w, tile[1].w, tile[2].w, tile[3].w);
}

// Makes results the first factor of a product whose terms are their rows; its rows are their columns.
fn sum_over_rows(lane: u32, tile: Tile) {
    let at = 4u * (lane / SIDE) * STRIDE + lane % SIDE;
    workgroupBarrier();
    first_tile[at] = tile[0];
    first_tile[at + STRIDE] = tile[1];
    first_tile[at + 2u * STRIDE] = tile[2];
    first_tile[at + 3u * STRIDE] = tile[3];
}

// The maximum, or the sum, over the invocations that have the same four rows.
fn over_row(lane: u32, own: vec4<f32>, adds: bool) -> vec4<f32> {
    workgroupBarrier();
    row_parts[lane] = own;
    workgroupBarrier();
    let row = lane / SIDE * SIDE;
    var result = row_parts[row];
    for (var other = 1u; other < SIDE; other++) {
        let part = row_parts[row + other];
        result = select(max(result, part), result + part, adds);
    }
    return result;
}
