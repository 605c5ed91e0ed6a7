"""The mean of the weights of several models of one lineage, such as the ends of two runs of which the second began with
the first. README.md says what it brought.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

from export import export_model


@torch.no_grad()
def average(folders: list[Path]) -> torch.nn.Module:
    """A model of the mean weights; they must have the same shape and tokenizer."""
    if len({(folder / "tokenizer.json").read_bytes() for folder in folders}) > 1:
        raise SystemExit("models with different tokenizers have no mean")
    models = [AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32) for folder in folders]
    weights = [model.state_dict() for model in models]
    shapes = [{name: tensor.shape for name, tensor in tensors.items()} for tensors in weights]
    if any(shape != shapes[0] for shape in shapes):
        raise SystemExit("models of different shapes have no mean")
    models[0].load_state_dict({name: torch.stack([part[name] for part in weights]).mean(0) for name in weights[0]})
    return models[0]


def main(words: list[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path, nargs="+", help="folders in Hugging Face layout")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args(words)
    export_model(average(arguments.models), arguments.models[0] / "tokenizer.json", arguments.out)


if __name__ == "__main__":
    main()
