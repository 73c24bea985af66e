"""Ranks the places of one name: by prominence, stated country and stated surroundings.

Among homonyms the most prominent wins: log10(population + 10), +1 for the main name (+1.5 from 50,000 people), +0.5 for
a capital, +0.3 in a division of its name, +10 where a hint agrees, -1 for a territory of the stated country. A region
wins over a small town of its name, or one elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import chain
from operator import itemgetter

from globe_eval.places import gazetteer
from globe_eval.places.gazetteer import ADMIN1, ADMIN2, CAPITAL, CITY, COUNTRY, LANDMARK, REGION, Gazetteer, Scope
from globe_eval.places.names import normalise
from globe_eval.places.words import variants

NEAR_KM = 60.0
"""A quarter lies this near to the city that it is said to belong to."""
NEAR_REGION_KM = 150.0
"""A city this near to the middle of the stated region agrees with it: "Kyiv, Kyiv Oblast" is a region of its own."""
WIDE_REGION_KM = 400.0
"""A town this near to the middle of the stated region may belong to it under another division of the country."""
WIDE_AREA_KM = 1_000.0
"""A town this near to the middle of a stated area without borders ("Patagonia") may lie in it."""
FAR_KM = 2_000.0
"""A park or a quarter this far from what is stated around it is another of its name: "SoHo, New York"."""
TOWN = 15_000
"""Population from which a name inside a longer text, or a parent city, is believed."""
VILLAGE = 5_000
"""Population below which only the nearer distance counts."""
METROPOLIS = 500_000
"""Population from which a city is believed against any region."""
WELL_KNOWN = 50_000
"""Population from which a main name counts more: Olbia is no other name of Antalya, but Hanover is one of Hannover."""
SEAT = 0.3
"""What a town in a division of its name has ahead: Salamanca is no quarter of Madrid, which is as large."""
LARGE_CITY = 100_000
"""Population from which a city is meant rather than a region of the same name that it does not lie in."""


_NOWHERE: frozenset[int] = frozenset()


class Hint:
    """What another part of an address can mean: regions, and the largest town of that name.

    A `binding` hint followed the name in one text ("Hollywood, Los Angeles"): a larger city contradicts a namesake
    elsewhere. What stands in the field of the region and is no known region only chooses among homonyms.
    """

    __slots__ = ("binding", "city", "regions")

    def __init__(self, regions: frozenset[int], city: int | None, binding: bool) -> None:
        self.regions = regions
        self.city = city
        self.binding = binding


def hints_of(gaz: Gazetteer, keys: Sequence[str], scope: Scope | None, *, binding: bool = True) -> list[Hint]:
    """What the other parts of an address say about where a name is; a part that is no place says nothing."""
    return [hint for key in keys if (hint := _hint(gaz, key, scope, binding))]


@lru_cache(maxsize=8192)
def _hint(gaz: Gazetteer, key: str, scope: Scope | None, binding: bool) -> Hint | None:
    for form in chain((key,), (form for form, _ in variants(key))):
        regions, city, size = set(), None, TOWN - 1
        for entry in chain(gaz.find(form), gaz.code(form) if form is key else ()):
            row = entry >> 1
            if not inside(gaz, row, scope):
                continue
            kind = gaz.kind[row]
            if kind in (ADMIN1, ADMIN2, REGION) or (kind == COUNTRY and scope is None):
                regions.add(row)
            elif kind >= CITY and gaz.population[row] > size:
                city, size = row, gaz.population[row]
        if regions or city is not None:
            return Hint(frozenset(regions), city, binding)
    return None


def inside(gaz: Gazetteer, row: int, scope: Scope | None) -> bool:
    """Whether a place lies where it may."""
    if scope is None:
        return True
    regions = scope.limits.get(gaz.country[row], _NOWHERE)
    return regions is None or gaz.admin1[row] in regions or row in regions


def best(
    gaz: Gazetteer, key: str, scope: Scope | None, hints: list[Hint], *, regional: bool, as_written: bool = True
) -> int | None:
    """The most prominent place under exactly this name, or None; `regional` prefers regions to cities."""
    city, area, own = _first_of_each(gaz, key, scope, hints, as_written)
    if city is None and area is not None and not regional and gaz.kind[area] == ADMIN1:
        return _namesake(gaz, area, key)
    if city is None or area is None:
        return area if city is None else city
    if regional and gaz.kind[city] != REGION:
        return area
    ahead = _agreement(gaz, city, hints) - _agreement(gaz, area, hints)
    if ahead > 0:
        return city  # "Hudson, Massachusetts" is not in Hudson County, New Jersey
    if ahead < 0 and gaz.kind[city] == REGION:
        return area  # "Orange County, Florida"
    if area in (gaz.admin1[city], gaz.admin2[city]) and any(area in hint.regions for hint in hints):
        return city  # "Pingtung, Pingtung": the region is said already
    is_main = normalise(gaz.name(area)) == key
    if own and not is_main and gaz.country[city] != gaz.country[area] and gaz.population[city] >= WELL_KNOWN:
        return city  # "Santa Barbara" is no department of Honduras
    if is_main and _is_lesser(gaz, city, area, own=own, alone=not hints):
        return area
    return city if _outweighs(gaz, city, area) else area


def _first_of_each(
    gaz: Gazetteer, key: str, scope: Scope | None, hints: list[Hint], as_written: bool
) -> tuple[int | None, int | None, bool]:
    """Of the places of a name the first city, landmark or wide area, the first division, and whether it is that city's
    main name.
    """
    cities: list[tuple[float, int, int]] = []
    areas: dict[int, int] = {}
    divisions = set()
    is_country = 0
    for entry in gaz.find(key):
        row = entry >> 1
        if not inside(gaz, row, scope):
            continue
        kind = gaz.kind[row]
        if kind >= REGION:
            people = gaz.population[row]
            main = (1.5 if people >= WELL_KNOWN else 1.0) + (0.5 if kind == CAPITAL else 0.0)
            score = math.log10(people + 10) + (main if entry & 1 else 0.0)
            if scope is not None and gaz.country[row] != scope.home:
                score -= 1
            cities.append((score + 10 * _agreement(gaz, row, hints), row, entry & 1))
        elif kind == COUNTRY:
            is_country |= entry & 1  # then no other name of a region: Île-de-France is listed as "France" too
        elif (is_country and not entry & 1) or (hints and _elsewhere(gaz, row, hints)):
            continue
        else:
            divisions.add(row)
            areas[kind] = max(
                areas.get(kind, entry),
                entry,
                key=lambda one: (_agreement(gaz, one >> 1, hints), one & 1, gaz.population[one >> 1]),
            )
    city, own = _first_city(gaz, cities, divisions)
    alone = as_written and len(cities) == 1
    if city is not None and hints and _contradicted(gaz, city, hints, alone=alone, own=own):
        city = None
    area = areas.get(ADMIN1, areas.get(ADMIN2))  # "Saxony" is no other name of Lower Saxony
    return city, None if area is None else area >> 1, own


def _first_city(gaz: Gazetteer, cities: list[tuple[float, int, int]], divisions: set[int]) -> tuple[int | None, bool]:
    """Of scores, rows and whether the name is the main one the first city, and that of it.

    In its country a town that lies in a division of its name is ahead of one that does not.
    """
    if not cities:
        return None, False
    first = max(cities, key=itemgetter(0))
    if divisions:
        home = gaz.country[first[1]]
        seats = [
            (score + SEAT, row, own)
            for score, row, own in cities
            if gaz.country[row] == home and not divisions.isdisjoint((gaz.admin1[row], gaz.admin2[row]))
        ]
        first = max([first, *seats], key=itemgetter(0))
    return first[1], bool(first[2])


def _is_lesser(gaz: Gazetteer, city: int, area: int, *, own: bool, alone: bool) -> bool:
    """Whether a town is small beside a division of its name, which is more than another name of the town.

    "Mpumalanga" is no township in KwaZulu-Natal, "Virginia" none in South Africa, "Mato Grosso" not Vila Bela,
    "Paraíba" not João Pessoa; but "New York" is the city.
    """
    inside = area in (gaz.admin1[city], gaz.admin2[city])
    size, region, first = gaz.population[city], gaz.population[area], gaz.kind[area] == ADMIN1
    if gaz.kind[city] < CITY:
        return False
    if own and gaz.country[city] != gaz.country[area]:
        return alone and size * (5 if first else 10) < region
    if own:
        return not inside and first and size * 10 < region
    return first and size * (_times(normalise(gaz.name(city)), normalise(gaz.name(area))) if inside else 1) < region


def _times(city: str, division: str) -> int:
    """By how much a division must be larger than a city in it that is also listed under its name, to be meant by it.

    A city of the same name in another spelling is as likely meant ("Luzern", "Rostov-on-Don", "Chattogram"), one whose
    name says "City" less (Oklahoma), and least one that has a name of its own ("João Pessoa").
    """
    if city == f"{division} city":
        return 3
    one, other = city.removeprefix("al "), division.removeprefix("al ")
    alike = SequenceMatcher(None, one, other, autojunk=False).ratio() >= 0.4
    return 5 if division in city or (alike and one[:1] == other[:1]) else 1


def _agreement(gaz: Gazetteer, row: int, hints: list[Hint]) -> float:
    return sum(_agrees(gaz, row, hint) for hint in hints)


def _agrees(gaz: Gazetteer, row: int, hint: Hint) -> float:
    """1 if a place lies in a hinted region or close to a hinted city, less if the hint is a region's name as well, and
    least if the place is only near the middle of such a region.
    """
    if gaz.admin1[row] in hint.regions or gaz.admin2[row] in hint.regions or gaz.country[row] in hint.regions:
        return 1.0
    if hint.city is not None and km_between(gaz, row, hint.city) <= NEAR_KM:
        return 0.9 if hint.regions else 1.0  # "Little Falls, New York" is not in New Jersey
    near = min((km_between(gaz, row, r) for r in hint.regions if gaz.kind[r] != COUNTRY), default=math.inf)
    return 0.5 if near <= NEAR_REGION_KM else 0.0


def _elsewhere(gaz: Gazetteer, area: int, hints: list[Hint]) -> bool:
    """Whether all stated regions lie outside this one ("Washington, DC" is not the state)."""
    around = {area, gaz.admin1[area], gaz.country[area]}
    if not all(hint.regions and around.isdisjoint(hint.regions) for hint in hints):
        return False
    nearest = min(km_between(gaz, area, region) for hint in hints for region in hint.regions)
    return gaz.kind[area] == ADMIN1 or nearest > NEAR_REGION_KM


def _contradicted(gaz: Gazetteer, row: int, hints: list[Hint], *, alone: bool, own: bool) -> bool:
    """Whether the stated surroundings say that this homonym is not meant.

    A name that only one place has is believed against a wrong region, unless it is a small town far from there; a
    quarter never against a larger city.
    """
    regions = [r for hint in hints for r in hint.regions]
    of_states = all(gaz.kind[region] == ADMIN1 for region in regions)  # those of counties have changed: Rochester, Kent
    is_small = gaz.kind[row] >= CITY and not alone and gaz.population[row] < LARGE_CITY
    agreed = max(_agrees(gaz, row, hint) for hint in hints)
    if gaz.kind[row] == REGION or agreed > (0.5 if of_states and is_small else 0.0):
        return False  # "Lincoln, New Hampshire", a village that is not listed, is not the town in Rhode Island
    if gaz.kind[row] == LANDMARK:
        around = [*regions, *(hint.city for hint in hints if hint.city is not None)]
        return min(km_between(gaz, row, other) for other in around) > FAR_KM
    if regions:
        people = gaz.population[row]
        if not alone or people >= METROPOLIS:
            return not alone
        away = min(km_between(gaz, row, region) for region in regions)
        if own and any(gaz.kind[region] == REGION for region in regions):
            return away > WIDE_AREA_KM  # "El Chaltén, Patagonia"
        return away > (NEAR_REGION_KM if people < VILLAGE else WIDE_REGION_KM)
    return any(h.binding and h.city is not None and gaz.population[h.city] > gaz.population[row] for h in hints)


def _outweighs(gaz: Gazetteer, city: int, area: int) -> bool:
    """ "New York" is the city, "Wyoming" not the town in Michigan: a region wins over a small town or one elsewhere."""
    if gaz.kind[city] in (REGION, LANDMARK, CAPITAL):
        return True
    size, region = gaz.population[city], gaz.population[area]
    if size >= (TOWN if area in (gaz.admin1[city], gaz.admin2[city]) or gaz.kind[area] == ADMIN2 else LARGE_CITY):
        return True
    return size * (20 if gaz.kind[area] == ADMIN2 else 3) >= region


def _namesake(gaz: Gazetteer, area: int, key: str) -> int:
    """The city after which a region is called, if it lies in it: "纽约" is listed for the state only.

    In Latin letters cities have names of their own: "Comunidad Valenciana" is the region.
    """
    name = normalise(gaz.name(area))
    if key.isascii() and f" {name} " not in f" {key} ":
        return area
    rows = [e >> 1 for e in gaz.find(name) if e & 1]
    rows = [row for row in rows if gaz.kind[row] >= CITY and gaz.admin1[row] == area and gaz.population[row] >= TOWN]
    return max(rows, key=lambda row: gaz.population[row], default=area)


def km_between(gaz: Gazetteer, a: int, b: int) -> float:
    """Great-circle distance between two rows."""
    (lat1, lon1), (lat2, lon2) = gaz.position(a), gaz.position(b)
    phi1, phi2 = math.radians(lat1), math.radians(lat2)
    h = math.sin((phi2 - phi1) / 2) ** 2
    h += math.cos(phi1) * math.cos(phi2) * math.sin(math.radians(lon2 - lon1) / 2) ** 2
    return 2 * gazetteer.EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(h)))
