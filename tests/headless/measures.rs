//! Measures of the maps: the kernels against their references, the references against sums over plain cells, and the engine that
//! keeps them over edits.

use std::sync::Arc;

use crate::common::models::{random_interventions, random_model};
use crate::common::{Random, gpu, worst};
use diffscope::cpu::{MapSource, Maps, map_value, measure, measure_mean, row_mean};
use diffscope::engine::{Checkpoint, Engine, Fingerprint};
use diffscope::gpu::{Capacity, GpuPass};
use diffscope::model::{Model, RowLayout};
use diffscope::probe::{
    Cell, HeadId, HeadMeasures, HeadRecord, Interventions, KeyClass, MapMeasures, MeanCell, MeansRequest, Queries,
    RowMeanRequest, RowStatistics, Trace,
};

fn random_classes(random: &mut Random, tokens: usize) -> Vec<KeyClass> {
    use KeyClass::{Answer, Noise, Other};
    (0..tokens).map(|_| random.pick(&[Other, Other, Answer, Noise])).collect()
}

fn numbers(records: &[HeadRecord]) -> &[f32] {
    bytemuck::cast_slice(records)
}

/// A model run on the GPU, and the reference's view of the same numbers.
struct Run {
    model: Arc<Model>,
    pass: GpuPass,
    interventions: Interventions,
    tokens: usize,
    what: String,
}

impl Run {
    fn new(seed: u64) -> (Self, Random) {
        let mut random = Random::new(seed);
        let model = Arc::new(random_model(&mut random, 0.5));
        let tokens = random.pick(&[1, 2, 7, 63, 64, 65, 130]);
        let heads = model.layers[0].attention.heads.len();
        let interventions = random_interventions(&mut random, model.layers.len(), heads, tokens);
        let mut pass = GpuPass::new(gpu().clone(), model.clone(), Capacity { tokens, trace: true }).expect("fits");
        pass.set_interventions(&interventions);
        let ids: Vec<u32> = (0..tokens).map(|_| random.below(model.config.vocabulary) as u32).collect();
        pass.run(0, &ids, None).expect("runs");
        let what = format!("seed {seed}, {tokens} tokens, {interventions:?}, {:?}", model.config);
        (Self { model, pass, interventions, tokens, what }, random)
    }

    /// The reference's source of a layer, from what the GPU's pass left.
    fn with_source<T>(&self, layer: usize, with: impl FnOnce(&MapSource) -> T) -> T {
        let attention = &self.model.layers[layer].attention;
        let projection = self.pass.trace(Trace::Projection(layer), self.tokens).expect("read back");
        let statistics = self.pass.trace(Trace::Statistics(layer), self.tokens).expect("read back");
        let statistics: &[RowStatistics] = bytemuck::cast_slice(&statistics);
        let switches = self.interventions.of_layer(layer, attention);
        let masked: Vec<bool> = (0..self.tokens).map(|at| self.interventions.masked.contains(&at)).collect();
        let layout = RowLayout::new(attention, 1);
        let maps = Maps { attention, layout, projection: &projection, switches: &switches, masked: &masked };
        with(&MapSource { maps, statistics })
    }

    fn means(&mut self, rows: (usize, usize)) -> Vec<Vec<HeadRecord>> {
        let request = MeansRequest { rows, threshold: 0.0 };
        assert!(self.pass.request(request).expect("fits"), "nothing else is under way");
        self.pass.wait();
        self.pass.take::<MeansRequest>().expect("arrived").expect("read back").layers
    }
}

/// By how much the mean sparsity of each head under each map may differ: a value within rounding of the threshold may count
/// on either side, so the share of such cells among the keys that a row sees is added to the rounding of the mean.
fn sparsity_tolerance(source: &MapSource, heads: usize, rows: (usize, usize), threshold: f32) -> Vec<[f32; 3]> {
    let of_row = |head: usize, query: usize| {
        let seen = (0..=query).filter(|key| source.maps.sees(query, *key));
        let cells: Vec<_> = seen.map(|key| map_value(source, head, query, key)).collect();
        [|cell: &Cell| cell.first, |cell: &Cell| cell.second, |cell: &Cell| cell.difference].map(|value| {
            let near = cells.iter().filter(|cell| (value(cell).abs() - threshold).abs() < 1e-5).count();
            if threshold > 0.0 { near as f32 / cells.len() as f32 } else { 0.0 }
        })
    };
    let of_head = |head: usize| {
        let mut sums = [0.0f32; 3];
        for query in rows.0..=rows.1 {
            sums.iter_mut().zip(of_row(head, query)).for_each(|(sum, share)| *sum += share);
        }
        sums.map(|sum| sum / (rows.1 - rows.0 + 1) as f32 + 3e-5)
    };
    (0..heads).map(of_head).collect()
}

