"""Kills a curation at stated points and starts it again; says of each point whether the output is that of one run.

    python curate_killed.py FOLDER RECIPE_ARGUMENT…

A process that has done the imports and nothing else is forked for each start, so that a killed one costs nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets  # noqa: F401
import lm_eval.tasks  # noqa: F401
import scipy.spatial  # noqa: F401

import globe_eval.metrics.consistency
import globe_eval.places.borders
import globe_eval.runs.journaled  # noqa: F401
from globe_eval.runs import journal, record
from globe_train.cli import main
from globe_train.curate import dataset, distil, verify


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def at_call(owner: Any, name: str, number: int, first: Callable[..., None] | None = None) -> Callable[[], None]:
    """Kills this process in the `number`-th call of a function, after `first` was called with its arguments."""

    def patch() -> None:
        real, calls = getattr(owner, name), [0]

        def counted(*arguments: Any, **named: Any) -> Any:
            calls[0] += 1
            if calls[0] == number:
                if first is not None:
                    first(*arguments, **named)
                die()
            return real(*arguments, **named)

        setattr(owner, name, counted)

    return patch


def half_a_line(self: Any, lines: str) -> None:
    self._file.write(lines.encode()[: len(lines) // 2])
    self._file.flush()


def torn_evidence(self: Any, row: Any, image_sha256: Any, names: Any) -> None:
    with self._answers.path.open("a", encoding="utf-8") as file:
        file.write('{"key": "torn')


POINTS = {
    "before the first teacher": at_call(distil.run, "run", 1),
    "half a line into the second teacher's journal": at_call(journal.Journal, "_write", 4, half_a_line),
    "before the third teacher's samples": at_call(record, "write_run", 3),
    "while the predictor's results are written": at_call(record, "write_whole", 8),
    "at the fifth look, half a line written": at_call(verify.CachedSource, "look", 5, torn_evidence),
    "before the data set": at_call(dataset, "write", 1),
    "between the files of the data set": at_call(dataset, "write_whole", 2),
    "before the card": at_call(dataset, "write_whole", 5),
}


def tree(folder: Path) -> dict[str, str]:
    """What must be the same: the data set, and what the teachers said."""
    files = [*(folder / "dataset").rglob("*"), *(folder / "teachers").rglob("samples.jsonl")]
    named = {file.relative_to(folder).as_posix(): file for file in sorted(files) if file.is_file()}
    return {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in named.items()}


def start(words: list[str], patch: Callable[[], None] | None = None) -> int:
    """A start in a process of its own; its exit code, negative where a signal ended it."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        code = 99
        try:
            if patch is not None:
                patch()
            sys.stdout = sys.stderr
            code = main(words)
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def run(output: Path, words: list[str]) -> dict[str, Any]:
    """Name of a point -> exit codes of both starts, and whether what is there is what one run leaves."""
    assert start(words) == 0
    once, found = tree(output), {}
    for name, patch in POINTS.items():
        shutil.rmtree(output)
        codes = [start(words, patch), start(words)]
        again = tree(output)
        found[name] = {"codes": codes, "same": again == once, "files": len(again)}
    return found


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]), sys.argv[2:])))
