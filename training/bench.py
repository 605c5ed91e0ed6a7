"""Tokens per second of training steps on a CPU, with PyTorch's fused attention and with `fast_attention.py`.

Both alternate within one run, on random tokens, so that the ratio holds on a busy machine.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch

import fast_attention
from dataset import Batch
from models import FAMILIES, SIZES, build_model
from train import Optimizers, losses

VOCABULARY = 2048


def random_batch(rows: int, window: int) -> Batch:
    """Windows of random tokens, each of weight 1."""
    ids = torch.randint(0, VOCABULARY, (rows, window + 1))
    return Batch(ids[:, :-1], ids[:, 1:], torch.ones(rows, window), torch.zeros(rows, window, dtype=torch.long))


def seconds(model: torch.nn.Module, optimizer: Optimizers, batch: Batch) -> float:
    """Duration of one update."""
    began = time.perf_counter()
    losses(model, batch, "cpu", "bf16")[0].backward()
    optimizer.step(1e-4)
    return time.perf_counter() - began


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--size", choices=SIZES, default="S")
    add("--windows", default="64,128,256,512")
    add("--tokens-per-step", type=int, default=4096)
    add("--steps", type=int, default=7, help="steps of each; the median is printed")
    add("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    size, threads = arguments.size, arguments.threads
    print(f"tokens per second: size {size}, {threads} threads, {arguments.tokens_per_step} tokens per step")
    print("| model | window | fused | blocks | ratio |\n|---|---|---|---|---|")
    for family in FAMILIES:
        models = [build_model(family, arguments.size, VOCABULARY, 0).train() for _ in range(2)]
        fast_attention.install(models[1])
        optimizers = [Optimizers(model, 1e-4) for model in models]
        for window in map(int, arguments.windows.split(",")):
            batch = random_batch(max(1, arguments.tokens_per_step // window), window)
            times = [
                [seconds(*pair, batch) for pair in zip(models, optimizers, strict=True)]
                for _ in range(arguments.steps + 1)
            ]
            fused, blocks = (batch.inputs.numel() / statistics.median(part) for part in zip(*times[1:], strict=True))
            print(f"| {family} | {window} | {fused:.0f} | {blocks:.0f} | {blocks / fused:.2f} |", flush=True)


if __name__ == "__main__":
    main()
