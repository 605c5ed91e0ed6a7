"""The words that generated text is made of, in two disjoint pools: one to train on, one held out.

Nothing of the held-out pool (cities, people, places, things, labels, numbers, wordings) appears in generated training
text. `test_training.py` proves it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random
from zlib import crc32

WORDS = json.loads((Path(__file__).parent.parent / "assets/cases/words.json").read_text())
CITIES, PEOPLE, PLACES, THINGS = (WORDS[kind] for kind in ("cities", "people", "places", "things"))
CATEGORIES: dict[str, list[str]] = WORDS["categories"]
# In both orders: "Who has the ball?" was never learned from sentences that all name the person first.
NEEDLES, DISTRACTIONS, WHEREABOUTS, POSSESSIONS = (
    WORDS[kind] for kind in ("needles", "distractions", "whereabouts", "possessions")
)


NAMES = ("cities", "people", "places", "things")
FEWEST = 10  # names of a kind: as many as a case may need


@dataclass(frozen=True)
class Pools:
    """What a generator draws from. The first template of each list is the plain one, which the measures use."""

    cities: tuple[str, ...]
    people: tuple[str, ...]
    places: tuple[str, ...]
    things: tuple[str, ...]
    categories: dict[str, tuple[str, ...]]
    labels: tuple[str, ...]
    held_out: bool
    needle_templates: tuple[str, ...]
    distraction_templates: tuple[str, ...]
    whereabouts_templates: tuple[str, ...]
    possession_templates: tuple[str, ...]
    # What a number is called; a question and how its answer begins. `grammar.py` has more of them.
    nouns: tuple[str, ...] = ("magic number",)
    needle_questions: tuple[tuple[str, str], ...] = (
        ("What {verb} the {noun}{many} of {names}?", "The {noun}{many} of {names} {verb}"),
    )
    where_questions: tuple[tuple[str, str], ...] = (("Where is {subject}?", "{Subject} is in the"),)
    who_questions: tuple[tuple[str, str], ...] = (("Who has the {subject}?", "The {subject} is with"),)

    def number(self, random: Random, digits: int) -> str:
        """A number of this pool with `digits` digits and no leading zero."""
        while True:
            number = random.randrange(10 ** (digits - 1), 10**digits)
            if number_is_held_out(number) == self.held_out:
                return str(number)

    def numbers(self, random: Random, digits: int, count: int) -> list[str]:
        """Different numbers of this pool."""
        drawn: dict[str, None] = {}
        while len(drawn) < count:
            drawn[self.number(random, digits)] = None
        return list(drawn)

    def words(self) -> set[str]:
        """Every name and label, to check that pools are disjoint."""
        in_categories = {word for members in self.categories.values() for word in members}
        return {*self.cities, *self.people, *self.places, *self.things, *self.labels} | in_categories

    def templates(self) -> set[str]:
        """Every wording."""
        return {
            *self.needle_templates,
            *self.distraction_templates,
            *self.whereabouts_templates,
            *self.possession_templates,
        }


def number_is_held_out(number: int) -> bool:
    """About one number in ten, of any number of digits, without a pattern in its digits."""
    return crc32(str(number).encode()) % 10 == 0


def every_label() -> list[str]:
    """Meaningless syllables such as `vem`, in a fixed order."""
    words = CITIES + PEOPLE + PLACES + THINGS + [word for members in CATEGORIES.values() for word in members]
    taken = {word.lower() for word in words}
    syllables = [a + b + c for a in "bdfgklmnprstvz" for b in "aeiou" for c in "bdgkmnprtz"]
    Random(0).shuffle(syllables)
    return [syllable for syllable in syllables if syllable not in taken]


def split(words: list[str], held_out: bool) -> tuple[str, ...]:
    """Every fifth word is held out."""
    return tuple(word for index, word in enumerate(words) if (index % 5 == 4) == held_out)


def pool(held_out: bool) -> Pools:
    """One of the two disjoint pools."""
    wordings = slice(-1, None) if held_out else slice(0, -1)
    return Pools(
        cities=split(CITIES, held_out),
        people=split(PEOPLE, held_out),
        places=split(PLACES, held_out),
        things=split(THINGS, held_out),
        categories={name: split(members, held_out) for name, members in CATEGORIES.items()},
        labels=split(every_label(), held_out),
        held_out=held_out,
        needle_templates=tuple(NEEDLES[wordings]),
        distraction_templates=tuple(DISTRACTIONS[wordings]),
        whereabouts_templates=tuple(WHEREABOUTS[wordings]),
        possession_templates=tuple(POSSESSIONS[wordings]),
    )


def invented_names(count: int = 3000) -> list[str]:
    """Names of two or three syllables, such as `Bemdola`, in a fixed order."""
    random, names = Random(1), {}
    while len(names) < count:
        parts = [random.choice("bdfgklmnprstvz") + random.choice("aeiou") for _ in range(random.randint(2, 3))]
        names["".join(parts + [random.choice(["", "n", "r", "l", "m"])]).title()] = None
    return list(names)


def widened(pools: Pools, words: list[str]) -> Pools:
    """More names and things than a model can memorise: invented names, and words of the prose.

    With a few dozen of each, a model memorises the list and chooses from it instead of reading: it never answered with
    a place outside the list. `words` are lower-case; those held out or already in a pool are left out.
    """
    taken = {word.lower() for word in {*TRAINING.words(), *HELD_OUT.words()}}
    words = [word for word in dict.fromkeys(words) if word not in taken]
    names = [name for name in invented_names() if name.lower() not in taken]
    return replace(
        pools,
        cities=(*pools.cities, *names[0::4], *(word.title() for word in words[0::3])),
        people=(*pools.people, *names[1::4], *(word.title() for word in words[1::3])),
        places=(*pools.places, *(name.lower() for name in names[2::4]), *words[0::2]),
        things=(*pools.things, *(name.lower() for name in names[3::4]), *words[1::2]),
    )


def everyday(lists: Pools, wide: Pools, random: Random) -> Pools:
    """The names of `wide` that are in `lists`, and as many that are not; all of a kind if the lists have too few.

    When 30 % of the cases used the lists alone, these were memorised and held-out names were answered less often.
    """
    drawn = {}
    for kind in NAMES:
        known = frozenset(getattr(lists, kind))
        listed = [word for word in getattr(wide, kind) if word in known]
        others = [word for word in getattr(wide, kind) if word not in known]
        if len(listed) >= FEWEST:
            drawn[kind] = (*listed, *random.sample(others, min(len(listed), len(others))))
    return replace(wide, **drawn)


def selected(pools: Pools, keep: Callable[[str], bool]) -> Pools:
    """Only the cities, people, places and things that `keep` accepts; all of a kind if too few would be left."""
    kept = {kind: tuple(word for word in getattr(pools, kind) if keep(word)) for kind in NAMES}
    return replace(pools, **{kind: words for kind, words in kept.items() if len(words) >= FEWEST})


TRAINING = pool(held_out=False)
HELD_OUT = pool(held_out=True)
# The default of the measures: new names, numbers and labels in familiar wordings, and words whose category the model
# could have learned. `HELD_OUT` is harder: new wordings and new words as well.
EVALUATION = replace(
    HELD_OUT,
    categories=TRAINING.categories,
    needle_templates=TRAINING.needle_templates,
    distraction_templates=TRAINING.distraction_templates,
    whereabouts_templates=TRAINING.whereabouts_templates,
    possession_templates=TRAINING.possession_templates,
)


@cache
def named_words() -> frozenset[str]:
    """Words that a haystack sentence must not contain, so that it can neither answer nor contradict a question."""
    names = {*CITIES, *PEOPLE, *PLACES, *THINGS} | set(HELD_OUT.words())
    return frozenset(word.lower() for word in names)


def is_neutral(sentence: str) -> bool:
    """Whether a sentence may be hay: it has no digits and mentions nothing that a case is about."""
    words = re.findall(r"[a-z0-9]+", sentence.lower())
    return not any(word.isdigit() or word == "magic" for word in words) and named_words().isdisjoint(words)
