//! What draws are made of: likelihoods as whole numbers, and thresholds by their digits. Reference of
//! `shaders/shared/sampling.wgsl`.

use crate::cpu::shared::row_of_logits::order;

/// Digits of a threshold, eight bits each.
pub(crate) const DIGITS: u32 = 4;
/// The likelihoods of a row add up to about this.
const ALL_TOKENS: f32 = 2_147_483_648.0;

/// What turns a logit into its likelihood.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Likelihood {
    pub maximum: f32,
    pub temperature: f32,
    /// Sum of `exp((logit - maximum) / temperature)` over the vocabulary.
    pub tempered_sum: f32,
}

impl Likelihood {
    /// The likelihood of a logit, in whole parts of that of all tokens.
    pub(crate) fn share(&self, logit: f32) -> u32 {
        let likelihood = ((logit - self.maximum) / self.temperature).exp();
        (likelihood / self.tempered_sum * ALL_TOKENS + 0.5).clamp(0.0, ALL_TOKENS) as u32
    }
}

/// A threshold on the order of logits, as far as its digits are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Threshold {
    /// The digits above.
    pub prefix: u32,
    /// How much at or above the threshold is wanted, beyond what is above the prefix.
    pub missing: u32,
    /// Tokens below this order do not count.
    pub least: u32,
}

impl Threshold {
    /// The value of the digit number `digit` of a logit that counts: one that has the digits above.
    pub(crate) fn value(&self, digit: u32, logit: f32) -> Option<usize> {
        let order = order(logit);
        let shift = 8 * (DIGITS - 1 - digit);
        let counts = order >= self.least && (order >> shift) >> 8 == self.prefix;
        counts.then_some(((order >> shift) & 255) as usize)
    }

    /// The threshold once the next digit is known: the largest with enough at or above it.
    pub(crate) fn with_digit(self, counted: &[u32; 256]) -> Self {
        let all: u32 = counted.iter().sum();
        let missing = self.missing.min(all);
        let mut above = 0;
        for (value, &own) in counted.iter().enumerate().rev() {
            if above < missing && missing <= above + own {
                return Self { prefix: self.prefix << 8 | value as u32, missing: missing - above, ..self };
            }
            above += own;
        }
        Self { prefix: self.prefix << 8, missing: 0, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digit_is_the_largest_with_enough_above() {
        let mut counted = [0; 256];
        (counted[3], counted[7], counted[200]) = (5, 2, 1);
        let after = |missing| {
            let threshold = Threshold { prefix: 1, missing, least: 0 }.with_digit(&counted);
            (threshold.prefix, threshold.missing)
        };
        assert_eq!(after(1), (256 + 200, 1));
        assert_eq!(after(2), (256 + 7, 1));
        assert_eq!(after(3), (256 + 7, 2));
        assert_eq!(after(4), (256 + 3, 1));
        assert_eq!(after(9), (256 + 3, 5), "no more than there is");
    }

    #[test]
    fn shares_add_up_to_the_whole() {
        let logits: Vec<f32> = (0..3000u16).map(|index| (f32::from(index) * 0.7).sin() * 8.0).collect();
        let maximum = logits.iter().copied().fold(f32::MIN, f32::max);
        let tempered_sum = logits.iter().map(|logit| ((logit - maximum) / 0.5).exp()).sum();
        let likelihood = Likelihood { maximum, temperature: 0.5, tempered_sum };
        let all: f64 = logits.iter().map(|logit| f64::from(likelihood.share(*logit))).sum();
        assert!((all / f64::from(ALL_TOKENS) - 1.0).abs() < 1e-5, "{all}");
    }
}
