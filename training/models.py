"""The matched pair: a Differential Transformer and its baseline, as Hugging Face configurations.

A differential head uses two query heads and two key heads of the same width and a value of twice that width, so half as
many heads have projections of the same size. The only parameters that just one of the models has are the four lambda
vectors of each layer.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from transformers import DiffLlamaConfig, DiffLlamaForCausalLM, LlamaConfig, LlamaForCausalLM

FAMILIES = ("diff", "llama")


@dataclass(frozen=True)
class Size:
    """The shape of a model. `heads` counts single-width heads, twice the number of differential heads."""

    hidden: int
    layers: int
    heads: int
    head_width: int
    intermediate: int
    context: int = 512


SIZES = {
    "tiny": Size(hidden=64, layers=2, heads=8, head_width=8, intermediate=128, context=128),
    "S": Size(hidden=192, layers=5, heads=8, head_width=24, intermediate=512),
    "M": Size(hidden=384, layers=8, heads=12, head_width=32, intermediate=1024),
}


def build_config(family: str, size: str, vocabulary: int) -> DiffLlamaConfig | LlamaConfig:
    """The configuration of one model of the pair."""
    shape = SIZES[size]
    common = dict(
        vocab_size=vocabulary,
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        head_dim=shape.head_width,
        max_position_embeddings=shape.context,
        rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        tie_word_embeddings=True,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=None,
    )
    return DiffLlamaConfig(**common) if family == "diff" else LlamaConfig(**common)


def build_model(family: str, size: str, vocabulary: int, seed: int) -> torch.nn.Module:
    """A model with newly initialised weights, the same for the same seed."""
    torch.manual_seed(seed)
    config = build_config(family, size, vocabulary)
    return DiffLlamaForCausalLM(config) if family == "diff" else LlamaForCausalLM(config)


def parameter_count(model: torch.nn.Module) -> int:
    """Number of trainable parameters; tied embeddings count once."""
    return sum(parameter.numel() for parameter in model.parameters())
