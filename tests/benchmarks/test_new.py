from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from globe_eval.benchmarks import validate
from globe_eval.benchmarks.definition import new_definition
from globe_eval.cli import main
from globe_eval.errors import InputError


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
    (city / "gt.csv").write_text("key,y,x,kind\na,48.8,2.3,indoor\n")
    assert main(["new", "mine", "--truth", "gt.csv", "--images", "photos"]) == 2
    assert "give it with --id-column" in capsys.readouterr().err
    given = [f"--{role}-column={column}" for role, column in (("id", "key"), ("lat", "y"), ("lon", "x"))]
    assert main(["new", "mine", "--truth", "gt.csv", "--images", "photos", *given, "--scene-column", "kind"]) == 0
    assert validate.problems(city / "mine.yaml", data=True) == []


def test_a_truth_that_changed_asks_for_a_version(city: Path) -> None:
    path = new_definition("mine", Path("gt.csv"), Path("photos"))
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
    city: Path, name: str, truth: str, images: str, words: str
) -> None:
    (city / "taken.yaml").write_text("mine")
    (city / "gt.csv").write_text("id,lat,lon\na,1,2\n" + ("" if words else "nowhere,1,2\n"))
    with pytest.raises(InputError, match=words or "1 of 2 images of gt.csv are not there"):
        new_definition(name, Path(truth), Path(images))
    assert sorted(path.name for path in city.glob("*.yaml")) == ["taken.yaml"]
    assert (city / "taken.yaml").read_text() == "mine"
