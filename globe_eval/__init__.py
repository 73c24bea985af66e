"""Evaluation of image geolocation by vision-language models, on EleutherAI's lm-evaluation-harness."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`globe_eval.GeoTask`, which task YAMLs name as their class, without importing lm_eval before it is needed."""
    if name == "GeoTask":
        from globe_eval.benchmarks.task import GeoTask

        return GeoTask
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
