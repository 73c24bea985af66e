"""The plan of the laptop proof: commands that can be given, in an order that can be kept."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

pytest.importorskip("trl")

from globe_train.laptop import demo
from globe_train.laptop.ablation import CAREFUL, MODELS
from globe_train.recipe import read_recipe


@pytest.mark.parametrize("cores", [1, 2])
def test_every_step_is_a_command_whose_files_and_predecessors_there_are(tmp_path: Path, cores: int) -> None:
    options = argparse.Namespace(folder=tmp_path, seed=0, cores=cores, careful=True, steps=1, n=4, limit=2)
    planned = demo.steps(options, [*MODELS, *CAREFUL])
    assert {f"eval-{name}" for name in (*MODELS, *CAREFUL, "constant", "knn")} < {step.name for step in planned}
    before: set[str] = set()
    for step in planned:
        assert set(step.needs) <= before, f"{step.name} waits for what comes after it"
        before.add(step.name)
        words = list(step.command)
        if "--config_file" in words:
            assert Path(words[words.index("--config_file") + 1]).is_file(), "the file that starts two processes"
        if "trainer.max_steps=1" in words:
            verb, recipe = words[words.index("globe_train.cli") + 1 :][:2]
            overrides = [word for word in words[words.index(recipe) + 1 :] if "=" in word]
            assert read_recipe(recipe, overrides)["kind"] == verb.replace("-", "_")
    assert any("--config_file" in step.command for step in planned) == (cores > 1)
