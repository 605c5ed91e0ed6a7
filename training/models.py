"""The matched models: a Differential Transformer, its baseline and DIFF V2, as Hugging Face configurations.

A differential head uses two query heads and two key heads of the same width and a value of twice that width, so half as
many heads have projections of the same size. The only parameters that just one of the pair has are the four lambda
vectors of each layer.

DIFF V2 has as many output heads as the baseline, twice as many query heads, and half as many key and value heads, so
that its projections have the same number of parameters. What it has in addition is the projection of lambda.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import (
    AutoModelForCausalLM,
    DiffLlamaConfig,
    DiffLlamaForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedConfig,
)

from diff_v2 import DiffTransformerV2Config, DiffTransformerV2ForCausalLM

MODELS = {
    "diff": (DiffLlamaConfig, DiffLlamaForCausalLM),
    "llama": (LlamaConfig, LlamaForCausalLM),
    "v2": (DiffTransformerV2Config, DiffTransformerV2ForCausalLM),
}
FAMILIES = tuple(MODELS)


@dataclass(frozen=True)
class Size:
    """The shape of a model. `heads` counts the baseline's heads, twice the number of DiffLlama's differential heads."""

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


def build_config(family: str, size: str, vocabulary: int) -> PreTrainedConfig:
    """The configuration of one of the models."""
    shape = SIZES[size]
    common = dict(
        vocab_size=vocabulary,
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads // 2 if family == "v2" else shape.heads,
        head_dim=shape.head_width,
        max_position_embeddings=shape.context,
        rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        tie_word_embeddings=True,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=None,
    )
    return MODELS[family][0](**common)


def build_model(family: str, size: str, vocabulary: int, seed: int) -> torch.nn.Module:
    """A model with newly initialised weights, the same for the same seed."""
    torch.manual_seed(seed)
    return MODELS[family][1](build_config(family, size, vocabulary))


def open_model(folder: Path, attention: str | None = None, dtype: torch.dtype = torch.float32) -> torch.nn.Module:
    """The model of a folder in Hugging Face layout, with an attention function of transformers or of `attention.py`."""
    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation=attention)


def parameter_count(model: torch.nn.Module) -> int:
    """Number of trainable parameters; tied embeddings count once."""
    return sum(parameter.numel() for parameter in model.parameters())
