"""Benchmarks that another package brings, installed as pip would and seen by a fresh interpreter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image

from globe_eval.benchmarks.definition import ENTRY_POINTS, definitions

YAML = """\
task: harbours
class: !function globe_eval.GeoTask
dataset_kwargs: {truth: harbours/gt.csv, images: harbours}
doc_to_text: !function harbour_prompts.ask
metadata: {version: 3, description: Harbours, n: 1}
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A site folder that holds the package `harbour-bench`, as an installer leaves it."""
    site = tmp_path / "site"
    (site / "harbour_bench" / "tasks").mkdir(parents=True)
    (site / "harbour_bench" / "__init__.py").write_text("raise RuntimeError('listing tasks must not run this')\n")
    (site / "harbour_bench" / "tasks" / "harbours.yaml").write_text(YAML)
    (site / "harbour_bench" / "tasks" / "im2gps3k.yaml").write_text(YAML.replace("harbours\n", "im2gps3k\n", 1))
    (site / "harbour_prompts.py").write_text("def ask(doc):\n    return 'Which harbour?\\ncountry: \\ncity: '\n")
    info = site / "harbour_bench-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: harbour-bench\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[globe_eval.tasks]\nharbours = harbour_bench\n")
    return site


def globe_eval(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(site), str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, "-m", "globe_eval.cli", *arguments],
        capture_output=True,
        text=True,
        cwd=site.parent,
        env={**os.environ, "PYTHONPATH": path, "GLOBE_EVAL_DATA": str(site.parent / "data")},
    )


def test_its_benchmarks_are_listed_and_run(package: Path) -> None:
    listed = globe_eval(package, "ls", "tasks")
    assert listed.returncode == 0, listed.stderr
    assert any(line.split()[:2] == ["harbours", "1"] for line in listed.stdout.splitlines())
    shipped = next(line for line in listed.stdout.splitlines() if line.startswith("im2gps3k "))
    assert shipped.split()[1] == "2997", "another package took a shipped benchmark's name"

    harbours = package.parent / "data" / "harbours"
    harbours.mkdir(parents=True)
    Image.new("RGB", (28, 28)).save(harbours / "a.jpg")
    (harbours / "gt.csv").write_text("id,lat,lon\na,40.7,-74.0\n")
    done = globe_eval(package, "--model", "constant", "--tasks", "harbours", "--format", "json", "-o", "out")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)["harbours"]
    assert (result["n"], result["task_version"], result["acc@25km"]) == (1, "3", 1.0)


def test_an_entry_point_that_leads_nowhere_is_named(package: Path) -> None:
    (package / "harbour_bench-1.0.dist-info" / "entry_points.txt").write_text("[globe_eval.tasks]\nx = harbor_bench\n")
    listed = globe_eval(package, "ls", "tasks")
    assert listed.returncode == 2
    assert listed.stderr.count("\n") == 1
    assert "package harbour-bench: entry point globe_eval.tasks 'x' names 'harbor_bench'" in listed.stderr


def test_the_embedded_benchmark_is_plugged_in_as_another_packages_would_be() -> None:
    root = Path(__file__).parents[2]
    points = tomllib.loads((root / "pyproject.toml").read_text())["project"]["entry-points"][ENTRY_POINTS]
    assert points == {"miniworld": "globe_eval.miniworld"}
    (folder,) = find_spec(points["miniworld"]).submodule_search_locations
    assert set(definitions([Path(folder)])) == {"miniworld", "miniworld_coordinates"}
    for path in Path(folder).glob("*.yaml"):
        assert (root / "tasks" / "miniworld" / path.name).samefile(path), "stock lm_eval is shown the folder tasks/"
