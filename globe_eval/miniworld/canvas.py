"""Flat shapes on a supersampled picture, in perspective, under a light: what all drawings of miniworld are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import cos, pi, sin

from PIL import Image, ImageDraw

UNITS = 224  # the picture's side in drawing units, whatever its size in pixels
SUPERSAMPLING = 3
FLOODLIGHT = (84, 76, 66)  # percent, as Light.tint
Point = tuple[float, float]
RGB = tuple[int, int, int]


@lru_cache(maxsize=4096)
def rgb(colour: str) -> RGB:
    """`"#d9a441"` -> (217, 164, 65)."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


@lru_cache(maxsize=4096)
def shade(colour: str, factor: float) -> str:
    """A colour made darker (factor < 1) or lighter (factor > 1, towards white)."""
    channels = rgb(colour)
    if factor <= 1:
        mixed = tuple(round(c * factor) for c in channels)
    else:
        mixed = tuple(round(255 - (255 - c) / factor) for c in channels)
    return "#{:02x}{:02x}{:02x}".format(*mixed)


@dataclass(frozen=True)
class Light:
    """What the time of day and the weather do to every colour: a tint in percent, and a haze that grows with depth."""

    sky: tuple[str, str]  # top, horizon
    tint: RGB
    haze: str
    reach: float  # metres after which half of a colour is haze
    night: bool = False


