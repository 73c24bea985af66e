"""Models that somebody else wrote, through the command line: by their class, and by a package's entry point."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from globe_eval.cli import main

ROOT = Path(__file__).parents[2]
N = 3
SOURCE = (
    "from globe_eval.models.response import Response\n"
    "from globe_eval.models.simple import SimpleModel\n\n\n"
    "class Always(SimpleModel):\n"
    "    name = 'always'\n\n"
    "    def __init__(self, city: str) -> None:\n"
    "        super().__init__()\n"
    "        self.city = city\n\n"
    "    def generate_until(self, requests, disable_tqdm=False):\n"
    "        return [Response(f'city: {self.city}') for _ in requests]\n"
)


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A benchmark of three photographs in London."""
    folder = tmp_path_factory.mktemp("bench")
    for i in range(N):
        Image.new("RGB", (24, 16), (10 * i, 0, 0)).save(folder / f"{i}.png")
    rows = "".join(f"{i},{i}.png,51.5074,-0.1278,London,United Kingdom\n" for i in range(N))
    (folder / "truth.csv").write_text("id,image,lat,lon,city,country\n" + rows)
    (folder / "small.yaml").write_text(
        f"task: small\nclass: !function globe_eval.GeoTask\n"
        f"dataset_kwargs: {{truth: {folder / 'truth.csv'}, images: {folder}}}\nmetadata: {{version: 1}}\n"
    )
    return folder / "small.yaml"


def test_by_its_class(
    task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "my_models.py").write_text(SOURCE)
    (tmp_path / "silent_models.py").write_text("assert False")
    monkeypatch.chdir(tmp_path)
    words = ["--tasks", str(task), "-o", str(tmp_path / "out"), "--model_args", "city=London"]
    assert main(["--model", "my_models:Always", *words]) == 0
    assert json.loads((tmp_path / "out" / "small" / "results.json").read_text())["status"]["city"] == N
    for wrong, said in (
        ("my_models:Alway", "AttributeError"),
        ("nowhere:X", "No module"),
        ("json:loads", "no class of"),
        ("silent_models:Always", "AssertionError"),
    ):
        capsys.readouterr()
        assert main(["--model", wrong, *words]) == 2 and said in capsys.readouterr().err


def test_by_the_entry_point_of_an_installed_package(task: Path, tmp_path: Path) -> None:
    """As a wheel unpacks it; a process of its own, for what is installed is looked for once."""
    site, where = tmp_path / "site", tmp_path / "elsewhere"
    (site / "example_models").mkdir(parents=True)
    (site / "example_models" / "__init__.py").write_text("")
    (site / "example_models" / "always.py").write_text(SOURCE)
    info = site / "example_models-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: example-models\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[globe_eval.models]\nalways-city = example_models.always:Always\nbroken = example_models.nowhere:Always\n"
    )
    where.mkdir()
    path = [str(site), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "globe_eval.cli", *words],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
            cwd=where,
            capture_output=True,
            text=True,
        )

    on = ["--tasks", str(task), "-o", str(tmp_path / "out")]
    done = run("--model", "always-city", "--model_args", "city=London", *on)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "out" / "small" / "results.json").read_text(encoding="utf-8"))
    assert results["status"]["city"] == N and results["model"] == "always-city"
    done = run("--model", "always-cty", *on)
    assert done.returncode == 2 and "did you mean 'always-city'?" in done.stderr
    done = run("--model", "broken", *on)
    assert done.returncode == 2 and "Traceback" not in done.stderr
