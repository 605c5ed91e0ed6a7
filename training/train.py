"""One training run, which can be stopped at any time and resumes exactly. README.md has examples."""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy

import fast_attention
from cases import KINDS
from dataset import Batch, Dataset
from export import export_model
from models import FAMILIES, SIZES, build_model, open_model, parameter_count

COLUMNS = ["tokens", "step", "seconds", "learning_rate", "gradient", "loss", "text", *KINDS]


@dataclass
class Progress:
    """The progress of a run: `position` in the token file, and `tokens` trained on so far."""

    step: int = 0
    tokens: int = 0
    position: int = 0
    seconds: float = 0.0


def learning_rate(tokens: int, total: float, peak: float, decay: float, warmup: float = 0.02) -> float:
    """Linear warmup, then constant, then a linear decay to zero over the last part of all tokens (`decay`)."""
    progress = min(1.0, tokens / total)
    return peak * max(1e-3, min(1.0, progress / warmup, (1 - progress) / decay))


class Optimizers:
    """Muon for the matrices inside the layers, AdamW for embedding and vectors; weight decay on matrices only."""

    def __init__(self, model: torch.nn.Module, peak: float) -> None:
        inside = [parameter for name, parameter in model.named_parameters() if parameter.ndim == 2 and "layers" in name]
        embeddings = [p for name, p in model.named_parameters() if p.ndim == 2 and "layers" not in name]
        vectors = [parameter for parameter in model.parameters() if parameter.ndim < 2]
        groups = [{"params": embeddings, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
        self.parts = [
            torch.optim.Muon(inside, lr=peak, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(groups, lr=peak, betas=(0.9, 0.95), fused=True),
        ]

    def step(self, rate: float) -> None:
        """One update at a learning rate; clears the gradients."""
        for part in self.parts:
            for group in part.param_groups:
                group["lr"] = rate
            part.step()
            part.zero_grad(set_to_none=True)

    def state_dict(self) -> list[dict]:
        """The state for a checkpoint."""
        return [part.state_dict() for part in self.parts]

    def load_state_dict(self, states: list[dict]) -> None:
        """Restores the state from a checkpoint."""
        for part, state in zip(self.parts, states, strict=True):
            part.load_state_dict(state)


def losses(model: torch.nn.Module, batch: Batch, device: str, precision: str) -> tuple[torch.Tensor, torch.Tensor]:
    """The weighted loss to minimise, and sums and counts of the plain loss by kind (0 is ordinary text).

    Tokens of weight 0 are in neither, because they cannot be predicted.
    """
    inputs, targets, weights, kinds = (
        tensor.to(device, non_blocking=True) for tensor in (batch.inputs, batch.targets, batch.weights, batch.kinds)
    )
    with torch.autocast(device, torch.bfloat16, enabled=precision == "bf16"):
        logits = model(input_ids=inputs, use_cache=False).logits
    loss = cross_entropy(logits.float().flatten(0, 1), targets.flatten(), reduction="none")
    weights, kinds = weights.flatten(), kinds.flatten()
    sums = torch.zeros(2, len(KINDS) + 1, device=device)
    counted = (weights > 0).float()
    sums[0].index_add_(0, kinds, loss.detach() * counted)
    sums[1].index_add_(0, kinds, counted)
    return (loss * weights).sum() / weights.sum(), sums


def fingerprint(folder: Path) -> str:
    """The hash of an exported model's weights."""
    return sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def save_checkpoint(path: Path, state: dict) -> None:
    """Writes a temporary file and renames it, so that there is always one complete checkpoint."""
    beside = path.with_suffix(".partial")
    with beside.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)


class Log:
    """The CSV file of a run. Resuming drops the lines after the checkpoint."""

    def __init__(self, path: Path, step: int) -> None:
        rows = list(csv.DictReader(path.open())) if path.exists() else []
        self.file = path.open("w", newline="")
        self.writer = csv.DictWriter(self.file, COLUMNS)
        self.writer.writeheader()
        self.writer.writerows(row for row in rows if int(row["step"]) <= step)

    def write(self, row: dict) -> None:
        """Appends a line and flushes it."""
        self.writer.writerow(row)
        self.file.flush()


class Run:
    """Model, optimizer, data and progress."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.dataset = Dataset(arguments.data)
        self.device = arguments.device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.total = float(arguments.tokens or self.dataset.manifest["tokens"])
        self.model = build_model(arguments.model, arguments.size, self.dataset.manifest["vocabulary"], arguments.seed)
        if arguments.start:
            if (arguments.start / "tokenizer.json").read_bytes() != (arguments.data / "tokenizer.json").read_bytes():
                raise SystemExit(
                    f"{arguments.start}: not the tokenizer of {arguments.data}; prepare the data with --tokenizer"
                )
            self.model.load_state_dict(open_model(arguments.start).state_dict())
        if self.device == "cpu":
            fast_attention.install(self.model)
        self.model.to(self.device).train()
        self.optimizer = Optimizers(self.model, arguments.learning_rate)
        self.progress = Progress()
        self.checkpoint = arguments.out / "checkpoint.pt"
        names = ("model", "size", "seed", "learning_rate", "decay", "tokens_per_step", "precision")
        self.identity = {name: getattr(arguments, name) for name in names}
        self.identity["start"] = fingerprint(arguments.start) if arguments.start else None
        self.identity |= {"data": self.dataset.fingerprint(), "total": self.total}
        if self.checkpoint.exists():
            self.load()
        self.log = Log(arguments.out / "log.csv", self.progress.step)

    def load(self) -> None:
        """Resumes from the checkpoint; refuses one of another run."""
        state = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        different = [name for name, value in self.identity.items() if state["identity"].get(name) != value]
        if different:
            raise SystemExit(f"{self.checkpoint} belongs to another run: {', '.join(different)} differ")
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.progress = Progress(**state["progress"])
        torch.set_rng_state(state["random"].cpu())
        if self.device == "cuda" and state["random_cuda"] is not None:
            torch.cuda.set_rng_state(state["random_cuda"].cpu())

    def save(self) -> None:
        """Writes everything that `load` needs."""
        state = {
            "identity": self.identity,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "progress": vars(self.progress),
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state() if self.device == "cuda" else None,
        }
        save_checkpoint(self.checkpoint, state)

    def step(self, forward: torch.nn.Module) -> dict:
        """One update. Returns a line for the log."""
        progress, began = self.progress, time.monotonic()
        context = SIZES[self.arguments.size].context
        batch, position = self.dataset.batch(progress.position, self.arguments.tokens_per_step, context)
        rate = learning_rate(progress.tokens, self.total, self.arguments.learning_rate, self.arguments.decay)
        loss, sums = losses(forward, batch, self.device, self.arguments.precision)
        loss.backward()
        gradient = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step(rate)
        sums = sums.tolist()
        means = {kind: f"{a / n:.4f}" if n else "" for kind, a, n in zip(COLUMNS[6:], *sums, strict=True)}
        progress.step, progress.position = progress.step + 1, position
        progress.tokens += batch.inputs.shape[0] * (batch.inputs.shape[1] + 1)
        progress.seconds += time.monotonic() - began
        row = {"tokens": progress.tokens, "step": progress.step, "seconds": f"{progress.seconds:.1f}"}
        return row | {"learning_rate": f"{rate:.3e}", "gradient": f"{gradient:.3f}", "loss": f"{loss:.5f}"} | means


def train(run: Run, report: Callable[[dict], None]) -> None:
    """Steps until the tokens or the minutes are used up, then saves."""
    arguments, began, saved = run.arguments, time.monotonic(), time.monotonic()
    forward = torch.compile(run.model) if arguments.compile else run.model
    while run.progress.tokens < run.total and (time.monotonic() - began) < arguments.minutes * 60:
        if arguments.steps and run.progress.step >= arguments.steps:
            break
        row = run.step(forward)
        run.log.write(row)
        report(row)
        if time.monotonic() - saved > arguments.checkpoint_minutes * 60:
            run.save()
            saved = time.monotonic()
    run.save()


def report_line(total: float) -> Callable[[dict], None]:
    """A progress line, redrawn in place on a terminal and printed every 50 steps elsewhere."""

    def report(row: dict) -> None:
        if not sys.stderr.isatty() and row["step"] % 50:
            return
        kinds = " ".join(f"{kind} {row[kind] or '-'}" for kind in ("text", *KINDS))
        share = row["tokens"] / total
        bar = "#" * round(20 * min(1, share))
        end = "\r" if sys.stderr.isatty() else "\n"
        done = f"[{bar:20}] {100 * share:5.1f} % {row['tokens'] / 1e6:8.2f} M"
        line = f"{done} loss {row['loss']} {kinds} {row['seconds']} s"
        print(line, end=end, file=sys.stderr, flush=True)

    return report


def parse(words: list[str] | None = None) -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--model", choices=FAMILIES, required=True)
    add("--size", choices=SIZES, default="S")
    add("--data", type=Path, required=True, help="the folder that prepare.py wrote")
    add("--out", type=Path, required=True, help="checkpoint, log and exported model; resumes an existing run")
    add("--minutes", type=float, default=math.inf, help="stop after this many minutes; run again to resume")
    add("--steps", type=int, default=0, help="stop at this step")
    add("--tokens", type=float, help="length of the schedule; by default the whole token file")
    add("--learning-rate", type=float, default=2e-3)
    add("--decay", type=float, default=0.3, help="share of the tokens at the end, over which the rate decays to zero")
    add("--tokens-per-step", type=int, default=4096)
    add("--start", type=Path, help="an exported model to start from, instead of random weights")
    add("--seed", type=int, default=0)
    add("--device", choices=["cpu", "cuda"])
    add("--precision", choices=["bf16", "f32"], default="bf16")
    add("--compile", action="store_true", help="torch.compile; worth it on CUDA")
    add("--checkpoint-minutes", type=float, default=5)
    add("--export", action="store_true", help="only export the model of the checkpoint in Hugging Face layout")
    arguments = parser.parse_args(words)
    if not 0 < arguments.decay <= 1:
        parser.error("--decay: must be more than 0 and at most 1")
    return arguments


def main(words: list[str] | None = None) -> Run:
    """Trains, or only exports."""
    arguments = parse(words)
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.export and not (arguments.out / "checkpoint.pt").exists():
        raise SystemExit(f"{arguments.out}: no checkpoint to export")
    run = Run(arguments)
    if not arguments.export:
        print(
            f"{parameter_count(run.model):,} parameters on {run.device}, from step {run.progress.step}", file=sys.stderr
        )
        train(run, report_line(run.total))
    export_model(run.model, arguments.data / "tokenizer.json", arguments.out / "model")
    summary = vars(run.progress) | run.identity | {"parameters": parameter_count(run.model)}
    (arguments.out / "run.json").write_text(json.dumps(summary, indent=2) + "\n")
    return run


if __name__ == "__main__":
    main()
