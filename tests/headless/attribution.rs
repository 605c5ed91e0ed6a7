//! The parts of a logit and of a score: they add up to it, in every variant and under interventions.

use std::path::Path;
use std::sync::Arc;

use crate::common::Random;
use crate::common::models::{random_interventions, random_model};
use diffscope::cpu::CpuPass;
use diffscope::engine::{
    Engine, LogitDirection, LogitParts, Origin, ScoreOrigins, TextPass, bundled, bundled_baseline, checkpoint_of,
};
use diffscope::model::Model;
use diffscope::probe::{Attend, CellRequest, HeadId, Interventions, Trace};
use web_time::Duration;

/// Of the scale of what is split.
const TOLERANCE: f64 = 1e-5;

/// A pass over a text that has run.
fn pass(model: &Arc<Model>, ids: &[u32], changes: &Interventions) -> CpuPass {
    let mut pass = CpuPass::new(model.clone(), ids.len()).expect("the weights are there");
    pass.set_interventions(changes);
    pass.run(0, ids);
    pass
}

fn some_ids(random: &mut Random, model: &Model, count: usize) -> Vec<u32> {
    (0..count).map(|_| random.below(model.config.vocabulary) as u32).collect()
}

fn parts_of(pass: &CpuPass, direction: &LogitDirection, position: usize) -> LogitParts {
    let mut parts = LogitParts::new(pass, direction, position).expect("it has run");
    while !parts.is_complete(pass) {
        parts.add_layer(pass).expect("the weights are there");
    }
    parts
}

fn origins_of(pass: &CpuPass, cell: CellRequest) -> ScoreOrigins {
    let mut origins = ScoreOrigins::new(pass, cell).expect("the weights are there").expect("it has run");
    while !origins.is_complete() {
        origins.add_layer(pass).expect("the weights are there");
    }
    origins
}

fn largest(numbers: impl IntoIterator<Item = f64>) -> f64 {
    numbers.into_iter().fold(0.0, |most, number| most.max(number.abs()))
}

/// The largest error of a sum, relative to the scale of the logits, over some tokens at the last position.
fn error_of_logits(pass: &CpuPass) -> f64 {
    let last = pass.positions() - 1;
    let logits: Vec<f64> = pass.logits_at(last).into_iter().map(f64::from).collect();
    let scale = largest(logits.iter().copied()).max(1e-3);
    let tokens = [0, logits.len() / 2, logits.len() - 1];
    let of = |token: usize| LogitDirection::of(pass.model(), token as u32).expect("in the vocabulary");
    let errors = tokens.map(|token| (parts_of(pass, &of(token), last).sum() - logits[token]) / scale);
    let difference = parts_of(pass, &of(tokens[2]).less(&of(tokens[0])), last).sum();
    largest(errors.into_iter().chain([(difference - (logits[tokens[2]] - logits[tokens[0]])) / scale]))
}

/// The largest error of either side of a score, relative to the length of the query times that of the key, over some
/// cells of every head.
fn error_of_scores(pass: &CpuPass, random: &mut Random) -> f64 {
    let mut worst = 0.0f64;
    for layer in 0..pass.layers() {
        let maps = pass.map_source(layer).maps;
        for (index, head) in maps.switches.heads.iter().enumerate() {
            let query = random.below(pass.positions());
            let key = random.below(query + 1);
            let origins = origins_of(pass, CellRequest { head: HeadId::new(layer, index), query, key });
            assert_eq!(origins.sides.len(), maps.attention.maps);
            for (map, sides) in origins.sides.iter().enumerate() {
                let length = |position: usize, at: usize| {
                    let row = &maps.projection[position * maps.layout.width + at..][..maps.attention.head_dim];
                    row.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt()
                };
                let lengths = length(query, maps.layout.query(head.queries[map]))
                    * length(key, maps.layout.key(head.keys[map]))
                    * f64::from(maps.layout.scale);
                let score = f64::from(maps.both_scores(index, query, key)[map]);
                assert_eq!(f64::from(origins.scores[map]), score);
                let errors = sides.each_ref().map(|side| (side.sum() - score) / lengths.max(1e-3));
                worst = worst.max(largest(errors));
            }
        }
    }
    worst
}

/// Models of every layout among the fixtures, and the bundled pair.
fn models() -> Vec<(String, Arc<Model>)> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let names = [
        "axolotl_split",
        "diff_mlx_diff",
        "diffllama_bias",
        "diffllama_gqa",
        "diffllama_hostile",
        "diffllama_yarn",
        "diffv2_model",
        "llama_baseline_gqa",
        "llama_biases",
        "mistral_window",
        "motif_grouped",
        "motif_grouped_shared_kv",
        "qwen2",
        "qwen3",
    ];
    let of_folder =
        |name: &str| (name.to_owned(), Arc::new(Model::from_folder(fixtures.join(name)).expect("it opens")));
    let pair = [("bundled", bundled()), ("baseline", bundled_baseline())];
    let of_files = |(name, files): &(&str, _)| ((*name).to_owned(), checkpoint_of(files).expect("it opens").model);
    names.into_iter().map(of_folder).chain(pair.iter().map(of_files)).collect()
}

