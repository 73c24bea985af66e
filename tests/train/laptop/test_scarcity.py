"""The experiment on scarce reasoning: its data, its arms as recipes, its table; the trainings are not run."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from globe_eval.benchmarks.table import read_table
from globe_train.laptop import scarcity
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
    planned = {}
    for seed in options.seeds:
        for n in options.n:
            for step in scarcity.steps(options, n, seed):
                assert planned.setdefault(step.name, step) == step, "one name, one step"
                assert set(step.needs) <= planned.keys(), f"{step.name} needs what comes before it"
    runs = [name for name in planned if name.startswith("eval-")]
    assert len(runs) == 2 * 2 * 6 + 2 * 2, "six arms of each n and seed, and two that no n changes"
    for step in planned.values():
        if "globe_train.cli" in step.command and step.command[3] in ("sft", "grpo"):
            verb, recipe, *overrides = step.command[3:]
            read = read_recipe(recipe, overrides, verb)
            assert read["data"]["manifest"].startswith(str(folder)) and str(step.done.parent) == read["output"]
    assert sum(name.startswith("sample-") for name in planned) == 4 * scarcity.SAMPLES


def test_only_answers_with_country_and_city_right_are_learnt_from(tmp_path: Path) -> None:
    known = [{"id": "a", "country": "France", "city": "Lyon"}, {"id": "b", "country": "Japan", "city": "Tokyo"}]
    samples = [
        {"id": "a", "response": "<think>A bus.</think>x", "country_correct": 1.0, "city_correct": 1.0},
        {"id": "a", "response": "<think>A tram.</think>x", "country_correct": 1.0, "city_correct": 0.0},
        {"id": "b", "response": "<think>A sign.</think>x", "country_correct": 1.0, "city_correct": 1.0},
        {"id": "a", "response": "<think>A flag.</think>x", "country_correct": 1.0, "city_correct": 1.0},
        {"id": "b", "response": None, "country_correct": None, "city_correct": None},
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in known))
    for name, its in (("one", samples[:3]), ("two", samples[3:])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "samples.jsonl").write_text("".join(json.dumps(one) + "\n" for one in its))
    words = [str(tmp_path / name) for name in ("out.jsonl", "rows.jsonl", "one", "two")]
    assert scarcity.main(["choose", *words]) == 0
    chosen = rows(tmp_path, "out")
    assert [row["reasoning"] for row in chosen] == ["A bus.", "A sign.", "A flag."]
    assert scarcity.main(["choose", str(tmp_path / "none.jsonl"), *words[1:2]]) == 2
    assert not (tmp_path / "none.jsonl").exists()
    assert len({row["id"] for row in chosen}) == 3 and {row["teacher_city"] for row in chosen} == {"Lyon", "Tokyo"}


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
            (out / "samples.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    text = scarcity.summary(tmp_path, [8], [0, 1], list(scarcity.ARMS))
    first, change = text.split("Change over SFT")
    assert all(title in first for title in scarcity.ARMS.values())
    (row,) = [line for line in change.splitlines() if line.startswith("| + GRPO on geotags |")]
    assert "+" in row.split("|")[2] and "*" in row.split("|")[2]
    assert "SFT on n reasoned pictures" not in change
