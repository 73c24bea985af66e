"""docs/training.md, "First steps": typed as it stands, but for sizes, in an empty folder."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from globe_eval import cli
from globe_train import cli as train_cli
from globe_train.laptop import MAKES

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
