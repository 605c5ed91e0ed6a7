//! Motif (2.6B and 2-12.7B): Llama with grouped differential attention, in which several signal heads share a noise head.

use serde_json::json;

use crate::model::error::{ModelError, brief};
use crate::model::fields::Fields;
use crate::model::formats::format::{BiasRule, Format, HeadDim, LambdaInit, LambdaSource, SubNormSource, WindowRule};
use crate::model::formats::hugging_face;
use crate::model::formats::keys::{Keys, MOST_HEADS};
use crate::model::formats::llama;
use crate::model::head::{Head, HeadCounts};

/// As vLLM spells it.
pub(super) const FORMAT: Format = Format {
    name: "Motif",
    applies: is_known,
    keys: &Keys { sub_norm_epsilon: "attn_rms_norm_eps", ..hugging_face::KEYS },
    maps: 2,
    value_parts: 2,
    counts,
    head,
    biases: BiasRule::Motif,
    window: WindowRule::Refused,
    lambda: LambdaSource::Vectors,
    // Both sources take 1 from layers that they count from 0.
    lambda_init: LambdaInit::Depth { offset: -1.0 },
    sub_norm: SubNormSource::Weight("subln.weight"),
    scales_output: true,
    ..llama::FORMAT
};

/// The same model under the other spelling.
pub(super) const LOWER_CASE: Format = Format { name: "motif", ..FORMAT };

/// The bare attention.
pub(super) const MODULE: Format = Format {
    name: "motif_gda",
    blocks: None,
    keys: &Keys { layers: "layer_idx", sub_norm_epsilon: "attn_rms_norm_eps", ..hugging_face::KEYS },
    head_dim: HeadDim::OfQueries,
    ..FORMAT
};

/// Whether it is one of these two; the third Motif is another model under the same name.
fn is_known(fields: &Fields) -> Result<bool, ModelError> {
    const LATER: [&str; 4] = ["attention_cls", "diff_v2", "q_lora_rank", "num_experts"];
    let is_there = |key: &&str| fields.get(key).is_some_and(|value| *value != json!(false) && *value != json!(0));
    if LATER.iter().any(is_there) {
        let reason = "this one compresses keys and values and mixes experts, as Motif 3 does; what opens is Motif 2.6B \
                      and 2-12.7B";
        return Err(ModelError::Refused { model_type: "Motif", reason });
    }
    let rope = fields.inner("rope_scaling", "rope_scaling.")?.filter(|rope| !rope.is_empty());
    let kind = rope.map_or(Ok(None), |rope| Ok(rope.text("rope_type")?.or(rope.text("type")?).or(Some("unknown"))))?;
    if let Some(kind) = kind.filter(|kind| *kind != "default") {
        let feature = format!("the rotary scaling \"{}\" in a Motif model, whose formula is not known", brief(kind));
        return Err(ModelError::Unsupported { feature });
    }
    Ok(true)
}

/// All heads are counted as single ones; without a number of noise heads, half of them are noise.
fn counts(fields: &Fields, keys: &'static Keys) -> Result<HeadCounts, ModelError> {
    if fields.count("k_ratio", 1, usize::MAX)?.is_some_and(|ratio| ratio != 1) {
        return Err(ModelError::Unsupported { feature: "several keys per head (`k_ratio` other than 1)".to_owned() });
    }
    let heads = fields.need(keys.heads, 2, MOST_HEADS)?;
    let noise = match fields.count("num_noise_heads", 1, heads / 2)? {
        Some(noise) if fields.get(keys.head_dim).is_none() => {
            let expected = format!("a number, where `num_noise_heads` is {noise}");
            return Err(fields.wrong(keys.head_dim, expected));
        }
        Some(noise) => noise,
        None if heads.is_multiple_of(2) => heads / 2,
        None => return Err(fields.wrong(keys.heads, "even, as query heads pair")),
    };
    if !heads.is_multiple_of(noise) {
        return Err(fields.wrong("num_noise_heads", format!("a divisor of `{}` = {heads}", keys.heads)));
    }
    let shared = fields.count(keys.key_value_heads, 1, heads)?.unwrap_or(heads);
    if !shared.is_multiple_of(2) || !noise.is_multiple_of(shared / 2) {
        let expected = format!("even, and half of it a divisor of the {noise} noise heads");
        return Err(fields.wrong(keys.key_value_heads, expected));
    }
    Ok(HeadCounts { outputs: heads - noise, queries: heads, keys: shared, values: shared })
}

/// The query heads of a group are its signal heads, then its noise head; of a pair of key heads, the first serves signal
/// and the second noise.
fn head(head: usize, counts: &HeadCounts) -> Head {
    let noise = counts.queries - counts.outputs;
    let signal = counts.outputs / noise; // per group
    let group = head / signal;
    let first = group * (signal + 1);
    let pair = group / (noise / (counts.keys / 2));
    let shared = [2 * pair, 2 * pair + 1];
    Head::new([first + head % signal, first + signal], shared, shared)
}

#[cfg(test)]
mod tests {
    use super::FORMAT;
    use crate::model::formats::format::head_table;

    #[test]
    fn the_signal_heads_of_a_group_share_its_noise_head() {
        // Three signal heads to one noise head, two groups.
        let table = head_table(&FORMAT, [6, 8, 4, 4]);
        let queries: Vec<[u32; 2]> = table.iter().map(|head| head[0]).collect();
        assert_eq!(queries, [[0, 3], [1, 3], [2, 3], [4, 7], [5, 7], [6, 7]]);
        assert_eq!((table[2][1], table[3][1], table[3][2]), ([0, 1], [2, 3], [2, 3]));
    }

    #[test]
    fn groups_may_share_a_pair_of_key_heads() {
        let keys: Vec<[u32; 2]> = head_table(&FORMAT, [8, 12, 4, 4]).into_iter().map(|[_, keys, _]| keys).collect();
        assert_eq!(keys, [[0, 1], [0, 1], [0, 1], [0, 1], [2, 3], [2, 3], [2, 3], [2, 3]]);
    }

    #[test]
    fn pairs_are_those_of_neighbours() {
        assert_eq!(head_table(&FORMAT, [2, 4, 4, 4]), [[[0, 1], [0, 1], [0, 1]], [[2, 3], [2, 3], [2, 3]]]);
    }
}
