"""The parts of a place, and which of them is its country, region, city and venue: the gazetteer decides.

Of "Palazzo Farnese, Rome, Italy" the last part is a country, the one before it a town in it, and what remains a venue.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from math import cos, hypot, radians

from globe_eval.answers.lexicon import AREAS, ORDINARY, UNNAMED, VENUES, WATERS, words
from globe_eval.answers.names import DECORATION, Names, is_sentence, name, without_remarks
from globe_eval.places import gazetteer
from globe_eval.places.gazetteer import ADMIN1, ADMIN2, CAPITAL, CITY, LANDMARK, REGION
from globe_eval.places.names import normalise
from globe_eval.places.words import is_continent, is_unknown, names_region, variants

LARGE = 100_000
TOWN = 15_000
"""People from which a town is known by its name alone, without a country or region beside it."""
_SUBURB_KM = 25.0
_MOST_PARTS = 10

_HOME_NATIONS = {"england": "GB", "scotland": "GB", "wales": "GB", "northern ireland": "GB", "great britain": "GB"}
_STATE_CODES = words(
    """
    AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA
    RI SC SD TN TX UT VT VA WA WV WI WY
    """
)
_PROVINCE_CODES = words(
    """
    AB BC MB NB NL NS NT NU ON PE QC SK YT
    """
)
_CITY_STATES = frozenset(["SG", "MC", "VA", "HK", "MO", "GI", "SM"])
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
    code = gazetteer.country(key, main=True)
    if code is None and (other := gazetteer.country(key)) and not is_prominent_town(key):
        return other  # "Brasil", but not "Granada"
    return code


def is_prominent_town(key: str) -> bool:
    """Whether a normalised name is that of a town which many know."""
    gaz = gazetteer.load()
    rows = [entry >> 1 for entry in gaz.find(key)]
    return any(gaz.kind[row] >= CITY and gaz.population[row] >= TOWN for row in rows)


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
            return tuple(
                row for row in _rows(bare.lower()) if gaz.kind[row] == ADMIN1 and gaz.codes[gaz.country[row]] == home
            )
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


def _reach_of(territory: str) -> list[str]:
    """The countries that a territory belongs to."""
    return [code for code in gazetteer.TERRITORIES if territory in _reach(code)]


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
    gaz = gazetteer.load()
    (lat1, lon1), (lat2, lon2) = gaz.position(a), gaz.position(b)
    return 111.2 * hypot(lat1 - lat2, (lon1 - lon2) * cos(radians(lat1))) > _SUBURB_KM


def arranged(parts: Sequence[str]) -> Names | None:
    """What each part of a place is, finest first or country first; None where the gazetteer knows none of them.

    The town nearest to the end is the city, so that "Asakusa Shrine, Asakusa, Tokyo, Japan" is Tokyo, unless its name
    is also that of the region in which the town before it lies ("Buffalo, New York"). What is finer is the venue.

    >>> arranged(["Freedom Plaza", "Washington", "D.C."])
    Names(country=None, city='Washington', admin='D.C.', venue='Freedom Plaza')
    >>> arranged(["Italy", "Florence"]), arranged(["Big Tree", "Small House"])
    (Names(country='Italy', city='Florence', admin=None, venue=None), None)
    """
    left = [piece for part in parts[:_MOST_PARTS] for piece in _pieces(part) if not is_area(piece)]
    at = next((i for i in range(len(left) - 1, -1, -1) if _country(left[i])), None)
    country, code, beyond = None, None, []
    if at and _are_two(left[at - 1], left[at]):
        left, at = left[:at], at - 1
    if at is None and len(left) > 1 and _is_pure_region(left[0]) and not _regions(left[-1], None):
        left = [*left[1:], left[0]]  # "in Utah, near Moab"
    if at is not None and not (_rather_region(left, at) or _rather_town(left, at)):
        country, code, beyond = left[at], _country(left[at]), left[at + 1 :]
        same = [part for part in left[:at] if _country(part) == code]
        if same and normalise(country) in _HOME_NATIONS:  # "the United Kingdom (likely England)"
            country, beyond = same[0], [country, *beyond]
        left = [part for part in left[:at] if part not in same]
        if not left:
            left, beyond = beyond[::-1], []
    city, admin, venue, row = _read_backwards(left, country, code)
    if country is None and admin is None and city is None:
        return None
    code = code or (_code(row) if row is not None else None)
    if city is None and not venue and code:
        city = next((part for part in beyond if _town(part, code, ())), None)
    if city is None and venue:
        city = country if country and code in _CITY_STATES else venue[-1]
        venue = [part for part in venue if part != city or is_venue(part)]
    elif city and row is not None and _is_landmark(row) and " " in city:
        venue.append(city)
    venue += [part for part in beyond if is_venue(part) or _town(part, code, ()) not in (None, row)]
    venue = [part for part in dict.fromkeys(venue) if not _is_wide(part) and (part != city or " " in part)]
    return Names(country, city, admin, ", ".join(venue) or None)


def is_venue(part: str) -> bool:
    """Whether a name says that it is one of a building, a street, a park: "Ohio Glass Museum"."""
    words = part.lower().split()
    return (len(words) > 1 or words[0] == "disneyland") and not VENUES.isdisjoint((words[0], *words[-2:]))


def _read_backwards(
    left: Sequence[str], country: str | None, code: str | None
) -> tuple[str | None, str | None, list[str], int | None]:
    """City, region and what is finer in the parts before a country, and the gazetteer's row of the city or region."""
    city = admin = None
    row: int | None = None
    around: tuple[int, ...] = ()
    venue: list[str] = []
    for i in range(len(left) - 1, -1, -1):
        part = left[i]
        if city is not None:
            venue.insert(0, part)
            continue
        regions, town = _regions(part, code), _town(part, code, around)
        coded = part.replace(".", "").isupper() and len(part) <= 4
        if code is None and _ordinary(part):
            venue.insert(0, part)
        elif regions and admin is None and (town is None or coded or _is_region(regions[0], town, left[:i], code)):
            admin, around, row = part, tuple(regions[:4]), regions[0]
            code = code or _code(regions[0])
        elif _country(part) and country and admin is None and i > 0:
            admin = part  # a territory: "San Juan, Puerto Rico, USA"
        elif town is not None and not (_is_landmark(town) and any(_is_town(other, code) for other in left[:i])):
            city, row = part, town
        elif regions:
            continue
        elif (country or admin) and (names_region(normalise(part)) or part.split()[-1].lower() in AREAS):
            admin = admin or part
        else:
            venue.insert(0, part)
    return city, admin, venue, row


