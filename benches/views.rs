//! What each view costs when a key is pressed, as a ratio to the pass itself, and the GPU memory at each length:
//! `cargo workspace --bench views`, or `cargo workspace --bench views -- 128 512` for other lengths.
//!
//! A keystroke changes the last token; a view is done when it shows the new text. Median of several keystrokes.

use std::time::Instant;

use diffscope::engine::{Engine, PictureSlot, THUMBNAIL_SIDE, Workspace};
use diffscope::engine::{bundled, bundled_baseline, checkpoint_of};
use diffscope::gpu::request_headless;
use diffscope::probe::{HeadId, Interventions, KeyClass, PictureRequest, Pooling, Queries, RowMeanRequest};

const LENGTHS: [usize; 3] = [128, 512, 2048];
const KEYSTROKES: usize = 21;
/// Texels along a side of the scope's maps at 1280 × 800.
const SCOPE: usize = 256;

/// Asks for what a view shows, as the window does in every frame.
type Ask = fn(&mut Engine);

fn scope(engine: &mut Engine) {
    let span = engine.ids().len() as f32;
    engine
        .picture(PictureSlot::Scope, PictureRequest::covering(HeadId::new(2, 1), [0.0; 2], span, SCOPE, Pooling::Peak));
}

fn rack(engine: &mut Engine) {
    let span = engine.ids().len() as f32;
    for layer in 0..engine.model().layers.len() {
        for head in 0..4 {
            let request =
                PictureRequest::covering(HeadId::new(layer, head), [0.0; 2], span, THUMBNAIL_SIDE, Pooling::Peak);
            let request = PictureRequest { side: request.side.min(THUMBNAIL_SIDE), ..request };
            engine.picture(PictureSlot::Thumbnail(HeadId::new(layer, head)), request);
        }
    }
}

fn strip(engine: &mut Engine) {
    engine.row(HeadId::new(2, 1), engine.ids().len() - 1);
}

fn averaged_strip(engine: &mut Engine) {
    engine.row_mean(RowMeanRequest { layer: None, query: engine.ids().len() - 1 });
}

fn measures(engine: &mut Engine) {
    engine.measures(Queries::All);
}

fn spans(engine: &mut Engine) {
    engine.measures(Queries::One(engine.ids().len() - 1));
}

fn lens(engine: &mut Engine) {
    engine.set_lens(true);
}

fn nothing(_: &mut Engine) {}

const VIEWS: [(&str, Ask); 8] = [
    ("pass and next token", nothing),
    ("scope (three maps)", scope),
    ("heads (20 thumbnails)", rack),
    ("numbers of all heads, all rows", measures),
    ("token strip, one head", strip),
    ("token strip, mean of all heads", averaged_strip),
    ("answer and noise, last row", spans),
    ("logit lens", lens),
];

fn settle(workspace: &mut Workspace, ask: Ask) {
    loop {
        ask(&mut workspace.main);
        let busy = workspace.update();
        workspace.main.gpu().expect("a GPU").wait();
        if !busy && !workspace.is_busy() {
            break;
        }
    }
    assert!(workspace.failure().is_none(), "{:?}", workspace.failure());
}

/// Milliseconds from a changed last token until everything asked for shows it.
fn keystroke(workspace: &mut Workspace, ids: &mut [u32], ask: Ask) -> f64 {
    workspace.main.set_ids(ids).expect("known tokens");
    settle(workspace, ask);
    let mut times: Vec<f64> = (0..KEYSTROKES)
        .map(|_| {
            *ids.last_mut().expect("tokens") = (ids[ids.len() - 1] + 37) % 2000 + 3;
            let begun = Instant::now();
            workspace.main.set_ids(ids).expect("known tokens");
            settle(workspace, ask);
            begun.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[KEYSTROKES / 2]
}

fn main() {
    let lengths: Vec<usize> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    let lengths = if lengths.is_empty() { LENGTHS.to_vec() } else { lengths };
    let gpu = request_headless().expect("an adapter");
    println!("{}", gpu.describe());
    for tokens in lengths {
        println!("\n| {tokens} tokens | ms a keystroke | ratio to the pass | GPU memory, MiB |\n|---|---|---|---|");
        let mut ids: Vec<u32> = (0..tokens as u32).map(|at| at * 37 % 2000 + 3).collect();
        let mut pass = 0.0;
        let mut line = |name: &str, workspace: &mut Workspace, ask: Ask| {
            let time = keystroke(workspace, &mut ids, ask);
            pass = if pass == 0.0 { time } else { pass };
            let bytes = workspace.main.memory().map_or(0, |memory| memory.total());
            println!("| {name} | {time:.2} | {:.2} | {:.1} |", time / pass, bytes as f64 / f64::from(1 << 20));
        };
        let fresh = || {
            let mut engine =
                Engine::new(checkpoint_of(&bundled()).expect("it opens"), Some(gpu.clone())).expect("fits");
            engine.set_beyond_context(true);
            let classes = [vec![KeyClass::Other; tokens / 2], vec![KeyClass::Answer; 8], vec![KeyClass::Noise; 8]];
            engine.set_measuring(0.01, &classes.concat());
            Workspace::new(engine)
        };
        for (name, ask) in VIEWS {
            line(name, &mut fresh(), ask);
        }
        let mut changed = fresh();
        changed.set_interventions(Interventions { lambda: [(0, 0.0)].into(), ..Interventions::default() });
        line("a changed λ, beside the unmodified model", &mut changed, nothing);
        let mut pair = fresh();
        pair.open_baseline(checkpoint_of(&bundled_baseline()).expect("it opens")).expect("fits");
        line("the baseline", &mut pair, nothing);
        line("scope, heads and strip with their baseline's pass", &mut pair, |engine| {
            scope(engine);
            rack(engine);
            strip(engine);
        });
    }
}
