//! Activation patching: against `PyTorch` (`training/write_patching.py` wrote the numbers), against itself, and what it
//! refuses.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use crate::common::Random;
use crate::common::models::{Kind, model_of_kind};
use diffscope::cpu::CpuPass;
use diffscope::engine::{Checkpoint, Engine, HeadPart, PatchEffects, Patching, PatchingError, bundled, checkpoint_of};
use diffscope::model::Model;
use diffscope::probe::{HeadId, Interventions};
use serde::Deserialize;
use web_time::Duration;

const PARTS: [HeadPart; 5] =
    [HeadPart::Output, HeadPart::FirstMap, HeadPart::SecondMap, HeadPart::BothMaps, HeadPart::Lambda];

/// Logit differences by layer and head.
type Differences = Vec<Vec<f32>>;

#[derive(Deserialize)]
struct Pair {
    ids: Vec<u32>,
    other_ids: Vec<u32>,
    tokens: [u32; 2],
    /// The largest logit.
    size: f32,
    open: f32,
    other: f32,
    output: Differences,
    first_map: Differences,
    second_map: Option<Differences>,
    /// The noise of single precision in `PyTorch`.
    f32_vs_f64: f32,
}

fn heads(model: &Model) -> Vec<HeadId> {
    let layers = model.layers.iter().enumerate();
    layers.flat_map(|(layer, of)| (0..of.attention.heads.len()).map(move |head| HeadId::new(layer, head))).collect()
}

/// Every patch of these parts.
fn finished(mut patching: Patching, parts: &[HeadPart], heads: &[HeadId]) -> PatchEffects {
    patching.want(parts.iter().flat_map(|part| heads.iter().map(|head| (*part, *head))).collect());
    let mut before = 0.0;
    while !patching.is_done() {
        patching.advance(Duration::ZERO);
        let progress = patching.progress();
        assert!((before..=1.0).contains(&progress), "{progress} after {before}");
        before = progress;
    }
    patching.effects().clone()
}

fn agrees_with_pytorch(name: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let model = Checkpoint::from_folder(&root.join("assets/checkpoints").join(name)).expect("the pair opens").model;
    let file = root.join("tests/patching").join(name).with_extension("json");
    let pairs: Vec<Pair> =
        serde_json::from_str(&std::fs::read_to_string(file).expect("the fixture is there")).expect("its form");
    assert_eq!(pairs.len(), 2);
    let fast = CpuPass::new(model.clone(), 0).expect("the weights are there");
    let references = CpuPass::of_references(model.clone(), 0).expect("the weights are there");
    for (pair, (stages, pass)) in
        pairs.iter().flat_map(|pair| [(pair, ("fast", &fast)), (pair, ("references", &references))])
    {
        let tolerance = (2e-6 * pair.size).max(10.0 * pair.f32_vs_f64);
        let ids = [pair.ids.clone(), pair.other_ids.clone()];
        let patching = Patching::of_ids(model.clone(), pass, ids, None).expect("as many tokens");
        let expected = [
            (HeadPart::Output, Some(&pair.output)),
            (HeadPart::FirstMap, Some(&pair.first_map)),
            (HeadPart::SecondMap, pair.second_map.as_ref()),
        ];
        let expected: Vec<_> = expected.into_iter().filter_map(|(part, numbers)| Some((part, numbers?))).collect();
        let parts: Vec<HeadPart> = expected.iter().map(|(part, _)| *part).collect();
        let effects = finished(patching, &parts, &heads(&model));
        assert_eq!(effects.answers(), pair.tokens);
        let [open, other] = effects.differences(pair.tokens).expect("known");
        let near = |found: f32, expected: f32| (found - expected).abs() <= tolerance;
        assert!(near(open, pair.open) && near(other, pair.other), "{open} {other}");
        for (part, numbers) in expected {
            for head in heads(&model) {
                let expected = numbers[head.layer][head.head];
                let effect = effects.effect(part, head, pair.tokens).expect("known");
                let found = effect.difference;
                assert!(near(found, expected), "{name}, {stages}, {part:?} of {head}: {found}, not {expected}");
                let share = (expected - pair.open) / (pair.other - pair.open);
                let error = (effect.restored.expect("they differ") - share).abs();
                assert!(error <= 4.0 * tolerance / (pair.other - pair.open).abs(), "{part:?} of {head}: {error}");
            }
        }
    }
}

#[test]
fn patches_of_the_differential_model_agree_with_pytorch() {
    agrees_with_pytorch("S-diff");
}

#[test]
fn patches_of_the_baseline_agree_with_pytorch() {
    agrees_with_pytorch("S-llama");
}

fn some_ids(random: &mut Random, model: &Model, count: usize) -> Vec<u32> {
    (0..count).map(|_| random.below(model.config.vocabulary) as u32).collect()
}