def _is_wide(part: str) -> bool:
    """Whether a name is that of a mountain range, a coast or a river: no venue."""
    words = part.lower().split()
    if len(words) > 2 and words[-1] in VENUES:
        return False
    return words[-1] in AREAS or words[-1] in WATERS or words[0] in WATERS or part in ("Peak District", "Lake District")


def is_country(text: str) -> bool:
    """Whether a name is that of a country, in English or as a common abbreviation."""
    return _country(text) is not None


def is_name(text: str) -> bool:
    """Whether the gazetteer has a place of exactly this name."""
    return bool(gazetteer.load().find(normalise(text)))


def is_prominent(text: str) -> bool:
    """Whether a name by itself is that of a country, a first-level region or a large town."""
    if _country(text):
        return True
    gaz = gazetteer.load()
    rows = [entry >> 1 for entry in gaz.find(normalise(text))]
    return any(
        gaz.kind[row] in (ADMIN1, REGION) or (gaz.kind[row] >= CITY and gaz.population[row] >= LARGE) for row in rows
    )


def same_country(one: str | None, other: str | None) -> bool:
    """Whether two names are of one country: "UK" and "England"."""
    return bool(one and other) and (one == other or (_country(str(one)) or 1) == (_country(str(other)) or 2))


def _is_landmark(row: int) -> bool:
    return gazetteer.load().kind[row] == LANDMARK


def _is_town(part: str, code: str | None) -> bool:
    town = _town(part, code, ())
    return town is not None and not _is_landmark(town)


