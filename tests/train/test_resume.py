"""A run that was killed goes on to the losses and weights of one that was not, wherever the kill fell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import pytest
import yaml

from globe_train.checkpoint import checkpoints

ROOT = Path(__file__).parents[2]
KILLED = -9
MOMENTS = {
    "before the first checkpoint": [],
    "between checkpoints": ["checkpoint-2"],
    "while a checkpoint is written": ["checkpoint-2"],
}
"""Moment (see `killed`) -> the checkpoints that can be gone on from after it."""

OWN = """\
def vowels(completions, **_):
    return [sum(letter in "aeiou" for letter in turns[0]["content"]) / 10 for turns in completions]
"""


class Starts:
    """Starts runs in processes of their own, one after the other (see `killed`)."""

    def __init__(self, said: TextIO, path: Path) -> None:
        self.path = path
        python_path = f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("killed.py"))],
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": python_path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        )

    def said(self) -> str:
        """The last line of what runs wrote for people."""
        return self.path.read_text(encoding="utf-8").splitlines()[-1]

    def ended(self, *words: str, killed: str | None = None) -> int:
        """How a run ended: its exit status, or minus the signal that killed it."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps([words, killed]) + "\n")
        self.process.stdin.flush()
        return int(json.loads(self.process.stdout.readline()))


@pytest.fixture(scope="module")
def starts(trl: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starts]:
    path = tmp_path_factory.mktemp("starts") / "stderr"
    with path.open("w") as said:
        made = Starts(said, path)
        yield made
        made.process.communicate()


def written(folder: Path, kind: str, world: Path, student: Path) -> str:
    trainer: dict[str, Any] = {
        **{"max_steps": 5, "save_strategy": "steps", "save_steps": 2, "learning_rate": 1e-3},
        **{"per_device_train_batch_size": 8, "disable_tqdm": True},
    }
    values = {
        "kind": kind,
        "departures": ["a test"],
        "model": str(student),
        "output": "given by each run",
        "data": {"manifest": str(world)},
        "seed": 1,
        "trainer": trainer,
    }
    if kind == "grpo":
        values["rewards"] = {"own:vowels": 1.0}
        trainer.update(num_generations=4, max_completion_length=12, beta=0.001)
        (folder / "own.py").write_text(OWN, encoding="utf-8")
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return str(path)


def log(folder: Path) -> list[dict[str, float]]:
    """What was reported after each step, but for how long it took, and for SFT's count of tokens.

    trl's SFTTrainer counts the tokens of this process (`_total_train_tokens`), which no checkpoint holds.
    """
    lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    steps = [entry for entry in map(json.loads, lines) if "loss" in entry]
    return [{name: value for name, value in step.items() if name not in ("step_time", "num_tokens")} for step in steps]


@pytest.mark.parametrize("kind", ["sft", "grpo"])
def test_a_run_killed_at_three_moments_goes_on_to_the_same_losses(
    kind: str, starts: Starts, tmp_path: Path, world: Path, student: Path
) -> None:
    recipe, whole = written(tmp_path, kind, world, student), tmp_path / "whole"
    assert starts.ended(kind, recipe, f"output={whole}") == 0
    assert len({step["loss"] for step in log(whole)}) == 5, "it did learn"
    for moment, left in MOMENTS.items():
        folder = tmp_path / moment.replace(" ", "-")
        assert starts.ended(kind, recipe, f"output={folder}", killed=moment) == KILLED, moment
        assert [path.name for path in checkpoints(folder)] == left, moment
        torn = folder / "checkpoint-4"
        assert torn.is_dir() == (moment == "while a checkpoint is written")
        if not left:  # there is nothing to go on from, which is said: the run is started, not resumed
            assert starts.ended(kind, recipe, f"output={folder}", "--resume") == 2
        assert starts.ended(kind, recipe, f"output={folder}", *(["--resume"] if left else [])) == 0
        assert log(folder) == log(whole), moment
        for name in ("model.safetensors", "checkpoint-4/model.safetensors", "checkpoint-4/optimizer.pt"):
            assert (folder / name).read_bytes() == (whole / name).read_bytes(), (moment, name)


@pytest.mark.parametrize(
    ("moment", "lost", "left"),
    [
        ("no space for the weights", "checkpoint-4: the checkpoint", "checkpoint-2"),
        ("no space for the optimizer", "checkpoint-4: the checkpoint", "checkpoint-2"),
        ("no space for the trained model", "full: the trained model", "checkpoint-5"),
    ],
)
def test_a_full_disk_leaves_the_last_good_checkpoint_to_go_on_from(
    moment: str, lost: str, left: str, starts: Starts, tmp_path: Path, world: Path, student: Path
) -> None:
    """The system refuses to write (RLIMIT_FSIZE), in whichever library happens to be writing."""
    recipe, folder = written(tmp_path, "sft", world, student), tmp_path / "full"
    assert starts.ended("sft", recipe, f"output={folder}", killed=moment) == 2
    said = starts.said()
    assert said.startswith("globe-train: ") and f"{lost} could not be written: " in said
    assert f"the last good checkpoint is {folder / left}; free some space and go on with --resume" in said
    assert checkpoints(folder)[-1].name == left
    assert (folder / "checkpoint-4").exists() == (left == "checkpoint-5")
    assert starts.ended("sft", recipe, f"output={folder}", "--resume") == 0
    assert [step["step"] for step in log(folder)] == [1, 2, 3, 4, 5], "none too many"
    last = folder / "checkpoint-5" / "model.safetensors"
    assert (folder / "model.safetensors").read_bytes() == last.read_bytes()
