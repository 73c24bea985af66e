"""The documentation: its commands can be typed, its links lead somewhere, its tree is the tree there is.

docs/new_benchmark.md is typed command by command into an empty folder, against the installed package.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from globe_eval import cli
from globe_train import cli as train_cli

REPOSITORY = Path(__file__).parents[1]
GUIDE = REPOSITORY / "docs" / "new_benchmark.md"
PICTURES = {"photos": ("harbour", "kitchen", "bridge", "beach"), "gallery": ("docks", "quay")}


def commands(text: str) -> Iterator[str]:
    """Each command of each shell block; what a command reads until END belongs to it."""
    for block in re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        pending: list[str] = []
        for line in block.splitlines():
            pending.append(line)
            if "<<'END'" not in pending[0] or line == "END":
                yield "\n".join(pending)
                pending = []
        assert not pending


def test_the_blocks_are_split_into_commands() -> None:
    found = list(commands("x\n```sh\na b\ncat > c <<'END'\nd\n\ne\nEND\nf\n```\n```yaml\ng\n```\n"))
    assert found == ["a b", "cat > c <<'END'\nd\n\ne\nEND", "f"]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables under which `globe-eval` and `pip` are those of a site folder into which the wheel was installed."""
    site, scripts = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("scripts")
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    if importlib.util.find_spec("hatchling") and importlib.util.find_spec("pip"):
        wheels = tmp_path_factory.mktemp("wheels")
        options = ["--no-deps", "--no-build-isolation", "--no-index"]
        subprocess.run([*pip, "wheel", *options, "-w", str(wheels), str(REPOSITORY)], check=True)
        (wheel,) = wheels.glob("globe_eval-*.whl")
        subprocess.run([*pip, "install", *options, "--target", str(site), str(wheel)], check=True)
    else:
        site = REPOSITORY
    for name, module in (("globe-eval", "globe_eval.cli"), ("pip", "pip")):
        (scripts / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
        (scripts / name).chmod(0o755)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GLOBE_EVAL_", "PIP_"))}
    return {
        **kept,
        "PATH": os.pathsep.join([str(scripts), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join([str(site), str(tmp_path_factory.mktemp("more"))]),
        "PYTHONSAFEPATH": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip reads this as: no isolation
        "PIP_NO_DEPS": "1",
        "PIP_NO_INDEX": "1",
    }


def test_the_guide_works_as_it_stands(environment: dict[str, str], tmp_path: Path) -> None:
    for folder, names in PICTURES.items():
        (tmp_path / folder).mkdir()
        for index, name in enumerate(names):
            Image.new("RGB", (64, 48), (60 * index, 90, 120)).save(tmp_path / folder / f"{name}.jpg")
    environment["PIP_TARGET"] = environment["PYTHONPATH"].split(os.pathsep)[1]
    environment["GLOBE_EVAL_CACHE"] = str(tmp_path / "cache")
    where = [sys.executable, "-c", "import globe_eval; print(globe_eval.__file__)"]
    installed = subprocess.run(where, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
    assert installed.startswith(environment["PYTHONPATH"].split(os.pathsep)[0])
    said: dict[str, str] = {}
    for command in commands(GUIDE.read_text(encoding="utf-8")):
        if command.startswith("pip ") and not importlib.util.find_spec("hatchling"):
            break
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        said[command] = done.stdout

    def result(run: str) -> dict[str, object]:
        return json.loads((tmp_path / "runs" / run / "results.json").read_text(encoding="utf-8"))

    def value(run: str, metric: str) -> float:
        return result(run)["metrics"][metric]["value"]  # type: ignore[index]

    for model in ("constant", "knn", "replay"):
        assert result(f"{model}/my_city")["n"] == 4
    assert [value(f"{model}/my_city", "acc@25km") for model in ("constant", "replay")] == [0, 0.5]
    assert result("constant/my_city__coordinates")["answer_form"] == "coordinates"
    assert result("replay/my_city_outdoor")["n"] == 3
    assert value("replay/my_city_outdoor", "acc@25km") == pytest.approx(2 / 3)
    assert value("replay/my_city_outdoor", "same_hemisphere") == 1
    assert "changed" in next(out for command, out in said.items() if "echo" in command)
    if importlib.util.find_spec("hatchling"):
        assert result("constant/hamburg")["n"] == 4


PAGES = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPOSITORY).as_posix())
def test_every_command_of_a_page_is_one_and_every_link_leads_to_a_file(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    blocks = "\n".join(re.findall(r"^(?:```sh\n.*?^```|    .*?)$", text, re.MULTILINE | re.DOTALL))
    for line in re.findall(r"^(?:    )?(globe-(?:eval|train) .*(?:\\\n.*)*)", blocks, re.MULTILINE):
        for command in line.replace("\\\n", " ").split("&&"):
            program, *words = shlex.split(command, comments=True)
            if program == "globe-eval" and words[0].startswith("-"):
                words = ["run", *words]
            {"globe-eval": cli, "globe-train": train_cli}[program]._parser().parse_args(words)
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (page.parent / link).exists(), link


def test_the_readme_is_short_and_the_tree_is_the_one_there_is() -> None:
    assert len((REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines()) <= 150
    spec = importlib.util.spec_from_file_location("house", REPOSITORY / "scripts" / "house.py")
    assert spec and spec.loader
    house = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(house)
    page = house.PAGE.read_text(encoding="utf-8")
    named = []
    for part in re.split(r"^## ", page, flags=re.MULTILINE)[1:]:
        room = part.split("/\n", 1)[0]
        named += [f"{room}/{name}" for name in re.findall(r"^\| `([^`]+)` \|", part, re.MULTILINE)]
    there = [name for package in house.ROOMS for name in house.files(package)]
    assert named == there, "python scripts/house.py writes the page anew"


ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "trailing_comma.md").read_text(encoding="utf-8")
RELEASED = "shared/data/released_coordinates/geobenchwocn_gpt5__GeoBench.jsonl"


def printed(folder: Path, answers: list[dict[str, object]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the page's program beside a file of answers as it was released."""
    lines = [json.dumps(answer) for answer in answers]
    (folder / "geobenchwocn_gpt5.jsonl").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.chdir(folder)
    (program,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    exec(compile(program, "docs/trailing_comma.md", "exec"), {})


def test_a_trailing_comma_is_lost_by_the_strict_reading_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = {"lat": 50.45, "lon": 30.52}
    texts = ['{"lat": 50.45, "lon": 30.52}', '{"lat": 50.45, "lon": 30.52,}']
    answers = [{"index": i, "ground_truth": truth, "solution_str": text} for i, text in enumerate(texts)]
    printed(tmp_path, answers, monkeypatch)
    strict, as_written = capsys.readouterr().out.splitlines()
    assert strict == " | ".join(["50.00"] * 5 + ["1 of 2"])
    assert as_written == " | ".join(["100.00"] * 5 + ["0 of 2"])


def released() -> Path | None:
    return next((folder / RELEASED for folder in ROOT.parents if (folder / RELEASED).is_file()), None)


@pytest.mark.skipif(released() is None, reason="the released answers lie beside the checkout")
def test_gpt_5_on_geobench_by_both_readings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = released()
    assert file is not None
    flat = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    answers = [
        {
            "index": one["id"],
            "ground_truth": {"lat": one["true_lat"], "lon": one["true_lon"]},
            "solution_str": one["response"],
        }
        for one in flat
    ]
    printed(tmp_path, answers, monkeypatch)
    strict, as_written = capsys.readouterr().out.splitlines()
    assert strict.endswith("| 185 of 934") and f"| GPT-5, strict JSON | {strict} |" in PAGE
    assert as_written.endswith("| 0 of 934") and f"| GPT-5, read by globe-eval | {as_written} |" in PAGE
