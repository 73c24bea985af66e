"""The embedded gazetteer: one read-only file, memory-mapped, standard library only.

The file holds a header (JSON), columns of places and an index of names. A name is found by its fingerprint: the first
`bucket_bits` bits of its hash choose a bucket, the next 32 bits are searched in it. Nothing is parsed on opening, so
the first look-up of a process costs about a millisecond, and only the pages that are read take memory.
`scripts/build_gazetteer.py` writes the file and documents its sources.
"""

from __future__ import annotations

import json
import mmap
import sys
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b, file_digest
from pathlib import Path
from typing import Any, Literal

PATH = Path(__file__).parent / "data" / "gazetteer.bin"
MAGIC = b"GLOBEGAZ"
EARTH_RADIUS_KM = 6371.0

COUNTRY, ADMIN1, ADMIN2, REGION, LANDMARK, CITY, CAPITAL = range(7)
"""Kinds of places. REGION and LANDMARK are the curated rows: a wide area, a point."""

Level = Literal["city", "admin", "country"]
LEVELS: tuple[Level, ...] = ("country", "admin", "admin", "admin", "city", "city", "city")

DEPENDENCIES: dict[str, tuple[str, ...]] = {
    "AU": ("CX", "CC", "NF", "HM"),
    "CN": ("HK", "MO"),
    "DK": ("GL", "FO"),
    "FI": ("AX",),
    "FR": ("RE", "GP", "MQ", "GF", "YT", "NC", "PF", "BL", "MF", "PM", "WF", "TF"),
    "GB": ("GI", "IM", "JE", "GG", "BM", "FK", "KY", "VG", "TC", "MS", "AI", "SH", "PN", "IO", "GS"),
    "NL": ("AW", "CW", "SX", "BQ"),
    "NO": ("SJ", "BV"),
    "NZ": ("CK", "NU", "TK"),
    "US": ("PR", "GU", "VI", "AS", "MP", "UM"),
}
"""State -> its territories with a code of their own: a photograph taken in Réunion was taken in France too."""

_CLAIMED: dict[str, tuple[str, ...]] = {
    "CN": ("TW",), "ES": ("GI",), "IE": ("GB.NIR",), "IL": ("PS",), "IT": ("VA", "SM"), "MA": ("EH",),
    "PS": ("IL",), "RS": ("XK",), "RU": ("UA.11", "UA.20"),
}  # fmt: skip

TERRITORIES: dict[str, tuple[str, ...]] = {
    code: (*DEPENDENCIES.get(code, ()), *_CLAIMED.get(code, ())) for code in sorted({*DEPENDENCIES, *_CLAIMED})
}
"""Where else a place may lie when this country is stated: dependencies and disputed areas (or one region of them)."""


@dataclass(frozen=True, slots=True)
class Place:
    """A point on the map and how precisely it was named.

    `lat`, `lon` in degrees: the place's own point at level "city", the population centroid at "admin" and "country".
    `geonameid` is None for curated rows and for regions whose GeoNames id is not in the sources.
    """

    lat: float
    lon: float
    country_code: str
    level: Level
    geonameid: int | None
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """Where a place may lie when a country is stated: the country itself, and others or only regions (rows) of them."""

    home: int
    limits: dict[int, frozenset[int] | None]


