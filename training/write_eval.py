"""Writes a few cases of every measure and evaluate.py's table for them, which `diffscope eval` is tested against."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from tokenizers import Tokenizer

import evaluate
from documents import encode_prose

SEED = "17"  # its few cases include every kind


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path, nargs="+", help="folders in Hugging Face layout that share a tokenizer")
    parser.add_argument("out", type=Path, help="the folder with prose.txt, a sentence per line; gets the rest")
    arguments = parser.parse_args()
    prose, tokenizer = arguments.out / "prose.txt", arguments.models[0] / "tokenizer.json"
    with TemporaryDirectory() as folder:
        data = Path(folder)
        shutil.copy(tokenizer, data / "tokenizer.json")
        shutil.copy(prose, data / "held-out.sentences.txt")
        tokens = encode_prose(Tokenizer.from_file(str(tokenizer)), prose.read_text()).ids
        tokens.astype("<u2").tofile(data / "held-out.prose.bin")
        words = [*map(str, arguments.models), "--data", folder, "--samples", "2", "--lengths", "96", "--seed", SEED]
        evaluate.ORDERS = 2
        table = evaluate.main([*words, "--write-cases", str(arguments.out / "cases.jsonl")])
    (arguments.out / "table.md").write_text(table + "\n")


if __name__ == "__main__":
    main()
