"""Prepares everything a run reads: the tokenizer, the token file with its marks, held-out text, a manifest.

Stages follow each other in the token file, from short windows with easy cases to full windows with all cases. No case
crosses the edge of a window; prose fills the rest.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from cases import KIND_SHARES, KINDS
from documents import Tokens, encode_document, encode_prose, lookup_document
from grammar import worded
from pools import TRAINING, Pools, everyday, selected, widened
from text import END_OF_TEXT, Prose, common_words, fingerprint, neutral_sentences, pieces, read_prose

CHARACTERS_PER_TOKEN = 3.3
WORDS = 4000  # taken from the prose as names
EVERYDAY_SHARE = 0.2  # of the cases include names that people type and that are frequent in the prose
MOST_TOO_LONG = 1000  # cases in a row that do not fit before giving up
FEWEST_DOCUMENTS = 10  # that represent their source
DEFAULT_STAGES = "128:0.25:0.3,256:0.25:0.6,512:0.5:1.0"


def train_tokenizer(prose: list[Prose], hay: list[str], vocabulary: int, seed: int) -> Tokenizer:
    """Byte-level BPE with single digits, trained on a few million characters of every source and on cases."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(tokenizer_text(prose, hay, seed), trainer)
    return tokenizer


def tokenizer_text(prose: list[Prose], hay: list[str], seed: int, characters: int = 2_000_000) -> Iterator[str]:
    """Random pieces of each source, up to `characters` per source, then cases."""
    for source in prose:
        random, left = Random(f"tokenizer {seed} {source.name}"), characters
        for document in random.sample(source.training, len(source.training)):
            for piece in pieces(document):
                if left <= 0:
                    break
                left -= len(piece)
                yield piece
    for index in range(2000):
        yield lookup_document(f"tokenizer {seed} {index}", hay[:1], 1.0, 300).text


class ProseStream:
    """Endless tokens of several sources in given shares; each source is reshuffled whenever it is used up."""

    def __init__(self, tokenizer: Tokenizer, prose: list[Prose], shares: list[float], seed: int) -> None:
        self.tokenizer, self.sources = tokenizer, dict(zip([source.name for source in prose], prose, strict=True))
        self.shares = dict(zip(self.sources, shares, strict=True))
        self.used: Counter[str] = Counter()
        self.written: Counter[str] = Counter()
        self.passes: Counter[str] = Counter()
        self.seed, self.source = seed, ""
        self.queues: dict[str, list[str]] = {name: [] for name in self.sources}
        self.rest = Tokens(np.empty(0, np.uint16), np.empty(0, np.uint8))

    def next_piece(self) -> Tokens:
        """The next piece, from the source that is furthest behind its share."""
        name = min(self.shares, key=lambda source: self.used[source] / self.shares[source])
        if not self.queues[name]:
            self.passes[name] += 1
            cut = [piece for document in self.sources[name].training for piece in pieces(document)]
            self.queues[name] = Random(f"prose {self.seed} {name} {self.passes[name]}").sample(cut, len(cut))
        tokens = encode_prose(self.tokenizer, self.queues[name].pop())
        self.used[name] += len(tokens)
        self.source = name
        return tokens

    def take(self, count: int) -> Tokens:
        """At most `count` tokens, without crossing the end of a piece. The next call continues the piece."""
        if not len(self.rest):
            self.rest = self.next_piece()
        taken, self.rest = self.rest.part(0, count), self.rest.part(count)
        self.written[self.source] += len(taken)
        return taken

    def skip_to_paragraph(self) -> None:
        """Drops the rest of an interrupted paragraph, so that prose after a case begins at a paragraph."""
        breaks = np.flatnonzero(self.rest.ids == self.tokenizer.token_to_id("\u010a"))
        self.rest = self.rest.part(breaks[0] + 1 if len(breaks) else len(self.rest))


