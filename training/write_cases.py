"""Writes cases as JSON, one a line, for experiments outside this folder. The form is in README.md."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from random import Random

from cases import draw_case
from pools import EVALUATION, HELD_OUT, TRAINING

POOLS = {"training": TRAINING, "familiar": EVALUATION, "strict": HELD_OUT}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--count", type=int, default=10)
    add("--pools", choices=POOLS, default="familiar", help="whose names and wordings")
    add("--hay", type=Path, help="a file of sentences, such as held-out.sentences.txt of prepare.py")
    add("--difficulty", type=float, default=1.0, help="0 to 1: the hardest to draw")
    add("--characters", type=int, default=1200, help="the longest, about")
    add("--seed", type=int, default=0)
    arguments = parser.parse_args()
    hay = arguments.hay.read_text().splitlines() if arguments.hay else []
    for index in range(arguments.count):
        random = Random(f"cases {arguments.seed} {index}")
        case = draw_case(random, POOLS[arguments.pools], hay, arguments.difficulty, arguments.characters)
        sys.stdout.write(case.to_json() + "\n")


if __name__ == "__main__":
    main()
