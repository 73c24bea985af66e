"""A folder of `tasks/` as it would be proposed to lm-eval: in its tree, seen and loaded by its own commands."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import lm_eval
import pytest

from globe_eval.benchmarks.definition import tasks_folder

SHIPPED = sorted(path for path in tasks_folder().iterdir() if path.is_dir())
STOCK = "hellaswag"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """lm-eval's package with one of its own tasks and all of our folders; a folder that is imported first."""
    site, package = tmp_path_factory.mktemp("checkout"), Path(lm_eval.__file__).parent
    shutil.copytree(package, site / "lm_eval", ignore=shutil.ignore_patterns("tasks", "__pycache__"))
    (site / "lm_eval" / "tasks").mkdir()
    for file in (package / "tasks").glob("*.*"):
        shutil.copy(file, site / "lm_eval" / "tasks")
    for folder in (package / "tasks" / STOCK, *SHIPPED):
        shutil.copytree(folder, site / "lm_eval" / "tasks" / folder.name)
    return site


def stock(tree: Path, *words: str) -> str:
    path = os.pathsep.join([str(tree), str(Path(__file__).parents[2])])
    done = subprocess.run(
        [sys.executable, "-m", "lm_eval", *words],
        env={**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"}, cwd=tree, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def names(folder: Path) -> list[str]:
    """Every task of a folder; group files are lm-eval's own kind."""
    found = (re.search(r"^(?:task|group): *(\w+)$", path.read_text(), re.MULTILINE) for path in folder.glob("*.yaml"))
    return sorted(match[1] for match in found if match)


def test_lm_evals_own_commands_see_every_task(tree: Path) -> None:
    listed = set(re.findall(r"[\w]+", stock(tree, "ls", "tasks")))
    wanted = [name for folder in SHIPPED for name in names(folder)]
    assert len(wanted) > 30 and STOCK in listed
    assert not [name for name in wanted if name not in listed]
    assert "All tasks found and valid" in stock(tree, "validate", "--tasks", ",".join([STOCK, *wanted]))


def test_the_task_in_the_tree_runs_as_any_other(tree: Path, tmp_path: Path) -> None:
    program = (
        "from lm_eval.tasks import TaskManager\n"
        "import lm_eval\n"
        "task = TaskManager().load(['miniworld_coordinates'])['tasks']['miniworld_coordinates']\n"
        "print(lm_eval.__file__, len(task.eval_docs), task.answer_form)"
    )
    path = os.pathsep.join([str(tree), str(Path(__file__).parents[2])])
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"}, cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(tree / "lm_eval" / "__init__.py"), "300", "coordinates"]


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda path: path.name)
def test_a_folder_has_what_a_proposal_needs_and_no_code(folder: Path) -> None:
    assert {".yaml", ".md"} <= {path.suffix for path in folder.iterdir()} <= {".yaml", ".md", ".json"}
    readme = (folder / "README.md").read_text(encoding="utf-8")
    for heading in ("- Paper: ", "- Licence: ", "## Tasks and variants", "## Checklist of lm-eval's new tasks"):
        assert heading in readme
    for path in folder.glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        outside = [name for name in re.findall(r"^include: *(\S+)", text, re.MULTILINE) if "/" in name]
        assert not outside, f"{path.name} includes what is not in its folder"
        assert all(name.startswith("globe_eval.") for name in re.findall(r"!function (\S+)", text))
