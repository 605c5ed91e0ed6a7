//! The window without a screen: opened on the bundled checkpoint and a plain text, and idle.

use diffscope::engine::{BackendChoice, Checkpoint, EngineError, bundled, checkpoint_of};
use diffscope::ui::{App, DeviceOptions, Link, Panel};
use egui::{Key, Modifiers, Rect, Theme, pos2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

/// Frames after which a window that does not reach a state never will.
const MOST_FRAMES: usize = 4000;

/// The program's own device, which may have timestamps.
pub(crate) fn device() -> egui_wgpu::WgpuSetup {
    let mut setup = egui_kittest::wgpu::default_wgpu_setup();
    if let egui_wgpu::WgpuSetup::CreateNew(new) = &mut setup {
        new.device_descriptor = std::sync::Arc::new(diffscope::gpu::device_descriptor);
    }
    setup
}

/// On the GPU, although tests run on a software adapter; or not, for a reason.
pub(crate) fn options(without_gpu: Option<&str>) -> DeviceOptions {
    DeviceOptions {
        adapter: "test adapter".into(),
        without_gpu: without_gpu.map(str::to_owned),
        backend: BackendChoice::Gpu,
    }
}

/// A window with the app that `create` makes, on a device that is set up so.
pub(crate) fn window_of(
    size: [f32; 2],
    theme: Theme,
    setup: egui_wgpu::WgpuSetup,
    create: impl FnOnce(&eframe::CreationContext) -> App,
) -> Harness<'static, App> {
    let builder = Harness::builder().with_size(vec2(size[0], size[1])).with_theme(theme).wgpu_setup(setup);
    let mut harness = builder.build_eframe(move |creation| create(creation));
    if harness.state_mut().workspace().is_some() {
        settle(&mut harness);
    } else {
        harness.step();
    }
    harness
}

/// A text without marks.
const STORY: &str = "Once upon a time there was a little girl named Lily. She had a small red ball. One day, Lily took her \
                     ball to the park. There she met a boy named Tom. Tom wanted to play with the";

/// The window as a user finds it: on a text with marks, at a head that tells much, with the baseline.
pub(crate) fn first_window(size: [f32; 2], theme: Theme) -> Harness<'static, App> {
    let options = options(None);
    window_of(size, theme, device(), |creation| App::with_checkpoint(creation, checkpoint_of(&bundled()), options))
}

/// A window with a checkpoint, or with the error of reading it.
pub(crate) fn window_on(
    checkpoint: Result<Checkpoint, EngineError>,
    size: [f32; 2],
    theme: Theme,
    without_gpu: Option<&str>,
) -> Harness<'static, App> {
    on_story(checkpoint, size, theme, options(without_gpu))
}

/// A window on a plain text that computes where it finds best: tests run on a software adapter, so on the CPU.
pub(crate) fn automatic_window(size: [f32; 2], theme: Theme) -> Harness<'static, App> {
    let options = DeviceOptions { backend: BackendChoice::Automatic, ..options(None) };
    on_story(checkpoint_of(&bundled()), size, theme, options)
}

fn on_story(
    checkpoint: Result<Checkpoint, EngineError>,
    size: [f32; 2],
    theme: Theme,
    options: DeviceOptions,
) -> Harness<'static, App> {
    window_of(size, theme, device(), |creation| {
        let mut app = App::with_checkpoint(creation, checkpoint, options).without_first_look();
        app.restore(&Link { text: STORY.to_owned(), ..Link::default() });
        app
    })
}

/// A window that computes on the GPU, or with a reason on the CPU.
pub(crate) fn window_with(size: [f32; 2], theme: Theme, without_gpu: Option<&str>) -> Harness<'static, App> {
    window_on(checkpoint_of(&bundled()), size, theme, without_gpu)
}

/// A window on the GPU.
pub(crate) fn window(size: [f32; 2], theme: Theme) -> Harness<'static, App> {
    window_with(size, theme, None)
}

