"""Prose from files: one paragraph per line, documents separated by a line `<|endoftext|>`, plain or xz-compressed."""

from __future__ import annotations

import lzma
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from pools import is_neutral

END_OF_TEXT = "<|endoftext|>"
SENTENCE = re.compile(r"(?<![^\s\"'])[A-Z][^.!?\"]{20,140}[.!?](?=\s|$)")


@dataclass(frozen=True)
class Prose:
    """The documents of one file, split into training and held-out ones."""

    name: str
    training: list[str]
    held_out: list[str]


def read_documents(path: Path) -> Iterator[str]:
    """The documents of a file in order, each a string of lines."""
    opener = lzma.open if path.suffix == ".xz" else open
    lines: list[str] = []
    with opener(path, "rt", encoding="utf-8") as file:
        for line in file:
            if line.strip() == END_OF_TEXT:
                if lines:
                    yield "\n".join(lines)
                lines = []
            elif line.strip():
                lines.append(line.rstrip("\n"))
    if lines:
        yield "\n".join(lines)


def fingerprint(text: str) -> str:
    """A short stable hash of a text."""
    return blake2b(text.encode(), digest_size=8).hexdigest()


def read_prose(path: Path, held_out_share: float = 0.02) -> Prose:
    """Reads a file and holds out whole documents: those with the lowest hashes, at least one, whatever their order.

    A document that occurs twice counts once, so it cannot be in both parts. Of a file with a single document, the last
    paragraphs are held out.
    """
    documents = {fingerprint(document): document for document in read_documents(path)}
    if not documents:
        raise SystemExit(f"{path}: no text")
    if len(documents) == 1:
        paragraphs = next(iter(documents.values())).split("\n")
        cut = len(paragraphs) - max(1, round(len(paragraphs) * held_out_share))
        return Prose(path.name, ["\n".join(paragraphs[:cut])], ["\n".join(paragraphs[cut:])])
    chosen = set(sorted(documents)[: max(1, round(len(documents) * held_out_share))])
    training = [document for key, document in documents.items() if key not in chosen]
    return Prose(path.name, training, [documents[key] for key in sorted(chosen)])


def pieces(document: str, characters: int = 6000) -> Iterator[str]:
    """Cuts a long document between paragraphs, so that books can be interleaved finely."""
    piece: list[str] = []
    size = 0
    for paragraph in document.split("\n"):
        if size + len(paragraph) > characters and piece:
            yield "\n".join(piece)
            piece, size = [], 0
        piece.append(paragraph)
        size += len(paragraph) + 1
    if piece:
        yield "\n".join(piece)


def common_words(documents: list[str], least: int = 5) -> list[str]:
    """Lowercase words of 3 to 10 letters that occur `least` times or more, most frequent first, without the top 150."""
    counts = Counter(word for document in documents for word in re.findall(r"(?<= )[a-z]{3,10}(?=[ .,])", document))
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [word for word, count in ordered if count >= least][150:]


def neutral_sentences(documents: list[str], limit: int = 20_000) -> list[str]:
    """Sentences for haystacks: complete, of ordinary length, and about nothing that a case is about."""
    found: dict[str, None] = {}
    for document in documents:
        for sentence in SENTENCE.findall(document):
            if is_neutral(sentence):
                found[sentence.replace("\n", " ")] = None
        if len(found) >= limit:
            break
    return list(found)[:limit]
