"""`globe-eval compare`: paired differences between runs on the same photographs, each against the first.

Everything is compared twice: over all photographs, where a missing answer is a miss, and without the missing, because
leaving them out reverses rankings. "Valid only" has two readings, which are both given: each run over its own located
photographs, as papers print it, and both over the photographs that both located.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from globe_eval.errors import InputError
from globe_eval.metrics.accuracy import median_km, valid_only
from globe_eval.metrics.breakdowns import labels, parts
from globe_eval.metrics.catalogue import Metric
from globe_eval.metrics.paired import PairedDifference, differences_of_own_means, holm, paired_differences
from globe_eval.metrics.statistics import effective_groups
from globe_eval.reports.board.submission import ids_sha256, is_row, read_submission, samples_of
from globe_eval.reports.run import (
    Run,
    different_settings,
    figures_of,
    read_run,
    refuse_incomparable,
    stated_answer,
)
from globe_eval.sample import By

Floats = npt.NDArray[np.float64]

BY: tuple[By, ...] = ("continent", "scene", "city_size")
AT_LEAST = 10
"""From how many photographs a part of a breakdown is compared on its own."""
MOST = 26
"""Runs at once: each has a letter."""


@dataclass(frozen=True, slots=True)
class MetricPair:
    """One metric of two runs over the same photographs: the values of A and B, and B - A with its interval.

    `wins` counts the photographs on which B is better, `losses` those on which A is: none where no direction is.
    """

    a: float
    b: float
    difference: PairedDifference
    higher_is_better: bool | None
    wins: int
    losses: int

    @property
    def order(self) -> int:
        """1 where B's value is better, -1 where A's is, 0 where they are equal or unknown."""
        if self.higher_is_better is None or self.b == self.a or math.isnan(self.b) or math.isnan(self.a):
            return 0
        return 1 if (self.b > self.a) == self.higher_is_better else -1


@dataclass(frozen=True, slots=True)
class Part:
    """The comparison over the photographs with one label of a breakdown."""

    n: int
    n_groups: int
    rows: dict[str, MetricPair]


@dataclass(frozen=True, slots=True)
class Flip:
    """A photograph that only one of two runs has within a distance; a distance of None is no usable answer."""

    id: str
    only: str
    """Which has it: "a" or "b"."""
    a_km: float | None
    b_km: float | None
    a_says: str
    b_says: str
    country: str | None


@dataclass(frozen=True)
class Comparison:
    """The comparison of run B with run A."""

    a: Run
    b: Run
    n: int
    n_groups: int
    rows: dict[str, MetricPair]
    """Over all photographs; a missing answer is a miss."""
    own: dict[str, MetricPair]
    """Each over the photographs that it located; wins and losses are those of `both`."""
    both: dict[str, MetricPair]
    """Over the photographs that both located."""
    n_located: tuple[int, int, int]
    """By A, by B, by both."""
    effective_groups: float
    """How many photographers of equal share they are worth."""
    breakdowns: dict[By, dict[str, Part]]
    settings: dict[str, tuple[Any, Any]]
    """What differs, A's and B's."""

    @property
    def disputed(self) -> list[str]:
        """Metrics in which the order of the two depends on whether missing answers count."""
        return [name for name, row in self.rows.items() if name in self.own and row.order * self.own[name].order < 0]

    def flips(self, km: float) -> list[Flip]:
        """The photographs that one has within `km` and the other has not, by id; those that only B has come first."""
        found = []
        for one, other in zip(self.a.samples, self.b.samples, strict=True):
            has_a, has_b = (s.distance_km is not None and s.distance_km <= km for s in (one, other))
            if has_a != has_b:
                distances = one.distance_km, other.distance_km
                answers = stated_answer(one) or one.status, stated_answer(other) or other.status
                found.append(Flip(one.id, "b" if has_b else "a", *distances, *answers, one.truth.country))
        return sorted(found, key=lambda flip: (flip.only != "b", flip.id))


def compare(folders: Sequence[Path], *, seed: int = 0) -> list[Comparison]:
    """Each later run against the first. Raises InputError for what is no run, and for runs that cannot be compared."""
    if not 2 <= len(folders) <= MOST:
        raise InputError(f"compare: found {len(folders)} runs; allowed: 2 to {MOST}")
    of_rows = set(filter(is_row, folders))
    runs = {folder: read_run(folder) for folder in folders if folder not in of_rows}
    if not runs:
        raise InputError("compare: a row of a leaderboard has no ids; one of the runs must be a folder")
    beside = next(iter(runs.values()))
    return compare_runs([runs.get(folder) or run_of_row(folder, beside) for folder in folders], seed=seed)


def run_of_row(path: Path, beside: Run) -> Run:
    """A row of a leaderboard as a run: its statuses, distances, names and places, the ids and truths of another run.

    Raises InputError for what is no row, and for one of other photographs or truths.
    """
    one = read_submission(path)
    ids = ids_sha256(sample.id for sample in beside.samples)
    if ids != one.columns.ids_sha256 or one.results.manifest_sha256 != beside.results.manifest_sha256:
        raise InputError(f"{path} and {beside.folder} are not of the same photographs and truths")
    try:
        return Run(path, one.results, samples_of(one, beside.samples))
    except ValueError as error:
        raise InputError(f"{path}: columns: {error}") from None


def compare_runs(runs: Sequence[Run], *, seed: int = 0) -> list[Comparison]:
    """Each later run against the first, samples sorted by id. Raises InputError where they cannot be compared."""
    reference, *others = runs
    for other in others:
        refuse_incomparable(reference, other)
    return [_compared(reference, other, seed) for other in others]


def holm_of(many: Sequence[Comparison]) -> list[dict[str, float]]:
    """For each comparison, metric -> p-value adjusted for how many runs are compared with the first."""
    adjusted: list[dict[str, float]] = [{} for _ in many]
    for name in dict.fromkeys(name for one in many for name in one.rows):
        having = [index for index, one in enumerate(many) if name in one.rows]
        for index, p in zip(having, holm([many[index].rows[name].difference.p for index in having]), strict=True):
            adjusted[index][name] = p
    return adjusted


def _compared(a: Run, b: Run, seed: int) -> Comparison:
    groups = a.groups
    in_both = a.values.keys() & b.values.keys() & figures_of(a.results).keys() & figures_of(b.results).keys()
    metrics = [one for name, one in (b.metrics | a.metrics).items() if name in in_both]
    everything = np.arange(len(a.samples))
    located = a.located, b.located
    both = np.flatnonzero(located[0] & located[1])
    rows = _rows(a, b, metrics, everything, groups, seed)
    by = labels(*(a.table[f"truth.{name}"].tolist() for name in ("lat", "lon", "country", "scene")))
    kept = [one for one in metrics if one.name in rows]
    of_the_point = [one for one in kept if one.family == "accuracy" and one.name != "located"]
    return Comparison(
        a,
        b,
        n=len(a.samples),
        n_groups=len(np.unique(groups)),
        rows=rows,
        own=_own_rows(a, b, of_the_point, located, groups),
        both=_rows(a, b, [one for one in metrics if one.name != "located"], both, groups, seed),
        n_located=(int(located[0].sum()), int(located[1].sum()), len(both)),
        effective_groups=effective_groups(a.table["truth.group"].tolist()),
        breakdowns={
            dimension: {
                label: Part(len(members), len(np.unique(groups[members])), _rows(a, b, kept, members, groups, seed))
                for label, members in found.items()
            }
            for dimension in BY
            if (found := parts(by[dimension], at_least=AT_LEAST))
        },
        settings=different_settings(a, b),
    )


def _rows(
    a: Run, b: Run, metrics: Sequence[Metric], rows: npt.NDArray[np.intp], groups: npt.NDArray[Any], seed: int
) -> dict[str, MetricPair]:
    """The metrics that both have a value of, on some of the photographs; no mean of distances where one is missing."""
    sides = [{one.name: run.values[one.name][rows] for one in metrics} for run in (a, b)]
    kept = [one for one in metrics if _comparable(one, *(side[one.name] for side in sides))]
    left, right = ({one.name: side[one.name] for one in kept} for side in sides)
    medians = [one.name for one in kept if _is_median(one)]
    found = paired_differences(right, left, groups[rows], medians=medians, seed=seed)
    pairs = {}
    for one in kept:
        values = left[one.name], right[one.name]
        wins = _wins_and_losses(one, *values)
        if not _is_median(one):  # of the photographs that both have a value of
            known = ~np.isnan(values[0]) & ~np.isnan(values[1])
            values = values[0][known], values[1][known]
        ours, theirs = (_statistic(one, side) for side in values)
        pairs[one.name] = MetricPair(ours, theirs, found[one.name], one.higher_is_better, *wins)
    return pairs


def _is_median(metric: Metric) -> bool:
    return metric.statistic == "median of all"


def _statistic(metric: Metric, column: Floats) -> float:
    """The median of all values, a missing one infinitely far; or the mean of those that are there."""
    if _is_median(metric):
        return median_km(column)
    known = column[~np.isnan(column)]
    return math.fsum(known) / len(known)


def _comparable(metric: Metric, left: Floats, right: Floats) -> bool:
    if not len(left):
        return False
    if _is_median(metric):
        return True
    if metric.statistic == "mean of all":  # NaN is a missing answer here, and the mean infinite
        return not (np.isnan(left) | np.isnan(right)).any()
    return bool((~np.isnan(left) & ~np.isnan(right)).any())


def _wins_and_losses(metric: Metric, left: Floats, right: Floats, *, missing_is_far: bool = True) -> tuple[int, int]:
    if metric.higher_is_better is None:
        return 0, 0
    if missing_is_far and _is_median(metric):
        left, right = (np.where(np.isnan(side), np.inf, side) for side in (left, right))
    more, less = int((right > left).sum()), int((right < left).sum())
    return (more, less) if metric.higher_is_better else (less, more)


def _own_rows(
    a: Run,
    b: Run,
    metrics: Sequence[Metric],
    located: tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]],
    groups: npt.NDArray[Any],
) -> dict[str, MetricPair]:
    """Each over its own located photographs. Medians have a value and no interval."""
    if not (located[0].any() and located[1].any()):
        return {}
    left, right = (
        {one.name: np.where(mask, run.values[one.name], np.nan) for one in metrics}
        for run, mask in zip((a, b), located, strict=True)
    )
    there = [one for one in metrics if not any(np.isnan(side[one.name]).all() for side in (left, right))]
    means = [one.name for one in there if not _is_median(one)]
    found = differences_of_own_means(
        {name: right[name] for name in means}, {name: left[name] for name in means}, groups
    )
    n, n_groups = int((located[0] | located[1]).sum()), len(np.unique(groups))
    pairs = {}
    for one in there:
        sides = left[one.name], right[one.name]
        ours, theirs = (_statistic(one, valid_only(side) if _is_median(one) else side) for side in sides)
        no_interval = PairedDifference(theirs - ours, math.nan, math.nan, math.nan, n, n_groups)
        wins = _wins_and_losses(one, *sides, missing_is_far=False)
        pairs[one.name] = MetricPair(ours, theirs, found.get(one.name, no_interval), one.higher_is_better, *wins)
    return pairs
