"""Cars from behind and in front (they show the side of the road), and the vehicles of a place from the side."""

from __future__ import annotations

from typing import Any

from globe_eval.miniworld.canvas import Camera, Canvas, Frame, shade

GLASS, TYRE, DARK = "#3f5262", "#26292e", "#2d3036"
PAINTS = ("#c0453e", "#3f6fa8", "#e6e4de", "#4a4f57", "#6f9a8c", "#d8a24a", "#8a5a78", "#9aa3ab")
PLATES = {
    "white number plate": ("#fbfbf8", "#2b2f36"),
    "yellow number plate": ("#ffd31f", "#26241a"),
    "blue number plate": ("#2458b8", "#f4f7fb"),
    "black number plate": ("#15171b", "#e9ecef"),
}


def car(canvas: Canvas, camera: Camera, item: dict[str, Any]) -> None:
    """A car on its lane, `rear` towards the camera or its front; at night with its lights on."""
    f, paint = camera.upright(canvas, item["x"], item["z"]), PAINTS[item["c"] % len(PAINTS)]
    f.poly([(-1.05, 0.02), (1.05, 0.02), (1.25, -0.12), (-1.25, -0.12)], shade("#70757d", 0.6))
    for x in (-0.85, 0.5):
        f.rect(x, 0, x + 0.36, 0.5, TYRE)
    f.poly([(-0.98, 0.28), (0.98, 0.28), (1.0, 0.95), (0.92, 1.05), (-0.92, 1.05), (-1.0, 0.95)], paint)
    f.poly([(-0.92, 1.0), (0.92, 1.0), (0.68, 1.62), (-0.68, 1.62)], paint)
    f.poly([(-0.78, 1.05), (0.78, 1.05), (0.6, 1.53), (-0.6, 1.53)], GLASS)
    f.poly([(-0.78, 1.05), (-0.3, 1.05), (-0.2, 1.53), (-0.6, 1.53)], shade(GLASS, 1.35))
    f.rect(-0.98, 0.28, 0.98, 0.42, shade(paint, 0.6))
    lamp = "#ff3b30" if item["rear"] else "#fff6cf"
    for x in (-0.78, 0.78):
        f.halo(x, 0.82, 0.75, lamp, 34)
        f.rect(x - 0.17, 0.7, x + 0.17, 0.95, lamp, glow=True)
    if not item["rear"]:
        f.rect(-0.45, 0.55, 0.45, 0.72, DARK)


def plate(canvas: Canvas, camera: Camera, item: dict[str, Any]) -> None:
    """The number plate of the car ahead, larger than life so that its colour can be told."""
    f = camera.upright(canvas, item["x"], item["z"])
    ground, ink = PLATES[item["what"]]
    f.rect(-0.47, 0.42, 0.47, 0.72, DARK, glow=True)
    f.rect(-0.44, 0.45, 0.44, 0.69, ground, glow=True)
    for i in range(5):
        f.rect(-0.34 + i * 0.15, 0.51, -0.25 + i * 0.15, 0.63, ink, glow=True)


def wheels(f: Frame, *xs: float, radius: float = 0.38) -> None:
    """Wheels on the ground."""
    for x in xs:
        f.disc(x, radius, radius, radius, TYRE)
        f.disc(x, radius, radius * 0.5, radius * 0.5, "#c4c9cf")


def saloon(f: Frame, body: str, roof: str = "") -> None:
    """A taxi with its lit roof sign."""
    f.poly(
        [(-2.2, 0.35), (2.2, 0.35), (2.25, 0.85), (1.5, 1.0), (0.95, 1.55), (-0.85, 1.55), (-1.45, 1.02), (-2.2, 0.9)],
        body,
    )
    if roof:
        f.poly([(1.02, 1.48), (0.95, 1.62), (-0.85, 1.62), (-0.95, 1.48)], roof)
    f.poly([(1.3, 1.02), (0.85, 1.46), (0.1, 1.46), (0.1, 1.02)], GLASS)
    f.poly([(0.0, 1.02), (0.0, 1.46), (-0.78, 1.46), (-1.22, 1.04)], GLASS)
    f.rect(-0.04, 0.4, 0.02, 1.0, shade(body, 0.75))
    f.rect(2.02, 0.68, 2.24, 0.84, "#fff3c0", glow=True)
    f.rect(-2.2, 0.7, -2.05, 0.86, "#e0463c", glow=True)
    wheels(f, -1.35, 1.35)
    f.halo(0, 1.75, 1.0, "#ffe9a0", 30)
    f.rect(-0.36, 1.58, 0.36, 1.86, DARK)
    f.rect(-0.3, 1.62, 0.3, 1.82, "#fff6c8", glow=True)


