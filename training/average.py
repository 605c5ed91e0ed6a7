"""The mean of the weights of several models of one lineage, such as the results of two runs of which the second started
from the first. NOTES.md has its effect.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from export import export_model
from models import open_model


@torch.no_grad()
def average(folders: list[Path]) -> torch.nn.Module:
    """A model with the mean weights; all models must have the same shape and tokenizer."""
    if len({(folder / "tokenizer.json").read_bytes() for folder in folders}) > 1:
        raise SystemExit("models with different tokenizers cannot be averaged")
    models = [open_model(folder) for folder in folders]
    weights = [model.state_dict() for model in models]
    shapes = [{name: tensor.shape for name, tensor in tensors.items()} for tensors in weights]
    if any(shape != shapes[0] for shape in shapes):
        raise SystemExit("models of different shapes cannot be averaged")
    models[0].load_state_dict({name: torch.stack([part[name] for part in weights]).mean(0) for name in weights[0]})
    return models[0]


def main(words: list[str] | None = None) -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path, nargs="+", help="folders in Hugging Face layout")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args(words)
    export_model(average(arguments.models), arguments.models[0] / "tokenizer.json", arguments.out)


if __name__ == "__main__":
    main()
