"""Trees and other plants, about six metres tall at scale 1."""

from __future__ import annotations

from math import cos, pi, sin
from random import Random
from typing import Any

from globe_eval.miniworld.canvas import Camera, Canvas, Frame, shade


def plant(canvas: Canvas, camera: Camera, item: dict[str, Any]) -> None:
    """The plant named by `what`, at x, z, `k` percent of its usual height."""
    f = camera.upright(canvas, item["x"], item["z"])
    f = Frame(canvas, lambda u, v, p=f.project, k=item["k"] / 100: p(u * k, v * k), f.unit * item["k"] / 100)  # type: ignore[misc]
    PLANTS[item["what"]](f, Random(item["v"]))


def crown(f: Frame, r: Random, x: float, y: float, rx: float, ry: float, colour: str, n: int = 7) -> None:
    """A rounded crown: clumps in shadow, in colour, in light."""
    for tone, dx, dy, k in (
        (shade(colour, 0.78), 0.1, -0.22, 1.0),
        (colour, 0.0, 0.0, 0.92),
        (shade(colour, 1.22), -0.25, 0.3, 0.55),
    ):
        f.disc(x + dx * rx, y + dy * ry, rx * k * 0.8, ry * k * 0.82, tone)
        for _ in range(n if k > 0.6 else 3):
            a = r.random() * 2 * pi
            cx, cy = x + dx * rx + cos(a) * rx * 0.55 * k, y + dy * ry + sin(a) * ry * 0.5 * k
            f.disc(cx, cy, rx * 0.42 * k, ry * 0.42 * k, tone)


def bush(canvas: Canvas, camera: Camera, item: dict[str, Any]) -> None:
    """A low round bush."""
    r = Random(item["v"])
    green = r.choice(("#7f9a52", "#6f8f4e", "#8fa35e"))
    crown(camera.upright(canvas, item["x"], item["z"]), r, 0, 0.5, 0.95, 0.55, green, 4)


def broadleaf(f: Frame, r: Random) -> None:
    """A round crown on a trunk."""
    f.poly([(-0.25, 0), (0.25, 0), (0.14, 3), (-0.14, 3)], "#6e5138")
    crown(f, r, 0, 4.3, 2.1, 2.0, r.choice(("#5f9a48", "#6ba653", "#548c46")))


def conifer(f: Frame, r: Random) -> None:
    """Stacked triangles."""
    f.rect(-0.2, 0, 0.2, 1, "#5b4230")
    colour = r.choice(("#2f6a4f", "#2a6048", "#3a7456"))
    for low, width, top in ((0.7, 2.0, 3.4), (2.2, 1.6, 4.9), (3.8, 1.15, 6.8)):
        f.poly([(-width, low), (width, low), (0, top)], colour)
        f.poly([(-width, low), (-width * 0.2, low), (0, top)], shade(colour, 1.14))


def birch(f: Frame, r: Random) -> None:
    """White trunks with black marks, thin light crowns."""
    for x, lean in ((-0.7, -0.2), (0.5, 0.3)):
        f.poly([(x - 0.16, 0), (x + 0.16, 0), (x + lean + 0.08, 5.2), (x + lean - 0.08, 5.2)], "#f2f1ec")
        crown(f, r, x + lean, 5.0, 1.15, 1.9, "#a9c464", 5)
        for k in range(6):
            f.rect(x - 0.16 + lean * k / 7, 0.5 + k * 0.6, x + 0.04 + lean * k / 7, 0.62 + k * 0.6, "#33343a")


