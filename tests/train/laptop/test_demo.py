"""The plan of the laptop proof: commands that can be given, in an order that can be kept; the first ones work."""

from __future__ import annotations

import argparse
import json
import re
import shlex
from pathlib import Path

import pytest

from globe_eval import cli
from globe_train import cli as train_cli
from globe_train.laptop import MAKES

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


pytest.importorskip("trl")

PAGE = Path(__file__).parents[3] / "docs" / "training.md"
FEWER = {
    "world": ["--n", "24"],
    "sft": ["trainer.max_steps=1", "trainer.warmup_steps=0", "trainer.per_device_train_batch_size=2"],
    "--model": ["--limit", "2", "--fresh"],
}


def steps() -> list[list[str]]:
    section = PAGE.read_text(encoding="utf-8").partition("## First steps")[2].partition("\n## ")[0]
    (block,) = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return [shlex.split(line) for line in block.splitlines()]


def test_six_commands_lead_from_a_world_to_an_evaluated_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    commands = steps()
    assert len(commands) == 6
    for program, *words in commands:
        main = {"globe-train": train_cli.main, "globe-eval": cli.main}[program]
        assert main([*words, *FEWER.get(words[0], [])]) == 0, words
    (results,) = tmp_path.rglob("results.json")
    assert json.loads(results.read_text())["n"] == 2


@pytest.mark.parametrize("recipe", ["sft miniworld_see", "sft miniworld_sft", "reward-model miniworld_reward_model"])
def test_what_a_recipe_lacks_is_named_with_the_command_that_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], recipe: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GLOBE_EVAL_DATA", str(tmp_path))
    assert train_cli.main([*recipe.split(), "--dry-run"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and any(f"; {command} makes it" in error for command in MAKES.values())
