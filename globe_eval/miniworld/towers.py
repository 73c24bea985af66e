"""Landmarks that are tall and thin: see landmarks.py for the measures."""

from __future__ import annotations

from itertools import pairwise

from globe_eval.miniworld.canvas import Frame, shade

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
        f.poly(
            [
                (-w - 4, y + 10.5),
                (-w * 0.7, y + 8.5),
                (w * 0.7, y + 8.5),
                (w + 4, y + 10.5),
                (w * 0.5, y + 13),
                (-w * 0.5, y + 13),
            ],
            "#48525a",
        )
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
        f.poly(
            [(-w0, 11 + k * 8), (w0, 11 + k * 8), (w1, 19 + k * 8), (-w1, 19 + k * 8)],
            "#cc3a30" if k % 2 == 0 else "#f6f4ee",
        )
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
