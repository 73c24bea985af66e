"""What stands along a street: signs, post boxes, wires, people, animals."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise
from random import Random
from typing import Any

from globe_eval.miniworld.canvas import UNITS, Camera, Canvas, Frame, shade
from globe_eval.miniworld.vehicles import wheels

DARK = "#33363c"
BOARDS = {
    "English sign": ("#1f6b45", "#fdf8e8"),
    "French sign": ("#f7f5ef", "#b3262a"),
    "German sign": ("#f2c92e", "#1e1e1c"),
    "Italian sign": ("#7a4a28", "#fff6df"),
    "Portuguese sign": ("#16337a", "#f6d23c"),
    "Spanish sign": ("#e0762a", "#fffaf0"),
    "Icelandic sign": ("#b9cdd6", "#1c3550"),
    "Turkish sign": ("#22a6a0", "#ffffff"),
    "Swahili sign": ("#9ccb3b", "#23340f"),
    "Cyrillic sign": ("#f5f6f8", "#2450a8"),
    "Greek sign": ("#2f86d6", "#ffffff"),
    "Georgian sign": ("#7d2346", "#f7e3cf"),
    "Hebrew sign": ("#e9ecef", "#15181c"),
    "Arabic sign": ("#0e3b2e", "#e9c65a"),
    "Devanagari sign": ("#f39a1f", "#5b1616"),
    "Thai sign": ("#6a3fa0", "#ffe34d"),
    "Korean sign": ("#3ec1e8", "#0d2330"),
    "Japanese sign": ("#f49ac1", "#4a1030"),
    "Chinese sign": ("#c8202b", "#ffd84a"),
    "Amharic sign": ("#14171b", "#58d06b"),
}
"""entity phrase -> colours of board and letters: as with real signs, each country's own."""


@lru_cache(maxsize=1)
def words() -> dict[str, list[dict[str, Any]]]:
    """entity phrase -> words, each with the rings of its outline (see scripts/build_glyphs.py)."""
    return json.loads(files(__package__).joinpath("words.json").read_text(encoding="utf-8"))["words"]  # type: ignore[no-any-return]


def sign(canvas: Canvas, camera: Camera, item: dict[str, Any]) -> None:
    """A board with one word, on a post."""
    f = camera.upright(canvas, item["x"], item["z"])
    written = words()[item["what"]][item["v"] % 3]
    ground, ink = BOARDS[item["what"]]
    rings = written["rings"]
    width = max(max(ring[1::2]) for ring in rings)
    board, tall, low = item["wide"], item["tall"], item["low"]
    letter = min((tall - 0.45) / 100, (board - 0.55) / width)
    for x in (-board * 0.36, board * 0.36):
        f.rect(x - 0.09, 0, x + 0.09, low, DARK)
    f.rect(-board / 2 - 0.1, low - 0.1, board / 2 + 0.1, low + tall + 0.1, shade(ground, 0.7))
    f.rect(-board / 2, low, board / 2, low + tall, ground, glow=True)
    x0, y0 = -width * letter / 2, low + tall / 2 + 50 * letter
    for filled, *corners in rings:
        outline = [(x0 + x * letter, y0 - y * letter) for x, y in zip(corners[::2], corners[1::2], strict=True)]
        f.poly(outline, ink if filled else ground, glow=True)


def phone_box(f: Frame, r: Random) -> None:
    """A red phone box."""
    f.rect(-0.62, 0, 0.62, 2.75, "#c62f2c")
    f.rect(-0.7, 2.4, 0.7, 2.62, "#a52523")
    f.dome(0, 2.7, 0.6, 0.3, "#c62f2c")
    for i in range(3):
        for k in range(5):
            f.rect(-0.45 + i * 0.32, 0.4 + k * 0.38, -0.2 + i * 0.32, 0.7 + k * 0.38, "#dbe9ee", glow=True)
    f.rect(-0.5, 2.42, 0.5, 2.58, "#fdf6e4", glow=True)


def pillar_box(f: Frame, colour: str) -> None:
    """A post box on the ground."""
    f.rect(-0.45, 0, 0.45, 0.2, DARK)
    f.rect(-0.42, 0.2, 0.42, 1.65, colour)
    f.dome(0, 1.65, 0.5, 0.3, colour)
    f.rect(-0.28, 1.28, 0.28, 1.4, "#1d1f24")
    f.rect(-0.24, 0.75, 0.24, 1.12, "#f8f4e8")
    f.rect(-0.42, 0.2, -0.3, 1.65, shade(colour, 1.25))


