"""The tables of rewards and of curated data, from runs made up here."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from globe_eval.errors import InputError
from globe_train.laptop import ablation, data_ablation
from globe_train.recipe import read_recipe

N, PEOPLE = 120, 30


def run(folder: Path, name: str, km: np.ndarray, lift: np.ndarray) -> None:
    """Write the samples of a run, in an order of its own."""
    lines = [
        {
            "id": f"p{i:03d}",
            "truth": {"group": f"g{i % PEOPLE}"},
            "distance_km": None if np.isnan(km[i]) else float(km[i]),
            "grounding": None if np.isnan(lift[i]) else {"lift": float(lift[i]), "f1": float(lift[i]) / 2},
        }
        for i in np.random.default_rng(len(name)).permutation(N)
    ]
    path = folder / "runs" / name / "miniworld"
    path.mkdir(parents=True)
    (path / "samples.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    made = []
    for seed in range(2):
        draw, folder = np.random.default_rng(seed), tmp_path / f"seed{seed}"
        for index, name in enumerate(["constant", "knn", *ablation.MODELS]):
            km, lift = 10 ** draw.uniform(0, 4, N), draw.uniform(0, 0.6, N)
            km[index::20] = np.nan
            lift[index::30] = np.nan
            run(folder, name, km, lift)
        made.append(folder)
    return made


def test_a_change_is_the_paired_difference_with_scipys_interval(folders: list[Path]) -> None:
    groups, after = ablation.values(folders[0], "grpo_all_rewards")
    _, before = ablation.values(folders[0], "sft")
    change = after["25 km"] - before["25 km"]
    people = sorted(set(groups))
    totals = np.array([[change[np.array(groups) == p].sum(), sum(g == p for g in groups)] for p in people])
    low, high = stats.bootstrap(
        (np.arange(len(people)),),
        lambda i, axis=-1: totals[i, 0].sum(axis=axis) / totals[i, 1].sum(axis=axis),
        method="percentile",
        rng=1,
    ).confidence_interval
    text = ablation.cell(change, groups, signed=True)
    mean, ours = float(text.split()[0]), [float(word.strip("()")) for word in text.split()[1:4:2]]
    assert mean == pytest.approx(change.mean(), abs=0.05)
    assert ours[0] <= low < high <= ours[1], "a percentile bootstrap of few people is too narrow"
    assert ours[1] - ours[0] < 1.3 * (high - low)


def test_the_missing_are_misses_for_distance_and_missing_for_grounding(folders: list[Path]) -> None:
    _, found = ablation.values(folders[0], "constant")
    assert not np.isnan(found["25 km"]).any() and (found["25 km"][::20] == 0).all()
    assert np.isnan(found["lift"][::30]).all()
    assert ablation.cell(np.full(4, np.nan), ["a"] * 4) == "–"


def test_a_sure_change_is_marked() -> None:
    groups = [str(i) for i in range(40)]
    assert ablation.cell(np.tile([1.0, 3.0], 20), groups, signed=True).endswith(" *")
    assert not ablation.cell(np.tile([-1.0, 1.0], 20), groups, signed=True).endswith("*")


def test_the_page_over_seeds(folders: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert ablation.main([*map(str, folders), "-o", str(out)]) == 0
    text = (out / "rewards.md").read_text()
    assert text.count("| GRPO: accuracy |") == 2 * 3 and "Mean of 2 seeds" in text
    assert re.findall("^## (seed\\d)$", text, re.MULTILINE) == ["seed0", "seed1"]
    assert all(text.count(f"| {ablation.NAMES[name]} |") >= 3 for name in ("constant", "knn", *ablation.MODELS))
    assert ablation.main([str(tmp_path / "none"), "-o", str(out)]) == 2
    assert "samples.jsonl: no such file" in capsys.readouterr().err


def test_runs_over_other_photographs_are_refused(folders: list[Path]) -> None:
    file = folders[1] / "runs" / "sft" / "miniworld" / "samples.jsonl"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[1:]))
    with pytest.raises(InputError, match="not over the same photographs"):
        ablation.mean([(folder, "sft") for folder in folders])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sets").mkdir()
    for name in data_ablation.SETS:
        (tmp_path / "sets" / f"{name}.jsonl").write_text("{}\n" * 7)
    for seed in range(2):
        for index, name in enumerate(data_ablation.NAMES):
            draw = np.random.default_rng((seed, index))
            out = tmp_path / f"seed-{seed}" / "runs" / name / "miniworld"
            out.mkdir(parents=True)
            lines = [
                {
                    "id": f"p{i:02d}",
                    "truth": {"group": f"g{i % 9}"},
                    "distance_km": 1.0 if name.startswith("verified") else float(10 ** draw.uniform(0, 4)),
                    "grounding": {"lift": float(draw.uniform()), "f1": 0.5},
                }
                for i in range(40)
            ]
            (out / "samples.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path


def test_the_table_says_what_verified_data_change(folder: Path) -> None:
    options = argparse.Namespace(folder=folder, sft=9, grpo=5)
    text = data_ablation.summary(options, [folder / "seed-0", folder / "seed-1"])
    assert "7 photographs in each set, 9 steps of SFT" in text and "then 5 steps" in text
    first, over_random, over_single = (
        part.split("\n\n")[0] for part in text.split("| --- | --- | --- | --- | --- |\n")[1:4]
    )
    assert first.count("\n") == 5 and "| SFT: several teachers, verified | 100.0 (100.0 – 100.0) |" in first
    assert over_random.count("\n") == 3 and over_single.count("\n") == 1
    assert all("*" in line.split("|")[2] for line in over_single.splitlines())


def test_every_step_is_a_recipe_that_is_read(folder: Path) -> None:
    options = argparse.Namespace(folder=folder, sft=9, grpo=5)
    steps = data_ablation.steps(options, folder / "seed-0", folder / "base", 3)
    assert len(steps) == 12 and len({step.name for step in steps}) == 12
    known = {step.name for step in steps}
    for step in steps:
        assert set(step.needs) < known
        if "globe_train.cli" in step.command:
            at = list(step.command).index("globe_train.cli")
            verb, recipe, *overrides = step.command[at + 1 :]
            read = read_recipe(recipe, overrides, verb)
            assert read["seed"] == 3 and read["trainer"]["max_steps"] == (9 if verb == "sft" else 5)


def test_a_base_that_is_not_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert data_ablation.main(["train", str(folder), str(folder / "none"), "-o", str(folder / "out")]) == 2
    assert "none: no such file or folder" in capsys.readouterr().err
    assert not (folder / "out").exists()
