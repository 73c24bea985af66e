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
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike
    from scipy.spatial import cKDTree

    Floats = np.ndarray[Any, np.dtype[np.float64]]
    Rows = np.ndarray[Any, np.dtype[np.int64]]

PATH = Path(__file__).parent / "data" / "gazetteer.bin"
MAGIC = b"GLOBEGAZ"
EARTH_RADIUS_KM = 6371.0
WORTH_A_TREE = 100
"""Points; for fewer, the making of a tree takes longer than to look for each among all places."""
_MANY_WITHIN = 500
"""The same where only places up to some km away are wanted."""
_ONE_IN = 32
"""Of all places, how many are looked at first where the nearest of few points are wanted."""
_BAND = 1_000.0
"""What a band of latitude adds to the longitudes in it: more than lie between the first and the last of these."""
_AT_ONCE = 16_384  # points: their intermediate arrays stay in a cache, and do not add to a run's peak of memory

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


@lru_cache(maxsize=8)
def positions(kind: int = CITY, population: int = 0) -> tuple[Floats, Floats, Rows]:
    """Latitudes and longitudes in degrees of the places of at least this kind and population, and their rows."""
    import numpy as np

    gaz = load()
    people = np.frombuffer(gaz.population, dtype=np.uint32)
    rows = np.flatnonzero((np.frombuffer(gaz.kind, dtype=np.uint8) >= kind) & (people >= population))
    lat, lon = (np.frombuffer(column, dtype=np.int32)[rows] / 1e5 for column in (gaz.lat, gaz.lon))
    return lat, lon, rows


@lru_cache(maxsize=2)
def _vectors(kind: int) -> Floats:
    return unit_vectors(*positions(kind)[:2])


_trees: dict[int, cKDTree] = {}


def _tree(kind: int) -> cKDTree:
    if kind not in _trees:
        from scipy.spatial import cKDTree

        _trees[kind] = cKDTree(_vectors(kind))
    return _trees[kind]


@lru_cache(maxsize=2)
def _first_there(kind: int) -> tuple[Rows, np.ndarray[Any, np.dtype[np.bool_]]]:
    """Of each place the first one at its point, and whether it is not alone there: a tree gives them in any order."""
    import numpy as np

    rows = positions(kind)[2]
    lat, lon = (np.frombuffer(column, dtype=np.int32)[rows].astype(np.int64) for column in (load().lat, load().lon))
    _, first, which, times = np.unique((lat << 32) + lon, return_index=True, return_inverse=True, return_counts=True)
    return first[which], times[which] > 1


