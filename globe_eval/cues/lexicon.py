"""The lexicon of visual cues: names, other words for them, and what each is a kind of.

`data/cues.txt` is the data, a cue a line: `name < what it is a kind of : other words`. Everything is compared in one
form (`inflection.lemma`), so plurals and spellings need no lines of their own, and a phrase of two words also stands
for its closed form ("street lamp", "streetlamp", "street-lamp").
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources

from globe_eval.cues.tokens import fold, lemma

_SHORTEST_PART = 3
_SMALL_WORDS = frozenset(
    {"the", "and", "for", "with", "from", "out", "over", "under", "off", "back", "one", "two", "all", "not", "row"}
)
_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Cue:
    """A line of the lexicon."""

    name: str
    topic: str
    kinds: tuple[str, ...]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Start:
    """The phrases that begin with a word: its own cue, and by their second word the longer ones, longest first."""

    alone: str | None
    longer: dict[str, list[tuple[int, list[str], str]]]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Cues by name, phrases by their first word, and every cue's hypernyms."""

    cues: dict[str, Cue]
    phrases: dict[tuple[str, ...], str]
    starts: dict[str, Start]
    above: dict[str, frozenset[str]]

    def find(self, lemmas: tuple[str, ...]) -> str | None:
        """The cue that these words are a name of."""
        return self.phrases.get(lemmas)


def normal(text: str) -> tuple[str, ...]:
    """The words of a phrase, each in its one form.

    >>> normal("Half-timbered Houses")
    ('half', 'timbered', 'house')
    """
    return tuple(lemma(fold(word)) for word in _WORD.findall(text))


def parse(text: str) -> list[Cue]:
    """The cues of a lexicon file, in its order."""
    cues, topic = [], ""
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            topic = line.strip("[]")
            continue
        head, _, words = line.partition(":")
        name, _, kinds = head.partition("<")
        cues.append(Cue(name.strip(), topic, _split(kinds), _split(words)))
    return cues


@cache
def lexicon() -> Lexicon:
    """The shipped lexicon, read once."""
    return build(parse(resources.files("globe_eval.cues").joinpath("data/cues.txt").read_text(encoding="utf-8")))


def build(cues: Iterable[Cue]) -> Lexicon:
    """A lexicon to match with; names come before other words, and written forms before closed and open ones."""
    by_name = {cue.name: cue for cue in cues}
    phrases: dict[tuple[str, ...], str] = {}
    for cue in by_name.values():
        phrases.setdefault(normal(cue.name), cue.name)
    for cue in by_name.values():
        for word in cue.words:
            phrases.setdefault(normal(word), cue.name)
    for phrase, name in list(phrases.items()):
        if len(phrase) == 2:
            phrases.setdefault(("".join(phrase),), name)
    _split_closed(phrases)
    return Lexicon(by_name, phrases, _starts(phrases), {name: _above(name, by_name) for name in by_name})


def with_hypernyms(cues: Iterable[str]) -> frozenset[str]:
    """Cues and everything that they are kinds of; a name that the lexicon lacks stands for itself.

    >>> sorted(with_hypernyms(["palm tree"]))
    ['palm tree', 'plant', 'tree', 'vegetation']
    """
    above = lexicon().above
    return frozenset().union(*(above.get(cue, (cue,)) for cue in cues))


def _above(name: str, by_name: dict[str, Cue]) -> frozenset[str]:
    found, todo = {name}, [name]
    while todo:
        for kind in by_name[todo.pop()].kinds:
            if kind not in found and kind in by_name:
                found.add(kind)
                todo.append(kind)
    return frozenset(found)


def _starts(phrases: dict[tuple[str, ...], str]) -> dict[str, Start]:
    longer: dict[str, dict[str, list[tuple[int, list[str], str]]]] = {}
    for phrase, name in sorted(phrases.items(), key=lambda entry: -len(entry[0])):
        seconds = longer.setdefault(phrase[0], {})
        if len(phrase) > 1:
            seconds.setdefault(phrase[1], []).append((len(phrase), list(phrase[2:]), name))
    return {word: Start(phrases.get((word,)), seconds) for word, seconds in longer.items()}


def _split_closed(phrases: dict[tuple[str, ...], str]) -> None:
    """Adds the open forms of closed compounds of two words that the lexicon knows ("windmill": "wind mill")."""
    words = {word for phrase in phrases for word in phrase if len(word) >= _SHORTEST_PART} - _SMALL_WORDS
    for phrase, name in list(phrases.items()):
        if len(phrase) == 1:
            for cut in range(_SHORTEST_PART, len(phrase[0]) - _SHORTEST_PART + 1):
                parts = phrase[0][:cut], phrase[0][cut:]
                if parts[0] in words and parts[1] in words:
                    phrases.setdefault(parts, name)


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
