"""Where things stand in a picture, and which of them can be seen."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from globe_eval.miniworld.buildings import STYLES
from globe_eval.miniworld.canvas import UNITS, Camera
from globe_eval.miniworld.vehicles import LENGTHS


def thing(draw: str, what: str, rng: Random, shows: Sequence[str] | None = None, **where: Any) -> dict[str, Any]:
    """One object of a scene: which painter, which entity, a variant `v`, and where (lengths to the centimetre)."""
    place = {key: round(value, 2) if isinstance(value, float) else value for key, value in where.items()}
    shown = [what] if shows is None else list(shows)
    return {"draw": draw, "what": what, "shows": shown, "v": int(rng.random() * 10**6), **place}


def tenth(rng: Random, low: float, high: float) -> float:
    """A length between two bounds, in whole decimetres."""
    return round(low + (high - low) * rng.random(), 1)


def arrange(
    rng: Random, scene: str, cues: dict[str, str], sky: str, weather: str, camera: Camera
) -> list[dict[str, Any]]:
    """Objects in painting order: sky, distance, ground, then everything that stands upright from far to near."""
    side = 1 if rng.random() < 0.5 else -1
    back = heavens(rng, sky, weather)
    if "terrain" in cues and cues["terrain"] != "sea":
        back.append(thing("terrain", cues["terrain"], rng))
    if "landmark" in cues:
        x = int(camera.vanish + (rng.random() - 0.5) * (14 if scene == "urban" else 60))
        back.append(thing("landmark", cues["landmark"], rng, x=x, k=120 + int(rng.random() * 35)))
    soil = cues.get("ground") or ("pavement" if scene == "urban" else "grass")
    back.append(thing("ground", soil, rng))
    if scene == "coastal":
        back.append(thing("sea", "sea", rng, ["sea", "beach"], side=side))
    walk = "#c4bfb5" if scene != "natural" and soil != "snow on the ground" else ""
    back.append(thing("road", "road", rng, half=2.7, walk=walk, snowy=soil.startswith("snow")))
    if "line" in cues:
        back.append(thing("line", cues["line"], rng, double=cues["line"][0] == "y" and rng.random() < 0.7))
    if rng.random() < 0.15:
        back.append(thing("crossing", "zebra crossing", rng, z=8.0 + tenth(rng, 0, 6)))
    if "shadows" in cues and sky in ("blue sky", "sunset sky"):
        height = 60 + int(rng.random() * 14) if cues["shadows"][0] == "s" else 20 + int(rng.random() * 8)
        back.append(thing("shadows", cues["shadows"], rng, height=height, side=1 if rng.random() < 0.5 else -1))
    written = side if rng.random() < 0.5 else -side
    upright = [
        *houses(rng, scene, cues, side, written),
        *greenery(rng, scene, cues, side),
        *bushes(rng, scene),
        *traffic(rng, cues),
    ]
    upright += details(rng, scene, cues, written, camera)
    upright.sort(key=lambda item: -item.get("far", item["z"]))
    front = []
    if weather:
        front.append(thing("weather", weather, rng))
    if rng.random() < 0.08:
        front.append(thing("leaves", "overhanging leaves", rng, side=side))
    return back + upright + front


def heavens(rng: Random, sky: str, weather: str) -> list[dict[str, Any]]:
    """The sky and what is in it."""
    objects = [thing("sky", sky, rng, [] if weather == "fog" else [sky])]
    if weather == "fog":
        return objects
    x, y = 20 + int(rng.random() * 184), 16 + int(rng.random() * 34)
    if sky in ("blue sky", "sunset sky") and rng.random() < 0.35:
        objects.append(thing("heaven", "sun", rng, x=x, y=y + (34 if sky == "sunset sky" else 0)))
    if sky == "night sky" and not weather:
        objects.append(thing("heaven", "stars", rng, x=112, y=0))
        if rng.random() < 0.5:
            objects.append(thing("heaven", "moon", rng, x=x, y=y))
    if sky != "night sky" and rng.random() < (0.75 if sky == "overcast sky" else 0.5):
        for _ in range(2 + int(rng.random() * 4)):
            x, y, k = int(rng.random() * 240) - 8, 12 + int(rng.random() * 50), 60 + int(rng.random() * 75)
            objects.append(thing("heaven", "clouds", rng, x=x, y=y, k=k))
    if sky != "night sky" and rng.random() < 0.15:
        x, y, n = 40 + int(rng.random() * 144), 24 + int(rng.random() * 30), 3 + int(rng.random() * 5)
        objects.append(thing("heaven", "birds", rng, x=x, y=y, n=n))
    return objects


def houses(rng: Random, scene: str, cues: dict[str, str], side: int, written: int) -> list[dict[str, Any]]:
    """Rows along the road; in nature a few at a distance; a fence where no buildings are in view."""
    what = cues.get("buildings")
    if what is None:
        if scene != "urban" or rng.random() < 0.5:
            return []
        what = "construction fence"
    style, objects = STYLES[what], []
    nearest, spread = {"urban": (8.0, 4), "coastal": (12.0, 4), "natural": (18.0, 10)}[scene]
    sides = (-1, 1) if scene == "urban" and rng.random() < 0.75 else (-side,)
    for s in sides:
        wall = 5.3 + tenth(rng, 0, 2.2) if scene != "natural" else 7.5 + tenth(rng, 0, 3)
        if s == written and "sign" in cues:
            wall = max(wall, 7.4)
        z = nearest + tenth(rng, 0, spread)
        end = z + 8 if scene == "natural" else (26.0 if "landmark" in cues else 34.0) + tenth(rng, 0, 24)
        shift = int(rng.random() * 10)
        while z < end:
            length = style.length[0] + int(rng.random() * (style.length[1] - style.length[0] + 1))
            floors = style.floors[0] + int(rng.random() * (style.floors[1] - style.floors[0] + 1))
            spot: dict[str, Any] = {"x": round(s * wall, 1), "z": round(z, 1), "far": round(z + length, 1)}
            objects.append(thing("building", what, rng, **spot, n=floors, c=shift))
            z += length + style.gap + (4 if scene == "natural" else 0)
            shift += 1 + int(rng.random() * 2)
    return objects


def greenery(rng: Random, scene: str, cues: dict[str, str], side: int) -> list[dict[str, Any]]:
    """Plants: along the kerb in a town, scattered on both sides in nature."""
    if "plants" not in cues:
        return []
    objects = []
    scale = 95 + int(rng.random() * 35)
    if scene == "natural":
        for s in (-1, 1):
            for z in (13, 18, 25, 36, 52):
                if rng.random() < 0.72:
                    x, near = s * (4.2 + tenth(rng, 0, 3.0) + z * 0.12), z + tenth(rng, 0, 4)
                    k = int(scale * (0.8 + 0.4 * rng.random()))
                    objects.append(thing("plant", cues["plants"], rng, x=round(x, 1), z=near, k=k))
    else:
        s = side if scene == "coastal" or rng.random() < 0.5 else -side
        gap = 7 + int(rng.random() * 5)
        for z in range(15 + int(rng.random() * 4), 54, gap):
            objects.append(thing("plant", cues["plants"], rng, x=round(s * 4.4, 1), z=float(z), k=int(scale * 0.85)))
    if not objects:
        objects.append(thing("plant", cues["plants"], rng, x=round(side * 6.0, 1), z=16.0, k=scale))
    return objects


def bushes(rng: Random, scene: str) -> list[dict[str, Any]]:
    """Low green that grows everywhere and says nothing."""
    if rng.random() > (0.6 if scene == "natural" else 0.15):
        return []
    spots = [(s, z) for s in (-1, 1) for z in (10, 14, 20, 28, 38) if rng.random() < 0.6]
    return [
        thing("bush", "bushes", rng, x=round(s * (4.0 + tenth(rng, 0, 5) + z * 0.1), 1), z=z + tenth(rng, 0, 3))
        for s, z in spots
    ]


def traffic(rng: Random, cues: dict[str, str]) -> list[dict[str, Any]]:
    """A car ahead on our lane, one that comes towards us, and a vehicle that crosses."""
    objects = []
    if "traffic" in cues:
        lane = -1.3 if cues["traffic"].startswith("left") else 1.3
        shows = ["cars", cues["traffic"]]
        z = 8.6 + tenth(rng, 0, 2.4)
        objects.append(thing("car", "cars", rng, shows, x=lane, z=z, rear=True, c=int(rng.random() * 8)))
        if "plate" in cues:
            objects.append(thing("plate", cues["plate"], rng, x=lane, z=round(z - 0.01, 2)))
        if rng.random() < 0.85 and "vehicle" not in cues:
            z = 9.6 + tenth(rng, 0, 6)
            objects.append(thing("car", "cars", rng, shows, x=-lane, z=z, rear=False, c=int(rng.random() * 8)))
    if "vehicle" in cues:
        half = LENGTHS.get(cues["vehicle"], 4.5) / 2
        away = -1 if cues.get("traffic", "left").startswith("right") else 1
        x, z = away * tenth(rng, 1, 3.5), 11.5 + tenth(rng, 0, 1.5) + half * 0.9
        objects.append(thing("vehicle", cues["vehicle"], rng, x=x, z=z))
    return objects


def beside(camera: Camera, side: int, wanted: float, half: float, z: float) -> float:
    """Distance from the middle of the road, at most `wanted`, at which what is 2 x `half` metres wide is in frame."""
    room = ((UNITS - camera.vanish if side > 0 else camera.vanish) - 2) * z / camera.focal - half
    return round(side * min(wanted, room), 1)


def details(rng: Random, scene: str, cues: dict[str, str], side: int, camera: Camera) -> list[dict[str, Any]]:
    """Sign and people on one side of the street; flag, furniture and lamps on the other."""
    objects: list[dict[str, Any]] = []
    if "sign" in cues:
        z = 9.8 + tenth(rng, 0, 2)
        board: dict[str, Any] = {"wide": 4.6, "tall": 1.5 + tenth(rng, 0, 0.4), "low": 2.2 + tenth(rng, 0, 1.6)}
        objects.append(thing("sign", cues["sign"], rng, x=beside(camera, side, 4.9, 2.3, z), z=z, **board))
    if "flag" in cues:
        z = 7.4 + tenth(rng, 0, 1.6)
        objects.append(thing("flag", cues["flag"], rng, x=beside(camera, -side, 3.6, 0.3, z), z=z, side=side))
    if cues.get("furniture") == "overhead wires":
        objects.append(thing("wires", "overhead wires", rng, x=round(-side * 4.6, 1), z=9.0))
    elif "furniture" in cues:
        z = 6.6 + tenth(rng, 0, 1.2)
        x = beside(camera, -side, 3.8 + tenth(rng, 0, 0.4), 1.1, z)
        objects.append(thing("furniture", cues["furniture"], rng, x=x, z=z))
    if scene != "natural" and rng.random() < 0.3:
        objects.append(thing("lamps", "street lamps", rng, x=round(-side * 3.3, 1), z=16.0))
    if scene != "natural" and rng.random() < 0.4:
        z, n = 8.5 + tenth(rng, 0, 5), 1 + int(rng.random() * 3)
        objects.append(thing("people", "pedestrians", rng, x=round(side * 3.6, 1), z=z, n=n))
    return objects


SIZES = {
    "plant": (2.6, 5.5),
    "car": (2.0, 1.6),
    "vehicle": (4.4, 2.0),
    "furniture": (1.4, 1.7),
    "sign": (4.6, 1.6),
    "flag": (3.0, 2.0),
    "people": (1.5, 1.6),
    "plate": (0.9, 0.3),
}
# half width, up, down
SKY_SIZES = {"sun": (9, 9, 9), "moon": (7, 7, 7), "clouds": (22, 9, 0), "birds": (24, 12, 12), "stars": (112, 0, 80)}
BASES = {"sign": 2.6, "flag": 4.9, "plate": 0.4}
SOLID = ("building", "vehicle", "car", "sign", "plant", "landmark", "clouds")
CASTERS = ("plant", "car", "vehicle", "furniture")
CELL = 4  # units


def uncovered(objects: list[dict[str, Any]], camera: Camera) -> list[dict[str, Any]]:
    """The objects without those that hide behind others or lie outside the picture, so that what is listed is visible.

    From near to far on a grid of cells: whatever shows less than two fifths of itself is taken out, in the sky less
    than seven tenths; of a building a corner is enough.
    """
    covered: set[tuple[int, int]] = set()
    kept = []
    for item in reversed(objects):
        cells = footprint(item, camera)
        if cells is not None:
            seen = [c for c in cells if c not in covered and 0 <= c[0] < UNITS // CELL and 0 <= c[1] < UNITS // CELL]
            enough = 12 if item["draw"] == "building" else (0.7 if item["draw"] == "heaven" else 0.4) * len(cells)
            if len(seen) < max(1, enough):
                continue
            if item["draw"] in SOLID or item["what"] in SOLID:
                covered.update(cells)
        kept.append(item)
    casts = any(item["draw"] in CASTERS for item in kept)
    return [item for item in kept[::-1] if casts or item["draw"] != "shadows"]


def footprint(item: dict[str, Any], camera: Camera) -> list[tuple[int, int]] | None:
    """The cells that an object fills in the picture; None for what cannot be hidden."""
    kind = item["draw"]
    if kind == "building":
        return facade(item, camera)
    if kind == "landmark":
        half, top = 20 * item["k"] / 100, 56 * item["k"] / 100
        box: tuple[float, ...] = (item["x"] - half, camera.horizon - top, item["x"] + half, camera.horizon - top * 0.25)
    elif kind == "heaven":
        breadth, above, below = SKY_SIZES[item["what"]]
        k = item.get("k", 100) / 100
        box = (item["x"] - breadth * k, item["y"] - above * k, item["x"] + breadth * k, item["y"] + below * k)
    elif kind == "terrain":
        box = (0.0, camera.horizon - 34, float(UNITS), camera.horizon - 8)
    elif kind in SIZES:
        wide, tall = SIZES[kind]
        if kind == "vehicle":
            wide = LENGTHS.get(item["what"], 4.4)
            tall = 3.4 if wide > 8 else 1.7
        k, low = item.get("k", 100) / 100, BASES.get(kind, 0.0)
        shift = item["side"] * 1.5 if kind == "flag" else 0.0
        left, top = camera.point(item["x"] + shift - wide * k / 2, low + tall * k, item["z"])
        right, bottom = camera.point(item["x"] + shift + wide * k / 2, low, item["z"])
        box = (left, top, right, bottom)
    else:
        return None
    return [
        (cx, cy)
        for cx in range(int(box[0] // CELL), int(box[2] // CELL) + 1)
        for cy in range(int(box[1] // CELL), int(box[3] // CELL) + 1)
    ]


def facade(item: dict[str, Any], camera: Camera) -> list[tuple[int, int]]:
    """The cells of a building, column by column: its side along the road, then its face towards the camera."""
    height = item["n"] * STYLES[item["what"]].storey + 1
    outward = 1 if item["x"] > 0 else -1
    ends = [camera.point(x, 0, z)[0] for x, z in ((item["x"], item["far"]), (item["x"] + 9 * outward, item["z"]))]
    cells = []
    for column in range(int(max(0.0, min(ends)) // CELL), int(min(UNITS - 1.0, max(ends)) // CELL) + 1):
        offset = (column + 0.5) * CELL - camera.vanish
        if offset * outward > 0:
            z = min(max(camera.focal * item["x"] / offset, item["z"]), item["far"])
            top, bottom = camera.point(0, height, z)[1], camera.point(0, 0, z)[1]
            rows = range(int(max(0.0, top) // CELL), int(min(UNITS - 1.0, bottom) // CELL) + 1)
            cells += [(column, row) for row in rows]
    return cells
