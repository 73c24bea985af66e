"""Landmarks on the skyline: generic shapes, some 70 units tall and up to 80 wide, their base at the horizon."""

from __future__ import annotations

from itertools import pairwise
from math import cos, pi, sin
from typing import Any

from globe_eval.miniworld.canvas import Camera, Canvas, Frame, shade

STONE, PALE, SHADOW, GOLD = "#b5a892", "#e9e0cc", "#8d8272", "#e3b23c"


def windows(f: Frame, x0: float, x1: float, y0: float, y1: float, across: int, rows: int, colour: str) -> None:
    """A grid of small windows."""
    for i in range(across):
        for k in range(rows):
            x, y = x0 + (i + 0.3) * (x1 - x0) / across, y0 + (k + 0.25) * (y1 - y0) / rows
            f.rect(x, y, x + (x1 - x0) / across * 0.45, y + (y1 - y0) / rows * 0.5, colour, glow=f.canvas.light.night)


def lattice_tower(f: Frame) -> None:
    """Four legs that meet in a curve."""
    steel = "#9a6a4a"
    levels = [(0, 21), (10, 15.5), (22, 10.5), (38, 6), (56, 3), (72, 1.2)]
    for side in (-1, 1):
        f.poly(
            [(side * w, y) for y, w in levels] + [(side * max(0, w - 5 + y * 0.05), y) for y, w in reversed(levels)],
            steel,
        )
    for y, w in ((10, 16), (24, 10.5), (44, 5.5)):
        f.rect(-w, y, w, y + 2.4, shade(steel, 0.8))
    for (y0, w0), (y1, w1) in pairwise(levels[2:]):
        f.path([(-w0, y0), (w1, y1)], 0.9, steel)
        f.path([(w0, y0), (-w1, y1)], 0.9, steel)
    f.rect(-0.6, 70, 0.6, 82, steel)


def clock_tower(f: Frame) -> None:
    """A square tower with a clock under a steep roof."""
    f.rect(-42, 0, -6, 16, "#c4a872")
    for left in range(-40, -8, 7):
        f.poly([(left, 16), (left + 2, 22), (left + 4, 16)], "#b2965f")
    f.rect(-6, 0, 6, 54, "#cdb27c")
    f.rect(-7, 40, 7, 55, "#b89a62")
    f.disc(0, 47.5, 5.4, 5.4, "#fbf7ea", glow=True)
    f.path([(0, 51), (0, 47.5), (2.6, 46)], 0.9, "#2b2b2b", glow=True)
    f.poly([(-7, 55), (7, 55), (3, 64), (0, 78), (-3, 64)], "#5d6d66")
    for x in (-3.4, 0, 3.4):
        f.rect(x - 0.6, 6, x + 0.6, 36, "#a98c55")


def ball_tower(f: Frame) -> None:
    """A thin shaft with a ball and an antenna."""
    f.poly([(-4, 0), (4, 0), (1.5, 52), (-1.5, 52)], "#c3cad0")
    f.disc(0, 52, 8, 8, "#8ea2b2")
    f.disc(-2, 54, 4, 4, "#b8c8d2")
    f.rect(-8, 51, 8, 52.6, "#5f7282")
    f.rect(-1.0, 60, 1.0, 70, "#d8dde0")
    f.rect(-0.6, 70, 0.6, 82, "#cf4a42")


def victory_column(f: Frame) -> None:
    """A column with a golden, winged figure."""
    f.rect(-12, 0, 12, 5, PALE)
    f.rect(-8, 5, 8, 11, shade(PALE, 0.92))
    f.rect(-3.4, 11, 3.4, 54, "#d3c5a6")
    f.rect(-5, 54, 5, 57, PALE)
    f.poly([(-1.8, 57), (1.8, 57), (1.2, 68), (-1.2, 68)], GOLD)
    f.disc(0, 69.5, 1.8, 1.8, GOLD)
    f.poly([(0, 64), (-10, 71), (-7, 62)], GOLD)
    f.poly([(0, 64), (10, 71), (7, 62)], GOLD)


def stepped_church(f: Frame) -> None:
    """A concrete church whose wings step up to a tower."""
    tone = "#dcdcd6"
    for i in range(9):
        x, top = 4 + i * 3.4, 62 - i * 6.4
        for side in (-1, 1):
            f.rect(side * x, 0, side * (x + 3.0), top, shade(tone, 0.97 - 0.035 * (i % 3)))
    f.rect(-5.5, 0, 5.5, 66, tone)
    f.poly([(-5.5, 66), (5.5, 66), (0, 76)], shade(tone, 0.9))
    f.rect(-1.6, 8, 1.6, 52, "#8e99a0")


