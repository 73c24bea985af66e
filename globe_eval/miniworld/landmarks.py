"""Landmarks on the skyline: generic shapes, some 70 units tall and up to 80 wide, their base at the horizon."""

from __future__ import annotations

from math import cos, pi, sin
from typing import Any

from globe_eval.miniworld import towers
from globe_eval.miniworld.canvas import Camera, Canvas, Frame, shade
from globe_eval.miniworld.towers import GOLD, PALE, SHADOW, STONE, needle, windows


def hill(f: Frame, height: float, colour: str = "#7f9a62") -> None:
    """The hill under a hilltop landmark."""
    f.poly(
        [(-62, -2), (-40, height * 0.45), (-20, height * 0.92), (20, height * 0.96), (40, height * 0.5), (62, -2)],
        colour,
    )
    f.poly([(0, -2), (8, height * 0.95), (20, height * 0.96), (40, height * 0.5), (62, -2)], shade(colour, 0.88))


def ferris_wheel(f: Frame) -> None:
    """A wheel with cabins."""
    for a in range(24):
        x0, y0 = 30 * cos(a * pi / 12), 36 + 30 * sin(a * pi / 12)
        x1, y1 = 30 * cos((a + 1) * pi / 12), 36 + 30 * sin((a + 1) * pi / 12)
        f.path([(x0, y0), (x1, y1)], 1.6, "#e9eef2")
        f.path([(0, 36), (x0, y0)], 0.4, "#dfe6ec")
        f.disc(x0 * 1.08, 36 + (y0 - 36) * 1.08, 2, 2, "#7fb2d4", glow=True)
    f.path([(-14, 0), (0, 36), (14, 0)], 2.0, "#cfd8de")


def castle(f: Frame) -> None:
    """Walls and towers on a crag."""
    hill(f, 30, "#7d8a6a")
    f.rect(-26, 26, 24, 40, STONE)
    for x, w, top in ((-28, 9, 46), (-4, 12, 54), (16, 10, 48)):
        f.rect(x, 26, x + w, top, shade(STONE, 0.9))
        for i in range(3):
            f.rect(x + i * w / 2.6, top, x + i * w / 2.6 + w / 5, top + 3, shade(STONE, 0.9))
    for i in range(10):
        f.rect(-25 + i * 5, 40, -22.5 + i * 5, 42.4, STONE)
    windows(f, -22, 22, 29, 38, 7, 1, "#5b5348")


def arch(f: Frame) -> None:
    """A massive gate with one tall opening."""
    f.rect(-25, 0, 25, 44, PALE)
    f.rect(-27, 36, 27, 39, shade(PALE, 0.86))
    f.rect(-26, 44, 26, 48, shade(PALE, 0.92))
    f.rect(-9, 0, 9, 20, SHADOW)
    f.dome(0, 20, 9, 9, SHADOW)
    for x in (-20, 14):
        f.rect(x, 8, x + 6, 26, shade(PALE, 0.9))


def hilltop_church(f: Frame) -> None:
    """A striped church with a tower on a hill."""
    hill(f, 28, "#b3a67e")
    f.rect(-12, 26, 16, 42, PALE)
    for y in (29, 34, 39):
        f.rect(-12, y, 16, y + 1.6, "#b58e74")
    f.dome(9, 42, 6.5, 8, "#8aa0a8")
    f.rect(-12, 26, -3, 56, PALE)
    for y in (30, 37, 44, 51):
        f.rect(-12, y, -3, y + 1.6, "#b58e74")
    f.poly([(-12.5, 56), (-2.5, 56), (-7.5, 64)], "#8aa0a8")
    f.rect(-8.2, 63, -6.8, 70, GOLD)


def twin_domes(f: Frame) -> None:
    """Two brick towers with onion domes."""
    f.rect(-18, 0, 18, 28, "#a8604a")
    f.poly([(-18, 28), (18, 28), (12, 40), (-12, 40)], "#b9503a")
    for x in (-17, 7):
        f.rect(x, 0, x + 10, 54, "#b56a50")
        windows(f, x, x + 10, 34, 52, 2, 2, "#5b3d34")
        f.poly(
            [
                (x - 0.5, 54),
                (x + 10.5, 54),
                (x + 9.5, 58),
                (x + 11, 62),
                (x + 7, 67),
                (x + 5, 74),
                (x + 3, 67),
                (x - 1, 62),
                (x + 0.5, 58),
            ],
            "#6a9a84",
        )


