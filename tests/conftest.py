from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import browser
from hypothesis import HealthCheck, settings

__all__ = ["browser"]

# The same examples each time, however busy the machine; `--hypothesis-profile default` looks for others.
settings.register_profile("suite", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

os.environ.setdefault("LMEVAL_HASHMM", "0")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
if "PYTEST_XDIST_WORKER" in os.environ:  # each has a core, and torch is not to take the others'
    os.environ.setdefault("OMP_NUM_THREADS", "1")

LONGEST_FIRST = ("tests/train", "tests/runs", "tests/models", "tests/reports")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Workers take files in this order, so that none is left alone with a long one at the end."""
    if hasattr(config, "workerinput"):
        rooms = [str(config.rootpath / room) for room in LONGEST_FIRST]
        items.sort(key=lambda item: next((i for i, room in enumerate(rooms) if str(item.path).startswith(room)), 9))


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """SIGINT interrupts this process and those that it starts, also where whoever started it ignores it (nohup, &)."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real ground truth and real answers, which lie beside the repository and never in it."""
    folder = Path(__file__).parents[1] / ".." / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("shared/data is not beside this repository")
    return folder.resolve()


@pytest.fixture(scope="session")
def tiny_qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small Qwen2.5-VL checkpoint with random weights, made from nothing."""
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    import tiny_models

    return tiny_models.build(tmp_path_factory.mktemp("checkpoint") / "tiny-qwen2.5-vl", seed=0)


@pytest.fixture(scope="session")
def trl() -> Any:
    """trl, where it is installed."""
    from globe_eval.models import torchvision_cpu

    pytest.importorskip("torch")
    torchvision_cpu.ensure()
    pytest.importorskip("peft")
    return pytest.importorskip("trl")


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty-eight pictures of miniworld's training split with a flawed teacher; returns the manifest."""
    from globe_train.laptop import world as training_world

    return training_world.write(tmp_path_factory.mktemp("world"), n=48, size=56)


@pytest.fixture(scope="session")
def student(tmp_path_factory: pytest.TempPathFactory, trl: Any) -> Path:
    """A tiny untrained Qwen2.5-VL."""
    from globe_train.laptop import student as module

    return module.build(tmp_path_factory.mktemp("student") / "base")