def square_minaret(f: Frame) -> None:
    """A square tower with a lantern."""
    tone = "#c98f62"
    f.rect(-9, 0, 9, 54, tone)
    f.rect(4, 0, 9, 54, shade(tone, 0.88))
    for y in (12, 26):
        f.rect(-4, y, 1, y + 7, "#7a5236")
        f.dome(-1.5, y + 7, 2.5, 2.6, "#7a5236")
    f.rect(-9, 42, 9, 46, "#5f9a94")
    for i in range(5):
        f.poly([(-9 + i * 3.8, 54), (-7.2 + i * 3.8, 57.4), (-5.4 + i * 3.8, 54)], tone)
    f.rect(-4, 54, 4, 64, shade(tone, 1.08))
    f.dome(0, 64, 4, 4, tone)
    for ball in (69, 72.4, 75):
        f.disc(0, ball, 1.4, 1.4, GOLD)


def pagoda(f: Frame) -> None:
    """Five storeys with swept roofs."""
    for k in range(5):
        y, w = k * 12, 22 - k * 2.7
        f.rect(-w * 0.55, y, w * 0.55, y + 9, "#a2472f")
        f.rect(-w * 0.3, y + 2, w * 0.3, y + 7, "#e8d8b4")
        f.mirrored(0, [(w * 0.7, y + 8.5), (w + 4, y + 10.5), (w * 0.5, y + 13)], "#48525a")
    f.rect(-0.7, 60, 0.7, 76, "#7a6a4a")


def needle(f: Frame) -> None:
    """A slender tower with a round platform."""
    f.poly([(-3.4, 0), (3.4, 0), (1.4, 50), (-1.4, 50)], "#cdd3d6")
    f.poly([(-5, 46), (5, 46), (8, 51), (6, 56), (-6, 56), (-8, 51)], "#8fa3b0")
    f.rect(-8, 50.4, 8, 52, "#40525f")
    f.rect(-2.4, 56, 2.4, 62, "#b8c2c8")
    f.rect(-0.7, 62, 0.7, 84, "#dadfe2")


def stupa(f: Frame) -> None:
    """A golden bell that ends in a spire."""
    f.rect(-30, 0, 30, 5, PALE)
    f.rect(-25, 5, 25, 10, shade(GOLD, 0.85))
    f.poly([(-21, 10), (21, 10), (19, 20), (12, 31), (7, 36), (-7, 36), (-12, 31), (-19, 20)], GOLD)
    f.poly([(-21, 10), (-12, 10), (-9, 31), (-12, 31), (-19, 20)], shade(GOLD, 1.4))
    f.rect(-6.5, 36, 6.5, 41, shade(GOLD, 0.88))
    f.poly([(-4.5, 41), (4.5, 41), (1, 62), (0, 76), (-1, 62)], GOLD)
    for x in (-27, 27):
        f.poly([(x - 3.5, 5), (x + 3.5, 5), (x, 26)], GOLD)


def obelisk(f: Frame) -> None:
    """A white needle with a pointed cap."""
    f.rect(-7, 0, 7, 5, shade(PALE, 0.9))
    f.poly([(-5.4, 5), (5.4, 5), (3.6, 64), (-3.6, 64)], "#f7f5ee")
    f.poly([(1.2, 5), (5.4, 5), (3.6, 64), (1.2, 64)], "#d8d6ce")
    f.poly([(-3.6, 64), (3.6, 64), (0, 74)], "#ebe8de")


def lighthouse(f: Frame) -> None:
    """Red and white bands on a rock."""
    f.poly([(-30, 0), (-20, 9), (-6, 13), (10, 12), (22, 6), (32, 0)], "#6f6a66")
    for k in range(5):
        w0, w1 = 8 - k * 0.7, 8 - (k + 1) * 0.7
        f.mirrored(0, [(w0, 11 + k * 8), (w1, 19 + k * 8)], "#f6f4ee" if k % 2 else "#cc3a30")
    f.rect(-6.5, 51, 6.5, 53, "#2f3338")
    f.rect(-3.6, 53, 3.6, 60, "#ffeaa6", glow=True)
    f.dome(0, 60, 4.6, 5, "#2f3338")


def skyscraper(f: Frame) -> None:
    """A stepped tower with a spire between lower ones."""
    for x, w, h, tone in (
        (-40, 14, 36, "#8a949e"),
        (-25, 13, 46, "#a5978a"),
        (16, 14, 42, "#98a2aa"),
        (30, 12, 30, "#8f867c"),
    ):
        f.rect(x, 0, x + w, h, tone)
        windows(f, x, x + w, 2, h - 2, 4, 9, "#d8c98a" if f.canvas.light.night else shade(tone, 0.78))
    for half, y0, y1 in ((10, 0, 46), (7.5, 46, 58), (5, 58, 65), (2.5, 65, 70)):
        f.rect(-half, y0, half, y1, "#b9b4aa")
    windows(f, -9, 9, 3, 56, 5, 13, "#f0d890" if f.canvas.light.night else "#8d887e")
    f.rect(-0.6, 70, 0.6, 86, "#d5d8da")


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
        f.mirrored(x + 5, [(5.5, 54), (4.5, 58), (6, 62), (2, 67), (0, 74)], "#6a9a84")


