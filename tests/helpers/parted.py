"""Work that tests give to other processes, which must be able to import it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from globe_eval.errors import InputError


def where(numbers: Sequence[int], *, parent: int, mode: str, met: Path | None = None) -> list[tuple[int, int]]:
    """Each number and the process that saw it: the parent waits for another, or the others die, or the work fails."""
    here = os.getpid()
    if met is not None and here != parent:
        met.touch()
    while met is not None and not met.exists():
        time.sleep(0.02)
    if mode == "die" and here != parent:
        os.kill(here, signal.SIGKILL)
    if mode == "raise":
        raise InputError(f"no good: {numbers[0]}")
    return [(number, here) for number in numbers]
