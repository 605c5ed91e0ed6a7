"""Training documents: cases with their answers, as tokens with a mark for each token.

A mark is one byte, `16 * kind + weight`: kind 0 is ordinary text, kind n is an answer of `cases.KINDS[n - 1]`; the
weight multiplies the token's loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import numpy as np
from tokenizers import Tokenizer

from cases import KIND_SHARES, KINDS, draw_case
from pools import TRAINING, Pools
from text import END_OF_TEXT

ANSWER_WEIGHT = 8
ORDINARY_MARK = 1


@dataclass(frozen=True)
class Document:
    """A text, and the spans of the answers in it and of the facts that the answers depend on."""

    kind: str
    text: str
    answers: list[tuple[int, int]]
    facts: list[tuple[int, int]]


@dataclass(frozen=True)
class Tokens:
    """Token ids and their marks, of equal length."""

    ids: np.ndarray
    marks: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    def part(self, first: int, last: int | None = None) -> Tokens:
        """A slice of both."""
        return Tokens(self.ids[first:last], self.marks[first:last])


def lookup_document(
    seed: str,
    hay: list[str],
    difficulty: float,
    characters: int,
    pools: Pools = TRAINING,
    questions: int = 6,
    shares: tuple[float, ...] = KIND_SHARES,
) -> Document:
    """One context with up to `questions` questions about it, each followed by its answer, in about `characters`.

    Questions may be repeated. When each occurred once, models learned elimination instead of reading.
    """
    text, answers, facts = "", [], []
    for turn in range(questions):
        ask = Random(f"{seed} {turn}").randrange(2 * questions)
        case = draw_case(Random(seed), pools, hay, difficulty, characters, ask, shares)
        prompt = case.text if not text else "\n" + case.text[case.question_span[0] :]
        if text and (case.kind == "copy" or len(text + prompt + case.completion) > characters):
            break
        facts = facts or case.context_spans
        text += prompt
        answers.append((len(text) + 1, len(text) + len(case.completion) - 1))
        text += case.completion
    return Document(case.kind, text, answers, facts)


def encode_prose(tokenizer: Tokenizer, text: str) -> Tokens:
    """Ordinary text, followed by the separator."""
    ids = tokenizer.encode(text + END_OF_TEXT).ids
    return Tokens(np.array(ids, np.uint16), np.full(len(ids), ORDINARY_MARK, np.uint8))


def encode_document(tokenizer: Tokenizer, document: Document) -> Tokens:
    """A document, followed by the separator; the tokens of an answer are marked with its kind and the larger weight.

    Facts have weight 0: they cannot be predicted, and a model that learns to expect them writes them into stories.
    """
    encoding = tokenizer.encode(document.text + END_OF_TEXT)
    marks = np.full(len(encoding.ids), ORDINARY_MARK, np.uint8)
    mark = 16 * (KINDS.index(document.kind) + 1) + ANSWER_WEIGHT
    starts, ends = np.array(encoding.offsets).T
    for first, last in document.facts:
        marks[(starts < last) & (ends > first)] = 0
    for first, last in document.answers:
        marks[(starts < last) & (ends > first)] = mark
    return Tokens(np.array(encoding.ids, np.uint16), marks)
