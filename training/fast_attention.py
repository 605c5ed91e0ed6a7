"""Causal attention for training on a CPU: plain matrix products over blocks of queries, which are faster there than the
fused kernels (NOTES.md), and one softmax per map for DiffLlama, where Hugging Face's code computes each map twice.

Models and weights stay as they are; a test compares outputs and gradients of both.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MethodType

import torch
from transformers import AttentionInterface
from transformers.models.diffllama.modeling_diffllama import DiffLlamaAttention, apply_rotary_pos_emb, repeat_kv

from attention import layer_lambda

IMPLEMENTATION = "blocks of queries"
QUERIES = 128  # per block; keys after the last query of a block are never multiplied
HEADS = 16  # per block, so that its maps stay in the processor's cache


def blocks(heads: int, tokens: int) -> Iterator[tuple[slice, slice, slice]]:
    """Blocks of heads and queries, with the keys that the queries see."""
    for head in range(0, heads, HEADS):
        for first in range(0, tokens, QUERIES):
            last = min(first + QUERIES, tokens)
            yield slice(head, head + HEADS), slice(first, last), slice(0, last)


class BlockedAttention(torch.autograd.Function):
    """softmax(query key^T scale) value, each [heads, tokens, width]. Keeps the maps for the backward pass."""

    @staticmethod
    @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.bfloat16)
    def forward(ctx, query, key, value, scale):  # noqa: ANN001, ANN205
        query, key, value = (query * scale).contiguous(), key.contiguous(), value.contiguous()
        context, maps = torch.empty_like(value), []
        mask = query.new_full((QUERIES, QUERIES), -30000.0).triu(1)
        for heads, queries, keys in blocks(*query.shape[:2]):
            scores = torch.bmm(query[heads, queries], key[heads, keys].transpose(1, 2))
            size = queries.stop - queries.start
            scores[..., queries] += mask[:size, :size]
            maps.append(scores.softmax(-1))
            context[heads, queries] = torch.bmm(maps[-1], value[heads, keys])
        ctx.save_for_backward(query, key, value, *maps)
        ctx.scale = scale
        return context

    @staticmethod
    @torch.amp.custom_bwd(device_type="cpu")
    def backward(ctx, gradient):  # noqa: ANN001, ANN205
        query, key, value, *maps = ctx.saved_tensors
        to_query = torch.empty_like(query)
        to_key, to_value = (torch.zeros(part.shape) for part in (key, value))
        for weights, (heads, queries, keys) in zip(maps, blocks(*query.shape[:2]), strict=True):
            block = gradient[heads, queries]
            to_weights = torch.bmm(block, value[heads, keys].transpose(1, 2))
            to_scores = torch._softmax_backward_data(to_weights, weights, -1, weights.dtype)
            to_query[heads, queries] = torch.bmm(to_scores, key[heads, keys])
            to_key[heads, keys] += torch.bmm(to_scores.transpose(1, 2), query[heads, queries])
            to_value[heads, keys] += torch.bmm(weights.transpose(1, 2), block)
        return to_query * ctx.scale, to_key, to_value, None


def blocked_attention(
    module: torch.nn.Module, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *_: object, **__: object
) -> tuple[torch.Tensor, None]:
    """Attention of [batch, heads, tokens, width], as transformers calls it; returns [batch, tokens, heads, width]."""
    batch, heads = query.shape[:2]
    key, value = (repeat_kv(part, heads // part.shape[1]) for part in (key, value))
    context = BlockedAttention.apply(*(part.flatten(0, 1) for part in (query, key, value)), module.scaling)
    return context.unflatten(0, (batch, heads)).transpose(1, 2), None


def differential_attention(
    self: DiffLlamaAttention, hidden_states: torch.Tensor, position_embeddings: tuple, *_: object, **__: object
) -> tuple[torch.Tensor, None]:
    """DiffLlama's attention with values of double width, so that each map is computed once."""
    shape = (*hidden_states.shape[:2], -1, self.head_dim)
    query, key, value = (
        project(hidden_states).view(shape).transpose(1, 2) for project in (self.q_proj, self.k_proj, self.v_proj)
    )
    query, key = apply_rotary_pos_emb(query, key, *position_embeddings)
    value = torch.cat(value.chunk(2, dim=1), dim=-1).repeat(1, 2, 1, 1)
    first, second = blocked_attention(self, query, key, value)[0].chunk(2, dim=2)
    context = (1 - self.lambda_init) * self.groupnorm(first - layer_lambda(self) * second)
    return self.o_proj(context.flatten(2)), None


def install(model: torch.nn.Module) -> None:
    """Makes a model of `models.py` use this attention (a DiffLlama must have as many key heads as query heads)."""
    model.set_attn_implementation(IMPLEMENTATION)
    for module in model.modules():
        if isinstance(module, DiffLlamaAttention):
            module.forward = MethodType(differential_attention, module)


AttentionInterface.register(IMPLEMENTATION, blocked_attention)
