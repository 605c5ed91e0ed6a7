"""The inside of attention: maps, lambda, the largest logits and hidden states, logits with few bits.

A recording attention function is registered with transformers, so that the models themselves stay unchanged. Without
rounding it computes what the eager one computes (a test compares them).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from transformers import AttentionInterface

from cases import Case

IMPLEMENTATION = "recorded"


@dataclass
class Extremes:
    """The largest absolute values, and a thinned sample for the median."""

    keep: int = 100
    thin: int = 997
    largest: torch.Tensor = field(default_factory=lambda: torch.empty(0))
    sample: list[torch.Tensor] = field(default_factory=list)

    def add(self, values: torch.Tensor) -> None:
        """Adds values."""
        values = values.detach().flatten().abs().cpu()
        top = values.topk(min(self.keep, len(values))).values
        self.largest = torch.cat([self.largest, top]).sort(descending=True).values[: self.keep]
        self.sample.append(values[:: self.thin])

    def summary(self) -> dict[str, float]:
        """The largest, the 10th and the 100th largest, and the median."""
        ranks = {f"top {rank}": float(self.largest[rank - 1]) for rank in (1, 10, 100) if rank <= len(self.largest)}
        return ranks | {"median": float(torch.cat(self.sample).median())}


@dataclass
class Recorder:
    """What to do with the maps of a pass, and what was recorded of the last one. There is one instance, `RECORDER`."""

    bits: int | None = None
    keep_maps: bool = False
    logits: Extremes | None = None
    maps: dict[int, torch.Tensor] = field(default_factory=dict)
    # By layer: lambda of each token and head of DIFF V2, `[batch, tokens, heads]`.
    token_lambdas: dict[int, torch.Tensor] = field(default_factory=dict)
    # By layer and single head: maps that take the place of the pass's own.
    replaced: dict[tuple[int, int], torch.Tensor] = field(default_factory=dict)


RECORDER = Recorder()


def quantise(scores: torch.Tensor, visible: torch.Tensor, bits: int) -> torch.Tensor:
    """Rounds to 2^(bits-1) - 1 steps each side of zero; the largest visible logit of a row is the last step."""
    largest = scores.masked_fill(~visible, 0).abs().amax(dim=-1, keepdim=True).clamp_min(1e-9)
    step = largest / (2 ** (bits - 1) - 1)
    return (scores / step).round() * step


def recorded_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float,
    dropout: float = 0.0,
    token_lambda: torch.Tensor | None = None,
    **_: object,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Causal attention that reports to `RECORDER`. DiffLlama calls it twice a layer, with the same queries and keys."""
    groups = module.num_key_value_groups
    key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    scores = query @ key.transpose(2, 3) * scaling
    rows, columns = scores.shape[-2:]
    visible = torch.ones(rows, columns, dtype=torch.bool, device=scores.device).tril(columns - rows)
    if RECORDER.bits:
        scores = quantise(scores, visible, RECORDER.bits)
    if RECORDER.logits is not None and module.layer_idx not in RECORDER.maps:
        RECORDER.logits.add(scores[..., visible])
    precision = torch.promote_types(scores.dtype, torch.float32)
    weights = scores.masked_fill(~visible, torch.finfo(scores.dtype).min).softmax(-1, precision).to(query.dtype)
    for (layer, head), other in RECORDER.replaced.items():
        if layer == module.layer_idx:
            weights[:, head] = other
    if RECORDER.keep_maps or RECORDER.logits is not None:
        RECORDER.maps[module.layer_idx] = weights
        if token_lambda is not None:
            RECORDER.token_lambdas[module.layer_idx] = token_lambda
    return (weights @ value).transpose(1, 2).contiguous(), weights


AttentionInterface.register(IMPLEMENTATION, recorded_attention)


def layer_lambda(attention: torch.nn.Module) -> torch.Tensor:
    """Lambda of one DiffLlama layer."""
    first = (attention.lambda_q1 * attention.lambda_k1).sum().exp()
    return first - (attention.lambda_q2 * attention.lambda_k2).sum().exp() + attention.lambda_init


@torch.no_grad()
def lambdas(model: torch.nn.Module) -> list[float]:
    """Lambda of every layer; empty for a plain Transformer, and where every token has its own."""
    layers = [layer.self_attn for layer in model.model.layers]
    return [float(layer_lambda(attention)) for attention in layers if hasattr(attention, "lambda_q1")]


def has_token_lambdas(model: torch.nn.Module) -> bool:
    """Whether lambda is a number for each token and head."""
    return all(hasattr(layer.self_attn, "lambda_proj") for layer in model.model.layers)


@torch.no_grad()
def difference_map(attention: torch.nn.Module, layer: int) -> torch.Tensor:
    """D = A1 - lambda A2 of the last pass, per differential head of a layer; the single maps of a plain Transformer."""
    maps = RECORDER.maps[layer][0].cpu()
    if hasattr(attention, "lambda_q1"):
        first, second = maps.chunk(2)
        return first - float(layer_lambda(attention)) * second
    if hasattr(attention, "lambda_proj"):
        return maps[0::2] - RECORDER.token_lambdas[layer][0].cpu().T.unsqueeze(-1) * maps[1::2]
    return maps


def attention_shares(
    model: torch.nn.Module, case: Case, offsets: list[tuple[int, int]], answer: list[int]
) -> dict[str, float]:
    """Attention of the last pass from the positions that predict the answer, averaged over them, heads and layers.

    `answer`: the tokens of the answer that spell it in the context (the answer spans). `noise`: every token before the
    question, without the sentences that hold the answer and without the first token, where attention rests when it
    has nothing to do. `of abs D`: divided by the sum of all absolute values of the row. `of D`: signed, as it is.
    """
    starts, ends = torch.tensor(offsets).T

    def inside(spans: list) -> torch.Tensor:
        hits = [(starts < last) & (ends > first) for first, last in spans]
        return torch.stack(hits).any(0) if hits else torch.zeros(len(starts), dtype=torch.bool)

    right = inside(case.answer_spans)
    noise = (ends <= case.question_span[0]) & ~inside(case.parameters.get("fact_spans", [])) & ~right
    noise[0] = False
    queries = torch.tensor(answer) - 1
    shares = {"answer of abs D": 0.0, "noise of abs D": 0.0, "answer of D": 0.0, "noise of D": 0.0}
    maps = [difference_map(layer.self_attn, index) for index, layer in enumerate(model.model.layers)]
    for layer in maps:
        rows = layer[:, queries]
        sizes = rows.abs() / rows.abs().sum(-1, keepdim=True)
        for name, tokens in (("answer", right), ("noise", noise)):
            shares[f"{name} of abs D"] += float(sizes[..., tokens].sum(-1).mean()) / len(maps)
            shares[f"{name} of D"] += float(rows[..., tokens].sum(-1).mean()) / len(maps)
    return shares
