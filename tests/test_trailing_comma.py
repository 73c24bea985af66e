"""The page on the trailing comma shows what its two commands print."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
from trailing_comma import accuracies  # noqa: E402

RELEASED = ROOT.parent / "shared" / "data" / "released_coordinates" / "geobenchwocn_gpt5__GeoBench.jsonl"


def test_a_trailing_comma_is_lost_by_the_strict_reading_alone(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    truth = {"lat": 50.45, "lon": 30.52}
    answers = ['{"lat": 50.45, "lon": 30.52}', '{"lat": 50.45, "lon": 30.52,}']
    lines = [json.dumps({"index": i, "ground_truth": truth, "solution_str": text}) for i, text in enumerate(answers)]
    path.write_text("\n".join(lines))
    assert accuracies(path, strictly=True) == ([50.0] * 5, 2, 1)
    assert accuracies(path, strictly=False) == ([100.0] * 5, 2, 0)


def released() -> Path:
    places = [folder / "shared/data/released_coordinates" / RELEASED.name for folder in ROOT.parents]
    return next((path for path in places if path.is_file()), RELEASED)


@pytest.mark.skipif(not released().is_file(), reason="the released answers lie beside the checkout")
def test_gpt_5_on_geobench_by_both_readings() -> None:
    page = (ROOT / "docs" / "trailing_comma.md").read_text()
    for strictly, lost in ((True, 185), (False, 0)):
        values, n, found = accuracies(released(), strictly=strictly)
        assert (n, found) == (934, lost)
        assert f"| {' | '.join(f'{value:.2f}' for value in values)} | {lost} of 934 |" in page