def amphitheatre(f: Frame) -> None:
    """Three rows of arches, broken on one side."""
    tone = "#d3b58c"
    f.poly([(-40, 0), (40, 0), (40, 20), (30, 24), (24, 34), (8, 36), (0, 44), (-34, 44), (-40, 40)], tone)
    for k, (left, right) in enumerate(((-38, 36), (-38, 24), (-38, -2))):
        for i in range(int((right - left) / 9)):
            x = left + 1.5 + i * 9
            f.rect(x, 3 + k * 14, x + 5, 9 + k * 14, "#6e5740")
            f.dome(x + 2.5, 9 + k * 14, 2.5, 3, "#6e5740")
        f.rect(left - 2, 13.5 + k * 14, right, 14.8 + k * 14, shade(tone, 0.85)) if k < 2 else None


def basilica(f: Frame) -> None:
    """A broad church under a ribbed dome."""
    f.rect(-34, 0, 34, 20, PALE)
    f.rect(-36, 18, 36, 21, shade(PALE, 0.88))
    for i in range(9):
        f.rect(-31 + i * 7.2, 2, -28.6 + i * 7.2, 18, shade(PALE, 0.84))
    f.rect(-14, 21, 14, 32, shade(PALE, 0.95))
    f.dome(0, 32, 15, 22, "#7f97a0")
    for x in (-9, -4.5, 0, 4.5, 9):
        f.path([(x, 32), (x * 0.45, 52)], 0.8, "#a8bac0")
    f.rect(-2.2, 52, 2.2, 59, PALE)
    f.rect(-0.6, 59, 0.6, 67, GOLD)


def suspension_bridge(f: Frame) -> None:
    """Two red towers with cables."""
    red = "#c8452f"
    for x in (-26, 26):
        f.rect(x - 3, 0, x - 0.8, 50, red)
        f.rect(x + 0.8, 0, x + 3, 50, red)
        for y in (20, 33, 46):
            f.rect(x - 3, y, x + 3, y + 2.6, red)
    f.rect(-80, 11, 80, 14.5, shade(red, 0.8))
    main = [(-26 + 52 * i / 12, 17 + 33 * ((i - 6) / 6) ** 2) for i in range(13)]
    f.path(main, 1.5, red)
    f.path([(-80, 15), (-26, 50)], 1.5, red)
    f.path([(80, 15), (26, 50)], 1.5, red)
    for hanger, top in main[1:-1]:
        f.path([(hanger, 14), (hanger, top)], 0.5, red)


def arch_bridge(f: Frame) -> None:
    """A steel arch over a deck."""
    steel = "#5f7382"
    for rise, low in ((44, 3), (36, 0)):
        f.path([(-48 + 8 * i, low + rise * (1 - ((i - 6) / 6) ** 2)) for i in range(13)], 2.0, steel)
    f.rect(-70, 14, 70, 18, shade(steel, 0.85))
    for i in range(1, 12):
        top = 3 + 44 * (1 - ((i - 6) / 6) ** 2)
        f.path([(-48 + 8 * i, 16), (-48 + 8 * i, top)], 0.8, steel)
    for x in (-50, 44):
        f.rect(x, 0, x + 7, 30, "#cbb894")


def acropolis(f: Frame) -> None:
    """Columns under a pediment on a rock."""
    f.poly([(-60, -2), (-44, 22), (44, 24), (60, -2)], "#b59a74")
    f.poly([(-60, -2), (-44, 22), (-26, 22), (-38, -2)], "#c9b08a")
    f.rect(-28, 23, 28, 26, PALE)
    for i in range(8):
        f.rect(-26 + i * 7.2, 26, -23 + i * 7.2, 41, PALE)
    f.rect(-28, 41, 28, 44, shade(PALE, 0.9))
    f.poly([(-28, 44), (28, 44), (0, 53)], PALE)


def golden_domes(f: Frame) -> None:
    """White walls, five golden onion domes."""
    f.rect(-30, 0, 30, 26, "#f4f2ea")
    f.rect(-32, 24, 32, 27, "#8ab0b8")
    windows(f, -28, 28, 4, 22, 7, 1, "#6f8890")
    for x, w, y, h in ((-22, 5, 27, 8), (22, 5, 27, 8), (-10.5, 5.5, 27, 14), (10.5, 5.5, 27, 14), (0, 8, 27, 22)):
        f.rect(x - w * 0.7, y, x + w * 0.7, y + h, "#ffffff")
        b = y + h
        f.poly(
            [
                (x - w * 0.7, b),
                (x + w * 0.7, b),
                (x + w, b + w * 0.7),
                (x + w * 0.5, b + w * 1.5),
                (x, b + w * 2.3),
                (x - w * 0.5, b + w * 1.5),
                (x - w, b + w * 0.7),
            ],
            GOLD,
        )
        f.rect(x - 0.5, b + w * 2.2, x + 0.5, b + w * 2.2 + 6, GOLD)


