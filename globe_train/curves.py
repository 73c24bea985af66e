"""Learning curves as one PNG, drawn with Pillow: a panel a quantity, steps from left to right."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

SCALE = 2
"""Pixels a point: a card shows the picture at half its size, or a screen of fine pixels as it is."""
PANEL = (420 * SCALE, 220 * SCALE)
MARGIN = (64 * SCALE, 30 * SCALE, 14 * SCALE, 26 * SCALE)
"""Left, top, right, bottom of a panel, pixels."""
NAMES = {
    "reward": "reward, all of them weighted",
    "kl": "divergence from the reference model (kl)",
    "completions/mean_length": "length of an answer, tokens",
    "completions/clipped_ratio": "share of answers cut off",
    "mean_token_accuracy": "share of tokens said right",
    "sampling/sampling_logp_difference/mean": "vLLM's log-probability off by",
}
"""What a panel says of a quantity of trl's log."""
LINE, GRID, TEXT, PAPER = (38, 92, 160), (226, 228, 232), (60, 64, 70), (255, 255, 255)

Series = Sequence[tuple[float, float]]
"""(step, value), in the order of the steps."""


def series(log: Sequence[Mapping[str, Any]]) -> dict[str, Series]:
    """The quantities of a trainer's log worth a panel: loss, each reward, length, divergence.

    >>> series([{"step": 1, "loss": 2.0, "rewards/r_geo/mean": 0.5, "epoch": 0.1}])
    {'loss': [(1.0, 2.0)], 'rewards/r_geo/mean': [(1.0, 0.5)]}
    """
    found: dict[str, list[tuple[float, float]]] = {}
    for entry in log:
        for name, value in entry.items():
            if is_drawn(name) and isinstance(value, int | float) and math.isfinite(value) and "step" in entry:
                found.setdefault(name, []).append((float(entry["step"]), float(value)))
    return dict(found)


def is_drawn(name: str) -> bool:
    """Whether a quantity is drawn."""
    return name == "loss" or name in NAMES or (name.startswith("rewards/") and name.endswith("/mean"))


def title(name: str) -> str:
    """The title of a panel.

    >>> title("rewards/r_geo/mean"), title("kl"), title("loss")
    ('reward r_geo', 'divergence from the reference model (kl)', 'loss')
    """
    return NAMES.get(name) or name.removesuffix("/mean").replace("rewards/", "reward ")


def draw(panels: Mapping[str, Series], path: Path, columns: int = 2) -> None:
    """Write the panels as a PNG. Points are shown as they are, with their running mean over a tenth of the run."""
    width, height = PANEL
    rows = -(-len(panels) // columns) or 1
    image = Image.new("RGB", (width * min(columns, max(1, len(panels))), height * rows), PAPER)
    for index, (name, points) in enumerate(panels.items()):
        panel(image, (width * (index % columns), height * (index // columns)), name, points)
    image.save(path)


def panel(image: Image.Image, corner: tuple[int, int], name: str, points: Series) -> None:
    """Draw the panel of one quantity at a corner of the image."""
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size=11 * SCALE)
    left, top = corner[0] + MARGIN[0], corner[1] + MARGIN[1]
    right, bottom = corner[0] + PANEL[0] - MARGIN[2], corner[1] + PANEL[1] - MARGIN[3]
    low, high = min(value for _, value in points), max(value for _, value in points)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    first, last = points[0][0], max(points[-1][0], points[0][0] + 1)

    def at(step: float, value: float) -> tuple[float, float]:
        return (
            left + (step - first) / (last - first) * (right - left),
            bottom - (value - low) / (high - low) * (bottom - top),
        )

    pen.text((left, corner[1] + 8 * SCALE), title(name), fill=TEXT, font=ImageFont.load_default(size=13 * SCALE))
    for share in (0.0, 0.5, 1.0):
        value = low + share * (high - low)
        y = at(first, value)[1]
        pen.line([(left, y), (right, y)], fill=GRID, width=SCALE)
        pen.text((left - 6 * SCALE, y), f"{value:.3g}", fill=TEXT, font=font, anchor="rm")
    pen.text((left, bottom + 6 * SCALE), f"step {first:g}", fill=TEXT, font=font)
    pen.text((right, bottom + 6 * SCALE), f"{last:g}", fill=TEXT, font=font, anchor="ra")
    for step, value in points:
        x, y = at(step, value)
        pen.ellipse([x - SCALE, y - SCALE, x + SCALE, y + SCALE], fill=(168, 190, 220))
    smooth = [(step, mean) for (step, _), mean in zip(points, running_mean([v for _, v in points]), strict=True)]
    if len(smooth) > 1:
        pen.line([at(*point) for point in smooth], fill=LINE, width=2 * SCALE, joint="curve")


def running_mean(values: Sequence[float]) -> list[float]:
    """The mean of each value and those before it, over a tenth of them all.

    >>> running_mean([1.0, 3.0])
    [1.0, 3.0]
    """
    span = max(1, len(values) // 10)
    return [math.fsum(values[max(0, i - span + 1) : i + 1]) / min(span, i + 1) for i in range(len(values))]
