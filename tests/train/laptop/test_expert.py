"""Which of a model's own answers it learns from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from globe_eval.benchmarks.table import read_table
from globe_train.laptop import expert

LYON = {"country": "France", "city": "Lyon", "lat": 45.75, "lon": 4.85}
TOKYO = {"country": "Japan", "city": "Tokyo", "lat": 35.69, "lon": 139.69}
ROWS = [
    {"id": "a", "image": "a.png", **LYON},
    {"id": "b", "image": "b.png", **TOKYO},
    {"id": "c", "image": "c.png", **TOKYO},
]
REASONED = [
    {"id": "z", "image": "z.png", "reasoning": "A road.", "teacher_country": "Peru", "teacher_city": "Lima", **LYON}
]


def answer(row: str, thought: str, country: str, city: str, frame: bool = True) -> dict[str, str]:
    text = f"<answer>country: {country}\ncity: {city}</answer>"
    return {"id": row, "response": f"<think>{thought}</think>{text}" if frame else text}


SAMPLES = [
    answer("a", "A tram.", "France", "Paris"),
    answer("a", "A bus.", "France", "Lyon"),
    answer("a", "A flag.", "France", "Lyon"),
    answer("b", "A sign.", "Japan", "Tokyo", frame=False),
    answer("b", "A van.", "China", "Tokyo"),
    answer("c", "A lamp.", "Japan", "Osaka"),
]


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    for name, its in (("rows", ROWS), ("reasoned", REASONED), ("first", SAMPLES[:3]), ("second", SAMPLES[3:])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in its))
    return [str(tmp_path / f"{name}.jsonl") for name in ("out", "rows", "reasoned", "first", "second")]


def test_the_first_well_formed_answer_with_country_and_city_right_is_learnt(files: list[str]) -> None:
    assert expert.main(["choose", *files]) == 0
    rows = read_table(Path(files[0])).rows
    assert [row["id"] for row in rows] == ["z", "a"], "those with reasoning first, no picture twice"
    assert rows[1]["reasoning"] == "A bus." and rows[1]["teacher_city"] == "Lyon"


def test_unchecked_answers_are_as_many_with_the_places_that_they_name(files: list[str]) -> None:
    assert expert.main(["choose", *files, "--unchecked"]) == 0
    rows = read_table(Path(files[0])).rows
    assert len(rows) == 2
    named = {row["id"]: row["teacher_city"] for row in expert.unchecked_answers(ROWS, SAMPLES, 9)}
    assert named == {"a": "Paris", "b": "Tokyo", "c": "Osaka"}


def test_places_are_the_rows_of_pictures_with_a_right_answer_as_they_were(files: list[str]) -> None:
    assert expert.main(["choose", *files, "--places"]) == 0
    rows = [json.loads(line) for line in Path(files[0]).read_text(encoding="utf-8").splitlines()]
    assert rows == [ROWS[0]], "no reasoned picture, and nothing of the answer"


def test_right_answers_that_are_none_end_in_one_line(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert expert.main(["choose", files[0], files[1], files[2], files[4]]) == 2
    assert not Path(files[0]).exists()
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_samples_are_so_many_to_each_picture_and_the_same_for_a_seed(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from PIL import Image

    from globe_train.laptop import student

    folder = student.build(tmp_path / "student")
    for row in ROWS:
        Image.new("RGB", (112, 112), (9, 90, 200)).save(tmp_path / row["image"])
    drawn = [list(expert.sample_answers(str(folder), ROWS, tmp_path, 2, seed)) for seed in (1, 1, 2)]
    assert [sample["id"] for sample in drawn[0]] == ["a", "a", "b", "b", "c", "c"]
    assert drawn[0] == drawn[1] != drawn[2]
