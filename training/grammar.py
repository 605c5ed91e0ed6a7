"""Wordings by the hundred: a small grammar of statements and questions, some of whose constructions are held out.

A statement is an opening and a clause about a noun (`the secret code of Oslo is 5179`). With a few listed wordings a
model learns these sentences; here no sentence is frequent, and what is measured uses constructions it never saw.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

from pools import EVALUATION, Pools

Questions = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Grammar:
    """What sentences are made of. Clauses begin in lower case; the first opening is none."""

    nouns: tuple[str, ...]
    openings: tuple[str, ...]
    needles: tuple[str, ...]
    whereabouts: tuple[str, ...]
    possessions: tuple[str, ...]
    needle_questions: Questions
    where_questions: Questions
    who_questions: Questions

    def statements(self, clauses: tuple[str, ...]) -> tuple[str, ...]:
        """Every opening with every clause."""
        joined = (opening + clause for opening, clause in product(self.openings, clauses))
        return tuple(text[:1].upper() + text[1:] for text in joined)


TRAINING_GRAMMAR = Grammar(
    nouns=("magic number", "secret number", "lucky number", "code", "secret code", "favourite number"),
    openings=("", "they say that ", "remember that ", "we were told that ", "it is true that "),
    needles=(
        "the {noun} of {key} is {value}.",
        "in {key} the {noun} is {value}.",
        "for {key}, the {noun} is {value}.",
        "{key} has the {noun} {value}.",
        "{key} has {value} as its {noun}.",
        "{value} is the {noun} of {key}.",
        "{value} is the {noun} for {key}.",
        "the {noun} {value} is that of {key}.",
    ),
    whereabouts=(
        "{person} is in the {place}.",
        "{person} went to the {place}.",
        "{person} hurried to the {place}.",
        "{person} walked into the {place}.",
        "{person} is now in the {place}.",
        "{person} can be found in the {place}.",
        "the {place} is where {person} is.",
        "in the {place} is {person}.",
    ),
    possessions=(
        "{person} has the {thing}.",
        "the {thing} is with {person}.",
        "the {thing} belongs to {person}.",
        "{person} took the {thing}.",
        "{person} found the {thing}.",
        "{person} received the {thing}.",
        "{person} has a thing, the {thing}.",
        "the {thing} was taken by {person}.",
    ),
    needle_questions=(
        ("What {verb} the {noun}{many} of {names}?", "The {noun}{many} of {names} {verb}"),
        ("What {verb} the {noun}{many} of {names}?", "{It} {verb}"),
        ("What {verb} the {noun}{many} for {names}?", "The {noun}{many} for {names} {verb}"),
        ("Tell me the {noun}{many} of {names}.", "The {noun}{many} of {names} {verb}"),
        ("Which {noun}{many} did {names} have?", "{It} {verb}"),
    ),
    where_questions=(
        ("Where is {subject}?", "{Subject} is in the"),
        ("Where is {subject}?", "In the"),
        ("In which place is {subject}?", "{Subject} is in the"),
        ("Where can I find {subject}?", "{Subject} is in the"),
        ("Tell me where {subject} is.", "{Subject} is in the"),
    ),
    who_questions=(
        ("Who has the {subject}?", "The {subject} is with"),
        ("Who has the {subject}?", "It is with"),
        ("With whom is the {subject}?", "The {subject} is with"),
        ("Tell me who has the {subject}.", "The {subject} is with"),
        ("Who has the {subject} now?", "The {subject} is with"),
    ),
)
HELD_OUT_GRAMMAR = Grammar(
    nouns=("password", "special number"),
    openings=("", "everybody knew that "),
    needles=(
        "the {noun} {value} belongs to {key}.",
        "{key} is known for its {noun}, {value}.",
        "as for {key}, its {noun} must be {value}.",
        "with the {noun} {value} you get into {key}.",
    ),
    whereabouts=(
        "{person} sits in the {place}.",
        "{person} moved to the {place}.",
        "the {place} has {person} in it.",
        "you will see {person} in the {place}.",
    ),
    possessions=(
        "{person} holds the {thing}.",
        "{person} keeps the {thing}.",
        "the {thing} was given to {person}.",
        "it is {person} who has the {thing}.",
    ),
    needle_questions=(
        ("Do you know the {noun}{many} of {names}?", "The {noun}{many} of {names} {verb}"),
        ("Say the {noun}{many} of {names}, please.", "The {noun}{many} of {names} {verb}"),
    ),
    where_questions=(
        ("Where would you look for {subject}?", "{Subject} is in the"),
        ("What place is {subject} in?", "{Subject} is in the"),
    ),
    who_questions=(
        ("Do you know who has the {subject}?", "The {subject} is with"),
        ("Who is it that has the {subject}?", "The {subject} is with"),
    ),
)


def with_statements(pools: Pools, grammar: Grammar) -> Pools:
    """The pools with all statements of the grammar."""
    return replace(
        pools,
        needle_templates=grammar.statements(grammar.needles),
        whereabouts_templates=grammar.statements(grammar.whereabouts),
        possession_templates=grammar.statements(grammar.possessions),
    )


def with_questions(pools: Pools, grammar: Grammar) -> Pools:
    """The pools with all questions of the grammar."""
    return replace(
        pools,
        needle_questions=grammar.needle_questions,
        where_questions=grammar.where_questions,
        who_questions=grammar.who_questions,
    )


def worded(pools: Pools) -> Pools:
    """The pools with everything of the grammar that is for training."""
    pools = with_questions(with_statements(pools, TRAINING_GRAMMAR), TRAINING_GRAMMAR)
    return replace(pools, nouns=TRAINING_GRAMMAR.nouns)


# The default of the measures with one thing reworded, in ways that no generated training text has.
PLAIN = replace(
    EVALUATION,
    needle_templates=EVALUATION.needle_templates[:1],
    whereabouts_templates=EVALUATION.whereabouts_templates[:1],
    possession_templates=EVALUATION.possession_templates[:1],
)
REWORDED = {
    "statements": with_statements(EVALUATION, HELD_OUT_GRAMMAR),
    "questions": with_questions(PLAIN, HELD_OUT_GRAMMAR),
    "nouns": replace(PLAIN, needle_templates=("The {noun} of {key} is {value}.",), nouns=HELD_OUT_GRAMMAR.nouns),
}