def black_cab(f: Frame) -> None:
    """A tall, rounded black taxi."""
    f.poly([(-2.2, 0.35), (2.25, 0.35), (2.25, 0.9), (1.35, 1.08), (1.0, 1.75), (-1.4, 1.78), (-2.1, 1.2)], "#1d1f24")
    f.poly([(1.2, 1.1), (0.9, 1.62), (0.1, 1.62), (0.1, 1.1)], "#7f97a8")
    f.poly([(0.0, 1.1), (0.0, 1.62), (-1.2, 1.62), (-1.6, 1.15)], "#7f97a8")
    f.rect(-2.2, 0.62, 2.25, 0.68, "#5b6068")
    wheels(f, -1.35, 1.4)
    f.rect(0.2, 1.76, 0.85, 1.98, "#ffc83d", glow=True)


def box(f: Frame, length: float, top: float, body: str, band: str = "", windows: int = 5, colour: str = GLASS) -> None:
    """A van, minibus or bus with a row of windows."""
    half = length / 2
    front = [(half, 0.35), (half, top * 0.62), (half - 0.28, top)]
    f.poly([(-half, 0.35), *front, (-half + 0.1, top), (-half, top - 0.12)], body)
    if band:
        f.rect(-half, 0.35, half, top * 0.48, band)
    step = (length - 0.6) / windows
    for i in range(windows):
        f.rect(-half + 0.25 + i * step, top * 0.56, -half + 0.25 + (i + 0.82) * step, top * 0.86, colour)
    f.rect(half - 0.16, 0.55, half, 0.8, "#fff3c0", glow=True)
    wheels(f, -half + length * 0.2, half - length * 0.2, radius=0.42)


def bus(f: Frame) -> None:
    """A double-decker."""
    f.rect(-4.4, 0.4, 4.4, 4.3, "#cc2b2b")
    f.rect(-4.4, 2.28, 4.4, 2.5, "#f2e6d0")
    lit = f.canvas.light.night
    for i in range(7):
        for low in (1.2, 2.9):
            f.rect(-4.1 + i * 1.2, low, -3.1 + i * 1.2, low + 0.95, "#ffe2a0" if lit else GLASS, glow=lit)
    f.rect(3.3, 0.5, 4.1, 2.0, "#8f1c1c")
    f.rect(4.2, 0.7, 4.42, 0.95, "#fff3c0", glow=True)
    wheels(f, -2.8, 2.6, radius=0.55)


def tram(f: Frame, body: str, lower: str) -> None:
    """A tramcar with its pole."""
    half, count = 4.5, 7
    f.rect(-half, 0.35, half, 3.2, body)
    f.rect(-half, 0.35, half, 1.35, lower)
    f.poly([(-half, 3.2), (half, 3.2), (half - 0.7, 3.6), (-half + 0.7, 3.6)], "#e8e2d2")
    lit = f.canvas.light.night
    for i in range(count):
        x = -half + 0.3 + i * 8.6 / count
        f.rect(x, 1.6, x + 0.8, 2.8, "#ffe2a0" if lit else GLASS, glow=lit)
    f.path([(0, 3.6), (-0.8, 4.3), (0.3, 4.9)], 0.12, DARK)
    f.rect(-half + 0.8, 0.05, -half + 2.6, 0.4, DARK)
    f.rect(half - 2.6, 0.05, half - 0.8, 0.4, DARK)


def cable_car(f: Frame) -> None:
    """Open seats at one end, a clerestory roof."""
    f.rect(-4.0, 0.5, 4.0, 1.2, "#7a2e24")
    f.rect(-4.0, 1.2, -0.4, 2.9, "#c9a052")
    f.rect(-4.2, 2.9, 4.2, 3.2, "#e9dfc4")
    f.rect(-3.4, 3.2, 3.4, 3.55, "#7a2e24")
    for i in range(3):
        f.rect(-3.7 + i * 1.1, 1.45, -2.9 + i * 1.1, 2.6, GLASS)
    for x in (-0.3, 1.1, 2.5, 3.9):
        f.path([(x, 0.5), (x, 2.9)], 0.16, "#c9a052")
    for x in (0.2, 1.6, 2.9):
        f.rect(x, 1.2, x + 0.6, 1.7, "#5b3a28")
    wheels(f, -2.2, 2.2, radius=0.36)


