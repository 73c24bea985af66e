"""A teacher's annotation of a photograph: place, confidence, and reasoning split into units.

A unit is what can be dropped from a reasoning without spoiling the rest: an item of a list ("Signage: Thai sign,
arrows" has two), else a sentence. A line is a list where a heading of at most three words stands before a colon and
each item behind it has at most five words and none that denies or joins.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from globe_eval.answers import parse
from globe_eval.cues.clauses import words
from globe_eval.cues.mentions import canonical, read
from globe_eval.metrics.grounding import THE_PHOTOGRAPH, supported_by

_HEADING = re.compile(
    r"\s*(?:(?:[-*•]|\d+[.)])\s+)?(?:\*\*)?(?:[^\W\d_][\w'’-]*[ /&]?){1,3}(?:\*\*)?\s*:(?:\*\*)?[ \t]+(?=\S)"
)
_SENTENCE = re.compile(r"(?<![0-9]\.)(?<=[.!?])\s+(?=\S)")
_NO_ITEM = words("no not none without never nor or but is are was were has have there which that")
_LONGEST_ITEM = 5


@dataclass(frozen=True, slots=True)
class Annotation:
    """One teacher's (or predictor's) answer about one photograph. None where it is not known; degrees, km."""

    teacher: str
    status: str
    country: str | None = None
    city: str | None = None
    lat: float | None = None
    lon: float | None = None
    distance_km: float | None = None
    country_correct: float | None = None
    city_correct: float | None = None
    confidence: float | None = None
    contradicts: bool = False
    """Whether the reasoning concludes to another place than the answer."""
    reasoning: str | None = None
    cues: frozenset[str] = frozenset()
    """What the reasoning says can be seen, one name a cue."""


def annotation(teacher: str, sample: Any, vocabulary: Sequence[str] = ()) -> Annotation:
    """What is in a sample of a run (`sample.Sample`)."""
    reasoning = None if sample.response is None else parse(sample.response).reasoning
    names = [name for name in (sample.answer.country, sample.answer.city) if name]
    place = sample.prediction
    return Annotation(
        teacher,
        sample.status,
        sample.answer.country,
        sample.answer.city,
        None if place is None else place.lat,
        None if place is None else place.lon,
        sample.distance_km,
        sample.country_correct,
        sample.city_correct,
        None if sample.localizability is None else sample.localizability.confidence,
        sample.consistency is not None and sample.consistency.verdict == "contradicts",
        reasoning,
        cues_of(reasoning or "", tuple(vocabulary), names),
    )


def cues_of(reasoning: str, vocabulary: tuple[str, ...] = (), places: Collection[str] = ()) -> frozenset[str]:
    """What a reasoning asserts to be visible, by its units.

    >>> sorted(cues_of("Sign: Thai sign, tuk-tuk\\nThere are no palm trees. This points to Turkey.", (), ["Turkey"]))
    ['thai sign', 'tuk tuk']
    """
    asserted = [cues_in(text, vocabulary, tuple(places)) for _, items in units(reasoning) for text in items]
    return frozenset().union(*asserted)


@lru_cache(maxsize=65_536)
def cues_in(text: str, vocabulary: tuple[str, ...] = (), places: tuple[str, ...] = ()) -> frozenset[str]:
    """The entities that one unit asserts: those of the vocabulary, then the lexicon's that these do not imply.

    A name that others imply is left out ("red bus" says "bus" too), and so is a place's name ("Turkey" is no bird).
    """
    reading = read(text)
    names = {name.casefold() for name in places}
    own = [entity for entity in vocabulary if reading.asserts(entity)]
    above = {entity: supported_by([entity]) for entity in own}
    exact = {a for a in own if not any(b != a and canonical(a) in above[b] for b in own)}
    implied = supported_by(exact)
    lexical = {
        mention.cue
        for mention in reading.mentions
        if mention.asserted and text[mention.start : mention.end].casefold() not in names
    }
    return frozenset(exact | (lexical - implied - THE_PHOTOGRAPH))


def units(reasoning: str) -> list[tuple[str, list[str]]]:
    """Each line as what stands before its units and these: items of a list, or sentences.

    >>> units("Sky: blue sky, clouds\\nA red bus passes. No trees, no signs.")
    [('Sky: ', ['blue sky', 'clouds']), ('', ['A red bus passes.', 'No trees, no signs.'])]
    """
    found = []
    for line in reasoning.splitlines():
        heading = _HEADING.match(line)
        items = [item.strip() for item in line[heading.end() :].split(",")] if heading else []
        if heading and all(map(_is_item, items)):
            found.append((line[: heading.end()], items))
        else:
            found.append(("", [text for text in _SENTENCE.split(line.strip()) if text] or [""]))
    return found


def _is_item(text: str) -> bool:
    found = text.casefold().rstrip(".").split()
    alone = len(found) == 1  # "none", as the whole item, names nothing
    return 0 < len(found) <= _LONGEST_ITEM and "." not in text.rstrip(".") and (alone or _NO_ITEM.isdisjoint(found))


def without(
    reasoning: str,
    refused: Collection[str],
    vocabulary: tuple[str, ...] = (),
    places: Collection[str] = (),
    empty_line: str | None = None,
) -> str:
    """The reasoning without the units that assert any of `refused`.

    A list that loses all its items says `empty_line` instead, or goes with its heading; so does an empty line.

    >>> without("Sky: blue sky, clouds\\nSign: Thai sign\\nA bus. A church.", ["cloud", "thai sign", "bus"])
    'Sky: blue sky\\nA church.'
    """
    unwanted, lines = frozenset(refused), []
    for heading, items in units(reasoning):
        kept = [text for text in items if unwanted.isdisjoint(cues_in(text, vocabulary, tuple(places)))]
        if heading:
            if not kept and empty_line is not None:
                kept = [empty_line]
            lines += [heading + ", ".join(kept)] if kept else []
        elif kept or not any(items):
            lines.append(" ".join(kept))
    return "\n".join(lines).strip()
