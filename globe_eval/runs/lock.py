"""One process at a time: a lock on a folder that the system frees when its holder ends, however it ends."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import socket
import weakref
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path

from globe_eval.errors import InputError

_held: weakref.WeakSet[TextIOWrapper] = weakref.WeakSet()


def _leave_to_the_parent() -> None:
    for file in list(_held):
        file.close()


# A child that outlives its parent (a batch engine's worker) would go on holding the lock.
os.register_at_fork(after_in_child=_leave_to_the_parent)


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
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
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
        """Give it free and remove the file; again, or in a process forked since: nothing."""
        if not self._file.closed:
            self.path.unlink(missing_ok=True)
            self._file.close()
