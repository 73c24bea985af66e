"""What a run asks of the system: all cores for many photographs, freed memory returned, an end in order on Ctrl-C.

A part of the photographs is done by a second Python that knows nothing but what it is sent: no fork, which would take
the locks of this program's threads along, and no import of the user's main module, which might load a model again.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import IO, Any, TypeVar

T = TypeVar("T")

WORTH_PROCESSES = 20_000
"""Photographs; below, starting another Python takes longer than it saves."""

MOST_PROCESSES = 8
"""Each takes about 150 MB, and what they send must be unpacked here."""

_PART = 2_000

_HELPER = "import sys; sys.path[:] = {path!r}; from globe_eval.runs.process import serve; serve()"


@contextmanager
def without_collector() -> Iterator[None]:
    """Pause the search for cyclic garbage, which looks at all objects again whenever there are a quarter more of them.

    While millions of samples are made, of which none is part of a cycle, that is a seventh of the time.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def in_parts(work: Callable[..., Sequence[T]], *columns: Sequence[Any], least: int = WORTH_PROCESSES) -> list[T]:
    """`work(*columns)`, n results for n rows none of which depends on another row; in parts where there are many.

    The parts are shared by this process and helpers, as many as there are further cores. One that a helper cannot do
    (it was killed, there is no memory) is done here, where its error is raised as well.

    Args:
        work: what can be pickled: a function of a module, a `partial` of one.
        columns: each of length n.
        least: the n from which on helpers are started.
    """
    n = len(columns[0])
    if n < max(least, 1):
        return list(work(*columns))
    left = deque(range(0, n, _PART))
    done: dict[int, Sequence[T]] = {}

    def rows(start: int) -> list[Sequence[Any]]:
        return [column[start : start + _PART] for column in columns]

    def ask_helper() -> None:
        command = [sys.executable, "-c", _HELPER.format(path=sys.path)]
        start = None
        try:
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as helper:
                assert helper.stdin is not None and helper.stdout is not None
                while left:
                    start = left.popleft()
                    _send((work, rows(start)), helper.stdin)
                    done[start] = pickle.load(helper.stdout)
                    start = None
        except Exception:  # whatever it is, the part is done here
            if start is not None:
                left.append(start)

    threads = [threading.Thread(target=ask_helper) for _ in range(min(_cores(), MOST_PROCESSES) - 1)]
    for thread in threads:
        thread.start()
    try:
        while left or any(thread.is_alive() for thread in threads):
            try:
                start = left.popleft()
            except IndexError:  # the last parts are with the helpers, who may yet give one back
                for thread in threads:
                    thread.join()
                continue
            done[start] = work(*rows(start))
    finally:
        left.clear()
    return [one for start in sorted(done) for one in done[start]]


def serve() -> None:
    """What a helper does: parts from its standard input, results to its standard output, until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, whose end ends the input
    answer, sys.stdout = sys.stdout.buffer, sys.stderr
    while True:
        try:
            work, columns = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            with without_collector():
                result = work(*columns)
        except Exception:  # it will be raised where the part is done again
            return
        _send(result, answer)


def _send(value: Any, file: IO[bytes]) -> None:
    pickle.dump(value, file, pickle.HIGHEST_PROTOCOL)
    file.flush()


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
