"""Process management of a run: work on all cores, memory returned to the system, orderly exit on Ctrl-C."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

from globe_eval.collector import without_collector

T = TypeVar("T")

WORTH_PROCESSES = 2_000
"""Photographs; below, starting a helper takes longer than it saves."""
MOST_PROCESSES = 8
"""Each has memory of its own, and what they send must be unpacked here."""
_PART, _FIRST = 250, 16
"""Rows that are done at once. The first part is small: helpers begin after it, for they have what it loads."""


_task: tuple[Callable[..., Sequence[Any]], tuple[Sequence[Any], ...]] | None = None
"""The work in hand and its columns, which helpers have from the fork: nothing is sent to them."""


@without_collector()
def in_parts(
    work: Callable[..., Sequence[T]], *columns: Sequence[Any], meanwhile: Callable[[], object] | None = None
) -> list[T]:
    """`work(*columns)`, n results for n rows none of which depends on another row; in parts where there are many.

    The parts are shared by this process and helpers, as many as there are further cores. The first is done here: what
    it loads, helpers have from the fork. A part that a helper cannot do (it was killed, there is no memory) is done
    here, where its error is raised as well. There are no helpers where this process has other threads, whose locks a
    fork would copy as they are, nor where no process can be forked.

    Results can be pickled. `meanwhile` is done once, here, before this process takes parts: helpers need not wait.
    """
    global _task
    n, n_helpers = len(columns[0]), min(_cores(), MOST_PROCESSES) - 1
    if n < max(WORTH_PROCESSES, 1) or n_helpers < 1 or sys.platform != "linux" or threading.active_count() > 1:
        done_here = list(work(*columns))
        if meanwhile is not None:
            meanwhile()
        return done_here
    import multiprocessing
    from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor

    _task = work, columns
    first = min(_FIRST, _PART)
    done = {0: _rows(0, first)}
    starts = range(first, n, _PART)
    pool = ProcessPoolExecutor(n_helpers, multiprocessing.get_context("fork"), _begin, (os.getpid(),))
    try:
        there: dict[int, Future[Sequence[T]]] = {}
        with contextlib.suppress(OSError, BrokenExecutor):  # no process can be had
            for start in starts:
                there[start] = pool.submit(_rows, start, _PART)
        if meanwhile is not None:
            meanwhile()
        for start in reversed(starts):  # helpers begin at the other end
            if start not in there or there[start].cancel():
                done[start] = _rows(start, _PART)
        for start in starts:
            if start not in done:
                try:
                    done[start] = there[start].result()
                except Exception:  # whatever it is, the part is done here
                    done[start] = _rows(start, _PART)
    finally:
        pool.shutdown(cancel_futures=True)
        _task = None
    return [one for start in sorted(done) for one in done[start]]


def _rows(start: int, length: int) -> Sequence[Any]:
    """The part of the task that begins at a row."""
    assert _task is not None
    work, columns = _task
    return work(*(column[start : start + length] for column in columns))


_PR_SET_PDEATHSIG = 1  # prctl.h of Linux


def _begin(parent: int) -> None:
    """The start of a helper process: it ignores Ctrl-C and ends with its parent, however that ends."""
    gc.disable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interruptible() -> Iterator[None]:
    """Within this context both signals raise KeyboardInterrupt once, and then kill. For the main thread.

    A signal that whoever started the process has switched off (nohup, a shell's background) stays off.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        for one in before:
            signal.signal(one, signal.SIG_DFL)
        raise KeyboardInterrupt

    before = {one: handler for one in SIGNALS if (handler := signal.getsignal(one)) is not signal.SIG_IGN}
    for one in before:
        signal.signal(one, stop)
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # malloc.h of glibc
_LARGE = 1 << 19
"""Bytes. Above the body of an ordinary request, which is freed and asked for again all the time."""


def return_freed_memory() -> None:
    """Let glibc keep no large block that was freed, and share its arenas among threads; nothing elsewhere.

    By itself it raises the size from which blocks go back to the largest one freed so far, up to 32 MB, and keeps an
    arena for each thread: together some 30 MB of a run, which grow with its photographs. pyarrow's own allocator, 10 MB
    more, is not used where it is not loaded yet.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    with contextlib.suppress(AttributeError, OSError, TypeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        for what, value in ((_M_MMAP_THRESHOLD, _LARGE), (_M_TRIM_THRESHOLD, _LARGE), (_M_ARENA_MAX, 2)):
            mallopt(what, value)


def return_memory_now() -> None:
    """Give back what glibc holds free between blocks in use, after a phase that left many holes."""
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
