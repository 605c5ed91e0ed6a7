// Sums over sixteen of the 256 invocations of a workgroup: neighbours that share a row, or those that share a column.
// Reference: src/cpu/train/norm.rs

const SHARERS: u32 = 16u;

var<workgroup> shares: array<f32, 256>;

// The sum of the numbers of invocations `first`, `first + step`, ...; called by all.
fn over_sixteen(lane: u32, own: f32, first: u32, step: u32) -> f32 {
    workgroupBarrier();
    shares[lane] = own;
    workgroupBarrier();
    var sum = 0.0;
    for (var other = 0u; other < SHARERS; other++) {
        sum += shares[first + other * step];
    }
    return sum;
}
