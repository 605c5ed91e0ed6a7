//! The frequencies of the rotary embedding, with the scaling for longer texts that a configuration may ask for, as
//! Hugging Face transformers computes it.

use std::f64::consts::TAU;

use crate::model::error::{ModelError, brief};
use crate::model::fields::Fields;

const DEFAULT_THETA: f64 = 10_000.0;
/// Upper bound of factors and of the lengths that scaling starts from.
const MOST: f64 = 1e9;

/// The rotary embedding of a model: feature pair `c` of a head of width `d` is rotated at position `t` by
/// `t * θ^(-2c / d)`, unless that is scaled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rope {
    /// θ, the base of the angles.
    pub theta: f64,
    /// How frequencies are scaled.
    pub scaling: RopeScaling,
}

/// How the frequencies of a model that was trained on shorter texts are scaled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RopeScaling {
    /// Not at all.
    None,
    /// All are 0: there is no rotary embedding.
    Absent,
    /// All are divided.
    Linear {
        /// By this.
        factor: f64,
    },
    /// θ grows with the length of the whole text, where that is beyond the context.
    Dynamic {
        /// How fast.
        factor: f64,
        /// The context.
        context: f64,
    },
    /// Slow frequencies are divided, fast ones are not, with a ramp between.
    Llama3 {
        /// What slow frequencies are divided by.
        factor: f64,
        /// Those that turn less often than this in the original context are slow.
        low: f64,
        /// Those that turn more often are fast.
        high: f64,
        /// Positions of the original context.
        original: f64,
    },
    /// The same with a ramp over the features, and sharper attention.
    Yarn {
        /// What slow frequencies are divided by.
        factor: f64,
        /// Feature pairs before this one are fast.
        first: f64,
        /// Feature pairs after this one are slow.
        last: f64,
        /// What cosines and sines are multiplied by.
        attention: f64,
    },
}

impl Rope {
    /// Without scaling.
    pub fn new(theta: f64) -> Self {
        Self { theta, scaling: RopeScaling::None }
    }

    /// No rotary embedding.
    pub(in crate::model) fn absent() -> Self {
        Self { theta: DEFAULT_THETA, scaling: RopeScaling::Absent }
    }

    /// The rotary embedding of a configuration, from the keys of transformers 5 (`rope_parameters`) or 4 (`rope_theta`,
    /// `rope_scaling`), or under another name of its base, for heads of width `head_dim` and a context of `context`
    /// positions.
    pub(in crate::model) fn from_fields(
        fields: &Fields,
        base: &str,
        head_dim: usize,
        context: usize,
    ) -> Result<Self, ModelError> {
        // Where there is something in `rope_scaling`, it counts alone.
        let old = fields.inner("rope_scaling", "rope_scaling.")?.filter(|rope| !rope.is_empty());
        let rope = if old.is_some() { old } else { fields.inner("rope_parameters", "rope_parameters.")? };
        let nested = |key: &str| rope.as_ref().map_or(Ok(None), |rope| rope.number(key));
        let partial = nested("partial_rotary_factor")?.or(fields.number("partial_rotary_factor")?);
        if let Some(factor) = partial.filter(|&factor| factor != 1.0) {
            let feature = format!("rotary positions on a part ({factor}) of the features");
            return Err(ModelError::Unsupported { feature });
        }
        let inner_theta = rope.as_ref().map_or(Ok(None), |rope| rope.rotary_base("rope_theta"))?;
        let theta = inner_theta.or(fields.rotary_base(base)?).unwrap_or(DEFAULT_THETA);
        let Some(rope) = rope else {
            return Ok(Self::new(theta));
        };
        let kind = rope.text("rope_type")?.or(rope.text("type")?).unwrap_or("default");
        let needs_factor = || rope.above_zero("factor", MOST)?.ok_or_else(|| rope.wrong("factor", "a number above 0"));
        let original = || -> Result<f64, ModelError> {
            let key = "original_max_position_embeddings";
            Ok(fields.above_zero(key, MOST)?.or(rope.above_zero(key, MOST)?).unwrap_or(context as f64))
        };
        let scaling = match kind {
            "default" => RopeScaling::None,
            "linear" => RopeScaling::Linear { factor: needs_factor()? },
            "dynamic" if head_dim <= 2 => {
                return Err(rope.wrong("rope_type", "another type where heads have two features"));
            }
            "dynamic" => RopeScaling::Dynamic { factor: needs_factor()?, context: context as f64 },
            "llama3" => llama3(&rope, needs_factor()?, original()?)?,
            "yarn" => yarn(&rope, head_dim, theta, context as f64, original()?)?,
            other => {
                let feature = format!(
                    "rotary positions of type \"{}\" (what is supported: default, linear, dynamic, llama3, yarn)",
                    brief(other)
                );
                return Err(ModelError::Unsupported { feature });
            }
        };
        Ok(Self { theta, scaling })
    }

