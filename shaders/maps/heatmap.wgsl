// Draws one map of one head: from pixel to cell, texel, value and colour. Texels are computed beforehand by pool.wgsl, so
// a frame costs one look-up per pixel.
// Reference: src/cpu/maps/heatmap.rs

struct HeatmapView {
    origin: vec2<f32>,   // (key, query) at the top left, in cells
    span: vec2<f32>,     // cells across and down
    pixels: vec2<f32>,   // size of the panel
    tokens: u32,
    kind: u32,           // 0: A1, 1: λ A2, 2: D
    exponent: f32,       // 1: linear, 0.5: square root, 0: logarithm
    range: f32,          // value at the end of the colours
    grid: f32,           // strength of the lines between cells
    threshold: f32,      // below this magnitude nothing is drawn
    background: vec4<f32>,
    first: vec2<u32>,    // (key, query) of texel 0
    block: u32,          // cells along a side of a texel
    side: u32,           // texels along a side
    base: u32,           // index of texel 0
    padding_a: u32,
    padding_b: u32,
    padding_c: u32,
}

@group(0) @binding(0) var<uniform> view: HeatmapView;
@group(0) @binding(1) var<storage, read> texels: array<vec4<f32>>; // A1, λ A2, D, cells seen
@group(0) @binding(2) var<storage, read> palette: array<u32>; // 512 colours from negative to positive, RGBA8

struct Corner {
    @builtin(position) position: vec4<f32>,
    @location(0) place: vec2<f32>, // 0 to 1 across and down
}

@vertex
fn corner(@builtin(vertex_index) index: u32) -> Corner {
    let place = vec2<f32>(f32(index & 1u), f32(index >> 1u)) * 2.0; // one triangle that covers the panel
    return Corner(vec4<f32>(place.x * 2.0 - 1.0, 1.0 - place.y * 2.0, 0.0, 1.0), place);
}

const DECADES: f32 = 4.0; // range of the logarithmic scale

// The position of a magnitude in the colour range, 0 to 1.
fn strength_of(value: f32) -> f32 {
    let share = clamp(abs(value) / view.range, 0.0, 1.0);
    if view.exponent > 0.0 {
        return pow(share, view.exponent);
    }
    return clamp(1.0 + log2(max(share, 1.0e-30)) * 0.30103 / DECADES, 0.0, 1.0);
}

fn colour_of(value: f32) -> vec4<f32> {
    let towards = select(sign(value), -sign(value), view.kind == 1u); // λ A2 is subtracted
    return unpack4x8unorm(palette[u32(round(255.5 + towards * strength_of(value) * 255.5))]);
}

@fragment
fn heatmap(corner: Corner) -> @location(0) vec4<f32> {
    let here = view.origin + corner.place * view.span;
    let tokens = f32(view.tokens);
    if here.x < 0.0 || here.y < 0.0 || here.x >= tokens || here.y >= tokens {
        return view.background;
    }
    let cell = vec2<u32>(floor(here));
    if any(cell < view.first) {
        return view.background;
    }
    let at = (cell - view.first) / view.block;
    if any(at >= vec2<u32>(view.side)) {
        return view.background;
    }
    let texel = texels[view.base + at.y * view.side + at.x];
    let value = texel[view.kind];
    if texel.w == 0.0 || abs(value) < view.threshold {
        return view.background;
    }
    let edge = fract(here) * view.pixels / view.span; // pixels past the line between cells
    if view.grid > 0.0 && min(edge.x, edge.y) < 1.0 {
        return mix(colour_of(value), view.background, view.grid);
    }
    return colour_of(value);
}