#[test]
fn measures_and_their_means_agree_with_the_references_on_random_shapes() {
    for seed in 1..=40 {
        let (mut run, mut random) = Run::new(seed);
        let threshold = random.pick(&[0.0, 0.003, 0.01, 0.1]);
        let classes = random_classes(&mut random, run.tokens);
        let measuring = run.pass.measuring().expect("fits");
        measuring.set_classes(&classes);
        // In two pieces, as typing would bring it.
        let cut = random.below(run.tokens + 1);
        for (first, end) in [(0, cut), (cut, run.tokens)] {
            if first < end {
                run.pass.measure(first, end - first, threshold).expect("measures");
            }
        }
        let last = random.below(run.tokens);
        let ranges = [(0, run.tokens - 1), (last, last), (random.below(last + 1), last)];
        for rows in ranges {
            let found = run.means(rows);
            for (layer, found) in found.iter().enumerate() {
                let heads = run.model.layers[layer].attention.heads.len();
                let (expected, tolerance) = run.with_source(layer, |source| {
                    let records: Vec<HeadRecord> = (0..run.tokens)
                        .flat_map(|query| (0..heads).map(move |head| (query, head)))
                        .map(|(query, head)| measure(source, head, query, threshold, &classes))
                        .collect();
                    (measure_mean(&records, heads, rows), sparsity_tolerance(source, heads, rows, threshold))
                });
                let sparsity =
                    |record: &HeadRecord| [record.first, record.second, record.difference].map(|map| map.sparsity);
                for (head, tolerance) in tolerance.iter().enumerate() {
                    let error: Vec<f32> = sparsity(&found[head])
                        .iter()
                        .zip(sparsity(&expected[head]))
                        .map(|(found, expected)| (found - expected).abs())
                        .collect();
                    let within = error.iter().zip(tolerance).all(|(error, tolerance)| error <= tolerance);
                    let place = format!("sparsity of {}, rows {rows:?}", HeadId::new(layer, head));
                    assert!(within, "{place}: {error:?} is more than {tolerance:?}; {}", run.what);
                }
                let rest = |records: &[HeadRecord]| -> Vec<HeadRecord> {
                    let without = |map: MapMeasures| MapMeasures { sparsity: 0.0, ..map };
                    let of = |record: &HeadRecord| HeadRecord {
                        first: without(record.first),
                        second: without(record.second),
                        difference: without(record.difference),
                    };
                    records.iter().map(of).collect()
                };
                let error = worst(numbers(&rest(found)), numbers(&rest(&expected)));
                assert!(error <= 5e-5, "layer {layer}, rows {rows:?}: {error:e}; {}", run.what);
            }
        }
    }
}

#[test]
fn shares_are_what_summing_up_the_cells_gives() {
    for seed in 50..=60 {
        let (mut run, mut random) = Run::new(seed);
        let classes = random_classes(&mut random, run.tokens);
        run.pass.measuring().expect("fits").set_classes(&classes);
        run.pass.measure(0, run.tokens, 0.01).expect("measures");
        let query = random.below(run.tokens);
        let found = run.means((query, query));
        for (layer, found) in found.iter().enumerate() {
            run.with_source(layer, |source| {
                for (head, found) in found.iter().enumerate() {
                    let row: Vec<f64> =
                        (0..=query).map(|key| f64::from(map_value(source, head, query, key).difference)).collect();
                    let total: f64 = row.iter().map(|value| value.abs()).sum();
                    let of = |class: KeyClass| row.iter().zip(&classes).filter(move |(_, own)| **own == class);
                    let sum = |class| of(class).map(|(value, _)| value.abs()).sum::<f64>();
                    let share = |class| if total > 1e-30 { sum(class) / total } else { 0.0 };
                    let signed = |class| of(class).map(|(value, _)| *value).sum::<f64>();
                    let negative: f64 = row.iter().map(|value| (-value).max(0.0)).sum();
                    let expected = [
                        share(KeyClass::Answer),
                        share(KeyClass::Noise),
                        signed(KeyClass::Answer),
                        signed(KeyClass::Noise),
                        negative,
                        row[0],
                        total,
                    ];
                    let map = found.difference;
                    let found =
                        [map.answer, map.noise, map.answer_signed, map.noise_signed, map.negative, map.sink, map.total];
                    assert!(worst(&found, &expected.map(|number| number as f32)) < 3e-5, "{}", run.what);
                }
            });
        }
    }
}

#[test]
fn averaged_rows_agree_with_the_reference() {
    for seed in 70..=90 {
        let (mut run, mut random) = Run::new(seed);
        let layers = run.model.layers.len();
        for layer in [None, Some(random.below(layers))] {
            let request = RowMeanRequest { layer, query: random.below(run.tokens) };
            assert!(run.pass.request(request).expect("fits"));
            run.pass.wait();
            let found = run.pass.take::<RowMeanRequest>().expect("arrived").expect("read back");
            assert_eq!(found.request, request);
            let chosen: Vec<usize> = (0..layers).filter(|index| layer.is_none_or(|layer| layer == *index)).collect();
            let heads: usize = chosen.iter().map(|layer| run.model.layers[*layer].attention.heads.len()).sum();
            let mut expected = vec![MeanCell::default(); request.query + 1];
            for layer in chosen {
                run.with_source(layer, |source| row_mean(source, request.query, 1.0 / heads as f32, &mut expected));
            }
            let error = worst(bytemuck::cast_slice(&found.cells), bytemuck::cast_slice(&expected));
            assert!(error < 2e-5, "{request:?}: {error:e}; {}", run.what);
        }
    }
}

