"""Whether the colours of the shared style can be told apart, by colour-blind people too, and read."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

import globe_eval.reports

CSS = (Path(globe_eval.reports.__file__).parent / "style.css").read_text(encoding="utf-8")
SIGHT = {
    "everyone": np.eye(3),
    # Machado, Oliveira & Fernandes, "A physiologically-based model for simulation of color vision deficiency", IEEE
    # TVCG 15(6), 2009: severity 1.0, on linear RGB.
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}


def palette(scheme: str) -> dict[str, str]:
    light, dark = re.findall(r":root \{(.*?)\}", CSS, re.S)[:2]
    values = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", light))
    return values | (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", dark)) if scheme == "dark" else {})


def linear(colour: str) -> np.ndarray:
    value = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(np.clip(to_xyz @ np.clip(rgb, 0, 1) / [0.9505, 1.0, 1.089], 1e-6, None))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(a: str, b: str) -> float:
    high, low = sorted((float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (a, b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_classes_of_distance_can_be_told_apart(scheme: str, sight: str) -> None:
    colours = palette(scheme)
    seen = {name: lab(np.array(SIGHT[sight]) @ linear(colours[name])) for name in ("d0", "d1", "d2", "d3", "d4", "d5")}
    for a, b in itertools.combinations(seen, 2):
        assert np.linalg.norm(seen[a] - seen[b]) > 11, f"{a} and {b} look alike ({scheme}, {sight})"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(scheme: str) -> None:
    colours = palette(scheme)
    for ink, paper in (("ink", "paper"), ("soft", "paper"), ("soft", "sunken"), ("accent", "panel"),
                       ("good", "good-paper"), ("bad", "bad-paper"), ("accent-ink", "accent")):  # fmt: skip
        assert contrast(colours[ink], colours[paper]) >= 4.5, f"{ink} on {paper} ({scheme})"
    for run in range(6):
        assert contrast(colours[f"r{run}"], colours["panel"]) >= 3.0, f"r{run} ({scheme})"
