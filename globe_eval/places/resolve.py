"""Forward geocoding: the names in an answer -> one place, offline and always the same.

How a name is read, in order (each step only if the one before found nothing):

1. The country bounds the search: no other country's homonym, but its territories and disputed areas
   (`gazetteer.TERRITORIES`), and where it has no such place the other countries that the text may mean
   (`names.NAMESAKES`, "Spain or Italy", "Georgia" the state). A territory in the region's field is the country. A text
   that names no country ("Unknown", "Europe", a typo) counts as absent.
2. The whole city text; then its comma or bracket separated parts, finest first, later parts being hints (a state, a
   county, the city that a quarter belongs to); each part as written, then without words such as "City" or "Greater".
   A code at the end ("Austin TX 78701") is a part; countries, codes and continents in the text are no towns. A hint
   chooses among homonyms. A name with a word for a region ("Tuscany region") is a region.
3. A town in a longer name, where that says that it lies there ("University of Oxford"; see `embedded`).
4. The region (population centroid, never the city after which it is called), then the country (population centroid,
   never the capital: that would be worth 25 points within 25 km for nothing).

`ranking` chooses among homonyms. There is no fuzzy matching: a wrong letter yields the region or the country.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from itertools import chain

from globe_eval.places import gazetteer, names
from globe_eval.places.embedded import town_within
from globe_eval.places.gazetteer import (
    ADMIN1,
    ADMIN2,
    CAPITAL,
    CITY,
    COUNTRY,
    LANDMARK,
    LEVELS,
    REGION,
    TERRITORIES,
    Gazetteer,
    Place,
    Scope,
)
from globe_eval.places.ranking import LARGE_CITY, TOWN, Hint, best, hints_of, inside
from globe_eval.places.words import is_generic, names_region, variants, without_compass

__all__ = ["RESOLVER_VERSION", "Place", "main_city", "resolve", "resolve_many"]

RESOLVER_VERSION = "3"
"""Raise it whenever an answer could resolve differently; it is part of every result."""

Query = tuple[str | None, str | None, str | None]

_MAX_PARTS = 8
_BEFORE_TERRITORY = ("the", "la", "le", "les", "ile", "isla", "isle", "island", "of", "de", "territory")


@lru_cache(maxsize=32_768)
def resolve(city: str | None = None, country: str | None = None, admin: str | None = None) -> Place | None:
    """The place that an answer names, or None if it names none.

    Never raises on any string; reads at most `names.MAX_LENGTH` characters of each.

    >>> resolve("Springfield, Illinois", "USA")
    Place(lat=39.80172, lon=-89.64371, country_code='US', level='city', geonameid=4250542, name='Springfield')
    >>> [resolve(*query).level for query in (("Unknown", "Kenya"), ("rural area", "USA", "Texas"), ("Kyoto",))]
    ['country', 'admin', 'city']
    >>> resolve("Unknown", "Europe") is None
    True
    """
    gaz = gazetteer.load()
    text, region = (city or "")[: names.MAX_LENGTH], (admin or "")[: names.MAX_LENGTH]
    options: list[tuple[str | None, str | None]] = list(names.countries_of(country)) if country else []
    found: int | None = None
    for code, rest in [*options, *((other, None) for other in names.namesakes(country or ""))] or [(None, None)]:
        stated = ", ".join(part for part in (region, rest) if part)
        row = _resolve_in(gaz, text, code, _hints(gaz, stated, code) if stated else [])
        if row is not None and LEVELS[gaz.kind[row]] == "city":
            return gaz.place(row)
        found = row if found is None else found
    state = _resolve_in_state(gaz, text, country) if text and options else None
    if state is not None:
        return gaz.place(state)
    if found is None and options:
        found = gaz.code_index[options[0][0] or ""]
    return None if found is None else gaz.place(found)


def _resolve_in_state(gaz: Gazetteer, text: str, country: str | None) -> int | None:
    """The row of a city in the region that bears a country's name: Atlanta in "Georgia"."""
    key = names.normalise((country or "")[: names.MAX_LENGTH])
    region = gazetteer.region_of(key)
    code = None if region is None else gaz.codes[gaz.country[region]]
    if region is None or gaz.kind[region] != ADMIN1 or gazetteer.country(key) == code:
        return None  # Île-de-France is listed as "France" too
    row = _resolve_in(gaz, text, code, [names.normalise(gaz.name(region))])
    return row if row is not None and gaz.kind[row] >= CITY and gaz.admin1[row] == region else None


