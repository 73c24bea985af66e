"""Build the outline that reports draw, from a pinned npm package. Needs `npm`, shapely and this package.

    python scripts/vendor_worldmap.py

`globe_eval/reports/page/data/world.json`: the countries of Natural Earth 4.1, 1:110m (public domain), as world-atlas
2.0.2 (ISC) carries them, each with the ISO alpha-2 code that breakdowns call it by, its rings in hundredths of a
degree, longitude first. Rings that cross the antimeridian are cut there, and long edges have points in between, so that
any projection may be drawn point by point. Borders are as Natural Earth draws them: who holds a place, not who should.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from vendor_borders import WORLD_ATLAS, ring_reader, unpack

from globe_eval.places import resolve
from globe_eval.places.borders import countries_at, sovereign_of

OUT = Path(__file__).parents[1] / "globe_eval" / "reports" / "page" / "data"
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


def polygons(topology: dict[str, Any], geometry: dict[str, Any]) -> list[shapely.Polygon]:
    """One country of a quantised TopoJSON, cut at the antimeridian (see `vendor_borders.ring_reader`)."""
    ring = ring_reader(topology)
    found = []
    for outer, *holes in geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]:
        whole = shapely.make_valid(shapely.Polygon(ring(outer), [ring(hole) for hole in holes]))
        for turn in (-360.0, 0.0, 360.0):
            inside = shapely.intersection(shapely.transform(whole, lambda at, t=turn: at + np.array([t, 0.0])), WORLD)
            found += [part for part in shapely.get_parts(inside) if part.geom_type == "Polygon" and part.area > 0.01]
    return found


WORLD = shapely.box(-180.0, -90.0, 180.0, 90.0)


def territory(part: shapely.Polygon, code: str) -> str:
    """The code of the territory that a part of a country is, as French Guiana of France; else the country's."""
    middle = part.representative_point()
    return next((c for c in sorted(countries_at([middle.y], [middle.x])[0]) if sovereign_of(c) == code), code)


def main() -> None:
    """Write the outline and its licence."""
    files = unpack(WORLD_ATLAS, {"countries": "countries-110m.json", "licence": "LICENSE"})
    topology = json.loads(files["countries"])
    borders = json.loads((OUT.parents[1] / "places" / "data" / "borders.json").read_text(encoding="utf-8"))["features"]
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
    OUT.mkdir(exist_ok=True)
    (OUT / "world.json").write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
    (OUT / "world.LICENSE.md").write_text(LICENCE + files["licence"].decode(), encoding="utf-8")
    path = OUT / "world.json"
    print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.stat().st_size:>8}  {path.name}")


COMPACT: Any = {"ensure_ascii": False, "separators": (",", ":")}

if __name__ == "__main__":
    main()
