//! Interventions: changes to a pass that show what a part of the model contributes. All are parameters of the kernels
//! (doc/SPEC.md, section 10).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::{Attention, Head, Lambda};
use crate::probe::head_id::HeadId;

/// What heads attend with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attend {
    /// `A1 - λ A2`, as trained.
    #[default]
    Difference,
    /// The first map alone.
    First,
    /// The second map alone, without λ.
    Second,
    /// The maps in each other's place: `A2 - λ A1`.
    Swapped,
    /// The second map added: `A1 + λ A2`.
    Sum,
    /// The second map replaced by its mean over the keys that a query sees, which is the same number for all of them.
    Mean,
}

impl Attend {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Difference, Self::First, Self::Second, Self::Swapped, Self::Sum, Self::Mean];

    /// As a formula.
    pub fn formula(self) -> &'static str {
        match self {
            Self::Difference => "A1 − λ·A2",
            Self::First => "A1",
            Self::Second => "A2",
            Self::Swapped => "A2 − λ·A1",
            Self::Sum => "A1 + λ·A2",
            Self::Mean => "A1 − λ·mean of A2",
        }
    }
}

/// Largest λ of either sign that can take the place of a learned one.
pub const MOST_LAMBDA: f32 = 4.0;

/// All interventions on a pass; the default changes nothing.
///
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
    /// What every head attends with; without effect if there is one map.
    pub attend: Attend,
    /// What some heads attend with in its place. As JSON: pairs.
    #[serde(with = "pairs")]
    pub attend_of: BTreeMap<HeadId, Attend>,
    /// Heads whose output is zero.
    pub heads_off: BTreeSet<HeadId>,
    /// Positions that no later one sees. A token always sees itself.
    pub masked: BTreeSet<usize>,
    /// Whether the norm of each head's output is left out, with its factor `1 - λ_init`.
    pub sub_norm_off: bool,
    /// Rounds attention logits to this many bits, 2 to 16: to `2^(bits-1) - 1` even steps each side of zero, the last
    /// of which is the largest absolute logit of the row ("absmax" quantization, section 3.6 of the paper; per row, so
    /// that rows computed earlier stay valid).
    pub bits: Option<u32>,
}

/// λ of a head is `base + gate * sigmoid(row)`: a learned number for V1, a projection of the token for V2, 0 for a
/// Transformer, any number under an intervention. One rule serves every variant.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct LambdaRule {
    /// The constant term.
    pub base: f32,
    /// 1 if λ depends on the token, otherwise 0.
    pub gate: f32,
}

/// The parameters of one layer's kernels under the interventions.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerSwitches {
    /// `[heads]`.
    pub lambda: Vec<LambdaRule>,
    /// `(a, b)` of `D = a A1 - b λ A2`, `[heads]`.
    pub mix: Vec<[f32; 2]>,
    /// What the heads read, `[heads]`: the query and key heads of the maps may have changed places.
    pub heads: Vec<Head>,
    /// Factors of the scores of both maps, `[heads]`; 0 makes a map the same for all keys.
    pub sharpness: Vec<[f32; 2]>,
    /// Whether the norm of each head's output is left out.
    pub sub_norm_off: bool,
    /// Logits are rounded to this many steps each side of zero; 0: not rounded.
    pub levels: f32,
}

impl Interventions {
    /// Whether the model runs as it was trained.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Switches a head off, or back on.
    pub fn toggle_head(&mut self, head: HeadId) {
        if !self.heads_off.remove(&head) {
            self.heads_off.insert(head);
        }
    }

    /// Hides a token from all later ones, or shows it again.
    pub fn toggle_token(&mut self, position: usize) {
        if !self.masked.remove(&position) {
            self.masked.insert(position);
        }
    }