def hydrant(f: Frame, r: Random) -> None:
    """A fire hydrant."""
    colour = "#d8392f"
    f.rect(-0.42, 0, 0.42, 0.16, shade(colour, 0.7))
    f.rect(-0.3, 0.16, 0.3, 1.05, colour)
    f.dome(0, 1.05, 0.34, 0.34, colour)
    f.rect(-0.5, 0.62, 0.5, 0.86, shade(colour, 0.85))
    f.disc(0, 0.74, 0.17, 0.17, "#f0d9c8")
    f.rect(-0.22, 0.16, -0.12, 1.05, shade(colour, 1.3))


def bollards(f: Frame, r: Random) -> None:
    """Three posts with light bands."""
    for x in (-1.1, 0.0, 1.1):
        f.rect(x - 0.15, 0, x + 0.15, 1.05, DARK)
        f.dome(x, 1.05, 0.18, 0.16, DARK)
        f.rect(x - 0.15, 0.72, x + 0.15, 0.88, "#f4f1e8")


def pharmacy(f: Frame, r: Random) -> None:
    """A green cross on an arm."""
    f.rect(-0.07, 0, 0.07, 3.2, DARK)
    f.halo(0, 3.6, 1.8, "#3fdc7a", 30)
    for w, h, colour in ((0.42, 1.02, "#e8f7ee"), (0.33, 0.92, "#1fa85a")):
        f.rect(-w, 3.6 - h, w, 3.6 + h, colour, glow=True)
        f.rect(-h, 3.6 - w, h, 3.6 + w, colour, glow=True)
    f.rect(-0.24, 3.6 - 0.83, 0.24, 3.6 + 0.83, "#1fa85a", glow=True)


def vending(f: Frame, r: Random) -> None:
    """A vending machine with rows of drinks."""
    body = r.choice(("#d8433c", "#f1f1ee", "#3f77b8"))
    f.halo(0, 1.3, 2.0, "#e8f2ff", 24)
    f.rect(-0.75, 0, 0.75, 2.3, body)
    f.rect(-0.6, 0.95, 0.6, 2.15, "#eef6fa", glow=True)
    for k in range(3):
        for i in range(5):
            colour = ("#d8433c", "#3f8a5a", "#e0a83a", "#3f6fa8")[(i + k * 2) % 4]
            f.rect(-0.52 + i * 0.22, 1.02 + k * 0.38, -0.38 + i * 0.22, 1.3 + k * 0.38, colour, glow=True)
    f.rect(-0.5, 0.25, 0.5, 0.55, DARK)


def bicycles(f: Frame, r: Random) -> None:
    """Two parked bicycles."""
    for x, colour in ((-0.9, "#2f6f9a"), (0.75, "#c0533a")):
        for dx in (-0.6, 0.6):
            f.disc(x + dx, 0.48, 0.48, 0.48, "#26292e")
            f.disc(x + dx, 0.48, 0.36, 0.36, "#c9c5bb")
        f.path([(x - 0.6, 0.48), (x - 0.15, 1.1), (x + 0.42, 1.1), (x + 0.6, 0.48)], 0.12, colour)
        f.path([(x - 0.15, 1.1), (x, 0.5), (x + 0.42, 1.1)], 0.12, colour)
        f.path([(x + 0.42, 1.1), (x + 0.36, 1.4), (x + 0.62, 1.42)], 0.1, DARK)
        f.path([(x - 0.34, 1.2), (x + 0.02, 1.2)], 0.14, DARK)


def scooters(f: Frame, r: Random) -> None:
    """Two motor scooters."""
    for x, colour in ((-1.0, "#e9e4d4"), (0.85, r.choice(("#c0453e", "#5f9a9a", "#e0b34a")))):
        wheels(f, x - 0.6, x + 0.62, radius=0.3)
        seat = [(-0.95, 0.45), (-0.9, 0.85), (-0.2, 0.95), (-0.1, 0.4)]
        shield = [(0.35, 0.4), (0.5, 1.2), (0.68, 1.2), (0.62, 0.3), (-0.6, 0.25)]
        f.poly([(x + dx, y) for dx, y in (*seat, *shield)], colour)
        f.rect(x - 0.9, 0.9, x - 0.15, 1.05, DARK)
        f.path([(x + 0.5, 1.2), (x + 0.36, 1.4)], 0.12, DARK)


