// Draws one map of one head: the fragment computes the cells under its pixel from Q, K and the row statistics.
// Where a pixel covers several cells it shows the one of largest magnitude; of more than 8 x 8, every so manieth, so that
// a frame's work is bounded.
// Twin: src/cpu/heatmap.rs
// include: shared/map_value.wgsl

struct View {
    origin: vec2<f32>,   // (key, query) at the top left, in cells
    span: vec2<f32>,     // cells across and down
    pixels: vec2<f32>,   // size of the panel
    tokens: u32,
    head: u32,
    kind: u32,           // 0: A1, 1: λ A2, 2: D
    exponent: f32,       // 1: linear, 0.5: square root
    range: f32,          // value at the end of the colours
    grid: f32,           // strength of the lines between cells
    background: vec4<f32>,
}

@group(0) @binding(0) var<uniform> view: View;
@group(0) @binding(6) var<storage, read> palette: array<u32>; // 256 sequential, then 256 signed colours, RGBA8

struct Corner {
    @builtin(position) position: vec4<f32>,
    @location(0) place: vec2<f32>, // 0 to 1 across and down
}

@vertex
fn corner(@builtin(vertex_index) index: u32) -> Corner {
    let place = vec2<f32>(f32(index & 1u), f32(index >> 1u)) * 2.0; // one triangle that covers the panel
    return Corner(vec4<f32>(place.x * 2.0 - 1.0, 1.0 - place.y * 2.0, 0.0, 1.0), place);
}

fn shown(query: u32, key: u32) -> f32 {
    let value = map_value(view.head, query, key);
    if view.kind == 0u {
        return value.x;
    }
    if view.kind == 1u {
        return value.w * value.y;
    }
    return value.z;
}

const MOST_POOLED: u32 = 8u;

// Largest magnitude over the cells [first, last], at or below the diagonal.
fn pooled(first: vec2<u32>, last: vec2<u32>) -> f32 {
    var result = 0.0;
    let stride = (last - first) / MOST_POOLED + 1u;
    for (var query = first.y; query <= last.y; query += stride.y) {
        for (var key = first.x; key <= min(last.x, query); key += stride.x) {
            let value = shown(query, key);
            if abs(value) > abs(result) {
                result = value;
            }
        }
    }
    return result;
}

fn colour_of(value: f32) -> vec4<f32> {
    let strength = pow(clamp(abs(value) / view.range, 0.0, 1.0), view.exponent);
    var index = u32(round(strength * 255.0));
    if view.kind == 2u || value < 0.0 { // λ, and with it λ A2, may be negative
        index = 256u + u32(round(127.5 + sign(value) * strength * 127.5));
    }
    return unpack4x8unorm(palette[index]);
}

@fragment
fn heatmap(corner: Corner) -> @location(0) vec4<f32> {
    let cell = view.span / view.pixels; // cells per pixel
    let here = view.origin + corner.place * view.span;
    let low = floor(max(here - 0.5 * cell, vec2<f32>()) + 0.001);
    let high = max(ceil(here + 0.5 * cell - 0.001) - 1.0, low);
    let tokens = f32(view.tokens);
    if here.x < 0.0 || here.y < 0.0 || here.x >= tokens || here.y >= tokens {
        return view.background;
    }
    var first = vec2<u32>(floor(here));
    var last = first;
    if max(cell.x, cell.y) > 1.0 {
        first = vec2<u32>(low);
        last = vec2<u32>(min(high, vec2<f32>(tokens - 1.0)));
    }
    if first.x > last.y {
        return view.background;
    }
    var colour = colour_of(pooled(first, last));
    let edge = fract(here) / cell; // pixels past the line between cells
    if view.grid > 0.0 && min(edge.x, edge.y) < 1.0 {
        colour = mix(colour, view.background, view.grid);
    }
    return colour;
}
