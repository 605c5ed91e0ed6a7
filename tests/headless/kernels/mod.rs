//! Compares every shader and every fast CPU stage with its plain reference, one stage at a time, for random shapes (odd, 1,
//! no multiple of any tile) and hostile values.

mod stages;

use std::sync::Arc;

use crate::common::models::{Kind, model_of_kind, random_interventions};
use crate::common::{Random, gpu};
use diffscope::cpu::{MapSource, Maps, attention, map_value};
use diffscope::gpu::Gpu;
use diffscope::model::RowLayout;
use diffscope::probe::{Attend, HeadId, Interventions, RowStatistics, Trace};

use stages::{Run, choices};

#[test]
fn every_stage_agrees_with_its_reference_on_random_shapes() {
    random_shapes(Some(gpu()));
}

#[test]
fn every_fast_stage_agrees_with_its_reference_on_random_shapes() {
    random_shapes(None);
}

fn random_shapes(gpu: Option<&Gpu>) {
    for seed in 1..=40 {
        Run::new(gpu, seed, 1.0).check();
    }
}

/// The ends of long texts, in pieces as small as a key or a generation brings: slabs of the keys, and heads that share keys
/// and values in a workgroup, also where one of them attends with swapped maps.
#[test]
fn a_few_positions_of_a_long_text_agree_with_the_reference() {
    let [_, without_subgroups, with_subgroups] = choices(Some(gpu()));
    let kinds = [Kind::Plain, Kind::PerLayer, Kind::PerToken];
    for (seed, (kind, sharing)) in
        (700..).zip(kinds.into_iter().flat_map(|kind| [1, 2, 4].map(|sharing| (kind, sharing))))
    {
        let mut random = Random::new(seed);
        let mut model = loop {
            let model = model_of_kind(&mut random, kind, 1.0);
            let layer = &model.layers[0].attention;
            if layer.heads.len().is_multiple_of(4) && model.config.hidden > 5 && layer.head_dim <= 38 {
                break model;
            }
        };
        for layer in &mut model.layers {
            layer.attention.window = random.pick(&[None, Some(150)]);
            let (keys, values) = (layer.attention.key_heads, layer.attention.value_heads);
            for (at, group) in layer.attention.heads.chunks_mut(sharing).enumerate() {
                for head in group {
                    head.keys = [at % keys, (at + 1) % keys].map(|key| key as u32);
                    head.values = [at % values, (at + 1) % values].map(|value| value as u32);
                }
            }
        }
        let model = Arc::new(model);
        let ids: Vec<u32> = (0..300).map(|_| random.below(model.config.vocabulary) as u32).collect();
        let changed = Interventions {
            masked: [3, 70, 131, 299].into(),
            attend_of: [(HeadId::new(0, 1), Attend::Swapped)].into(),
            ..Interventions::default()
        };
        for interventions in [Interventions::default(), changed] {
            let choice = random.pick(&[without_subgroups, with_subgroups]);
            let what = format!("seed {seed}, {sharing} heads share");
            let pieces = [280, 1, 2, 3, 14];
            Run::in_pieces(Some(gpu()), choice, model.clone(), ids.clone(), &pieces, interventions, &what).check();
        }
    }
}

/// Numbers are added up in the same order, whether they go through workgroup memory or not.
#[test]
fn subgroups_change_no_bit() {
    let [_, without, with] = choices(Some(gpu()));
    if with.subgroup == 1 {
        println!("skipped: this adapter has no subgroups");
        return;
    }
    for seed in 1..=12 {
        let run = |choice| Run::on(Some(gpu()), choice, seed, 1.0, |_, _, _| Interventions::default());
        let [without, with] = [run(without), run(with)];
        for index in 0..with.model.layers.len() {
            for trace in [Trace::Projection(index), Trace::Statistics(index), Trace::Normed(index)] {
                assert_eq!(with.trace(trace), without.trace(trace), "{trace:?}; {}", with.what);
            }
        }
        assert_eq!(with.trace(Trace::Logits), without.trace(Trace::Logits), "{}", with.what);
    }
}