def mosque(f: Frame) -> None:
    """A great dome, half domes, pencil minarets."""
    tone = "#d9d2c4"
    f.rect(-30, 0, 30, 20, tone)
    windows(f, -28, 28, 3, 17, 9, 2, "#7f7a70")
    for x in (-17, 17):
        f.dome(x, 20, 11, 10, "#93a0a6")
    f.rect(-13, 20, 13, 30, shade(tone, 0.93))
    f.dome(0, 30, 15, 17, "#8796a0")
    f.rect(-0.5, 46, 0.5, 53, GOLD)
    for x in (-38, 36):
        f.rect(x - 1.8, 0, x + 1.8, 56, shade(tone, 0.96))
        f.rect(x - 3.2, 40, x + 3.2, 42.5, shade(tone, 0.85))
        f.poly([(x - 2.2, 56), (x + 2.2, 56), (x, 72)], "#7f8f9a")


def pyramids(f: Frame) -> None:
    """Three pyramids, lit from one side."""
    for x, w, h in ((26, 26, 30), (-8, 42, 52), (-44, 18, 20)):
        f.poly([(x - w, 0), (x + w, 0), (x, h)], "#dcb878")
        f.poly([(x + w * 0.25, 0), (x + w, 0), (x, h)], "#b8935a")


def torii(f: Frame) -> None:
    """A red gate."""
    red = "#d4452f"
    for x in (-18, 18):
        f.poly([(x - 2.8, 0), (x + 2.8, 0), (x * 0.94 + 2.2, 42), (x * 0.94 - 2.2, 42)], red)
        f.rect(x - 3.2, 0, x + 3.2, 4, "#2b2b2e")
    f.rect(-24, 30, 24, 34, red)
    f.rect(-2, 34, 2, 42, red)
    f.poly([(-34, 48), (-28, 42), (28, 42), (34, 48), (27, 46), (-27, 46)], red)
    f.poly([(-35, 51), (-28, 46), (28, 46), (35, 51), (28, 49.5), (-28, 49.5)], "#2b2b2e")


def hilltop_needle(f: Frame) -> None:
    """The same on a wooded hill."""
    hill(f, 26, "#5f8a5c")
    needle(Frame(f.canvas, lambda u, v: f.project(u * 0.75, 22 + v * 0.62), f.unit * 0.7))


def palace_gate(f: Frame) -> None:
    """Red walls under two yellow roofs."""
    f.rect(-46, 0, 46, 20, "#b0362c")
    for x in (-26, -4, 18):
        f.rect(x, 0, x + 8, 9, "#4a1c1a")
        f.dome(x + 4, 9, 4, 4, "#4a1c1a")
    f.rect(-36, 20, 36, 30, "#8f2f28")
    for i in range(9):
        f.rect(-34 + i * 8.2, 20, -32 + i * 8.2, 30, "#d8b06a")
    f.poly([(-46, 33), (-36, 30), (36, 30), (46, 33), (32, 40), (-32, 40)], "#e0a52e")
    f.rect(-26, 40, 26, 46, "#8f2f28")
    f.poly([(-36, 49), (-27, 46), (27, 46), (36, 49), (20, 57), (-20, 57)], "#e0a52e")


def table_mountain(f: Frame) -> None:
    """A flat top with steep sides, a cloth of cloud."""
    f.poly(
        [(-120, 0), (-84, 12), (-56, 42), (-50, 45), (46, 46), (54, 42), (74, 16), (86, 22), (98, 8), (120, 0)],
        "#6f7f86",
    )
    f.poly([(46, 46), (54, 42), (74, 16), (40, 0), (20, 20)], "#5f6e78")
    for x in (-40, -22, -4, 14, 32):
        f.path([(x, 43), (x - 4, 28)], 1.6, "#5f6e78")
    for x in (-36, -14, 10, 32):
        f.disc(x, 47, 14, 2.8, "#f3f5f7")


def statue(f: Frame) -> None:
    """A white figure with outstretched arms on a steep peak."""
    f.poly([(-66, -2), (-34, 14), (-14, 38), (-5, 46), (5, 46), (12, 36), (26, 16), (60, -2)], "#4f7a58")
    f.poly([(5, 46), (12, 36), (26, 16), (60, -2), (10, -2)], "#426a4c")
    f.rect(-3, 46, 3, 50, PALE)
    f.poly([(-2.6, 50), (2.6, 50), (2.2, 68), (-2.2, 68)], "#f6f3ea")
    f.rect(-13, 63, 13, 66.4, "#f6f3ea")
    f.disc(0, 70, 2.1, 2.4, "#f6f3ea")


