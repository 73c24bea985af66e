"""Phrases that name a place in a sentence: names by their spelling, joined by commas and words such as "in" into one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from globe_eval.answers.arranging import arranged, is_area
from globe_eval.answers.lexicon import BEGINNINGS, ORDINARY, UNNAMED
from globe_eval.answers.names import Names

_LONGEST_NAME = 80

_TOKEN = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*|&")
_ABBREVIATION = re.compile(r"(?:St|Ste|Mt|Ft|Dr|D\.C|U\.S|U\.K)\.?")
_PARTICLES = frozenset(
    "of the and de del della dello di da do dos das la le les el los las al upon on am an der den des du y e en sur"
    " sous am im zu at von van".split()
)
_JOINT = re.compile(
    r"""(?:\s+[a-zß-öø-ÿ'’-]+){0,3}                        # "campus", "neighborhood"
        (?:\s*[,(/]\s*|\s*[—–]\s*|\s+-+\s+|\s+|\s*\)\s*,?\s*)
        (?:[a-zß-öø-ÿ'’-]+\s+){0,5}?
        (?:(?:in|at|on|of|near|by|within|from|inside|outside|along|around|to|the|a|an)\s+){0,3}[\"“'*_`]*""",
    re.VERBOSE,
)
_BREAKS = frozenset(
    """
    and or is was are were be been being has have had which that who whose where when while with as but if because since
    given suggests suggesting indicates not rather than like such similar unlike shows show showing can could may might
    would will possibly perhaps maybe although though however also known looks look appears seems features during until before after followed for either toward towards versus vs named called famous visible seen
    """.split()
)


@dataclass(frozen=True, slots=True)
class Phrase:
    """A place that a text names, and from where to where; `known` where the gazetteer knows some part of it."""

    start: int
    end: int
    names: Names
    known: bool = True
    alone: bool = False
    """True of a single name without a country or region beside it."""


def phrases(text: str) -> Iterator[Phrase]:
    """The places that a sentence names, in its order.

    >>> [phrase.names.city for phrase in phrases("It is the Palazzo Farnese in Rome, Italy, not the one near Lyon.")]
    ['Rome', 'Lyon']
    """
    chain: list[tuple[int, int]] = []
    for start, end in _runs(text):
        if chain and not _joined(text[chain[-1][1] : start]):
            yield from _phrase(text, chain)
            chain = []
        chain.append((start, end))
    yield from _phrase(text, chain)


def _phrase(text: str, chain: Sequence[tuple[int, int]]) -> Iterator[Phrase]:
    if chain:
        parts = [text[start:end].strip(" .") for start, end in chain]
        names = arranged([part for part in parts if part])
        if names:
            alone = len(parts) == 1 and not (names.country or names.admin)
            yield Phrase(chain[0][0], chain[-1][1], names, alone=alone)
        elif not any(map(is_area, parts)) and any(" " in part and not ORDINARY.isdisjoint(part.lower().split()) for part in parts):
            venue = ", ".join(parts)
            yield Phrase(chain[0][0], chain[-1][1], Names(city=parts[0], venue=venue), known=False)


def _joined(gap: str) -> bool:
    """Whether what stands between two names joins them into one place: a comma, "in", "campus, near the"."""
    if len(gap) > 60 or _JOINT.fullmatch(gap) is None:
        return False
    return _BREAKS.isdisjoint(re.findall(r"[a-zß-öø-ÿ'’-]+", gap))


def _runs(text: str) -> Iterator[tuple[int, int]]:
    """From where to where the names of a text stand: words with a capital, and the particles between them."""
    start = end = None
    pending = False
    for match in _TOKEN.finditer(text):
        word = match[0]
        capital = not word[0].islower() and not word[0].isdigit() and word != "&"
        if start is not None and end is not None:
            gap = text[end : match.start()] if not pending else text[last : match.start()]
            close = gap == " " or (gap == ". " and _ABBREVIATION.fullmatch(text[max(start, end - 4) : end].split()[-1]))
            if close and capital and (match.end() - start) <= _LONGEST_NAME:
                end, pending = match.end(), False
                continue
            if close and (word.lower() in _PARTICLES or word == "&" or word.isdigit()):
                last, pending = match.end(), True
                continue
            yield start, end
            start = end = None
            pending = False
        if capital and (word.lower() not in UNNAMED or (word.lower() in BEGINNINGS and text[match.end() + 1 : match.end() + 2].isupper())):
            start, end = match.start(), match.end()
            last = end
    if start is not None and end is not None:
        yield start, end
