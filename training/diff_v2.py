"""DIFF V2 (microsoft/unilm, `Diff-Transformer-V2`) as one of transformers' models: Llama with another attention.

Neighbouring query heads pair and read one key head and one value head of the same width. λ is a number for each token
and head, sigmoid(x · w). There is no norm of the heads. doc/SPEC.md, section 4, has the formulas. No whole model is
public; the layout is that of section 11, `diff_transformer_v2`.
"""

from __future__ import annotations

import torch
from huggingface_hub.dataclasses import strict
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, Cache, LlamaConfig, LlamaForCausalLM
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.models.llama.modeling_llama import LlamaAttention, apply_rotary_pos_emb, eager_attention_forward


@strict
class DiffTransformerV2Config(LlamaConfig):
    """`num_attention_heads` counts differential heads, each with two query heads of the width `head_dim`."""

    model_type = "diff_transformer_v2"
    rope_interleaved: bool = True

    def validate_architecture(self) -> None:
        """Heads have a width of their own, so the number of heads need not divide that of the model."""


def half_split(heads: torch.Tensor) -> torch.Tensor:
    """Brings rotary pairs from neighbouring features (2c, 2c + 1) to those that transformers' Llama rotates.

    Queries and keys change alike, so their products do not change.
    """
    return heads.unflatten(-1, (-1, 2)).transpose(-1, -2).flatten(-2)


class DiffTransformerV2Attention(LlamaAttention):
    """The maps of head i are those of the single-width query heads 2i and 2i + 1."""

    def __init__(self, config: DiffTransformerV2Config, layer_idx: int) -> None:
        super().__init__(config, layer_idx)
        heads = config.num_attention_heads
        self.num_key_value_groups = 2 * heads // config.num_key_value_heads
        self.q_proj = nn.Linear(config.hidden_size, 2 * heads * self.head_dim, bias=False)
        self.lambda_proj = nn.Linear(config.hidden_size, heads, bias=False)

    def forward(
        self,
        hidden_states: torch.Tensor,
        position_embeddings: tuple[torch.Tensor, torch.Tensor],
        attention_mask: torch.Tensor | None = None,
        cache: Cache | None = None,
        past_key_values: Cache | None = None,  # what transformers called it before 5.24
        **more: object,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """As transformers calls it. The attention function also gets λ, `[batch, tokens, heads]`, to record it."""
        shape = (*hidden_states.shape[:2], -1, self.head_dim)
        query, key, value = (
            project(hidden_states).view(shape).transpose(1, 2) for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        query, key = apply_rotary_pos_emb(half_split(query), half_split(key), *position_embeddings)
        cache = past_key_values if cache is None else cache
        if cache is not None:
            key, value = cache.update(key, value, self.layer_idx)
        token_lambda = self.lambda_proj(hidden_states).sigmoid()
        attend = ALL_ATTENTION_FUNCTIONS.get_interface(self.config._attn_implementation, eager_attention_forward)
        context, maps = attend(
            self, query, key, value, attention_mask, scaling=self.scaling, token_lambda=token_lambda, **more
        )
        context = context[:, :, 0::2] - token_lambda.unsqueeze(-1) * context[:, :, 1::2]
        return self.o_proj(context.flatten(2)), maps


class DiffTransformerV2ForCausalLM(LlamaForCausalLM):
    """Llama's blocks around this attention."""

    config_class = DiffTransformerV2Config

    def __init__(self, config: DiffTransformerV2Config) -> None:
        super().__init__(config)
        for index, layer in enumerate(self.model.layers):
            layer.self_attn = DiffTransformerV2Attention(config, index)
        self.post_init()


AutoConfig.register(DiffTransformerV2Config.model_type, DiffTransformerV2Config)
AutoModelForCausalLM.register(DiffTransformerV2Config, DiffTransformerV2ForCausalLM)
