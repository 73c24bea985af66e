"""Which country a point lies in, as the set of ISO alpha-2 codes that count as right, and a country's continent.

Borders: country-coder 5.6.1 (ISC, `data/borders.LICENSE.md`), which draws every country and territory, coarsely and out
to sea. `data/near_land.zlib` (from Natural Earth, public domain) says where that sea is still within 100 km of land.
`scripts/vendor_maps.py` builds both. Policy, with its sources: `data/disputed.json`, `data/continents.json`.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from globe_eval.places.gazetteer import DEPENDENCIES

if TYPE_CHECKING:
    import shapely

COAST_KM = 50.0
"""How far from a point that the borders leave out, or draw far out at sea, a populated place still gives a country."""

_DATA = Path(__file__).with_name("data")
_NOWHERE: frozenset[str] = frozenset()
# The borders leave a sliver of up to 0.016 degrees open along the antimeridian.
_SEAM_LON = 179.98

_SOVEREIGN_OF = {territory: state for state, territories in DEPENDENCIES.items() for territory in territories}


def country_at(lat: float, lon: float) -> frozenset[str]:
    """The ISO alpha-2 codes (and XK) that are a right answer for the country at a point; see `countries_at`.

    >>> sorted(country_at(-21.115, 55.536)), sorted(country_at(44.6, 33.52)), sorted(country_at(0.0, -30.0))
    (['RE'], ['RU', 'UA'], [])
    """
    return countries_at([lat], [lon])[0]


def countries_at(lats: ArrayLike, lons: ArrayLike) -> list[frozenset[str]]:
    """The accept set of each point: one code, more where the sources differ, none at sea.

    The borders decide, up to 100 km from land; where they leave a gap, the nearest populated place within 50 km; else
    there is no country. A territory is its own code (Réunion RE), disputed places follow `data/disputed.json`, a point
    on a border belongs to both sides. `lats` and `lons` are (n,) degrees, north, and east by any number of turns;
    the set is empty of one that is NaN, infinite or beyond a pole.
    """
    lat, lon = np.broadcast_arrays(np.atleast_1d(np.asarray(lats, np.float64)), np.asarray(lons, np.float64))
    return list(_countries_at(lat.tobytes(), lon.tobytes()))


@lru_cache(maxsize=2)  # of answers and of truths, which are asked for again where they are broken down
def _countries_at(lats: bytes, lons: bytes) -> list[frozenset[str]]:
    lat, lon = np.frombuffer(lats), np.frombuffer(lons)
    found = [_NOWHERE] * lat.size
    known = np.flatnonzero(np.isfinite(lat) & np.isfinite(lon) & (np.abs(lat) <= 90.0))
    y, x = lat[known], lon[known]
    x = np.where(np.abs(x) <= 180.0, x, (x + 180.0) % 360.0 - 180.0)  # not everywhere: it costs the last bits

    inside = np.zeros(known.size, dtype=bool)
    rows, accepted = _borders().lookup(y, x)
    inside[rows] = True
    for i, codes in zip(known[rows].tolist(), accepted, strict=True):
        found[i] = found[i] | codes if found[i] else codes

    near_land = _near_land()
    height, width = len(near_land), 8 * near_land.shape[1]
    row_of = np.minimum(((90.0 - y) / 180.0 * height).astype(np.intp), height - 1)
    column_of = np.minimum(((x + 180.0) / 360.0 * width).astype(np.intp), width - 1)
    at_sea = near_land[row_of, column_of >> 3] >> (7 - (column_of & 7)) & 1 == 0
    doubtful = np.flatnonzero(~inside | at_sea)
    if doubtful.size:
        from globe_eval.places.nearest import nearest_within

        for where, place in zip(doubtful, nearest_within(y[doubtful], x[doubtful], COAST_KM), strict=True):
            if place is None:
                found[known[where]] = _NOWHERE
            elif not inside[where]:
                found[known[where]] = _borders().of_code(place.country_code)
    return found


def continent_of(code: str | None) -> str | None:
    """GeoNames' continent of an ISO alpha-2 code (or XK): AF, AN, AS, EU, NA, OC, SA; None for anything else.

    >>> continent_of("CY"), continent_of("TR"), continent_of("RE"), continent_of("??")
    ('EU', 'AS', 'AF', None)
    """
    return _continents().get(code) if code else None


def sovereign_of(code: str | None) -> str | None:
    """The state that a territory belongs to (ISO 3166-1's remarks); None for states and for disputed places.

    >>> sovereign_of("RE"), sovereign_of("HK"), sovereign_of("FR"), sovereign_of("TW")
    ('FR', 'CN', None, None)
    """
    return _SOVEREIGN_OF.get(code) if code else None


@dataclass(frozen=True)
class _Outline:
    """A disputed area that the borders do not draw: points coded so, inside this ring, have this accept set."""

    ring: shapely.Polygon
    coded: frozenset[str]
    accept: frozenset[str]


@dataclass(frozen=True)
class _Borders:
    """Polygons, their codes and accept sets, by the tree's index; the rules for what the polygons do not show."""

    tree: shapely.STRtree
    codes: list[str | None]
    accept: list[frozenset[str]]
    outlines: list[_Outline]
    by_code: dict[str, frozenset[str]]

    def of_code(self, code: str) -> frozenset[str]:
        return self.by_code.get(code, frozenset([code]))

    def lookup(
        self, lat: NDArray[np.float64], lon: NDArray[np.float64]
    ) -> tuple[NDArray[np.intp], list[frozenset[str]]]:
        """Indices of points, and the accept set of a polygon around each; one on a border is there with either side."""
        import shapely

        seam = np.flatnonzero(np.abs(lon) > _SEAM_LON)
        rows = np.concatenate([np.arange(lat.size), seam])
        x = np.concatenate([np.clip(lon, -_SEAM_LON, _SEAM_LON), -np.sign(lon[seam]) * _SEAM_LON])
        y = lat[rows]
        hits, polygons = self.tree.query(shapely.points(x, y), predicate="intersects")
        accepted = [self.accept[polygon] for polygon in polygons.tolist()]
        for outline in self.outlines:
            for k in np.flatnonzero(shapely.intersects_xy(outline.ring, x[hits], y[hits])):
                if self.codes[polygons[k]] in outline.coded:
                    accepted[k] = outline.accept
        return rows[hits], accepted


@cache
def _borders() -> _Borders:
    import shapely

    features, shapes = _features((_DATA / "borders.json").read_text(encoding="utf-8"))
    official = {feature["iso1A2"] for feature in features if _is_official(feature)}
    drawn = [feature for feature, shape in zip(features, shapes, strict=True) if shape != "null"]
    codes = [_code(feature, official) for feature in drawn]

    rules = json.loads((_DATA / "disputed.json").read_text(encoding="utf-8"))["places"]
    by_feature = {rule["feature"]: frozenset(rule["accept"]) for rule in rules if "feature" in rule}
    by_code = {
        code: frozenset(rule["accept"])
        for rule in rules
        if "coded" in rule and "outline" not in rule
        for code in rule["coded"]
    }
    outlines = [
        _Outline(shapely.Polygon(rule["outline"]), frozenset(rule["coded"]), frozenset(rule["accept"]))
        for rule in rules
        if "outline" in rule
    ]
    accept = []
    for feature, code in zip(drawn, codes, strict=True):
        plain = by_code.get(code, frozenset([code])) if code else _NOWHERE
        accept.append(by_feature.get(feature["wikidata"], plain))
    tree = shapely.STRtree(shapely.from_geojson([shape for shape in shapes if shape != "null"]))
    return _Borders(tree, codes, accept, outlines, by_code)


def _features(text: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The properties of each feature of a GeoJSON that has one a line, and its geometry, which is left as text.

    To make Python's numbers of it, and text again for shapely, takes twice as long as shapely.
    """
    rows = [line.rstrip(",")[:-1].split(',"geometry":') for line in text.splitlines()[1:-1]]
    return [json.loads(f"{head}}}")["properties"] for head, _ in rows], [shape for _, shape in rows]


def _is_official(properties: dict[str, Any]) -> bool:
    """Assigned by ISO 3166-1, or XK: not an exceptional reservation such as FX, IC, EU or UN."""
    return "iso1A2" in properties and properties.get("isoStatus") != "excRes"


def _code(properties: dict[str, Any], official: set[str]) -> str | None:
    """A feature's alpha-2 code: its own, its territory's (Ascension SH, Wake UM) or its country's (Hawaii US)."""
    candidates = [properties.get("iso1A2"), *properties.get("groups", []), properties.get("country")]
    return next((code for code in candidates if code in official), None)


@cache
def _near_land() -> NDArray[np.uint8]:
    """1800 x 3600 bits, north up, Greenwich in the middle: is the cell's centre on land or within 100 km of it?

    Packed as `np.packbits` does, shape (1800, 450): as bytes they would take 6.5 MB.
    """
    bits = zlib.decompress((_DATA / "near_land.zlib").read_bytes())
    return np.frombuffer(bits, dtype=np.uint8).reshape(1800, -1)


@cache
def _continents() -> dict[str, str]:
    table = json.loads((_DATA / "continents.json").read_text(encoding="utf-8"))["continents"]
    return {code: continent for continent, codes in table.items() for code in codes.split()}
