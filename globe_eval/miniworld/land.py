"""Sky, far terrain, ground, road and weather."""

from __future__ import annotations

from random import Random
from typing import Any

from globe_eval.miniworld.canvas import UNITS, Camera, Canvas, Light, Point, rgb

LIGHTS = {
    "blue sky": Light(("#5aa2dc", "#d3e9f2"), (100, 100, 100), "#c9dfea", 260),
    "overcast sky": Light(("#a3adb6", "#d5dadd"), (88, 90, 93), "#c6ccd0", 170),
    "sunset sky": Light(("#4d5a94", "#f6b77e"), (100, 84, 76), "#e8b08c", 220),
    "night sky": Light(("#0c1430", "#2a3a66"), (36, 40, 58), "#25335a", 240, night=True),
    "no sky": Light(("#b8c4cc", "#c8d0d4"), (96, 97, 98), "#c8d0d4", 260),
}
GROUNDS = {
    "grass": ("#8fb35c", "#6f9a48"),
    "red soil": ("#c0714a", "#a65638"),
    "sandy ground": ("#e0c68e", "#cdaa6c"),
    "snow on the ground": ("#eef3f7", "#d9e4ee"),
    "pavement": ("#bdb8ae", "#a9a49b"),
}


def light_of(spec: dict[str, Any]) -> Light:
    """The light of a scene; fog shortens the view."""
    light = LIGHTS[spec["sky"]]
    if any(o["what"] == "fog" for o in spec["objects"]):
        return Light((light.haze, light.haze), light.tint, light.haze, 30, light.night)
    return light


def sky(canvas: Canvas, camera: Camera, item: dict[str, Any]) -> None:
    """The gradient behind everything."""
    top, low = (rgb(c) for c in canvas.light.sky)
    middle = (round(top[0] * 0.45 + low[0] * 0.55), round(top[1] * 0.45 + low[1] * 0.55), round((top[2] + low[2]) / 2))
    canvas.gradient(0, camera.horizon + 2, [top, middle, low])


def heaven(canvas: Canvas, camera: Camera, item: dict[str, Any]) -> None:
    """Sun, moon, stars, clouds or birds."""
    r, what, x, y = Random(item["v"]), item["what"], item["x"], item["y"]
    canvas.at_depth(0)
    if what == "sun":
        warm = "#ffd9a0" if canvas.light.haze == "#e8b08c" else "#fff6d8"
        canvas.halo(x, y, 34, warm, 34)
        canvas.oval(x, y, 9, 9, "#fff3c4", glow=True)
    elif what == "moon":
        canvas.halo(x, y, 20, "#c8d4f4", 26)
        canvas.oval(x, y, 7, 7, "#f2efdc", glow=True)
        canvas.oval(x + 3, y - 2, 6, 6, "#2b3a63", glow=True)
    elif what == "stars":
        for _ in range(46):
            radius = r.choice((0.4, 0.5, 0.8))
            canvas.oval(r.randrange(UNITS), r.randrange(80), radius, radius, "#dfe6ff", glow=True)
    elif what == "clouds":
        k = item["k"] / 100
        for colour, dy in (("#d4dde6", 2.2), ("#f7f9fb", 0.0)):
            for dx, rx, ry in ((-15, 11, 5), (-5, 12, 9), (7, 13, 7), (18, 9, 4)):
                canvas.oval(x + dx * k, y + (dy - ry * 0.5) * k, rx * k, ry * k, colour)
            low, high = y + dy * k, y + (dy - 4) * k
            canvas.polygon([(x - 25 * k, low), (x + 26 * k, low), (x + 20 * k, high), (x - 20 * k, high)], colour)
    else:
        for _ in range(item["n"]):
            bx, by, k = x + r.randrange(-22, 23), y + r.randrange(-12, 13), r.choice((2.8, 3.4, 4.2))
            canvas.line([(bx - k, by - k * 0.6), (bx, by), (bx + k, by - k * 0.6)], 1.1, "#2f3843")


def ridge(r: Random, base: float, height: float, rough: float, step: int = 8) -> list[Point]:
    """A skyline over the full width, between `base` and `base - height`."""
    anchors = [r.random() for _ in range(8)]
    points = []
    for x in range(-8, UNITS + 9, step):
        place = (x + 8) / (UNITS + 16) * 6.99
        i, share = int(place), place - int(place)
        smooth = share * share * (3 - 2 * share)
        level = anchors[i] * (1 - smooth) + anchors[i + 1] * smooth
        points.append((float(x), base - height * (0.35 + 0.65 * level) - rough * (r.random() - 0.5)))
    return points


