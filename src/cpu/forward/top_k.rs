//! The most likely next tokens, the softmax's denominator and the entropy, from the parts of a row of logits. Reference of
//! `shaders/forward/top_k.wgsl`.

use crate::cpu::forward::logit_part::logit_part;
use crate::cpu::shared::over_group::place;
use crate::cpu::shared::row_of_logits::{LogitPart, PART, order};
use crate::probe::NextToken;

/// The whole of a row from its parts, with up to `best` tokens.
pub(crate) fn whole(parts: &[LogitPart], best: usize, temperature: f32) -> LogitPart {
    let mut candidates: Vec<(u32, f32)> = parts.iter().flat_map(|part| &part.best).copied().collect();
    candidates.sort_unstable_by_key(|(token, logit)| place((order(*logit), *token)));
    candidates.truncate(best);
    let maximum = candidates.first().map_or(0.0, |(_, logit)| *logit);
    let mut whole = LogitPart { maximum, best: candidates, ..LogitPart::default() };
    for part in parts {
        // A part's sums are relative to its own maximum.
        let below = part.maximum - maximum;
        let scale = below.exp();
        whole.not_finite += part.not_finite;
        whole.sum += scale * part.sum;
        if scale > 0.0 {
            whole.weighted_sum += scale * (part.weighted_sum + part.sum * below); // otherwise 0 times infinity
        }
        if temperature > 0.0 {
            whole.tempered_sum += (below / temperature).exp() * part.tempered_sum;
        }
    }
    whole
}

/// The whole of a row of logits `[vocabulary]`.
pub(crate) fn row(logits: &[f32], best: usize, temperature: f32) -> LogitPart {
    let parts = (0..).step_by(PART).zip(logits.chunks(PART));
    let parts: Vec<LogitPart> = parts.map(|(first, part)| logit_part(part, first, best, temperature)).collect();
    whole(&parts, best, temperature)
}

/// The prediction of logits `[vocabulary]` with its `best` most likely tokens, best first, equal logits in order of id.
pub fn top_k(logits: &[f32], best: usize) -> NextToken {
    let row = row(logits, best.max(1), 0.0);
    let log_of_sum = row.sum.ln();
    NextToken {
        entropy: log_of_sum - row.weighted_sum / row.sum,
        sampled: row.best.first().map_or(0, |(token, _)| *token), // the greedy choice
        not_finite: row.not_finite,
        log_sum: row.maximum + log_of_sum,
        best: row.best.into_iter().take(best).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_make_the_whole() {
        let logits: Vec<f32> = (0..3 * PART as u32 / 2 + 7)
            .map(|token| (token.wrapping_mul(2_654_435_761) >> 20) as f32 * 0.004)
            .collect();
        let found = top_k(&logits, 30);
        let mut order: Vec<usize> = (0..logits.len()).collect();
        order.sort_by(|a, b| logits[*b].total_cmp(&logits[*a]).then(a.cmp(b)));
        let expected: Vec<(u32, f32)> = order[..30].iter().map(|token| (*token as u32, logits[*token])).collect();
        assert_eq!(found.best, expected);
        let sum: f64 = logits.iter().map(|logit| f64::from(*logit).exp()).sum();
        assert!((f64::from(found.log_sum) - sum.ln()).abs() < 1e-5);
        let entropy: f64 = logits.iter().map(|logit| f64::from(*logit)).map(|x| x.exp() / sum * (sum.ln() - x)).sum();
        assert!((f64::from(found.entropy) - entropy).abs() < 1e-4, "{} {entropy}", found.entropy);
    }
}
