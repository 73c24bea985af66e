"""The flags of miniworld's countries, simplified to what can be told at twenty pixels."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib.resources import files
from math import cos, pi, sin
from typing import Any

from globe_eval.miniworld.canvas import Camera, Canvas, Frame

WHITE, RED = "#ffffff", "#d02433"


@lru_cache(maxsize=1)
def flags() -> dict[str, dict[str, Any]]:
    """entity -> stripes, bands and marks, from flags.toml."""
    return tomllib.loads(files(__package__).joinpath("flags.toml").read_text(encoding="utf-8"))


def flag(canvas: Canvas, camera: Camera, item: dict[str, Any]) -> None:
    """A flag on a pole, waving."""
    pole = camera.upright(canvas, item["x"], item["z"])
    pole.rect(-0.08, 0, 0.08, 7.2, "#d8dade")
    pole.disc(0, 7.3, 0.16, 0.16, "#e0b84a")
    turned = item["side"]

    def wave(u: float, v: float) -> tuple[float, float]:
        return pole.project(turned * u, 4.9 + v + 0.12 * sin(u * 2.2) - 0.05 * u)

    f = Frame(canvas, wave, pole.unit)
    design = flags()[item["what"]]
    bands = design["bands"]
    total, at = sum(share for _, share in bands), 0.0
    for colour, share in bands:
        if design["stripes"] == "|":
            cloth(f, 3 * at / total, 0, 3 * (at + share) / total, 2, colour)
        else:
            cloth(f, 0, 2 - 2 * (at + share) / total, 3, 2 - 2 * at / total, colour)
        at += share
    for device, x, y, size, tone in design.get("marks", ()):
        mark(f, device, x, y, size, tone)


def cloth(f: Frame, x0: float, y0: float, x1: float, y1: float, colour: str) -> None:
    """A rectangle that follows the waves."""
    xs = [x0 + (x1 - x0) * i / 6 for i in range(7)]
    f.poly([(x, y0) for x in xs] + [(x, y1) for x in reversed(xs)], colour)


def star(f: Frame, x: float, y: float, size: float, colour: str) -> None:
    """Five points."""
    points = [(size * (1 if i % 2 == 0 else 0.42), pi / 2 + i * pi / 5) for i in range(10)]
    f.poly([(x + k * cos(a), y + k * sin(a)) for k, a in points], colour)


def mark(f: Frame, shape: str, x: float, y: float, s: float, colour: str) -> None:
    """One device on a flag."""
    if shape in ("disc", "oval"):
        rx, ry = (s, s) if shape == "disc" else (s * 0.6, s * 1.7)
        f.poly([(x + rx * cos(i * pi / 10), y + ry * sin(i * pi / 10)) for i in range(20)], colour)
    elif shape == "dome":
        f.dome(x, y, s, s, colour)
    elif shape == "star":
        star(f, x, y, s, colour)
    elif shape == "stars":
        for i in range(3):
            for k in range(3):
                star(f, 0.22 + i * 0.34, 1.16 + k * 0.29, s, colour)
    elif shape == "dot4":
        for dx, dy in ((-0.95, 0.6), (0.95, 0.6), (-0.95, -0.6), (0.95, -0.6)):
            f.rect(x + dx - s, y + dy - s, x + dx + s, y + dy + s, colour)
    elif shape == "leaf":
        lobes = [(0.06, y - s), (0.08, y - s * 0.4), (0.35, y - s * 0.35), (s, y + s * 0.35), (0.2, y + s * 0.45)]
        f.mirrored(x, [*lobes, (0, y + s)], colour)
    elif shape == "canton":
        cloth(f, 0, 0.92, 1.15, 2, colour)
    elif shape == "plus":
        f.rect(0, y - 0.1, 1.1, y + 0.1, colour)
        f.rect(x - 0.1, 0.95, x + 0.1, 2, colour)
    elif shape in ("cross", "nordic"):
        middle = 1.5 if shape == "cross" else 1.05
        cloth(f, 0, 1 - s, 3, 1 + s, colour)
        cloth(f, middle - s, 0, middle + s, 2, colour)
    elif shape == "crosslets":
        for dx, dy in ((0.65, 0.42), (2.35, 0.42), (0.65, 1.58), (2.35, 1.58)):
            f.rect(dx - s * 1.6, dy - s * 0.5, dx + s * 1.6, dy + s * 0.5, colour)
            f.rect(dx - s * 0.5, dy - s * 1.6, dx + s * 0.5, dy + s * 1.6, colour)
    elif shape == "saltire":
        f.poly([(0, 0), (s, 0), (3, 2 - s * 0.7), (3, 2), (3 - s, 2), (0, s * 0.7)], colour)
        f.poly([(0, 2), (s, 2), (3, s * 0.7), (3, 0), (3 - s, 0), (0, 2 - s * 0.7)], colour)
    elif shape == "jack":
        f.poly([(0, 1.0), (0.2, 1.0), (1.4, 1.9), (1.4, 2), (1.2, 2), (0, 1.1)], WHITE)
        f.poly([(0, 2), (0.2, 2), (1.4, 1.1), (1.4, 1.0), (1.2, 1.0), (0, 1.9)], WHITE)
        for arm, tone in ((0.17, WHITE), (0.09, RED)):
            f.rect(0, 1.5 - arm, 1.4, 1.5 + arm, tone)
            f.rect(0.7 - arm, 1.0, 0.7 + arm, 2, tone)
    elif shape == "hexagram":
        for flip in (1, -1):
            f.poly([(x, y + flip * s), (x + s * 0.87, y - flip * s * 0.5), (x - s * 0.87, y - flip * s * 0.5)], colour)
        f.poly([(x, y + 0.2), (x + 0.18, y - 0.1), (x - 0.18, y - 0.1)], WHITE)
    elif shape == "diamond":
        f.poly([(0.25, 1), (1.5, 1 + s), (2.75, 1), (1.5, 1 - s)], colour)
    elif shape == "triangle":
        f.poly([(0, 1 - s), (0, 1 + s), (1.25 * s, 1)], colour)
