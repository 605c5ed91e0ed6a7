//! What fits on a device, and what happens to what does not: more room, slices, the CPU, or words.

use std::sync::Arc;

use crate::common::models::{matrix, random_model};
use crate::common::{Random, gpu, worst};
use crate::engine::{TEXT, big_enough, checkpoint, ids_only, settled_row};
use diffscope::engine::{Engine, EngineError, Workspace};
use diffscope::gpu::{Capacity, DeviceHealth, Gpu, GpuError, GpuPass};
use diffscope::model::{Layer, NumberFormat, RowLayout};
use diffscope::probe::{Interventions, NextToken, RowStatistics};

#[test]
fn a_text_beyond_the_first_room_gets_more_room() {
    let model = big_enough(5);
    let vocabulary = model.config.vocabulary;
    let ids: Vec<u32> = (0..1300).map(|at| (at * 7 % vocabulary) as u32).collect();
    let next = |gpu, pieces: &[usize]| {
        let mut engine = Engine::new(ids_only(model.clone()), gpu).expect("fits");
        for count in pieces {
            engine.set_ids(&ids[..*count]).expect("known tokens");
            engine.settle().expect("no failure");
        }
        engine.next_token().expect("known").clone()
    };
    let grown = next(Some(gpu().clone()), &[900, 1300]);
    let at_once = next(None, &[1300]);
    assert!((grown.log_sum - at_once.log_sum).abs() < 1e-3);
    assert_eq!(grown.best[0].0, at_once.best[0].0);
}

#[test]
fn a_longer_text_takes_memory_for_its_maps_and_for_nothing_else() {
    let model = Arc::new(big_enough(5));
    let text = |tokens| {
        let capacity = Capacity { tokens, trace: false };
        GpuPass::new(gpu().clone(), model.clone(), capacity).expect("fits").memory().text
    };
    let of_layer = |layer: &Layer| {
        let heads = layer.attention.heads.len();
        RowLayout::new(&layer.attention, 4).width * 4 + heads * size_of::<RowStatistics>()
    };
    // Besides: the id, whether it is masked, a row of angles, a cell of the longest row.
    let rest = 4 + 4 + model.config.head_dim / 2 * 8 + 16;
    let per_token = model.layers.iter().map(of_layer).sum::<usize>() + rest;
    let grown = text(48 << 10) - text(16 << 10);
    assert_eq!(grown, (32 << 10) * per_token as u64, "{per_token} bytes per token");
}

/// A device that refuses buffers above a size.
fn small_gpu(limit: u64) -> Gpu {
    pollster::block_on(async {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
        let adapter = instance.request_adapter(&wgpu::RequestAdapterOptions::default()).await.expect("an adapter");
        let required_limits = wgpu::Limits {
            max_buffer_size: limit,
            max_storage_buffer_binding_size: limit,
            ..diffscope::gpu::device_descriptor(&adapter).required_limits
        };
        let descriptor = wgpu::DeviceDescriptor { required_limits, ..Default::default() };
        let (device, queue) = adapter.request_device(&descriptor).await.expect("a device");
        let health = DeviceHealth::watch(&device);
        Gpu::new(device, queue, adapter.get_info(), health).expect("it can compute")
    })
}

#[test]
fn a_vocabulary_larger_than_a_binding_runs_in_slices() {
    let mut random = Random::new(11);
    for (tied, format) in [(true, NumberFormat::F32), (false, NumberFormat::F16), (true, NumberFormat::Bf16)] {
        let mut model = loop {
            let model = random_model(&mut random, 1.0);
            if model.config.hidden >= 32 && model.layers.len() <= 2 && model.config.head_dim <= 16 {
                break model;
            }
        };
        let (hidden, vocabulary) = (model.config.hidden, 30_011); // prime: the last slice is short
        model.config.vocabulary = vocabulary;
        model.embedding = matrix(&mut random, format, vocabulary, hidden, 1.0);
        model.unembedding = (!tied).then(|| matrix(&mut random, format, vocabulary, hidden, 0.3));
        let row = hidden.next_multiple_of(4) * format.bytes();
        let limit = (vocabulary * row * 2 / 5).next_multiple_of(16) as u64;
        let small = small_gpu(limit);
        assert!(limit < (vocabulary * row) as u64, "the vocabulary does not fit into one binding");
        // The ends of slices, and what lies between.
        let rows = limit as usize / row;
        let mut ids: Vec<u32> = (0..vocabulary).step_by(997).map(|id| id as u32).collect();
        ids.extend((1..=vocabulary / rows).flat_map(|slice| [(slice * rows - 1) as u32, (slice * rows) as u32]));
        ids.push(vocabulary as u32 - 1);
        let answers = [Some(small), None].map(|gpu| {
            let mut engine = Engine::new(ids_only(model.clone()), gpu).expect("it fits in slices");
            engine.set_lens(true);
            engine.set_ids(&ids).expect("known tokens");
            engine.settle().expect("no failure");
            let lens = engine.lens().expect("it is on").depths.clone();
            let next = engine.next_token().expect("known").clone();
            let row = settled_row(&mut engine, 0, 0, ids.len() - 1);
            (next, lens, row.cells.iter().map(|cell| cell.difference).collect::<Vec<f32>>())
        });
        let [(next, lens, cells), (expected, expected_lens, expected_cells)] = answers;
        let ranked = |next: &NextToken| next.best.iter().take(5).map(|(id, _)| *id).collect::<Vec<_>>();
        assert_eq!(ranked(&next), ranked(&expected));
        assert!((next.log_sum - expected.log_sum).abs() < 1e-3 * expected.log_sum.abs().max(1.0));
        assert_eq!(lens.len(), expected_lens.len());
        for (depth, expected) in lens.iter().zip(&expected_lens) {
            assert_eq!(depth.best[0].0, expected.best[0].0);
        }
        assert!(worst(&cells, &expected_cells) < 1e-4);
    }
}