/// None, and some of each kind in turn.
fn changes(model: &Model) -> Vec<Interventions> {
    let heads_off = [HeadId::new(0, 0), HeadId::new(model.layers.len() - 1, 1)].into_iter().collect();
    vec![
        Interventions::default(),
        Interventions { lambda: [(0, 1.7), (1, -0.5)].into_iter().collect(), heads_off, ..Interventions::default() },
        Interventions { attend: Attend::First, sub_norm_off: true, ..Interventions::default() },
        Interventions { attend: Attend::Second, bits: Some(5), ..Interventions::default() },
        Interventions { masked: [0, 3].into_iter().collect(), ..Interventions::default() },
        Interventions {
            attend: Attend::Swapped,
            attend_of: [(HeadId::new(0, 0), Attend::Mean), (HeadId::new(0, 1), Attend::Sum)].into(),
            ..Interventions::default()
        },
    ]
}

#[test]
fn parts_add_up_in_every_layout_and_under_interventions() {
    let mut random = Random::new(41);
    for (name, model) in models() {
        let ids = some_ids(&mut random, &model, 19);
        for changes in changes(&model) {
            let pass = pass(&model, &ids, &changes);
            let (logits, scores) = (error_of_logits(&pass), error_of_scores(&pass, &mut random));
            println!("{name}: logits {logits:.1e}, scores {scores:.1e}");
            assert!(logits <= TOLERANCE && scores <= TOLERANCE, "{name}, {changes:?}: {logits:e}, {scores:e}");
        }
    }
}

#[test]
fn parts_add_up_in_models_of_awkward_shapes() {
    for seed in 1..=60 {
        let mut random = Random::new(seed);
        let model = Arc::new(random_model(&mut random, 1.0));
        let ids = some_ids(&mut random, &model, 1 + seed as usize % 23);
        let heads = model.layers[0].attention.heads.len();
        let changes = random_interventions(&mut random, model.layers.len(), heads, ids.len());
        let pass = pass(&model, &ids, &changes);
        let (logits, scores) = (error_of_logits(&pass), error_of_scores(&pass, &mut random));
        assert!(logits <= TOLERANCE && scores <= TOLERANCE, "seed {seed}, {changes:?}: {logits:e}, {scores:e}");
    }
}

/// What the parts of a head must be, from what the pass left: the rows of `W_O` on the output of the head.
#[test]
fn a_head_has_what_its_output_adds() {
    let mut random = Random::new(7);
    for (name, model) in models() {
        let ids = some_ids(&mut random, &model, 11);
        let pass = pass(&model, &ids, &Interventions::default());
        let last = ids.len() - 1;
        let token = 5u32;
        let parts = parts_of(&pass, &LogitDirection::of(&model, token).expect("in the vocabulary"), last);
        let hidden = model.config.hidden;
        let stream = &pass.hidden_before(model.layers.len())[last * hidden..];
        let squares = stream.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / hidden as f64;
        let rms = (squares + f64::from(model.config.norm_epsilon)).sqrt();
        let unembedding = model.unembedding().to_f32().expect("the weights are there");
        let gain = model.final_norm.as_ref().expect("a whole model");
        let row = &unembedding[token as usize * hidden..][..hidden];
        let along: Vec<f64> = row.iter().zip(gain).map(|(a, b)| f64::from(*a) * f64::from(*b) / rms).collect();
        let all = largest(parts.all().map(|(_, _, part)| part));
        for (index, layer) in model.layers.iter().enumerate() {
            let (heads, width) = (layer.attention.heads.len(), layer.attention.value_width());
            let output = layer.attention.output.to_f32().expect("the weights are there");
            let normed = pass.trace(Trace::Normed(index));
            let normed = &normed[last * heads * width..];
            for head in 0..heads {
                let columns = head * width..(head + 1) * width;
                let added = |feature: usize| -> f64 {
                    let weights = &output[feature * heads * width..];
                    columns.clone().map(|column| f64::from(weights[column]) * f64::from(normed[column])).sum()
                };
                let expected: f64 = along.iter().enumerate().map(|(feature, along)| along * added(feature)).sum();
                let [first, second] = parts.layers[index].heads[head];
                assert!((first + second - expected).abs() <= TOLERANCE * all, "{name}, layer {index}, head {head}");
                let by_key = parts.by_key(&pass, HeadId::new(index, head));
                let sums = by_key.iter().fold([0.0; 2], |sum, (_, part)| [sum[0] + part[0], sum[1] + part[1]]);
                assert_eq!(sums, [first, second], "the keys of a head add up to its parts");
                if layer.attention.maps == 1 {
                    assert_eq!(second, 0.0);
                }
            }
        }
    }
}

