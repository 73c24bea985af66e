"""Runs of globe-train in processes of their own that may be killed: `python killed.py`, a line of JSON in, one out.

A line is [words of the command line, moment or null]. Each run is forked from this process, which has done the imports
and computed nothing. At its moment it kills itself with SIGKILL, or finds the disk full; what is printed is how it
ended: its exit status, or minus the signal.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

from globe_eval.models import torchvision_cpu

torchvision_cpu.ensure()

import datasets  # noqa: E402, F401
import peft  # noqa: E402, F401
import transformers.models.qwen2_5_vl.modeling_qwen2_5_vl  # noqa: E402
import transformers.models.qwen2_5_vl.processing_qwen2_5_vl  # noqa: E402
from trl import GRPOTrainer, SFTTrainer  # noqa: E402, F401

from globe_train import cli, train  # noqa: E402, F401


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def kill_before_step(step: int) -> None:
    """When so many steps are done and the next begins."""

    def on_step_begin(self: Any, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == step:
            die()

    transformers.TrainerCallback.on_step_begin = on_step_begin


def kill_while_writing(step: int) -> None:
    """When a checkpoint's weights are on the disk, its optimizer by half, and the rest of it not at all."""
    real = transformers.Trainer._save_optimizer_and_scheduler

    def save(self: Any, output_dir: str) -> None:
        real(self, output_dir)
        if output_dir.endswith(f"checkpoint-{step}"):
            file = Path(output_dir) / "optimizer.pt"
            os.truncate(file, file.stat().st_size // 2)
            die()

    transformers.Trainer._save_optimizer_and_scheduler = save


def fill_at_step(step: int, free: int) -> None:
    """From a step on, no file may grow beyond `free` bytes: a disk that is nearly full."""

    def on_step_begin(self: Any, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == step:
            resource.setrlimit(resource.RLIMIT_FSIZE, (free, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))

    transformers.TrainerCallback.on_step_begin = on_step_begin


def fill_at_end(free: int) -> None:
    def on_train_end(self: Any, args: Any, state: Any, control: Any, **_: Any) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (free, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))

    transformers.TrainerCallback.on_train_end = on_train_end


MOMENTS = {
    "before the first checkpoint": lambda: kill_before_step(1),
    "between checkpoints": lambda: kill_before_step(3),
    "while a checkpoint is written": lambda: kill_while_writing(4),
    "no space for the weights": lambda: fill_at_step(3, 10**6),
    "no space for the optimizer": lambda: fill_at_step(3, 8 * 10**6),
    "no space for the trained model": lambda: fill_at_end(10**6),
}
"""For checkpoints after steps 2, 4 and so on."""


def run(words: list[str], moment: str | None) -> int:
    """How a job ended: 0, an exit status, or minus the signal."""
    child = os.fork()
    if child == 0:
        if moment is not None:
            MOMENTS[moment]()
        os.dup2(2, 1)
        os._exit(cli.main(words))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(run(*json.loads(line))), flush=True)
