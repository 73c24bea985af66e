"""What prose concludes: the place that its claims state, weighed by the words around each name.

A text is cut into sentences. A name weighs by what stands before it in its sentence (or in the heading above): words
that conclude, that state, that leave it open, that deny or compare (`lexicon`). One policy for all: what is concluded
last; else the most probable where probabilities are given; else what is stated first; else what is held possible first.
What is only mentioned is no answer. Other claims add what is finer, where they agree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from globe_eval.answers import lexicon
from globe_eval.answers.names import Names
from globe_eval.answers.phrases import Phrase, phrases
from globe_eval.places.names import normalise

FINAL, STATED, POSSIBLE, MENTIONED = 4, 3, 2, 1

_MOST_SENTENCES = 400
_LONGEST_SENTENCE = 1_200


def _words(alternatives: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)")


_FINAL = _words(lexicon.FINAL)
_STATED = _words(lexicon.STATED)
_HEDGED = _words(lexicon.HEDGED)
_EXAMPLE = _words(lexicon.EXAMPLE)
_DENIED = _words(lexicon.DENIED)
_COMPARED = _words(lexicon.COMPARED)
_VERB = re.compile(r"\b(?:is|are|was|were|has|have|had|can|could|may|might|will|would|do|does|shows?|suggests?|indicates?|it's|that's|here's)\b")
_CLAUSE = re.compile(r"[;:]|\b(?:but|although|though|however|while|whereas|because|since|so)\b")
_SHORT_CLAUSE = re.compile(r"[;:,—–(]|\b(?:but|although|though|however|while|whereas|because|since|so|and)\b")
_DENIED_AFTER = re.compile(
    r"\W{0,3}(?:(?:is|are|was|were|seems?|looks?|can|could|would|be|also|appears?)\s){0,3}"
    r"(?:not|unlikely|ruled\sout|less\slikely|excluded|impossible|cannot|can't)\b"
)
_COMPARED_AFTER = re.compile(
    r"[-\s](?:style|styled|inspired|flags?|language|culture|cuisine|restaurant|accent|jersey|shirt|like|esque|signs?|text)\b"
)
_PLACED = re.compile(
    r"(?:^|\b(?:in|at|near|from|of|is|be|was|as|to|around|outside|within|over|over|for|likely|probably|definitely|clearly|certainly"
    r"|it's|guess|say|answer|with|toward|towards|possibly|perhaps|central|downtown|city|the)\s|:\s?)[\"'“”‘’(\[]*$"
)
_PROBABILITY = re.compile(r"(\d{1,3}(?:\.\d{1,4})?)\s?%")
_ABBREVIATED = re.compile(r"(?:\b(?:st|mt|ft|dr|mr|mrs|ms|no|ca|approx|e\.g|i\.e|etc|vs|u\.s|d\.c|ave|blvd|jr|sr)|\b\w)\.$")
_END = re.compile(r"[.!?][\"'”’)\]]*\s+(?=[\"'“‘(\[]*[^\W_a-z])")
_HEADING = re.compile(r"\s*(?:#{1,6}\s.*|[^.!?]{1,120}:\s*)")
_DRESS = re.compile(r"\*{1,3}|`|(?<!\w)_{1,2}|_{1,2}(?!\w)")
_ITEM = re.compile(r"\s*(?:[-•*+]|\d{1,2}[.)])\s+")


@dataclass(frozen=True, slots=True)
class Claim:
    """A place as a text states it: how much that weighs, with which probability (of 100), and where it begins."""

    names: Names
    weight: float
    start: int
    probability: float | None = None
    known: bool = True


def concluded(text: str, *, declined: bool = False) -> tuple[Names, int] | None:
    """The place that a text ends on, and where the sentence begins that says so; None where it concludes none.

    Of what is only held possible the town is left out where the text declines to name the place (`declined`).

    >>> concluded("Not Paris, France. The photo was taken in Lyon, France.")
    (Names(country='France', city='Lyon', admin=None, venue=None), 19)
    >>> concluded("The roofs are typical of Bavaria.") is None
    True
    """
    claims = [claim for claim in _claims(text) if claim.weight >= MENTIONED]
    chosen = _chosen([claim for claim in claims if claim.known]) or _chosen(claims)
    if chosen is None:
        return None
    if chosen.weight <= POSSIBLE and declined:
        names = Names(chosen.names.country, admin=chosen.names.admin)
        return (names, chosen.start) if names else None
    return _completed(chosen, claims), chosen.start


def _chosen(claims: list[Claim]) -> Claim | None:
    """The claim that counts, by the policy."""
    ranked = [claim for claim in claims if claim.probability is not None and claim.weight >= POSSIBLE]
    final = [claim for claim in claims if claim.weight >= FINAL]
    if final:
        return final[-1]
    if len(ranked) > 1:
        return max(ranked, key=lambda claim: claim.probability or 0)
    heaviest = max((claim.weight for claim in claims), default=0)
    return next((claim for claim in claims if claim.weight == heaviest >= POSSIBLE), None)


def _completed(chosen: Claim, claims: list[Claim]) -> Names:
    """The names with what agreeing claims add: a city to its country, a country to its city, both to a venue."""
    names = chosen.names
    for claim in sorted(claims, key=lambda claim: -claim.weight):
        other = claim.names
        if claim is chosen or not claim.known or (names.city and names.country):
            continue
        if names.city and not names.country and _same(names, other):
            if names.city == names.venue and other.city:
                names = replace(names, city=other.city)
            names = replace(names, country=other.country, admin=names.admin or other.admin)
        elif not names.city and claim.weight >= STATED and other.city and _agree(names, other):
            names = replace(names, city=other.city, admin=names.admin or other.admin, venue=names.venue or other.venue,
                            country=names.country or other.country)  # fmt: skip
    return names


def _same(names: Names, other: Names) -> bool:
    """Whether two claims share their city or a venue."""
    mine = {normalise(part) for part in (names.city, *(names.venue or "").split(", ")) if part}
    theirs = {normalise(part) for part in (other.city, *(other.venue or "").split(", ")) if part}
    return not mine.isdisjoint(theirs)


def _agree(names: Names, other: Names) -> bool:
    """Whether another claim lies in the stated country or region."""
    pairs = [(names.country, other.country), (names.admin, other.admin)]
    stated = [(normalise(a), normalise(b)) for a, b in pairs if a and b]
    return bool(stated) and all(a == b for a, b in stated)


def _claims(text: str) -> Iterator[Claim]:
    """Every place that a text names, with its weight, in the order of the text."""
    heading, fresh = "", True
    sentences = list(_sentences(text))
    if len(sentences) > _MOST_SENTENCES:
        sentences = sentences[: _MOST_SENTENCES // 4] + sentences[-3 * _MOST_SENTENCES // 4 :]
    last = len(sentences) - 1
    for i, (start, line_start, sentence) in enumerate(sentences):
        if not sentence.strip():
            heading = "" if not fresh else heading
            continue
        alone = i in (0, last) or (line_start and bool(_ITEM.match(sentence)))
        bare = _DRESS.sub("", sentence)
        if line_start and _HEADING.fullmatch(bare):
            heading, fresh = bare.lower(), True
        elif line_start:
            fresh = False
        yield from _weighed(bare, heading if line_start else "", start, alone)


def _weighed(sentence: str, heading: str, start: int, alone: bool) -> Iterator[Claim]:
    lower = sentence.lower()
    percent = _PROBABILITY.search(sentence)
    probability = float(percent[1]) if percent else None
    for phrase in phrases(sentence):
        weight = _weight(lower, phrase, heading, alone)
        yield Claim(phrase.names, weight, start, probability, phrase.known)


def _weight(lower: str, phrase: Phrase, heading: str, alone: bool) -> float:
    """How much the words around a name make it an answer."""
    before, after = lower[: phrase.start], lower[phrase.end : phrase.end + 60]
    context = f"{heading} {before}" if heading else before
    clause = before[_last_end(_CLAUSE, before) :]
    nearest = before[_last_end(_SHORT_CLAUSE, before) :]
    cue = max(_last_end(_STATED, before), _last_end(_FINAL, before))
    if _DENIED.search(nearest) or _DENIED_AFTER.match(after):
        return 0
    if _COMPARED.search(before, max(cue, len(before) - len(clause))) or _COMPARED_AFTER.match(after):
        return MENTIONED
    if phrase.alone and not _PLACED.search(before[-24:]):
        return MENTIONED
    final = _FINAL.search(context) is not None
    if _EXAMPLE.search(clause) or (heading and _EXAMPLE.search(heading)):
        return POSSIBLE if final else MENTIONED
    hedged = _HEDGED.search(f"{heading} {clause}") is not None
    if final:
        return STATED if hedged else FINAL
    if _STATED.search(context):
        return POSSIBLE if hedged else STATED
    if hedged:
        return POSSIBLE
    fragment = alone and not _VERB.search(before) and not _VERB.match(after.lstrip(" ,)"))
    return STATED if fragment else MENTIONED


def _last_end(pattern: re.Pattern[str], text: str) -> int:
    """Where the last match ends; 0 without one."""
    end = 0
    for match in pattern.finditer(text):
        end = match.end()
    return end


def _sentences(text: str) -> Iterator[tuple[int, bool, str]]:
    """Each sentence's start, whether it begins a line, and its text; an empty line is an empty sentence."""
    position = 0
    for line in text.split("\n"):
        start = 0
        for end in _END.finditer(line):
            if end.start() - start > 1 and not _ABBREVIATED.search(line[max(start, end.start() - 8) : end.start() + 1].lower()):
                if not _ITEM.fullmatch(line[start : end.end()]):
                    yield position + start, start == 0, line[start : end.end()][:_LONGEST_SENTENCE]
                    start = end.end()
        yield position + start, start == 0, line[start : start + _LONGEST_SENTENCE]
        position += len(line) + 1
