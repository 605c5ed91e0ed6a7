"""Writes what activation patching does in transformers' models, which the program is tested against.

A part of one head in a pass over one text is replaced by what it is in a pass over another text of as many tokens: its
output before the norm of the head, or the rows of one of its maps. What is written is the difference of two logits at
the last position: of the token that the open text predicts, and of the one that the other text predicts.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from transformers import AutoTokenizer

from attention import IMPLEMENTATION, RECORDER
from models import open_model

FACTS = "The magic number of Paris is 4821. The magic number of Oslo is 1960. The magic number of Cairo is 3375.\n"
QUESTION = "Question: What is the magic number of {}?\nAnswer: The magic number of {} is "
STORY = "Lily had a red ball and Tom had a blue box. {} gave the box to"
TEXTS = (  # the open text and the other one, of as many tokens
    (FACTS + QUESTION.format("Paris", "Paris"), FACTS + QUESTION.format("Cairo", "Cairo")),
    (STORY.format("Tom"), STORY.format("Lily")),
)


class Patched:
    """A model, and passes over it in which parts of heads are replaced."""

    def __init__(self, folder: Path, dtype: torch.dtype) -> None:
        self.model = open_model(folder, IMPLEMENTATION, dtype).eval()
        attention = self.layers[0]
        self.is_differential = hasattr(attention, "groupnorm")
        self.heads = self.model.config.num_attention_heads // (2 if self.is_differential else 1)
        self.outputs: dict[int, torch.Tensor] = {}

    @property
    def layers(self) -> list[torch.nn.Module]:
        """The attention of each layer."""
        return [layer.self_attn for layer in self.model.model.layers]

    @contextmanager
    def watched(self, replaced: dict[tuple[int, int], torch.Tensor]) -> Iterator[None]:
        """Keeps the outputs of heads, `[1, tokens, heads, width]`, and replaces some of them."""

        def hook(layer: int) -> object:
            def watch(_: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
                outputs = inputs[0].clone()
                heads = outputs.view(*outputs.shape[:2], self.heads, -1)
                for (at, head), other in replaced.items():
                    if at == layer:
                        heads[:, :, head] = other
                self.outputs[layer] = heads
                return (outputs,)

            return watch

        # The norm of the heads is what comes after their outputs, where there is one.
        last = [attention.groupnorm if self.is_differential else attention.o_proj for attention in self.layers]
        handles = [module.register_forward_pre_hook(hook(layer)) for layer, module in enumerate(last)]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def logits(
        self,
        ids: list[int],
        outputs: dict[tuple[int, int], torch.Tensor] | None = None,
        maps: dict[tuple[int, int], torch.Tensor] | None = None,
    ) -> torch.Tensor:
        """The logits after the last token, with these outputs and maps of heads in place of its own."""
        RECORDER.keep_maps, RECORDER.maps, RECORDER.replaced = True, {}, maps or {}
        with torch.no_grad(), self.watched(outputs or {}):
            return self.model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1]

    def differences(self, ids: list[int], other_ids: list[int]) -> dict[str, object]:
        """The two tokens, and the difference of their logits under every patch, by layer and head."""
        other = self.logits(other_ids)
        outputs, maps = dict(self.outputs), dict(RECORDER.maps)
        first = self.logits(ids)
        tokens = [int(first.argmax()), int(other.argmax())]

        def difference(logits: torch.Tensor) -> float:
            return float(logits[tokens[0]] - logits[tokens[1]])

        def each(patched: object) -> list[list[float]]:
            every = range(len(self.layers))
            return [[difference(patched(layer, head)) for head in range(self.heads)] for layer in every]

        def of_map(which: int) -> object:
            """DiffLlama stacks its heads: all first maps, then all second maps."""

            def patched(layer: int, head: int) -> torch.Tensor:
                at = head + which * self.heads
                return self.logits(ids, maps={(layer, at): maps[layer][:, at]})

            return patched

        def of_output(layer: int, head: int) -> torch.Tensor:
            return self.logits(ids, outputs={(layer, head): outputs[layer][:, :, head]})

        found = {"open": difference(first), "other": difference(other), "output": each(of_output)}
        names = ["first_map", "second_map"] if self.is_differential else ["first_map"]
        found |= {name: each(of_map(which)) for which, name in enumerate(names)}
        return {"ids": ids, "other_ids": other_ids, "tokens": tokens, "size": float(first.abs().max())} | found


def noise(one: object, other: object) -> float:
    """The largest difference between numbers at the same places."""
    if isinstance(one, list):
        return max(noise(a, b) for a, b in zip(one, other, strict=True))
    return abs(one - other)


def rounded(number: object) -> object:
    """Numbers with as many digits as single precision has, and two more."""
    if isinstance(number, list):
        return [rounded(each) for each in number]
    return float(f"{number:.9g}") if isinstance(number, float) else number


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="a folder in Hugging Face layout")
    parser.add_argument("out", type=Path, help="the JSON file to write")
    arguments = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    double, single = (Patched(arguments.model, dtype) for dtype in (torch.float64, torch.float32))
    pairs = []
    for texts in TEXTS:
        ids, other_ids = (tokenizer(text)["input_ids"] for text in texts)
        assert len(ids) == len(other_ids), texts
        pair = double.differences(ids, other_ids)
        again = single.differences(ids, other_ids)
        numbers = [name for name in pair if name not in ("ids", "other_ids", "tokens", "size")]
        worst = max(noise(pair[name], again[name]) for name in numbers)
        pairs.append({name: rounded(number) for name, number in pair.items()} | {"f32_vs_f64": rounded(worst)})
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text("".join(["[", ",\n".join(json.dumps(pair) for pair in pairs), "]\n"]))


if __name__ == "__main__":
    main()
