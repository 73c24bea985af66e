"""Places that running English text names: countries, their regions, cities, and what is called after them.

The gazetteer knows a place for nearly every capitalised word ("Reading", "Nice", "Mobile", "Street"). So a name counts
only where the text writes it as a name, the longest name wins whatever its kind ("New South Wales" is no Wales, "Mexico
City" no country), and a city must be large, or stand where a place stands ("in Nagano", "Nagano, Japan"), or be one
that the caller looks for. Of homonyms that counts which the text itself places ("Paris, Texas"), then one in a country
that it names or whose large cities it names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Literal, NamedTuple

from globe_eval import lazy_re as re
from globe_eval.places import gazetteer
from globe_eval.places.gazetteer import ADMIN1, ADMIN2, CITY, COUNTRY, LANDMARK, REGION, Gazetteer, Place
from globe_eval.places.names import normalise
from globe_eval.places.words import DEMONYMS, NO_DEMONYM, WORDS

Kind = Literal["country", "demonym", "region", "city"]

LARGE = 200_000
"""From how many people on a city is named by its name alone."""

SMALL = 2_000
"""From how many people on a city is named where the words around it say that it is a place."""

LONGEST = 5
"""Words of the longest name."""
NAMESAKE = 30_000
"""From how many people on "Antigua, Guatemala" is a town in the second country rather than a list of two."""

MAX_LENGTH = 20_000
"""Characters that are read: the first half and the last half of a longer text."""

_WORD = re.compile(r"([^\W\d_]+(?:['’.-][^\W\d_]+)*|[^\w\s]|\d+|\n)")
_ASCII_WORD = re.compile(r"([a-zA-Z]+(?:['.-][a-zA-Z]+)*|[^\w\s]|\d+|\n)")
"""The same of text in ASCII, in three quarters of the time."""
_POSSESSIVE = ("'s", "’s")
_CODES = dict.fromkeys(("US", "USA", "U.S", "U.S.A"), "US") | dict.fromkeys(("UK", "U.K"), "GB")
_CODES |= {"UAE": "AE", "NZ": "NZ", "PRC": "CN"}
_ENDS = frozenset(".!?:\n;•")
_INSIDE = WORDS["inside"]
_JOINING = WORDS["joining"]
_LOCATIVE = WORDS["locative"]
_ABBREVIATED = ("St", "Mt", "Ft", "Ste")
_WATERS = WORDS["waters"]
_FEATURES = WORDS["of_country"]
_DIVISIONS = WORDS["divisions"]
_WORDS = WORDS["ordinary"]


class Spot(NamedTuple):
    """A place in a text: where its name stands, what kind of name that is, and the place where it is one point."""

    start: int
    end: int
    kind: Kind
    country_code: str
    place: Place | None = None
    """Of a region or a city; a country has none here."""
    ambiguous: bool = False
    """Of a city whose name is also that of the region around it ("New York")."""


_Match = tuple[Kind, str, Place | None, bool]
"""The last four fields of a spot."""

_Names = Mapping[int, Sequence[tuple[int, str]]]
"""Each word with a capital, by its place among the words -> the ends and texts of the names that can begin there."""


def spot(text: str, *, sought: Mapping[str, Place | None] | None = None) -> list[Spot]:
    """The places that a text names, in its order, without overlap.

    Args:
        text: English; of a text beyond MAX_LENGTH the middle is left out.
        sought: names that are known to mean a place, such as the one that was answered, or (None) to mean none here.

    A city is looked for in the countries that the text names and those of the places sought, then everywhere, and of
    several the most populous counts. About 2 MB of text a second on one core, once the names are in memory.

    >>> text = "French shop signs and plane trees; this is Lyon, France, not Reading."
    >>> [(one.kind, one.country_code, text[one.start : one.end]) for one in spot(text)]
    [('demonym', 'FR', 'French'), ('city', 'FR', 'Lyon'), ('country', 'FR', 'France')]
    >>> [(one.kind, one.country_code) for one in spot("New South Wales, or Paris, Texas")]
    [('region', 'AU'), ('city', 'US'), ('region', 'US')]
    """
    if len(text) > MAX_LENGTH:
        text = text[: MAX_LENGTH // 2] + "\n" + " " * (len(text) - MAX_LENGTH - 1) + text[-MAX_LENGTH // 2 :]
    pieces = (_ASCII_WORD if text.isascii() else _WORD).split(text)
    words = pieces[1::2]  # and what lies between them
    names = {at: _names(words, at) for at, word in enumerate(words) if word[0].isupper()}
    if not names:
        return []
    known = {normalise(name): place for name, place in (sought or {}).items()}
    named = frozenset(place.country_code for place in known.values() if place)
    candidates = []
    for at, ends in names.items():
        kept = []
        for end, name in ends:
            key, country, demonym, located = _meaning(name)
            if country or demonym or located or key in known or words[end : end + 1] == [","]:
                kept.append((end, name))
        if kept:
            candidates.append((at, kept))
    found = _read(words, names, candidates, named, known)
    context = named.union(code for _, _, (kind, code, _, _) in found if kind in ("country", "region"))
    context = context.union(
        code for _, _, (_, code, place, _) in found if place and code not in context and _is_great(place.name, code)
    )
    if context != named:
        found = _read(words, names, candidates, context, known)
    reached = list(accumulate(map(len, pieces)))
    return [Spot(reached[2 * at], reached[2 * end - 1], *match) for at, end, match in found]


@lru_cache(maxsize=4096)
def _is_great(name: str, code: str) -> bool:
    """Whether a place of this main name in a country has so many people that it says in which country a text is."""
    gaz = gazetteer.load()
    rows = [e >> 1 for e in gaz.find(normalise(name)) if e & 1 and gaz.codes[gaz.country[e >> 1]] == code]
    return max((gaz.population[row] for row in rows), default=0) >= 5 * LARGE


def _read(
    words: Sequence[str],
    names: _Names,
    candidates: Sequence[tuple[int, Sequence[tuple[int, str]]]],
    named: frozenset[str],
    known: Mapping[str, Place | None],
) -> list[tuple[int, int, _Match]]:
    """Matches, each from a word to before another; at each place the longest name that is one."""
    last = 0
    found: list[tuple[int, int, _Match]] = []
    for at, ends in candidates:
        if at < last:
            continue
        for end, name in ends:
            pair = _in_region(words, names, end, name) if end + 1 < len(words) and words[end] == "," else None
            if pair:
                match, after, (last, region) = pair
                found += (at, end, match), (after, last, region)
            elif (one := _match(words, names, at, end, name, named, known)) is not None:
                found.append((at, end, one))
                last = end
            else:
                continue
            break
    return found


def _in_region(
    words: Sequence[str], names: _Names, end: int, name: str
) -> tuple[_Match, int, tuple[int, _Match]] | None:
    """Of "Paris, Texas" the town, where its region begins, where that ends, and the region; the comma is at `end`."""
    after = words[end + 1]
    options = list(names.get(end + 1, ()))
    if len(after) == 2 and after.isupper() and after.isalpha():
        options.append((end + 2, after))
    for stop, region_name in options:
        found = _town_of(normalise(name), normalise(region_name), len(after) == 2)
        if found:
            town, region = _found("city", found[0]), _found("region", found[1])
            if _country(region_name) == region[1]:
                region = "country", region[1], None, False  # "London, England"
            return town, end + 1, (stop, region)
    return None


@lru_cache(maxsize=16_384)
def _town_of(key: str, region_key: str, code: bool) -> tuple[int, int] | None:
    """The rows of the town of this main name in a division of that main name or code, and of the division."""
    regions = _divisions(region_key, code)
    if not regions or key == region_key:
        return None
    gaz = gazetteer.load()
    towns = [
        (gaz.population[row], row, region)
        for row in (e >> 1 for e in gaz.find(key))
        if gaz.kind[row] >= CITY and (normalise(gaz.name(row)) == key or gaz.population[row] >= LARGE)
        for region in regions & {gaz.admin1[row], gaz.admin2[row]}
        if gaz.kind[region] == ADMIN1 or gaz.population[row] >= NAMESAKE
    ]
    return max(towns)[1:] if towns else None


@lru_cache(maxsize=16_384)
def _divisions(key: str, code: bool) -> frozenset[int]:
    """The rows of the divisions of this main name or code."""
    gaz = gazetteer.load()
    entries = gaz.code(key) if code else gaz.find(key)
    return frozenset(e >> 1 for e in entries if gaz.kind[e >> 1] in (ADMIN1, ADMIN2) and e & 1)


def _is_first(words: Sequence[str], at: int) -> bool:
    """Whether a word begins a sentence, a line or a heading, where every word has a capital."""
    while at > 0 and words[at - 1] not in _ENDS:
        at -= 1
        if words[at][0].isalnum():
            return False
    return True


def _is_name(word: str) -> bool:
    """Whether a word is written as a name; a word all in capitals is a heading, or an abbreviation."""
    return word[0].isupper() and (len(word) == 1 or not word.isupper() or word.rstrip(".") in _CODES)


def _names(words: Sequence[str], at: int) -> list[tuple[int, str]]:
    """The ends and the texts of the names of up to LONGEST words that can begin at a word, the longest first."""
    first = words[at]
    if not _is_name(first):
        return []
    end, ends = at + 1, [at + 1]
    for word in words[at + 1 : at + LONGEST]:
        end += 1
        if word[0].isupper():
            if not _is_name(word):
                break
            ends.append(end)
        elif word not in _INSIDE and not (word == "." and words[end - 2] in _ABBREVIATED):
            break
    if len(ends) == 1:
        return [(at + 1, first[:-2] if first.endswith(_POSSESSIVE) else first)]
    bare = [word[:-2] if word.endswith(_POSSESSIVE) else word for word in words[at : ends[-1]]]
    return [(end, " ".join(bare[: end - at])) for end in reversed(ends)]


def _match(
    words: Sequence[str],
    names: _Names,
    at: int,
    end: int,
    name: str,
    named: frozenset[str],
    known: Mapping[str, Place | None],
) -> _Match | None:
    """What a name means at its place, or None."""
    key, code, demonym, _ = _meaning(name)
    if key in known:
        place = known[key]
        return None if place is None else ("city", place.country_code, place, False)
    before = words[at - 1] if at else ""
    featured = end < len(words) and words[end][0].isupper() and words[end].lower() in _FEATURES
    country = None
    if end + 1 < len(words) and words[end] == ",":
        country = next((found for _, other in names.get(end + 1, ()) if (found := _country(other))), None)
    if code:
        town = _city(key, frozenset({country}), NAMESAKE, namesake=True) if country and country != code else None
        if town is not None:
            return _found("city", town)
        at_sea = before == "of" and at > 1 and words[at - 2].lower() in _WATERS
        return None if featured or at_sea else ("country", code, None, False)
    if demonym:
        return None if featured or before in NO_DEMONYM else ("demonym", demonym, None, False)
    if featured and end - at == 1:
        return None
    return _town(words, at, end, key, named, country)


@lru_cache(maxsize=65_536)
def _meaning(name: str) -> tuple[str, str | None, str | None, bool]:
    """A name normalised, the country that it names or whose people or things, and whether places have that name.

    Where none of these is so, as of nearly all words that begin a sentence, it means a place only before a comma.
    """
    key = normalise(name)
    located = not _ordinary(key) and len(gazetteer.load().find(key)) > 0
    return key, _country(name), _demonym(name), located


@lru_cache(maxsize=16_384)
def _country(name: str) -> str | None:
    bare = name.rstrip(".")
    if bare in _CODES:
        return _CODES[bare]
    if bare in ("England", "Scotland", "Wales", "Northern Ireland"):
        return "GB"
    if len(bare) < 4 or bare.isupper():
        return None
    key = normalise(bare)
    return None if key in _WORDS or key in ("georgia", "man") else gazetteer.country(key, main=True)


@lru_cache(maxsize=16_384)
def _demonym(name: str) -> str | None:
    code = DEMONYMS.get(name)
    if code is None and "-" in name:
        code = DEMONYMS.get(name.split("-")[0])
    if code is None and name.endswith("s"):
        code = DEMONYMS.get(name[:-1])
    return None if name == "English" else code


def _ends_a_name(words: Sequence[str], at: int) -> bool:
    """Whether a word is the rest of another name: "Michael Kors", "Tec de Monterrey"."""
    before = at - 1
    while before >= 0 and words[before] in _JOINING:
        before -= 1
    if before < 0 or not _is_name(words[before]) or _is_first(words, before):
        return False
    key = normalise(words[before])
    return key not in _WORDS and key not in _CODES and _demonym(words[before]) is None


@lru_cache(maxsize=16_384)
def _ordinary(key: str) -> bool:
    return all(word in _WORDS for word in key.split())


def _town(
    words: Sequence[str], at: int, end: int, key: str, named: frozenset[str], country: str | None
) -> _Match | None:
    """The region or city of this name, `country` being the one that follows it after a comma."""
    if _ends_a_name(words, at):
        return None
    before = words[at - 1] if at else ""
    followed = end + 1 < len(words) and words[end] == "," and words[end + 1][0].isupper()
    if _ordinary(key) and not (followed and country):
        return None
    placed = before in _LOCATIVE or followed
    if key == "washington" and not (followed and words[end + 1].startswith("D")):
        row = _region("washington", frozenset({"US"}))
        return None if row is None else _found("region", row)
    if key == "georgia":
        row = _region(key, frozenset({"US"})) if "US" in named else None
        return ("country", "GE", None, False) if row is None else _found("region", row)
    if placed:
        least = SMALL
    elif end - at > 2:
        least = NAMESAKE
    elif not before and end - at == 1:
        least = 5 * LARGE
    else:
        least = LARGE
    named = frozenset({country}) if country and followed else named
    region, city = _region(key, named), _city(key, named, least)
    if region is None and city is None:
        return None
    if country and followed:  # "Surrey, England" is no other Surrey
        codes = gazetteer.load().codes
        region, city = (
            row if row is not None and codes[gazetteer.load().country[row]] == country else None
            for row in (region, city)
        )
    if city is None:
        return _found("region", region) if region else None
    divided = (end < len(words) and words[end].lower() in _DIVISIONS) or any(
        word.lower().rstrip("s") in _DIVISIONS for word in words[max(at - 5, 0) : at]
    )
    if region and divided:
        return _found("region", region)
    if region is None:
        return _found("city", city, ambiguous=divided)
    gaz = gazetteer.load()
    if gaz.country[region] == gaz.country[city]:
        # "Osaka" and "New York" are cities first, "California" is none.
        if 10 * gaz.population[city] >= gaz.population[region]:
            return _found("city", city, ambiguous=True)
        return _found("region", region)
    # A large city is better known than a region abroad: "St. Louis" is not the region of Saint-Louis.
    known_city = gaz.population[city] >= LARGE and normalise(gaz.name(city)) == key
    weight = {region: gaz.population[region], city: gaz.population[city] * (5 if known_city else 1)}
    larger = max(weight, key=lambda row: (gaz.codes[gaz.country[row]] in named, weight[row]))
    return _found("region" if larger == region else "city", larger)


def _found(kind: Kind, row: int, *, ambiguous: bool = False) -> _Match:
    place = gazetteer.load().place(row)
    return kind, place.country_code, place, ambiguous


@lru_cache(maxsize=65_536)
def _region(key: str, named: frozenset[str]) -> int | None:
    """The most populous first-level region or curated area of this name, in a named country if there is one.

    Parishes of small states count only where the state is named: "Michael" is one of the Isle of Man.
    """
    gaz = gazetteer.load()
    rows = [e >> 1 for e in gaz.find(key) if gaz.kind[e >> 1] in (ADMIN1, ADMIN2, REGION) and len(key) > 3 and e & 1]
    rows = [
        row
        for row in rows
        if gaz.kind[row] != ADMIN2 or (gaz.population[row] >= LARGE and (" " in key or _is_county(gaz, row, key)))
    ]
    rows = [row for row in rows if gaz.population[row] >= LARGE // 4 or gaz.codes[gaz.country[row]] in named]
    return max(rows, key=lambda row: (gaz.codes[gaz.country[row]] in named, gaz.population[row]), default=None)


def _is_county(gaz: Gazetteer, division: int, key: str) -> bool:
    """Whether a division is a British county that no British town is called like: "Cornwall" is one, "York" a town."""
    towns = (e >> 1 for e in gaz.find(key) if e & 1 and gaz.kind[e >> 1] >= CITY)
    return gaz.codes[gaz.country[division]] == "GB" and all(gaz.country[row] != gaz.country[division] for row in towns)


@lru_cache(maxsize=65_536)
def _city(key: str, named: frozenset[str], least: int, namesake: bool = False) -> int | None:
    """The most populous city of this name, in a named country if there is one, of at least so many people.

    A name that is not the usual one counts for large cities only, a country's name only as a `namesake` in a named
    country.
    """
    gaz = gazetteer.load()
    entries = gaz.find(key)
    if len(key) < 3 or (not namesake and any(gaz.kind[e >> 1] == COUNTRY and e & 1 for e in entries)):
        return None
    rows = []
    for e in entries:
        row, here = e >> 1, gaz.codes[gaz.country[e >> 1]] in named
        enough = least if e & 1 or not least or namesake else max(least, LARGE)
        if here and e & 1 and " " in key and gaz.kind[row] >= CITY:
            enough = min(enough, NAMESAKE)
        if gaz.kind[row] >= LANDMARK and gaz.population[row] >= enough and (e & 1 or len(key) > 4):
            rows += [row] if here or not namesake else []
    cities = [row for row in rows if gaz.kind[row] >= CITY]
    if max((gaz.population[row] for row in cities), default=0) >= (LARGE if " " in key else 1):
        rows = cities  # "Lake Geneva" is no town, but "Palermo" is no quarter
    return max(rows, key=lambda row: (gaz.codes[gaz.country[row]] in named, gaz.population[row]), default=None)


__all__ = ["Kind", "Spot", "spot"]
