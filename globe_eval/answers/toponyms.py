"""Looks one name up in the gazetteer as a country, region or town; and recognises names of venues."""

from __future__ import annotations

from functools import lru_cache
from math import cos, hypot, radians

from globe_eval.answers.lexicon import (
    AREAS,
    EVENTS,
    ORDINARY,
    STREETS,
    UNNAMED,
    VENUE_ENDS,
    VENUES,
    WATERS,
    WORDS,
)
from globe_eval.places import gazetteer
from globe_eval.places.gazetteer import ADMIN1, ADMIN2, CAPITAL, CITY, LANDMARK, REGION
from globe_eval.places.names import normalise
from globe_eval.places.resolve import country_name
from globe_eval.places.words import DEMONYMS, is_continent, is_unknown, variants

LARGE = 100_000
TOWN = 15_000
"""People from which a town is known by its name alone, without a country or region beside it."""
_SUBURB_KM = 25.0
HOME_NATIONS = {"england": "GB", "scotland": "GB", "wales": "GB", "northern ireland": "GB", "great britain": "GB"}
_STATE_CODES = WORDS["toponyms.state_codes"]
_PROVINCE_CODES = WORDS["toponyms.province_codes"]
_ABBREVIATIONS = frozenset(["st", "ste", "mt", "ft"])
_COUNTRY_CODES = frozenset(["US", "USA", "U.S", "U.S.A", "UK", "U.K", "UAE", "U.A.E", "NZ", "PRC"])


