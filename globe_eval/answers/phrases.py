"""Phrases that name a place: their parts are found by spelling, and the gazetteer says what each part is.

"The courtyard of the Palazzo Farnese in Rome, Italy" has three parts; the last is a country, the one before it a town of
that country, and what remains is a venue. A phrase in which the gazetteer knows nothing is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from globe_eval.answers.lexicon import BEGINNINGS, ORDINARY, UNNAMED
from globe_eval.answers.names import Names
from globe_eval.places import gazetteer
from globe_eval.places.gazetteer import ADMIN1, ADMIN2, CAPITAL, CITY, LANDMARK, REGION
from globe_eval.places.names import normalise
from globe_eval.places.words import is_continent, is_unknown, names_region, variants

TOWN = 15_000
"""People from which a town is known by its name alone, without a country or region beside it."""
_SUBURB_KM = 25.0
_MOST_PARTS = 10
_LONGEST_PART = 80

_HOME_NATIONS = {"england": "GB", "scotland": "GB", "wales": "GB", "northern ireland": "GB", "great britain": "GB"}
_STATE_CODES = frozenset(
    "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA"
    " RI SC SD TN TX UT VT VA WA WV WI WY".split()
)
_PROVINCE_CODES = frozenset("AB BC MB NB NL NS NT NU ON PE QC SK YT".split())
_COUNTRY_CODES = frozenset(["US", "USA", "U.S", "U.S.A", "UK", "U.K", "UAE", "U.A.E", "NZ", "PRC"])


@lru_cache(maxsize=65_536)
def _country(text: str) -> str | None:
    """The code of the country that a part names, by an English name, an alias or a common abbreviation."""
    bare = text.strip(" .")
    if bare.isupper() and bare.isascii() and len(bare) < 6 and bare not in _COUNTRY_CODES:
        return None
    key = normalise(bare)
    if key in _HOME_NATIONS:
        return _HOME_NATIONS[key]
    if len(key) < 4 and not bare.isupper():
        return None
    return gazetteer.country(key, main=True)


@lru_cache(maxsize=65_536)
def _rows(key: str) -> tuple[int, ...]:
    """The rows of the gazetteer under a normalised name, as it stands or else without words for its kind."""
    gaz = gazetteer.load()
    found = tuple(entry >> 1 for entry in gaz.find(key))
    if not found:
        for form, regional in variants(key):
            if len(form) > 2 and form not in UNNAMED:
                found = tuple(
                    entry >> 1 for entry in gaz.find(form) if not regional or gaz.kind[entry >> 1] in (ADMIN1, ADMIN2)
                )
            if found:
                break
    return tuple(sorted(found, key=lambda row: (-gaz.population[row], row)))


@lru_cache(maxsize=65_536)
def _regions(text: str, code: str | None) -> tuple[int, ...]:
    """First- and second-level regions and wide areas of this name, within a country if one is stated."""
    gaz = gazetteer.load()
    bare = text.strip(" .")
    key = normalise(bare)
    if bare.replace(".", "") == "DC" or key == "washington dc":
        key = "district of columbia"
    if bare in _STATE_CODES or bare in _PROVINCE_CODES:
        home = "US" if bare in _STATE_CODES and code != "CA" else "CA"
        if code in (None, home):
            return tuple(row for row in _rows(bare.lower()) if gaz.kind[row] == ADMIN1 and gaz.codes[gaz.country[row]] == home)
        return ()
    if len(key) < 3:
        return ()
    kinds = (ADMIN1, REGION) if code is None else (ADMIN1, ADMIN2, REGION)
    found = [row for row in _rows(key) if gaz.kind[row] in kinds]
    found = [row for row in found if code is None or gaz.codes[gaz.country[row]] in _reach(code)]
    return tuple(sorted(found, key=lambda row: gaz.kind[row] == ADMIN2))


@lru_cache(maxsize=512)
def _reach(code: str) -> frozenset[str]:
    return frozenset({code, *(item.partition(".")[0] for item in gazetteer.TERRITORIES.get(code, ()))})


@lru_cache(maxsize=65_536)
def _town(text: str, code: str | None, around: tuple[int, ...]) -> int | None:
    """The largest town or landmark of this name in the country and, if one is stated, in the region."""
    gaz = gazetteer.load()
    key = normalise(text)
    if len(key) < 2 or key in UNNAMED or is_unknown(key) or is_continent(key):
        return None
    towns = [row for row in _rows(key) if gaz.kind[row] >= LANDMARK]
    if around:
        near = [row for row in towns if gaz.admin1[row] in around or gaz.admin2[row] in around]
        if near:
            return near[0]
    if code is not None:
        return next((row for row in towns if gaz.codes[gaz.country[row]] in _reach(code)), None)
    return next((row for row in towns if gaz.population[row] >= TOWN or gaz.kind[row] == CAPITAL), None)


def _far(a: int, b: int) -> bool:
    """Whether two places are no parts of one city."""
    from math import cos, hypot, radians

    gaz = gazetteer.load()
    (lat1, lon1), (lat2, lon2) = gaz.position(a), gaz.position(b)
    return 111.2 * hypot(lat1 - lat2, (lon1 - lon2) * cos(radians(lat1))) > _SUBURB_KM


def arranged(parts: Sequence[str]) -> Names | None:
    """What each part of a place is, finest first or country first; None where the gazetteer knows none of them.

    The town nearest to the end is the city, so that "Asakusa, Tokyo, Japan" is Tokyo, unless it is also the region in
    which another town lies ("Buffalo, New York"). What stands before it is the venue.

    >>> arranged(["Freedom Plaza", "Washington", "D.C."])
    Names(country=None, city='Washington', admin='D.C.', venue='Freedom Plaza')
    >>> arranged(["Italy", "Florence"]), arranged(["Big Tree", "Small House"])
    (Names(country='Italy', city='Florence', admin=None, venue=None), None)
    """
    gaz = gazetteer.load()
    left = [piece for part in parts[:_MOST_PARTS] for piece in _pieces(part) if not _is_continent(piece)]
    at = next((i for i in range(len(left) - 1, -1, -1) if _country(left[i])), None)
    country, code, beyond = None, None, []
    if at is not None and not _rather_region(left, at):
        country, code, beyond = left[at], _country(left[at]), left[at + 1 :]
        left = left[:at]
        if not left:  # country first
            left, beyond = beyond[::-1], []
    city = admin = None
    found: int | None = None
    around: tuple[int, ...] = ()
    venue: list[str] = []
    for i in range(len(left) - 1, -1, -1):
        part = left[i]
        if city is not None:
            venue.insert(0, part)
            continue
        regions, town = _regions(part, code), _town(part, code, around)
        coded = part.replace(".", "").isupper() and len(part) <= 4
        if regions and admin is None and (town is None or coded or _is_region(gaz, regions[0], town, left[:i], code)):
            admin, around = part, tuple(regions[:4])
            code = code or gaz.codes[gaz.country[regions[0]]]
        elif town is None and admin is None and country and names_region(normalise(part)):
            admin = part
        elif town is not None and not (code is None and _ordinary(part)):
            city, found = part, town
        elif regions:
            continue
        else:
            venue.insert(0, part)
    if country is None and admin is None and city is None:
        return None
    if city is None and (near := next((part for part in beyond if code and _town(part, code, around)), None)):
        city = near
        beyond.remove(near)
    elif city is None and venue:
        if country and not admin and _is_city_state(country, code):
            city = country
        else:
            city = venue[-1]
    elif found is not None and gaz.kind[found] == LANDMARK:
        venue.append(str(city))
    venue += beyond
    return Names(country, city, admin, ", ".join(dict.fromkeys(venue)) or None)


_CODE_BEHIND = re.compile(r"(.*[^\W\d_].*?),?\s(D\.?C\.?|[A-Z]{2}|USA|U\.S\.A?\.?|U\.K\.?)(?:\s\d{5}(?:-\d{4})?)?")


_DIRECTED = re.compile(
    r"(?:(?:Mid|North|South|East|West|Central|Rural|Upper|Lower|Coastal|Inland|Southern|Northern)[\w-]*|The)\s+(?=[^\W\d_])(.+)"
)
_FEDERAL_REGION = re.compile(r"(US|U\.S\.?|USA|UK|U\.K\.?)\s+[^\W\d_].*")


def _pieces(part: str) -> Iterator[str]:
    """A part, cut before a code that no comma separates ("Washington DC", "Seattle WA 98101") and from directions."""
    if match := _CODE_BEHIND.fullmatch(part):
        yield from match.groups()
    elif (match := _FEDERAL_REGION.fullmatch(part)) or (
        (match := _DIRECTED.fullmatch(part)) and not _rows(normalise(part)) and _country(match[1])
    ):
        yield match[1]
    else:
        yield re.sub(r"^([A-Z]{2})\s\d{5}(-\d{4})?$", r"\1", part)


def _is_continent(part: str) -> bool:
    return is_continent(normalise(part)) and not _country(part)


def _ordinary(part: str) -> bool:
    """Whether a town's name is a word that names begin or end with: "Park", "Main", "Temple"."""
    return all(word in ORDINARY or word in UNNAMED for word in normalise(part).split())