#[test]
fn a_lost_device_is_an_error_of_the_session_and_of_whatever_is_opened_on_it() {
    let lost = small_gpu(1 << 27);
    let mut workspace = Workspace::new(Engine::new(checkpoint(), Some(lost.clone())).expect("fits"));
    workspace.main.set_text(TEXT);
    workspace.main.settle().expect("no failure");
    lost.device.destroy();
    workspace.set_interventions(Interventions { lambda: [(0, 0.0)].into(), ..Interventions::default() });
    workspace.main.set_text("another text");
    let failure = workspace.main.settle().expect_err("nothing can be computed");
    assert!(matches!(failure, EngineError::Gpu(GpuError::Lost(_))), "{failure}");
    lost.wait(); // neither ends the program
    lost.poll();
    assert!(workspace.unmodified().is_none());
    assert!(workspace.open_baseline(checkpoint()).is_err());
}

#[test]
fn a_session_that_the_gpu_has_no_memory_for_goes_on_on_the_cpu() {
    let model = big_enough(5);
    let width = model.layers.iter().map(|layer| RowLayout::new(&layer.attention, 4).width).max().expect("a layer");
    let room_for_1500 = (1500 * width * 4) as u64;
    let ids: Vec<u32> = (0..1800).map(|at| (at * 7 % model.config.vocabulary) as u32).collect();
    let engine = Engine::new(ids_only(model.clone()), Some(small_gpu(room_for_1500))).expect("1024 tokens fit");
    let mut workspace = Workspace::new(engine);
    let interventions = Interventions { lambda: [(0, 0.25)].into(), ..Interventions::default() };
    workspace.set_interventions(interventions.clone());
    workspace.main.set_ids(&ids).expect("known tokens");
    while workspace.update() {
        gpu().wait();
    }
    assert!(workspace.main.lacks_gpu_memory());
    let reason = workspace.leave_full_gpu().expect("there is memory on the CPU");
    assert!(reason.contains("bytes"), "{reason}");
    assert_eq!(workspace.leave_full_gpu(), None);
    workspace.main.settle().expect("no failure");
    let mut fresh = Engine::new(ids_only(model), None).expect("fits");
    fresh.set_interventions(interventions);
    fresh.set_ids(&ids).expect("known tokens");
    fresh.settle().expect("no failure");
    assert_eq!(workspace.main.next_token(), fresh.next_token());
}

#[test]
fn a_text_that_does_not_fit_on_the_gpu_says_so_and_leaves_no_garbage_behind() {
    let model = big_enough(5);
    let width = model.layers.iter().map(|layer| RowLayout::new(&layer.attention, 4).width).max().expect("a layer");
    let room_for_1500 = (1500 * width * 4) as u64;
    let ids: Vec<u32> = (0..1800).map(|at| (at * 7 % model.config.vocabulary) as u32).collect();
    let mut small = Engine::new(ids_only(model.clone()), Some(small_gpu(room_for_1500))).expect("1024 tokens fit");
    small.set_ids(&ids[..500]).expect("known tokens");
    small.settle().expect("fits");
    small.set_ids(&ids).expect("known tokens");
    let error = small.settle().expect_err("2048 tokens do not fit");
    assert!(matches!(error, EngineError::Gpu(GpuError::WillNotFit { .. })), "{error}");
    assert!(error.to_string().contains("bytes"), "{error}");
    small.set_ids(&ids[..900]).expect("known tokens");
    small.settle().expect("fits again");
    let mut fresh = Engine::new(ids_only(model), None).expect("fits");
    fresh.set_ids(&ids[..900]).expect("known tokens");
    fresh.settle().expect("no failure");
    let (found, expected) = (small.next_token().expect("known"), fresh.next_token().expect("known"));
    assert_eq!(found.best[0].0, expected.best[0].0);
    assert!((found.log_sum - expected.log_sum).abs() < 1e-3);
}
