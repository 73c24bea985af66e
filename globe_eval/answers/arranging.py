"""Assigns the parts of an address to country, region, city and venue, by what the gazetteer knows of each.

Of "Palazzo Farnese, Rome, Italy" the last part is a country, the one before it a town in it, and what remains a venue.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from globe_eval import lazy_re as re
from globe_eval.answers.lexicon import AREAS, VENUES, WORDS
from globe_eval.answers.names import DECORATION, Names, is_sentence, name, without_remarks
from globe_eval.answers.scripts import EXONYMS, is_written_in, segments
from globe_eval.answers.toponyms import (
    HOME_NATIONS,
    LARGE,
    TOWN,
    apart_km,
    are_apart,
    code_of,
    country_in,
    country_of,
    country_of_code,
    is_area,
    is_country,
    is_event,
    is_inside,
    is_landmark,
    is_large_town,
    is_name,
    is_ordinary,
    is_prominent,
    is_pure_region,
    is_town,
    is_venue,
    is_wide,
    regions_of,
    rows_of,
    sovereigns_of,
    town_of,
)
from globe_eval.places import gazetteer
from globe_eval.places.gazetteer import ADMIN1, ADMIN2, CAPITAL, CITY, LANDMARK
from globe_eval.places.names import normalise
from globe_eval.places.words import names_region

_MOST_PARTS = 10

_CITY_STATES = frozenset(["SG", "MC", "VA", "HK", "MO", "GI", "SM"])


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
    if len(left) > 1 and not country_of(left[-1]) and (home := country_of_code(left[-1], left[-2])):
        left[-1] = home
    left, country, same, beyond = _split_at_country(left)
    code = country_of(country) if country else None
    city, admin, venue, row = _read_backwards(left, country, code)
    if not (city or admin or venue):
        admin = next((part for part in same if normalise(part) in HOME_NATIONS), None)  # "Scotland, UK"
    if country is None and admin is None and city is None:
        return None
    code = code or (code_of(row) if row is not None else None)
    if code and (city is None or is_wide(city)):
        towns = (part for part in beyond if is_town(part, code) and not (venue and not is_prominent(part)))
        if town := next(towns, None):
            venue, city, row = [*([city] if city else []), *venue], town, town_of(town, code, ())
    if city is None and venue:
        city = country if country and code in _CITY_STATES else town_of_site(venue[-1], code, admin) or venue[-1]
        venue = [part for part in venue if part != city or is_venue(part)]
    elif city and row is not None and (is_landmark(row) or (is_venue(city) and not is_name(city))):
        venue.append(city)
    venue += [part for part in beyond if is_venue(part) or town_of(part, code, ()) not in (None, row)]
    site = row is not None and is_landmark(row)
    among = code if country or admin else None
    finer = (
        part
        for part in dict.fromkeys(venue)
        if not (city and row is not None and _is_elsewhere(part, row, among)) and _is_finer(part, city, code, site=site)
    )
    return Names(country, city, admin, ", ".join(finer) or None)


def _split_at_country(parts: Sequence[str]) -> tuple[list[str], str | None, list[str], list[str]]:
    """What stands before the last country, the country, other names of it, and what stands behind it.

    Without a country all parts stand before it; with one that stands first they do too, the last part first.
    """
    left = [*parts]
    at = next((i for i in range(len(left) - 1, -1, -1) if country_of(left[i])), None)
    while at and _are_two(left[at - 1], left[at]):
        left, at = left[:at], at - 1
    if (
        at is None
        and len(left) > 1
        and is_name(left[0])
        and is_pure_region(left[0])
        and not regions_of(left[-1], None)
        and _holds(regions_of(left[0], None)[0], left[1:])
    ):
        left = [*left[1:], left[0]]  # "in Utah, near Moab"
    if at is None or _rather_region(left, at) or _rather_town(left, at):
        return left, None, [], []
    country, beyond = left[at], left[at + 1 :]
    same = [part for part in left[:at] if country_of(part) == country_of(country)]
    before = [part for part in left[:at] if part not in same]
    if same and normalise(country) in HOME_NATIONS:  # "the United Kingdom (likely England)"
        country, beyond = same[0], [country, *beyond]
    return (before, country, same, beyond) if before else (beyond[::-1], country, same, [])


def _is_range(part: str) -> bool:
    """Whether a region is a range or the like, or a part of a country, which reaches beyond one province."""
    return is_wide(part) or country_of(part.split()[-1]) is not None


def town_of_site(site: str, code: str | None = None, admin: str | None = None) -> str | None:
    """The town that a site is named after: "Tulum archaeological site"; of the stated country and region, else a large
    one that is ten times its namesakes.
    """
    match = _OF_ITS_TOWN.fullmatch(site)
    if match is None or not is_name(match[1]) or is_ordinary(match[1]):
        return None
    if code is None:
        if match[1].lower() in VENUES or match[1].startswith(("St.", "St ")):
            return None
        gaz = gazetteer.load()
        people = [gaz.population[row] for row in rows_of(normalise(match[1])) if gaz.kind[row] >= CITY]
        return match[1] if people and people[0] >= max([LARGE, *(10 * other for other in people[1:])]) else None
    regions = regions_of(admin, code) if admin else ()
    town = town_of(match[1], code, regions)
    return match[1] if town is not None and (not regions or is_inside(town, regions[0])) else None


def _is_finer(part: str, city: str | None, code: str | None, *, site: bool) -> bool:
    """Whether a part is finer than the city: no region, no other name of it; the city itself where it is a `site`."""
    if part == city:
        return site or " " in part
    if is_event(part) or is_wide(part) or (country_of(part) and not is_venue(part)):
        return False
    if is_venue(part):
        return True
    if regions_of(part, code) and town_of(part, code, ()) is None:
        return False
    return not city or not {*rows_of(normalise(part))[:1]} & {*rows_of(normalise(city))} or part.startswith("Downtown")


def _is_elsewhere(part: str, row: int, code: str | None) -> bool:
    """Whether a name is that of another city than a row's, of the country if one is stated: "Paris, London"."""
    gaz = gazetteer.load()
    rows = [other for other in rows_of(normalise(part)) if code in (None, code_of(other))]
    far = all(gaz.kind[other] != LANDMARK and are_apart(other, row) for other in rows)
    return bool(rows) and far and is_prominent(part) and not is_ordinary(part)


