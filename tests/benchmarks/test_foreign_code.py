"""A YAML of somebody else's may name Python: nothing but a run loads it, and a run says so."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

import pytest

from globe_eval.cli import main

YAML = """\
task: {name}
class: !function {code}.Task
dataset_kwargs: {{truth: {folder}/truth.csv, images: {folder}}}
metadata: {{version: 1}}
"""
CODE = "from pathlib import Path\nPath(__file__).with_name('ran').touch()\nfrom globe_eval import GeoTask as Task\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    from PIL import Image

    (tmp_path / "theirs.py").write_text(CODE)
    (tmp_path / "truth.csv").write_text("id,lat,lon,image\na,48.86,2.35,a.png\nb,35.68,139.69,b.png\n")
    for name in "ab":
        Image.new("RGB", (8, 8), (9, 9, 9 if name == "a" else 99)).save(tmp_path / f"{name}.png")
    return tmp_path


def task(folder: Path, name: str, code: str = "theirs") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(YAML.format(name=name, code=code, folder=folder))
    return path


def test_validate_ls_score_and_leaderboard_run_none_of_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = task(folder, "my_city")
    assert main(["validate", str(path)]) == 0
    assert main(["ls", "tasks", "--details", "--include_path", str(folder)]) == 0
    (folder / "runs").mkdir()
    assert main(["leaderboard", "check", "--leaderboards", str(folder), "--include_path", str(folder)]) == 0
    (folder / "answers.csv").write_text("id,predicted_lat,predicted_lon\na,48.86,2.35\nb,0,0\n")
    main(["score", str(folder / "answers.csv"), "--task", str(path)])
    assert not (folder / "ran").exists()


def test_validate_finds_what_is_missing_without_running_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", str(task(folder, "my_city", "no_such_module"))]) == 2
    assert "no module 'no_such_module' beside the YAML" in " ".join(capsys.readouterr().err.split())
    (folder / "theirs.py").write_text("import os\n")
    assert main(["validate", str(task(folder, "my_city"))]) == 2
    assert "theirs.py has no 'Task'" in " ".join(capsys.readouterr().err.split())


def test_a_run_says_once_whose_python_it_loads_and_no_code_refuses(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("lm_eval")
    path = task(folder, "my_city")
    words = ["--model", "constant", "--tasks", str(path), "-o", str(folder / "out")]
    assert main([*words, "--no_code"]) == 2
    assert f"{path}: loads the Python of {folder / 'theirs.py'}; --no_code refuses" in capsys.readouterr().err
    assert not (folder / "ran").exists() and not (folder / "out").exists()
    assert main(words) == 0
    assert capsys.readouterr().err.count(f"{path} loads the Python of {folder / 'theirs.py'}") == 1
    assert (folder / "ran").exists()


def test_a_shadowing_package_beside_the_yaml_is_others_python(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """lm-eval takes globe_eval.py beside a YAML for the package."""
    (folder / "globe_eval.py").write_text(CODE)
    path = task(folder, "my_city", "globe_eval")
    assert main(["--model", "constant", "--tasks", str(path), "-o", str(folder / "out"), "--no_code"]) == 2
    assert "globe_eval.py; --no_code refuses" in capsys.readouterr().err


@pytest.mark.parametrize("by", ["path", "include_path"])
def test_a_yaml_that_bears_a_shipped_name_is_announced_and_its_results_bear_another(
    folder: Path, by: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("lm_eval")
    path = task(folder, "im2gps3k")
    asked = [str(path)] if by == "path" else ["im2gps3k", "--include_path", str(folder)]
    assert main(["--model", "constant", "-o", str(folder / "out"), "--tasks", *asked]) == 0
    err = capsys.readouterr().err
    assert f"{path} bears the name of a shipped benchmark; its results are named own_im2gps3k" in err
    assert '"task":"own_im2gps3k"' in (folder / "out/own_im2gps3k/results.json").read_text().replace(": ", ":")


@pytest.mark.parametrize("command", [["validate"], ["--model", "constant", "--tasks"], ["score", "x.csv", "--task"]])
def test_an_alias_bomb_ends_at_a_bound_in_one_line(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = "abcdefgh"
    lines = ["task: bomb", f"a: &a [{','.join('x' * 9)}]"]
    lines += [f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]" for old, new in pairwise(names)]
    (tmp_path / "bomb.yaml").write_text("\n".join(lines))
    (tmp_path / "x.csv").write_text("id,response\na,b\n")
    began = time.process_time()
    assert main([*command, str(tmp_path / "bomb.yaml")]) == 2
    err = " ".join(capsys.readouterr().err.split())
    assert time.process_time() - began < 5 and "more than 10,000 values" in err


@pytest.mark.parametrize("text", ["a: &a [*a]", "a: " + "[" * 5000 + "]" * 5000])
def test_yaml_without_end_is_refused(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.yaml").write_text(f"task: x\n{text}\n")
    assert main(["validate", str(tmp_path / "x.yaml")]) == 2
    assert "x.yaml" in capsys.readouterr().err
