"""Building styles: one table, one way of drawing, facades in perspective along the road."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from random import Random
from typing import Any

from globe_eval.miniworld.canvas import Camera, Canvas, Frame, shade


@dataclass(frozen=True)
class Style:
    """How a kind of building looks; lengths in metres."""

    walls: tuple[str, ...]
    roof: str = "flat"  # flat, cornice, ridge, gable, mansard, curved, tin, battlements, stepped
    tiles: str = "#8a6a5a"
    window: str = "tall"  # tall, square, bands, panes, arched, bay, shutters, none
    glass: str = "#5c7486"
    trim: str = "#e9e4da"
    storey: float = 3.2
    floors: tuple[int, int] = (2, 4)
    bay: float = 2.6  # distance between windows
    length: tuple[int, int] = (8, 13)
    gap: int = 0
    details: tuple[str, ...] = ()


def styles() -> dict[str, Style]:
    """entity -> style, from styles.toml."""
    table: dict[str, Any] = tomllib.loads(files(__package__).joinpath("styles.toml").read_text(encoding="utf-8"))
    for fields in table.values():
        fields |= {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
    return {entity: Style(**fields) for entity, fields in table.items()}


STYLES = styles()


def building(canvas: Canvas, camera: Camera, item: dict[str, Any]) -> None:
    """One building: the face towards the camera, then the facade along the road."""
    style, r = STYLES[item["what"]], Random(item["v"])
    x, near, far, floors = item["x"], item["z"], item["far"], item["n"]
    colour = style.walls[item["c"] % len(style.walls)]
    canvas.at_depth(near)
    height, depth = floors * style.storey, 9.0
    if "hillside" in style.details:
        height += item["c"] % 3 * 1.6
    side = 1 if x > 0 else -1
    front = camera.upright(canvas, x if side > 0 else x - depth, near)
    face(front, style, shade(colour, 0.8 if side > 0 else 0.92), depth, height, floors, Random(item["v"]), gable=False)
    wall = camera.wall(canvas, x, near)
    lit = shade(colour, 0.92 if side > 0 else 1.0)
    face(wall, style, lit, far - near, height, floors, r, gable=True)


def face(f: Frame, s: Style, colour: str, length: float, height: float, floors: int, r: Random, *, gable: bool) -> None:
    """A facade from (0, 0) to (length, height) with its roof, windows and details."""
    roof(f, s, colour, length, height, gable)
    f.rect(0, 0, length, height, colour)
    texture(f, s, colour, length, height, floors)
    windows(f, s, length, height, floors, r)
    ornaments(f, s, colour, length, height, floors, r)


def roof(f: Frame, s: Style, colour: str, w: float, h: float, gable: bool) -> None:
    """What stands above the wall."""
    dark = shade(s.tiles, 0.82)
    if s.roof == "gable":
        eaves = 0.9 if "wide eaves" in s.details else 0.35
        rise = min(w * 0.5, 4.2)
        f.poly([(-eaves, h - 0.3), (w / 2, h + rise + 0.5), (w + eaves, h - 0.3)], dark)
        f.poly([(0, h), (w / 2, h + rise), (w, h)], colour)
    elif s.roof == "ridge":
        f.poly([(-0.2, h), (0.6, h + 2.3), (w - 0.6, h + 2.3), (w + 0.2, h)], s.tiles)
        f.rect(-0.2, h - 0.15, w + 0.2, h + 0.25, dark)
    elif s.roof == "mansard":
        f.poly([(0, h), (0.5, h + 3.0), (w - 0.5, h + 3.0), (w, h)], s.tiles)
        f.poly([(0.5, h + 3.0), (1.4, h + 3.7), (w - 1.4, h + 3.7), (w - 0.5, h + 3.0)], dark)
        for i in range(int(w / s.bay)):
            x = (i + 0.5) * w / int(w / s.bay)
            f.rect(x - 0.5, h + 0.5, x + 0.5, h + 2.1, s.trim)
            f.rect(x - 0.32, h + 0.6, x + 0.32, h + 1.9, s.glass)
    elif s.roof == "curved":
        brim = [(-1.5, h + 0.9), (-0.6, h + 0.1), (w + 0.6, h + 0.1), (w + 1.5, h + 0.9)]
        f.poly([*brim, (w - 0.8, h + 1.5), (w - 2.0, h + 3.0), (2.0, h + 3.0), (0.8, h + 1.5)], s.tiles)
        f.rect(1.8, h + 2.8, w - 1.8, h + 3.3, dark)
        f.poly([*brim, (w + 0.5, h + 0.45), (-0.5, h + 0.45)], dark)
    elif s.roof == "tin":
        f.poly([(-0.4, h - 0.1), (0.2, h + 1.3), (w - 0.2, h + 1.3), (w + 0.4, h - 0.1)], s.tiles)
        for i in range(1, int(w)):
            f.path([(i, h), (i, h + 1.2)], 0.08, dark)
    elif s.roof == "battlements":
        f.rect(-0.2, h, w + 0.2, h + 0.6, shade(colour, 0.9))
        for i in range(int(w / 1.6)):
            f.dome(i * 1.6 + 0.8, h + 0.6, 0.62, 1.1, s.trim if i % 2 else colour)
    elif s.roof == "adobe":
        f.poly([(0, h), (0.3, h + 0.8), (w * 0.3, h + 0.5), (w * 0.55, h + 0.9), (w - 0.3, h + 0.5), (w, h)], colour)
    elif s.roof == "cornice":
        f.rect(-0.25, h, w + 0.25, h + 0.7, shade(s.trim, 0.93))


def texture(f: Frame, s: Style, colour: str, w: float, h: float, floors: int) -> None:
    """What covers the wall under its windows."""
    if "timbering" in s.details:
        f.path([(0, h), (w / 2, h + min(w * 0.5, 4.2))], 0.26, s.trim)
        f.path([(w, h), (w / 2, h + min(w * 0.5, 4.2))], 0.26, s.trim)
        f.path([(w / 2, h), (w / 2, h + min(w * 0.5, 4.2) * 0.9)], 0.24, s.trim)
        for k in range(floors + 1):
            f.path([(0, k * s.storey), (w, k * s.storey)], 0.28, s.trim)
        for k in range(1, floors):
            for i in range(int(w / 2.2) + 1):
                x = i * w / int(w / 2.2)
                f.path([(x, k * s.storey), (x, (k + 1) * s.storey)], 0.24, s.trim)
            f.path([(0, k * s.storey), (2.2, (k + 1) * s.storey)], 0.22, s.trim)
            f.path([(w, k * s.storey), (w - 2.2, (k + 1) * s.storey)], 0.22, s.trim)
    if "panel seams" in s.details:
        for k in range(1, floors):
            f.path([(0, k * s.storey), (w, k * s.storey)], 0.12, s.trim)
        for i in range(1, int(w / s.bay)):
            f.path([(i * w / int(w / s.bay), 0), (i * w / int(w / s.bay), h)], 0.1, s.trim)
    if "corrugation" in s.details:
        for i in range(1, int(w / 0.7)):
            f.path([(i * 0.7, 0), (i * 0.7, h)], 0.07, shade(colour, 0.85))
    if "azulejos" in s.details:
        for k in range(floors * 4):
            for i in range(int(w / 0.8)):
                if (i + k) % 2:
                    f.rect(i * 0.8, k * 0.8, i * 0.8 + 0.45, k * 0.8 + 0.45, "#e9f0f8" if k % 2 else "#3f6fae")
    if "boards" in s.details:
        for i in range(int(w / 2.5) + 1):
            f.rect(i * 2.5, 0, min(w, i * 2.5 + 0.15), h, shade(colour, 0.8))
        f.rect(0, h * 0.42, w, h * 0.58, "#f3efe4")


def windows(f: Frame, s: Style, w: float, h: float, floors: int, r: Random) -> None:
    """Rows of windows; at night some of them are lit."""
    night = f.canvas.light.night
    across = max(1, int(w / s.bay))
    for k in range(floors):
        low = k * s.storey + (h - floors * s.storey)
        for i in range(across):
            x = (i + 0.5) * w / across
            lit = night and r.random() < 0.42
            glass = "#ffd987" if lit else s.glass
            if s.window == "panes":
                pane = glass if lit else shade(s.glass, r.choice((0.85, 1.0, 1.3)))
                f.rect(x - s.bay * 0.46, low + 0.3, x + s.bay * 0.46, low + s.storey - 0.3, pane, lit)
            elif s.window == "tall":
                f.rect(x - 0.72, low + 0.5, x + 0.72, low + 2.75, s.trim)
                f.rect(x - 0.5, low + 0.6, x + 0.5, low + 2.6, glass, lit)
            elif s.window == "square":
                f.rect(x - 0.8, low + 0.85, x + 0.8, low + 2.45, s.trim)
                f.rect(x - 0.62, low + 1.0, x + 0.62, low + 2.3, glass, lit)
            elif s.window == "shutters":
                f.rect(x - 1.1, low + 0.7, x + 1.1, low + 2.5, s.trim)
                f.rect(x - 0.5, low + 0.7, x + 0.5, low + 2.5, glass, lit)
            elif s.window == "arched":
                f.rect(x - 0.75, low + 0.4, x + 0.75, low + 2.1, s.trim)
                f.mirrored(x, [(0.75, low + 2.1), (0.5, low + 2.65), (0, low + 2.9)], s.trim)
                f.rect(x - 0.5, low + 0.5, x + 0.5, low + 2.1, glass, lit)
                f.mirrored(x, [(0.5, low + 2.1), (0.3, low + 2.45), (0, low + 2.6)], glass, lit)
            elif s.window == "bay" and i % 2 == 0:
                f.rect(x - 1.3, low + 0.2, x + 1.5, low + 3.0, s.trim)
                for dx in (-1.0, -0.2, 0.7):
                    f.rect(x + dx, low + 0.8, x + dx + 0.6, low + 2.5, glass, lit)
            elif s.window == "bay":
                f.rect(x - 0.4, low + 0.7, x + 0.4, low + 2.4, glass, lit)
    if "stalls" in s.details:
        f.rect(0.5, 0, w - 0.5, h * 0.72, "#ffce7a" if night else s.glass, night)
        awning = r.choice(("#d9534a", "#3f8f6a", "#e0a83a"))
        f.poly([(0.2, h * 0.86), (w - 0.2, h * 0.86), (w, h * 0.66), (0, h * 0.66)], awning)


def ornaments(f: Frame, s: Style, colour: str, w: float, h: float, floors: int, r: Random) -> None:
    """Balconies, stairs, chimneys: what stands before or on the building."""
    dark = "#3f3a3c"
    for k in range(1, floors):
        low = k * s.storey
        if "balconies" in s.details and k % 2 == 0:
            f.rect(w * 0.12, low, w * 0.42, low + 0.95, shade(colour, 0.8))
            f.rect(w * 0.6, low, w * 0.9, low + 0.95, shade(colour, 0.8))
        if "cornices" in s.details:
            f.rect(0, low - 0.1, w, low + 0.14, shade(s.trim, 0.95))
        if "iron rails" in s.details and k in (1, floors - 1):
            f.rect(0.4, low + 0.45, w - 0.4, low + 0.62, dark)
        if "wooden balconies" in s.details:
            wood = "#7a4a2c"
            f.rect(-0.1, low - 0.1, w + 0.1, low + 0.25, wood)
            f.rect(-0.1, low + 1.0, w + 0.1, low + 1.2, wood)
            for i in range(int(w / 0.9) + 1):
                f.path([(i * 0.9, low), (i * 0.9, low + 1.1)], 0.12, wood)
                if i % 3 == 0:
                    f.path([(i * 0.9, low), (i * 0.9, low + s.storey)], 0.16, wood)
        if "fire escapes" in s.details:
            f.rect(w * 0.22, low + 0.1, w * 0.78, low + 0.28, "#26282c")
            f.path([(w * 0.22, low + 1.1), (w * 0.78, low + 1.1)], 0.1, "#26282c")
            ends = (w * 0.3, w * 0.7) if k % 2 else (w * 0.7, w * 0.3)
            if k < floors - 1:
                f.path([(ends[0], low + 0.2), (ends[1], low + s.storey + 0.1)], 0.2, "#26282c")
        if "lace veranda" in s.details:
            f.poly([(-0.3, low + 0.2), (w + 0.3, low + 0.2), (w, low + 0.8), (0, low + 0.8)], s.tiles)
    if "lace veranda" in s.details:
        for low in (0.0, s.storey):
            for i in range(int(w / 2.2) + 1):
                f.path([(i * 2.2, low), (i * 2.2, low + s.storey)], 0.15, s.trim)
            for i in range(int(w / 0.55)):
                f.dome(i * 0.55 + 0.3, low + s.storey - 0.62, 0.3, 0.5, s.trim)
        f.rect(0, s.storey, w, s.storey + 0.9, shade(s.trim, 0.9))
    if "chimneys" in s.details:
        for x in (w * 0.15, w * 0.8):
            f.rect(x, h + 1.6, x + 0.9, h + 3.6, shade(colour, 0.85))
            f.rect(x + 0.1, h + 3.6, x + 0.35, h + 4.1, "#c47a50")
            f.rect(x + 0.55, h + 3.6, x + 0.8, h + 4.1, "#c47a50")
    if "doors" in s.details:
        f.rect(w * 0.44, 0, w * 0.58, 2.3, r.choice(("#2f5f8a", "#7a2430", "#2f6b4a", "#26282c")))
    if "roof rooms" in s.details:
        f.rect(w * 0.55, h, w * 0.85, h + 1.7, shade(colour, 0.93))
        if r.random() < 0.35:
            f.dome(w * 0.25, h, 1.3, 1.4, shade("#3f7fb8", 1.1))
    if "water tanks" in s.details:
        f.rect(w * 0.3, h, w * 0.62, h + 1.2, "#4a86c0")
        f.rect(w * 0.72, h, w * 0.76, h + 1.8, dark)
    if "beams" in s.details:
        for i in range(int(w / 1.1)):
            f.disc(i * 1.1 + 0.6, h - 0.35, 0.15, 0.15, "#5b3a28")
