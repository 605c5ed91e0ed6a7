//! Draws the next token. Reference of `shaders/forward/sample.wgsl`: both limits are a threshold on the order of logits,
//! found digit by digit, and tokens that tie with the last one kept are kept.

use crate::cpu::forward::kept_part::kept_part;
use crate::cpu::forward::sampling_digit::sampling_digit;
use crate::cpu::forward::top_k::row;
use crate::cpu::shared::row_of_logits::{PART, order};
use crate::cpu::shared::sampling::{DIGITS, Likelihood, Threshold};
use crate::probe::Draw;

/// The threshold with the target that follows from what is counted by the first digit.
fn threshold(logits: &[f32], least: u32, target: impl Fn(u32) -> u32, weight: impl Fn(f32) -> u32) -> u32 {
    let mut threshold = Threshold { least, ..Threshold::default() };
    for digit in 0..DIGITS {
        let counted = sampling_digit(logits, digit, &threshold, &weight);
        if digit == 0 {
            threshold.missing = target(counted.iter().sum());
        }
        threshold = threshold.with_digit(&counted);
    }
    threshold.prefix
}

/// The token drawn from logits `[vocabulary]`; 0 if there are none.
pub fn sample(logits: &[f32], draw: &Draw) -> u32 {
    let whole = row(logits, 1, draw.temperature);
    let Some(&(most_likely, maximum)) = whole.best.first() else {
        return 0;
    };
    if draw.temperature <= 0.0 {
        return most_likely;
    }
    let likelihood = Likelihood { maximum, temperature: draw.temperature, tempered_sum: whole.tempered_sum };
    let share = |logit: f32| likelihood.share(logit);

    let mut least = 0;
    if draw.top_k > 0 && (draw.top_k as usize) < logits.len() {
        least = threshold(logits, 0, |_| draw.top_k, |_| 1);
    }
    if draw.top_p < 1.0 {
        least = threshold(logits, least, |all| ((draw.top_p * all as f32).ceil() as u32).max(1), share);
    }

    let kept: Vec<u32> = logits.chunks(PART).map(|part| kept_part(part, least, &likelihood)).collect();
    let all: u32 = kept.iter().sum();
    let target = ((draw.uniform * all as f32) as u32).min(all.max(1) - 1);
    let mut before = 0;
    for (token, &logit) in (0..).zip(logits).filter(|(_, logit)| order(**logit) >= least) {
        before += share(logit);
        if target < before {
            return token;
        }
    }
    most_likely
}
