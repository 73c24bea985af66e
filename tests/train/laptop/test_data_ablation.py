"""Table 5 in small, from runs made up here."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pytest

from globe_train.laptop import data_ablation
from globe_train.recipe import read_recipe


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
