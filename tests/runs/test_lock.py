"""One process at a time, by the locks of Unix and of Windows."""

from __future__ import annotations

import errno
import fcntl
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from globe_eval.errors import InputError
from globe_eval.runs import lock


def locking(number: int, mode: int, n: int) -> None:
    """Windows' own, made of what is here: one byte, at where the file stands."""
    assert (mode, n) == (2, 1) and os.lseek(number, 0, os.SEEK_CUR) > 1_000_000, "what the file says can be read"
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OSError(errno.EACCES, "Permission denied") from None


@pytest.fixture(params=["unix", "windows"])
def module(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    if request.param == "unix":
        return lock
    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(locking=locking, LK_NBLCK=2))
    monkeypatch.delattr(os, "register_at_fork")
    spec = importlib.util.spec_from_file_location("lock_on_windows", lock.__file__)
    assert spec is not None and spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    assert found.fcntl is None
    return found


def test_a_second_holder_is_told_who_the_first_is(module: ModuleType, tmp_path: Path) -> None:
    first = module.Lock(tmp_path / "lock")
    with pytest.raises(InputError, match=rf"is being written by process {os.getpid()} on .* since "):
        module.Lock(tmp_path / "lock")
    first.free()
    assert not (tmp_path / "lock").exists()
    again = module.Lock(tmp_path / "lock")
    first.free()
    assert (tmp_path / "lock").exists(), "who has freed it cannot free another's"
    again.free()
    again.free()


def test_a_lock_that_a_dead_holder_left_is_taken(module: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("process 1 on nowhere since then\n")
    held = module.Lock(tmp_path / "lock")
    assert f"process {os.getpid()} on " in (tmp_path / "lock").read_text()
    assert "nowhere" not in (tmp_path / "lock").read_text()
    held.free()
