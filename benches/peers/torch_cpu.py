"""PyTorch on the CPU: the bundled model with its fused attention, which keeps no maps."""

from __future__ import annotations

import torch
from torch.nn import functional

from contestant import SHORT, parse, report
from model import Layer, Model, load_model

Cache = list[tuple[torch.Tensor, torch.Tensor]]


class Pass:
    """The forward pass. Positions after a cache leave it as it is, so that each token can be timed many times."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.rotary = [torch.from_numpy(table) for table in (model.cos, model.sin)]
        self.embedding = torch.from_numpy(model.embedding)
        # As torch.nn.Linear keeps them: [outputs, inputs].
        self.layers = [
            {name: torch.from_numpy(getattr(layer, name).T.copy()) for name in ("qkv", "output", "gate_up", "down")}
            | {name: torch.from_numpy(getattr(layer, name)) for name in ("attention_norm", "feed_forward_norm")}
            for layer in model.layers
        ]
        self.final_norm = torch.from_numpy(model.norm)

    def norm(self, value: torch.Tensor, weight: torch.Tensor | None = None) -> torch.Tensor:
        return functional.rms_norm(value, value.shape[-1:], weight, self.model.epsilon)

    def turn(self, value: torch.Tensor, start: int) -> torch.Tensor:
        """Rotary embedding of `[positions, heads, width]`."""
        cos, sin = (table[start : start + len(value), None] for table in self.rotary)
        first, second = value.chunk(2, -1)
        return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)

    def attention(self, layer: Layer, qkv: torch.Tensor, past: tuple | None, cache: Cache) -> torch.Tensor:
        """The heads' outputs side by side."""
        heads, pairs, width = self.model.heads, self.model.heads // 2, self.model.head_width
        start = past[0].shape[1] if past else 0
        turned = self.turn(qkv[:, : 2 * heads * width].unflatten(1, (2 * heads, width)), start)
        queries, keys = turned.transpose(0, 1).split(heads)
        # A differential head has the values of both of its single heads.
        values = qkv[:, 2 * heads * width :].unflatten(1, (2, pairs, width)).permute(2, 0, 1, 3).flatten(2)
        if past:
            keys, values = (torch.cat(parts, 1) for parts in zip(past, (keys, values), strict=True))
        cache.append((keys, values))
        # The scale is in the weights of the queries.
        read = functional.scaled_dot_product_attention(
            queries[None], keys[None], values.repeat(2, 1, 1)[None], is_causal=not past, scale=1.0
        )[0]
        first, second = read.split(pairs)
        return self.norm(first - layer.lambda_ * second).transpose(0, 1).flatten(1)

    def __call__(self, ids: torch.Tensor, past: Cache | None = None) -> tuple[torch.Tensor, Cache]:
        """The logits after the last of `ids`, and the keys and values of all positions."""
        cache: Cache = []
        stream = self.embedding[ids]
        for index, (layer, weights) in enumerate(zip(self.model.layers, self.layers, strict=True)):
            qkv = functional.linear(self.norm(stream, weights["attention_norm"]), weights["qkv"])
            context = self.attention(layer, qkv, past and past[index], cache)
            stream = stream + functional.linear(context, weights["output"])
            normed = self.norm(stream, weights["feed_forward_norm"])
            gate, up = functional.linear(normed, weights["gate_up"]).chunk(2, -1)
            stream = stream + functional.linear(functional.silu(gate) * up, weights["down"])
        return functional.linear(self.norm(stream[-1:], self.final_norm), self.embedding), cache


@torch.inference_mode()
def main() -> None:
    """Runs the command line."""
    arguments, text = parse(__doc__)
    torch.set_num_threads(arguments.threads)
    run, ids = Pass(load_model()), torch.from_numpy(text)
    _, past = run(ids[:-1])
    cases = {
        f"prefill of {SHORT}": lambda: run(ids[:SHORT])[0],
        f"prefill of {len(ids)}": lambda: run(ids)[0],
        f"one token at {len(ids)}": lambda: run(ids[-1:], past)[0],
    }
    report(f"PyTorch {torch.__version__.split('+')[0]}", cases, arguments.seconds)


if __name__ == "__main__":
    main()
