from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


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
