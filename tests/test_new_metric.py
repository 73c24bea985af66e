"""A metric is added in one file, and stands everywhere: terminal, comparison, report, board, model card, exports."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import board_runs
import pytest

import globe_eval

PACKAGE = Path(globe_eval.__file__).parent
ENTRY = """    Metric(
        "near_share",
        "nearness",
        "Mean of 1 / (1 + distance / 100 km); a missing answer has none.",
        ("distance_km",),
        lambda distance_km: 1 / (1 + np.where(np.isnan(distance_km), np.inf, distance_km) / 100),
    ),
"""
FIRST = "_DISTANCES = (\n"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """The package once more, linked file by file, with one entry more in the catalogue."""
    root = tmp_path / "elsewhere"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, root / "globe_eval", copy_function=os.symlink, ignore=ignored)
    (root / "tasks").symlink_to(PACKAGE.parent / "tasks")
    catalogue = root / "globe_eval" / "metrics" / "catalogue.py"
    text = catalogue.read_text(encoding="utf-8")
    catalogue.unlink()
    assert text.count(FIRST) == 1
    catalogue.write_text(text.replace(FIRST, FIRST + ENTRY), encoding="utf-8")
    return root


def test_a_metric_of_one_entry_is_found_everywhere(elsewhere: Path, tmp_path: Path) -> None:
    def said(*words: object) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "globe_eval.cli", *map(str, words)],
            env=os.environ | {"PYTHONPATH": str(elsewhere)}, cwd=tmp_path, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    runs = []
    for name, share in (("a", 7), ("b", 5)):
        given = board_runs.write(tmp_path / "given" / name, board_runs.right(share))
        said("rescore", given, "-o", tmp_path / name)
        runs.append(tmp_path / name)
    results = json.loads((runs[0] / "results.json").read_text())
    samples = [json.loads(line) for line in (runs[0] / "samples.jsonl").read_text().splitlines()]
    near = [0.0 if one["distance_km"] is None else 1 / (1 + one["distance_km"] / 100) for one in samples]
    figure = results["metrics"]["near_share"]
    assert figure["value"] == pytest.approx(sum(near) / len(near)) and figure["low"] < figure["value"] < figure["high"]
    assert "near_share" in next(iter(results["breakdowns"]["continent"].values()))["metrics"]

    shown = f"{100 * figure['value']:.1f} %"
    row = next(line for line in said("score", *scored(tmp_path, samples)).splitlines() if line.startswith("nearness"))
    assert shown in row
    text = said("compare", *runs)
    assert "nearness, %" in text and f"{100 * figure['value']:.2f}" in text
    said("report", *runs, "-o", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "nearness" in page and shown in page and "Mean of 1 / (1 + distance / 100 km)" in page
    card = said("export", runs[0], "--to", "model-card")
    assert "name: nearness (%)" in card and f"value: {100 * figure['value']:.2f}".rstrip("0") in card
    assert "near_share,none" in said("export", runs[0], "--to", "lm-eval")
    for run in runs:
        said("leaderboard", "add", run, "--leaderboards", tmp_path / "leaderboards", "--name", run.name)
    said("leaderboard", "build", "--leaderboards", tmp_path / "leaderboards")
    site = (tmp_path / "leaderboards" / "site" / "index.html").read_text()
    assert f"nearness {shown}" in site


def scored(folder: Path, samples: list[dict]) -> list[object]:  # type: ignore[type-arg]
    """The same answers as a file for `globe-eval score`."""
    path = folder / "answers.jsonl"
    rows = [{"id": one["id"], "response": one["response"], **one["truth"], "photographer": one["truth"]["group"]}
            for one in samples]  # fmt: skip
    for row in rows:
        del row["group"], row["entities"], row["localizable"], row["scene"]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return [path]
