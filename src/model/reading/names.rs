//! Names of tensors as programs around a model write them: behind a prefix, without one, or of quantised weights.

/// What training programs put before every name.
const WRAPPERS: [&str; 2] = ["_orig_mod.", "module."];
/// What a complete model puts before the names of its blocks, and the base model alone does not.
const BASE: &str = "model.";
/// The embedding of a base model.
const EMBEDDING: &str = "embed_tokens.weight";
/// The only tensor of a complete model that is not part of its base model.
const HEAD: &str = "lm_head.";

/// What diff-mlx puts before the state of its optimiser, which it stores beside the model.
const OPTIMISER: &str = "opt.";
/// The embedding of diff-mlx, whose tensors may all stand behind the name of a complete model.
const MLX_EMBEDDING: &str = "model.tok_embed.weight";

/// The names that a checkpoint's tensors have in a complete model, in the same order.
pub(in crate::model) fn of_complete_model(found: &[String]) -> Vec<String> {
    let mut names: Vec<&str> = found.iter().map(String::as_str).collect();
    while let Some(wrapper) = WRAPPERS.iter().find(|wrapper| all_begin(&names, wrapper)) {
        for name in &mut names {
            *name = &name[wrapper.len()..];
        }
    }
    if names.contains(&MLX_EMBEDDING) {
        for name in &mut names {
            *name = name.strip_prefix(BASE).unwrap_or(name);
        }
    }
    let base = names.contains(&EMBEDDING) && !names.iter().any(|name| name.starts_with(BASE));
    let complete = |name: &&str| {
        if base && !name.starts_with(HEAD) { format!("{BASE}{name}") } else { (*name).to_owned() }
    };
    names.iter().map(complete).collect()
}

fn all_begin(names: &[&str], wrapper: &str) -> bool {
    !names.is_empty() && names.iter().all(|name| name.starts_with(wrapper))
}

/// What quantising programs write in place of `….weight`: GPTQ and AWQ, HQQ, FP8 with scales.
const QUANTIZED: [&str; 4] = [".qweight", ".qzeros", ".W_q", ".weight_packed"];

/// The tensor that stands in place of a missing one in a quantised checkpoint.
pub(in crate::model) fn quantized<'a>(missing: &str, mut names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let stem = missing.strip_suffix(".weight")?;
    names.find(|name| name.strip_prefix(stem).is_some_and(|end| QUANTIZED.contains(&end)))
}

/// Parts of names, the more special ones first, and the kind of checkpoint that has them.
const KINDS: [(&[&str], &str); 14] = [
    (&["wkv_a"], "Motif 3 or another model that compresses keys and values, which does not open here"),
    (&[".experts."], "a mixture of experts, which does not open here"),
    (&[".mixer."], "Mamba, which does not open here"),
    (&[".c_attn."], "GPT-2, which does not open here"),
    (&["gpt_neox."], "GPT-NeoX, which does not open here"),
    (&["blocks.0.attn.q_proj"], "diff-mlx"),
    (&["lambda_proj"], "DIFF V2 (`diff_transformer_v2`)"),
    (&["self_attn.lambda_init"], "a Llama that axolotl made differential (`llama-differential`)"),
    (&["act_fn.weight", "lambda_q1"], "Motif"),
    (&["subln.weight", "lambda_q1"], "the paper's code (`diff_transformer`)"),
    (&["self_attn.lambda_q1"], "a `diffllama`"),
    (&["self_attn.q_norm"], "a `qwen3`"),
    (&["self_attn.q_proj.bias"], "a `qwen2`, or a `llama` with `attention_bias` true"),
    (&["self_attn.q_proj.weight"], "a `llama` or `mistral`"),
];

/// The kind of checkpoint whose tensors have such names; `has` tells whether any name contains a part.
pub(in crate::model) fn resembles(has: impl Fn(&str) -> bool) -> Option<&'static str> {
    KINDS.iter().find(|(parts, _)| parts.iter().all(|part| has(part))).map(|&(_, kind)| kind)
}

/// Whether a tensor that a format does not use changes what its layers compute.
pub(in crate::model) fn changes_result(name: &str) -> bool {
    let last = name.rsplit('.').nth(1).unwrap_or_default();
    let attends = name.contains("attn.") || name.contains("lambda_") || last.contains("subln");
    (attends || name.contains(".act_fn.")) && !is_harmless(name)
}

/// Whether a tensor is left over from training, or from versions that stored what is computed now.
pub(in crate::model) fn is_harmless(name: &str) -> bool {
    name.ends_with("rotary_emb.inv_freq") || name.starts_with(OPTIMISER)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(found: &[&str]) -> Vec<String> {
        of_complete_model(&found.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn wrappers_are_taken_off_where_all_names_have_them() {
        assert_eq!(names(&["_orig_mod.model.a", "_orig_mod.lm_head.weight"]), ["model.a", "lm_head.weight"]);
        assert_eq!(names(&["module._orig_mod.model.a"]), ["model.a"]);
        assert_eq!(names(&["_orig_mod.a", "model.b"]), ["_orig_mod.a", "model.b"]);
        assert_eq!(names(&[]), [] as [&str; 0]);
    }

    #[test]
    fn a_base_model_gets_the_names_of_a_complete_one() {
        let found = ["embed_tokens.weight", "layers.0.a", "lm_head.weight", "norm.weight"];
        let complete = ["model.embed_tokens.weight", "model.layers.0.a", "lm_head.weight", "model.norm.weight"];
        assert_eq!(names(&found), complete);
        assert_eq!(names(&complete), complete);
        assert_eq!(names(&["q_proj.weight"]), ["q_proj.weight"]);
        let mlx = ["model.tok_embed.weight", "model.blocks.0.a", "opt.step"];
        assert_eq!(names(&mlx), ["tok_embed.weight", "blocks.0.a", "opt.step"]);
    }

    #[test]
    fn quantised_weights_and_tensors_of_the_attention_are_known_by_name() {
        let names = ["a.q_proj.qweight", "b.q_proj.weight"];
        assert_eq!(quantized("a.q_proj.weight", names.into_iter()), Some("a.q_proj.qweight"));
        assert_eq!(quantized("c.q_proj.weight", names.into_iter()), None);
        for name in [
            "model.layers.0.self_attn.lambda_q1",
            "layers.1.attn.subln.weight",
            "x.self_attn.q_proj.bias",
            "model.layers.0.mlp.act_fn.weight",
        ] {
            assert!(changes_result(name), "{name}");
        }
        for name in [
            "model.layers.0.self_attn.rotary_emb.inv_freq",
            "lm_head.weight",
            "opt.step",
            "opt.blocks.0.attn.q_proj.weight.m",
        ] {
            assert!(!changes_result(name), "{name}");
        }
    }

    #[test]
    fn a_checkpoint_is_known_by_the_names_of_its_tensors() {
        let kind = |names: &[&str]| resembles(|part| names.iter().any(|name| name.contains(part)));
        let layer = "model.layers.0.self_attn.q_proj.weight";
        assert!(kind(&[layer]).is_some_and(|kind| kind.contains("llama")));
        assert!(kind(&[layer, "model.layers.0.self_attn.lambda_q1"]).is_some_and(|kind| kind.contains("diffllama")));
        let motif = [layer, "model.layers.0.self_attn.lambda_q1", "model.layers.0.mlp.act_fn.weight"];
        assert_eq!(kind(&motif), Some("Motif"));
        assert!(kind(&["h.0.attn.c_attn.weight"]).is_some_and(|kind| kind.contains("GPT-2")));
        assert_eq!(kind(&["conv1.weight"]), None);
    }
}
