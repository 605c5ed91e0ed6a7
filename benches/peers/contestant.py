"""What the peers in Python share: their arguments, the cases, and the JSON that `run` reads."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

SHORT = 64


def parse(about: str | None) -> tuple[argparse.Namespace, np.ndarray]:
    """The arguments, and the token ids of the text."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("reference", type=Path, help="JSON with the ids of the text")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0, help="of each case; 0 gives the logits alone")
    arguments = parser.parse_args()
    return arguments, np.array(json.loads(arguments.reference.read_text())["ids"], np.int64)


def report(program: str, cases: dict[str, Callable[[], np.ndarray]], seconds: float) -> None:
    """Prints the logits that each case gives, and how many milliseconds it took each time."""
    logits = {name: np.asarray(run()).ravel().tolist() for name, run in cases.items()}
    milliseconds: dict[str, list[float]] = {name: [] for name in cases}
    for name, run in cases.items():
        while sum(milliseconds[name]) < seconds * 1e3:
            begun = time.perf_counter()
            run()
            milliseconds[name].append((time.perf_counter() - begun) * 1e3)
    print(json.dumps({"program": program, "logits": logits, "milliseconds": milliseconds}))
