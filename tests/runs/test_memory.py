from __future__ import annotations

import subprocess
import sys

import pytest

from globe_eval.runs import memory


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is changed")
def test_pyarrow_takes_the_systems_allocator_and_the_user_may_say_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "from globe_eval.runs import memory; memory.give_back(); "
        "import pyarrow; print(pyarrow.default_memory_pool().backend_name)"
    )
    for given, backend in ((None, "system"), ("mimalloc", "mimalloc")):
        if given is None:
            monkeypatch.delenv("ARROW_DEFAULT_MEMORY_POOL", raising=False)
        else:
            monkeypatch.setenv("ARROW_DEFAULT_MEMORY_POOL", given)
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert told.stdout.strip() == backend


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARROW_DEFAULT_MEMORY_POOL", "system")
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda _: object())
    memory.give_back()
    memory.give_back_now()
