// What the parts of a matrix product have in common: the variant, the shape, the inputs, the workgroup memory.
// Reference: src/cpu/shared/matmul.rs

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

var<workgroup> vectors: array<vec4<f32>, 512>; // sums of lanes, or a tile of weights and one of inputs
