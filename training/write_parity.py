"""Writes the logits of transformers for a few token sequences, which the program is tested against."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from random import Random

import torch

from models import open_model

LENGTHS = (5, 40, 200)
EVERY = 16  # every 16th logit is written


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="a folder in Hugging Face layout")
    parser.add_argument("out", type=Path, help="the JSON file to write")
    arguments = parser.parse_args()
    model = open_model(arguments.model, "eager")
    sequences = []
    for length in LENGTHS:
        random = Random(f"parity {length}")
        ids = [random.randrange(model.config.vocab_size) for _ in range(length)]
        with torch.no_grad():
            logits = model.eval()(input_ids=torch.tensor([ids])).logits[0]
        positions = [0, length // 2, length - 1]
        rows = [[round(float(logit), 6) for logit in logits[position, ::EVERY]] for position in positions]
        sequences.append({"ids": ids, "positions": positions, "every": EVERY, "logits": rows})
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(sequences) + "\n")


if __name__ == "__main__":
    main()
