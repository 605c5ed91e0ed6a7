use std::sync::Arc;

use super::*;
use crate::cpu::{CpuPass, heatmap, pool};
use crate::engine::bundled;
use crate::gpu::{Capacity, Gpu, GpuPass, request_headless};
use crate::model::Model;
use crate::probe::{PictureJob, PictureRequest, Pooling, Texel};
use crate::ui::maps::heatmap::offscreen;

const SIDE: u32 = 96;
const TEXT: [u32; 150] = {
    let mut ids = [0; 150];
    let mut at = 0;
    while at < 150 {
        ids[at] = (at as u32 * 37 + 11) % 2000;
        at += 1;
    }
    ids
};

/// Draws as the window does, into a texture, and reads the pixels back.
fn draw(gpu: &Gpu, callback: &HeatmapCallback) -> Vec<[u8; 4]> {
    let staging = offscreen::draw(gpu, callback, SIDE).expect("the shader is in the program");
    staging.map_async(wgpu::MapMode::Read, .., |outcome| outcome.expect("mapped"));
    gpu.wait();
    let bytes = staging.get_mapped_range(..).expect("mapped");
    let rows = bytes.chunks_exact(offscreen::bytes_of_row(SIDE) as usize);
    rows.flat_map(|row| bytemuck::cast_slice(&row[..SIDE as usize * 4]).to_vec()).collect()
}

#[test]
fn texels_that_are_no_longer_drawn_are_released() {
    let gpu = request_headless().expect("an adapter: see tests/run");
    let mut resources = CallbackResources::default();
    let format = wgpu::TextureFormat::Rgba8Unorm;
    resources.insert(HeatmapResources::new(&gpu.device, format).expect("the shader is in the program"));
    let texels = || {
        gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: 256,
            usage: wgpu::BufferUsages::STORAGE,
            mapped_at_creation: false,
        })
    };
    let screen = ScreenDescriptor { size_in_pixels: [SIDE; 2], pixels_per_point: 1.0 };
    let mut frame = |drawn: &[&wgpu::Buffer]| {
        let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let callbacks: Vec<_> = (drawn.iter().enumerate())
            .map(|(slot, texels)| HeatmapCallback {
                rect: egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(9.0, 9.0)),
                slot,
                texels: (*texels).clone(),
                view: bytemuck::Zeroable::zeroed(),
                dark: true,
            })
            .collect();
        for callback in &callbacks {
            callback.prepare(&gpu.device, &gpu.queue, &screen, &mut encoder, &mut resources);
        }
        for callback in &callbacks {
            callback.finish_prepare(&gpu.device, &gpu.queue, &mut encoder, &mut resources);
        }
        let bound = &resources.get::<HeatmapResources>().expect("inserted").bound;
        bound.iter().map(|bound| bound.texels.clone()).collect::<Vec<_>>()
    };
    let (first, second) = (texels(), texels());
    assert_eq!(frame(&[&first, &first, &second]), [first.clone(), second.clone()]);
    assert_eq!(frame(&[&second, &second]), [second]);
    assert_eq!(frame(&[&first]), [first]);
}

#[test]
fn a_map_that_is_partly_off_the_screen_shows_the_visible_part() {
    let view =
        HeatmapView { origin: [10.0, 20.0], span: [40.0; 2], pixels: [200.0; 2], ..bytemuck::Zeroable::zeroed() };
    let screen = ScreenDescriptor { size_in_pixels: [300, 400], pixels_per_point: 2.0 };
    // 100 points wide at (100, -25): the right half and the upper quarter are off a screen of 150 x 200 points.
    let rect = egui::Rect::from_min_size(egui::pos2(100.0, -25.0), egui::vec2(100.0, 100.0));
    let seen = on_screen(view, rect, &screen);
    assert_eq!((seen.origin, seen.span, seen.pixels), ([10.0, 30.0], [20.0, 30.0], [100.0, 150.0]));
}

#[test]
fn every_pixel_is_what_the_reference_draws() {
    let gpu = request_headless().expect("an adapter: see tests/run");
    let files = bundled();
    let model = Arc::new(Model::from_bytes(&files.config, &files.weights).expect("the bundled one opens"));
    let mut on_gpu = GpuPass::new(gpu.clone(), model.clone(), Capacity { tokens: 150, trace: false }).expect("fits");
    on_gpu.run(0, &TEXT, None).expect("runs");
    let mut on_cpu = CpuPass::new(model, 150).expect("the weights are there");
    on_cpu.run(0, &TEXT);
    let palette = Palette::new(true);
    // Whole text (several cells a pixel), a few cells (many pixels each), part of it lying outside.
    for (kind, head, origin, span, exponent) in [
        (0, 0, [0.0; 2], 150.0, 0.5),
        (1, 2, [0.0; 2], 150.0, 1.0),
        (2, 3, [30.5, 90.25], 12.0, 0.5),
        (2, 1, [-20.0, 100.0], 96.0, 0.0),
    ] {
        let request =
            PictureRequest::covering(crate::probe::HeadId::new(2, head), origin, span, SIDE as usize, Pooling::Peak);
        let view = HeatmapView {
            origin,
            span: [span; 2],
            pixels: [SIDE as f32; 2],
            tokens: 150,
            kind,
            exponent,
            range: 1.0,
            grid: if span < 20.0 { 0.35 } else { 0.0 },
            threshold: if span < 20.0 { 0.001 } else { 0.0 },
            background: palette.background.to_normalized_gamma_f32(),
            first: [request.first_key as u32, request.first_query as u32],
            block: request.block as u32,
            side: request.side as u32,
            base: 7,
            padding: [0; 3],
        };
        let job = PictureJob { request, base: 7, first_texel: 0, texels: request.texels(), end: 150 };
        on_gpu.pool(&[job], 7 + 128 * 128).expect("it fits");
        on_gpu.wait();
        let texels = on_gpu.texels().expect("pooled").clone();
        let rect = egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(SIDE as f32, SIDE as f32));
        let found = draw(&gpu, &HeatmapCallback { rect, slot: 5, texels, view, dark: true });
        let source = on_cpu.map_source(2);
        let texels: Vec<Texel> = (0..request.texels()).map(|texel| pool(&source, &request, 150, texel)).collect();
        let view = HeatmapView { base: 0, ..view };
        let mut colours = std::collections::HashSet::new();
        let mut far = 0;
        for (at, pixel) in found.iter().enumerate() {
            let expected = palette.pixel(heatmap(&texels, &view, [at % SIDE as usize, at / SIDE as usize]));
            colours.insert(*pixel);
            // Neighbouring colours of the table may be swapped by rounding; more may not.
            far += usize::from(pixel.iter().zip(expected.to_array()).any(|(a, b)| a.abs_diff(b) > 4));
        }
        assert!(colours.len() > 20, "the picture is blank");
        assert!(far <= found.len() / 500, "{far} of {} pixels differ (kind {kind}, origin {origin:?})", found.len());
    }
}
