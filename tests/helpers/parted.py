"""Work that tests give to other processes, which must be able to import it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from globe_eval.errors import InputError


def where(numbers: Sequence[int], *, parent: int, mode: str, met: Path | None = None) -> list[tuple[int, int]]:
    """Each number and the process that saw it: the parent waits for another, or the others die, or the work fails.

    It does not wait in the first part, which is done before there is another.
    """
    here = os.getpid()
    if met is not None and here != parent:
        met.touch()
    while met is not None and numbers[0] and not met.exists():
        time.sleep(0.02)
    if mode == "die" and here != parent:
        os.kill(here, signal.SIGKILL)
    if mode == "raise":
        raise InputError(f"no good: {numbers[0]}")
    return [(number, here) for number in numbers]


def endless(numbers: Sequence[int], *, folder: Path) -> Sequence[int]:
    """The first part at once; of all others each process leaves its number in a folder, and works until it is over."""
    if numbers[0]:
        (folder / str(os.getpid())).touch()
        while not (folder / "over").exists():
            time.sleep(0.02)
    return numbers


def wait(until: Callable[[], bool], what: str) -> None:
    """Wait for something that another process does; AssertionError after a minute."""
    end = time.monotonic() + 60
    while not until():
        assert time.monotonic() < end, what
        time.sleep(0.02)