def closest(lats: ArrayLike, lons: ArrayLike, kind: int = CITY, k: int = 1) -> tuple[Floats, Rows]:
    """The k places of at least this kind that are nearest to each of n points: chords of the unit sphere, and rows.

    Both (n, k), the nearest first, of places at one and the same point the lower row. `lats`, `lons`: degrees, shape
    (n,), finite. The search runs on the unit sphere, so that poles and the antimeridian need no care.
    """
    import numpy as np

    vectors, points = _vectors(kind), unit_vectors(lats, lons)
    rows, doubtful = positions(kind)[2], np.arange(len(points))
    chord, index = np.empty((len(points), k)), np.empty((len(points), k), dtype=np.intp)
    if len(points) > WORTH_A_TREE or kind in _trees:
        chord, index = (np.asarray(one).reshape(-1, k) for one in _tree(kind).query(points, k=k))
        first, has_twin = _first_there(kind)
        if k == 1:
            return chord, rows[first[index]]
        index = np.take_along_axis(index, np.lexsort((index, chord), axis=-1), axis=1)
        doubtful = np.flatnonzero(has_twin[index[:, -1]])  # a twin may have been left out
    few = vectors[:: max(1, min(_ONE_IN, len(vectors) // k))]
    for i in doubtful:
        point = points[i]
        # The k nearest of all are no farther than those of a few, nor farther along any axis than they are far.
        reach = np.partition(_chords(few, point), k - 1)[k - 1] + 1e-12
        near = np.flatnonzero(np.abs(vectors[:, 2] - point[2]) <= reach)
        for axis in (0, 1):
            near = near[np.abs(vectors[near, axis] - point[axis]) <= reach]
        each = _chords(vectors[near], point)
        order = np.argsort(each, kind="stable")[:k]
        chord[i], index[i] = each[order], near[order]
    return chord, rows[index]


@lru_cache(maxsize=8)
def _in_bands(population: int, degrees: float) -> tuple[Floats, Floats]:
    """Cities by bands of latitude of a height, and by longitude in each: the keys of that order, and unit vectors.

    Each is there again a turn to the east and to the west, for points beside the antimeridian.
    """
    import numpy as np

    lat, lon, _ = positions(CITY, population)
    keys = np.tile(_BAND * np.floor(lat / degrees), 3) + np.concatenate([lon, lon - 360, lon + 360])
    order = np.argsort(keys, kind="stable")
    return keys[order], unit_vectors(lat, lon)[order % len(lat)]


def any_within(lats: ArrayLike, lons: ArrayLike, km: float, population: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether a city of at least this population lies less than `km` from each of n points; degrees, shape (n,)."""
    import numpy as np

    lat, lon = np.asarray(lats, dtype=np.float64), np.asarray(lons, dtype=np.float64)
    degrees, reach = float(np.degrees(km / EARTH_RADIUS_KM)), 2 * np.sin(km / EARTH_RADIUS_KM / 2)
    found = np.zeros(len(lat), dtype=np.bool_)
    if len(lat) <= WORTH_A_TREE:
        north, east, _ = positions(CITY, population)
        for i, point in enumerate(unit_vectors(lat, lon)):
            near = np.flatnonzero(np.abs(north - lat[i]) <= degrees * (1 + 1e-9))
            found[i] = (_chords(unit_vectors(north[near], east[near]), point) < reach).any()
        return found
    keys, vectors = _in_bands(population, degrees)
    for start in range(0, len(lat), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        points, y, x = unit_vectors(lat[some], lon[some]), lat[some], lon[some]
        # Around a pole all longitudes are near.
        polar = np.abs(y) + degrees >= 90
        aside = np.degrees(np.arcsin(np.sin(np.radians(degrees)) / np.cos(np.radians(np.where(polar, 0, y)))))
        aside = np.where(polar, 180, aside * (1 + 1e-9))
        for band in (-1, 0, 1):
            row = np.floor(y / degrees) + band
            first, last = (keys.searchsorted(_BAND * row + x + to * aside) for to in (-1, 1))
            counts = last - first
            owner = np.repeat(np.arange(len(y)), counts)
            near = np.arange(len(owner)) + np.repeat(first - np.cumsum(counts) + counts, counts)
            found[some][owner[_chords(vectors[near], points[owner]) < reach]] = True
    return found


def _chords(vectors: Floats, points: Floats) -> Floats:
    """The chords between n points of the unit sphere and n others or one; not `norm`, whose last bits differ."""
    import numpy as np

    off = vectors - points
    return np.asarray(np.sqrt(off[:, 0] ** 2 + off[:, 1] ** 2 + off[:, 2] ** 2))


def unit_vectors(lat: ArrayLike, lon: ArrayLike) -> Floats:
    """Points on the unit sphere, shape (n, 3), of degrees of shape (n,)."""
    import numpy as np

    lat, lon = np.asarray(lat, dtype=np.float64), np.asarray(lon, dtype=np.float64)
    points = np.empty((len(lat), 3))
    for start in range(0, len(lat), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        phi, lam = np.radians(lat[part]), np.radians(lon[part])
        points[part] = np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)], axis=-1)
    return points


def nearest(lats: ArrayLike, lons: ArrayLike) -> tuple[list[Place], Floats]:
    """The nearest populated place of each point, and the great-circle distance to it in km (R = 6371.0).

    `lats`, `lons`: degrees, shape (n,), finite.
    """
    import numpy as np

    chord, rows = closest(np.atleast_1d(lats), np.atleast_1d(lons))
    places = [load().place(int(row)) for row in rows[:, 0]]
    return places, 2 * EARTH_RADIUS_KM * np.arcsin(np.minimum(chord[:, 0] / 2, 1.0))


def nearest_within(lats: Floats, lons: Floats, km: float) -> list[Place | None]:
    """The nearest populated place of each point, of places at one point the first; None where none is within `km`.

    `lats`, `lons`: degrees, shape (n,), finite.
    """
    import numpy as np

    if len(lats) > _MANY_WITHIN or CITY in _trees:
        return [place if off <= km else None for place, off in zip(*nearest(lats, lons), strict=True)]
    north, east, rows = positions()
    degrees = np.degrees(km / EARTH_RADIUS_KM) * (1 + 1e-9)
    found: list[Place | None] = []
    for lat, lon, point in zip(lats, lons, unit_vectors(lats, lons), strict=True):
        near = np.flatnonzero(np.abs(north - lat) <= degrees)
        if abs(lat) < 80:  # around a pole all longitudes are near
            aside = degrees / np.cos(np.radians(abs(lat) + degrees))
            near = near[np.abs(np.remainder(east[near] - lon + 180, 360) - 180) <= aside]
        chords = _chords(unit_vectors(north[near], east[near]), point)
        best = int(np.argmin(chords)) if len(near) else 0
        there = len(near) > 0 and 2 * EARTH_RADIUS_KM * np.arcsin(min(chords[best] / 2, 1.0)) <= km
        found.append(load().place(int(rows[near[best]])) if there else None)
    return found


def cities() -> Iterator[Place]:
    """Every populated place, in the order of the file."""
    gaz = load()
    return (gaz.place(row) for row in range(len(gaz)) if gaz.kind[row] >= CITY)
