"""Freed memory goes back to the system, so that a run of many photographs takes little more than one of few."""

from __future__ import annotations

import contextlib
import ctypes
import os

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # malloc.h of glibc
_LARGE = 1 << 19
"""Bytes. Above the body of an ordinary request, which is freed and asked for again all the time."""


def give_back() -> None:
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


def give_back_now() -> None:
    """Give back what glibc holds free between blocks in use, after a phase that left many holes."""
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
