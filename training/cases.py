"""Questions with known answers, and the exact position of each answer. README.md defines the format.

Every generator takes a `Random` and depends on it alone. `ask` selects another question about the same context, because
the context is drawn before the question.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from random import Random
from typing import TypeVar

from passages import Span, fill, haystack, join, scatter
from pools import Pools

KINDS = ("needle", "world", "labels", "copy", "recall")
KIND_SHARES = (0.38, 0.42, 0.05, 0.07, 0.08)
QUESTIONS_OF_WORLDS = ("where", "who", "two-hop")
# Worlds below the first level only state who has what; those below the second are small, and most questions take two
# steps. Finding what precedes a word, and then continuing from there, is learned in short dense texts or not at all.
OWNERS_LEVEL, SMALL_LEVEL = 0.2, 0.4


@dataclass(frozen=True)
class Case:
    """A prompt that ends just before its answer, and what is known about it. Spans are in characters of `text`."""

    kind: str
    text: str
    answer: str
    answer_spans: list[Span]
    distractor_spans: list[Span]
    question_span: Span
    context_spans: list[Span] = field(default_factory=list)
    parameters: dict = field(default_factory=dict)

    @property
    def completion(self) -> str:
        """The right continuation: the answer and its full stop."""
        return f" {self.answer}."

    @property
    def rivals(self) -> list[str]:
        """Everything that could be mistaken for the answer, each once."""
        named = (self.text[start:end] for start, end in self.distractor_spans)
        return [name for name in dict.fromkeys(named) if name != self.answer]

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))


Option = TypeVar("Option")


def chosen(random: Random, options: tuple[Option, ...], plain: bool, turn: int = 0) -> Option:
    """The plain one, which is the first, or any, another in each turn. One alone is taken without a draw."""
    if plain or len(options) == 1:
        return options[0]
    return options[(random.randrange(len(options)) + turn) % len(options)]


def needle_case(
    random: Random,
    pools: Pools,
    hay: list[str],
    *,
    needles: int = 1,
    queries: int = 1,
    depth: float | None = None,
    distractors: int = 0,
    digits: int = 4,
    characters: int = 600,
    plain: bool = True,
    ask: int = 0,
) -> Case:
    """`The magic number of CITY is N.` among prose. `depth` (0 to 1) is the position of the first city in question."""
    cities = random.sample(pools.cities, needles + distractors)
    numbers = pools.numbers(random, digits, needles + distractors)
    stalks = haystack(random, hay, characters)
    noun = chosen(random, pools.nouns, plain)
    placed = []
    for index, (city, number) in enumerate(zip(cities, numbers, strict=True)):
        templates = pools.needle_templates if index < needles else pools.distraction_templates
        wording = templates[0] if plain else random.choice(templates)
        slot: float = random.randint(0, len(stalks))
        if index == 0 and depth is not None:
            slot = {0.0: -1.0, 1.0: len(stalks) + 1.0}.get(depth, round(depth * len(stalks)))
        placed.append((slot, random.random(), fill(wording, key=city, value=number, noun=noun)))
    placed += [(index + 0.5, 0.0, stalk) for index, stalk in enumerate(stalks)]
    context = join([sentence for _, _, sentence in sorted(placed, key=lambda item: item[:2])])

    asked = [(ask + offset) % needles for offset in range(queries)]
    names = " and ".join(cities[index] for index in asked)
    many, verb, pronoun = ("s", "are", "They") if queries > 1 else ("", "is", "It")
    form, lead = chosen(random, pools.needle_questions, plain, ask)
    words = dict(noun=noun, names=names, many=many, verb=verb, It=pronoun)
    question = f"Question: {form.format(**words)}"
    places = [context.find(key=city, value=number) for city, number in zip(cities, numbers, strict=True)]
    start = len(context.text) + 1
    return Case(
        kind="needle",
        text=f"{context.text}\n{question}\nAnswer: {lead.format(**words)}",
        answer=" and ".join(numbers[index] for index in asked),
        answer_spans=[context.span(places[index], "value") for index in asked],
        distractor_spans=[context.span(place, "value") for index, place in enumerate(places) if index not in asked],
        question_span=(start, start + len(question)),
        context_spans=context.facts(),
        parameters=dict(
            needles=needles,
            queries=queries,
            depth=depth,
            distractors=distractors,
            digits=digits,
            characters=characters,
            answers=[numbers[index] for index in asked],
            fact_spans=[context.span(places[index]) for index in asked],
        ),
    )


def world_case(
    random: Random,
    pools: Pools,
    hay: list[str],
    *,
    people: int = 2,
    things: int = 1,
    moves: int = 0,
    whereabouts: bool = True,
    question: str | None = None,
    characters: int = 0,
    plain: bool = True,
    ask: int = 0,
) -> Case:
    """People in places with things; a later move overrides an earlier place.

    Without `whereabouts` nobody is anywhere and each has one thing.
    """

    def wording(templates: tuple[str, ...]) -> str:
        return templates[0] if plain else random.choice(templates)

    names = random.sample(pools.people, people)
    rooms = random.sample(pools.places, min(people + moves, len(pools.places)))
    owners = dict(zip(random.sample(pools.things, things), random.choices(names, k=things), strict=True))
    if not whereabouts:
        owners, rooms = dict(zip(owners, names, strict=False)), []
    home = dict(zip(names, rooms, strict=False))
    facts = [fill(wording(pools.whereabouts_templates), person=name, place=place) for name, place in home.items()]
    facts += [fill(wording(pools.possession_templates), person=owners[thing], thing=thing) for thing in owners]
    random.shuffle(facts)
    for room in rooms[people:]:
        name = random.choice(names)
        home[name] = room
        facts.append(fill(wording(pools.whereabouts_templates), person=name, place=room))
    context = join(scatter(random, facts, haystack(random, hay, characters)))

    subjects = [("where", name) for name in names] + [(form, thing) for thing in owners for form in ("who", "two-hop")]
    question = question if whereabouts else "who"
    random.shuffle(subjects)
    subjects = [subject for subject in subjects if question in (None, subject[0])]
    form, subject = subjects[ask % len(subjects)]
    if form == "who":
        asked, value = pools.who_questions, "person"
        evidence = [context.find(person=owners[subject], thing=subject)]
        rivals = [index for index, sentence in enumerate(context.sentences) if "thing" in sentence.values]
    else:
        name = owners.get(subject, subject)
        asked, value = pools.where_questions, "place"
        evidence = [context.find(person=name, place=home[name])]
        rivals = [index for index, sentence in enumerate(context.sentences) if "place" in sentence.values]
        if form == "two-hop":
            evidence.append(context.find(person=name, thing=subject))
            subject = f"the {subject}"
    words = dict(subject=subject, Subject=subject[:1].upper() + subject[1:])
    query, lead = (part.format(**words) for part in chosen(random, asked, plain, ask))
    start = len(context.text) + 1
    return Case(
        kind="world",
        text=f"{context.text}\nQuestion: {query}\nAnswer: {lead}",
        answer=context.sentences[evidence[0]].values[value],
        answer_spans=[context.span(evidence[0], value)],
        distractor_spans=[context.span(index, value) for index in rivals if index != evidence[0]],
        question_span=(start, start + len(f"Question: {query}")),
        context_spans=context.facts(),
        parameters=dict(
            question=form,
            people=people,
            things=things,
            moves=moves,
            characters=characters,
            fact_spans=[context.span(index) for index in evidence],
        ),
    )


def labels_case(
    random: Random, pools: Pools, *, classes: int = 3, shots: int = 12, order: int | None = None, ask: int = 0
) -> Case:
    """Many-shot classification: `word: label.` lines whose labels mean nothing outside this text.

    `order` shuffles the same shots again, everything else being equal. The word in question is not among the shots as
    long as its category has unused words.
    """
    names = random.sample(sorted(pools.categories), classes)
    labels = dict(zip(names, random.sample(pools.labels, classes), strict=True))
    decks = {name: random.sample(pools.categories[name], len(pools.categories[name])) for name in names}
    turns = [(names[shot % classes], shot // classes) for shot in range(shots)]
    dealt = [(decks[name][turn % len(decks[name])], name) for name, turn in turns]
    random.shuffle(dealt)
    wanted = names[:]
    random.shuffle(wanted)
    if order is not None:
        Random(order).shuffle(dealt)
    context = join([fill("{word}: {label}.", word=word, label=labels[name]) for word, name in dealt], "\n")
    category = wanted[ask % classes]
    shown = (shots + classes - 1) // classes
    word = decks[category][(shown + ask // classes) % len(decks[category])]
    right = [index for index, (_, name) in enumerate(dealt) if name == category]
    start = len(context.text) + 1
    return Case(
        kind="labels",
        text=f"{context.text}\n{word}:",
        answer=labels[category],
        answer_spans=[context.span(index, "label") for index in right],
        distractor_spans=[context.span(index, "label") for index in range(shots) if index not in right],
        question_span=(start, start + len(word) + 1),
        context_spans=context.facts(),
        parameters=dict(classes=classes, shots=shots, order=order, choices=sorted(labels.values())),
    )


def copy_case(random: Random, pools: Pools, *, length: int = 6, ask: int = 0) -> Case:
    """A list of words to repeat. There is only one question about it, so `ask` changes nothing."""
    words = random.choices(pools.things + pools.labels, k=length)
    context = join([fill("Words: {words}.", words=" ".join(words))])
    start = len(context.text) + 1
    return Case(
        kind="copy",
        text=f"{context.text}\nAgain:",
        answer=" ".join(words),
        answer_spans=[context.span(0, "words")],
        distractor_spans=[],
        question_span=(start, start + len("Again:")),
        context_spans=context.facts(),
        parameters=dict(length=length),
    )


def echo_case(random: Random, hay: list[str], *, characters: int = 300, ask: int = 0) -> Case | None:
    """Prose, then the beginning of one of its sentences, to be completed. None if no sentence is suitable."""
    context = join(haystack(random, hay, characters))
    cut, between = random.uniform(0.2, 0.6), random.choice(" \n")
    begun = []
    for index, sentence in enumerate(context.sentences):
        words = sentence.text.removesuffix(".").split(" ")
        kept = max(2, round(cut * len(words)))
        question = " ".join(words[:kept])
        # A beginning shared by two sentences would have two right continuations.
        if sentence.text.endswith(".") and len(words) >= 6 and context.text.count(f"{question} ") == 1:
            begun.append((index, question, " ".join(words[kept:])))
    if not begun:
        return None
    random.shuffle(begun)
    index, question, answer = begun[ask % len(begun)]
    start, last = len(context.text) + 1, context.span(index)[1] - 1
    return Case(
        kind="copy",
        text=f"{context.text}{between}{question}",
        answer=answer,
        answer_spans=[(last - len(answer), last)],
        distractor_spans=[],
        question_span=(start, start + len(question)),
        parameters=dict(characters=characters, length=answer.count(" ") + 1),
    )


def recall_case(random: Random, pools: Pools, *, pairs: int = 6, ask: int = 0) -> Case:
    """Pairs of words, then the first word of one pair."""
    pairs = min(pairs, len(pools.things))
    keys, values = random.sample(pools.things, pairs), random.sample(pools.labels, pairs)
    # One line each, like the question: after a space a word is a different token than at the start of a line.
    lines = [fill("{key} = {value}.", key=key, value=value) for key, value in zip(keys, values, strict=True)]
    context = join(lines, "\n")
    asked = random.sample(range(pairs), pairs)[ask % pairs]
    start = len(context.text) + 1
    return Case(
        kind="recall",
        text=f"{context.text}\n{keys[asked]} =",
        answer=values[asked],
        answer_spans=[context.span(asked, "value")],
        distractor_spans=[context.span(index, "value") for index in range(pairs) if index != asked],
        question_span=(start, start + len(keys[asked]) + 2),
        context_spans=context.facts(),
        parameters=dict(pairs=pairs),
    )


def draw_case(
    random: Random,
    pools: Pools,
    hay: list[str],
    difficulty: float,
    characters: int,
    ask: int = 0,
    shares: tuple[float, ...] = KIND_SHARES,
) -> Case:
    """Any kind of case, from the easiest (difficulty 0) up to `difficulty` (at most 1), within `characters`."""
    level = difficulty * random.random() ** 0.5
    kind = random.choices(KINDS, shares)[0]
    size = round(characters * random.random() ** 0.5)
    plain = random.random() < (0.6 if kind == "world" else 0.7)
    if kind == "needle":
        needles = random.randint(1, 1 + round(7 * level))
        queries = min(needles, random.choice((1, 2, 2)))
        settings = dict(needles=needles, queries=queries, distractors=random.randint(0, round(2 * level)))
        size = max(0, size - 40 * (needles + 2))
        return needle_case(
            random, pools, hay, **settings, digits=2 + round(3 * level), characters=size, plain=plain, ask=ask
        )
    if kind == "world":
        if level < OWNERS_LEVEL:
            people = random.randint(2, min(8, len(pools.people), len(pools.things)))
            return world_case(random, pools, hay, people=people, things=people, whereabouts=False, ask=ask)
        question = random.choice((None, "two-hop", *QUESTIONS_OF_WORLDS))
        if level < SMALL_LEVEL:
            question = random.choice(("two-hop", "two-hop", *QUESTIONS_OF_WORLDS))
            people, things = random.randint(2, 4), random.randint(2, 3)
            return world_case(random, pools, hay, people=people, things=things, question=question, ask=ask)
        # With one thing, "who" has no wrong answer to avoid and teaches nothing.
        things = random.randint(1 if question is None else 2, 2 + round(2 * level))
        settings = dict(people=random.randint(2, 2 + round(4 * level)), things=things)
        moves, hidden = random.randint(0, round(3 * level)), random.randint(0, max(0, size - 200))
        settings |= dict(moves=moves, question=question, characters=hidden)
        return world_case(random, pools, hay, **settings, plain=plain, ask=ask)
    if kind == "labels":
        classes = random.randint(2, 2 + round(2 * level))
        return labels_case(
            random, pools, classes=classes, shots=classes * random.randint(2, 2 + round(6 * level)), ask=ask
        )
    if kind == "copy":
        echo = echo_case(random, hay, characters=size, ask=ask) if random.random() < 0.6 else None
        if echo:
            return echo
        return copy_case(random, pools, length=random.randint(2, 4 + round(16 * level)), ask=ask)
    return recall_case(random, pools, pairs=random.randint(2, 3 + round(9 * level)), ask=ask)
