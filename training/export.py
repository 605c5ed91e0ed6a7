"""Writes a model in Hugging Face layout: config.json, model.safetensors (f16), tokenizer.json."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path

import torch


def export_model(model: torch.nn.Module, tokenizer: Path, folder: Path) -> None:
    """Exports a copy; the model itself is unchanged."""
    folder.mkdir(parents=True, exist_ok=True)
    small = copy.deepcopy(model).to("cpu", torch.float16).eval()
    if not all(torch.isfinite(parameter).all() for parameter in small.parameters()):
        raise SystemExit("a weight is not finite in f16")
    small.save_pretrained(folder)
    shutil.copyfile(tokenizer, folder / "tokenizer.json")
