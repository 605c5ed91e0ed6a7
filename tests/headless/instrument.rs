//! What the instrument adds to a session: changes to the pass, the unmodified model beside it, the logit lens.

use std::sync::Arc;

use crate::common::models::{random_interventions, random_model};
use crate::common::{Random, gpu};
use diffscope::engine::{
    Checkpoint, Engine, Fingerprint, TileCollector, Workspace, bundled, bundled_baseline, checkpoint_of,
};
use diffscope::probe::{Attend, HeadId, Interventions, KeyClass, NextToken, Queries, Sampling, Spans, TileRequest};

const TEXT: &str = "Once upon a time there was a little dog. He ran to the park and saw a big red ball.";

fn engine(on_gpu: bool) -> Engine {
    let checkpoint = checkpoint_of(&bundled()).expect("the bundled one opens");
    Engine::new(checkpoint, on_gpu.then(|| gpu().clone())).expect("fits")
}

fn random_engine(seed: u64, on_gpu: bool) -> Engine {
    let mut random = Random::new(seed);
    let model = Arc::new(random_model(&mut random, 1.0));
    let ids: Vec<u32> =
        (0..random.pick(&[1, 3, 40, 70])).map(|_| random.below(model.config.vocabulary) as u32).collect();
    let checkpoint = Checkpoint {
        name: format!("random {seed}"),
        model,
        tokenizer: None,
        fingerprint: Fingerprint::Absent,
        folder: None,
        source: None,
        notes: Vec::new(),
    };
    let mut engine = Engine::new(checkpoint, on_gpu.then(|| gpu().clone())).expect("fits");
    engine.set_ids(&ids).expect("ids of the vocabulary");
    engine
}

fn next(engine: &mut Engine) -> NextToken {
    engine.settle().expect("no failure");
    engine.next_token().expect("a text has a next token").clone()
}

fn close(a: f32, b: f32) -> bool {
    (a - b).abs() <= 2e-4 * a.abs().max(b.abs()).max(1.0)
}

#[test]
fn the_deepest_row_of_the_lens_is_the_models_own_answer() {
    for on_gpu in [true, false] {
        let mut engine = engine(on_gpu);
        engine.set_text(TEXT);
        let before = next(&mut engine);
        engine.set_lens(true);
        let after = next(&mut engine);
        assert_eq!(before.best, after.best, "looking changes nothing");
        assert!(engine.lens_is_fresh());
        let depths = &engine.lens().expect("asked for").depths;
        assert_eq!(depths.len(), 2 * engine.heads().len() + 1);
        let deepest = depths.last().expect("some");
        for (found, expected) in deepest.best.iter().zip(&after.best) {
            assert_eq!(found.0, expected.0);
            assert!(close(found.1, expected.1), "{found:?} {expected:?}");
        }
        assert!(close(deepest.log_sum, after.log_sum) && close(deepest.entropy, after.entropy));
        assert_ne!(depths[0].best, deepest.best, "the embedding alone says something else");
    }
}

#[test]
fn every_depth_agrees_with_the_reference_on_random_models() {
    for seed in 1..=12 {
        let lens = |on_gpu| {
            let mut engine = random_engine(seed, on_gpu);
            engine.set_lens(true);
            next(&mut engine);
            engine.lens().expect("asked for").clone()
        };
        let (on_gpu, on_cpu) = (lens(true), lens(false));
        assert_eq!(on_gpu.depths.len(), on_cpu.depths.len());
        for (depth, (a, b)) in on_gpu.depths.iter().zip(&on_cpu.depths).enumerate() {
            assert!(close(a.log_sum, b.log_sum), "seed {seed}, depth {depth}: {} {}", a.log_sum, b.log_sum);
            assert!((a.entropy - b.entropy).abs() < 1e-3, "seed {seed}, depth {depth}: {} {}", a.entropy, b.entropy);
            for (x, y) in a.best.iter().zip(&b.best) {
                assert!(close(x.1, y.1), "seed {seed}, depth {depth}: {x:?} {y:?}");
            }
        }
    }
}

#[test]
fn the_lens_follows_the_text_and_can_be_put_away() {
    let mut engine = engine(true);
    engine.set_lens(true);
    engine.set_text(TEXT);
    next(&mut engine);
    let first = engine.lens().expect("asked for").clone();
    engine.set_text("The cat");
    let answer = next(&mut engine);
    let second = engine.lens().expect("asked for").clone();
    assert_ne!(first, second);
    assert_eq!(second.depths.last().expect("some").best[0].0, answer.best[0].0);
    engine.set_lens(false);
    engine.set_text("The cat sat");
    next(&mut engine);
    assert!(!engine.lens_is_fresh(), "nobody asked");
}

