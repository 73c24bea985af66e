"""The YAML of a benchmark: what is read, refused, and which of its Python is run."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from pathlib import Path

import pytest
from lm_eval.config.group import GroupConfig
from lm_eval.config.task import TaskConfig
from PIL import Image

from globe_eval.benchmarks import definition, validate
from globe_eval.cli import main

GOOD = """\
task: my_city
class: !function globe_eval.GeoTask
dataset_kwargs: {truth: gt.csv, images: img}
metadata: {version: 1}
"""


def messages(folder: Path, text: str, name: str = "my_city.yaml") -> list[str]:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return [str(problem) for problem in validate.problems(path)]


def test_four_lines_are_enough(tmp_path: Path) -> None:
    assert messages(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    "change, words",
    [
        (("task: my_city", "tsk: my_city"), ["line 1", "'tsk'", "did you mean 'task'"]),
        (("dataset_kwargs", "dataset_kwarg"), ["line 3", "did you mean 'dataset_kwargs'"]),
        (("truth: gt.csv", "thruth: gt.csv"), ["line 3", "'dataset_kwargs.thruth'", "did you mean 'truth'"]),
        (("{version: 1}", "{verson: 1}"), ["line 4", "did you mean 'version'"]),
        (("{version: 1}", "{}"), ["line 4", "'version' is missing"]),
        (("metadata", "task: other\nmetadata"), ["line 4", "'task' stands there twice, first in line 1"]),
        (("globe_eval.GeoTask", "globe_eval.GeoTsk"), ["line 2", "GeoTsk"]),
        (("!function globe_eval.GeoTask", "GeoTask"), ["line 2", "found 'GeoTask'"]),
        (("class: !function globe_eval.GeoTask\n", ""), ["class is missing"]),
        (("metadata", "prompt: globe_raedme\nmetadata"), ["line 4", "did you mean 'globe_readme'"]),
        (("metadata", "doc_to_text: '{{city}}?'\nmetadata"), ["line 4", "truth column 'city'"]),
        (("metadata", "x: !!python/object:os.system {}\nmetadata"), ["line 4", "not allowed"]),
        (("metadata: {", "metadata: [{"), ["line", "not valid YAML"]),
        (
            ("metadata", "metric_list: [{metric: m, aggregation: mean}]\nmetadata"),
            ["line 4", "'m' has no 'higher_is_better'"],
        ),
        (("metadata", "metric_list: [accuracy]\nmetadata"), ["line 4", "'accuracy' has no 'aggregation'"]),
        (("metadata", "doc_to_text: '{% if city %}x{% endif %}'\nmetadata"), ["line 4", "truth column 'city'"]),
        (("metadata", "description: It is in {{ country }}.\nmetadata"), ["line 4", "description", "'country'"]),
        (("{version: 1}", "{version: 1, exhaustive_entities: yess}"), ["line 4", "exhaustive_entities: found 'yess'"]),
        (("{version: 1}", "{version: 1, defect: [x]}"), ["line 4", "did you mean 'defects'"]),
        (("images: img", "images: img, colums: {lat: y}"), ["line 3", "did you mean 'columns'"]),
        (("images: img", "images: img, columns: {lattitude: y}"), ["line 3", "dataset_kwargs.columns.lattitude"]),
        (("images: img", "images: img, columns: {lat: [y]}"), ["line 3", "columns.lat: found ['y']"]),
        (("images: img", "images: img, columns: lat"), ["line 3", "columns: found 'lat'; allowed: a mapping"]),
        (("images: img", "images: img, values: {scene: indoor}"), ["line 3", "values.scene: found 'indoor'"]),
        (
            ("images: img", "images: img, lat_column: y"),
            ["line 3", "lat_column is now columns: {lat: y}"],
        ),
        (("images: img", "images: img, where: scen == 1"), ["line 3", "no field 'scen'; did you mean 'scene'"]),
        (("images: img", "images: img, where: open('x')"), ["line 3", "not allowed"]),
        (("images: img", "images: img, image_suffix: jpg"), ["line 3", "image_suffix: found 'jpg'"]),
        (("images: img", "images: img, prepared: ../../x"), ["line 3", "prepared: found '../../x'"]),
    ],
)
def test_a_typo_is_named_with_its_line_and_the_nearest_match(
    tmp_path: Path, change: tuple[str, str], words: list[str]
) -> None:
    text = GOOD.replace(*change)
    assert text != GOOD
    found = messages(tmp_path, text)
    assert any(all(word in message for word in words) for message in found), found


def test_a_group_names_its_unknown_member(tmp_path: Path) -> None:
    found = messages(tmp_path, "group: all\ntask:\n  - im2gps3k\n  - yfcc4\n", "all.yaml")
    assert found == [f"{tmp_path / 'all.yaml'}, line 4: task: no task 'yfcc4'; did you mean 'yfcc4k'?"]


def test_includes_are_merged_and_a_circle_is_refused(tmp_path: Path) -> None:
    messages(tmp_path, GOOD)
    assert messages(tmp_path, "include: my_city.yaml\ntask: mine\nprompt: coordinates\n", "mine.yaml") == []
    assert "includes itself" in messages(tmp_path, "include: loop.yaml\ntask: loop\n", "loop.yaml")[0]


def test_what_is_wrong_with_an_included_file_is_said_of_that_file(tmp_path: Path) -> None:
    (found,) = messages(tmp_path, "include: my_citi.yaml\ntask: mine\n", "mine.yaml")
    assert f"mine.yaml, line 1: include: {tmp_path / 'my_citi.yaml'}: no such file" in found
    messages(tmp_path, GOOD + "\tx: 1\n")
    (found,) = messages(tmp_path, "include: my_city.yaml\ntask: mine\n", "mine.yaml")
    assert f"mine.yaml, line 1: include: {tmp_path / 'my_city.yaml'}, line 5: not valid YAML" in found


@pytest.mark.parametrize("command", ["ls tasks", "pack mine", "prepare mine"])
def test_a_folder_of_tasks_that_is_not_there_is_refused(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--include_path", "nowhere"]) == 2
    assert capsys.readouterr().err == "globe-eval: --include_path nowhere: no such folder\n"


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A benchmark of two photographs that is all right."""
    (tmp_path / "img").mkdir()
    for name in "ab":
        (tmp_path / "img" / f"{name}.jpg").write_bytes(b"x")
    (tmp_path / "gt.csv").write_text("id,lat,lon,kind\na,1,2,x\nb,3,4,y\n")
    (tmp_path / "mine.yaml").write_text(
        "task: mine\nclass: !function globe_eval.GeoTask\ndataset_kwargs:\n"
        f"  truth: {tmp_path / 'gt.csv'}\n  images: {tmp_path / 'img'}\n  columns:\n    scene: kind\n"
        "metadata:\n  version: 1\n  n: 2\n"
    )
    assert validate.problems(tmp_path / "mine.yaml", data=True) == []
    return tmp_path / "mine.yaml"