def _read_backwards(
    left: Sequence[str], country: str | None, code: str | None
) -> tuple[str | None, str | None, list[str], int | None]:
    """City, region and what is finer in the parts before a country, and the gazetteer's row of the city or region."""
    city = admin = None
    island: str | None = None  # or another region in the region: "Maui, Hawaii"
    row: int | None = None
    around: tuple[int, ...] = ()
    venue: list[str] = []
    for i in range(len(left) - 1, -1, -1):
        part = left[i]
        if city is not None:
            venue.insert(0, part)
            continue
        regions, town = regions_of(part, code), town_of(part, code, around)
        coded = part.replace(".", "").isupper() and len(part) <= 4
        ordinary = code is None and is_ordinary(part)
        held = ordinary and bool(regions) and _holds(regions[0], left[:i])
        if ordinary and not held and not (coded and regions):
            venue.insert(0, part)
        elif (
            regions
            and admin is None
            and (town is None or coded or held or _is_region(part, regions[0], town, left[:i], code))
        ):
            admin, around, row = part, tuple(regions[:4]), regions[0]
            code = code or code_of(regions[0])
        elif country_of(part) and country and admin is None and i > 0:
            admin = part  # a territory: "San Juan, Puerto Rico, USA"
        elif admin and regions and is_pure_region(part) and _is_called(regions[0], part) and part != admin:
            if _holds(regions[0], left[:i]) and not (around and _holds(around[0], left[:i])):
                admin, around, row = part, tuple(regions[:4]), regions[0]  # "Louisville, Kentucky, across from Indiana"
        elif around and town is not None and _is_district(regions, around[0], town, left[:i], code):
            island = part
        elif town is not None and not (is_landmark(town) and any(is_town(other, code) for other in left[:i])):
            city, row = part, town
        elif regions:
            inside = around and any(is_inside(region, around[0]) for region in regions) and not _is_range(part)
            island = part if inside else island
        elif (country or admin) and (names_region(normalise(part)) or part.split()[-1].lower() in AREAS):
            admin = admin or part
        else:
            venue.insert(0, part)
    is_there = city and row is not None and any(is_inside(row, region) for region in around)
    if island and admin and not is_there and normalise(island) != normalise(admin):
        admin = f"{island}, {admin}"
    return city, admin, venue, row