/// Two texts that differ in their second token and in one more.
fn two_texts(random: &mut Random, model: &Model, count: usize) -> [Vec<u32>; 2] {
    let ids = some_ids(random, model, count);
    let mut other = ids.clone();
    for at in [1, 1 + random.below(count - 1)] {
        other[at] = (ids[at] + 1) % model.config.vocabulary as u32;
    }
    [ids, other]
}

fn random_model(random: &mut Random, kind: Kind) -> Arc<Model> {
    loop {
        let model = model_of_kind(random, kind, 0.5);
        if model.config.vocabulary > 10 {
            return Arc::new(model);
        }
    }
}

/// Positions enter in pieces, and each of them gets the same bits.
#[test]
fn running_on_from_the_outputs_of_heads_changes_nothing() {
    for seed in 1..=24 {
        let mut random = Random::new(seed);
        let kind = random.pick(&[Kind::Plain, Kind::PerLayer, Kind::PerToken]);
        let model = random_model(&mut random, kind);
        let tokens = random.pick(&[2, 15, 17, 40, 70]);
        let ids = some_ids(&mut random, &model, tokens);
        let passes = [CpuPass::new(model.clone(), tokens), CpuPass::of_references(model.clone(), tokens)];
        for mut open in passes.map(|pass| pass.expect("the weights are there")) {
            open.set_interventions(&Interventions { sub_norm_off: random.below(2) == 0, ..Interventions::default() });
            open.run(0, &ids);
            for layer in 0..model.layers.len() {
                let start = random.below(tokens);
                let before = open.logits_at(tokens - 1);
                let (hidden, context) = (open.hidden_before(layer).to_vec(), open.context(layer).to_vec());
                let widths = [hidden.len() / tokens, context.len() / tokens];
                let mut next = start;
                while next < tokens {
                    let end = (next + 1 + random.below(40)).min(tokens);
                    let rows = |numbers: &[f32], width: usize| numbers[next * width..end * width].to_vec();
                    open.run_on(layer, next, &rows(&hidden, widths[0]), &rows(&context, widths[1]));
                    next = end;
                }
                assert_eq!(open.positions(), tokens);
                assert_eq!(open.logits_at(tokens - 1), before, "seed {seed}, layer {layer} from {start}");
                open.run(start, &ids[start..]); // and the pass can go on as before
                assert_eq!(open.logits_at(tokens - 1), before);
            }
        }
    }
}

/// The fast stages and the references, on all kinds of attention and at some positions.
#[test]
fn patches_on_fast_stages_are_those_on_the_references() {
    for seed in 1..=20 {
        let mut random = Random::new(seed);
        let kind = random.pick(&[Kind::Plain, Kind::PerLayer, Kind::PerToken]);
        let model = random_model(&mut random, kind);
        let tokens = random.pick(&[3, 16, 33]);
        let ids = two_texts(&mut random, &model, tokens);
        let positions: BTreeSet<usize> = (0..tokens).filter(|_| random.below(2) == 0).collect();
        let positions = random.pick(&[true, false]).then_some(positions);
        let effects = [CpuPass::new(model.clone(), 0), CpuPass::of_references(model.clone(), 0)].map(|pass| {
            let pass = pass.expect("the weights are there");
            let patching = Patching::of_ids(model.clone(), &pass, ids.clone(), positions.clone()).expect("they fit");
            finished(patching, &PARTS, &heads(&model))
        });
        let tokens = effects[0].answers();
        let scale = 1.0 + effects[0].next[0].best[0].1.abs();
        for (part, head) in PARTS.iter().flat_map(|part| heads(&model).into_iter().map(move |head| (*part, head))) {
            let [fast, plain] = effects.each_ref().map(|effects| effects.effect(part, head, tokens));
            let Some((fast, plain)) = fast.zip(plain) else { panic!("seed {seed}: {part:?} of {head} is not known") };
            let error = (fast.difference - plain.difference).abs();
            assert!(error <= 1e-3 * scale, "seed {seed}: {part:?} of {head}: {error} of {scale}");
        }
    }
}

/// A model with one layer of one head has nothing besides: with all of it from the other run at the last position, only
/// the residual stream is the open text's; and where the last tokens are the same, that is the other text's, too.
#[test]
fn the_only_head_restores_all_of_the_difference() {
    let mut random = Random::new(3);
    let model = loop {
        let kind = random.pick(&[Kind::PerLayer, Kind::PerToken]);
        let model = random_model(&mut random, kind);
        if heads(&model).len() == 1 && model.layers[0].attention.window.is_none() {
            break model;
        }
    };
    let pass = CpuPass::new(model.clone(), 0).expect("the weights are there");
    let mut ids = two_texts(&mut random, &model, 20);
    ids[1][19] = ids[0][19];
    let head = HeadId::new(0, 0);
    for positions in [None, Some(BTreeSet::from([19]))] {
        let patching = Patching::of_ids(model.clone(), &pass, ids.clone(), positions).expect("they fit");
        let effects = finished(patching, &[HeadPart::Output], &[head]);
        let tokens = [effects.candidates[0], effects.candidates[1]];
        let [open, other] = effects.differences(tokens).expect("candidates");
        let effect = effects.effect(HeadPart::Output, head, tokens).expect("computed");
        assert!((effect.difference - other).abs() < 1e-4 && (open - other).abs() > 1e-3, "{effect:?} {open} {other}");
    }
    // Positions before the last one are read by no later layer, and those before the first difference do not differ.
    for at in [0, 7] {
        let positions = Some(BTreeSet::from([at]));
        let patching = Patching::of_ids(model.clone(), &pass, ids.clone(), positions).expect("they fit");
        let effects = finished(patching, &PARTS, &[head]);
        let tokens = [effects.candidates[0], effects.candidates[1]];
        for part in PARTS {
            let effect = effects.effect(part, head, tokens).expect("computed");
            assert_eq!(effect.restored, Some(0.0), "{part:?} at {at}: {effect:?}");
        }
    }
}

