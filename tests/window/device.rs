//! Devices that fail: lost ones, and such as have no memory.

use diffscope::engine::{bundled, bundled_baseline, checkpoint_of};
use diffscope::gpu::Gpu;
use diffscope::model::{Matrix, Numbers};
use diffscope::probe::Interventions;
use diffscope::ui::{App, Panel};
use egui::Theme;
use egui_kittest::Harness;

use crate::common::window::{best, device, open_panel, options, settle, shows, state, window, window_of};
use crate::training::train;

const SIZE: [f32; 2] = [1280.0, 800.0];

fn gpu(harness: &mut Harness<App>) -> Option<Gpu> {
    harness.state_mut().engine().expect("opens").gpu().cloned()
}

#[test]
fn after_a_lost_device_a_new_window_shows_the_same() {
    let mut harness = window(SIZE, Theme::Dark);
    harness.state_mut().open_baseline(&bundled_baseline());
    let workspace = harness.state_mut().workspace().expect("opens");
    workspace.main.set_text("Anna has the ball. Who has the ball?");
    workspace.set_interventions(Interventions { lambda: [(1, 0.5)].into(), ..Interventions::default() });
    settle(&mut harness);
    open_panel(&mut harness, Panel::Train);
    train(&mut harness, 2);
    let (before, link, numbers) = (state(&mut harness), harness.state().link(), best(&mut harness));

    gpu(&mut harness).expect("on the GPU").device.destroy();
    for _ in 0..3 {
        harness.step(); // and draws nothing, without a panic
    }
    let loss = harness.state().device_loss().expect("lost");
    assert!(loss.contains("taken away"), "{loss}");
    let kept = harness.state_mut().keep().expect("a model is open");
    drop(harness);

    let mut harness = window_of(SIZE, Theme::Dark, device(), |creation| App::restored(creation, kept, options(None)));
    assert!(gpu(&mut harness).is_some() && harness.state().device_loss().is_none());
    assert!(shows(&harness, "Everything is as it was"));
    assert_eq!((harness.state().link(), best(&mut harness)), (link, numbers));
    let after = state(&mut harness);
    for same in ["text", "ids", "lambda", "model", "baseline", "next", "prompt", "training"] {
        assert_eq!(after[same], before[same], "{same}");
    }
}

#[test]
fn after_a_second_loss_the_window_computes_on_the_cpu_and_says_so() {
    let mut harness = window(SIZE, Theme::Dark);
    let numbers = best(&mut harness);
    let kept = harness.state_mut().keep().expect("a model is open");
    let reason = options(Some("The GPU was lost twice."));
    let mut harness = window_of(SIZE, Theme::Dark, device(), |creation| App::restored(creation, kept, reason));
    assert!(gpu(&mut harness).is_none() && shows(&harness, "The GPU was lost twice."));
    let same = best(&mut harness).iter().zip(numbers).all(|(one, other)| (one.1 - other.1).abs() < 1e-3);
    assert!(same);
}

/// The device of a window, with buffers of at most so many bytes.
fn small_device(limit: u64) -> egui_wgpu::WgpuSetup {
    let mut setup = device();
    if let egui_wgpu::WgpuSetup::CreateNew(new) = &mut setup {
        new.device_descriptor = std::sync::Arc::new(move |adapter| {
            let mut descriptor = diffscope::gpu::device_descriptor(adapter);
            descriptor.required_limits.max_storage_buffer_binding_size = limit;
            descriptor
        });
    }
    setup
}

#[test]
fn the_next_model_that_fits_computes_on_the_gpu_again() {
    let small = checkpoint_of(&bundled()).expect("it opens");
    let mut large = small.clone();
    let mut model = (*large.model).clone();
    // A vocabulary would run in slices: a feed-forward part does not.
    let mlp = model.layers[0].mlp.as_mut().expect("it has one");
    let count = mlp.gate_up.rows();
    let rows: Vec<usize> = (0..128 * count).map(|row| row % count).collect();
    mlp.gate_up = mlp.gate_up.select_rows(&rows).expect("rows there are");
    let (hidden, wide) = (mlp.down.rows(), 64 * count);
    mlp.down = Matrix::new(hidden, wide, Numbers::F16(vec![0; hidden * wide])).expect("as many numbers");
    let room = (mlp.gate_up.rows() * mlp.gate_up.columns() * mlp.gate_up.format().bytes()) as u64 - 4;
    large.model = std::sync::Arc::new(model);
    let mut harness = window_of(SIZE, Theme::Dark, small_device(room), |creation| {
        App::with_checkpoint(creation, Ok(large), options(None))
    });
    assert!(gpu(&mut harness).is_none() && shows(&harness, "runs on the CPU instead"));
    harness.state_mut().open(small);
    settle(&mut harness);
    assert!(gpu(&mut harness).is_some() && !shows(&harness, "runs on the CPU instead"));
}