def slope(canvas: Canvas, skyline: list[Point], base: float, colour: str) -> None:
    """What lies under a skyline."""
    canvas.polygon([*skyline, (UNITS + 8, base), (-8, base)], colour)


def peaks(r: Random, base: float, height: float, middle: float, broad: float) -> list[Point]:
    """Pointed summits, the highest one near `middle` so that a street's end frames it."""
    points: list[Point] = [(-10.0, base)]
    x = -10.0
    while x < UNITS + 10:
        width = r.randrange(20, 38) * broad
        near = max(0.0, 1 - abs(x + width / 2 - middle) / 70)
        top = base - height * (0.5 + 0.25 * r.random() + 0.3 * near)
        foot = base - height * (0.22 if broad == 1 else 0.4)
        points += [(x + width * 0.28, base - (base - top) * 0.55), (x + width * 0.5, top)]
        points += [(x + width * 0.72, base - (base - top) * 0.6), (x + width, foot)]
        x += width
    return points


def terrain(canvas: Canvas, camera: Camera, item: dict[str, Any]) -> None:
    """Mountains, hills, dunes, a volcano: beyond the end of the road."""
    r, what, base, mid = Random(item["v"]), item["what"], camera.horizon + 2, camera.vanish
    canvas.at_depth(120)
    if what in ("snow-capped mountains", "arid mountains"):
        body, lit, cap = ("#5f7591", "#7d93ac", "#f8fbfd") if what[0] == "s" else ("#a97f5c", "#c79a70", "")
        line = peaks(r, base, 52, mid, 1) if cap else peaks(r, base, 40, mid, 1.9)
        slope(canvas, line, base, body)
        for left, top, right in zip(line, line[1:], line[2:], strict=False):
            if top[1] < left[1] and top[1] < right[1]:
                canvas.polygon([top, right, (top[0] + 3, base)], lit)
                if cap:
                    dx, drop = (top[0] - left[0]) * 0.8, (base - top[1]) * 0.36
                    snow = ((0, 0), (1, 1), (0.35, 0.72), (0, 1.1), (-0.4, 0.74), (-1, 1))
                    canvas.polygon([(top[0] + dx * u, top[1] + drop * v) for u, v in snow], cap)
        canvas.at_depth(80)
        slope(canvas, ridge(r, base, 12, 2), base, "#6b8160" if cap else "#b98d62")
    elif what in ("green hills", "forested mountains"):
        tall, rough, step, tones = {
            "green hills": (26, 1, 8, ("#8fb387", "#7aa56b", "#659255")),
            "forested mountains": (44, 5, 4, ("#5c8a7c", "#3f7360", "#2f5d49")),
        }[what]
        for i, tone in enumerate(tones):
            canvas.at_depth(150 - 45 * i)
            slope(canvas, ridge(r, base, tall * (1 - 0.27 * i), rough, step), base, tone)
    elif what == "sand dunes":
        for i, tone in enumerate(("#e7c388", "#dcae6b", "#cf9a55")):
            line = ridge(r, base, 30 - 8 * i, 0)
            slope(canvas, line, base, tone)
            crest = min(line, key=lambda p: p[1])
            canvas.polygon([crest, (crest[0] + 46, base), (crest[0] + 6, base)], "#b98145")
    elif what == "volcano":
        slope(canvas, ridge(r, base, 12, 2), base, "#8096a0")
        x, h = mid + r.randrange(-26, 27), 56
        sunny = [(8, 1), (28, 0.55), (74, 0)]
        crown = [(-9, 1), (8, 1), (20, 0.72), (11, 0.78), (4, 0.66), (-4, 0.78), (-12, 0.66), (-21, 0.72)]
        for outline, tone in (
            ([(-74, 0), (-30, 0.55), (-9, 1), *sunny], "#66718a"),
            ([(2, 1), *sunny, (12, 0)], "#7b869c"),
            (crown, "#f2f5f8"),
        ):
            canvas.polygon([(x + dx, base - h * k) for dx, k in outline], tone)
        for i in range(4):
            canvas.oval(x + 3 + i * 5, base - h - 4 - i * 4, 4 + i * 1.4, 3 + i, "#d9dde2")


def ground(canvas: Canvas, camera: Camera, item: dict[str, Any]) -> None:
    """Everything below the horizon."""
    far, near = GROUNDS[item["what"]]
    canvas.at_depth(90)
    top = canvas.ink(far)
    canvas.at_depth(8)
    canvas.gradient(camera.horizon, UNITS, [top, canvas.ink(far), canvas.ink(near), canvas.ink(near)])
    r = Random(item["v"])
    for _ in range(0 if item["what"] == "pavement" else 26):
        z = r.choice((7, 9, 12, 16, 22, 30))
        x, y = camera.point(r.choice((-1, 1)) * r.randrange(40, 160) / 10, 0, z)
        canvas.at_depth(z)
        canvas.oval(x, y, 60 / z, 14 / z, r.choice((far, near)))