def palm(f: Frame, r: Random) -> None:
    """A bent trunk and a star of hanging fronds."""
    lean = r.choice((-0.9, -0.4, 0.4, 0.9))
    trunk = [(lean * (k / 8) ** 2, 6.2 * k / 8) for k in range(9)]
    f.poly(
        [(x - 0.24 + 0.012 * i, y) for i, (x, y) in enumerate(trunk)]
        + [(x + 0.24 - 0.012 * i, y) for i, (x, y) in reversed(list(enumerate(trunk)))],
        "#94734f",
    )
    for k in range(1, 8):
        f.path([(trunk[k][0] - 0.2, trunk[k][1]), (trunk[k][0] + 0.2, trunk[k][1])], 0.08, "#735638")
    for i, angle in enumerate((200, 340, 170, 10, 225, 315, 140, 40, 110, 75)):
        a = angle * pi / 180
        length = 2.6 if 60 < angle < 130 else 3.0
        mid = (lean + cos(a) * length * 0.55, 6.2 + sin(a) * length * 0.5 + 0.6)
        tip = (lean + cos(a) * length, 6.2 + sin(a) * length * 0.55 - 0.5)
        bow = (lean + cos(a) * length * 0.5, 6.2 + sin(a) * length * 0.5 + 0.02)
        f.poly([(lean, 6.2), mid, tip, bow], ("#3f8a4f", "#58a45c")[i % 2])
    f.disc(lean - 0.2, 6.0, 0.22, 0.22, "#7a5230")
    f.disc(lean + 0.25, 5.95, 0.22, 0.22, "#6b4628")


def cactus(f: Frame, r: Random) -> None:
    """A saguaro."""
    for colour, w, dx in (("#3f7f56", 0.42, 0.0), ("#58996a", 0.14, -0.14)):
        f.rect(dx - w, 0, dx + w, 4.3, colour)
        f.dome(dx, 4.3, w, 0.42, colour)
        for side, low, top in ((-1, 1.5, 3.2), (1, 2.1, 3.9)):
            f.rect(dx + side * 1.25 - w * 0.7, low, dx + side * 1.25 + w * 0.7, top, colour)
            f.dome(dx + side * 1.25, top, w * 0.7, 0.3, colour)
            if w > 0.2:
                f.rect(min(0, side * 1.25), low, max(0, side * 1.25), low + 0.6, colour)


def eucalyptus(f: Frame, r: Random) -> None:
    """A pale forked trunk, grey-green clumps set apart."""
    for path, w in (
        ([(0, 0), (0.1, 2.6), (-0.9, 4.6)], 0.34),
        ([(0.1, 2.4), (1.1, 4.4)], 0.26),
        ([(0.05, 3), (0.2, 5.4)], 0.22),
    ):
        f.path(path, w, "#dcd0c0")
    f.path([(-0.1, 0), (0, 2.2)], 0.12, "#b39a84")
    for x, y in ((-1.2, 4.9), (1.3, 4.7), (0.2, 5.9)):
        crown(f, r, x, y, 1.15, 0.8, "#8aa58c", 4)


def acacia(f: Frame, r: Random) -> None:
    """A flat, wide umbrella on a thin forked trunk."""
    f.path([(0, 0), (0.1, 2.2), (-1.1, 4.1)], 0.26, "#5f4632")
    f.path([(0.1, 2.0), (1.3, 4.1)], 0.22, "#5f4632")
    for x, y, rx in ((0, 4.2, 2.8), (-0.9, 4.55, 1.7), (1.0, 4.5, 1.6)):
        f.disc(x, y - 0.12, rx, 0.42, "#5d7434")
        f.disc(x, y + 0.05, rx * 0.96, 0.36, "#84994a")


def bamboo(f: Frame, r: Random) -> None:
    """A grove of jointed green canes."""
    for i in range(8):
        x, lean = -1.6 + i * 0.45, (r.random() - 0.5) * 0.9
        f.path([(x, 0), (x + lean * 0.4, 3.2), (x + lean, 6.3)], 0.2, ("#7fae5a", "#6a9c4c", "#93bd68")[i % 3])
        for k in range(1, 6):
            f.rect(x + lean * k / 7 - 0.13, k * 1.05, x + lean * k / 7 + 0.13, k * 1.05 + 0.09, "#e4ecc0")
        for k in range(4):
            y, s = 3.6 + k * 0.75, r.choice((-1, 1))
            stem = x + lean * y / 6.3
            f.poly([(stem, y), (stem + s * 0.95, y - 0.25), (stem + s * 0.4, y + 0.22)], "#5c9447")