@lru_cache(maxsize=65_536)
def country_of(text: str) -> str | None:
    """The code of the country that a part names, by an English name, an alias or a common abbreviation."""
    bare = text.strip(" .")
    if bare.isupper() and bare.isascii() and len(bare) < 6 and bare not in _COUNTRY_CODES:
        return None
    key = normalise(bare)
    if key in HOME_NATIONS:
        return HOME_NATIONS[key]
    if len(key) < 4 and key.isascii() and not bare.isupper():
        return None
    code = gazetteer.country(key, main=True)
    if code is None and (other := gazetteer.country(key)):
        gaz = gazetteer.load()
        people = gaz.population[gaz.code_index[other]]
        if not is_prominent_town(key, people // 100):
            return other  # "Brasil", but not "Granada"
    return code


def country_of_code(text: str, town: str) -> str | None:
    """The country of an ISO code that no state or province of North America has, behind a town in it: "Chur, CH"."""
    if not (text.isascii() and text.isupper() and len(text) in (2, 3)) or text in _STATE_CODES | _PROVINCE_CODES:
        return None
    code = gazetteer.country(text.lower())
    return country_name(code) if code and town_of(town, code, ()) is not None else None


def is_prominent_town(key: str, above: int = 0) -> bool:
    """Whether a normalised name is that of a town which many know, with more people than `above`."""
    gaz = gazetteer.load()
    rows = [entry >> 1 for entry in gaz.find(key)]
    return any(gaz.kind[row] >= CITY and gaz.population[row] >= max(TOWN, above) for row in rows)


@lru_cache(maxsize=65_536)
def rows_of(key: str) -> tuple[int, ...]:
    """The rows of the gazetteer under a normalised name, as it stands or else without words for its kind."""
    gaz = gazetteer.load()
    found = tuple(entry >> 1 for entry in gaz.find(key))
    if not found:
        for form, regional in variants(key):
            if is_continent(form):
                break  # "rural southeast asia"
            if len(form) > 2 and form not in UNNAMED:
                found = tuple(
                    entry >> 1 for entry in gaz.find(form) if not regional or gaz.kind[entry >> 1] in (ADMIN1, ADMIN2)
                )
            if found:
                break
    return tuple(sorted(found, key=lambda row: (-gaz.population[row], row)))


@lru_cache(maxsize=65_536)
def regions_of(text: str, code: str | None) -> tuple[int, ...]:
    """First- and second-level regions and wide areas of this name, within a country if one is stated."""
    gaz = gazetteer.load()
    bare = text.strip(" .")
    division, _, region = bare.partition(", ")
    if region:  # "Suffolk County, New York"
        around = regions_of(region, code)
        return tuple(row for row in regions_of(division, code) if is_inside(row, around[0])) if around else ()
    key = normalise(bare)
    if bare.replace(".", "") == "DC" or key == "washington dc":
        key = "district of columbia"
    if bare in _STATE_CODES or bare in _PROVINCE_CODES:
        home = "US" if bare in _STATE_CODES and code != "CA" else "CA"
        if code in (None, home):
            rows = [entry >> 1 for entry in gaz.code(bare.lower())]
            return tuple(row for row in rows if gaz.kind[row] == ADMIN1 and gaz.codes[gaz.country[row]] == home)
        return ()
    if len(key) < 3:
        return ()
    kinds = (ADMIN1, REGION) if code is None else (ADMIN1, ADMIN2, REGION)
    found = [row for row in rows_of(key) if gaz.kind[row] in kinds]
    found = [row for row in found if code is None or gaz.codes[gaz.country[row]] in _reach(code)]
    return tuple(sorted(found, key=lambda row: gaz.kind[row] == ADMIN2))


@lru_cache(maxsize=8192)
def country_in(part: str) -> str | None:
    """The country of a wide area that is named after it: "Italian Dolomites"."""
    first, _, rest = part.removeprefix("The ").partition(" ")
    if first not in DEMONYMS or not rest or is_name(part):
        return None
    area = rest.split()[-1].lower()
    if area in ("ocean", "sea", "gulf") or not (area in AREAS or regions_of(rest, DEMONYMS[first])):
        return None
    gaz = gazetteer.load()
    return gaz.name(gaz.code_index[DEMONYMS[first]])


@lru_cache(maxsize=512)
def _reach(code: str) -> frozenset[str]:
    return frozenset({code, *(item.partition(".")[0] for item in gazetteer.TERRITORIES.get(code, ()))})


def sovereigns_of(territory: str) -> list[str]:
    """The countries that a territory belongs to."""
    return [code for code in gazetteer.TERRITORIES if territory in _reach(code)]


@lru_cache(maxsize=65_536)
def town_of(text: str, code: str | None, around: tuple[int, ...]) -> int | None:
    """The largest town or landmark of this name in the country and, if one is stated, in the region."""
    gaz = gazetteer.load()
    key = normalise(text)
    if len(key) < 2 or key in UNNAMED or key in _ABBREVIATIONS or is_unknown(key) or is_continent(key):
        return None
    towns = [row for row in rows_of(key) if gaz.kind[row] >= LANDMARK]
    if len(key) == 2 and text.isupper() and key.isascii():  # "SF" is a city, but "CH" is not Chornomorsk
        towns = [row for row in towns if gaz.population[row] >= 5 * LARGE]
    if around:
        near = [row for row in towns if gaz.admin1[row] in around or gaz.admin2[row] in around]
        if near:
            return near[0]
    if code is not None:
        return next((row for row in towns if gaz.codes[gaz.country[row]] in _reach(code)), None)
    own = {entry >> 1 for entry in gaz.find(key) if entry & 1}  # Bordeaux is "Porto", too
    towns = [row for row in towns if gaz.population[row] >= TOWN or gaz.kind[row] == CAPITAL]
    return max(towns, key=lambda row: gaz.population[row] * (10 if row in own else 1), default=None)


def apart_km(a: int, b: int) -> float:
    """About how far two places that are near each other are from each other."""
    gaz = gazetteer.load()
    (lat1, lon1), (lat2, lon2) = gaz.position(a), gaz.position(b)
    return 111.2 * hypot(lat1 - lat2, (lon1 - lon2) * cos(radians(lat1)))


def are_apart(a: int, b: int) -> bool:
    """Whether two places are no parts of one city."""
    return apart_km(a, b) > _SUBURB_KM


def is_event(part: str) -> bool:
    """Whether a name is that of an event, a service or a style: "Notting Hill Carnival"."""
    words = part.lower().split()
    return words[-1] in EVENTS or "pride" in words


def is_venue(part: str) -> bool:
    """Whether a name says that it is one of a building, a street, a park: "Ohio Glass Museum"."""
    words = part.lower().split()
    if is_event(part):
        return False
    if len(words) == 1:
        return words[0] == "disneyland" or (len(part) > 7 and words[0].endswith(VENUE_ENDS))
    kind = words[words.index("of") - 1] if "of" in words[1:] else ""  # "Old Town of Tallinn"
    return words[-1] in STREETS or not VENUES.isdisjoint((words[0], *words[-2:], kind))


def is_wide(part: str) -> bool:
    """Whether a name is that of a mountain range, a coast or a river: no venue."""
    words = part.lower().split()
    if len(words) > 2 and words[-1] in VENUES:
        return False
    return words[-1] in AREAS or words[-1] in WATERS or words[0] in WATERS or part in ("Peak District", "Lake District")


def is_country(text: str) -> bool:
    """Whether a name is that of a country, in English or as a common abbreviation."""
    return country_of(text) is not None


def is_name(text: str) -> bool:
    """Whether the gazetteer has a place of exactly this name."""
    return bool(gazetteer.load().find(normalise(text)))


def is_prominent(text: str) -> bool:
    """Whether a name by itself is that of a country, a first-level region or a large town."""
    if country_of(text):
        return True
    gaz = gazetteer.load()
    return any(
        (gaz.kind[row := entry >> 1] in (ADMIN1, REGION) and entry & 1)
        or (gaz.kind[row] in (ADMIN1, *range(CITY, CAPITAL + 1)) and gaz.population[row] >= LARGE)
        for entry in gaz.find(normalise(text))
    )


@lru_cache(maxsize=8192)
def is_large_town(text: str) -> bool:
    """Whether a name is one by which a large town is known: "Lisbon", not "Brown"."""
    gaz = gazetteer.load()
    rows = [entry >> 1 for entry in gaz.find(normalise(text)) if entry & 1]
    return any(gaz.kind[row] >= CITY and gaz.population[row] >= LARGE for row in rows) and not is_ordinary(text)


_CASES = (
    ("ии", "ия"), ("ией", "ия"), ("ию", "ия"), ("ах", "ы"), ("ой", "а"), ("ом", ""), ("ем", ""), ("ы", "а"), ("у", "а"),
    ("е", "а"), ("е", ""), ("е", "й"), ("е", "я"), ("и", "ь"), ("и", "я"), ("и", "а"), ("а", ""), ("у", ""), ("я", "й"),
)  # fmt: skip


_POLISH_CASES = (
    ("czech", "cy"), ("szech", "chy"), ("ach", "y"), ("owie", "ów"), ("niu", "ń"), ("iu", ""), ("u", ""),
    ("sce", "ska"),
    ("dze", "ga"), ("ce", "ka"), ("ji", "ja"), ("ii", "ia"), ("ni", "ń"), ("zi", "ź"), ("ie", ""), ("ie", "a"),
    ("rze", "ra"), ("e", "a"), ("y", "a"), ("i", "a"), ("ę", "a"), ("ego", "e"), ("em", "e"),
)  # fmt: skip


@lru_cache(maxsize=8192)
def nominative(text: str, *, polish: bool = False) -> str:
    """A Russian or `polish` name in the case in which the gazetteer has it; any other text as it is.

    >>> nominative("Париже"), nominative("Норвегии"), nominative("Санкт-Петербурге"), nominative("Paris")
    ('Париж', 'Норвегия', 'Санкт-Петербург', 'Paris')
    >>> nominative("Gdańsku", polish=True), nominative("Francji", polish=True), nominative("Krakowie", polish=True)
    ('Gdańsk', 'Francja', 'Kraków')
    """
    if not (polish or "а" <= text[-1:].lower() <= "я") or is_prominent(text):
        return text
    cases = _POLISH_CASES if polish else _CASES
    found = (text.removesuffix(ending) + other for ending, other in cases if text.endswith(ending))
    return next((form for form in found if is_prominent(form) or (polish and town_of(form, "PL", ()))), text)


def same_country(one: str | None, other: str | None) -> bool:
    """Whether two names are of one country: "UK" and "England"."""
    return bool(one and other) and (one == other or (country_of(str(one)) or 1) == (country_of(str(other)) or 2))


def is_landmark(row: int) -> bool:
    """Whether a row is that of a curated point, such as a park or a palace."""
    return gazetteer.load().kind[row] == LANDMARK


def is_point(part: str) -> bool:
    """Whether a name is that of a curated point."""
    town = town_of(part, None, ())
    return town is not None and is_landmark(town) and is_name(part)


def is_town(part: str, code: str | None) -> bool:
    """Whether a name is that of a town in a country, or of one that is known by its name alone."""
    town = town_of(part, code, ())
    return town is not None and not is_landmark(town)


def code_of(row: int) -> str:
    """The code of a row's country."""
    gaz = gazetteer.load()
    return gaz.codes[gaz.country[row]]


def is_area(part: str) -> bool:
    """Whether a part names a continent or a part of one, which is no answer."""
    return is_continent(normalise(part)) and not country_of(part)


def is_ordinary(part: str) -> bool:
    """Whether a town's name is a word that names begin or end with: "Park", "Main", "Temple"."""
    return all(word in ORDINARY or word in UNNAMED for word in normalise(part).split())


def is_inside(town: int | None, region: int) -> bool:
    """Whether a town's row lies in a region's."""
    return town is not None and region in (gazetteer.load().admin1[town], gazetteer.load().admin2[town])


def is_pure_region(part: str) -> bool:
    """Whether a name is that of a first-level region and of no town to speak of."""
    gaz = gazetteer.load()
    people = [gaz.population[row] for row in regions_of(part, None) if gaz.kind[row] == ADMIN1]
    return bool(people) and not is_prominent_town(normalise(part), max(people) // 50)