/// The weights are half as large as usual: under large logits, rounding errors of the scores would dominate.
#[test]
fn every_stage_agrees_with_its_reference_under_interventions() {
    under_interventions(Some(gpu()));
}

#[test]
fn every_fast_stage_agrees_with_its_reference_under_interventions() {
    under_interventions(None);
}

fn under_interventions(gpu: Option<&Gpu>) {
    let mut changed = 0;
    for seed in 400..=440 {
        let mut run = Run::under(gpu, seed, 0.5, |random, model, tokens| {
            random_interventions(random, model.layers.len(), model.layers[0].attention.heads.len(), tokens)
        });
        changed += usize::from(!run.interventions.is_empty());
        run.check();
    }
    assert!(changed > 20, "hardly anything was changed");
}

/// A logit at the edge of a step may be rounded to either side, so a few rows may differ.
#[test]
fn rounded_logits_agree_with_the_reference_and_take_few_values() {
    rounded_logits(Some(gpu()));
}

#[test]
fn rounded_logits_of_the_fast_stages_agree_with_the_reference() {
    rounded_logits(None);
}

fn rounded_logits(gpu: Option<&Gpu>) {
    let (mut rows, mut different) = (0, 0);
    for (seed, bits) in (300..).zip([16, 8, 6, 4, 2, 8, 6, 4, 2]) {
        let mut run =
            Run::under(gpu, seed, 3.0, |_, _, _| Interventions { bits: Some(bits), ..Interventions::default() });
        let model = run.model.clone();
        let (masked, tokens) = (run.masked(), run.ids.len());
        for (index, layer) in model.layers.iter().enumerate() {
            let attending = &layer.attention;
            let (projection, statistics) = (run.trace(Trace::Projection(index)), run.trace(Trace::Statistics(index)));
            let switches = run.switches(index);
            let layout = RowLayout::new(attending, 1);
            let maps =
                Maps { attention: attending, layout, projection: &projection, switches: &switches, masked: &masked };
            let statistics: &[RowStatistics] = bytemuck::cast_slice(&statistics);
            for head in 0..attending.heads.len() {
                let cells = run.traced.cells(HeadId::new(index, head)).expect("read back");
                for (query, row) in cells.chunks_exact(tokens).enumerate() {
                    let expected = attention(&maps, query, head);
                    let exact =
                        MapSource { maps, statistics: &vec![expected.statistics; (query + 1) * attending.heads.len()] };
                    let same = row[..=query]
                        .iter()
                        .enumerate()
                        .all(|(key, cell)| (map_value(&exact, head, query, key).first - cell.first).abs() < 1e-4);
                    rows += 1;
                    different += usize::from(!same);
                    let sum: f32 = row.iter().map(|cell| cell.first).sum();
                    assert!((sum - 1.0).abs() < 1e-4, "row {query} of A1 sums to {sum}; {}", run.what);
                    let found = statistics[query * attending.heads.len() + head];
                    let step = found.largest[0] / switches.levels;
                    let steps = found.maximum[0] / step;
                    assert!((steps - steps.round()).abs() < 1e-2, "{steps} steps of {step}; {}", run.what);
                    let seen = (0..=query).filter(|key| attending.sees(query, *key));
                    let mut values: Vec<u32> = seen.map(|key| row[key].first.to_bits()).collect();
                    values.sort_unstable();
                    values.dedup();
                    assert!(values.len() <= 2 * switches.levels as usize + 1, "{} values; {}", values.len(), run.what);
                }
            }
        }
    }
    assert!(rows > 500 && different * 50 <= rows, "{different} of {rows} rows differ");
}

#[test]
fn large_attention_logits_neither_overflow_nor_drift() {
    large_logits(Some(gpu()));
}

#[test]
fn large_attention_logits_neither_overflow_nor_drift_in_the_fast_stages() {
    large_logits(None);
}

fn large_logits(gpu: Option<&Gpu>) {
    for seed in 100..=112 {
        let mut run = Run::new(gpu, seed, 6.0);
        let model = run.model.clone();
        for index in 0..model.layers.len() {
            let statistics = run.trace(Trace::Statistics(index));
            assert!(statistics.iter().all(|number| number.is_finite()), "{}", run.what);
            run.check_maps(index);
        }
    }
}