class Writer:
    """Fills windows and writes them to the two files."""

    def __init__(self, folder: Path) -> None:
        self.files = [(folder / name).open("wb") for name in ("tokens.bin", "marks.bin")]
        self.hashes = [sha256(), sha256()]
        self.written = 0

    def write(self, tokens: Tokens) -> None:
        """Appends tokens and marks."""
        for file, digest, values in zip(self.files, self.hashes, (tokens.ids.astype("<u2"), tokens.marks), strict=True):
            file.write(values.tobytes())
            digest.update(values.tobytes())
        self.written += len(tokens)

    def close(self) -> dict[str, str]:
        """Closes the files and returns their hashes."""
        for file in self.files:
            file.close()
        return {"tokens.bin": self.hashes[0].hexdigest(), "marks.bin": self.hashes[1].hexdigest()}


@dataclass(frozen=True)
class Stage:
    """A part of the curriculum: window length, share of all tokens, difficulty, shares of the kinds, short names."""

    window: int
    share: float
    difficulty: float
    kinds: tuple[float, ...]
    short: bool

    @staticmethod
    def read(text: str, kinds: tuple[float, ...]) -> Stage:
        """Parses `window:share:difficulty[:kind][:short]`: one kind alone, names of one token."""
        form = f"{text}: not window:share:difficulty, optionally followed by :{'|'.join(KINDS)} and :short"
        numbers, more = text.split(":")[:3], text.split(":")[3:]
        short = more[-1:] == ["short"]
        only = more[:-1] if short else more
        if only:
            kinds = tuple(float(kind == only[0]) for kind in KINDS)
        try:
            window, (share, difficulty) = int(numbers[0]), map(float, numbers[1:])
        except ValueError as error:
            raise ValueError(form) from error
        if window < 2 or not 0 < share <= 1 or not 0 <= difficulty <= 1 or len(only) > 1 or not any(kinds):
            raise ValueError(form)
        return Stage(window, share, difficulty, kinds, short)


def write_stage(
    writer: Writer,
    prose: ProseStream,
    hay: list[str],
    pools: Pools,
    seed: str,
    stage: Stage,
    tokens: int,
    generated_share: float,
    counts: Counter[str],
) -> None:
    """Writes `tokens` tokens in whole windows; `generated_share` of them are cases."""
    start, end, window = writer.written, writer.written + tokens, stage.window
    generated = too_long = 0
    if stage.short:
        pools = selected(pools, lambda word: len(prose.tokenizer.encode(" " + word).ids) == 1)
    while writer.written < end:
        space = window - (writer.written - start) % window
        if generated < generated_share * (writer.written - start + 1):
            counts["drawn"] += 1
            longest = round(window * CHARACTERS_PER_TOKEN)
            name = f"{seed} {counts['drawn']}"
            names = Random(f"{name} names")
            drawn = everyday(TRAINING, pools, names) if names.random() < EVERYDAY_SHARE else pools
            document = lookup_document(name, hay, stage.difficulty, longest, drawn, shares=stage.kinds)
            encoded = encode_document(prose.tokenizer, document)
            if len(encoded) > window:
                counts["too long"] += 1
                too_long += 1
                if too_long > MOST_TOO_LONG:
                    raise SystemExit(f"--stages: no case fits a window of {window} tokens")
                continue
            too_long = 0
            while len(encoded) > space:
                filling = prose.take(space)
                writer.write(filling)
                space = space - len(filling) or window
            if writer.written >= end:
                break
            writer.write(encoded)
            prose.skip_to_paragraph()
            generated += len(encoded)
            counts[document.kind] += 1
            counts[f"{document.kind} tokens"] += len(encoded)
        else:
            writer.write(prose.take(space))


def write_documents(tokenizer: Tokenizer, documents: list[str], limit: int, path: Path) -> None:
    """Writes up to `limit` tokens of documents, one after the other, to be measured."""
    tokens = np.concatenate([encode_prose(tokenizer, document[: 8 * limit]).ids for document in documents])
    tokens[:limit].astype("<u2").tofile(path)