def _resolve_in(gaz: Gazetteer, text: str, code: str | None, hints: Sequence[str]) -> int | None:
    """The row of the city, else of the region, in the stated country; None where it has neither."""
    if code in TERRITORIES:
        parts = _keys(names.parts(text))[1:] if "," in text or "(" in text else []
        for key in (*hints, *parts):
            territory = gazetteer.country(key) or gazetteer.country(_bare(key))
            if territory in TERRITORIES[code]:
                found = _resolve_in(gaz, text, territory, [other for other in hints if other != key])
                return gaz.code_index[territory or ""] if found is None else found
    row: int | None = None
    for option in names.alternatives(text) if text else ():
        found = _resolve_city(gaz, option, code, hints)
        if found is not None and (row is None or LEVELS[gaz.kind[found]] == "city"):
            row = found
        if row is not None and LEVELS[gaz.kind[row]] == "city":
            return row
    region = _resolve_region(gaz, hints, code) if hints else None
    if row is None or (region is not None and gaz.kind[row] == COUNTRY):
        return region if region is not None else row
    return row


def _bare(key: str) -> str:
    """A territory's name without its article: "la reunion", "ile de la reunion"."""
    words = key.split()
    while len(words) > 1 and words[0] in _BEFORE_TERRITORY:
        words = words[1:]
    return " ".join(words)


def resolve_many(queries: Iterable[Query]) -> list[Place | None]:
    """`resolve` for many `(city, country, admin)`."""
    return [resolve(*query) for query in queries]


@cache
def country_name(code: str) -> str:
    """The English name of a country.

    >>> country_name("PE"), country_name("XK")
    ('Peru', 'Kosovo')
    """
    place = resolve(country=code)
    return place.name if place is not None and place.name and place.country_code == code else code


def main_city(division: Place) -> Place | None:
    """The city after which a division is called, if it lies there and a fifth of its people live in it; else None.

    Labels name cities so: "Los Angeles County", "Comunidad de Madrid", "Københavns Kommune".

    >>> [main_city(resolve(*query)).name for query in (("Los Angeles County", "USA"), ("Comunidad de Madrid", "Spain"))]
    ['Los Angeles', 'Madrid']
    """
    gaz = gazetteer.load()
    key = names.normalise(division.name)
    rows = [e >> 1 for e in gaz.find(key) if gaz.kind[e >> 1] in (ADMIN1, ADMIN2)]
    row = next((row for row in rows if gaz.position(row) == (division.lat, division.lon)), None)
    if row is None:
        return None
    least = max(TOWN, gaz.population[row] / 5)
    entries = chain.from_iterable(gaz.find(form) for form in (key, *(form for form, _ in variants(key))))
    cities = [e >> 1 for e in entries if gaz.kind[e >> 1] >= CITY and row in (gaz.admin1[e >> 1], gaz.admin2[e >> 1])]
    city = max(cities, key=lambda city: gaz.population[city], default=None)
    return None if city is None or gaz.population[city] < least else gaz.place(city)


def _hints(gaz: Gazetteer, text: str, code: str | None) -> list[str]:
    """The keys of a region's field; there "Central" may be a name, and is one if the country has such a region."""
    pieces = names.parts(text)
    keys = [names.normalise(piece) for piece in pieces]
    scope = gaz.scope(code) if code else None
    generic = [key for key in keys if scope and key and is_generic(key) and _area(gaz, key, scope, []) is not None]
    return generic + [key for key in _keys(pieces) if key not in generic]


def _keys(pieces: Iterable[str]) -> list[str]:
    return names.named(pieces)[:_MAX_PARTS]


def _resolve_city(gaz: Gazetteer, text: str, code: str | None, hints: Sequence[str]) -> int | None:
    """The row of the best place for a city text, in the stated country or, without one, in the one it mentions."""
    whole = names.normalise(text)
    pieces = names.parts(text)
    keys = _keys(pieces) if len(pieces) > 1 else names.named([whole])
    if code is None:
        return _resolve_anywhere(gaz, whole, pieces, keys, hints) if keys else None
    scope = gaz.scope(code)
    if len(keys) < len(pieces):
        for piece in map(names.normalise, pieces):
            if piece not in keys and (row := _generic(gaz, piece, scope)) is not None:
                return row
    if not keys:
        return None
    if len(keys) == 1:
        named = gazetteer.country(keys[0]) or gazetteer.country(_bare(keys[0]))
        if named and gaz.code_index[named] in scope.limits:
            return _country_or_city(gaz, keys[0], named)
    keys = [
        key
        for key in keys
        if len(key) <= 2 or gazetteer.country(key) != code or _country_or_city(gaz, key, code) != scope.home
    ] or keys[:1]
    return _search(gaz, whole, keys, hints, scope)


def _generic(gaz: Gazetteer, key: str, scope: Scope) -> int | None:
    """A region or a curated place whose name has only words for kinds: "Southern Province", "South Island"."""
    if not key or not is_generic(key) or key in ("", "capital"):
        return None
    if names_region(key):
        return _area(gaz, key, scope, [])
    rows = [e >> 1 for e in gaz.find(key) if e & 1 and gaz.kind[e >> 1] in (REGION, LANDMARK)]
    return next((row for row in rows if " " in key and inside(gaz, row, scope)), None)