def _rather_region(parts: Sequence[str], at: int) -> bool:
    """Whether a country's name is here that of a state: "Atlanta, Georgia"."""
    if normalise(parts[at]) != "georgia":
        return False
    before = [part for part in parts[:at] if _town(part, "GE", ())]
    regions = _regions(parts[at], "US")
    return not before and any(_town(part, "US", regions) for part in parts[:at])


def _is_region(gaz: gazetteer.Gazetteer, region: int, town: int, before: Sequence[str], code: str | None) -> bool:
    """Whether a name of both a region and a town is the region: a smaller town in it is named before, or it is larger."""
    if before:
        other = _town(before[-1], code or gaz.codes[gaz.country[region]], (region,))
        if other is not None and other != town and (region in (gaz.admin1[other], gaz.admin2[other])):
            if _far(other, town) or (len(before) == 1 and gaz.kind[other] >= CITY and gaz.kind[region] == ADMIN1):
                return True
    if gaz.kind[town] in (CAPITAL, LANDMARK) and gaz.kind[region] != ADMIN1:
        return False
    if gaz.codes[gaz.country[town]] != gaz.codes[gaz.country[region]]:
        return gaz.population[region] > gaz.population[town]
    return 10 * gaz.population[town] < gaz.population[region]


def _is_city_state(country: str, code: str | None) -> bool:
    return code in ("SG", "MC", "VA", "HK", "MO", "GI", "SM")


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
        elif not any(map(_is_continent, parts)) and any(" " in part and not ORDINARY.isdisjoint(part.lower().split()) for part in parts):
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
            if close and capital and (match.end() - start) <= _LONGEST_PART:
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
