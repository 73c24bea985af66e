"""What a text says of the world, not of its photograph: "palm trees are common across Spain", "Brazil has ..."."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from globe_eval.cues.clauses import BE, BREAKS, CONTRASTS, LISTS, WORDS, clause_end, words
from globe_eval.cues.guards import is_demonym
from globe_eval.cues.tokens import Tokens
from globe_eval.places.gazetteer import country
from globe_eval.places.names import normalise

_POINTING = WORDS["general.pointing"]
"""Words of a clause that is about the photograph, or concludes from it."""
_BOUND = WORDS["general.bound"]
"""Words before a noun that is not spoken of in general."""
_OF_PLACE = words("in of to with across throughout around through over cover covers for")
_WIDE = words("coast coasts south north east west whole world centre center rest country cities towns villages streets")
_AREAS = WORDS["general.areas"]
_COMMON = WORDS["general.common"]
_NO_SUBJECT = _BOUND | _COMMON
_MANY = words("most many some other")
_HAS = words("has have features feature boasts boast contains contain uses use")
_APART = words("unlike contrast contrary whereas compared")
_ABROAD = words("in across throughout elsewhere unlike around")
_UNSPECIFIC = words("most many people locals drivers")
_FARTHEST = 4
_LANGUAGES = words("english latin arabic hindi urdu hebrew hangul kanji korean swahili cyrillic thai")


def generalised(tokens: Tokens, phrases: Sequence[tuple[int, int, str]]) -> list[tuple[int, int]]:
    """The token spans that speak of a country or a kind of place in general; `phrases` are the spans of cues."""
    low = tokens.low
    subjects: list[tuple[int, int]] = []
    for start, end, _ in phrases:
        joined = subjects and subjects[-1][1] == start - 1 and low[start - 1] in LISTS and low[end : end + 1] == ["are"]
        subjects.append((subjects.pop()[0] if joined else start, end))  # "windmills and canals are common in"
    starts = [first for start, end in subjects if (first := _bare_subject(tokens, start, end)) is not None]
    starts += [i for i in range(1, len(low)) if _opens(tokens, i)]
    return [(start, clause_end(low, start)) for start in starts]


def _opens(tokens: Tokens, i: int) -> bool:
    """Whether what follows from token `i` to the end of its clause is general, by the words before it."""
    low = tokens.low
    word, before = low[i], low[i - 1]
    if before == ",":
        if word == "where":
            return _is_place(tokens, i - 2) and not _APART.isdisjoint(low[max(0, i - 7) : i])
        return word not in _BOUND and not word.isdigit() and _is_abroad(tokens, i - 1)
    if word in _UNSPECIFIC:
        return _is_abroad(tokens, i)
    if word in _HAS:
        return _is_of_many_places(low, i) or _is_country(tokens.surface[i - 1])
    if word in BE and low[i + 1 : i + 2] in (["home"], ["full"], ["dotted"]):
        return _is_place(tokens, i - 1)
    return False


def _bare_subject(tokens: Tokens, start: int, end: int) -> int | None:
    """Where the clause begins whose subject is a cue without article or number, and which says where there are such.

    None where there is no such clause, or one that points at the photograph or concludes from it.
    """
    low, first = tokens.low, start
    while first > 0 and low[first - 1] not in BREAKS and low[first - 1] not in CONTRASTS and start - first <= 3:
        first -= 1
    if (
        start - first > 3
        or low[end : end + 1] == []
        or low[end] in _NO_SUBJECT
        or low[first].isdigit()
        or (start > first and tokens.surface[start][0].isupper())
        or not _BOUND.isdisjoint(low[first:start])
    ):
        return None
    stop = clause_end(low, end)
    if stop - end < 2 or not _POINTING.isdisjoint(low[first:stop]):
        return None
    areas = not _COMMON.isdisjoint(low[end:stop])
    found = None
    for k in range(end, stop):
        if low[k] == "the" and low[k - 1] not in BE and low[k + 1 : k + 2] and not _is_wide(tokens, k + 1):
            return None
        if (areas and low[k] in _AREAS) or (
            k > end and _is_place(tokens, k) and not _OF_PLACE.isdisjoint(low[max(end, k - _FARTHEST) : k])
        ):
            found = first
    return found


def _is_wide(tokens: Tokens, k: int) -> bool:
    """Whether "the" before token `k` is that of a name or of a large part of a country."""
    return tokens.low[k] in _WIDE or tokens.surface[k][0].isupper()


def _is_place(tokens: Tokens, k: int) -> bool:
    word = tokens.surface[k]
    low = tokens.low[k]
    return (
        word[0].isupper()
        and not word.isupper()
        and (not is_demonym(low) or low.endswith("ia"))
        and low not in _LANGUAGES
    )


def _is_abroad(tokens: Tokens, comma: int) -> bool:
    """Whether the sentence so far is "In Vietnam" or "Across southern Spain"."""
    low, k = tokens.low, comma - 1
    while k >= 0 and comma - k <= _FARTHEST and low[k] not in BREAKS:
        if low[k] in _ABROAD and (k == 0 or low[k - 1] in BREAKS or low[k - 1] in CONTRASTS or low[k - 1] in _ABROAD):
            return _is_place(tokens, comma - 1) or low[comma - 1] in _AREAS
        k -= 1
    return False


@lru_cache(maxsize=4096)
def _is_country(name: str) -> bool:
    return name[0].isupper() and len(name) > 3 and country(normalise(name), main=True) is not None


def _is_of_many_places(low: list[str], i: int) -> bool:
    """Whether the subject of the verb at `i` is "most towns in Bavaria", "countries such as Norway"."""
    k, area = i - 1, None
    while k >= 0 and i - k < 9 and low[k] not in BREAKS and low[k] not in CONTRASTS and low[k] != "the":
        if low[k] in _AREAS:
            area = k
        k -= 1
    return area is not None and (low[area + 1 : area + 3] == ["such", "as"] or not _MANY.isdisjoint(low[k + 1 : area]))
