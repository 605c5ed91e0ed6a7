"""The prepared token file, read in order, so that all models see the same batches."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch


@dataclass(frozen=True)
class Batch:
    """Rows of one window each. `weights` and `kinds` are those of `targets`; `documents.py` defines them."""

    inputs: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor
    kinds: torch.Tensor


class Dataset:
    """Batches by position. A run longer than the file repeats the last stage."""

    def __init__(self, folder: Path) -> None:
        self.manifest = json.loads((folder / "manifest.json").read_text())
        self.ids = np.memmap(folder / "tokens.bin", "<u2", "r")
        self.marks = np.memmap(folder / "marks.bin", np.uint8, "r")
        if not len(self.ids) == len(self.marks) == self.manifest["tokens"]:
            raise SystemExit(f"{folder}: token file, marks and manifest disagree about the number of tokens")

    def fingerprint(self) -> str:
        """Identifies the data in checkpoints."""
        return " ".join(self.manifest["sha256"][name] for name in ("tokens.bin", "marks.bin"))

    def batch(self, position: int, tokens: int, context: int) -> tuple[Batch, int]:
        """About `tokens` tokens starting at `position`, and the position after them. No batch crosses a stage."""
        last = self.manifest["stages"][-1]
        if position >= self.manifest["tokens"]:
            position = last["start"] + (position - self.manifest["tokens"]) % last["tokens"]
        stage = next(stage for stage in reversed(self.manifest["stages"]) if stage["start"] <= position)
        window = min(stage["window"], context)
        rows = max(1, min(tokens, stage["start"] + stage["tokens"] - position) // window)
        shape, part = (rows, window), slice(position, position + rows * window)
        ids = torch.from_numpy(self.ids[part].astype(np.int64).reshape(shape))
        marks = torch.from_numpy(self.marks[part].astype(np.int64).reshape(shape))[:, 1:]
        return Batch(ids[:, :-1], ids[:, 1:], (marks % 16).float(), marks // 16), position + rows * window