def amphitheatre(f: Frame) -> None:
    """Three rows of arches, broken on one side."""
    tone = "#d3b58c"
    f.poly([(-40, 0), (40, 0), (40, 20), (30, 24), (24, 34), (8, 36), (0, 44), (-34, 44), (-40, 40)], tone)
    for k, (left, right) in enumerate(((-38, 36), (-38, 24), (-38, -2))):
        for i in range(int((right - left) / 9)):
            x = left + 1.5 + i * 9
            f.rect(x, 3 + k * 14, x + 5, 9 + k * 14, "#6e5740")
            f.dome(x + 2.5, 9 + k * 14, 2.5, 3, "#6e5740")
        if k < 2:
            f.rect(left - 2, 13.5 + k * 14, right, 14.8 + k * 14, shade(tone, 0.85))


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
        f.mirrored(x, [(w * 0.7, b), (w, b + w * 0.7), (w * 0.5, b + w * 1.5), (0, b + w * 2.3)], GOLD)
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
        rim = [(x + w * 0.75, 7 + h), (x + w * 0.9, 7 + h * 0.5), (x + w * 0.82, 7)]
        f.poly([(x, 7), (x + w * 0.18, 7 + h * 0.55), *rim], "#f7f5ef")
        f.poly([*rim, (x + w * 0.55, 7)], "#d9d6cc")


def giraffes(f: Frame) -> None:
    """Two giraffes before the skyline of a city."""
    for x, w, h in ((-46, 10, 22), (-34, 8, 32), (-4, 11, 20), (38, 9, 28), (48, 10, 20)):
        f.rect(x, 0, x + w, h, "#a9b6bf")
    for x, turn, k in ((-20, 1, 1.0), (24, -1, 0.8)):
        for dx in (-7, -4.4, 4.0, 6.4):
            f.rect(x + dx * k - 0.9 * k, -3, x + dx * k + 0.9 * k, 20 * k, "#c98f4a")
        neck = ((4, 26), (8, 22), (14, 54), (10.5, 55))
        head = ((10, 56), (13, 58), (20, 53), (13, 51))
        f.poly([(x - 8 * k, 18 * k), (x + 8 * k, 19 * k), (x + 8 * k, 29 * k), (x - 8 * k, 26 * k)], "#dca85a")
        for part in (neck, head):
            f.poly([(x + turn * u * k, v * k) for u, v in part], "#dca85a")
        for i in range(5):
            right, up = i * 3, i % 2 * 3
            f.rect(x + (-6 + right) * k, (20 + up) * k, x + (-4.4 + right) * k, (22.6 + up) * k, "#9a6432")
            middle, high = x + turn * (7 + i * 1.1) * k, i * 4.6
            f.rect(middle - 0.9 * k, (30 + high) * k, middle + 0.9 * k, (32.4 + high) * k, "#9a6432")


LANDMARKS = {
    "lattice tower": lattice_tower,
    "clock tower": clock_tower,
    "giant Ferris wheel": ferris_wheel,
    "hilltop castle": castle,
    "triumphal arch": arch,
    "hilltop church": hilltop_church,
    "ball-topped television tower": ball_tower,
    "victory column": victory_column,
    "twin onion-domed towers": twin_domes,
    "ancient amphitheatre": amphitheatre,
    "domed basilica": basilica,
    "suspension bridge": suspension_bridge,
    "arch bridge": arch_bridge,
    "columned temple on a hill": acropolis,
    "stepped concrete church": stepped_church,
    "golden-domed cathedral": golden_domes,
    "domed mosque with minarets": mosque,
    "square minaret": square_minaret,
    "pyramids": pyramids,
    "torii gate": torii,
    "tiered pagoda": pagoda,
    "needle tower": needle,
    "hilltop needle tower": hilltop_needle,
    "red palace gate": palace_gate,
    "golden stupa": stupa,
    "flat-topped mountain": table_mountain,
    "statue with outstretched arms": statue,
    "white obelisk": obelisk,
    "striped lighthouse": lighthouse,
    "shell-roofed opera house": opera,
    "spired skyscraper": skyscraper,
    "giraffes": giraffes,
}


def landmark(canvas: Canvas, camera: Camera, item: dict[str, Any]) -> None:
    """The landmark named by `what`, its base on the horizon at x, `k` percent of its usual size."""
    unit, x, base = item["k"] / 100, item["x"], camera.horizon + 3
    canvas.at_depth(60, floodlit=True)
    LANDMARKS[item["what"]](Frame(canvas, lambda u, v: (x + u * unit, base - v * unit), unit))