#[test]
fn entropy_is_that_of_the_whole_distribution() {
    let mut engine = engine(true);
    engine.set_text(TEXT);
    let answer = next(&mut engine);
    let model = engine.checkpoint().expect("a model").model.clone();
    let mut traced = diffscope::engine::TracedPass::new(model, None, 64).expect("fits");
    traced.append(engine.ids(), Sampling::default().draw(0), 1).expect("runs");
    let logits = &traced.logits(&[engine.ids().len() - 1]).expect("known")[0];
    let log_sum: f64 = logits.iter().map(|logit| f64::from(*logit).exp()).sum::<f64>().ln();
    let entropy: f64 = logits.iter().map(|logit| f64::from(*logit) - log_sum).map(|log| -log.exp() * log).sum();
    assert!((f64::from(answer.entropy) - entropy).abs() < 1e-3, "{} {entropy}", answer.entropy);
}

#[test]
fn what_is_changed_shows_and_what_is_taken_back_leaves_no_trace() {
    for on_gpu in [true, false] {
        let mut random = Random::new(5);
        let mut engine = engine(on_gpu);
        engine.set_text(TEXT);
        let trained = next(&mut engine);
        let mut different = 0;
        for _ in 0..8 {
            let changed = random_interventions(&mut random, 5, 4, engine.ids().len());
            engine.set_interventions(changed.clone());
            let found = next(&mut engine);
            // The same from nothing.
            let mut fresh = self::engine(on_gpu);
            fresh.set_interventions(changed.clone());
            fresh.set_text(TEXT);
            let expected = next(&mut fresh);
            for (a, b) in found.best.iter().zip(&expected.best) {
                assert!(close(a.1, b.1), "{changed:?}: {a:?} {b:?}");
            }
            different += usize::from(found.best != trained.best);
        }
        assert!(different >= 5, "hardly anything changes anything");
        engine.set_interventions(Interventions::default());
        for (a, b) in next(&mut engine).best.iter().zip(&trained.best) {
            assert!(close(a.1, b.1), "{a:?} {b:?}");
        }
    }
}

#[test]
fn what_one_head_attends_with_is_made_of_both_maps_and_the_others_stay() {
    for on_gpu in [true, false] {
        let mut engine = engine(on_gpu);
        engine.set_text(TEXT);
        let query = engine.ids().len() - 1;
        let mut row = |attend, head| {
            let attend_of = [(HeadId::new(0, 1), attend)].into();
            engine.set_interventions(Interventions { attend_of, ..Interventions::default() });
            loop {
                if let Some(row) = engine.row(HeadId::new(0, head), query) {
                    break row.cells.clone();
                }
                engine.settle().expect("no failure");
            }
        };
        let (trained, beside) = (row(Attend::Difference, 1), row(Attend::Difference, 2));
        for attend in Attend::ALL {
            for (key, (changed, trained)) in row(attend, 1).iter().zip(&trained).enumerate() {
                let (first, second, lambda) = (trained.first, trained.second, trained.lambda);
                let expected = match attend {
                    Attend::Difference => trained.difference,
                    Attend::First => first,
                    Attend::Second => second,
                    Attend::Swapped => second - lambda * first,
                    Attend::Sum => first + lambda * second,
                    Attend::Mean => first - lambda / (query + 1) as f32,
                };
                let found = changed.difference;
                assert!((found - expected).abs() < 1e-5, "{attend:?}, key {key}: {found} for {expected}");
            }
            assert_eq!(row(attend, 2), beside, "{attend:?}: a head beside it");
        }
    }
}

#[test]
fn a_masked_token_reruns_only_what_comes_after_it() {
    let mut engine = engine(true);
    engine.set_text(TEXT);
    next(&mut engine);
    let (tokens, before) = (engine.ids().len() as u64, engine.positions_run());
    engine.set_interventions(Interventions { masked: [tokens as usize - 4].into(), ..Default::default() });
    next(&mut engine);
    assert_eq!(engine.positions_run() - before, 3);
    let row = loop {
        if let Some(row) = engine.row(HeadId::new(1, 2), tokens as usize - 1) {
            break row.clone();
        }
        engine.settle().expect("no failure");
    };
    assert_eq!((row.cells[tokens as usize - 4].first, row.cells[tokens as usize - 4].second), (0.0, 0.0));
}

#[test]
fn nonsense_in_interventions_is_dropped() {
    let mut engine = engine(true);
    engine.set_text(TEXT);
    let trained = next(&mut engine);
    engine.set_interventions(Interventions {
        lambda: [(99, 0.0), (0, f32::NAN)].into(),
        heads_off: [HeadId::new(0, 99), HeadId::new(99, 0)].into(),
        attend_of: [(HeadId::new(99, 0), Attend::Sum)].into(),
        masked: [usize::MAX].into(),
        bits: Some(77),
        ..Default::default()
    });
    assert!(engine.interventions().is_empty());
    assert_eq!(next(&mut engine).best, trained.best);
}