def sea(canvas: Canvas, camera: Camera, item: dict[str, Any]) -> None:
    """Water to the horizon on one side of the road, behind a strip of beach."""
    side, r = item["side"], Random(item["v"])
    edge = 150 if side > 0 else -150

    def strip(inner: float, colour: str, depth: float) -> None:
        canvas.at_depth(depth)
        points = [camera.point(side * inner, -0.2, z) for z in (400, 60, 25, 12, 5)]
        outside = camera.vanish + edge * 1.6
        canvas.polygon([*points, (outside, UNITS), (outside, camera.horizon - 1)], colour)

    strip(5.4, "#ecd9ab", 20)
    strip(8.2, "#f4f7f4", 30)
    strip(8.9, "#57aebd", 40)
    strip(13, "#3c8fae", 60)
    for _ in range(14):
        z = r.choice((14, 20, 28, 40, 60))
        x, y = camera.point(side * r.randrange(130, 420) / 10, 0, z)
        canvas.line([(x - 40 / z, y), (x + 40 / z, y)], 0.7, "#a8d8de")
    bx, by = camera.point(side * r.randrange(50, 90), 0, 130)
    canvas.at_depth(50)
    canvas.polygon([(bx - 5, by - 1), (bx + 5, by - 1), (bx + 3, by + 1.5), (bx - 3, by + 1.5)], "#f5f2ea")
    canvas.polygon([(bx, by - 12), (bx, by - 2), (bx + 6, by - 2)], "#ffffff")


def road(canvas: Canvas, camera: Camera, item: dict[str, Any]) -> None:
    """The carriageway with its kerbs."""
    half, surface = item["half"], "#8d949c" if item["snowy"] else "#70757d"
    for width, colour in ((half + 2.2, item["walk"]), (half + 0.25, "#d9d6cf"), (half, surface)):
        if colour:
            canvas.at_depth(10)
            canvas.polygon([camera.point(s * width, 0, z) for s, z in ((-1, 4), (-1, 300), (1, 300), (1, 4))], colour)


def line(canvas: Canvas, camera: Camera, item: dict[str, Any]) -> None:
    """Dashes (white) or a double line (yellow) along the middle, both in either colour."""
    colour = "#f2c230" if item["what"].startswith("yellow") else "#f4f4f0"
    canvas.at_depth(8)
    stripes = [(x, 0.09, 5, 120) for x in (-0.19, 0.19)]
    dashes = [(0, 0.12, z, z + 2.6) for z in range(5, 70, 5)]
    for x, half, near, far in stripes if item["double"] else dashes:
        corners = ((x - half, near), (x - half, far), (x + half, far), (x + half, near))
        canvas.polygon([camera.point(px, 0, pz) for px, pz in corners], colour)


def crossing(canvas: Canvas, camera: Camera, item: dict[str, Any]) -> None:
    """White bars across the road."""
    canvas.at_depth(8)
    for i in range(6):
        x, near, far = -2.5 + i * 0.9, item["z"], item["z"] + 2.4
        corners = ((x, near), (x + 0.5, near), (x + 0.5, far), (x, far))
        canvas.polygon([camera.point(px, 0, pz) for px, pz in corners], "#f0f0ec")


def weather(canvas: Canvas, camera: Camera, item: dict[str, Any]) -> None:
    """Rain or falling snow in front of everything; fog is in the light, and a veil over the distance."""
    r = Random(item["v"])
    canvas.at_depth(0)
    if item["what"] == "rain":
        for _ in range(110):
            x, y, k = r.randrange(-10, UNITS + 10), r.randrange(-10, UNITS), r.randrange(6, 14)
            canvas.veil([(x, y), (x + 0.9, y), (x + 0.9 - k * 0.22, y + k), (x - k * 0.22, y + k)], "#e4edf5", 52)
    elif item["what"] == "falling snow":
        for _ in range(120):
            flake = r.choice((0.7, 0.9, 1.3, 1.7))
            canvas.oval(r.randrange(UNITS), r.randrange(UNITS), flake, flake, "#fdfeff", glow=True)
    else:
        for above, below, percent in ((50, 34, 34), (24, 14, 40)):
            top, low = camera.horizon - above, camera.horizon + below
            canvas.veil([(0, top), (UNITS, top), (UNITS, low), (0, low)], canvas.light.haze, percent, glow=True)
