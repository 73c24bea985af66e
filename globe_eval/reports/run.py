"""A run as reports read it: its results, its samples, their columns and the value of each metric."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from globe_eval.columns import Columns, columns
from globe_eval.errors import InputError
from globe_eval.metrics.catalogue import Metric, described, metrics_with
from globe_eval.metrics.statistics import cluster_labels
from globe_eval.runs import record
from globe_eval.runs.identity import weights
from globe_eval.sample import LOCATED, Figure, Results, Sample, to_dict

Floats = npt.NDArray[np.float64]

OUTCOMES = frozenset([
    "schema_version", "started", "duration_seconds", "command", "usage", "n", "n_groups", "n_unattributed",
    "effective_groups", "complete", "status", "metrics", "valid_only", "clean", "accuracy_by_distance", "ceiling",
    "attainable", "breakdowns", "own_directions", "reasoning",
])  # fmt: skip
"""Fields of a result that tell what came out, or when. All others, also those to come, are settings."""
UNNAMED = "score"
"""What `globe-eval score` calls the task where it was told none."""
_OF_A_JUDGE = {"model", "prompt_sha256", "seed"}


@dataclass(frozen=True)
class Run:
    """A run: where it lies, its result and its samples."""

    folder: Path
    results: Results
    samples: list[Sample]

    @cached_property
    def table(self) -> Columns:
        """The columns of the samples, in their order."""
        return columns(self.samples)

    @cached_property
    def metrics(self) -> dict[str, Metric]:
        """The metrics of the run by name, the benchmark's own among them."""
        results = self.results
        return {metric.name: metric for metric in metrics_with(results.thresholds_km, results.own_directions)}

    @cached_property
    def values(self) -> dict[str, Floats]:
        """Metric -> (n,) values of the samples, NaN where one has none or is infinitely far.

        Metrics of pairs of confidence and outcome have none for one photograph and are not among them.
        """
        return {name: metric.values(self.table) for name, metric in self.metrics.items() if not metric.is_of_pairs}

    @cached_property
    def groups(self) -> npt.NDArray[np.str_]:
        """The label of each photograph's photographer, shape (n,), by which intervals are made."""
        return cluster_labels(self.table["id"].tolist(), self.table["truth.group"].tolist())

    @property
    def located(self) -> npt.NDArray[np.bool_]:
        """Whether each photograph has a usable answer, shape (n,)."""
        return np.isin(self.table["status"].astype(str), sorted(LOCATED))


def read_run(folder: Path) -> Run:
    """A run with its samples sorted by id. Raises InputError for what is no run."""
    results, samples = record.read_run(folder)
    samples.sort(key=lambda sample: sample.id)
    if not samples:
        raise InputError(f"{folder / 'samples.jsonl'}: holds no photograph")
    return Run(folder, results, samples)


def figures_of(results: Results) -> dict[str, Figure]:
    """The figures of a result by metric, but for those of consistency where no answer has a reasoning."""
    counts = results.reasoning
    if counts is not None and counts.no_reasoning < counts.with_entities + counts.without_entities:
        return results.metrics
    return {name: one for name, one in results.metrics.items() if described(name).family != "consistency"}


def model_name(results: Results, between: str = " ") -> str:
    """The name of a run's model with its weights: `endpoint qwen2.5-vl`, `hf-multimodal GLOBE-Qwen2.5VL-7B`, `knn`."""
    which = weights({**results.model_info, **results.model_args})
    return results.model if which is None else f"{results.model}{between}{which.rstrip('/').rsplit('/', 1)[-1]}"


def run_title(name: str, results: Results) -> str:
    """The name of a model and what it was evaluated on: `knn on miniworld`."""
    return name if results.task == UNNAMED else f"{name} on {results.task}"


_SAME_DEGREES = 1e-9
"""A tenth of a millimetre: files round the last of 17 digits differently."""


def refuse_incomparable(a: Run, b: Run) -> None:
    """Raise InputError where two runs are not of the same photographs, truths and distance."""
    ids_a, ids_b = (run.table["id"].tolist() for run in (a, b))
    if ids_a != ids_b:
        only_a, only_b = sorted(set(ids_a) - set(ids_b)), sorted(set(ids_b) - set(ids_a))
        first, where = (only_a[0], a.folder) if only_a else (only_b[0], b.folder)
        raise InputError(
            f"{a.folder} and {b.folder} are not of the same photographs: {len(ids_a):,} and {len(ids_b):,}, "
            f"{len(ids_a) - len(only_a):,} of them in both; only {where} has {first!r}"
        )
    for one, other in zip(a.samples, b.samples, strict=True):
        if max(abs(one.truth.lat - other.truth.lat), abs(one.truth.lon - other.truth.lon)) > _SAME_DEGREES:
            raise InputError(
                f"{a.folder} and {b.folder} have different truths: photograph {one.id!r} lies at "
                f"{one.truth.lat}, {one.truth.lon} and at {other.truth.lat}, {other.truth.lon}"
            )
    if a.results.distance != b.results.distance:
        raise InputError(
            f"{a.folder} has {a.results.distance} distances and {b.folder} {b.results.distance}; "
            f"globe-eval rescore {b.folder} --distance {a.results.distance} -o DIR makes them alike"
        )


def stated_answer(sample: Sample) -> str | None:
    """The stated answer: "city, region, country", else "lat, lon" in degrees; None without either."""
    answer = sample.answer
    names = ", ".join(name for name in (answer.city, answer.admin, answer.country) if name)
    if names:
        return names
    return None if answer.lat is None or answer.lon is None else f"{answer.lat:.4f}, {answer.lon:.4f}"


def different_settings(a: Run, b: Run) -> dict[str, tuple[Any, Any]]:
    """Every setting of which the two runs differ, `packages.torch` for one inside another; A's and B's value.

    Truths that name other countries, cities, groups or scenes count photographs.
    """
    left, right = (settings(run.results) for run in (a, b))
    found = {
        name: (left.get(name), right.get(name))
        for name in dict.fromkeys([*left, *right])
        if left.get(name) != right.get(name)
    }
    for name in ("truth.country", "truth.city", "truth.group", "truth.scene"):
        sides = a.table[name], b.table[name]
        if (sides[0] != sides[1]).any():
            counts = [sum(value is not None for value in side) for side in sides]
            found[name] = f"known of {counts[0]:,}", f"known of {counts[1]:,}"
    return found


def settings(results: Results) -> dict[str, Any]:
    """Every setting of a result as JSON has it, `packages.torch` for one inside another."""
    whole = to_dict(results, exclude=set(OUTCOMES))
    if whole.get("judge"):
        whole["judge"] = {name: value for name, value in whole["judge"].items() if name in _OF_A_JUDGE}
    return _flat(whole)


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