def _code(row: int) -> str:
    gaz = gazetteer.load()
    return gaz.codes[gaz.country[row]]


_OWNED = re.compile(r"(.+?)['’]s?\s(.+)")
_POSTCODE = re.compile(r"(?<=\w)\s(?:\d{5}(?:-\d{4})?|[A-Z]{1,2}\d[A-Z\d]?(?:\s\d[A-Z]{2})?)$")
_OF = re.compile(r".+\s(?:of|on|in)\s(?:the\s)?(.+)")
_CODE_BEHIND = re.compile(r"(.*[^\W\d_].*?),?\s(D\.?C\.?|[A-Z]{2}|USA|U\.S\.A?\.?|U\.K\.?)(?:\s\d{5}(?:-\d{4})?)?")


_DIRECTED = re.compile(
    r"(?:(?:Mid|North|South|East|West|Central|Rural|Upper|Lower|Coastal|Inland|Southern|Northern)[\w-]*|The)\s+(?=[^\W\d_])(.+)"
)
_FEDERAL_REGION = re.compile(r"(US|U\.S\.?|USA|UK|U\.K\.?)\s+[^\W\d_].*")


def _pieces(part: str) -> Iterator[str]:
    """A part, cut before a code that no comma separates ("Washington DC", "Seattle WA 98101") and from directions."""
    if "–" in part and not is_name(part):
        yield from part.split("–")
    elif part.startswith(("Downtown ", "Uptown ", "Midtown ")):
        yield from (part, part.split(maxsplit=1)[1])
    elif (match := _OWNED.fullmatch(part)) and is_prominent(match[1]) and not is_venue(part):
        yield from (match[2], match[1])
    elif (match := _OF.fullmatch(part)) and is_prominent(match[1]) and not is_name(part):
        yield from (part, match[1])
    elif match := _CODE_BEHIND.fullmatch(part):
        yield from match.groups()
    elif ((match := _FEDERAL_REGION.fullmatch(part)) and not is_venue(part)) or (
        (match := _DIRECTED.fullmatch(part)) and not _rows(normalise(part)) and _country(match[1])
    ):
        yield match[1]
    else:
        yield _POSTCODE.sub("", part)


def is_area(part: str) -> bool:
    """Whether a part names a continent or a part of one, which is no answer."""
    return is_continent(normalise(part)) and not _country(part)


def _ordinary(part: str) -> bool:
    """Whether a town's name is a word that names begin or end with: "Park", "Main", "Temple"."""
    return all(word in ORDINARY or word in UNNAMED for word in normalise(part).split())


def _are_two(one: str, other: str) -> bool:
    """Whether two names are of two countries ("Italy/Greece"), not of a territory's or a state's and its country."""
    home, code = _country(one), _country(other)
    if home is None or code == home or code in _reach_of(home):
        return False
    return not any(gazetteer.load().kind[row] == ADMIN1 for row in _regions(one, code))


def _rather_region(parts: Sequence[str], at: int) -> bool:
    """Whether a country's name is here that of a state: "Atlanta, Georgia"."""
    if normalise(parts[at]) != "georgia":
        return False
    before = [part for part in parts[:at] if _town(part, "GE", ())]
    regions = _regions(parts[at], "US")
    return not before and any(_town(part, "US", regions) for part in parts[:at])


def _rather_town(parts: Sequence[str], at: int) -> bool:
    """Whether a country's name is here that of a town: "Lebanon, New Hampshire"."""
    regions = _regions(parts[-1], None) if at < len(parts) - 1 else ()
    home = _country(parts[at])
    return any(_code(row) != home and _in(_town(parts[at], _code(row), (row,)), row) for row in regions[:1])


def _in(town: int | None, region: int) -> bool:
    return town is not None and region in (gazetteer.load().admin1[town], gazetteer.load().admin2[town])


def _is_pure_region(part: str) -> bool:
    """Whether a name is that of a first-level region and of no town to speak of."""
    regions = [row for row in _regions(part, None) if gazetteer.load().kind[row] == ADMIN1]
    return bool(regions) and not is_prominent_town(normalise(part))


