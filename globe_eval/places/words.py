"""What the words of a normalised name say: nothing ("unknown"), a continent, or which kind of place it is ("City")."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from globe_eval.files import read_word_lists

_DATA = Path(__file__).with_name("data")
WORDS = read_word_lists(_DATA / "words.txt")
_UNKNOWN = WORDS["unknown"]
_GENERIC = WORDS["generic"]
_FEATURE = WORDS["feature"]
_CONTINENTS = WORDS["continents"]


def is_continent(key: str) -> bool:
    """Whether a normalised text names no country but a continent or a part of one: "europe", "southeast asia"."""
    return _CONTINENTS.issuperset(key.split())


def is_unknown(key: str) -> bool:
    """Whether a normalised text names no place: "unknown", "n a", "rural area", "old town", "harbor".

    >>> is_unknown("rural area"), is_unknown("unknown coastal city"), is_unknown("rural hall"), is_unknown("")
    (True, True, False, True)
    """
    words = key.split()
    return not _UNKNOWN.isdisjoint(words) or _GENERIC.issuperset(words) or key in _FEATURE


def is_generic(key: str) -> bool:
    """Whether every word is a kind of place or says nothing: "mountain town" is no name, "park city" may be one."""
    return all(word in _GENERIC or word in _FEATURE for word in key.split())


_LEAD = WORDS["lead"]
_AREAS = _GENERIC | _LEAD
_THINGS = _AREAS | _FEATURE


def without_lead(key: str) -> str:
    """A normalised text without the words that lead to a name: "somewhere in brazil", "a country like thailand"."""
    words = key.split()
    start = 0
    while start < len(words) - 1 and words[start] in _LEAD:
        start += 1
    return " ".join(words[start:])


_REGION = WORDS["region"]
_OF_REGION = WORDS["of_region"]
_MODIFIERS = WORDS["modifiers"]
_BEFORE_OF = WORDS["before_of"]
_GENITIVE = WORDS["genitive"]
_ARTICLES = WORDS["articles"]
_PARTICLES = WORDS["particles"]
_SUFFIXES = WORDS["suffixes"]
_PREFIXES = WORDS["prefixes"]
_COMPASS = WORDS["compass"]
_ENDINGS = {
    ending: regional
    for text, regional in (
        ("市|都|区|區|町|村|镇|鎮|特别市|특별시|광역시|특별자치시|시|구|군", False),
        ("省|州|道|縣|县|府|県|郡|자치도|특별자치도|自治区|自治區|自治州|边疆区|邊疆區|地区|地區|大区", True),
    )
    for ending in text.split("|")
}
_LONGEST_AFFIX = 5
_MAX_VARIANTS = 10


def variants(key: str, *, regions_only: bool = False) -> Iterator[tuple[str, bool]]:
    """Shorter forms of a normalised name, without words that say what kind of place it is; nearest form first.

    The flag says that such a word names a region ("istanbul province"), not a town ("istanbul city");
    `regions_only` strips no other words.

    >>> list(variants("greater kyoto city"))
    [('greater kyoto', False), ('kyoto city', False), ('kyoto', False)]
    >>> list(variants("istanbul province")), list(variants("london borough of enfield"))
    ([('istanbul', True)], [('enfield', True)])
    """
    found = {key: False}
    queue = [key]
    for form in queue:
        for shorter, regional in _shorter(form):
            if shorter not in found and len(found) <= _MAX_VARIANTS and (regional or not regions_only):
                found[shorter] = regional = regional or found[form]
                queue.append(shorter)
                if (regional or not is_unknown(shorter)) and shorter not in _FAITHS:
                    yield shorter, regional


_FAITHS = WORDS["faiths"]
_WINDS = WORDS["winds"]


def without_compass(key: str) -> str | None:
    """What is left of "north bohemia"; None where no wind comes first."""
    first, _, rest = key.partition(" ")
    return rest if first in _WINDS and rest else None


def names_region(key: str) -> bool:
    """Whether a word of the name says that a region is meant: "istanbul province", "county cork", "京都府"."""
    return any(regional for _, regional in _shorter(key))


_ISLANDS = {"hawaiian": "hawaii"}
"""Adjectives that name a region of islands and none of its towns."""


def _shorter(form: str) -> Iterator[tuple[str, bool]]:
    words = form.split()
    if len(words) == 2 and words[1] in ("islands", "island", "archipelago") and words[0] in _ISLANDS:
        yield _ISLANDS[words[0]], True
    if (kept := _without_region_word(words)) is not None:
        for article in (*([word] for word in words[-len(kept) - 1 : -len(kept)] if word in _ARTICLES), []):
            yield " ".join(article + kept), True  # "partido de la plata" is called after La Plata
        if words[-1] in _GENITIVE and kept[-1].endswith("s"):
            yield " ".join(kept)[:-1], True  # "Stockholms kommun"
    most = min(len(words), _LONGEST_AFFIX + 1)
    for n in range(1, most):
        if " ".join(words[-n:]) in _SUFFIXES:
            yield " ".join(words[:-n]), False
    for n in range(1, most):
        if " ".join(words[:n]) in _PREFIXES:
            yield " ".join(words[n:]), False
    if len(words) > 1:
        for at, word in enumerate(words[1:-1], 1):
            if (word == "of" and _AREAS.issuperset(words[:at])) or (
                word in ("in", "near") and _THINGS.issuperset(words[:at])
            ):
                yield " ".join(words[at + 1 :]), word == "of"  # "countryside of provence", "beach in goa"
        if words[0] in _COMPASS and not is_generic(" ".join(words[1:])):
            yield " ".join(words[1:]), True
        kept = [word for word in words if not word.isdigit()]  # post codes
        if 0 < len(kept) < len(words):
            yield " ".join(kept), False
    if not form.isascii():
        for n in range(5, 0, -1):
            regional = _ENDINGS.get(form[-n:])
            if regional is not None and len(form) >= n + 2:
                yield form[:-n].strip(), regional


def _without_region_word(words: list[str]) -> list[str] | None:
    """What is left of "special region of yogyakarta" or "vysocina kraj"; None where no word says "a region"."""
    end = len(words) - 1
    if end <= 0:
        return None
    if words[end] in _REGION:
        while end > 1 and words[end - 1] in _MODIFIERS:
            end -= 1
        return None if words[0] in _MODIFIERS and end == 1 else words[:end]
    head = 0
    while head < end and words[head] in _MODIFIERS:
        head += 1
    if words[head] in _REGION:
        head += 1
        needs_of = words[head - 1] in _OF_REGION
    elif _BEFORE_OF.isdisjoint(words[:head]):
        return None
    else:
        needs_of = True
    after = head
    while after < end and words[after] in _PARTICLES:
        after += 1
    return None if after > end or (needs_of and after == head) else words[after:]


with (_DATA / "demonyms.csv").open(encoding="utf-8") as _file:
    DEMONYMS: dict[str, str] = {row["demonym"]: row["code"] for row in csv.DictReader(_file)}
"""English adjective or noun -> ISO 3166-1 alpha-2. Those that mean more than a country are left out: "Caribbean"."""

NO_DEMONYM = ("North", "South", "Latin", "Central", "Native", "African", "Pan", "Anglo")
"""Words before a demonym that take it from its country: "South American", "Latin American", "Native American"."""