@pytest.mark.parametrize(
    "change, words",
    [
        (("gt.csv", "gone.csv"), ["line 4", "truth: ", "gone.csv' is not there"]),
        (("/img", "/imgs"), ["line 5", "images: ", "imgs' is not there"]),
        (("scene: kind", "scene: kin"), ["line 7", "no column 'kin'; did you mean 'kind'"]),
        (("n: 2", "n: 3"), ["line 10", "n: found 3, the truth has 2"]),
        (("metadata:", "  where: scene == 'z'\nmetadata:"), ["line 3", "holds of none of 2 rows"]),
    ],
)
def test_what_the_data_lacks_is_named(mine: Path, change: tuple[str, str], words: list[str]) -> None:
    text = mine.read_text()
    assert change[0] in text
    mine.write_text(text.replace(*change))
    (found,) = map(str, validate.problems(mine, data=True))
    assert all(word in found for word in words), found
    assert validate.problems(mine) == []


def test_what_helps_is_a_key_of_the_yaml(mine: Path) -> None:
    table = mine.parent / "gt.csv"
    table.write_text(table.read_text().replace("lat", "breitengrad2", 1))
    (found,) = map(str, validate.problems(mine, data=True))
    assert "no lat column of the truth; give it with dataset_kwargs.columns.lat" in found


def test_a_picture_that_is_missing_is_named(mine: Path) -> None:
    (mine.parent / "img" / "b.jpg").unlink()
    (found,) = map(str, validate.problems(mine, data=True))
    assert "1 of 2 images of gt.csv are not there: b.jpg" in found


def test_two_files_with_one_task_are_named(mine: Path) -> None:
    (mine.parent / "other.yaml").write_text(mine.read_text())
    (found,) = map(str, validate.problems(mine, data=True))
    assert "line 1: task: 'mine' is in other.yaml too" in found


