"""The places of the gazetteer that are nearest to points of the map, or within some kilometres of them.

Distances are chords of the unit sphere, so that poles and the antimeridian need no care. Places are sorted in bands of
latitude as high as the distance that is looked at, and by longitude in each. The nearest are looked for farther and
farther around a point, for nearly every photograph has a town within 10 km. Only for many points at sea or in a desert
a tree is grown, for the import of scipy takes longer than all the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from globe_eval.places.gazetteer import CITY, EARTH_RADIUS_KM, Place, load

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

FEW = 100
"""Points; for fewer, to make bands or a tree takes longer than to look at all places for each."""
AROUND_KM = (10.0, 40.0, 160.0)
"""How far the nearest places of many points are looked for, before all places are."""
_ONE_IN = 32
"""Of all places, how many are looked at first where the nearest of few points are wanted."""
_TURN = 1_000.0
"""What a band adds to the longitudes in it: more than lie between the first and the last of these."""
_AT_ONCE = 16_384  # points: their intermediate arrays stay in a cache, and do not add to a run's peak of memory
_PAIRS_AT_ONCE = 250_000
_SLACK = 1 + 1e-6


@lru_cache(maxsize=8)
def positions(kind: int = CITY, population: int = 0) -> tuple[Floats, Floats, Rows]:
    """Latitudes and longitudes in degrees of the places of at least this kind and population, and their rows."""
    gaz = load()
    people = np.frombuffer(gaz.population, dtype=np.uint32)
    rows = np.flatnonzero((np.frombuffer(gaz.kind, dtype=np.uint8) >= kind) & (people >= population))
    lat, lon = (np.frombuffer(column, dtype=np.int32)[rows] / 1e5 for column in (gaz.lat, gaz.lon))
    return lat, lon, rows


def closest(lats: ArrayLike, lons: ArrayLike, kind: int = CITY, k: int = 1) -> tuple[Floats, Rows]:
    """The k places of at least this kind that are nearest to each of n points: chords of the unit sphere, and rows.

    Both (n, k), the nearest first, of places at one and the same point the lower row. `lats`, `lons`: degrees, shape
    (n,), finite.
    """
    lat, lon = np.asarray(lats, dtype=np.float64), np.asarray(lons, dtype=np.float64)
    chord, index = _closest_within(lat, lon, AROUND_KM if len(lat) > FEW else (), kind, k)
    left = np.flatnonzero(np.isinf(chord[:, 0]))
    chord[left], index[left] = _closest_of_all(unit_vectors(lat[left], lon[left]), kind, k)
    return chord, positions(kind)[2][index]


def _closest_within(
    lat: Floats, lon: Floats, distances_km: Sequence[float], kind: int = CITY, k: int = 1
) -> tuple[Floats, Rows]:
    """`closest` of the points that have k places within one of these distances, with indices; chords inf elsewhere."""
    chord, index = np.full((len(lat), k), np.inf), np.zeros((len(lat), k), dtype=np.int64)
    left = np.arange(len(lat))
    for km in distances_km:
        for point, place, off in _within(lat[left], lon[left], km, kind):
            order = np.lexsort((place, off, point))
            points, first, counts = np.unique(point[order], return_index=True, return_counts=True)
            nearest_k = order[first[counts >= k][:, None] + np.arange(k)]
            points = left[points[counts >= k]]
            chord[points], index[points] = off[nearest_k], place[nearest_k]
        left = left[np.isinf(chord[left, 0])]
    return chord, index


def _closest_of_all(points: Floats, kind: int, k: int) -> tuple[Floats, Rows]:
    vectors, doubtful = _vectors(kind, 0), np.arange(len(points))
    chord, index = np.empty((len(points), k)), np.empty((len(points), k), dtype=np.int64)
    if len(points) > FEW:
        chord, index = (np.asarray(one).reshape(-1, k) for one in _tree(kind).query(points, k=k))
        index = np.take_along_axis(index, np.lexsort((index, chord), axis=-1), axis=1)
        # A tree gives places at one point in any order, and may leave out the first of them.
        doubtful = np.flatnonzero(_has_twin(kind)[index[:, -1]])
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
    return chord, index


@lru_cache(maxsize=2)
def _tree(kind: int) -> cKDTree:
    from scipy.spatial import cKDTree

    return cKDTree(_vectors(kind, 0))


@lru_cache(maxsize=2)
def _has_twin(kind: int) -> NDArray[np.bool_]:
    """Whether a place is not alone at its point."""
    lat, lon, _ = positions(kind)
    _, which, times = np.unique(lat + 1j * lon, return_inverse=True, return_counts=True)
    return times[which] > 1


def nearest(lats: ArrayLike, lons: ArrayLike) -> tuple[list[Place], Floats]:
    """The nearest populated place of each point, and the great-circle distance to it in km (R = 6371.0).

    `lats`, `lons`: degrees, shape (n,), finite.
    """
    chord, rows = closest(np.atleast_1d(lats), np.atleast_1d(lons))
    return [load().place(int(row)) for row in rows[:, 0]], chord_km(chord[:, 0])


def nearest_within(lats: Floats, lons: Floats, km: float) -> list[Place | None]:
    """The nearest populated place of each point, of places at one point the first; None where none is within `km`.

    `lats`, `lons`: degrees, shape (n,), finite.
    """
    chord, index = _closest_within(lats, lons, (km / 5, km))
    rows = positions()[2][index[:, 0]]
    return [load().place(int(row)) if off <= km else None for row, off in zip(rows, chord_km(chord[:, 0]), strict=True)]


def any_within(lats: ArrayLike, lons: ArrayLike, km: float, population: int) -> NDArray[np.bool_]:
    """Whether a city of at least this population lies less than `km` from each of n points; degrees, shape (n,)."""
    lat, lon = np.asarray(lats, dtype=np.float64), np.asarray(lons, dtype=np.float64)
    found, reach = np.zeros(len(lat), dtype=np.bool_), 2 * np.sin(km / EARTH_RADIUS_KM / 2)
    for point, _, off in _within(lat, lon, km, population=population):
        found[point[off < reach]] = True
    return found


def _within(
    lat: Floats, lon: Floats, km: float, kind: int = CITY, population: int = 0
) -> Iterator[tuple[Rows, Rows, Floats]]:
    """Points and the places within `km` of each, or a millionth farther: indices of both, and chords.

    All places of a point come together; many points come in pieces, and one without a place does not come at all.
    """
    vectors, points = _vectors(kind, population), unit_vectors(lat, lon)
    degrees, reach = float(np.degrees(km / EARTH_RADIUS_KM)), 2 * np.sin(min(km / EARTH_RADIUS_KM, np.pi) / 2)
    degrees, reach = degrees * _SLACK, reach * _SLACK
    if len(lat) <= FEW:
        north = positions(kind, population)[0]
        for i, point in enumerate(points):
            place = np.flatnonzero(np.abs(north - lat[i]) <= degrees)
            off = _chords(vectors[place], point)
            near = off <= reach
            yield np.full(np.count_nonzero(near), i), place[near], off[near]
        return
    keys, order = _bands(kind, population, degrees)
    for start in range(0, len(lat), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        first, counts = _windows(lat[some], lon[some], degrees, keys)
        pieces = np.cumsum(counts.sum(axis=0)) // _PAIRS_AT_ONCE
        for piece in np.split(np.arange(len(pieces)), np.flatnonzero(np.diff(pieces)) + 1):
            size = counts[:, piece].ravel()
            point = start + np.repeat(np.tile(piece, len(counts)), size)
            place = order[np.arange(len(point)) + np.repeat(first[:, piece].ravel() - np.cumsum(size) + size, size)]
            off = _chords(vectors[place], points[point])
            near = off <= reach
            yield point[near], place[near], off[near]


def _windows(lat: Floats, lon: Floats, degrees: float, keys: Floats) -> tuple[Rows, Rows]:
    """Where in the bands the places begin that may be within so many degrees of n points, and how many there are.

    Both (6, n): in the point's own band and its neighbours, and there once more on the other side of the antimeridian.
    """
    polar = np.abs(lat) + degrees >= 90  # around a pole all longitudes are near
    wide = np.degrees(np.arcsin(np.sin(np.radians(min(degrees, 90))) / np.cos(np.radians(np.where(polar, 0, lat)))))
    west, east = np.where(polar, -180, lon - wide * _SLACK), np.where(polar, 180, lon + wide * _SLACK)
    across = west < -180, east > 180
    windows = (
        (np.maximum(west, -180), np.minimum(east, 180)),
        (np.where(across[0], west + 360, -180), np.select(across, (180, east - 360), -181)),
    )
    bands = [_TURN * (np.floor(lat / degrees) + step) for step in (-1, 0, 1)]
    first = np.stack([keys.searchsorted(band + low) for band in bands for low, _ in windows])
    after = np.stack([keys.searchsorted(band + high, "right") for band in bands for _, high in windows])
    return first, np.maximum(after - first, 0)


@lru_cache(maxsize=8)
def _bands(kind: int, population: int, degrees: float) -> tuple[Floats, Rows]:
    """Places by bands of latitude of this height, and by longitude in each: the keys of that order, and the order."""
    lat, lon, _ = positions(kind, population)
    keys = _TURN * np.floor(lat / degrees) + lon
    order = np.argsort(keys)
    return keys[order], order


@lru_cache(maxsize=8)
def _vectors(kind: int, population: int) -> Floats:
    return unit_vectors(*positions(kind, population)[:2])


def unit_vectors(lat: ArrayLike, lon: ArrayLike) -> Floats:
    """Points on the unit sphere, shape (n, 3), of degrees of shape (n,)."""
    lat, lon = np.asarray(lat, dtype=np.float64), np.asarray(lon, dtype=np.float64)
    points = np.empty((len(lat), 3))
    for start in range(0, len(lat), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        phi, lam = np.radians(lat[part]), np.radians(lon[part])
        points[part] = np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)], axis=-1)
    return points


def _chords(vectors: Floats, points: Floats) -> Floats:
    """The chords between n points of the unit sphere and n others or one; not `norm`, whose last bits differ."""
    off = vectors - points
    return np.asarray(np.sqrt(off[:, 0] ** 2 + off[:, 1] ** 2 + off[:, 2] ** 2))


def chord_km(chord: Floats) -> Floats:
    """Great-circle distances in km (R = 6371.0) of chords of the unit sphere."""
    return np.asarray(2 * EARTH_RADIUS_KM * np.arcsin(np.minimum(chord / 2, 1.0)))
