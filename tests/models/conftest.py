"""Photographs for the tests of models, and neither key nor proxy in the environment."""

from __future__ import annotations

from pathlib import Path

import pytest
from endpoints import PLANTED
from PIL import Image

from globe_eval.benchmarks.images import Photograph


@pytest.fixture(autouse=True)
def as_if_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def photographs(tmp_path: Path) -> list[Photograph]:
    """Forty JPEGs, each of one brightness, with the answer in a comment and in the file's name."""
    out = []
    for i in range(40):
        path = tmp_path / f"paris_48.85_2.29_{i}.jpg"
        Image.new("RGB", (24, 16), (5 * i, 5 * i, 5 * i)).save(path, comment=PLANTED)
        out.append(Photograph(path))
    return out
