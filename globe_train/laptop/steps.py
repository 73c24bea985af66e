"""Commands that need each other's results, run side by side on the cores of one machine."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from globe_eval.errors import InputError

TRAIN, EVAL = [sys.executable, "-m", "globe_train.cli"], [sys.executable, "-m", "globe_eval.cli"]
QUIET = {
    **{"OMP_NUM_THREADS": "1", "TRANSFORMERS_VERBOSITY": "error", "TRL_EXPERIMENTAL_SILENCE": "1"},
    **{"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "4000000000"},
}
"""A thread a process: two processes of one thread are faster than one of two (`docs/decisions/0006-training.md`). And
glibc is told to keep memory: giving a tensor's pages back and faulting them in again was a tenth of SFT's time."""


@dataclass(frozen=True)
class Step:
    """A command, the file that is there when it was done, and the names of the steps that it waits for."""

    name: str
    done: Path
    command: Sequence[str]
    needs: Sequence[str] = ()
    cores: int = 1


def evaluation(name: str, model: Sequence[str], output: Path, needs: Sequence[str], *more: str) -> Step:
    """globe-eval of a model on miniworld's test split; `checkpoint` says which model."""
    command = [*EVAL, *model, "--tasks", "miniworld", *more, "-o", str(output)]
    return Step(name, output / "miniworld" / "results.json", command, needs)


def checkpoint(folder: Path) -> list[str]:
    """The arguments of globe-eval for a checkpoint of the tiny student, at the size at which it was trained."""
    model = ["--model", "hf-multimodal", "--model_args", f"pretrained={folder},max_pixels=12544"]
    return [*model, "--batch_size", "50", "--device", "cpu", "--gen_kwargs", "max_gen_toks=96"]


def run(steps: Sequence[Step], logs: Path, cores: int | None = None) -> None:
    """Run each step whose file is missing, in the order given as far as needs and cores allow.

    What it prints goes to `logs`/NAME.log, and how long it took to `logs`/seconds.tsv. `cores` may be used (default:
    all of the machine). Raises InputError where a step failed; the others are stopped. What was done stays done.
    """
    cores = cores or os.cpu_count() or 1
    waiting = [step for step in steps if not step.done.exists()]
    running: dict[str, tuple[Step, subprocess.Popen[bytes], float]] = {}
    logs.mkdir(parents=True, exist_ok=True)
    try:
        while waiting or running:
            left = {step.name for step in waiting} | set(running)
            free = cores - sum(step.cores for step, _, _ in running.values())
            for step in list(waiting):
                if not left & set(step.needs) and (step.cores <= free or not running):
                    waiting.remove(step)
                    running[step.name] = (step, start(step, logs), time.monotonic())
                    free -= step.cores
                elif step.cores > free:
                    break
            for name, (step, process, began) in list(running.items()):
                if (code := process.poll()) is not None:
                    del running[name]
                    finish(step, code, time.monotonic() - began, logs)
            time.sleep(0.1)
    finally:
        for _, process, _ in running.values():
            process.terminate()


def start(step: Step, logs: Path) -> subprocess.Popen[bytes]:
    """Start a step's command, printed as it could be typed."""
    print("+", command_text(step.command), flush=True)
    with (logs / f"{step.name}.log").open("wb") as log:
        return subprocess.Popen(list(step.command), stdout=log, stderr=log, env={**os.environ, **QUIET})


def finish(step: Step, code: int, seconds: float, logs: Path) -> None:
    """Note how long a step took. Raises InputError where it failed, with the last line that it printed."""
    log = logs / f"{step.name}.log"
    if code != 0:
        last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        raise InputError(f"{command_text(step.command)}: exit code {code}: {' '.join(last)} ({log})")
    with (logs / "seconds.tsv").open("a", encoding="utf-8") as file:
        file.write(f"{step.name}\t{seconds:.0f}\n")
    print(f"  {step.name}: {seconds:.0f} s", flush=True)


def command_text(command: Sequence[str]) -> str:
    """A command as one types it: the console script instead of the module.

    >>> command_text(["/usr/bin/python3", "-m", "globe_train.cli", "sft", "my recipe.yaml"])
    "globe-train sft 'my recipe.yaml'"
    """
    words = list(command)
    module = next((word for word in words if word in ("globe_train.cli", "globe_eval.cli")), None)
    if module is None:
        return shlex.join(words)
    at = words.index(module)
    if at > 2:
        return shlex.join(["accelerate", "launch", *words[3:]])
    return shlex.join([module.removesuffix(".cli").replace("_", "-"), *words[at + 1 :]])