def cypress(f: Frame, r: Random) -> None:
    """A dark, narrow flame."""
    f.rect(-0.15, 0, 0.15, 0.6, "#5b4230")
    for dx, k, colour in ((0.0, 1.0, "#2f5a3c"), (-0.16, 0.62, "#41714b")):
        flame = [(0.5 * k, 0.4), (0.78 * k, 2.2), (0.62 * k, 4.4), (0, 7.0 * (0.9 + 0.1 * k))]
        f.mirrored(dx, flame, colour)


def umbrella_pine(f: Frame, r: Random) -> None:
    """A tall bare trunk under a flat dark cushion."""
    f.path([(0, 0), (0.15, 3.6)], 0.3, "#7a5a42")
    for x in (-1.4, -0.5, 0.7, 1.6):
        f.path([(0.15, 3.4), (x, 5.0)], 0.16, "#7a5a42")
    for x, y, rx, ry in ((0.1, 5.0, 2.7, 0.62), (-0.9, 5.5, 1.5, 0.6), (1.0, 5.5, 1.5, 0.6), (0.1, 5.8, 1.5, 0.5)):
        f.disc(x, y, rx, ry, "#3f6e46")
    for x, y, rx in ((-0.9, 5.75, 1.0), (0.6, 5.95, 1.0)):
        f.disc(x, y, rx, 0.3, "#5d8c58")


def blossom(f: Frame, r: Random, colour: str) -> None:
    """A spreading tree in flower, petals below it."""
    f.path([(0, 0), (0.1, 2.0), (-1.0, 3.6)], 0.32, "#5d463e")
    f.path([(0.1, 1.9), (1.2, 3.6)], 0.26, "#5d463e")
    crown(f, r, 0, 4.2, 2.5, 1.6, colour, 8)
    for _ in range(14):
        f.disc(r.randrange(-28, 29) / 10, r.randrange(-3, 4) / 10, 0.14, 0.07, colour)


def banana(f: Frame, r: Random) -> None:
    """Broad upright leaves from the ground."""
    f.rect(-0.25, 0, 0.25, 2.0, "#8a9a4c")
    fronds = ((150, 2.7), (30, 2.7), (118, 3.4), (62, 3.4), (90, 3.7), (172, 1.9), (8, 1.9))
    for i, (angle, length) in enumerate(fronds):
        a = angle * pi / 180
        x, y = cos(a) * length, 1.7 + sin(a) * length
        nx, ny = -sin(a) * 0.52, cos(a) * 0.52
        mx, my = x * 0.5, 1.7 + (y - 1.7) * 0.5
        f.poly([(0, 1.7), (mx + nx, my + ny), (x, y - 0.3), (mx - nx, my - ny)], ("#4f9e48", "#6fb955")[i % 2])
        f.path([(0, 1.7), (x, y - 0.3)], 0.08, "#c3dd8c")


def baobab(f: Frame, r: Random) -> None:
    """A swollen trunk with a small crown."""
    f.poly([(-1.3, 0), (1.3, 0), (1.0, 2.5), (0.7, 4.0), (-0.7, 4.0), (-1.0, 2.5)], "#a58a72")
    f.poly([(-1.3, 0), (-0.6, 0), (-0.5, 4.0), (-0.7, 4.0), (-1.0, 2.5)], "#bda38a")
    for x, y in ((-1.9, 5.0), (-0.9, 5.6), (0.2, 5.8), (1.1, 5.5), (2.0, 4.9)):
        f.path([(x * 0.3, 3.8), (x, y)], 0.28, "#a58a72")
        f.disc(x, y + 0.15, 0.75, 0.4, "#7c9450")


PLANTS = {
    "broadleaf trees": broadleaf,
    "conifer trees": conifer,
    "birch trees": birch,
    "palm trees": palm,
    "cacti": cactus,
    "eucalyptus trees": eucalyptus,
    "acacia trees": acacia,
    "bamboo": bamboo,
    "cypress trees": cypress,
    "umbrella pines": umbrella_pine,
    "jacaranda trees": lambda f, r: blossom(f, r, "#9a7fd0"),
    "cherry blossom trees": lambda f, r: blossom(f, r, "#f6bfd2"),
    "banana plants": banana,
    "baobab trees": baobab,
}