def opera(f: Frame) -> None:
    """White shells on a podium."""
    f.rect(-46, 0, 46, 7, "#c9a98c")
    for x, w, h in ((-38, 18, 22), (-22, 24, 36), (0, 26, 44), (24, 20, 30)):
        f.poly(
            [
                (x, 7),
                (x + w * 0.18, 7 + h * 0.55),
                (x + w * 0.75, 7 + h),
                (x + w * 0.9, 7 + h * 0.5),
                (x + w * 0.82, 7),
            ],
            "#f7f5ef",
        )
        f.poly([(x + w * 0.75, 7 + h), (x + w * 0.9, 7 + h * 0.5), (x + w * 0.82, 7), (x + w * 0.55, 7)], "#d9d6cc")


def giraffes(f: Frame) -> None:
    """Two giraffes before the skyline of a city."""
    for x, w, h in ((-46, 10, 22), (-34, 8, 32), (-4, 11, 20), (38, 9, 28), (48, 10, 20)):
        f.rect(x, 0, x + w, h, "#a9b6bf")
    for x, turn, k in ((-20, 1, 1.0), (24, -1, 0.8)):
        for dx in (-7, -4.4, 4.0, 6.4):
            f.rect(x + dx * k - 0.9 * k, -3, x + dx * k + 0.9 * k, 20 * k, "#c98f4a")
        f.poly([(x - 8 * k, 18 * k), (x + 8 * k, 19 * k), (x + 8 * k, 29 * k), (x - 8 * k, 26 * k)], "#dca85a")
        f.poly(
            [
                (x + turn * 4 * k, 26 * k),
                (x + turn * 8 * k, 22 * k),
                (x + turn * 14 * k, 54 * k),
                (x + turn * 10.5 * k, 55 * k),
            ],
            "#dca85a",
        )
        f.poly(
            [
                (x + turn * 10 * k, 56 * k),
                (x + turn * 13 * k, 58 * k),
                (x + turn * 20 * k, 53 * k),
                (x + turn * 13 * k, 51 * k),
            ],
            "#dca85a",
        )
        for i in range(5):
            f.rect(
                x + (-6 + i * 3) * k, (20 + i % 2 * 3) * k, x + (-4.4 + i * 3) * k, (22.6 + i % 2 * 3) * k, "#9a6432"
            )
            f.rect(
                x + turn * (7 + i * 1.1) * k - 0.9 * k,
                (30 + i * 4.6) * k,
                x + turn * (7 + i * 1.1) * k + 0.9 * k,
                (32.4 + i * 4.6) * k,
                "#9a6432",
            )


LANDMARKS = {
    "lattice tower": towers.lattice_tower,
    "clock tower": towers.clock_tower,
    "giant Ferris wheel": ferris_wheel,
    "hilltop castle": castle,
    "triumphal arch": arch,
    "hilltop church": hilltop_church,
    "ball-topped television tower": towers.ball_tower,
    "victory column": towers.victory_column,
    "twin onion-domed towers": twin_domes,
    "ancient amphitheatre": amphitheatre,
    "domed basilica": basilica,
    "suspension bridge": suspension_bridge,
    "arch bridge": arch_bridge,
    "columned temple on a hill": acropolis,
    "stepped concrete church": towers.stepped_church,
    "golden-domed cathedral": golden_domes,
    "domed mosque with minarets": mosque,
    "square minaret": towers.square_minaret,
    "pyramids": pyramids,
    "torii gate": torii,
    "tiered pagoda": towers.pagoda,
    "needle tower": towers.needle,
    "hilltop needle tower": hilltop_needle,
    "red palace gate": palace_gate,
    "golden stupa": towers.stupa,
    "flat-topped mountain": table_mountain,
    "statue with outstretched arms": statue,
    "white obelisk": towers.obelisk,
    "striped lighthouse": towers.lighthouse,
    "shell-roofed opera house": opera,
    "spired skyscraper": towers.skyscraper,
    "giraffes": giraffes,
}


def landmark(canvas: Canvas, camera: Camera, item: dict[str, Any]) -> None:
    """The landmark named by `what`, its base on the horizon at x, `k` percent of its usual size."""
    unit, x, base = item["k"] / 100, item["x"], camera.horizon + 3
    canvas.at_depth(60, floodlit=True)
    LANDMARKS[item["what"]](Frame(canvas, lambda u, v: (x + u * unit, base - v * unit), unit))
