"""Two sets of answers to the same photographs: how much better one is, its interval and p-value; Holm's correction.

Differences are taken photograph by photograph, and their intervals by group (`intervals`). That is what makes gaps of a
few points visible at all: the intervals of two models on IM2GPS3K overlap far beyond their difference.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from globe_eval.metrics import intervals
from globe_eval.metrics.accuracy import median_km
from globe_eval.metrics.statistics import N_RESAMPLES, median_replicates

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """A difference a - b over n pairs of n_groups groups: value, 95 % interval (low, high), two-sided p-value.

    Positive says that a is greater, whether or not greater is better. The interval excludes zero exactly where
    p < 0.05. Bounds are NaN where one group has all pairs, infinite where a median is. Without any pair value and p are
    NaN as well.
    """

    value: float
    low: float
    high: float
    p: float
    n: int
    n_groups: int


def paired_differences(
    a: Mapping[str, npt.ArrayLike],
    b: Mapping[str, npt.ArrayLike],
    groups: npt.ArrayLike | None = None,
    *,
    medians: Collection[str] = ("median_km",),
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> dict[str, PairedDifference]:
    """Each metric's difference a - b, by group; metrics of `a`, which `b` must all have.

    Args:
        a, b: metric -> (n,) values of the same n photographs in the same order.
        groups: (n,) labels to resample by; None makes every photograph its own group.
        medians: the metrics whose medians are compared; of all others it is the means.

    Missing values. For a mean, NaN is "no value": a photograph counts where both have one, and `n` says how many do,
    so that n < len(a) shows that some were left out. (Accuracies have none: a missing answer is a miss, 0.) An
    infinite value has no mean and raises ValueError. For a median, NaN is an infinite distance, every photograph
    counts, and two infinite medians differ by 0: neither is nearer.

    Hits (0 or 1 on both sides) get `intervals.difference_of_hits`, other means Student's t; the difference of two
    medians is no mean: its paired resamples are read by `intervals.expanded`. Two sets of hits that agree everywhere
    differ by 0 with an interval that is not empty: n photographs cannot show that no other would differ.

    >>> a, b = {"hit": [1.0, 1.0, 0.0, 1.0]}, {"hit": [0.0, 1.0, 0.0, 0.0]}
    >>> found = paired_differences(a, b, ["ann", "ann", "bob", "cay"])["hit"]
    >>> found.value, found.n, found.n_groups
    (0.5, 4, 3)
    >>> paired_differences(a, a)["hit"]
    PairedDifference(value=0.0, low=-1.0, high=1.0, p=1.0, n=4, n_groups=4)
    """
    names = list(a)
    columns = {name: (_column(a[name]), _column(b[name])) for name in names}
    lengths = {len(column) for pair in columns.values() for column in pair}
    if len(lengths) > 1:
        raise ValueError(f"columns of {' and '.join(map(str, sorted(lengths)))} photographs")
    n = lengths.pop() if lengths else 0
    labels = np.arange(n) if groups is None else np.asarray(groups)
    if len(labels) != n:
        raise ValueError(f"{len(labels)} group labels for {n} rows")
    middles = [name for name in names if name in medians]
    both = _table([column for name in middles for column in columns[name]], n)
    drawn = median_replicates(both, labels, n_resamples=n_resamples, seed=seed) if middles else both
    result = {}
    for name, (left, right) in columns.items():
        if name in medians:
            index = 2 * middles.index(name)
            value = _minus(np.array(median_km(left)), np.array(median_km(right))).item()
            n_groups = len(np.unique(labels))
            bounds = intervals.expanded(value, _minus(*drawn[:, index : index + 2].T), n_groups)
            result[name] = PairedDifference(value, *bounds, n, n_groups)
        elif np.isinf(left).any() or np.isinf(right).any():
            raise ValueError(f"{name}: a mean of infinite values; compare the medians, or what both have")
        else:
            result[name] = _of_mean(left - right, labels, hits=_are_hits(left, right))
    return result


def differences_of_own_means(
    a: Mapping[str, npt.ArrayLike], b: Mapping[str, npt.ArrayLike], groups: npt.ArrayLike | None = None
) -> dict[str, PairedDifference]:
    """Each metric's mean of `a` less that of `b`, where each is over the photographs that it has a value of.

    That is the difference of two "valid only" figures, whose denominators differ: not what a model does to the same
    photographs. What makes a photographer hard for both cancels all the same: the interval is that of the mean of what
    each photograph contributes to the difference (its influence). Arguments and the p-value are those of
    `paired_differences`; NaN leaves a photograph out of its own side, `n` counts those that either side has. NaN where
    one side has none.

    >>> found = differences_of_own_means({"hit": [1.0, math.nan, 0.0]}, {"hit": [0.0, 0.0, math.nan]})["hit"]
    >>> found.value, found.n
    (0.5, 3)
    """
    result = {}
    for name in a:
        left, right = _column(a[name]), _column(b[name])
        labels = np.arange(len(left)) if groups is None else np.asarray(groups)
        value = _mean(left) - _mean(right)
        either = ~np.isnan(left) | ~np.isnan(right)
        n = int(np.count_nonzero(either))
        influence = np.zeros(len(left))
        for side, sign in ((left, 1), (right, -1)):
            known = ~np.isnan(side)
            influence[known] += sign * (side[known] - _mean(side)) * n / max(int(np.count_nonzero(known)), 1)
        spread = value + influence if not math.isnan(value) else np.full(len(left), math.nan)
        result[name] = _of_mean(np.where(either, spread, math.nan), labels, hits=_are_hits(left, right), n=n)
    return result


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted for their number, in the given order (Holm, "A Simple Sequentially Rejective Test", 1979).

    Those at most 0.05 may all be called different: that any of them is not happens in at most 5 % of such families,
    however the tests depend on each other. NaN is no test: it stays, and does not count.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    for p in p_values:
        if p < 0 or p > 1:
            raise ValueError(f"found {p!r}; a p-value lies between 0 and 1")
    adjusted = [math.nan] * len(p_values)
    tests = sorted((i for i, p in enumerate(p_values) if not math.isnan(p)), key=lambda i: p_values[i])
    least = 0.0
    for rank, i in enumerate(tests):
        least = max(least, min(1.0, (len(tests) - rank) * p_values[i]))
        adjusted[i] = least
    return adjusted


def _of_mean(differences: Floats, labels: npt.NDArray[Any], *, hits: bool, n: int | None = None) -> PairedDifference:
    """The mean of the known differences; whether they are of hits decides the interval."""
    known = ~np.isnan(differences)
    n_groups = len(np.unique(labels[known]))
    if not known.any():
        return PairedDifference(math.nan, math.nan, math.nan, math.nan, n or 0, n_groups)
    of = intervals.spread(differences, labels, intervals.DIFFERENCES)
    if hits:
        return PairedDifference(of.mean, *intervals.difference_of_hits(of), of.n, n_groups)
    return PairedDifference(of.mean, *intervals.t_test(of.mean, of.standard_error, n_groups), of.n, n_groups)


def _are_hits(*columns: Floats) -> bool:
    return all(np.isin(column[~np.isnan(column)], (0.0, 1.0)).all() for column in columns)


def _mean(column: Floats) -> float:
    """Over what is no NaN, summed exactly; NaN where all is."""
    known = column[~np.isnan(column)]
    return math.fsum(known) / len(known) if len(known) else math.nan


def _minus(left: Floats, right: Floats) -> Floats:
    """Difference of medians, 0 where both are infinite."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(np.isposinf(left) & np.isposinf(right), 0.0, left - right))


def _column(values: npt.ArrayLike) -> Floats:
    return np.asarray(values, dtype=np.float64)


def _table(columns: Sequence[Floats], n: int) -> Floats:
    return np.column_stack(columns) if columns else np.empty((n, 0))
