"""Starts of the command line in processes that a test may kill, forked from one that has done the imports."""

from __future__ import annotations

import contextlib
import functools
import gc
import itertools
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

os.environ.setdefault("LMEVAL_HASHMM", "0")
os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import lm_eval.evaluator
import lm_eval.models
import lm_eval.tasks
import pydantic  # noqa: F401
import pyproj  # noqa: F401
import pytest
import shapely  # noqa: F401

import globe_eval.benchmarks.task
import globe_eval.metrics.consistency
import globe_eval.miniworld.world
import globe_eval.models.endpoint
import globe_eval.places.borders
import globe_eval.reports.terminal
import globe_eval.runs.journaled
import globe_eval.runs.run  # noqa: F401
from globe_eval import cli

with contextlib.suppress(ImportError):  # without the extra "hf", only endpoints are tested
    from globe_eval.models import torchvision_cpu

    torchvision_cpu.ensure()
    import lm_eval.models.hf_vlms  # noqa: F401
    import transformers.models.qwen2_5_vl.modeling_qwen2_5_vl
    import transformers.models.qwen2_5_vl.processing_qwen2_5_vl  # noqa: F401

gc.freeze()  # lm-eval collects garbage after each batch


def start(
    arguments: Sequence[object], stderr: Path, asked: Path | None = None, finishes: int | None = None
) -> BaseProcess:
    """`globe-eval` with `arguments`, running.

    Args:
        arguments: of the command line.
        stderr: the file that standard error is added to.
        asked: the file that gets the id of each photograph that `hf-multimodal` is asked about, the moment it is.
        finishes: how many of its chunks are answered; the next one is worked on and never comes back, however slow
            the machine is on which the test wants to kill it.

    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=_main, args=([str(a) for a in arguments], stderr, asked, finishes))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # before 3.13 the server finds no module without
        process.start()
    return process


def _main(arguments: list[str], stderr: Path, asked: Path | None, finishes: int | None) -> None:
    with stderr.open("ab") as file:
        os.dup2(file.fileno(), 2)
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), 1)
    if asked is not None:
        _write_down(asked, finishes)
    sys.exit(cli.main(arguments))


def _write_down(asked: Path, finishes: int | None) -> None:
    from lm_eval.models.hf_vlms import HFMultimodalLM

    generate = HFMultimodalLM.generate_until
    finished = itertools.count()

    @functools.wraps(generate)
    def noted(self: Any, requests: list[Any], **more: Any) -> Any:
        with asked.open("a") as file:
            file.write("".join(f"{request.doc['id']}\n" for request in requests))
        answers = generate(self, requests, **more)
        if next(finished) == finishes:
            time.sleep(3600)
        return answers

    HFMultimodalLM.generate_until = noted
