from __future__ import annotations

import os
from pathlib import Path

import pytest
from browser import browser

__all__ = ["browser"]

os.environ.setdefault("LMEVAL_HASHMM", "0")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


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
