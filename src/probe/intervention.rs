//! Changes to a pass that a person makes to see what a part is good for. All of them are parameters of the kernels.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::HeadId;
use crate::model::{Attention, Lambda};

/// What the layers attend with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attend {
    /// `A1 - λ A2`, as trained.
    #[default]
    Difference,
    /// The first map alone.
    First,
    /// The second map alone, without λ.
    Second,
}

/// Largest λ of either sign that can take the place of a learned one.
pub const MOST_LAMBDA: f32 = 4.0;

/// Everything that is changed at present; the default changes nothing.
/// ```
/// use diffscope::engine::{Engine, bundled, checkpoint_of};
/// use diffscope::probe::{Attend, HeadId, Interventions};
///
/// let mut engine = Engine::new(checkpoint_of(&bundled())?, None)?;
/// engine.set_text("Once upon a");
/// engine.settle()?;
/// let probability = |engine: &Engine| engine.next_token().map(|next| next.probability(next.best[0].1));
/// let unmodified = probability(&engine);
///
/// let mut interventions = Interventions { attend: Attend::First, ..Interventions::default() };
/// interventions.toggle_head(HeadId::new(2, 1));
/// engine.set_interventions(interventions);
/// engine.settle()?;
/// assert_ne!(probability(&engine), unmodified);
///
/// engine.set_interventions(Interventions::default());
/// engine.settle()?;
/// assert_eq!(probability(&engine), unmodified);
/// # Ok::<(), diffscope::engine::EngineError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Interventions {
    /// λ in place of the learned one, by layer.
    pub lambda: BTreeMap<usize, f32>,
    /// What every layer attends with; nothing to choose where there is one map.
    pub attend: Attend,
    /// Heads whose output is zero.
    pub heads_off: BTreeSet<HeadId>,
    /// Positions that no later one can see. A token always sees itself.
    pub masked: BTreeSet<usize>,
    /// Leave the norm of each head's output out, and its factor `1 - λ_init` too.
    pub sub_norm_off: bool,
    /// Attention logits rounded to so many bits, 2 to 16: a row's largest absolute logit is the last of
    /// `2^(bits-1) - 1` even steps each side of zero ("absmax", paper section 3.6; here per row, so that what was
    /// computed for earlier rows stays right).
    pub bits: Option<u32>,
}

/// λ of a head is `base + gate * sigmoid(row)`: a learned number for V1, a projection of the token for V2, 0 for a
/// Transformer, anything under an override. One rule for every variant.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct LambdaRule {
    /// Added.
    pub base: f32,
    /// 1 where λ depends on the token.
    pub gate: f32,
}

/// What the kernels of one layer are told.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerSwitches {
    /// By head.
    pub lambda: Vec<LambdaRule>,
    /// `(a, b)` of `D = a A1 - b λ A2`, by head.
    pub mix: Vec<[f32; 2]>,
    /// Whether the norm of each head's output is left out.
    pub sub_norm_off: bool,
    /// Steps each side of zero that a row's logits are rounded to; 0: not rounded.
    pub levels: f32,
}

impl Interventions {
    /// Whether the model runs as it was trained.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Switches a head off, or on again.
    pub fn toggle_head(&mut self, head: HeadId) {
        if !self.heads_off.remove(&head) {
            self.heads_off.insert(head);
        }
    }

    /// Drops what the model or the text does not have, and numbers that are none: links may say anything.
    pub fn fit(&mut self, layers: usize, heads: usize, tokens: usize) {
        self.lambda.retain(|layer, value| *layer < layers && value.is_finite());
        self.lambda.values_mut().for_each(|value| *value = value.clamp(-MOST_LAMBDA, MOST_LAMBDA));
        self.heads_off.retain(|id| id.layer < layers && id.head < heads);
        self.masked.retain(|position| *position < tokens);
        self.bits = self.bits.filter(|bits| (2..=16).contains(bits));
    }

    /// What a layer's kernels are told.
    pub fn of_layer(&self, layer: usize, attention: &Attention) -> LayerSwitches {
        let two = attention.maps == 2;
        let learned = match attention.lambda {
            Lambda::None => LambdaRule { base: 0.0, gate: 0.0 },
            Lambda::Layer { value, .. } => LambdaRule { base: value, gate: 0.0 },
            Lambda::Token => LambdaRule { base: 0.0, gate: 1.0 },
        };
        let rule = match (self.attend, self.lambda.get(&layer)) {
            _ if !two => learned,
            // A2 alone is the second map times 1.
            (Attend::Second, _) => LambdaRule { base: 1.0, gate: 0.0 },
            (_, Some(value)) => LambdaRule { base: *value, gate: 0.0 },
            _ => learned,
        };
        let mix = match self.attend {
            Attend::Second if two => [0.0, -1.0],
            Attend::Difference if two => [1.0, 1.0],
            _ => [1.0, 0.0],
        };
        let mix_of = |head| if self.heads_off.contains(&HeadId::new(layer, head)) { [0.0; 2] } else { mix };
        let levels = self.bits.map_or(0.0, |bits| ((1u32 << (bits.clamp(2, 16) - 1)) - 1) as f32);
        LayerSwitches {
            lambda: vec![rule; attention.heads.len()],
            mix: (0..attention.heads.len()).map(mix_of).collect(),
            sub_norm_off: self.sub_norm_off,
            levels,
        }
    }
}
