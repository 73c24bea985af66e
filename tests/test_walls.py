"""The house's walls: every import points to a floor below, and heavy libraries stay on the floors that need them."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from servers import ChatServer

import globe_eval

PACKAGE = Path(globe_eval.__file__).parent
LEVEL = {
    "api": 0,
    "__main__": -1,
    "cli": 0,
    "commands": 1,
    "reports": 2,
    "runs": 3,
    "models": 4,
    "benchmarks": 5,
    "scoring": 6,
    "columns": 7,
    "metrics": 8,
    "cues": 9,
    "answers": 10,
    "places": 11,
    "miniworld": 11,
    "sample": 12,
    "files": 13,
    "errors": 13,
    "finish": 13,
    "lazy_re": 14,
    "collector": 14,
    "secrets": 13,
}
LIGHT = {
    "places",
    "answers",
    "cues",
    "metrics",
    "columns",
    "sample",
    "scoring",
    "reports",
    "files",
    "errors",
    "finish",
    "lazy_re",
    "collector",
    "secrets",
}
HEAVY = {"lm_eval", "torch", "transformers", "vllm"}
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def floor(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> list[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_point_down(path: Path) -> None:
    here = floor(path)
    assert here in LEVEL, f"{here}: a new floor; give it its place in LEVEL and at the top of scripts/house.py"
    for name in imports(path):
        parts = name.split(".")
        assert parts[0] != "globe_train", f"{path.name} imports {name}"
        if parts[0] == "globe_eval" and len(parts) > 1 and parts[1] in LEVEL and parts[1] != here:
            assert LEVEL[parts[1]] > LEVEL[here], f"{here} imports {name}"
        if here in LIGHT:
            assert parts[0] not in HEAVY, f"{here} imports {name}"


def loaded_by(code: str) -> set[str]:
    program = f"import sys\n{code}\nprint('\\n'.join(sys.modules), file=sys.__stdout__)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stdout.split()}


def test_importing_the_package_and_its_help_loads_nothing_heavy() -> None:
    heavy = HEAVY | {"pandas", "scipy", "sklearn", "datasets", "pyproj", "shapely", "numpy", "pydantic"}
    assert not loaded_by("import globe_eval") & heavy
    show_help = "import contextlib, io, globe_eval.cli\nwith contextlib.suppress(SystemExit):"
    show_help += " contextlib.redirect_stdout(io.StringIO()).__enter__(); globe_eval.cli.main(['--help'])"
    assert not loaded_by(show_help) & heavy


@pytest.mark.parametrize(
    ("words", "unneeded"),
    [
        (["ls", "tasks"], {"numpy", "pydantic", "tabulate"}),
        (["ls", "tasks", "--details"], {"numpy", "pydantic", "tabulate"}),
        (["validate", "tasks/im2gps3k/im2gps3k.yaml"], {"datasets", "scipy", "sklearn", "pandas"}),
        (["validate", "globe_eval/miniworld/miniworld.yaml"], {"datasets", "scipy", "sklearn", "pandas"}),
        (["score", "answers.csv"], {"datasets", "sklearn", "pandas", "pyarrow"}),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)
def test_a_command_loads_only_what_it_needs(words: list[str], unneeded: set[str], tmp_path: Path) -> None:
    (tmp_path / "answers.csv").write_text("id,lat,lon,truth_lat,truth_lon\na,1,2,1,2\n")
    given = [str(tmp_path / word) if word == "answers.csv" else word for word in words]
    given = [str(PACKAGE.parent / word) if word.endswith(".yaml") else word for word in given]
    program = "import contextlib, io, globe_eval.cli\n"
    program += f"with contextlib.redirect_stdout(io.StringIO()):\n    assert globe_eval.cli.main({given}) == 0"
    assert not loaded_by(program) & (HEAVY | unneeded)


def test_scoring_loads_no_model_library() -> None:
    assert not loaded_by("import globe_eval.scoring, globe_eval.reports.terminal") & HEAVY


ANSWER = "<answer>country: Japan\ncity: Kyoto</answer>"

RUN = """
import sys
from globe_eval.cli import main
status = main(sys.argv[1:])
print("loaded:", *(name for name in ("pandas", "pyarrow", "torch", "transformers", "aiohttp") if name in sys.modules))
sys.exit(status)
"""

USE = """
import sys
from globe_eval.benchmarks import task
from lm_eval import evaluator
assert "pandas" not in sys.modules
import importlib.util
assert importlib.util.find_spec("datasets").origin.endswith("__init__.py")
import datasets
assert "pandas" not in sys.modules
from datasets.utils import logging
from datasets import Dataset
assert Dataset is sys.modules["datasets"].Dataset is datasets.Dataset
assert Dataset.from_list([{"id": "a"}]).features.keys() == {"id"}
from lm_eval import loggers
assert loggers.EvaluationTracker.__name__ == "EvaluationTracker"
"""


def python(code: str, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    return subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, env=environment)


def test_a_run_over_an_endpoint_never_loads_datasets(tmp_path: Path) -> None:
    Image.new("RGB", (24, 16), (90, 120, 40)).save(tmp_path / "a.jpg")
    (tmp_path / "truth.csv").write_text("id,image,lat,lon,city,country\na,a.jpg,35.0116,135.768,Kyoto,Japan\n")
    task = tmp_path / "one.yaml"
    task.write_text(
        "task: one\nclass: !function globe_eval.GeoTask\n"
        f"dataset_kwargs: {{truth: {tmp_path}/truth.csv, images: {tmp_path}}}\nmetadata: {{version: 1}}\n"
    )
    with ChatServer(lambda payload, number: ANSWER) as server:
        done = python(
            RUN,
            *("run", "--model", "endpoint", "--model_args", f"base_url={server.base_url}"),
            *("--tasks", str(task), "--output_path", str(tmp_path / "out")),
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded:"


def test_what_is_deferred_is_there_when_it_is_wanted() -> None:
    done = python(USE)
    assert done.returncode == 0, done.stderr
