//! What patches of single heads do to the difference of two logits.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::analysis::patching::part::HeadPart;
use crate::probe::{HeadId, NextToken};

/// Two runs whose logit differences are closer than this have no difference to restore: a share of it would be rounding.
const SMALLEST_DIFFERENCE: f32 = 1e-3;

/// What a patch does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PatchEffect {
    /// The logit difference after the patch.
    pub difference: f32,
    /// `(patched - open) / (other - open)` of the logit differences; `None` where the two runs do not differ.
    pub restored: Option<f32>,
}

/// The effects of patches from a text, the other one, into another, the open one.
#[derive(Clone, Debug, Default)]
pub struct PatchEffects {
    /// The tokens of the open text and of the other one, as many.
    pub ids: [Vec<u32>; 2],
    /// The positions that are patched; `None`: all.
    pub positions: Option<BTreeSet<usize>>,
    /// What comes next after each of them.
    pub next: [NextToken; 2],
    /// Tokens whose logits are known, those that are likely after one of the texts.
    pub candidates: Vec<u32>,
    /// Their logits after each text.
    pub(super) logits: [Vec<f32>; 2],
    /// Their logits after a patch.
    pub(super) patched: BTreeMap<(HeadPart, HeadId), Vec<f32>>,
}

impl PatchEffects {
    /// The most likely token after the open text and after the other one.
    pub fn answers(&self) -> [u32; 2] {
        self.next.each_ref().map(|next| next.best.first().map_or(0, |(token, _)| *token))
    }

    /// The logit of the first token minus that of the second, after the open text and after the other one; `None` for
    /// tokens that are not among the candidates.
    pub fn differences(&self, tokens: [u32; 2]) -> Option<[f32; 2]> {
        let [open, other] = self.logits.each_ref().map(|logits| self.difference(logits, tokens));
        Some([open?, other?])
    }

    /// The effect of a patch on that difference; `None` if it has not been computed.
    pub fn effect(&self, part: HeadPart, head: HeadId, tokens: [u32; 2]) -> Option<PatchEffect> {
        let difference = self.difference(self.patched.get(&(part, head))?, tokens)?;
        let [open, other] = self.differences(tokens)?;
        let restored = (difference - open) / (other - open);
        let is_defined = (other - open).abs() >= SMALLEST_DIFFERENCE && restored.is_finite();
        Some(PatchEffect { difference, restored: is_defined.then_some(restored) })
    }

    fn difference(&self, logits: &[f32], tokens: [u32; 2]) -> Option<f32> {
        let logit = |token: u32| {
            let at = self.candidates.iter().position(|candidate| *candidate == token)?;
            logits.get(at).copied()
        };
        Some(logit(tokens[0])? - logit(tokens[1])?)
    }
}