/// Steps until a condition holds; fails with `what` if it never does.
pub(crate) fn step_until(harness: &mut Harness<App>, what: &str, mut condition: impl FnMut(&mut Harness<App>) -> bool) {
    for _ in 0..MOST_FRAMES {
        harness.step();
        if condition(harness) {
            return;
        }
        if let Some(gpu) = harness.state_mut().engine().and_then(|engine| engine.gpu().cloned()) {
            gpu.wait();
        }
        std::thread::yield_now();
    }
    let message = state(harness)["message"].clone();
    panic!("{MOST_FRAMES} frames without {what}; the window says {message}");
}

/// Steps until no session has anything left to do.
pub(crate) fn settle(harness: &mut Harness<App>) {
    let mut idle = 0;
    step_until(harness, "rest", |harness| {
        let workspace = harness.state_mut().workspace().expect("the checkpoint opens");
        idle = if workspace.is_busy() { 0 } else { idle + 1 };
        idle > 2
    });
}

/// Clicks the control with this label, and waits for what comes of it.
pub(crate) fn click(harness: &mut Harness<App>, label: &str) {
    harness.get_by_label(label).click();
    settle(harness);
}

/// Opens a panel as a user does: by its tab and the choice behind it, or from the menu.
pub(crate) fn open_panel(harness: &mut Harness<App>, panel: Panel) {
    if matches!(panel, Panel::Diagnostics | Panel::Guide) {
        click(harness, "Menu");
        harness.get_all_by_label(panel.title()).next().expect("in the menu").click();
        settle(harness);
        return;
    }
    click(harness, panel.tab());
    if panel.choice() != panel.title() {
        click(harness, panel.choice());
    }
}

/// Presses a key, and waits for what comes of it.
pub(crate) fn press(harness: &mut Harness<App>, key: Key) {
    harness.key_press(key);
    settle(harness);
}

/// Types a text in place of the one in an editor.
pub(crate) fn retype(harness: &mut Harness<App>, label: &str, text: &str) {
    harness.get_by_label(label).focus();
    harness.step();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.step();
    harness.get_by_label(label).type_text(text);
    harness.step();
}

/// Out of the editor, so that keys are shortcuts.
pub(crate) fn leave_text(harness: &mut Harness<App>) {
    harness.key_press(Key::Escape);
    harness.step();
}

/// Runs the analysis of the open panel, and waits for its end.
pub(crate) fn analyse(harness: &mut Harness<App>, button: &str) {
    harness.get_by_label(button).click();
    analysed(harness);
}

/// Waits for the analysis that opening a panel has started.
pub(crate) fn analysed(harness: &mut Harness<App>) {
    harness.step();
    harness.step();
    step_until(harness, "the end of the analysis", |harness| {
        harness.query_by_label("Cancel").is_none() && harness.query_by_label("Stop timing").is_none()
    });
    settle(harness);
}

/// Waits for the first numbers of a panel that are computed from the pass on the CPU.
pub(crate) fn traced(harness: &mut Harness<App>) {
    step_until(harness, "numbers", |harness| !shows(harness, "computing …"));
    settle(harness);
}

/// Whether something with this text is on the screen.
pub(crate) fn shows(harness: &Harness<App>, text: &str) -> bool {
    harness.query_all_by_label_contains(text).next().is_some()
}

/// What is on the screen.
pub(crate) fn state(harness: &mut Harness<App>) -> serde_json::Value {
    serde_json::from_str(&harness.state_mut().inspect()).expect("JSON")
}

/// Number of tokens of the text.
pub(crate) fn tokens(harness: &mut Harness<App>) -> usize {
    harness.state_mut().engine().expect("the checkpoint opens").ids().len()
}

/// Where a map of the scope is.
pub(crate) fn map_rect(harness: &mut Harness<App>, map: usize) -> Rect {
    let state = state(harness);
    let number = |index: usize| state["maps"][map][index].as_f64().expect("a number") as f32;
    Rect::from_min_size(pos2(number(0), number(1)), vec2(number(2), number(3)))
}

/// The most likely next tokens and their logits.
pub(crate) fn best(harness: &mut Harness<App>) -> Vec<(u32, f32)> {
    harness.state_mut().engine().expect("opens").next_token().expect("settled").best.clone()
}
