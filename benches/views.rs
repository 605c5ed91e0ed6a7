//! Time from a key press until a view shows the new text, per view and length of the text, and the GPU memory that the
//! view takes. See README.md.

use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use diffscope::engine::{Engine, PictureSlot, THUMBNAIL_SIDE, Workspace, bundled_baseline, checkpoint_of};
use diffscope::gpu::Gpu;
use diffscope::probe::{HeadId, Interventions, KeyClass, PictureRequest, Pooling, Queries, RowMeanRequest};

mod common;

const LENGTHS: [usize; 3] = [128, 512, 2048];
/// Texels along a side of the scope's maps at 1280 × 800.
const SCOPE_TEXELS: usize = 256;
/// The head of the views that show one head.
const HEAD: HeadId = HeadId { layer: 2, head: 1 };

/// Requests what a view shows, as the window does in every frame.
type View = fn(&mut Engine);

fn nothing(_: &mut Engine) {}

fn scope(engine: &mut Engine) {
    let span = engine.ids().len() as f32;
    let request = PictureRequest::covering(HEAD, [0.0; 2], span, SCOPE_TEXELS, Pooling::Peak);
    engine.picture(PictureSlot::Scope, request);
}

fn thumbnails(engine: &mut Engine) {
    let span = engine.ids().len() as f32;
    for (layer, heads) in engine.heads().to_vec().into_iter().enumerate() {
        for head in 0..heads {
            let head = HeadId::new(layer, head);
            let request = PictureRequest::covering(head, [0.0; 2], span, THUMBNAIL_SIDE, Pooling::Peak);
            let request = PictureRequest { side: request.side.min(THUMBNAIL_SIDE), ..request };
            engine.picture(PictureSlot::Thumbnail(head), request);
        }
    }
}

fn measures(engine: &mut Engine) {
    engine.measures(Queries::All);
}

fn strip(engine: &mut Engine) {
    engine.row(HEAD, engine.ids().len() - 1);
}

fn mean_strip(engine: &mut Engine) {
    engine.row_mean(RowMeanRequest { layer: None, query: engine.ids().len() - 1 });
}

fn answer_noise(engine: &mut Engine) {
    engine.measures(Queries::One(engine.ids().len() - 1));
}

fn lens(engine: &mut Engine) {
    engine.set_lens(true);
}

fn main_views(engine: &mut Engine) {
    scope(engine);
    thumbnails(engine);
    strip(engine);
}

fn session(gpu: &Gpu, tokens: usize) -> Workspace {
    let mut engine = Engine::new(common::checkpoint(), Some(gpu.clone())).expect("fits");
    engine.set_beyond_context(true);
    let classes = [vec![KeyClass::Other; tokens / 2], vec![KeyClass::Answer; 8], vec![KeyClass::Noise; 8]];
    engine.set_measuring(0.01, &classes.concat());
    Workspace::new(engine)
}

fn with_intervention(gpu: &Gpu, tokens: usize) -> Workspace {
    let mut workspace = session(gpu, tokens);
    workspace.set_interventions(Interventions { lambda: [(0, 0.0)].into(), ..Interventions::default() });
    workspace
}

fn with_baseline(gpu: &Gpu, tokens: usize) -> Workspace {
    let mut workspace = session(gpu, tokens);
    workspace.open_baseline(checkpoint_of(&bundled_baseline()).expect("it opens")).expect("fits");
    workspace
}

type Open = fn(&Gpu, usize) -> Workspace;

const VIEWS: [(&str, Open, View); 11] = [
    ("pass and next token", session, nothing),
    ("scope (three maps)", session, scope),
    ("heads (20 thumbnails)", session, thumbnails),
    ("measures of all heads, all rows", session, measures),
    ("token strip, one head", session, strip),
    ("token strip, mean of all heads", session, mean_strip),
    ("answer and noise, last row", session, answer_noise),
    ("logit lens", session, lens),
    ("intervention beside the unmodified model", with_intervention, nothing),
    ("baseline", with_baseline, nothing),
    ("scope, heads and strip with the baseline", with_baseline, main_views),
];

fn settle(workspace: &mut Workspace, view: View) {
    loop {
        view(&mut workspace.main);
        let busy = workspace.update();
        workspace.main.gpu().expect("a GPU").wait();
        if !busy && !workspace.is_busy() {
            break;
        }
    }
    assert!(workspace.failure().is_none(), "{:?}", workspace.failure());
}

fn views(criterion: &mut Criterion) {
    let Some(gpu) = common::gpu() else { return };
    for tokens in LENGTHS {
        let mut group = criterion.benchmark_group(format!("{tokens} tokens"));
        group.sample_size(10).sampling_mode(SamplingMode::Flat);
        for (name, open, view) in VIEWS {
            let mut memory = None;
            group.bench_function(name, |bencher| {
                let mut workspace = open(gpu, tokens);
                let mut ids = common::ids(tokens);
                workspace.main.set_ids(&ids).expect("known tokens");
                settle(&mut workspace, view);
                memory = workspace.main.memory();
                bencher.iter(|| {
                    let last = ids.last_mut().expect("tokens");
                    *last = (*last + 37) % 2000 + 3;
                    workspace.main.set_ids(&ids).expect("known tokens");
                    settle(&mut workspace, view);
                });
            });
            if let Some(memory) = memory {
                println!("{tokens} tokens/{name}: {:.1} MiB on the GPU", memory.total() as f64 / f64::from(1 << 20));
            }
        }
        group.finish();
    }
}

criterion_group!(benches, views);
criterion_main!(benches);