def _is_district(regions: Sequence[int], around: int, town: int, before: Sequence[str], code: str | None) -> bool:
    """Whether a town's name is here that of the division around it, in which another town lies: "Nabinagar, Aurangabad,
    Bihar".
    """
    inner = (region for region in regions if is_inside(region, around)) if before else ()
    others = ((town_of(before[-1], code, (region,)), region) for region in inner)
    return any(other is not None and is_inside(other, region) and are_apart(other, town) for other, region in others)


def _is_called(row: int, part: str) -> bool:
    """Whether a name is a row's own, not another one of it: California, not "Golden"."""
    return normalise(gazetteer.load().name(row)) == normalise(part)


def _holds(region: int, before: Sequence[str]) -> bool:
    """Whether a name before a region's is that of a place in it: "Tacoma, Washington", "Whitman County, Washington"."""
    code = code_of(region)
    return any(is_inside(town_of(part, code, (region,)), region) or _is_division(part, region) for part in before)


_OF_ITS_TOWN = re.compile(
    rf"(.+?)\s(?:[a-z]+\s)*(?:{'|'.join(sorted(VENUES))}|(?:{'|'.join(sorted(WORDS['arranging.of_its_town']))})\b.*)"
)
_OF_A_COUNTRY = tuple(sorted(WORDS["arranging.of_a_country"]))
"""What such a name begins with belongs to the country that it names, and is not in it."""
_CENTRE = r"(?:Old|Ancient|Historic|Inner|Walled)\s(?:Town|City|Cent(?:er|re)|District|Quarter)"
_CENTRE_OF = re.compile(
    rf"(.+?)\s(?:Downtown|Medina|Altstadt|{_CENTRE}|City\sCent(?:er|re))"
    rf"|(?:The\s|the\s)?(?:{_CENTRE}\sof|(?:Alt|Innen)stadt\svon)\s(.+)"
)
_SAINT = ("St. ", "St ", "Saint ")
_OWNED = re.compile(r"(.+?)['’](?:s?|n?[ıiuü]n)\s(.+)")
_POSTCODE = re.compile(r"(?<=\w)\s(?:\d{5}(?:-\d{4})?|[A-Z]{1,2}\d[A-Z\d]?(?:\s\d[A-Z]{2})?)$")
_OF = re.compile(
    r"(?!(?:Church|Chapel|Basilica|Monastery)\s.*\s(?:S[ãa]n?|Santa|Santo|Saint|St\.?)\s)"
    r"(?:.+\s(?:of|on|in|von)|(?:grand[- ]place|vieux[- ]port|marché|plage|playa|praia|spiaggia|puerto|aéroport"
    r"|aeropuerto|cathédrale|catedral|universi\w+)\s(?:de|di|d[ao]))"
    r"\s(?:the\s)?(.+)",
    re.IGNORECASE,
)
_CODE_BEHIND = re.compile(
    r"(?=.*[A-Z.\d]$)(.*[^\W\d_].*?),?\s(D\.?C\.?|[A-Z]{2}|USA|U\.S\.A?\.?|U\.K\.?)(?:\s\d{5}(?:-\d{4})?)?"
)


_AUSTRALIAN = re.compile(r"(.*[^\W\d_])\s(NSW|VIC|QLD|TAS|ACT)(?:\s\d{4})?")
_DIRECTED = re.compile(
    r"(?:(?:Mid|North|South|East|West|Central|Rural|Upper|Lower|Coastal|Inland|Southern|Northern)[\w-]*|The)\s+(?=[^\W\d_])(.+)"
)
_TWO = re.compile(r"(\w+?(?:\s\w+)??)\s(\w+|(?:United|New|South|North|Sri|Saudi|Costa|El)\s\w+)")
"""A name of few words; "London England" where no comma parts them."""
_FEDERAL_REGION = re.compile(r"(US|U\.S\.?|USA|UK|U\.K\.?)\s+[^\W\d_].*")