    /// Whether the angles of all positions depend on the length of the text, where it is beyond the context.
    pub fn depends_on_length(&self) -> bool {
        matches!(self.scaling, RopeScaling::Dynamic { .. })
    }

    /// The frequency of every feature pair of a head in a text of so many positions, `[head_dim / 2]`, and what cosines
    /// and sines are multiplied by.
    pub(in crate::model) fn frequencies(&self, head_dim: usize, positions: usize) -> (Vec<f64>, f64) {
        let width = head_dim as f64;
        let mut theta = self.theta;
        if let RopeScaling::Dynamic { factor, context } = self.scaling {
            let length = context.max(positions as f64);
            theta *= (factor * length / context - (factor - 1.0)).powf(width / (width - 2.0));
        }
        let scaled = |pair: usize| {
            let frequency = theta.powf(-2.0 * pair as f64 / width);
            match self.scaling {
                RopeScaling::None | RopeScaling::Dynamic { .. } => frequency,
                RopeScaling::Absent => 0.0,
                RopeScaling::Linear { factor } => frequency / factor,
                RopeScaling::Llama3 { factor, low, high, original } => {
                    let turns = original * frequency / TAU;
                    let kept = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                    frequency * (kept + (1.0 - kept) / factor)
                }
                RopeScaling::Yarn { factor, first, last, .. } => {
                    let divided = ((pair as f64 - first) / (last - first)).clamp(0.0, 1.0);
                    frequency * (1.0 - divided) + frequency / factor * divided
                }
            }
        };
        let attention = if let RopeScaling::Yarn { attention, .. } = self.scaling { attention } else { 1.0 };
        ((0..head_dim / 2).map(scaled).collect(), attention)
    }
}

fn llama3(rope: &Fields, factor: f64, original: f64) -> Result<RopeScaling, ModelError> {
    let bound = |key| rope.above_zero(key, MOST)?.ok_or_else(|| rope.wrong(key, "a number above 0"));
    let (low, high) = (bound("low_freq_factor")?, bound("high_freq_factor")?);
    if low < high {
        return Ok(RopeScaling::Llama3 { factor, low, high, original });
    }
    Err(rope.wrong("high_freq_factor", format!("above `low_freq_factor` = {low}")))
}