class Gazetteer:
    """Columns of the packed file as memoryviews, one element a place; `find` gives the places of a name."""

    country: memoryview
    kind: memoryview
    lat: memoryview
    lon: memoryview
    population: memoryview
    admin1: memoryview
    admin2: memoryview
    geonameid: memoryview
    _name_end: memoryview
    _bucket: memoryview
    _fingerprint: memoryview
    _entry: memoryview
    _text: memoryview

    def __init__(self, path: Path = PATH) -> None:
        if sys.byteorder != "little":
            raise RuntimeError("the packed gazetteer is little-endian; this machine is not")
        with path.open("rb") as file:
            view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        if view[:8] != MAGIC:
            raise ValueError(f"{path}: not a packed gazetteer")
        size = int.from_bytes(view[8:12], "little")
        self.header: dict[str, Any] = json.loads(bytes(view[12 : 12 + size]))
        for name, code, start, stop in self.header["columns"]:
            setattr(self, name, view[start:stop].cast(code))
        self.codes: list[str] = self.header["countries"]
        self.code_index = {code: i for i, code in enumerate(self.codes)}
        self._shift = 64 - self.header["bucket_bits"]
        self.find = lru_cache(maxsize=8192)(self._find)
        """Entries under a normalised name: `row * 2 + primary`, empty if there are none."""
        self._scopes: dict[str, Scope] = {}

    def __len__(self) -> int:
        return len(self.kind)

    def _find(self, key: str) -> memoryview | tuple[()]:
        digest = int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "little")
        bucket = digest >> self._shift
        low, high = self._bucket[bucket], self._bucket[bucket + 1]
        wanted = digest & 0xFFFFFFFF
        prints = self._fingerprint
        start = bisect_left(prints, wanted, low, high)
        stop = start
        while stop < high and prints[stop] == wanted:
            stop += 1
        return self._entry[start:stop] if stop > start else ()

    def code(self, key: str) -> memoryview | tuple[()]:
        """Entries of the countries and regions with this code, two or three lower-case letters."""
        return self.find(f"={key}") if len(key) <= 3 else ()

    def name(self, row: int) -> str:
        """The English (GeoNames) name of a place."""
        return bytes(self._text[self._name_end[row - 1] if row else 0 : self._name_end[row]]).decode()

    def position(self, row: int) -> tuple[float, float]:
        """Latitude and longitude in degrees."""
        return self.lat[row] / 1e5, self.lon[row] / 1e5

    def place(self, row: int) -> Place:
        """The place in a row."""
        gid = self.geonameid[row]
        return Place(
            self.lat[row] / 1e5, self.lon[row] / 1e5, self.codes[self.country[row]], LEVELS[self.kind[row]],
            gid or None, self.name(row),
        )  # fmt: skip

    def scope(self, code: str) -> Scope:
        """Where a place stated to be in the country `code` may lie; always the same object for the same code."""
        scope = self._scopes.get(code)
        if scope is None:
            home = self.code_index[code]
            limits: dict[int, frozenset[int] | None] = {home: None}
            for item in TERRITORIES.get(code, ()):
                territory, _, region = item.partition(".")
                index = self.code_index[territory]
                limits[index] = (limits.get(index) or frozenset()) | {self.header["regions"][item]} if region else None
            scope = self._scopes[code] = Scope(home, limits)
        return scope


@lru_cache(maxsize=1)
def load() -> Gazetteer:
    """The gazetteer of the package, opened once a process."""
    return Gazetteer()


@lru_cache(maxsize=1)
def info() -> Mapping[str, str]:
    """`version`, `sha256` and `attribution` of the packed file: what a result must say about its gazetteer."""
    header = load().header
    with PATH.open("rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
    return {"version": header["version"], "sha256": digest, "attribution": header["attribution"]}


@lru_cache(maxsize=16_384)
def country(key: str, *, main: bool = False) -> str | None:
    """ISO code of the country with this normalised name or code; `main` leaves out names in other languages."""
    gaz = load()
    for entry in gaz.find(key):
        if entry >> 1 >= len(gaz.codes):
            break  # rows are sorted, and the countries are the first
        if entry & 1 or not main:
            return gaz.codes[entry >> 1]
    for entry in gaz.code(key) if len(key) <= 3 else ():
        if entry >> 1 < len(gaz.codes):
            return gaz.codes[entry >> 1]
    return None


def region_of(key: str) -> int | None:
    """The most populous region or curated area with this normalised name."""
    gaz = load()
    rows = [e >> 1 for e in gaz.find(key) if gaz.kind[e >> 1] in (ADMIN1, REGION) and len(key) > 3]
    return max(rows, key=lambda row: gaz.population[row], default=None)


def cities() -> Iterator[Place]:
    """Every populated place, in the order of the file."""
    gaz = load()
    return (gaz.place(row) for row in range(len(gaz)) if gaz.kind[row] >= CITY)