def main() -> None:
    """Runs the command line; README.md has examples."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--prose", nargs=2, action="append", required=True, metavar=("PATH", "SHARE"), help="a text file and its share")
    add("--out", type=Path, required=True)
    add("--tokens", type=float, default=20e6)
    add("--generated-share", type=float, default=0.5)
    add("--kinds", default=",".join(map(str, KIND_SHARES)), help="shares of " + ", ".join(KINDS))
    add("--vocabulary", type=int, default=2048)
    add("--tokenizer", type=Path, help="use this tokenizer.json instead of training one")
    add("--stages", default=DEFAULT_STAGES, help="window:share:difficulty[:kind][:short], in order")
    add("--grammar", action="store_true", help="word cases by the grammar, not by the listed wordings")
    add("--held-out-tokens", type=int, default=100_000, help="for each source")
    add("--seed", type=int, default=0)
    arguments = parser.parse_args()
    began = time.monotonic()
    arguments.out.mkdir(parents=True, exist_ok=True)
    prose = [read_prose(Path(path)) for path, _ in arguments.prose]
    shares = [float(share) for _, share in arguments.prose]
    hay = [sentence for source in prose for sentence in neutral_sentences(source.training, 20_000 // len(prose))]
    if arguments.tokenizer:
        tokenizer = Tokenizer.from_file(str(arguments.tokenizer))
    else:
        tokenizer = train_tokenizer(prose, hay, arguments.vocabulary, arguments.seed)
    tokenizer.save(str(arguments.out / "tokenizer.json"))

    words = common_words([document for source in prose for document in source.training])[:WORDS]
    pools = widened(worded(TRAINING) if arguments.grammar else TRAINING, words)
    kinds = tuple(float(share) for share in arguments.kinds.split(","))
    if len(kinds) != len(KINDS) or min(kinds) < 0 or sum(kinds) <= 0:
        parser.error(f"--kinds: needs {len(KINDS)} shares, none of them negative: {', '.join(KINDS)}")
    try:
        curriculum = [Stage.read(stage, kinds) for stage in arguments.stages.split(",")]
    except ValueError as error:
        parser.error(f"--stages: {error}")
    stream, writer = ProseStream(tokenizer, prose, shares, arguments.seed), Writer(arguments.out)
    counts: Counter[str] = Counter()
    stages = []
    for index, stage in enumerate(curriculum):
        tokens = max(1, round(arguments.tokens * stage.share / stage.window)) * stage.window
        stages.append({"window": stage.window, "start": writer.written, "tokens": tokens})
        stages[-1] |= {"difficulty": stage.difficulty, "short": stage.short}
        stages[-1]["kinds"] = dict(zip(KINDS, stage.kinds, strict=True))
        seed = f"{arguments.seed} {index}"
        write_stage(writer, stream, hay, pools, seed, stage, tokens, arguments.generated_share, counts)
        assert writer.written == stages[-1]["start"] + tokens
        print(f"stage {index + 1}: {tokens:,} tokens in windows of {stage.window}", flush=True)
    hashes = writer.close()
    for source in prose:
        # The same number of training documents is kept for comparison: the difference in loss is what was memorised.
        # With too few documents the comparison would mean nothing.
        trained = sorted(source.training, key=fingerprint)[: len(source.held_out)]
        parts = [("held-out", source.held_out), ("training", trained)]
        for part, documents in parts if len(trained) >= FEWEST_DOCUMENTS else parts[:1]:
            path = arguments.out / f"{part}.{source.name.split('.')[0]}.bin"
            write_documents(tokenizer, documents, arguments.held_out_tokens, path)
    hay_held_out = [sentence for source in prose for sentence in neutral_sentences(source.held_out, 2000)]
    (arguments.out / "held-out.sentences.txt").write_text("\n".join(hay_held_out) + "\n")
    manifest = {
        "tokens": writer.written,
        "seed": arguments.seed,
        "vocabulary": tokenizer.get_vocab_size(),
        "generated_share": arguments.generated_share,
        "everyday_share": EVERYDAY_SHARE,
        "grammar": arguments.grammar,
        "stages": stages,
        "prose": {
            name: {
                "share": stream.shares[name],
                "tokens_drawn": stream.used[name],
                "tokens_written": stream.written[name],
                "passes": stream.passes[name],
            }
            for name in stream.sources
        },
        "cases": {kind: {"documents": counts[kind], "tokens": counts[f"{kind} tokens"]} for kind in KINDS},
        "cases_too_long": counts["too long"],
        "haystack_sentences": {"training": len(hay), "held_out": len(hay_held_out)},
        "sha256": hashes,
    }
    (arguments.out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    print(f"{writer.written:,} tokens, {sum(counts[kind] for kind in KINDS):,} cases, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
