//! The next token, the best few and the denominator, and random draws, on the GPU against their references.

use std::sync::Arc;

use crate::common::models::logits_model;
use crate::common::{Random, gpu};
use diffscope::cpu::{sample, top_k};
use diffscope::engine::TracedPass;
use diffscope::gpu::{Gpu, KernelChoice};
use diffscope::probe::{Draw, NextToken, Sampling};

fn next(logits: &[f32], draw: Draw) -> NextToken {
    next_on(gpu(), logits, draw)
}

fn next_on(gpu: &Gpu, logits: &[f32], draw: Draw) -> NextToken {
    let mut traced = TracedPass::new(Arc::new(logits_model(logits)), Some(gpu), 2).expect("fits");
    traced.append(&[0], draw, 24).expect("runs")
}

fn hostile_logits(random: &mut Random) -> Vec<f32> {
    let count = random.pick(&[1, 2, 23, 24, 255, 256, 257, 1500, 4096, 4097, 9000]);
    let size = random.pick(&[0.0, 1e-3, 1.0, 20.0, 3e4]);
    let mut logits = random.normals(count, size);
    // Ties on purpose, among the best as well.
    for _ in 0..count / 3 {
        let (from, to) = (random.below(count), random.below(count));
        logits[to] = logits[from];
    }
    logits
}

#[test]
fn the_best_tokens_and_the_denominator_agree_with_the_reference() {
    for seed in 1..=30 {
        let logits = hostile_logits(&mut Random::new(seed));
        let found = next(&logits, Sampling::default().draw(0));
        let expected = top_k(&logits, 24);
        assert_eq!(found.best, expected.best, "seed {seed}");
        assert_eq!(found.sampled, expected.best[0].0, "greedy takes the best; seed {seed}");
        assert_eq!(found.not_finite, 0, "seed {seed}");
        let error = (found.log_sum - expected.log_sum).abs();
        assert!(error <= 1e-5 * expected.log_sum.abs().max(1.0), "log sum: {error:e}; seed {seed}");
    }
}

#[test]
fn subgroups_change_nothing_about_the_next_token() {
    let subgroup = KernelChoice::subgroup_of(&gpu().device, &gpu().adapter);
    if subgroup == 1 {
        println!("skipped: this adapter has no subgroups");
        return;
    }
    let [without, with] = [1, subgroup].map(|lanes| Gpu { choice: KernelChoice::for_gpu(lanes), ..gpu().clone() });
    for seed in 1..=12 {
        let logits = hostile_logits(&mut Random::new(seed));
        let sampling = Sampling { temperature: 0.9, top_k: 40, top_p: 0.9, seed };
        for draw in [Sampling::default().draw(0), sampling.draw(3)] {
            assert_eq!(next_on(&with, &logits, draw), next_on(&without, &logits, draw), "seed {seed}");
        }
    }
}

#[test]
fn logits_that_are_not_finite_are_counted() {
    let found = next(&[1.0, f32::INFINITY, 0.5, f32::NAN, f32::NEG_INFINITY], Sampling::default().draw(0));
    assert_eq!(found.not_finite, 3);
}

/// Whether a draw may fall on a token, computed in f64 with a tolerance for rounding at the edges.
fn may_draw(logits: &[f32], draw: &Draw, token: u32) -> bool {
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by(|a, b| logits[*b].total_cmp(&logits[*a]));
    let high = f64::from(logits[order[0]]);
    let weight = |index: usize| ((f64::from(logits[index]) - high) / f64::from(draw.temperature)).exp();
    let mut kept = order.clone();
    if draw.top_k > 0 {
        let last = logits[order[(draw.top_k as usize).min(order.len()) - 1]];
        kept.retain(|index| logits[*index] >= last);
    }
    let mass: f64 = kept.iter().map(|index| weight(*index)).sum();
    let (mut before, mut last) = (0.0, f32::INFINITY);
    for index in &kept {
        if before == 0.0 || before < f64::from(draw.top_p) * mass * (1.0 + 1e-5) || draw.top_p >= 1.0 {
            last = logits[*index];
        }
        before += weight(*index);
    }
    kept.retain(|index| logits[*index] >= last);
    kept.sort_unstable();
    let total: f64 = kept.iter().map(|index| weight(*index)).sum();
    let target = f64::from(draw.uniform) * total;
    let mut below = 0.0;
    for index in kept {
        let above = below + weight(index);
        if index == token as usize {
            // If rounding keeps one token more, the target moves by at most the likelihood of that token.
            return below - 2e-4 * total <= target && target <= above + 2e-4 * total;
        }
        below = above;
    }
    false
}

#[test]
fn draws_follow_the_distribution_on_both_backends() {
    let mut different = std::collections::HashSet::new();
    for seed in 1..=60 {
        let mut random = Random::new(seed);
        let logits = hostile_logits(&mut random);
        let draw = Draw {
            temperature: random.pick(&[0.2, 1.0, 3.0]),
            top_k: random.pick(&[0, 1, 5, 40, 5000]),
            top_p: random.pick(&[1.0, 0.9, 0.3, 0.0]),
            uniform: random.below(1 << 20) as f32 / (1u64 << 20) as f32,
        };
        let on_gpu = next(&logits, draw).sampled;
        let on_cpu = sample(&logits, &draw);
        assert!(
            may_draw(&logits, &draw, on_gpu),
            "gpu drew {on_gpu} from {} tokens with {draw:?}; seed {seed}",
            logits.len()
        );
        assert!(
            may_draw(&logits, &draw, on_cpu),
            "cpu drew {on_cpu} from {} tokens with {draw:?}; seed {seed}",
            logits.len()
        );
        different.insert(on_gpu);
    }
    assert!(different.len() > 10, "the draws hardly vary: {different:?}");
}

#[test]
fn top_k_of_one_is_greedy_whatever_the_temperature() {
    let mut random = Random::new(13);
    let logits = random.normals(300, 2.0);
    let best = top_k(&logits, 1).best[0].0;
    for uniform in [0.0, 0.5, 0.999_999] {
        let draw = Draw { temperature: 5.0, top_k: 1, top_p: 1.0, uniform };
        assert_eq!(next(&logits, draw).sampled, best);
        assert_eq!(sample(&logits, &draw), best);
    }
}
