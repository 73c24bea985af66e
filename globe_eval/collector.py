"""Python's search for cyclic garbage, paused."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collector() -> Iterator[None]:
    """Pause the search for cyclic garbage, which looks at all objects again whenever there are a quarter more of them.

    While millions of samples are made, of which none is part of a cycle, that is a seventh of the time; while a command
    imports what it needs, a twentieth.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.freeze()  # and back: what was made counts as old, or all of it would be looked at at once
            gc.unfreeze()
            gc.enable()