def _resolve_anywhere(
    gaz: Gazetteer, whole: str, pieces: list[str], keys: list[str], hints: Sequence[str]
) -> int | None:
    """No country was stated: one may be part of the text ("Paris, France"), or the text may be a country."""
    if len(keys) == 1:
        code = _country_rather(gaz, keys[0]) if _may_be_country(gaz, keys[0], pieces) else None
        if code and (not hints or _country_first(gaz, [keys[0], *hints])):
            row = _resolve_region(gaz, _hints(gaz, ", ".join(pieces), code), code) if len(pieces) > 1 else None
            return _country_or_city(gaz, keys[0], code) if row is None else row  # "Zambia, Southern Province"
        return _search(gaz, whole, keys, hints, None)
    mentioned = [(key, _country_rather(gaz, key)) for piece in pieces if (key := names.normalise(piece)) in keys[1:]
                 and (len(key) > 2 or piece.isupper())]  # fmt: skip
    mentioned = [item for item in mentioned if item[1]] or [(keys[0], _country_first(gaz, keys))]
    countries = {key: gaz.scope(code) for key, code in reversed(mentioned) if code}

    def search_in(country_key: str) -> int | None:
        return _search(gaz, whole, [key for key in keys if key != country_key], hints, countries[country_key])

    stated = [key for key in countries if len(key) > 2]
    for key in stated:
        if (row := search_in(key)) is not None:
            return row
    towns = [key for key in keys if key not in countries] or keys
    found = _search(gaz, whole, towns, [*hints, *countries], None)  # "CA" is California as well
    for key in countries:
        if key not in stated and (found is None or gaz.kind[found] < LANDMARK):
            row = search_in(key)
            found = found if row is None else row
    if found is not None and names.normalise(gaz.name(gaz.admin1[found])) in stated:
        return found  # "Cobb County, Georgia"
    return countries[stated[-1]].home if stated and (found is None or gaz.kind[found] < LANDMARK) else found


def _country_first(gaz: Gazetteer, keys: list[str]) -> str | None:
    """The country with which a text begins ("Iceland, Southern Region"), unless a later part holds a town of that name
    ("Mexico, Missouri")."""
    code = gazetteer.country(keys[0], main=True) if len(keys[0]) > 2 else None
    if code:
        hints = [hint for hint in hints_of(gaz, keys[1:], None) if hint.regions]
        for entry in gaz.find(keys[0]) if hints else ():
            row = entry >> 1
            around = {gaz.admin1[row], gaz.country[row]}
            if gaz.kind[row] >= CITY and any(not around.isdisjoint(hint.regions) for hint in hints):
                return None
    return code


def _may_be_country(gaz: Gazetteer, key: str, pieces: list[str]) -> bool:
    """Whether a text is long enough for a country: a code of three letters is written so, for "Dom" is no "DOM"."""
    if len(key) > 3 or not key.isascii():
        return True
    is_named = any(entry & 1 and gaz.kind[entry >> 1] == COUNTRY for entry in gaz.find(key))  # "uae"
    return len(key) == 3 and (is_named or any(piece.isupper() for piece in pieces))


def _country_rather(gaz: Gazetteer, key: str) -> str | None:
    """The country of this name, unless only some language calls it so and a town bears the name ("Granada")."""
    code = gazetteer.country(key)
    if code and not gazetteer.country(key, main=True):
        row = best(gaz, key, None, [], regional=False)
        if row is not None and gaz.population[row] >= TOWN and gaz.kind[row] >= CITY:
            return None if names.normalise(gaz.name(row)) == key else code
    return code


def _country_or_city(gaz: Gazetteer, key: str, code: str) -> int:
    """What a country's name in the place of the city means: "Singapore" the city, "Mexico" the country.

    A country whose capital has another main name is only repeated; resolving it to the capital would be a gift. A name
    that is not the country's own ("Gaza" for Palestine) may also be a town's.
    """
    row = gaz.code_index[code]
    own = names.normalise(gaz.name(row)) == key
    cities = [
        entry >> 1
        for entry in gaz.find(key)
        if entry & 1 and gaz.kind[entry >> 1] >= CITY and gaz.country[entry >> 1] == row
        if gaz.kind[entry >> 1] == CAPITAL or (not own and gaz.population[entry >> 1] >= TOWN)
    ]
    return max(cities, key=lambda city: gaz.population[city], default=row)


