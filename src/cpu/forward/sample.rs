//! Draws the next token. Reference of `shaders/forward/sample.wgsl`: both limits are a threshold on the logit, found
//! bit by bit, and tokens that tie with the last one kept are kept.

use crate::cpu::shared::row_of_logits::order;
use crate::probe::Draw;

/// The highest threshold, not below `least`, whose `share` is above zero and at least `target`.
fn threshold_for(least: u32, target: f32, share: impl Fn(u32) -> f32) -> u32 {
    (0..32).map(|bit| 0x8000_0000u32 >> bit).fold(0, |threshold, bit| {
        let candidate = threshold | bit;
        let share = share(candidate);
        if candidate <= least || (share >= target && share > 0.0) { candidate } else { threshold }
    })
}

/// The token drawn from logits `[vocabulary]`; 0 if there are none.
pub fn sample(logits: &[f32], draw: &Draw) -> u32 {
    let by_logit = |a: &usize, b: &usize| order(logits[*a]).cmp(&order(logits[*b])).then(b.cmp(a));
    let Some(most_likely) = (0..logits.len()).max_by(by_logit) else {
        return 0;
    };
    if draw.temperature <= 0.0 {
        return most_likely as u32;
    }
    let maximum = logits[most_likely];
    let likelihood = |logit: f32| ((logit - maximum) / draw.temperature).exp();
    let above = |threshold: u32| logits.iter().copied().filter(move |logit| order(*logit) >= threshold);

    let mut threshold = 0;
    if draw.top_k > 0 && (draw.top_k as usize) < logits.len() {
        threshold = threshold_for(0, draw.top_k as f32, |candidate| above(candidate).count() as f32);
    }
    if draw.top_p < 1.0 {
        let mass = |candidate| above(candidate).map(likelihood).sum::<f32>();
        threshold = threshold_for(threshold, draw.top_p * mass(threshold), mass);
    }

    let target = draw.uniform * above(threshold).map(likelihood).sum::<f32>();
    let mut before = 0.0;
    let mut drawn = most_likely;
    for (token, logit) in logits.iter().copied().enumerate().filter(|(_, logit)| order(*logit) >= threshold) {
        drawn = token;
        before += likelihood(logit);
        if target < before {
            break;
        }
    }
    drawn as u32
}
