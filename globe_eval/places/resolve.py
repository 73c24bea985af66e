"""Forward geocoding: the names in an answer -> one place, offline and always the same.

How a name is read, in order (each step only if the one before found nothing):

1. The country bounds the search: no other country's homonym, but its territories and disputed areas
   (`gazetteer.TERRITORIES`), and where it has no such place the other countries of that name (`names.NAMESAKES`). A
   text that names no country ("Unknown", "Europe", a typo) counts as absent; of "X or Y" the first one counts.
2. The whole city text; then its comma or bracket separated parts, finest first, later parts being hints (a state, a
   county, the city that a quarter belongs to); each part as written, then without words such as "City" or "Greater".
3. A larger town mentioned inside the text ("Kathmandu Durbar Square").
4. The region (population centroid), then the country (population centroid, never the capital: that would be worth
   25 points within 25 km for nothing).

`ranking` chooses among homonyms. There is no fuzzy matching: a wrong letter yields the region or the country.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from globe_eval.places import gazetteer, names
from globe_eval.places.gazetteer import ADMIN1, ADMIN2, CAPITAL, CITY, LANDMARK, REGION, Gazetteer, Place, Scope
from globe_eval.places.ranking import TOWN, Hint, best, hints_of
from globe_eval.places.words import is_unknown, names_region, variants

__all__ = ["RESOLVER_VERSION", "Place", "resolve", "resolve_many"]

RESOLVER_VERSION = "2"
"""Raise it whenever an answer could resolve differently; it is part of every result."""

Query = tuple[str | None, str | None, str | None]

_MAX_PARTS = 8
_MAX_WORDS = 10
_NATURE_WORDS = (
    "park lake mount mountain mountains river canyon desert forest rainforest jungle bay falls waterfall airport"
    " university college highlands reef valley beach coast reserve volcano glacier peninsula safari strait gulf sea"
    " ocean creek pass gorge plateau plains savanna savannah dunes cape fjord highway route road street avenue"
    " island islands isle"
)
_NATURE = frozenset(_NATURE_WORDS.split())


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
    code, rest = names.country_of(country) if country else (None, None)
    region = (admin or "")[: names.MAX_LENGTH]
    if rest and not is_unknown(names.normalise(rest)):
        region = f"{region}, {rest}" if region else rest
    hints = _keys(names.parts(region)) if region else []
    text = (city or "")[: names.MAX_LENGTH]
    row = _resolve_in(gaz, text, code, hints)
    for other in names.namesakes(country) if country and row is None else ():
        row = _resolve_in(gaz, text, other, hints)
        if row is not None:
            break
    if row is None and code:
        row = gaz.code_index[code]
    return None if row is None else gaz.place(row)


def _resolve_in(gaz: Gazetteer, text: str, code: str | None, hints: Sequence[str]) -> int | None:
    """The row of the city, else of the region, in the stated country; None where it has neither."""
    row: int | None = None
    for option in names.alternatives(text) if text else ():
        found = _resolve_city(gaz, option, code, hints)
        if found is not None and (row is None or gazetteer.LEVELS[gaz.kind[found]] == "city"):
            row = found
        if row is not None and gazetteer.LEVELS[gaz.kind[row]] == "city":
            break
    return _resolve_region(gaz, hints, code) if row is None and hints else row


def resolve_many(queries: Iterable[Query]) -> list[Place | None]:
    """`resolve` for many `(city, country, admin)`; equal queries are resolved once."""
    known: dict[Query, Place | None] = {}
    result = []
    for query in queries:
        if query not in known:
            known[query] = resolve(*query)
        result.append(known[query])
    return result


def _keys(pieces: Iterable[str]) -> list[str]:
    return names.told(names.normalise(piece) for piece in pieces)[:_MAX_PARTS]


def _resolve_city(gaz: Gazetteer, text: str, code: str | None, hints: Sequence[str]) -> int | None:
    """The row of the best place for a city text, in the stated country or, without one, in the one it mentions."""
    whole = names.normalise(text)
    pieces = names.parts(text)
    keys = _keys(pieces) if len(pieces) > 1 else names.told([whole])
    if not keys:
        return None
    if code is None:
        return _resolve_anywhere(gaz, whole, pieces, keys, hints)
    scope = gaz.scope(code)
    if len(keys) == 1:
        named = gazetteer.country(keys[0])
        if named and gaz.code_index[named] in scope.limits:
            return _country_or_city(gaz, keys[0], named)
    keys = [
        key
        for key in keys
        if len(key) <= 2 or gazetteer.country(key) != code or _country_or_city(gaz, key, code) != scope.home
    ] or keys[:1]
    return _search(gaz, whole, keys, hints, scope)


def _resolve_anywhere(
    gaz: Gazetteer, whole: str, pieces: list[str], keys: list[str], hints: Sequence[str]
) -> int | None:
    """No country was stated: one may be part of the text ("Paris, France"), or the text may be a country."""
    if len(keys) == 1:
        code = _country_rather(gaz, keys[0]) if len(keys[0]) > 2 else None
        if code:
            return _country_or_city(gaz, keys[0], code)
        return _search(gaz, whole, keys, hints, None)
    mentioned = [(key, _country_rather(gaz, key)) for piece in pieces if (key := names.normalise(piece)) in keys[1:]
                 and (len(key) > 2 or piece.isupper())]  # fmt: skip
    mentioned = [item for item in mentioned if item[1]] or [(keys[0], _country_rather(gaz, keys[0]))]
    fallback = None
    for country_key, code in reversed(mentioned):
        if code:
            others = [key for key in keys if key != country_key]
            row = _search(gaz, whole, others, hints, gaz.scope(code))
            if row is not None and (len(country_key) > 2 or gaz.kind[row] >= LANDMARK):
                return row
            fallback = gaz.code_index[code] if len(country_key) > 2 else fallback
    row = _search(gaz, whole, keys, hints, None)
    return fallback if row is None else row


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
    """The row that a region text names, preferring regions over the cities after which they are called."""
    scope = gaz.scope(code) if code else None
    for i, key in enumerate(keys):
        if code and gazetteer.country(key) == code:
            continue
        for form, _ in chain([(key, True)], variants(key)):
            row = best(gaz, form, scope, hints_of(gaz, keys[i + 1 :], scope), regional=True)
            if row is not None and (code or gaz.kind[row] in (ADMIN1, REGION) or gaz.population[row] >= TOWN):
                return row
    return None


def _search(gaz: Gazetteer, whole: str, keys: Sequence[str], hints: Sequence[str], scope: Scope | None) -> int | None:
    """Steps 2 and 3 of the module's description."""
    if len(keys) > 1:
        row = best(gaz, whole, scope, hints_of(gaz, hints, scope), regional=False)
        if row is not None and gaz.kind[row] >= LANDMARK:
            return row
    region: int | None = None
    for i, key in enumerate(keys):
        agreeing = hints_of(gaz, [*(k for k in keys[i + 1 :] if k != key), *hints], scope)
        row = _named(gaz, key, scope, agreeing)
        if row is not None and gaz.kind[row] >= LANDMARK:
            return row
        if region is None or (row is not None and gaz.kind[row] == ADMIN2 and gaz.kind[region] == ADMIN1):
            region = row
    if region is None and scope is not None:
        for key in keys:
            row = _mentioned(gaz, key, scope, hints)
            if row is not None:
                return row
    return region