def _resolve_region(gaz: Gazetteer, keys: Sequence[str], code: str | None) -> int | None:
    """The row of the region that a text names; where it names a city, of the region around that."""
    scope = gaz.scope(code) if code else None
    for i, key in enumerate(keys):
        if code and gazetteer.country(key) == code:
            continue
        hints = hints_of(gaz, keys[i + 1 :], scope)
        row = _area(gaz, key, scope, hints)
        if row is None:
            continue
        in_stated = any(gaz.admin1[row] in hint.regions for hint in hints)
        if code or in_stated or gaz.kind[row] in (ADMIN1, REGION) or gaz.population[row] >= TOWN:
            return row
    return None


def _area(gaz: Gazetteer, key: str, scope: Scope | None, hints: list[Hint]) -> int | None:
    """A division or curated area of this name, as written or without the word for its kind."""
    coded = [e >> 1 for e in gaz.code(key) if gaz.kind[e >> 1] == ADMIN1 and inside(gaz, e >> 1, scope)]
    if coded:
        return max(coded, key=lambda row: gaz.population[row])
    for form in chain((key,), (form for form, _ in variants(key) if form != without_compass(key))):
        row = best(gaz, form, scope, hints, regional=True)
        if row is None:
            continue
        if gaz.kind[row] >= CITY:
            return gaz.admin2[row] or gaz.admin1[row] or None
        return row
    return None


def _search(gaz: Gazetteer, whole: str, keys: Sequence[str], hints: Sequence[str], scope: Scope | None) -> int | None:
    """Steps 2 and 3 of the module's description."""
    weak = hints_of(gaz, hints, scope, binding=False)
    if len(keys) > 1:
        row = best(gaz, whole, scope, weak, regional=False)
        if row is not None and gaz.kind[row] >= LANDMARK and names.normalise(gaz.name(row)) in (whole, *keys):
            return row
    region: int | None = None
    for i, key in enumerate(keys):
        if region is not None and gaz.kind[region] == ADMIN2 and key == names.normalise(gaz.name(gaz.admin1[region])):
            continue  # "Suffolk County, New York"
        agreeing = [*hints_of(gaz, [k for k in keys[i + 1 :] if k != key], scope), *weak]
        later = not whole.startswith(key)
        row = _named(gaz, key, scope, agreeing) if not later or len(key) > 2 or not key.isascii() else None
        if row is not None and gaz.kind[row] >= LANDMARK:
            if region is None or _share_region(gaz, row, region) or names.normalise(gaz.name(region)) not in keys:
                return row
            continue  # "Simcoe County, Ontario" is not Ontario in California
        if row is None and later and len(key) <= 3:
            row = _area(gaz, key, scope, [])  # "Nowhere, TX"
        if region is None or (row is not None and gaz.kind[row] == ADMIN2 and gaz.kind[region] == ADMIN1):
            region = row
    if region is None and scope is not None:
        for key in keys:
            row = town_within(gaz, key, scope, weak)
            if row is not None:
                return row
    return region


def _share_region(gaz: Gazetteer, city: int, region: int) -> bool:
    """Whether a city lies in a region, or in the same larger one; of a country, whether it lies there."""
    if gaz.kind[region] in (COUNTRY, REGION):
        return gaz.country[city] == gaz.country[region]
    return gaz.admin1[city] in (region, gaz.admin1[region])


def _named(gaz: Gazetteer, key: str, scope: Scope | None, hints: list[Hint]) -> int | None:
    """The place with this name, as written or else without words for its kind."""
    if names_region(key):
        for form in chain((key,), (form for form, regional in variants(key) if regional)):
            area = best(gaz, form, scope, hints, regional=True, as_written=False)
            if area is not None and gaz.kind[area] in (ADMIN1, ADMIN2, REGION):
                return area
    elif key.endswith(" district"):  # of the first level in Portugal and Israel, elsewhere a quarter
        area = best(gaz, key.removesuffix(" district"), scope, hints, regional=True, as_written=False)
        if area is not None and gaz.kind[area] == ADMIN1:
            return area
    row = best(gaz, key, scope, hints, regional=False)
    if row is not None and scope is None and not hints and is_generic(key):
        known = gaz.population[row] >= TOWN and names.normalise(gaz.name(row)) == key
        row = row if known else None  # "Beach City" may be one, but who says no more means none
    if row is not None and gaz.kind[row] != ADMIN2:
        return row
    for form, regional in variants(key):
        code = gazetteer.country(form, main=True)
        if code and (scope is None or scope.home == gaz.code_index[code]):
            other: int | None = _country_or_city(gaz, form, code)  # "rural Kenya"
        else:
            other = best(gaz, form, scope, hints, regional=regional, as_written=False)
        small = other is not None and gaz.kind[other] == CITY and gaz.population[other] < LARGE_CITY
        if regional and small and not hints:
            continue  # "Lower Merion" is not in any Merion
        if row is None and other is not None:
            return other
        if row is not None and other is not None and not regional and gaz.admin2[other] == row:
            return other  # "Greater London" is a county, but who writes it means the city in it
    return row