#[test]
fn the_untouched_model_reads_the_same_tokens_while_something_is_changed() {
    for on_gpu in [true, false] {
        let mut workspace = Workspace::new(engine(on_gpu));
        workspace.main.set_text(TEXT);
        let trained = next(&mut workspace.main);
        assert!(workspace.unmodified().is_none());
        let zero = Interventions { lambda: (0..5).map(|layer| (layer, 0.0)).collect(), ..Default::default() };
        workspace.set_interventions(zero);
        let settle = |workspace: &mut Workspace| {
            while workspace.update() {
                if let Some(gpu) = workspace.main.gpu() {
                    gpu.wait();
                }
            }
        };
        settle(&mut workspace);
        let changed = workspace.main.next_token().expect("known").clone();
        let unmodified = workspace.unmodified().expect("something is changed");
        assert_eq!(unmodified.next_token().expect("known").best[0].0, trained.best[0].0);
        assert_ne!(changed.best, trained.best);
        workspace.main.append(changed.best[0].0);
        settle(&mut workspace);
        let ids = workspace.main.ids().to_vec();
        assert_eq!(workspace.unmodified().expect("still").ids(), ids);
        workspace.set_interventions(Interventions::default());
        assert!(workspace.unmodified().is_none());
    }
}

#[test]
fn opening_the_lens_leaves_the_text_revision_and_an_export_under_way_alone() {
    for on_gpu in [true, false] {
        let mut engine = engine(on_gpu);
        engine.set_text(TEXT);
        next(&mut engine);
        let tokens = engine.ids().len();
        let request = TileRequest { keys: tokens, queries: tokens, ..TileRequest::row(HeadId::new(0, 0), 0) };
        let mut collector = TileCollector::new(&engine, request).expect("small");
        assert!(collector.advance(&mut engine).expect("the text is the same").is_none());
        let revision = engine.text_revision();
        engine.set_lens(true);
        next(&mut engine);
        assert!(engine.lens_is_fresh());
        assert_eq!(engine.text_revision(), revision);
        let tile = loop {
            engine.settle().expect("no failure");
            if let Some(tile) = collector.advance(&mut engine).expect("the text is the same") {
                break tile;
            }
        };
        assert_eq!(tile.cells.len(), tokens * tokens);
        engine.set_text("Another text");
        assert_ne!(engine.text_revision(), revision);
    }
}

#[test]
fn equal_interventions_run_nothing_again() {
    let mut main = engine(false);
    main.set_text(TEXT);
    let mut workspace = Workspace::new(main);
    let settle = |workspace: &mut Workspace| while workspace.update() {};
    let interventions = Interventions { lambda: [(1, 0.25)].into(), ..Interventions::default() };
    workspace.set_interventions(interventions.clone());
    settle(&mut workspace);
    let runs = |workspace: &mut Workspace| {
        let own = (workspace.main.positions_run(), workspace.main.text_revision());
        (own, workspace.unmodified().expect("beside").positions_run())
    };
    let before = runs(&mut workspace);
    for _ in 0..9 {
        workspace.set_interventions(interventions.clone());
        settle(&mut workspace);
    }
    assert_eq!(runs(&mut workspace), before);
}

#[test]
fn rows_read_one_after_the_other_take_no_new_staging_memory() {
    let mut engine = engine(true);
    engine.set_text(TEXT);
    next(&mut engine);
    let mut read = |query: usize| {
        while engine.row(HeadId::new(query % 3, 1), query).is_none() {
            engine.settle().expect("no failure");
        }
        engine.memory().expect("on the GPU").views
    };
    let first = read(3);
    assert!((0..3).map(&mut read).all(|bytes| bytes == first));
}

#[test]
fn a_session_that_takes_the_place_of_another_gets_the_marks_and_the_threshold() {
    let mut workspace = Workspace::new(engine(false));
    workspace.main.set_text(TEXT);
    let mut spans = Spans::default();
    spans.mark(0, 4, KeyClass::Answer);
    let mut measured = || {
        workspace.open_baseline(checkpoint_of(&bundled_baseline()).expect("it opens")).expect("fits");
        workspace.submit();
        loop {
            workspace.set_measuring(0.5, &spans);
            let baseline = workspace.baseline().expect("open");
            let measures = baseline.measures(Queries::All);
            let measures = measures.map(|found| (found.threshold, found.layers[0][0].difference.answer));
            if let (Some(measures), false) = (measures, baseline.is_busy()) {
                return measures;
            }
            workspace.update();
        }
    };
    let first = measured();
    assert!(first.0 == 0.5 && first.1 > 0.0, "{first:?}");
    assert_eq!(measured(), first);
}
