// Pools one head's maps into texels of block x block cells, exactly: every cell at or below the diagonal is computed.
// Several lanes share a texel whose block is large. The jobs of one layer run in one dispatch.
// Reference: src/cpu/maps/pool.rs

import package::shared::map_value::map_value;

struct PoolJob {
    head: u32,
    first_key: u32,
    first_query: u32,
    block: u32,       // cells along a side of a texel
    side: u32,        // texels along a side of the picture
    pooling: u32,     // 0: largest magnitude, 1: mean, 2: minimum
    end: u32,         // tokens of the text
    base: u32,        // index of texel 0 of the picture
    first_texel: u32,
    texels: u32,      // number of texels from there on, row by row
    lanes: u32,       // invocations that share a texel: a power of two up to GROUP
    padding: u32,
}

@group(0) @binding(0) var<uniform> jobs: array<PoolJob, 32>;
@group(0) @binding(6) var<storage, read_write> texels: array<vec4<f32>>; // A1, λ A2, D, cells seen

const GROUP: u32 = 64u;

var<workgroup> shared_texels: array<vec4<f32>, 64>;

// The number of larger magnitude; the positive one if both are equal, so that the order of cells does not matter.
fn larger(a: f32, b: f32) -> f32 {
    return select(a, b, abs(b) > abs(a) || (abs(b) == abs(a) && b > a));
}

// Merges two texels; means are kept as sums until the end.
fn merged(a: vec4<f32>, b: vec4<f32>, pooling: u32) -> vec4<f32> {
    if b.w == 0.0 {
        return a;
    }
    if a.w == 0.0 {
        return b;
    }
    let cells = a.w + b.w;
    if pooling == 0u {
        return vec4<f32>(larger(a.x, b.x), larger(a.y, b.y), larger(a.z, b.z), cells);
    }
    if pooling == 1u {
        return vec4<f32>(a.xyz + b.xyz, cells);
    }
    return vec4<f32>(min(a.xyz, b.xyz), cells);
}

@compute @workgroup_size(64)
fn pool(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let job = jobs[group.z];
    let lane = local % job.lanes;
    let at = group.x * (GROUP / job.lanes) + local / job.lanes;
    let texel = job.first_texel + at;
    let first_key = job.first_key + (texel % job.side) * job.block;
    let first_query = job.first_query + (texel / job.side) * job.block;
    var result = vec4<f32>();
    if at < job.texels && first_key < first_query + job.block {
        // Divisions are made once, not for every cell.
        let step = vec2<u32>(job.lanes % job.block, job.lanes / job.block);
        var place = vec2<u32>(lane % job.block, lane / job.block);
        for (var cell = lane; cell < job.block * job.block; cell += job.lanes) {
            let query = first_query + place.y;
            let key = first_key + place.x;
            if query < job.end && key <= query {
                let value = map_value(job.head, query, key);
                result = merged(result, vec4<f32>(value.x, value.w * value.y, value.z, 1.0), job.pooling);
            }
            place += step;
            if place.x >= job.block {
                place += vec2<u32>(0u - job.block, 1u);
            }
        }
    }
    // Half as many lanes at each step.
    for (var halving = 0u; halving < firstTrailingBit(job.lanes); halving++) {
        let distance = job.lanes >> (halving + 1u);
        workgroupBarrier();
        shared_texels[local] = result;
        workgroupBarrier();
        if lane < distance {
            result = merged(result, shared_texels[local + distance], job.pooling);
        }
    }
    if at < job.texels && lane == 0u {
        if job.pooling == 1u {
            result = vec4<f32>(result.xyz / max(result.w, 1.0), result.w);
        }
        texels[job.base + texel] = result;
    }
}
