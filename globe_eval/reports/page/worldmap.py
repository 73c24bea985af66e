"""The world map: outline, projection, and great circles between two points, cut where the map ends.

Equal Earth (Šavrič, Patterson & Jenny, "The Equal Earth map projection", IJGIS 33, 2018): areas keep their proportion,
so that no country looks more important than it is, and meridians are gentle. `report.js` draws its lines by the same
formulas in the browser; a test holds the two together.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

WIDTH, HEIGHT = 1000.0, 486.7
"""Of the map, in its own units; its middle is 0° N, 0° E."""
STEP_DEGREES = 3.0
"""How far apart the points of a great circle are."""
_A1, _A2, _A3, _A4 = 1.340264, -0.081106, 0.000893, 0.003796
_M = np.sqrt(3.0) / 2.0
_SCALE = WIDTH / (2.0 * np.pi / (_M * _A1))
KM_A_UNIT = 6371.0 / float(_SCALE)
"""The side of a square of one unit, in km: areas are true everywhere."""
_WORLD = Path(__file__).with_name("data") / "world.json"


@dataclass(frozen=True)
class Country:
    """An outline: ISO alpha-2 code (XK for Kosovo), English name, rings of shape (m, 2), degrees, longitude first."""

    code: str
    name: str
    rings: tuple[Floats, ...]


@cache
def countries() -> tuple[Country, ...]:
    """The countries of Natural Earth, 1:110m; the smallest, such as Singapore and Malta, are not among them."""
    return tuple(
        Country(one["code"], one["name"], tuple(np.array(ring, dtype=np.float64) / 100.0 for ring in one["rings"]))
        for one in json.loads(_WORLD.read_text(encoding="utf-8"))
    )


def project(lats: ArrayLike, lons: ArrayLike) -> tuple[Floats, Floats]:
    """Degrees -> units of the map, x to the right and y downwards; longitudes within [-180, 180].

    >>> x, y = project([0.0, 0.0, -90.0], [-180.0, 0.0, 0.0])
    >>> x.round().tolist(), y.round().tolist()
    ([0.0, 500.0, 500.0], [243.0, 243.0, 487.0])
    """
    phi, lam = np.radians(np.asarray(lats, np.float64)), np.radians(np.asarray(lons, np.float64))
    theta = np.arcsin(_M * np.sin(phi))
    t2 = theta**2
    t6 = t2**3
    x = lam * np.cos(theta) / (_M * (_A1 + 3 * _A2 * t2 + t6 * (7 * _A3 + 9 * _A4 * t2)))
    y = theta * (_A1 + _A2 * t2 + t6 * (_A3 + _A4 * t2))
    return WIDTH / 2 + _SCALE * x, HEIGHT / 2 - _SCALE * y


def great_circle(lat1: float, lon1: float, lat2: float, lon2: float) -> list[Floats]:
    """The shortest way between two points on a sphere, as lines of a map: (m, 2) degrees each, longitude first.

    One line, or two where the way crosses the antimeridian: the first ends on it and the second begins on it, at the
    same latitude and on the other side. Between antipodes, where every direction is shortest, it leads over the north.

    >>> [line[[0, -1]].round(6).tolist() for line in great_circle(0.0, 170.0, 0.0, -170.0)]
    [[[170.0, 0.0], [180.0, 0.0]], [[-180.0, 0.0], [-170.0, 0.0]]]
    """
    a, b = _unit(lat1, lon1), _unit(lat2, lon2)
    across = b - (a @ b) * a
    if np.linalg.norm(across) < 1e-9:  # the same point, or antipodes
        across = np.array([0.0, 0.0, 1.0]) if abs(a[2]) < 0.999999 else np.array([1.0, 0.0, 0.0])
        across = across - (a @ across) * a
    across = across / np.linalg.norm(across)
    angle = float(np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b))
    steps = max(1, int(np.ceil(np.degrees(angle) / STEP_DEGREES)))
    t = np.linspace(0.0, angle, steps + 1)[:, None]
    points = a * np.cos(t) + across * np.sin(t)
    lon = np.degrees(np.arctan2(points[:, 1], points[:, 0]))
    line = np.column_stack([lon, np.degrees(np.arcsin(np.clip(points[:, 2], -1.0, 1.0)))])
    line[0], line[-1] = (lon1, lat1), (lon2, lat2)  # as given: 180 stays 180

    lines: list[Floats] = []
    edge, start = np.empty((0, 2)), 0
    for i in np.flatnonzero(np.abs(np.diff(line[:, 0])) > 180.000001).tolist():  # exactly 180 is over a pole
        p, q = points[i], points[i + 1]
        share = p[1] / (p[1] - q[1]) if p[1] != q[1] else 0.0
        crossing = p + share * (q - p)
        lat = float(np.degrees(np.arcsin(crossing[2] / np.linalg.norm(crossing))))
        side = float(np.copysign(180.0, line[i, 0]))
        lines.append(np.vstack([edge, line[start : i + 1], [[side, lat]]]))
        edge, start = np.array([[-side, lat]]), i + 1
    lines.append(np.vstack([edge, line[start:]]))
    return lines


def outline_path(rings: tuple[Floats, ...]) -> str:
    """Rings as the `d` of an SVG path, to a tenth of a unit; what is smaller than that is left out."""
    parts = []
    for ring in rings:
        x, y = (np.round(axis, 1) for axis in project(ring[:, 1], ring[:, 0]))
        moved = np.concatenate([[True], (np.diff(x) != 0) | (np.diff(y) != 0)])
        points = [f"{a:g} {b:g}" for a, b in zip(x[moved], y[moved], strict=True)]
        if len(points) > 3:
            parts.append("M" + "L".join(points[:-1]) + "Z")
    return "".join(parts)


def sphere_path() -> str:
    """The edge of the map."""
    lat = np.linspace(-90.0, 90.0, 61)
    ring = np.column_stack(
        [np.concatenate([np.full(61, -180.0), np.full(61, 180.0)]), np.concatenate([lat, lat[::-1]])]
    )
    return outline_path((np.vstack([ring, ring[:1]]),))


def graticule_path() -> str:
    """Every 30th meridian and parallel."""
    lat, lon = np.linspace(-90.0, 90.0, 37), np.array([-180.0, 180.0])
    lines = [(lat, np.full(lat.size, meridian)) for meridian in range(-150, 151, 30)]
    lines += [(np.full(2, parallel), lon) for parallel in range(-60, 61, 30)]
    parts = []
    for lats, lons in lines:
        x, y = project(lats, lons)
        parts.append("M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True)))
    return "".join(parts)


def _unit(lat: float, lon: float) -> Floats:
    phi, lam = np.radians(lat), np.radians(lon)
    return np.array([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)])