def _named(gaz: Gazetteer, key: str, scope: Scope | None, hints: list[Hint]) -> int | None:
    """The place with this name, as written or else without words for its kind."""
    if names_region(key):
        for form in chain((key,), (form for form, regional in variants(key) if regional)):
            area = best(gaz, form, scope, hints, regional=True, as_written=False)
            if area is not None and gaz.kind[area] in (ADMIN1, ADMIN2):
                return area
    row = best(gaz, key, scope, hints, regional=False)
    if row is not None and gaz.kind[row] != ADMIN2:
        return row
    for form, regional in variants(key):
        other = best(gaz, form, scope, hints, regional=regional, as_written=False)
        if row is None and other is not None:
            return other
        if row is not None and other is not None and not regional and gaz.admin2[other] == row:
            return other  # "Greater London" is a county, but who writes it means the city in it
    return row


def _mentioned(gaz: Gazetteer, key: str, scope: Scope, hints: Sequence[str]) -> int | None:
    """The largest town in the longest run of words that is a town's name, or in the start of a text without spaces."""
    words = key.split()[:_MAX_WORDS]
    if not _NATURE.isdisjoint(words):
        return None
    if len(words) == 1 and not key.isascii():
        runs = [[key[:length] for length in range(min(len(key), 12) - 1, 1, -1)]]
    else:
        runs = [[" ".join(words[i : i + n]) for i in range(len(words) - n + 1)] for n in range(len(words) - 1, 0, -1)]
    known = hints_of(gaz, hints, scope)
    for same_length in runs:
        rows = [
            row
            for run in same_length
            if len(run) > 3 or not run.isascii()
            for row in [best(gaz, run, scope, known, regional=False)]
            if row is not None and gaz.kind[row] >= LANDMARK and gaz.population[row] >= TOWN
        ]
        if rows:
            return max(rows, key=lambda row: gaz.population[row])
    return None
