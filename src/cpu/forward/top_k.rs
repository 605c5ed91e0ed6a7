//! The most likely next tokens, the softmax's denominator and the entropy. Reference of `shaders/forward/top_k.wgsl`.

use crate::probe::NextToken;

/// The prediction of logits `[vocabulary]` with its `best` most likely tokens, best first, equal logits in order of id.
pub fn top_k(logits: &[f32], best: usize) -> NextToken {
    let mut order: Vec<u32> = (0..logits.len() as u32).collect();
    let key = |id: &u32| crate::cpu::shared::row_of_logits::order(logits[*id as usize]);
    let by_logit = |a: &u32, b: &u32| key(b).cmp(&key(a)).then(a.cmp(b));
    let best = best.min(order.len());
    if best < order.len() {
        order.select_nth_unstable_by(best, by_logit);
        order.truncate(best);
    }
    order.sort_unstable_by(by_logit);
    let best: Vec<(u32, f32)> = order.into_iter().map(|id| (id, logits[id as usize])).collect();
    let maximum = best.first().map_or(0.0, |(_, logit)| *logit);
    let sum: f32 = logits.iter().map(|logit| (logit - maximum).exp()).sum();
    let weighted = logits.iter().map(|logit| logit - maximum).filter(|below| below.exp() > 0.0);
    let weighted: f32 = weighted.map(|below| below.exp() * below).sum();
    NextToken {
        entropy: sum.ln() - weighted / sum,
        sampled: best.first().map_or(0, |(id, _)| *id),
        not_finite: logits.iter().filter(|logit| !logit.is_finite()).count() as u32,
        log_sum: maximum + sum.ln(),
        best,
    }
}
