"""Distances in kilometres: on the WGS84 ellipsoid, or on a sphere as in older tables.

Both functions take degrees, broadcast like any numpy operation and always return a float64 array (0-d for four
scalars). A coordinate that is no point on the Earth (NaN, infinite, a latitude outside [-90, 90]) has no distance: NaN,
for its element alone. An element's value does not depend on the batch that it came in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from globe_eval.places.gazetteer import EARTH_RADIUS_KM

if TYPE_CHECKING:
    from pyproj import Geod


def geodesic_km(lat1: ArrayLike, lon1: ArrayLike, lat2: ArrayLike, lon2: ArrayLike) -> NDArray[np.float64]:
    """Length of the shortest path on the WGS84 ellipsoid, in km, within [0, 20003.94].

    geographiclib is the definition (Karney 2013, "Algorithms for geodesics", J. Geodesy 87, 43-55); PROJ's array
    implementation of the same algorithm computes it. It converges everywhere, antipodes included, and needs neither
    PROJ's data files nor a network. Degrees north, and east by any number of turns.

    >>> geodesic_km(48.8566, 2.3522, [48.8566, float("nan")], [2.3522, 0.0])
    array([ 0., nan])
    >>> float(geodesic_km(0, 0, 0, 180).round(3))  # over a pole: the equator is the longer way
    20003.931
    """
    a_lat, a_lon, b_lat, b_lon, known = _points(lat1, lon1, lat2, lon2)
    km = np.full(known.shape, np.nan)
    # return_back_azimuth and radians are PROJ's defaults; order is longitude first.
    metres = _wgs84().inv(a_lon[known], a_lat[known], b_lon[known], b_lat[known])[2]
    km[known] = np.asarray(metres, dtype=np.float64) / 1000.0
    return km


def haversine_km(lat1: ArrayLike, lon1: ArrayLike, lat2: ArrayLike, lon2: ArrayLike) -> NDArray[np.float64]:
    """Great-circle distance on a sphere of R = 6371 km, in km, within [0, 20015.09].

    The formula of the tables published since IM2GPS (Vo et al. 2017, Müller-Budack et al. 2018). It differs from the
    geodesic by at most 0.56 %. Arguments as for `geodesic_km`.

    >>> float(haversine_km(0, 0, 0, 180).round(3))
    20015.087
    """
    a_lat, a_lon, b_lat, b_lon, known = _points(lat1, lon1, lat2, lon2)
    phi1, phi2 = np.radians(a_lat), np.radians(b_lat)
    half_dphi, half_dlam = (phi2 - phi1) / 2.0, np.radians(b_lon - a_lon) / 2.0
    h = np.sin(half_dphi) ** 2 + np.cos(phi1) * np.cos(phi2) * np.sin(half_dlam) ** 2
    # Rounding can lift h a few units past 1 at antipodes, where arcsin would say NaN.
    km = 2.0 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(h, 1.0)))
    return np.where(known, km, np.nan)


DISTANCES: Mapping[str, Callable[[ArrayLike, ArrayLike, ArrayLike, ArrayLike], NDArray[np.float64]]] = {
    "geodesic": geodesic_km,
    "haversine": haversine_km,
}
"""What `--distance` accepts; the first is the default."""


def _points(
    lat1: ArrayLike, lon1: ArrayLike, lat2: ArrayLike, lon2: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """The four coordinates at one shape, contiguous, 0 where a pair is no pair of points; and the mask of pairs.

    Contiguous because numpy may take another code path, with other last bits, for a strided array.
    """
    given = np.broadcast_arrays(*(np.asarray(value, dtype=np.float64) for value in (lat1, lon1, lat2, lon2)))
    known = np.isfinite(given).all(axis=0) & (abs(given[0]) <= 90.0) & (abs(given[2]) <= 90.0)
    a_lat, a_lon, b_lat, b_lon = (np.where(known, value, 0.0) for value in given)
    return a_lat, a_lon, b_lat, b_lon, np.asarray(known)


@cache
def _wgs84() -> Geod:
    from pyproj import Geod  # 0.1 s, which `globe-eval --help` does not pay

    return Geod(ellps="WGS84")