def tuk_tuk(f: Frame) -> None:
    """Three wheels, a canopy, two colours."""
    f.poly([(-1.3, 0.35), (1.35, 0.35), (1.45, 0.95), (0.9, 1.1), (-1.35, 1.1)], "#2f9a5c")
    f.poly([(-1.45, 1.75), (1.0, 1.75), (0.8, 2.05), (-1.3, 2.05)], "#f2c52e")
    f.rect(-1.35, 1.0, -1.1, 1.8, "#f2c52e")
    f.path([(0.95, 1.0), (0.85, 1.8)], 0.12, "#f2c52e")
    f.path([(-0.2, 1.1), (-0.2, 1.8)], 0.1, DARK)
    f.rect(-1.0, 0.95, -0.3, 1.4, "#8a3a34")
    wheels(f, -0.9, 1.1, radius=0.36)


def pickup(f: Frame) -> None:
    """A pick-up truck with an open bed."""
    f.poly(
        [(-2.6, 0.45), (2.6, 0.45), (2.65, 1.05), (1.5, 1.2), (1.0, 1.85), (-0.2, 1.85), (-0.3, 1.15), (-2.6, 1.15)],
        "#7a8a5c",
    )
    f.poly([(1.3, 1.2), (0.9, 1.72), (0.0, 1.72), (0.0, 1.2)], GLASS)
    f.rect(-2.5, 1.02, -0.3, 1.15, "#55613f")
    wheels(f, -1.7, 1.7, radius=0.45)


def school_bus(f: Frame) -> None:
    """A long-nosed yellow bus with black lines."""
    box(f, 8.6, 2.9, "#f4b41a", windows=9)
    f.rect(4.2, 0.4, 5.5, 1.5, "#f4b41a")
    for y in (1.0, 1.35):
        f.rect(-4.3, y, 4.3, y + 0.09, DARK)
    wheels(f, 4.6, radius=0.42)


VEHICLES = {
    "yellow taxi": lambda f: saloon(f, "#f7c325"),
    "white taxi": lambda f: saloon(f, "#f4f3ee"),
    "beige taxi": lambda f: saloon(f, "#e4d3a6"),
    "pink taxi": lambda f: saloon(f, "#ee5f9c"),
    "red taxi": lambda f: saloon(f, "#cf3434"),
    "silver taxi": lambda f: saloon(f, "#aeb6be"),
    "black-and-yellow taxi": lambda f: saloon(f, "#22242a", roof="#f7c325"),
    "black cab": black_cab,
    "red double-decker bus": bus,
    "yellow tram": lambda f: tram(f, "#f6f0de", "#efb92a"),
    "green tram": lambda f: tram(f, "#f0e8cf", "#2f7a56"),
    "cable car": cable_car,
    "tuk-tuk": tuk_tuk,
    "white minibus": lambda f: box(f, 5.0, 2.3, "#f2f1ec", windows=4),
    "blue-and-white minibus": lambda f: box(f, 5.0, 2.3, "#f4f4f0", band="#2f6fc0", windows=4),
    "white delivery van": lambda f: box(f, 5.4, 2.6, "#eef0f0", windows=1, colour="#eef0f0"),
    "yellow school bus": school_bus,
    "pickup truck": pickup,
}
LENGTHS = {
    "red double-decker bus": 9.0,
    **dict.fromkeys(("yellow tram", "green tram"), 9.2),
    "cable car": 8.6,
    "yellow school bus": 10.0,
    "tuk-tuk": 3.0,
    "white delivery van": 5.4,
    **dict.fromkeys(("white minibus", "blue-and-white minibus"), 5.0),
    "pickup truck": 5.3,
}
"""Metres, where they are not those of a taxi."""


def vehicle(canvas: Canvas, camera: Camera, item: dict[str, Any]) -> None:
    """A vehicle crossing the road, from the side: it says nothing about the side on which people drive."""
    f = camera.upright(canvas, item["x"], item["z"])
    turned = -1 if item["v"] % 2 else 1
    half = LENGTHS.get(item["what"], 4.5) / 2
    f.poly([(-half, 0.06), (half, 0.06), (half + 0.2, -0.16), (-half - 0.2, -0.16)], shade("#70757d", 0.6))
    VEHICLES[item["what"]](Frame(canvas, lambda u, v, p=f.project: p(turned * u, v), f.unit))  # type: ignore[misc]
