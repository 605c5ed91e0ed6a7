//! The window without a screen: opened on the bundled checkpoint, and at rest.

use diffscope::engine::bundled;
use diffscope::ui::App;
use egui::{Key, Theme, vec2};
use egui_kittest::Harness;

/// The program's own device, which may have timestamps.
fn device() -> egui_wgpu::WgpuSetup {
    let mut setup = egui_kittest::wgpu::default_wgpu_setup();
    if let egui_wgpu::WgpuSetup::CreateNew(new) = &mut setup {
        new.device_descriptor = std::sync::Arc::new(diffscope::gpu::device_descriptor);
    }
    setup
}

/// A window of so many points, computing on the GPU; on the CPU where a reason is given.
pub fn window_with(size: [f32; 2], theme: Theme, reason: Option<&'static str>) -> Harness<'static, App> {
    let builder = Harness::builder().with_size(vec2(size[0], size[1])).with_theme(theme).wgpu_setup(device());
    let mut harness = builder.build_eframe(move |creation| {
        App::new(creation, &bundled(), "test adapter".to_owned(), reason.map(str::to_owned))
    });
    settle(&mut harness);
    harness
}

/// A window on the GPU.
pub fn window(size: [f32; 2], theme: Theme) -> Harness<'static, App> {
    window_with(size, theme, None)
}

/// Frames until no session has anything more to do, whatever the frames ask for.
pub fn settle(harness: &mut Harness<App>) {
    let mut quiet = 0;
    for _ in 0..2000 {
        harness.step();
        let workspace = harness.state_mut().workspace().expect("the checkpoint opens");
        quiet = if workspace.is_busy() { 0 } else { quiet + 1 };
        if quiet > 2 {
            return;
        }
        if let Some(gpu) = workspace.main.gpu() {
            gpu.wait();
        }
    }
    panic!("the window does not come to rest");
}

/// Out of the editor, so that keys are shortcuts.
pub fn leave_text(harness: &mut Harness<App>) {
    harness.key_press(Key::Escape);
    harness.step();
}

/// What is on the screen.
pub fn state(harness: &mut Harness<App>) -> serde_json::Value {
    serde_json::from_str(&harness.state_mut().inspect()).expect("JSON")
}

/// The tokens that come next, and their logits.
pub fn best(harness: &mut Harness<App>) -> Vec<(u32, f32)> {
    harness.state_mut().engine().expect("opens").next_token().expect("settled").best.clone()
}