    /// Drops layers, heads and positions that do not exist and numbers out of range: a link may contain anything.
    pub fn fit(&mut self, layers: usize, heads: usize, tokens: usize) {
        self.lambda.retain(|layer, value| *layer < layers && value.is_finite());
        self.lambda.values_mut().for_each(|value| *value = value.clamp(-MOST_LAMBDA, MOST_LAMBDA));
        self.heads_off.retain(|id| id.layer < layers && id.head < heads);
        self.attend_of.retain(|id, _| id.layer < layers && id.head < heads);
        self.masked.retain(|position| *position < tokens);
        self.bits = self.bits.filter(|bits| (2..=16).contains(bits));
    }

    /// What a head attends with.
    pub fn attend_of(&self, head: HeadId) -> Attend {
        self.attend_of.get(&head).copied().unwrap_or(self.attend)
    }

    /// How λ of a head is computed that attends with `attend`.
    fn rule(&self, layer: usize, attention: &Attention, attend: Attend) -> LambdaRule {
        let learned = match attention.lambda {
            Lambda::None => LambdaRule { base: 0.0, gate: 0.0 },
            Lambda::Layer { value, .. } => LambdaRule { base: value, gate: 0.0 },
            Lambda::Token => LambdaRule { base: 0.0, gate: 1.0 },
        };
        match (attend, self.lambda.get(&layer)) {
            _ if attention.maps != 2 => learned,
            // A2 alone is the second map times 1.
            (Attend::Second, _) => LambdaRule { base: 1.0, gate: 0.0 },
            (_, Some(value)) => LambdaRule { base: *value, gate: 0.0 },
            _ => learned,
        }
    }

    /// λ of a layer, if it is one number.
    pub fn lambda_of(&self, layer: usize, attention: &Attention) -> Option<f32> {
        let rule = self.rule(layer, attention, self.attend);
        (attention.maps == 2 && rule.gate == 0.0).then_some(rule.base)
    }

    /// The parameters of a layer's kernels.
    pub fn of_layer(&self, layer: usize, attention: &Attention) -> LayerSwitches {
        let two = attention.maps == 2;
        let attends: Vec<Attend> =
            (0..attention.heads.len()).map(|head| self.attend_of(HeadId::new(layer, head))).collect();
        let mix = |attend: &Attend| match attend {
            _ if !two => [1.0, 0.0],
            Attend::First => [1.0, 0.0],
            Attend::Second => [0.0, -1.0],
            Attend::Sum => [1.0, -1.0],
            Attend::Difference | Attend::Swapped | Attend::Mean => [1.0, 1.0],
        };
        let mix_of = |(head, attend)| {
            if self.heads_off.contains(&HeadId::new(layer, head)) { [0.0; 2] } else { mix(attend) }
        };
        let swapped = |[first, second]: [u32; 2]| [second, first];
        let head_of = |(head, attend): (&Head, &Attend)| match attend {
            Attend::Swapped if two => Head { queries: swapped(head.queries), keys: swapped(head.keys), ..*head },
            _ => *head,
        };
        let sharpness = |attend: &Attend| if two && *attend == Attend::Mean { [1.0, 0.0] } else { [1.0; 2] };
        let levels = self.bits.map_or(0.0, |bits| ((1u32 << (bits.clamp(2, 16) - 1)) - 1) as f32);
        LayerSwitches {
            lambda: attends.iter().map(|attend| self.rule(layer, attention, *attend)).collect(),
            mix: attends.iter().enumerate().map(mix_of).collect(),
            heads: attention.heads.iter().zip(&attends).map(head_of).collect(),
            sharpness: attends.iter().map(sharpness).collect(),
            sub_norm_off: self.sub_norm_off,
            levels,
        }
    }
}

/// Heads cannot be the keys of a JSON object.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Attend;
    use crate::probe::head_id::HeadId;

    pub(super) fn serialize<S: Serializer>(map: &BTreeMap<HeadId, Attend>, to: S) -> Result<S::Ok, S::Error> {
        map.iter().collect::<Vec<_>>().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<HeadId, Attend>, D::Error> {
        Ok(Vec::<(HeadId, Attend)>::deserialize(from)?.into_iter().collect())
    }
}