class Canvas:
    """A square picture in drawing units, origin at the top left; colours pass through the light."""

    def __init__(self, size: int, light: Light) -> None:
        self.size, self.light = size, light
        self.scale = size * SUPERSAMPLING / UNITS
        side = size * SUPERSAMPLING
        self.image = Image.new("RGB", (side, side))
        self._opaque = ImageDraw.Draw(self.image)
        self._veil = ImageDraw.Draw(self.image, "RGBA")
        self._haze = 0.0
        self._tint = light.tint
        self._inks: dict[tuple[str, float, RGB], RGB] = {}

    def at_depth(self, metres: float, floodlit: bool = False) -> None:
        """The distance of what is drawn next, which decides how much haze lies over it; at night it may be floodlit."""
        self._haze = round(metres / (metres + self.light.reach), 2)
        self._tint = FLOODLIGHT if floodlit and self.light.night else self.light.tint

    def ink(self, colour: str, glow: bool = False) -> RGB:
        """The colour as it appears; what glows ignores the darkness."""
        if glow and self.light.night:
            return rgb(colour)
        key = (colour, self._haze, self._tint)
        if key not in self._inks:
            haze, share = rgb(self.light.haze), self._haze
            lit = [c * t / 100 for c, t in zip(rgb(colour), self._tint, strict=True)]
            red, green, blue = (min(255, round(c * (1 - share) + h * share)) for c, h in zip(lit, haze, strict=True))
            self._inks[key] = (red, green, blue)
        return self._inks[key]

    def _pixels(self, points: Iterable[Point]) -> list[Point]:
        k = self.scale
        return [(round(x * k), round(y * k)) for x, y in points]

    def polygon(self, points: Iterable[Point], colour: str, glow: bool = False) -> None:
        """A filled polygon."""
        self._opaque.polygon(self._pixels(points), fill=self.ink(colour, glow))

    def veil(self, points: Iterable[Point], colour: str, percent: int, glow: bool = False) -> None:
        """A translucent polygon."""
        self._veil.polygon(self._pixels(points), fill=(*self.ink(colour, glow), round(percent * 2.55)))

    def oval(self, x: float, y: float, rx: float, ry: float, colour: str, glow: bool = False) -> None:
        """A filled, upright ellipse around (x, y)."""
        self._opaque.ellipse(self._box(x, y, rx, ry), fill=self.ink(colour, glow))

    def halo(self, x: float, y: float, radius: float, colour: str, percent: int) -> None:
        """A soft glow around (x, y)."""
        for step in (1.0, 0.72, 0.46):
            box = self._box(x, y, radius * step, radius * step)
            self._veil.ellipse(box, fill=(*rgb(colour), round(percent * 0.85)))

    def _box(self, x: float, y: float, rx: float, ry: float) -> tuple[int, int, int, int]:
        k = self.scale
        left, right = sorted((round((x - rx) * k), round((x + rx) * k)))
        top, bottom = sorted((round((y - ry) * k), round((y + ry) * k)))
        return left, top, right, bottom

    def line(self, points: Iterable[Point], width: float, colour: str, glow: bool = False) -> None:
        """A stroke of `width` units, at least one pixel of the supersampled picture."""
        pixels = max(1, round(width * self.scale))
        self._opaque.line(self._pixels(points), fill=self.ink(colour, glow), width=pixels, joint="curve")

    def gradient(self, top: float, bottom: float, colours: Sequence[RGB]) -> None:
        """A vertical gradient from `top` to `bottom` over the full width."""
        first, last = round(top * self.scale), round(bottom * self.scale)
        rows = max(1, last - first)
        strip = bytearray()
        for i in range(rows):
            place = i * (len(colours) - 1) * 1000 // rows
            below, share = divmod(place, 1000)
            for a, b in zip(colours[below], colours[min(below + 1, len(colours) - 1)], strict=True):
                strip.append((a * (1000 - share) + b * share) // 1000)
        column = Image.frombytes("RGB", (1, rows), bytes(strip))
        self.image.paste(column.resize((self.image.width, rows)), (0, first))

    def finish(self) -> Image.Image:
        """The picture at its own size."""
        return self.image.reduce(SUPERSAMPLING)


class Frame:
    """A plane in the scene with its own coordinates in metres: x to the right, y up."""

    def __init__(self, canvas: Canvas, project: Callable[[float, float], Point], unit: float) -> None:
        self.canvas, self.project, self.unit = canvas, project, unit

    def poly(self, points: Iterable[Point], colour: str, glow: bool = False) -> None:
        """A filled polygon."""
        self.canvas.polygon([self.project(x, y) for x, y in points], colour, glow)

    def rect(self, x0: float, y0: float, x1: float, y1: float, colour: str, glow: bool = False) -> None:
        """A filled rectangle (in perspective, a quadrilateral)."""
        self.poly(((x0, y0), (x1, y0), (x1, y1), (x0, y1)), colour, glow)

    def mirrored(self, x: float, half: Iterable[Point], colour: str, glow: bool = False) -> None:
        """A filled polygon, the same to the left and the right of x; `half` is (distance from x, y) of its corners."""
        half = list(half)
        self.poly([*((x - w, y) for w, y in half), *((x + w, y) for w, y in reversed(half))], colour, glow)

    def disc(self, x: float, y: float, rx: float, ry: float, colour: str, glow: bool = False) -> None:
        """A filled ellipse."""
        (px, py), unit = self.project(x, y), self.unit
        self.canvas.oval(px, py, rx * unit, ry * unit, colour, glow)

    def dome(self, x: float, y: float, rx: float, ry: float, colour: str) -> None:
        """The upper half of an ellipse."""
        arc = [(x + rx * cos(a * pi / 12), y + ry * sin(a * pi / 12)) for a in range(13)]
        self.poly(arc, colour)

    def path(self, points: Iterable[Point], width: float, colour: str, glow: bool = False) -> None:
        """A stroke of `width` metres."""
        self.canvas.line([self.project(x, y) for x, y in points], width * self.unit, colour, glow)

    def halo(self, x: float, y: float, radius: float, colour: str, percent: int) -> None:
        """A soft glow, drawn at night only."""
        if self.canvas.light.night:
            px, py = self.project(x, y)
            self.canvas.halo(px, py, radius * self.unit, colour, percent)


@dataclass(frozen=True)
class Camera:
    """A pinhole above the middle of the road: focal length in units, height in metres, vanishing point in units."""

    focal: float
    height: float
    horizon: float
    vanish: float

    def point(self, x: float, y: float, z: float) -> Point:
        """Metres to the right, up, ahead -> drawing units."""
        return self.vanish + self.focal * x / z, self.horizon - self.focal * (y - self.height) / z

    def upright(self, canvas: Canvas, x: float, z: float) -> Frame:
        """A plane that faces the camera, its origin on the ground at (x, z)."""
        px, py = self.point(x, 0, z)
        unit = self.focal / z
        canvas.at_depth(z)
        return Frame(canvas, lambda u, v: (px + u * unit, py - v * unit), unit)

    def wall(self, canvas: Canvas, x: float, z: float) -> Frame:
        """A plane along the road at distance x from its middle: its x runs away from the camera, from z onwards."""
        canvas.at_depth(z + 4)
        return Frame(canvas, lambda u, v: self.point(x, v, z + u), self.focal / z)