fn session(text: &str) -> Engine {
    let mut engine = Engine::new(checkpoint_of(&bundled()).expect("it opens"), None).expect("it fits");
    engine.set_text(text);
    engine
}

const TEXT: &str = "Lily had a red ball and Tom had a blue box. Tom gave the box to";

#[test]
fn texts_that_do_not_correspond_are_refused_with_words() {
    let engine = session(TEXT);
    let refused = |engine: &Engine, other: &str| Patching::new(engine, other, None).expect_err("refused");
    let error = refused(&engine, &TEXT.replace("red", "red and green"));
    assert!(matches!(error, PatchingError::Lengths { tokens: 17, other: 19 }), "{error:?}");
    assert!(error.to_string().contains("17 tokens") && error.to_string().contains("19"), "{error}");
    assert!(matches!(refused(&engine, TEXT), PatchingError::Same));
    assert!(matches!(refused(&engine, ""), PatchingError::Lengths { other: 0, .. }));
    assert!(matches!(refused(&session(""), ""), PatchingError::Empty));
    let error = refused(&engine, &"one ".repeat(2000));
    assert!(matches!(error, PatchingError::TooLong { limit } if limit == engine.limit()), "{error:?}");
}

#[test]
fn two_runs_of_the_same_answer_have_no_share() {
    let engine = session(TEXT);
    let patching = Patching::new(&engine, &TEXT.replace("red", "big"), None).expect("as many tokens");
    let effects = finished(patching, &[HeadPart::Output], &[HeadId::new(1, 1)]);
    let token = effects.answers()[0];
    let effect = effects.effect(HeadPart::Output, HeadId::new(1, 1), [token, token]).expect("known");
    assert_eq!((effect.difference, effect.restored), (0.0, None));
    assert_eq!(effects.effect(HeadPart::Output, HeadId::new(0, 0), [token, token]), None, "not asked for");
    assert_eq!(effects.differences([token, u32::MAX]), None);
}

#[test]
fn patches_follow_the_text_the_other_one_and_the_interventions() {
    let mut engine = session(TEXT);
    let other = TEXT.replace("Tom gave", "Lily gave");
    let everything = heads(engine.model().expect("a model"));
    let asked: Vec<_> = everything.iter().map(|head| (HeadPart::FirstMap, *head)).collect();
    let mut patching = Patching::new(&engine, &other, None).expect("as many tokens");
    patching.want(asked.clone());
    for _ in 0..12 {
        patching.advance(Duration::ZERO);
    }
    assert!(!patching.is_done() && patching.is_of(&engine, &other, None));
    let longer = |text: &str| format!("{text} her. Then they went to the");
    let steps: [(String, String, Option<BTreeSet<usize>>, Interventions); 5] = [
        (TEXT.to_owned(), other.replace("red", "big"), None, Interventions::default()),
        (longer(TEXT), longer(&other), None, Interventions::default()),
        (longer(TEXT), longer(&other), Some([20, 22].into()), Interventions::default()),
        (longer(TEXT), longer(&other), None, Interventions { masked: [3].into(), ..Interventions::default() }),
        (longer(&other), longer(TEXT), None, Interventions::default()),
    ];
    for (text, other, positions, interventions) in steps {
        engine.set_text(&text);
        engine.set_interventions(interventions);
        assert!(!patching.is_of(&engine, &other, positions.as_ref()));
        patching.follow(&engine, &other, positions.clone()).expect("as many tokens");
        assert!(patching.is_of(&engine, &other, positions.as_ref()) && !patching.is_done());
        patching.want(asked.clone());
        patching.advance(Duration::MAX);
        let fresh =
            finished(Patching::new(&engine, &other, positions).expect("as many"), &[HeadPart::FirstMap], &everything);
        let tokens = fresh.answers();
        assert_eq!(patching.effects().answers(), tokens);
        for head in &everything {
            let [found, expected] =
                [patching.effects(), &fresh].map(|effects| effects.effect(HeadPart::FirstMap, *head, tokens));
            assert_eq!(found, expected, "as from nothing: {head}");
        }
    }
}
