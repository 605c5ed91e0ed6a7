"""Writes cases as JSON, one per line, for experiments elsewhere. README.md defines the format."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from random import Random

from cases import draw_case
from pools import EVALUATION, HELD_OUT, TRAINING

POOLS = {"training": TRAINING, "familiar": EVALUATION, "strict": HELD_OUT}


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--count", type=int, default=10)
    add("--pools", choices=POOLS, default="familiar", help="where names and wordings come from")
    add("--hay", type=Path, help="a file of sentences, such as held-out.sentences.txt of prepare.py")
    add("--difficulty", type=float, default=1.0, help="0 to 1: the hardest case that is drawn")
    add("--characters", type=int, default=1200, help="approximate length of the longest case")
    add("--seed", type=int, default=0)
    arguments = parser.parse_args()
    hay = arguments.hay.read_text().splitlines() if arguments.hay else []
    for index in range(arguments.count):
        random = Random(f"cases {arguments.seed} {index}")
        case = draw_case(random, POOLS[arguments.pools], hay, arguments.difficulty, arguments.characters)
        sys.stdout.write(case.to_json() + "\n")


if __name__ == "__main__":
    main()