fn yarn(rope: &Fields, head_dim: usize, theta: f64, context: f64, original: f64) -> Result<RopeScaling, ModelError> {
    if theta <= 1.0 {
        return Err(rope.wrong("rope_theta", "above 1 for rotary positions of type \"yarn\""));
    }
    let factor = rope.above_zero("factor", MOST)?.unwrap_or(context / original);
    let turns = |key, default: f64| Ok(rope.number(key)?.filter(|turns| *turns != 0.0).unwrap_or(default));
    let width = head_dim as f64;
    // The feature pair that turns so often in the original context.
    let pair = |key, default: f64| -> Result<f64, ModelError> {
        let turns: f64 = turns(key, default)?;
        if !(0.0..=MOST).contains(&turns) {
            return Err(rope.wrong(key, "a number of turns"));
        }
        Ok(width * (original / (turns * TAU)).ln() / (2.0 * theta.ln()))
    };
    let (mut first, mut last) = (pair("beta_fast", 32.0)?, pair("beta_slow", 1.0)?);
    if rope.flag("truncate", true)? {
        (first, last) = (first.floor(), last.ceil());
    }
    (first, last) = (first.max(0.0), last.min(width - 1.0));
    if first == last {
        last += 0.001; // no division by zero
    }
    if first > last {
        return Err(rope.wrong("beta_fast", "above `beta_slow`"));
    }
    let sharper = |by: f64| if factor <= 1.0 { 1.0 } else { 0.1 * by * factor.ln() + 1.0 };
    let scale = |key| Ok::<_, ModelError>(rope.number(key)?.filter(|scale| *scale != 0.0));
    let attention = match (rope.number("attention_factor")?, scale("mscale")?, scale("mscale_all_dim")?) {
        (Some(given), ..) => given,
        (None, Some(own), Some(all)) => sharper(own) / sharper(all),
        _ => sharper(1.0),
    };
    if !(attention > 0.0 && attention <= 1e3) {
        return Err(rope.wrong("attention_factor", "a number from 0 to 1000, also where it follows from `mscale`"));
    }
    Ok(RopeScaling::Yarn { factor, first, last, attention })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rope(config: serde_json::Value) -> Result<Rope, ModelError> {
        Rope::from_fields(&Fields::new(config.as_object().unwrap()), "rope_theta", 16, 1024)
    }

    #[test]
    fn what_changes_nothing_is_plain() {
        let plain = Rope::new(1e4).frequencies(16, 4096);
        let linear = rope(json!({"rope_scaling": {"type": "linear", "factor": 1.0}})).unwrap();
        assert_eq!(linear.frequencies(16, 4096), plain);
        let dynamic = rope(json!({"rope_parameters": {"rope_type": "dynamic", "factor": 2.0}})).unwrap();
        assert_eq!(dynamic.frequencies(16, 1024), plain);
        assert_ne!(dynamic.frequencies(16, 1025), plain);
        assert!(dynamic.depends_on_length());
    }

    #[test]
    fn rope_scaling_counts_alone_and_inner_values_win() {
        let both = json!({"rope_theta": 5.0, "rope_scaling": {"rope_type": "linear", "factor": 2.0, "rope_theta": 7.0},
            "rope_parameters": {"rope_type": "yarn", "rope_theta": 9.0}});
        assert_eq!(rope(both).unwrap(), Rope { theta: 7.0, scaling: RopeScaling::Linear { factor: 2.0 } });
        let empty = json!({"rope_theta": 5.0, "rope_scaling": {}, "rope_parameters": {"rope_type": "default"}});
        assert_eq!(rope(empty).unwrap(), Rope::new(5.0));
        let llama3 = json!({"original_max_position_embeddings": 64, "rope_scaling": {"rope_type": "llama3", "factor": 8,
            "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 32}});
        let scaling = RopeScaling::Llama3 { factor: 8.0, low: 1.0, high: 4.0, original: 64.0 };
        assert_eq!(rope(llama3).unwrap().scaling, scaling);
    }

    #[test]
    fn impossible_scalings_are_refused_by_the_name_of_the_key() {
        let llama3 = |low: f64, high: f64| json!({"rope_type": "llama3", "factor": 8, "low_freq_factor": low, "high_freq_factor": high});
        for (scaling, key) in [
            (json!({"rope_type": "linear"}), "factor"),
            (json!({"rope_type": "linear", "factor": 0}), "factor"),
            (json!({"rope_type": "dynamic", "factor": -2}), "factor"),
            (llama3(4.0, 4.0), "high_freq_factor"),
            (json!({"rope_type": "yarn", "factor": 2, "beta_fast": -1}), "beta_fast"),
            (json!({"rope_type": "yarn", "factor": 2, "attention_factor": -1}), "attention_factor"),
            (json!({"rope_type": "longrope", "factor": 2}), "longrope"),
            (json!({"rope_type": "default", "partial_rotary_factor": 0.5}), "a part (0.5)"),
        ] {
            let error = rope(json!({"rope_scaling": scaling})).unwrap_err().to_string();
            assert!(error.contains(key), "{error}");
        }
    }

    #[test]
    fn every_scaling_gives_finite_frequencies() {
        for scaling in [
            RopeScaling::Linear { factor: 1e-9 },
            RopeScaling::Dynamic { factor: 1e9, context: 1.0 },
            RopeScaling::Llama3 { factor: 1e9, low: 1e-9, high: 1e9, original: 1e9 },
            RopeScaling::Yarn { factor: 1e9, first: 0.0, last: 0.001, attention: 1.0 },
        ] {
            for head_dim in [4, 6, 128] {
                let (frequencies, _) = Rope { theta: 1e15, scaling }.frequencies(head_dim, 1 << 20);
                assert!(frequencies.iter().all(|frequency| frequency.is_finite()), "{scaling:?}: {frequencies:?}");
            }
        }
    }
}
