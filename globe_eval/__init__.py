"""Evaluation of image geolocation by vision-language models, on EleutherAI's lm-evaluation-harness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from globe_eval.api import Run, accuracy, compare, distance_km, interval, read_answer, read_run, resolve, score
    from globe_eval.benchmarks.task import GeoTask

__version__ = "0.1.0"

__all__ = [
    "GeoTask",
    "Run",
    "accuracy",
    "compare",
    "distance_km",
    "interval",
    "read_answer",
    "read_run",
    "resolve",
    "score",
]


def __getattr__(name: str) -> Any:
    """The functions of `api`, and `GeoTask`, which task YAMLs name as their class: imported when first used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module("globe_eval.benchmarks.task" if name == "GeoTask" else "globe_eval.api"), name)
