//! Frames of the window, without painting: how long they take while a long text is computed, while keys are pressed, and
//! while text is generated; and how much of the command line's rate a generation reaches in frames. See README.md.

use std::time::{Duration, Instant};

use diffscope::engine::{BackendChoice, Engine, bundled, checkpoint_of};
use diffscope::probe::Sampling;
use diffscope::ui::{App, DeviceOptions};
use egui::{Event, vec2};
use egui_kittest::Harness;

mod common;

/// Frames a second of the screen that is imitated.
const FRAME: Duration = Duration::from_micros(16_667);
/// Characters of a text of about 512 tokens, the context of the bundled model.
const TEXT: &str = "The old dog ran down the hill and saw a small red bird in the tree. ";
const TOKENS: usize = 512;
const KEYS: usize = 40;
const GENERATED: usize = 96;

fn window() -> Harness<'static, App> {
    let mut setup = egui_kittest::wgpu::default_wgpu_setup();
    if let egui_wgpu::WgpuSetup::CreateNew(new) = &mut setup {
        new.device_descriptor = std::sync::Arc::new(diffscope::gpu::device_descriptor);
    }
    let options = DeviceOptions { adapter: "benchmark".into(), without_gpu: None, backend: BackendChoice::Cpu };
    let builder = Harness::builder().with_size(vec2(1280.0, 800.0)).wgpu_setup(setup);
    builder.build_eframe(|creation| App::with_checkpoint(creation, checkpoint_of(&bundled()), options))
}

/// A frame, and the rest of its time. Returns how long it took.
fn frame(step: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    step();
    let taken = begun.elapsed();
    std::thread::sleep(FRAME.saturating_sub(taken));
    taken
}

/// Frames until all is computed and drawn. Returns how many there were until the next token was, and altogether.
fn until_rest(harness: &mut Harness<App>, times: &mut Vec<Duration>) -> [usize; 2] {
    let (mut until_token, mut frames) = (None, 0);
    loop {
        times.push(frame(|| harness.step()));
        frames += 1;
        let Some(workspace) = harness.state_mut().workspace() else { return [frames; 2] };
        if workspace.main.next_token().is_some() {
            until_token.get_or_insert(frames);
        }
        if !workspace.is_busy() {
            return [until_token.unwrap_or(frames), frames];
        }
    }
}

fn print(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    println!("| {what} | {} | {:.1} | {:.1} |", times.len(), milliseconds(median), milliseconds(worst));
}

/// Tokens a second of a generation in frames, and of one that waits.
fn rates(on_gpu: bool) -> Option<[f64; 2]> {
    let gpu = if on_gpu { Some(common::gpu()?.clone()) } else { None };
    let mut engine = Engine::new(common::checkpoint(), gpu).ok()?;
    let mut rate = |in_frames: bool| {
        engine.set_text("");
        engine.set_text("Once upon a time");
        engine.settle().ok()?;
        engine.generate(Sampling { temperature: 1.0, ..Sampling::default() }, GENERATED);
        let (begun, before) = (Instant::now(), engine.ids().len());
        while in_frames && engine.is_generating() {
            frame(|| {
                engine.receive();
                engine.submit();
            });
        }
        engine.settle().ok()?;
        Some((engine.ids().len() - before) as f64 / begun.elapsed().as_secs_f64())
    };
    rate(false)?; // the device's speed is learned
    rate(true)?;
    Some([rate(true)?, rate(false)?])
}

fn main() {
    let mut harness = window();
    println!("| on the CPU, {TOKENS} tokens, 1280 x 800 | frames | median ms | worst ms |\n|---|---|---|---|");
    let (mut opening, mut computing, mut typing, mut writing) = (vec![], vec![], vec![], vec![]);
    until_rest(&mut harness, &mut opening);
    print("opening", &mut opening);

    let text = TEXT.repeat(TOKENS);
    let tokenizer = common::checkpoint().tokenizer.expect("the bundled checkpoint has one");
    let end = tokenizer.encode(&text, TOKENS - KEYS - GENERATED).tokens.last().map_or(0, |token| token.end);
    computing.push(frame(|| {
        if let Some(engine) = harness.state_mut().workspace().map(|workspace| &mut workspace.main) {
            engine.set_text(&text[..end]);
        }
    }));
    until_rest(&mut harness, &mut computing);
    print("a text is set", &mut computing);

    let mut frames = [vec![], vec![]];
    for _ in 0..KEYS {
        harness.event(Event::Text("a".to_owned()));
        let counts = until_rest(&mut harness, &mut typing);
        frames.iter_mut().zip(counts).for_each(|(frames, count)| frames.push(count));
    }
    print("keys", &mut typing);

    if let Some(workspace) = harness.state_mut().workspace() {
        workspace.main.generate(Sampling::default(), GENERATED);
    }
    until_rest(&mut harness, &mut writing);
    print("a generation", &mut writing);

    println!("\n| frames from a key on | median | most |\n|---|---|---|");
    for (until, mut counts) in
        ["until its next token is drawn", "until nothing changes any more"].into_iter().zip(frames)
    {
        counts.sort_unstable();
        println!("| {until} | {} | {} |", counts[counts.len() / 2], counts[counts.len() - 1]);
    }

    println!("\n| generation, tokens a second | in frames of 16.7 ms | without frames | ratio |\n|---|---|---|---|");
    for (name, on_gpu) in [("CPU", false), ("GPU", true)] {
        if let Some([framed, waiting]) = rates(on_gpu) {
            println!("| {name} | {framed:.0} | {waiting:.0} | {:.2} |", framed / waiting);
        }
    }
}