def _is_region(region: int, town: int, before: Sequence[str], code: str | None) -> bool:
    """Whether a name of a region and of a town is the region's: a town in it is named before, or it is far larger."""
    gaz = gazetteer.load()
    if before:
        other = _town(before[-1], code or gaz.codes[gaz.country[region]], (region,))
        inside = other is not None and other != town and region in (gaz.admin1[other], gaz.admin2[other])
        if other is not None and inside:
            first = len(before) == 1 and gaz.kind[other] >= CITY and gaz.population[other] >= TOWN
            first = first and gaz.kind[region] == ADMIN1
            if first or _far(other, town):
                return True
    if gaz.kind[town] in (CAPITAL, LANDMARK) and gaz.kind[region] != ADMIN1:
        return False
    if gaz.codes[gaz.country[town]] != gaz.codes[gaz.country[region]]:
        return gaz.population[region] > gaz.population[town]
    return 10 * gaz.population[town] < gaz.population[region]


_CAPITAL = r"[^\W\d_a-zß-öø-ÿ][\w'.-]{0,30}"
_PARTICLE = r"de|del|della|di|da|do|dos|das|la|le|el|al|the|of|and|upon|am|an|der|den|on|y|e|-"
_CAPITALISED = re.compile(rf"{_CAPITAL}(?:\s(?:{_CAPITAL}|{_PARTICLE})){{0,5}}")
_OTHERS = re.compile(
    r"\b(?:or|either|like|such as|including|similar|not|outside|unlike|capital|e\.g)\b|'t\b", re.IGNORECASE
)


def place(value: str, country_first: bool = False, *, capitals: bool = False) -> Names:
    """The names in a stated value such as "Paris, France", "Austin, Texas, USA", "Kyoto" or "France".

    Where the gazetteer knows no part, they are city, admin and country by their order, and a single name is a country,
    the coarsest claim; more than four such parts, or a part that reads like a sentence, are no place. With `capitals`
    every part must look like a name, so that "a quiet suburb, Europe" is none.

    >>> place("Austin, Texas, USA"), place("Kyoto").city
    (Names(country='USA', city='Austin', admin='Texas', venue=None), 'Kyoto')
    """
    if "\n" in value.strip() and "," not in value:
        return Names()
    bare = without_remarks(value[:300])
    if is_sentence(bare) or _OTHERS.search(bare):
        return Names()
    stated = [part for part in re.split(r",|(?<=\w)\s[(\[](?=\w)|[)\]]", bare) if part.strip()]
    parts = [part for part in map(name, stated) if part and len(part.split()) <= 6]
    if len(parts) < len(stated) or not parts:
        return Names()
    if capitals and not all(_CAPITALISED.fullmatch(part) for part in parts):
        return Names()
    if country_first:
        parts.reverse()
    if known := arranged(parts):
        return known
    if len(parts) > 4 or (capitals and len(parts) == 1):
        return Names()
    if len(parts) == 1:
        return Names(country=parts[0])
    return Names(country=parts[-1], city=parts[0], admin=parts[-2] if len(parts) > 2 else None)


def address(value: str) -> Names:
    """The names at the end of a postal address; house numbers and postal codes are left out.

    >>> address("10 Rue de Rivoli, 75004 Paris, France")
    Names(country='France', city='Paris', admin=None, venue='Rue de Rivoli')
    >>> address("600 Congress Ave, Austin, TX 78701, USA")
    Names(country='USA', city='Austin', admin='TX', venue='Congress Ave')
    """
    parts = [part.strip(DECORATION) for part in " ".join(value[:300].split()).split(",")]
    if len(parts) <= 2:
        return place(value)
    without_codes = [name(re.sub(r"(?:^|\s)[\w-]*\d[\w-]*(?=\s|$)", " ", part)) for part in parts]
    if known := arranged([part for part in without_codes if part]):
        return known
    *_, third, second, country = [None, *without_codes]
    if len(parts) == 3 or re.match(r"[\w-]*\d", parts[-2]):
        return Names(country, city=second)
    return Names(country, city=third, admin=second)