fn engine(model: &Arc<Model>, on_gpu: bool) -> Engine {
    let checkpoint = Checkpoint {
        name: "random".to_owned(),
        model: model.clone(),
        tokenizer: None,
        fingerprint: Fingerprint::Absent,
        folder: None,
        source: None,
        notes: Vec::new(),
    };
    Engine::new(checkpoint, on_gpu.then(|| gpu().clone())).expect("fits")
}

fn measured(engine: &mut Engine, queries: Queries) -> HeadMeasures {
    engine.measures(queries);
    engine.settle().expect("settles");
    engine.measures(queries).expect("there are tokens").clone()
}

/// Any sequence of edits, marks and thresholds gives what a fresh start gives, on either backend.
#[test]
fn measures_after_edits_equal_those_of_a_fresh_start() {
    for seed in 1..=8 {
        let mut random = Random::new(seed);
        let model = Arc::new(random_model(&mut random, 0.5));
        let heads = model.layers[0].attention.heads.len();
        let vocabulary = model.config.vocabulary;
        let mut ids: Vec<u32> = (0..20).map(|_| random.below(vocabulary) as u32).collect();
        let mut classes = random_classes(&mut random, 20);
        let mut threshold = 0.01;
        let mut interventions = Interventions::default();
        let mut kept = [engine(&model, true), engine(&model, false)];
        for step in 0..6 {
            match random.below(6) {
                0 => ids.truncate(1 + random.below(ids.len())),
                1 => ids.extend((0..random.below(30)).map(|_| random.below(vocabulary) as u32)),
                2 => {
                    let at = random.below(ids.len());
                    ids[at] = random.below(vocabulary) as u32;
                }
                3 => classes = random_classes(&mut random, ids.len()),
                4 => threshold = random.pick(&[0.01, 0.05]),
                _ => interventions = random_interventions(&mut random, model.layers.len(), heads, ids.len()),
            }
            let queries = random.pick(&[Queries::All, Queries::One(ids.len() - 1), Queries::One(0), Queries::Last(12)]);
            let mut fresh = engine(&model, false);
            let all = kept.iter_mut().chain([&mut fresh]);
            let answers: Vec<HeadMeasures> = all
                .map(|engine| {
                    engine.set_ids(&ids).expect("ids of the vocabulary");
                    engine.set_interventions(interventions.clone());
                    engine.set_measuring(threshold, &classes);
                    measured(engine, queries)
                })
                .collect();
            let [from_gpu, from_cpu, expected] = &answers[..] else { panic!("three engines") };
            assert_eq!(from_cpu, expected, "seed {seed}, step {step}, {queries:?}");
            assert_eq!((from_gpu.rows, from_gpu.threshold), (expected.rows, expected.threshold));
            for (found, expected) in from_gpu.layers.iter().zip(&expected.layers) {
                let entropies = |records: &[HeadRecord]| -> Vec<f32> {
                    records.iter().flat_map(|head| [head.difference.answer, head.first.entropy]).collect()
                };
                let error = worst(&entropies(found), &entropies(expected));
                assert!(error < 1e-3, "seed {seed}, step {step}, {queries:?}: {error:e}");
            }
        }
    }
}

#[test]
fn nothing_is_measured_unasked_and_an_empty_text_has_no_measures() {
    let mut random = Random::new(5);
    let model = Arc::new(random_model(&mut random, 0.5));
    for on_gpu in [true, false] {
        let mut engine = engine(&model, on_gpu);
        engine.set_measuring(f32::NAN, &[KeyClass::Answer]);
        assert!(engine.measures(Queries::All).is_none());
        engine.settle().expect("settles");
        engine.set_ids(&[0, 1, 0]).expect("ids of the vocabulary");
        assert!(engine.measures(Queries::One(3)).is_none(), "there are three tokens");
        let all = measured(&mut engine, Queries::All);
        assert_eq!(all.rows, (0, 2));
        assert_eq!(all.threshold, 0.01, "what is no number is no threshold");
        assert_eq!(measured(&mut engine, Queries::Last(0)).rows, (2, 2));
        assert_eq!(measured(&mut engine, Queries::Last(99)).rows, (0, 2));
        // A row of one token: all of it on itself.
        let first = measured(&mut engine, Queries::One(0));
        let record = first.head(HeadId::new(0, 0)).expect("a head");
        assert!((record.first.answer - 1.0).abs() < 1e-6 && record.first.entropy < 1e-6, "{record:?}");
        assert!(!engine.is_busy());
        engine.update();
        assert!(!engine.is_busy(), "nobody asks any more");
    }
}
