"""A run as it is compared and exported: each metric's value for each photograph, and the settings it was made with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from globe_eval import scoring
from globe_eval.errors import InputError
from globe_eval.runs import record
from globe_eval.sample import to_dict

Floats = npt.NDArray[np.float64]
Values = dict[str, Floats]

MEDIANS = ("median_km",)
"""Metrics of which a run's figure is the median; of all others it is the mean."""
NOT_A_SETTING = frozenset(
    {
        "started",
        "duration_seconds",
        "command",
        "usage",
        "n",
        "n_groups",
        "complete",
        "status",
        "metrics",
        "valid_only",
        "clean",
    }
    | {"accuracy_by_distance", "ceiling", "attainable", "breakdowns", "schema_version", "own_directions", "reasoning"}
)
"""Fields of a result that tell what came out, or when; all others are settings."""


@dataclass(frozen=True)
class Run:
    """A run as it is compared: its photographs by id, and each metric's value for each of them."""

    folder: Path
    results: record.Results
    samples: list[record.Sample]
    values: Values
    """Metric -> (n,) values in the order of `samples`, NaN where a photograph has none or is infinitely far."""

    @property
    def located(self) -> npt.NDArray[np.bool_]:
        """Whether each photograph has a usable answer, shape (n,)."""
        return np.array([sample.status in scoring.LOCATED for sample in self.samples], dtype=np.bool_)

    @property
    def directions(self) -> dict[str, bool]:
        """Metric -> whether more is better."""
        return {metric.name: metric.higher_is_better for metric in _metrics(self.results)}


def read_run(folder: Path) -> Run:
    """A run's samples, sorted by id, with the value of each metric. Raises InputError for what is no run."""
    results = record.read_results(folder)
    samples = sorted(record.each_sample(folder), key=lambda sample: sample.id)
    if not samples:
        raise InputError(f"{folder / 'samples.jsonl'}: holds no photograph")
    for one, following in pairwise(samples):
        if one.id == following.id:
            raise InputError(f"{folder / 'samples.jsonl'}: photograph {one.id!r} stands there twice")
    return Run(folder, results, samples, _values(results, samples))


def refuse_incomparable(a: Run, b: Run) -> None:
    """Raise InputError where two runs are not of the same photographs, truths and distance."""
    ids_a, ids_b = ([sample.id for sample in run.samples] for run in (a, b))
    if ids_a != ids_b:
        only_a, only_b = sorted(set(ids_a) - set(ids_b)), sorted(set(ids_b) - set(ids_a))
        first, where = (only_a[0], a.folder) if only_a else (only_b[0], b.folder)
        raise InputError(
            f"{a.folder} and {b.folder} are not of the same photographs: {len(ids_a):,} and {len(ids_b):,}, "
            f"{len(ids_a) - len(only_a):,} of them in both; only {where} has {first!r}"
        )
    for one, other in zip(a.samples, b.samples, strict=True):
        if (one.truth.lat, one.truth.lon) != (other.truth.lat, other.truth.lon):
            raise InputError(
                f"{a.folder} and {b.folder} have different truths: photograph {one.id!r} lies at "
                f"{one.truth.lat}, {one.truth.lon} and at {other.truth.lat}, {other.truth.lon}"
            )
    if a.results.distance != b.results.distance:
        raise InputError(
            f"{a.folder} has {a.results.distance} distances and {b.folder} {b.results.distance}; "
            f"globe-eval rescore {b.folder} --distance {a.results.distance} -o DIR makes them alike"
        )


def said(sample: record.Sample) -> str:
    """An answer in a few words: names where it has them, else coordinates, else its status."""
    names = [name for name in (sample.answer.city, sample.answer.admin, sample.answer.country) if name]
    if names:
        return ", ".join(names)
    if sample.answer.lat is not None and sample.answer.lon is not None:
        return f"{sample.answer.lat:.4f}, {sample.answer.lon:.4f}"
    return sample.status


def different_settings(a: Run, b: Run) -> dict[str, tuple[Any, Any]]:
    """Every setting of which the two runs differ, `packages.torch` for one inside another; A's and B's value.

    Truths that name other countries, cities, groups or scenes count photographs.
    """
    left, right = (_flat(to_dict(run.results, exclude=set(NOT_A_SETTING))) for run in (a, b))
    found = {
        name: (left.get(name), right.get(name))
        for name in dict.fromkeys([*left, *right])
        if left.get(name) != right.get(name)
    }
    pairs = list(zip(a.samples, b.samples, strict=True))
    for name in ("country", "city", "group", "scene"):
        known = [(getattr(one.truth, name), getattr(other.truth, name)) for one, other in pairs]
        if any(one != other for one, other in known):
            counts = (sum(value is not None for value in side) for side in zip(*known, strict=True))
            found[f"truth.{name}"] = tuple(f"known of {count:,}" for count in counts)  # type: ignore[assignment]
    return found


_AS_RECORDED = {"grounding_lift": ("grounding", "lift"), "grounding_recall_idf": ("grounding", "recall_idf")}
"""Metrics whose value of one photograph depends on all photographs of the run: taken as the run recorded it."""


def _values(results: record.Results, samples: Sequence[record.Sample]) -> Values:
    """Each metric that has a value for a photograph. A sample has the fields of a score that metrics read.

    Left out are the metrics of pairs of confidence and outcome, which have none, and those of the benchmark's own label
    of localizability, which a sample keeps with its truth.
    """
    scores: Any = samples
    values: Values = {}
    for metric in _metrics(results):
        if metric.name in _AS_RECORDED:
            part, field = _AS_RECORDED[metric.name]
            found = [getattr(getattr(sample, part, None), field, None) for sample in samples]
            values[metric.name] = np.array(found, dtype=np.float64)
        elif not metric.name.endswith("@label") and (column := metric.of(scores)).ndim == 1:
            values[metric.name] = column
    return values


def _metrics(results: record.Results) -> tuple[scoring.Metric, ...]:
    return scoring.metrics_with(results.thresholds_km, results.own_directions)


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