def _pieces(part: str) -> Iterator[str]:
    """A part, cut before a code that no comma separates ("Washington DC", "Seattle WA 98101") and from directions."""
    if part in EXONYMS:
        yield EXONYMS[part]
    elif cut := segments(part):
        yield from cut
    elif "–" in part and not is_name(part):
        yield from part.split("–")
    elif " " not in part:
        yield part
    elif home := country_in(part):
        yield home
    elif part.startswith(("Downtown ", "Uptown ", "Midtown ", "downtown ", "central ")):
        yield from (part, part.split(maxsplit=1)[1])
    elif (match := _CENTRE_OF.fullmatch(part)) and is_name(town := match[1] or match[2]) and not is_ordinary(town):
        yield from (part, town)
    elif (
        (match := _OWNED.fullmatch(part))
        and (is_large_town(match[1]) or (is_prominent(match[1]) and not is_venue(part)))
        and not (is_name(part) or is_ordinary(match[1]) or part.startswith(_SAINT))
    ):
        yield from (match[2], match[1])
    elif (
        (match := _OF.fullmatch(part))
        and not (is_name(part) or part.startswith(_OF_A_COUNTRY))
        and _is_of_town(part, match[1])
    ):
        head = part[: match.start(1)].removesuffix("the ")[:-4]
        yield from (head if head[:1].isupper() and is_prominent(head) else part, match[1])
    elif match := _AUSTRALIAN.fullmatch(part):
        yield from match.groups() if regions_of(match[2], "AU") else match.groups()[:1]
    elif (match := _CODE_BEHIND.fullmatch(part)) and not set(match[2]) <= {"I", "V", "X"}:
        yield from match.groups()
    elif ((match := _FEDERAL_REGION.fullmatch(part)) and not is_venue(part)) or (
        (match := _DIRECTED.fullmatch(part)) and not rows_of(normalise(part)) and country_of(match[1])
    ):
        yield match[1]
    elif (match := _TWO.fullmatch(part)) and country_of(match[2]) and _is_town_of(match[1], match[2]):
        yield from match.groups()
    else:
        yield _POSTCODE.sub("", part)


def _is_town_of(head: str, country: str) -> bool:
    """Whether a country's name without a comma follows one of its large towns: "Paris France", not "West Georgia"."""
    town = town_of(head, None, ())
    return town is not None and code_of(town) == country_of(country) and not is_name(f"{head} {country}")


def _is_of_town(part: str, town: str) -> bool:
    """Whether a part names something of a town: "Bridge of Lima", "ruins of Tulum"."""
    return is_prominent(town) or ((part.split()[0] in VENUES or is_venue(part.split()[0])) and is_name(town))


def _are_two(one: str, other: str) -> bool:
    """Whether two names are of two countries ("Italy/Greece"), and the first of no territory or town of the other
    ("Antigua, Guatemala").
    """
    home, code = country_of(one), country_of(other)
    if home is None or code == home or code in sovereigns_of(home):
        return False
    gaz, town = gazetteer.load(), town_of(one, code, ())
    if town is not None and gaz.kind[town] >= CITY and gaz.population[town] >= TOWN:
        return False
    return not any(gaz.kind[row] == ADMIN1 for row in regions_of(one, code))


def _rather_region(parts: Sequence[str], at: int) -> bool:
    """Whether a country's name is here that of a state: "Atlanta, Georgia"."""
    if normalise(parts[at]) != "georgia":
        return False
    before = [part for part in parts[:at] if town_of(part, "GE", ())]
    regions = regions_of(parts[at], "US")
    return not before and _holds(regions[0], parts[:at])


def _is_division(part: str, region: int) -> bool:
    """Whether a name says that it is a division, and is one of the region: "Suffolk County", New York."""
    if not (is_name(part) and names_region(normalise(part))):
        return False
    return any(is_inside(row, region) for row in regions_of(part, code_of(region)))


def _rather_town(parts: Sequence[str], at: int) -> bool:
    """Whether a country's name is here that of a town: "Lebanon, New Hampshire"."""
    regions = regions_of(parts[-1], None) if at < len(parts) - 1 else ()
    home = country_of(parts[at])
    return any(code_of(row) != home and is_inside(town_of(parts[at], code_of(row), (row,)), row) for row in regions[:1])