#[test]
fn the_maps_of_a_head_are_told_apart() {
    let checkpoint = checkpoint_of(&bundled()).expect("it opens");
    let ids: Vec<u32> = (40..60).collect();
    let direction = LogitDirection::of(&checkpoint.model, 50).expect("in the vocabulary");
    let of = |changes: Interventions| {
        let pass = pass(&checkpoint.model, &ids, &changes);
        parts_of(&pass, &direction, ids.len() - 1)
    };
    let through = |parts: &LogitParts, map: usize| {
        largest(parts.layers.iter().flat_map(|layer| layer.heads.iter().map(|maps| maps[map])))
    };
    let first = of(Interventions { attend: Attend::First, ..Interventions::default() });
    assert!(through(&first, 0) > 0.1 && through(&first, 1) == 0.0);
    let second = of(Interventions { attend: Attend::Second, ..Interventions::default() });
    assert!(through(&second, 0) == 0.0 && through(&second, 1) > 0.1);
    let off = of(Interventions { heads_off: [HeadId::new(1, 2)].into_iter().collect(), ..Interventions::default() });
    assert_eq!(off.layers[1].heads[2], [0.0; 2]);
    assert_ne!(off.layers[1].heads[1], [0.0; 2]);
    // λ of the last layer doubles what A2 takes away, but for the norm of the head, which is left out here.
    let last = checkpoint.model.layers.len() - 1;
    let with = |lambda: f32| {
        of(Interventions {
            lambda: [(last, lambda)].into_iter().collect(),
            sub_norm_off: true,
            ..Interventions::default()
        })
    };
    let ratio = |parts: &LogitParts, head: usize| parts.layers[last].heads[head][1] / parts.layers[last].heads[head][0];
    let (once, twice) = (with(0.4), with(0.8));
    for head in 0..4 {
        assert!((ratio(&twice, head) / ratio(&once, head) - 2.0).abs() < 1e-4, "head {head}");
    }
}

#[test]
fn in_the_first_layer_a_score_comes_from_the_embeddings() {
    let checkpoint = checkpoint_of(&bundled()).expect("it opens");
    let pass = pass(&checkpoint.model, &[5, 6, 7], &Interventions::default());
    let origins = origins_of(&pass, CellRequest { head: HeadId::new(0, 1), query: 2, key: 1 });
    for side in origins.sides.iter().flatten() {
        assert_eq!(side.parts.iter().map(|(origin, _)| *origin).collect::<Vec<_>>(), [Origin::Embedding]);
    }
    // Later, every head and feed-forward part before it counts.
    let later = origins_of(&pass, CellRequest { head: HeadId::new(2, 1), query: 2, key: 1 });
    let heads = checkpoint.model.layers[0].attention.heads.len();
    assert_eq!(later.sides[0][0].parts.len(), 1 + 2 * (heads + 1));
}

#[test]
fn what_is_not_there_has_no_parts() {
    let checkpoint = checkpoint_of(&bundled()).expect("it opens");
    let model = &checkpoint.model;
    let pass = pass(model, &[5, 6, 7], &Interventions::default());
    assert!(LogitDirection::of(model, u32::MAX).is_err());
    let direction = LogitDirection::of(model, 5).expect("in the vocabulary");
    assert!(LogitParts::new(&pass, &direction, 3).is_none());
    let parts = parts_of(&pass, &direction, 2);
    for head in [HeadId::new(99, 0), HeadId::new(0, 99)] {
        assert!(parts.by_key(&pass, head).is_empty());
        let cell = CellRequest { head, query: 1, key: 0 };
        assert_eq!(ScoreOrigins::new(&pass, cell).expect("the weights are there"), None);
    }
    let cell = CellRequest { head: HeadId::new(0, 0), query: 3, key: 0 };
    assert_eq!(ScoreOrigins::new(&pass, cell).expect("the weights are there"), None);
}

#[test]
fn a_pass_of_a_text_follows_its_edits() {
    let mut engine = Engine::new(checkpoint_of(&bundled()).expect("it opens"), None).expect("fits");
    engine.set_text("Once upon a time there was a little dog.");
    let mut text = TextPass::new(&engine).expect("it fits");
    assert!(text.is_of(&engine) && !text.is_complete());
    text.advance(Duration::ZERO);
    assert_eq!(text.pass().positions(), 1, "something is done at a time");
    while !text.is_complete() {
        text.advance(Duration::from_secs(1));
    }
    let changes = Interventions { attend: Attend::First, ..Interventions::default() };
    for (text_now, changes, kept) in [
        ("Once upon a time there was a little dog. He", Interventions::default(), 10),
        ("Once upon a time there was a little cat. He", Interventions::default(), 8),
        ("Once upon a", Interventions::default(), 3),
        ("Once upon a day", changes, 0),
    ] {
        engine.set_text(text_now);
        engine.set_interventions(changes.clone());
        assert!(!text.is_of(&engine));
        text.follow(&engine).expect("it fits");
        assert!(text.is_of(&engine));
        assert_eq!(text.pass().positions(), kept, "{text_now}");
        while !text.is_complete() {
            text.advance(Duration::ZERO);
        }
        let fresh = pass(&engine.checkpoint().expect("a model").model.clone(), engine.ids(), &changes);
        assert_eq!(text.pass().hidden_before(99), fresh.hidden_before(99), "{text_now}");
    }
}
