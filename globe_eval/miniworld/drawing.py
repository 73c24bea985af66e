"""A scene's specification -> a picture."""

from __future__ import annotations

from math import cos, pi, sin, tan
from typing import Any

from PIL import Image, ImageDraw, ImageFilter

from globe_eval.miniworld import buildings, flags, land, landmarks, plants, street, vehicles
from globe_eval.miniworld.canvas import UNITS, Camera, Canvas

PAINTERS = {
    painter.__name__: painter
    for painter in (
        *(land.sky, land.heaven, land.terrain, land.ground, land.sea, land.road, land.line, land.weather),
        *(landmarks.landmark, buildings.building, land.crossing, plants.plant, plants.bush),
        *(vehicles.car, vehicles.plate, vehicles.vehicle, street.furniture, street.wires, street.lamps),
        *(street.people, street.sign, flags.flag, street.leaves),
    )
}
# half width, height
HEIGHTS = {"car": (1.0, 1.5), "vehicle": (2.2, 1.8), "people": (0.3, 1.6), "furniture": (0.6, 1.6), "bush": (0.8, 0.9)}


def draw(spec: dict[str, Any], size: int) -> Image.Image:
    """The picture of a scene, `size` pixels square; the same pixels for the same arguments."""
    camera = Camera(spec["focal"], spec["height"] / 10, spec["horizon"], spec["vanish"])
    canvas = Canvas(size, land.light_of(spec))
    canvas.gradient(0, UNITS, [(184, 196, 204), (146, 128, 150)])
    for item in spec["objects"]:
        if item["draw"] == "shadows":
            shadows(canvas, camera, spec, item)
        else:
            PAINTERS[item["draw"]](canvas, camera, item)
    return develop(canvas.finish(), spec)


def shadows(canvas: Canvas, camera: Camera, spec: dict[str, Any], sun: dict[str, Any]) -> None:
    """What stands upright throws a soft shadow to the side: long when the sun is low."""
    side = canvas.image.width // 4
    mask, unit = Image.new("L", (side, side)), side / UNITS
    pen = ImageDraw.Draw(mask)

    def patch(points: list[tuple[float, float]]) -> None:
        corners = (camera.point(x, 0, z) for x, z in points)
        pen.polygon([(round(px * unit), round(py * unit)) for px, py in corners], fill=255)

    slant = sun["side"] / tan(sun["height"] / 57.3)
    for item in spec["objects"]:
        kind = item["draw"]
        if kind == "plant":
            x, z, tall = item["x"], item["z"], 6.2 * item["k"] / 100
            end, depth = x + slant * tall * 0.7, z + 0.5 + 0.06 * tall
            patch([(x, z - 0.12), (x, z + 0.14), (end, depth + 0.14), (end, depth - 0.12)])
            rx, rz = 0.9 + 0.17 * tall * abs(slant), 0.55 + 0.05 * tall
            patch([(end + rx * cos(a * pi / 8), depth + rz * sin(a * pi / 8)) for a in range(16)])
        elif kind in HEIGHTS:
            half, tall = HEIGHTS[kind]
            x, z, reach = item["x"], item["z"], slant * tall
            left, right = min(x - half, x + reach), max(x + half, x + reach)
            patch([(left, z), (right, z), (right, z + 0.3 + half * 0.6), (left, z + 0.3 + half * 0.6)])
    mask = mask.filter(ImageFilter.GaussianBlur(side / 180)).point([v * 50 // 100 for v in range(256)])
    canvas.image.paste((38, 44, 66), (0, 0), mask.resize(canvas.image.size))


def develop(image: Image.Image, spec: dict[str, Any]) -> Image.Image:
    """What the photographer's camera does: a cast in percent per channel, and unsharpness in tenths of a unit."""
    red, green, blue = spec["cast"]
    table = [min(255, v * gain // 100) for gain in (red, green, blue) for v in range(256)]
    image = image.point(table)
    if spec["blur"]:
        image = image.filter(ImageFilter.GaussianBlur(spec["blur"] * image.width / (10 * UNITS)))
    return image