def test_an_installed_benchmark_needs_no_data_to_be_valid(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GLOBE_EVAL_DATA", str(tmp_path))
    path = definition.tasks_folder() / "im2gps3k" / "im2gps3k.yaml"
    assert validate.problems(path, data=True) == []
    folder = tmp_path / "im2gps3k"
    (folder / "images").mkdir(parents=True)
    (folder / "im2gps3k_places365.csv").write_text("IMG_ID,LAT,LON\na.jpg,1,2\n")
    (found,) = map(str, validate.problems(path, data=True))
    assert "no column 'S3_Label'" in found


@pytest.fixture
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder with a table and pictures, and the working folder."""
    folder = tmp_path / "städte & more: [1]"
    (folder / "photos").mkdir(parents=True)
    for index, name in enumerate("abc"):
        Image.new("RGB", (56, 56), (60 * index, 80, 120)).save(folder / "photos" / f"{name}.jpg")
    (folder / "gt.csv").write_text("id,lat,lon,city\na,48.8,2.3,Paris\nb,1,2,\nc,40.7128,-74.006,New York\n")
    monkeypatch.chdir(folder)
    return folder


def test_it_works_at_once_from_any_folder(
    city: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", "my_city", "--truth", "gt.csv", "--images", "photos"]) == 0
    assert "my_city.yaml" in capsys.readouterr().out
    assert len((city / "my_city.yaml").read_text().splitlines()) <= 12
    assert validate.problems(city / "my_city.yaml", data=True) == []
    monkeypatch.chdir(tmp_path)
    arguments = ["--tasks", "my_city", "--include_path", str(city), "--output_path", "out", "--format", "json"]
    assert main(["--model", "constant", *arguments]) == 0
    result = json.loads(capsys.readouterr().out)["my_city"]
    assert (result["n"], result["task_version"]) == (3, "1")
    assert result["acc@25km"] == pytest.approx(1 / 3)


def test_columns_of_other_names_are_given(city: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (city / "gt.csv").write_text("ref,y,x,kind\na,48.8,2.3,indoor\n")
    assert main(["new", "mine", "--truth", "gt.csv", "--images", "photos"]) == 2
    assert "give it with --id-column" in capsys.readouterr().err
    given = [f"--{role}-column={column}" for role, column in (("id", "ref"), ("lat", "y"), ("lon", "x"))]
    assert main(["new", "mine", "--truth", "gt.csv", "--images", "photos", *given, "--scene-column", "kind"]) == 0
    assert validate.problems(city / "mine.yaml", data=True) == []


def test_a_truth_that_changed_asks_for_a_version(city: Path) -> None:
    assert main(["new", "mine", "--truth", "gt.csv", "--images", "photos"]) == 0
    path = city / "mine.yaml"
    (city / "gt.csv").write_text((city / "gt.csv").read_text().replace("48.8", "48.9"))
    (found,) = map(str, validate.problems(path, data=True))
    assert "the truth changed since version 1 was written" in found and "raise metadata.version" in found
    path.write_text(path.read_text().replace("version: 1", "version: 2"))
    assert validate.problems(path, data=True) == []


@pytest.mark.parametrize(
    "name, truth, images, words",
    [
        ("../mine", "gt.csv", "photos", "letters, digits"),
        ("", "gt.csv", "photos", "letters, digits"),
        ("mine\nx: y", "gt.csv", "photos", "letters, digits"),
        ("im2gps3k", "gt.csv", "photos", "of this name already"),
        ("mine", "gone.csv", "photos", "no such file"),
        ("mine", "gt.csv", "gone", "no such folder of images"),
        ("mine", "gt.csv", ".", ""),
        ("taken", "gt.csv", "photos", "there already"),
    ],
)
def test_nothing_is_written_where_something_is_wrong(
    city: Path, name: str, truth: str, images: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (city / "taken.yaml").write_text("mine")
    (city / "gt.csv").write_text("id,lat,lon\na,1,2\n" + ("" if words else "nowhere,1,2\n"))
    assert main(["new", name, "--truth", truth, "--images", images]) == 2
    assert (words or "1 of 2 images of gt.csv are not there") in capsys.readouterr().err
    assert sorted(path.name for path in city.glob("*.yaml")) == ["taken.yaml"]
    assert (city / "taken.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    "prompt, more, told",
    [
        ("Give latitude and longitude.", "", "asks for coordinates, and its answers would be read as names"),
        ("Give latitude and longitude.", "answer_form: coordinates\n", None),
        ("Give latitude and longitude.", "prompt: coordinates\n", None),
        ("Which city, and which coordinates?", "", None),
        ("Which country is this?", "prompt: coordinates\n", "asks for names, and its answers would be read as"),
        ("Where was this photo taken?", "", None),
    ],
)  # fmt: skip
def test_a_prompt_that_asks_for_another_form_needs_an_answer_form(
    mine: Path, prompt: str, more: str, told: str | None
) -> None:
    mine.write_text(mine.read_text() + f"doc_to_text: {json.dumps(prompt)}\n{more}")
    found = [str(problem) for problem in validate.problems(mine)]
    assert found == [] if told is None else told in found[0] and "doc_to_text" in found[0], found


@pytest.mark.parametrize("kind", [GroupConfig, TaskConfig])
def test_the_keys_of_lm_eval_that_are_read_from_its_source_are_those_of_its_classes(kind: type) -> None:
    assert validate.keys_of_lm_eval(kind.__name__.removesuffix("Config").lower()) == [*kind.__dataclass_fields__]


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