def _is_region(part: str, region: int, town: int, before: Sequence[str], code: str | None) -> bool:
    """Whether a name of a region and of a town is the region's: a town in it is named before, or it is far larger."""
    gaz = gazetteer.load()
    while len(before) > 1 and town_of(before[-1], code_of(region), (region,)) is None:
        before = before[:-1]
    if before and not (is_venue(before[-1]) and gaz.kind[region] != ADMIN1):
        other = town_of(before[-1], code or gaz.codes[gaz.country[region]], (region,))
        if other == town and is_inside(town, region) and is_name(before[-1]) and _is_called(region, part):
            return True  # "Salvador, Bahia"
        if (
            other is not None
            and other != town
            and _is_called(region, part)
            and not _is_called(town, part)
            and gaz.country[other] == gaz.country[region]
            and is_name(before[-1])
            and not (is_landmark(other) or is_pure_region(before[-1]))
        ):
            return True  # "Hội An, Quảng Nam", where a town is called so as well
        inside = other is not None and other != town and is_inside(other, region)
        if other is not None and is_landmark(other) and apart_km(other, region) < apart_km(other, town):
            inside = True  # "Yellowstone National Park, Wyoming", whose middle may lie beyond the border
        if other is not None and inside:
            first = len(before) == 1 and gaz.kind[other] >= CITY and gaz.population[other] >= TOWN
            first = first and gaz.kind[region] == ADMIN1
            if first or are_apart(other, town):
                return True
    if any(_is_division(part, region) for part in before):
        return True
    if gaz.kind[region] == ADMIN2 and is_inside(town, region) and gaz.population[town] >= TOWN:
        return False  # "Venise, Italie": the town, not its province
    if gaz.kind[town] in (CAPITAL, LANDMARK) and gaz.kind[region] != ADMIN1:
        return False
    if gaz.codes[gaz.country[town]] != gaz.codes[gaz.country[region]]:
        return gaz.population[region] > gaz.population[town]
    return 10 * gaz.population[town] < gaz.population[region]


_CAPITAL = r"[^\W\d_a-zß-öø-ÿа-яё][\w'.-]{0,30}"
_PARTICLE = r"de|del|della|di|da|do|dos|das|la|le|el|al|the|of|and|upon|am|an|der|den|on|y|e|-"
_CAPITALISED = re.compile(rf"{_CAPITAL}(?:\s(?:{_CAPITAL}|{_PARTICLE})){{0,5}}")
_OTHERS = re.compile(
    r"\b(?:or|either|like|such as|including|similar|not|outside|unlike|capital|e\.g)\b|'t\b", re.IGNORECASE
)


_BESIDE = re.compile(r",\s(?:in|near|on|at|close\sto|outside)\s(?:the\s)?(?=[^\W\d_a-zß-öø-ÿ])")


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
    bare = without_remarks(_with_country(value[:300]))
    if is_sentence(bare) or _OTHERS.search(bare):
        return Names()
    stated = [part for part in re.split(r",|(?<=\w)\s[(\[](?=\w)|[)\]]", bare) if part.strip()]
    parts = [part for part in map(name, stated) if part and len(part.split()) <= 6]
    if len(parts) < len(stated) or not parts:
        return Names()
    if capitals and not all(_is_like_name(part) for part in parts):
        return Names()
    if country_first:
        parts.reverse()
    if known := arranged(parts):
        return known
    if len(parts) > 4 or (capitals and len(parts) == 1) or is_venue(parts[-1]):
        return Names()
    if len(parts) == 1:
        return Names(country=parts[0])
    return Names(country=parts[-1], city=parts[0], admin=parts[-2] if len(parts) > 2 else None)


def _with_country(value: str) -> str:
    """A value of which a remark ends in the only country, as a list: "Kazimierz, near Lublin, Poland"."""
    beside = _BESIDE.search(value)
    if beside is None or not is_country(value.rsplit(",", 1)[-1].strip(DECORATION)):
        return value
    before, after = value[: beside.start()], value[beside.end() :]
    if any(map(is_country, before.split(", "))):
        return value
    if is_name(before.partition(" (")[0]) and not beside[0].startswith((", in", ", on", ", at")):
        after = after.partition(", ")[2]  # "Persepolis, near Shiraz, Iran"
    return f"{before}, {after}" if after else value


def _is_like_name(part: str) -> bool:
    """Whether a part is spelled like a name; in a script without capitals, whether it is one that is known."""
    if not part.isascii() and is_written_in(part):
        return part in EXONYMS or is_name(part) or segments(part) is not None
    return _CAPITALISED.fullmatch(part) is not None


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
