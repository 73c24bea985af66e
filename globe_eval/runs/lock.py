"""A lock on a folder, one process at a time; the operating system releases it however its holder ends."""

from __future__ import annotations

import errno
import logging
import os
import socket
import weakref
from contextlib import suppress
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from globe_eval.errors import InputError

fcntl: Any
msvcrt: Any
try:
    import fcntl
except ModuleNotFoundError:  # Windows
    import msvcrt

    fcntl = None

_BEYOND = 1 << 30
"""The byte that is locked on Windows, where others cannot read a locked one: far behind what the file says."""

_held: weakref.WeakSet[TextIOWrapper] = weakref.WeakSet()


# A child that outlives its parent (a batch engine's worker) would go on holding the lock.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: [*map(TextIOWrapper.close, list(_held))])


def _lock(file: TextIOWrapper) -> None:
    """Lock an open file at once. Raises BlockingIOError where another holds it, OSError where there are no locks."""
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return
    os.lseek(file.fileno(), _BEYOND, os.SEEK_SET)
    try:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EDEADLK):
            raise
        raise BlockingIOError(error.errno, error.strerror) from None


class Lock:
    """The file `path`, locked until :meth:`free`; it says who holds it.

    Raises InputError, which names the holder, where another process has it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        while True:
            self._file = path.open("a+", encoding="utf-8")
            self._take()
            if path.exists() and os.path.samestat(path.stat(), os.fstat(self._file.fileno())):
                break
            self._file.close()  # its last holder has just removed it: others would lock a new one
        self._file.truncate(0)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self._file.write(f"process {os.getpid()} on {socket.gethostname()} since {now}\n")
        self._file.flush()
        _held.add(self._file)

    def _take(self) -> None:
        try:
            _lock(self._file)
        except BlockingIOError:
            self._file.seek(0)
            holder = self._file.read().strip() or "another process"
            self._file.close()
            raise InputError(
                f"{self.path.parent}: is being written by {holder}; wait for its end, or choose another --output_path"
            ) from None
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP):
                raise
            message = f"globe-eval: {self.path.parent}: this file system has no locks; start one run there, not two"
            logging.getLogger("globe_eval").warning(message)

    def free(self) -> None:
        """Release the lock and remove the file; does nothing a second time, or in a process forked since."""
        if self._file.closed:
            return
        if fcntl is not None:
            self.path.unlink(missing_ok=True)
            self._file.close()
            return
        self._file.close()  # Windows removes no open file; one that another process has opened since stays
        with suppress(PermissionError):
            self.path.unlink(missing_ok=True)
