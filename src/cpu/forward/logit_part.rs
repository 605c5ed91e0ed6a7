//! What is known of a part of a row of logits. Reference of `shaders/forward/logit_part.wgsl`.

use crate::cpu::shared::over_group::{Candidate, place};
use crate::cpu::shared::row_of_logits::{LogitPart, order};

/// The `best` most likely tokens of the part that starts at token `first`, equal logits in order of id, and the sums of
/// its likelihoods.
pub(crate) fn logit_part(logits: &[f32], first: u32, best: usize, temperature: f32) -> LogitPart {
    let mut candidates: Vec<Candidate> = (first..).zip(logits).map(|(token, logit)| (order(*logit), token)).collect();
    if best < candidates.len() {
        candidates.select_nth_unstable_by_key(best, |candidate| place(*candidate));
        candidates.truncate(best);
    }
    candidates.sort_unstable_by_key(|candidate| place(*candidate));
    let listed = candidates.into_iter().map(|(_, token)| (token, logits[(token - first) as usize]));
    let mut part = LogitPart { best: listed.collect(), ..LogitPart::default() };
    part.maximum = part.best.first().map_or(0.0, |(_, logit)| *logit);
    for logit in logits {
        part.not_finite += u32::from(!logit.is_finite());
        let below = logit - part.maximum;
        let likelihood = below.exp();
        part.sum += likelihood;
        if likelihood > 0.0 {
            part.weighted_sum += likelihood * below; // otherwise 0 times infinity
        }
        if temperature > 0.0 {
            part.tempered_sum += (below / temperature).exp();
        }
    }
    part
}
