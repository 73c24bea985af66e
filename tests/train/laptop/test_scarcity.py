"""The experiment on scarce reasoning: which of its own answers a model learns from, arms as recipes, the table."""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from globe_eval.benchmarks.table import read_table
from globe_train.laptop import expert, scarcity
from globe_train.laptop.steps import Step
from globe_train.recipe import read_recipe

OPTIONS = {"n": [8, 16], "seeds": [0, 1], "arms": list(scarcity.ARMS), "steps": None}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("scarcity")
    scarcity.write_data(made, OPTIONS["n"], pictures=24, test=6)
    return made


def rows(folder: Path, name: str) -> list[dict]:
    return read_table(folder / f"{name}.jsonl").rows


def test_geotags_have_places_and_nothing_of_a_teacher(folder: Path) -> None:
    reasoned, geotags = rows(folder, "reasoned-8"), rows(folder, "geotags-8")
    assert len(reasoned) == 8 and len(geotags) == 16
    assert not {row["id"] for row in reasoned} & {row["id"] for row in geotags}
    assert all(row["reasoning"] for row in reasoned)
    assert not any(row.get("reasoning") or row.get("entities") for row in geotags)
    assert all(row["city"] and row["lat"] is not None for row in geotags)


def test_permuted_geotags_are_the_same_places_of_other_pictures(folder: Path) -> None:
    true, wrong = rows(folder, "geotags-8"), rows(folder, "permuted-8")
    assert [row["image"] for row in true] == [row["image"] for row in wrong]
    assert Counter(row["city"] for row in true) == Counter(row["city"] for row in wrong)
    moved = [a["lat"] != b["lat"] for a, b in zip(true, wrong, strict=True)]
    assert sum(moved) > len(moved) / 2
    for row in wrong:
        assert {(r["city"], r["lat"]) for r in true} >= {(row["city"], row["lat"])}, "names and point go together"


def test_the_second_test_set_is_not_the_benchmarks_nor_trained_on(folder: Path) -> None:
    from globe_eval import miniworld

    unseen = {row["id"] for row in rows(folder, "test")}
    assert len(unseen) == 6
    assert not unseen & {row["id"] for row in miniworld.photographs("test")}
    trained = {row["group"] for row in rows(folder, "all")}
    assert not trained & {row["group"] for row in rows(folder, "test")}


def test_every_arm_is_recipes_that_are_read_and_needs_what_is_planned(folder: Path) -> None:
    options = argparse.Namespace(folder=folder, **OPTIONS)
    planned: dict[str, Step] = {}
    for seed in options.seeds:
        for n in options.n:
            for step in scarcity.steps(options, n, seed):
                assert planned.setdefault(step.name, step) == step, "one name, one step"
                assert set(step.needs) <= planned.keys(), f"{step.name} needs what comes before it"
    runs = [name for name in planned if name.startswith("eval-")]
    assert len(runs) == 2 * 2 * (len(scarcity.ARMS) - 2) + 2 * 2, "and two that no n changes"
    for step in planned.values():
        if "globe_train.cli" in step.command and step.command[3] in ("sft", "grpo"):
            verb, recipe, *overrides = step.command[3:]
            read = read_recipe(recipe, overrides, verb)
            assert read["data"]["manifest"].startswith(str(folder)) and str(step.done.parent) == read["output"]
    assert {name for name in planned if name.startswith("samples")} == {
        f"samples{round}-{n}-{seed}" for round in (1, 2) for n in (8, 16) for seed in (0, 1)
    }


def test_an_arm_needs_nothing_of_the_others(folder: Path) -> None:
    for arm in scarcity.ARMS:
        options = argparse.Namespace(folder=folder, **{**OPTIONS, "arms": [arm]})
        planned = [step.name for step in scarcity.steps(options, 8, 0)]
        assert len(planned) == len(set(planned)) and planned[-1] == f"eval-{scarcity.name_of(arm, 8, 0)}"
        for step in scarcity.steps(options, 8, 0):
            assert set(step.needs) <= set(planned[: planned.index(step.name)])


def test_the_table_has_every_arm_and_its_change_over_sft(tmp_path: Path) -> None:
    for index, arm in enumerate(scarcity.ARMS):
        for seed in (0, 1):
            draw = np.random.default_rng((index, seed))
            out = tmp_path / "runs" / scarcity.name_of(arm, 8, seed) / "scarcity"
            out.mkdir(parents=True, exist_ok=True)
            lines = [
                {
                    "id": f"p{i:02d}",
                    "truth": {"group": f"g{i % 9}"},
                    "distance_km": 1.0 if arm == "grpo" else float(10 ** draw.uniform(1.5, 4)),
                    "grounding": {"lift": float(draw.uniform()), "f1": 0.5},
                }
                for i in range(40)
            ]
            if arm != "distance" and (arm, seed) != ("longer", 1):
                (out / "samples.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "logs").mkdir()
    seconds = {"sft-8-0": 60, "sft-8-1": 120, "grpo-8-0": 600, "grpo-8-1": 900, "eval-grpo-8-0": 5000}
    (tmp_path / "logs/seconds.tsv").write_text("".join(f"{name}\t{taken}\n" for name, taken in seconds.items()))
    text = scarcity.summary(tmp_path, [8], [0, 1], list(scarcity.ARMS))
    first, change = text.split("Change over SFT")
    cells = {line.split(" | ")[0].removeprefix("| "): line.split(" | ") for line in first.splitlines()}
    titles = [title for arm, title in scarcity.ARMS.items() if arm != "distance"]
    assert all(any(row.startswith(title) for row in cells) for title in titles)
    assert cells[scarcity.ARMS["grpo"]][-1] == "12.5 |", "the mean of its two trainings, without SFT and evaluation"
    assert cells[scarcity.ARMS["sft"]][-1] == "1.5 |"
    assert scarcity.ARMS["distance"] not in cells and f"Not run: {scarcity.ARMS['distance']}." in first
    assert f"{scarcity.ARMS['longer']} (seed 0)" in cells
    (row,) = [line for line in change.splitlines() if line.startswith(f"| {scarcity.ARMS['grpo']} |")]
    assert "+" in row.split("|")[2] and "*" in row.split("|")[2]
    assert not any(f"| {scarcity.ARMS[arm]} |" in change for arm in ("sft", "distance"))


def test_the_page_of_the_experiment_quotes_its_table() -> None:
    root = Path(__file__).parents[3]
    page, table = (root / name for name in ("docs/experiment.md", "leaderboards/training/scarcity.md"))
    quoted = re.findall(r"[+-]?\d+\.\d \([+-]?\d+\.\d – [+-]?\d+\.\d\)", page.read_text(encoding="utf-8"))
    assert len(quoted) >= 6
    assert not [figure for figure in quoted if figure not in table.read_text(encoding="utf-8")]


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