def stall(f: Frame, r: Random) -> None:
    """A market stall with a striped awning and fruit."""
    stripe = r.choice(("#d9534a", "#3f8f6a", "#e0a83a", "#3f77b0"))
    for x in (-1.5, 1.5):
        f.rect(x - 0.07, 0, x + 0.07, 2.5, "#6b4e38")
    f.rect(-1.6, 0, 1.6, 0.95, "#a67c52")
    for i in range(11):
        f.disc(-1.4 + i * 0.28, 1.03, 0.18, 0.17, ("#e0653a", "#f0b93a", "#7fae4a", "#c0453e")[(i // 2) % 4])
    for i in range(6):
        f.poly(
            [(-1.8 + i * 0.6, 2.2), (-1.2 + i * 0.6, 2.2), (-1.05 + i * 0.5, 2.95), (-1.55 + i * 0.5, 2.95)],
            "#fbf6ea" if i % 2 else stripe,
        )
        f.dome(-1.5 + i * 0.6, 2.2, 0.3, -0.22, "#fbf6ea" if i % 2 else stripe)


def lanterns(f: Frame, r: Random) -> None:
    """Red lanterns on a string between two posts."""
    for x in (-1.7, 1.7):
        f.rect(x - 0.07, 0, x + 0.07, 3.7, "#5b3a2a")
    f.path([(-1.7, 3.6), (0, 3.35), (1.7, 3.6)], 0.07, DARK)
    for x, y in ((-1.1, 3.0), (0.0, 2.85), (1.1, 3.0)):
        f.halo(x, y, 1.1, "#ff6a4a", 30)
        f.disc(x, y, 0.44, 0.38, "#d8281f", glow=True)
        f.rect(x - 0.2, y + 0.32, x + 0.2, y + 0.44, "#e8b53a", glow=True)
        f.rect(x - 0.05, y - 0.75, x + 0.05, y - 0.36, "#e8b53a", glow=True)


def cattle(f: Frame, body: str, patch: str) -> None:
    """A cow with a hump."""
    for x in (-0.8, -0.5, 0.5, 0.78):
        f.rect(x - 0.09, 0, x + 0.09, 0.8, shade(body, 0.85))
    f.poly([(-1.05, 0.7), (0.95, 0.7), (1.0, 1.45), (0.55, 1.75), (0.3, 1.5), (-1.0, 1.45)], body)
    f.disc(-0.35, 1.2, 0.36, 0.22, patch)
    f.poly([(0.85, 1.2), (1.2, 1.75), (1.6, 1.55), (1.55, 1.25), (1.1, 1.1)], body)
    f.path([(1.2, 1.75), (1.1, 2.05)], 0.09, "#efe6d0")
    f.path([(1.32, 1.73), (1.4, 2.02)], 0.09, "#efe6d0")
    f.path([(-1.05, 1.4), (-1.2, 0.7)], 0.08, shade(body, 0.7))


def llama(f: Frame, r: Random) -> None:
    """A llama."""
    wool = r.choice(("#efe3cc", "#c99a6c", "#f6f1e6"))
    for x in (-0.55, -0.3, 0.35, 0.58):
        f.rect(x - 0.09, 0, x + 0.09, 0.9, shade(wool, 0.85))
    f.disc(0, 1.15, 0.85, 0.48, wool)
    f.poly([(0.35, 1.3), (0.75, 1.15), (0.95, 2.3), (0.65, 2.35)], wool)
    f.disc(0.92, 2.35, 0.34, 0.2, wool)
    f.path([(0.72, 2.45), (0.68, 2.75)], 0.1, wool)
    f.path([(0.86, 2.47), (0.86, 2.76)], 0.1, wool)
    f.rect(-0.5, 1.25, 0.25, 1.6, "#c0392f")
    f.rect(-0.5, 1.36, 0.25, 1.46, "#f0b93a")


def sheep(f: Frame, r: Random) -> None:
    """A few sheep."""
    for x, y in ((-1.3, 0.25), (0.1, 0.0), (1.4, 0.3)):
        for dx in (-0.3, 0.25):
            f.rect(x + dx, y, x + dx + 0.1, y + 0.4, DARK)
        for dx, dy in ((-0.3, 0.6), (0.0, 0.68), (0.3, 0.6), (0.0, 0.5)):
            f.disc(x + dx, y + dy, 0.34, 0.28, "#f6f3ea")
        f.disc(x + 0.62, y + 0.66, 0.2, 0.18, DARK)


FURNITURE: dict[str, Any] = {
    "red phone box": phone_box,
    "red post box": lambda f, r: pillar_box(f, "#cf2e2a"),
    "yellow post box": lambda f, r: pillar_box(f, "#f7c520"),
    "fire hydrant": hydrant,
    "street bollards": bollards,
    "green pharmacy cross": pharmacy,
    "vending machine": vending,
    "parked bicycles": bicycles,
    "motor scooters": scooters,
    "market stall": stall,
    "red lanterns": lanterns,
    "cow": lambda f, r: cattle(f, "#d8c4a6", "#f4ecdc"),
    "llama": llama,
    "sheep": sheep,
}


def furniture(canvas: Canvas, camera: Camera, item: dict[str, Any]) -> None:
    """One piece of street furniture, or an animal."""
    FURNITURE[item["what"]](camera.upright(canvas, item["x"], item["z"]), Random(item["v"]))


def wires(canvas: Canvas, camera: Camera, item: dict[str, Any]) -> None:
    """Poles along one side with cables that sag between them."""
    x, depths = item["x"], (70, 46, 31, 21, 14, 9)
    for far, near in pairwise(depths):
        canvas.at_depth(far)
        for arm, y in ((-0.8, 7.6), (0.8, 7.6), (0.0, 7.0), (-0.5, 6.5)):
            a, b = camera.point(x + arm, y, far), camera.point(x + arm, y, near)
            middle = camera.point(x + arm, y - 0.55, (far * near * 2) / (far + near))
            canvas.line([a, middle, b], 0.55 + 3 / near, "#2f3238")
    for z in depths:
        f = camera.upright(canvas, x, z)
        f.rect(-0.13, 0, 0.13, 8.1, "#6b5a4a")
        f.rect(-1.0, 7.45, 1.0, 7.65, "#6b5a4a")
        f.rect(0.15, 6.2, 0.6, 6.9, "#8f989e")


def lamps(canvas: Canvas, camera: Camera, item: dict[str, Any]) -> None:
    """Street lamps along one side."""
    side = 1 if item["x"] > 0 else -1
    for z in (44, 27, 16):
        f = camera.upright(canvas, item["x"], z)
        f.rect(-0.09, 0, 0.09, 5.6, "#4a5058")
        f.path([(0, 5.5), (-side * 1.2, 5.9)], 0.14, "#4a5058")
        f.halo(-side * 1.2, 5.7, 2.4, "#ffd98a", 26)
        f.rect(-side * 1.2 - 0.38, 5.65, -side * 1.2 + 0.38, 5.85, "#ffe9b0", glow=True)


def people(canvas: Canvas, camera: Camera, item: dict[str, Any]) -> None:
    """A few people on the pavement."""
    r = Random(item["v"])
    for _ in range(item["n"]):
        f = camera.upright(canvas, item["x"] + r.randrange(-9, 10) / 10, item["z"] + r.randrange(0, 60) / 10)
        coat = r.choice(("#b8483f", "#3f6a8f", "#e2b04a", "#5b7a5a", "#7a5a84", "#e6dfd0"))
        skin = r.choice(("#f0cfae", "#d9a67c", "#a8744e", "#7a5238", "#5a3d2b"))
        f.rect(-0.2, 0, -0.03, 0.85, DARK)
        f.rect(0.04, 0, 0.21, 0.85, DARK)
        f.poly([(-0.28, 0.75), (0.28, 0.75), (0.32, 1.25), (0.2, 1.48), (-0.2, 1.48), (-0.32, 1.25)], coat)
        f.disc(0, 1.66, 0.17, 0.19, skin)
        f.dome(0, 1.68, 0.18, 0.19, "#3a2c26")


def leaves(canvas: Canvas, camera: Camera, item: dict[str, Any]) -> None:
    """Dark leaves in an upper corner, close to the camera."""
    r, left = Random(item["v"]), item["side"] < 0
    canvas.at_depth(0)
    for _ in range(34):
        x, y = r.randrange(0, 62), r.randrange(-6, 46)
        if x + y * 1.4 < 66:
            px, k = x if left else UNITS - x, r.randrange(5, 9)
            green = r.choice(("#2c4a34", "#365a3e", "#24402c"))
            canvas.polygon([(px - k, y), (px, y - k * 0.45), (px + k, y + 2), (px, y + k * 0.5)], green)
