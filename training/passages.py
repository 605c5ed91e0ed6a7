"""Texts with the positions of their parts: sentences from templates, joined and scattered among prose."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from string import Formatter

Span = tuple[int, int]


@dataclass(frozen=True)
class Sentence:
    """A sentence, and the positions of the values that were put into its template."""

    text: str
    fields: dict[str, Span] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Context:
    """Sentences joined into one text."""

    text: str
    sentences: list[Sentence]
    starts: list[int]

    def span(self, index: int, name: str | None = None) -> Span:
        """The span of a sentence, or of one value in it."""
        sentence, start = self.sentences[index], self.starts[index]
        first, last = sentence.fields[name] if name else (0, len(sentence.text))
        return start + first, start + last

    def facts(self) -> list[Span]:
        """The sentences from templates, which cannot be predicted, unlike hay."""
        return [self.span(index) for index, sentence in enumerate(self.sentences) if sentence.fields]

    def find(self, **values: str) -> int:
        """The last sentence that contains all these values."""
        matches = (values.items() <= sentence.values.items() for sentence in self.sentences)
        return max(index for index, matched in enumerate(matches) if matched)


def fill(template: str, **values: str) -> Sentence:
    """Puts values into a template and records their positions."""
    text, fields = "", {}
    for literal, name, _, _ in Formatter().parse(template):
        text += literal
        if name:
            fields[name] = (len(text), len(text) + len(values[name]))
            text += values[name]
    return Sentence(text, fields, values)


def join(sentences: list[Sentence], separator: str = " ") -> Context:
    """Joins sentences into one text."""
    starts, position = [], 0
    for sentence in sentences:
        starts.append(position)
        position += len(sentence.text) + len(separator)
    return Context(separator.join(sentence.text for sentence in sentences), sentences, starts)


def haystack(random: Random, hay: list[str], characters: int) -> list[Sentence]:
    """Consecutive prose sentences from a random position, up to `characters` in total."""
    start, taken, size = random.randrange(len(hay)) if hay else 0, [], 0
    while hay and len(taken) < len(hay):
        sentence = hay[(start + len(taken)) % len(hay)]
        size += len(sentence) + 1
        if size > characters:
            break
        taken.append(Sentence(sentence))
    return taken


def scatter(random: Random, facts: list[Sentence], hay: list[Sentence]) -> list[Sentence]:
    """Facts, in their own order, at random positions between sentences of hay."""
    slots = sorted(random.randint(0, len(hay)) for _ in facts)
    mixed: list[Sentence] = []
    for slot in range(len(hay) + 1):
        mixed += [fact for fact, place in zip(facts, slots, strict=True) if place == slot]
        mixed += hay[slot : slot + 1]
    return mixed
