"""Two sets of answers to the same photographs: how much better one is, its interval and p-value; Holm's correction.

Differences are taken photograph by photograph and resampled by group, on the draws of `statistics`. That is what makes
gaps of a few points visible at all: the intervals of two models on IM2GPS3K overlap far beyond their difference.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from globe_eval.metrics.accuracy import median_km
from globe_eval.metrics.statistics import N_RESAMPLES, interval, replicates

Floats = npt.NDArray[np.float64]

_FEW = 5
"""From so many resamples on the other side of zero, their share is the p-value; with fewer the tail is extrapolated."""


@dataclass(frozen=True, slots=True)
class Paired:
    """A difference a - b over n pairs of n_groups groups: value, 95 % interval (low, high), two-sided p-value.

    Positive says that a is greater, whether or not greater is better. Bounds are NaN where one group has all pairs,
    infinite where a median is. Without any pair the value and p are NaN as well.
    """

    value: float
    low: float
    high: float
    p: float
    n: int
    n_groups: int


def paired_difference(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    groups: npt.ArrayLike | None = None,
    *,
    median: bool = False,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> Paired:
    """Mean of a - b over photographs, or with `median` the median of a minus that of b, by paired cluster bootstrap.

    Arguments, missing values and the p-value are those of `paired_differences`, which does many at once.

    >>> a, b = [1.0, 1.0, 0.0, 1.0], [0.0, 1.0, 0.0, 0.0]
    >>> found = paired_difference(a, b, ["ann", "ann", "bob", "cay"])
    >>> found.value, found.n, found.n_groups
    (0.5, 4, 3)
    >>> paired_difference(a, a)
    Paired(value=0.0, low=0.0, high=0.0, p=1.0, n=4, n_groups=4)
    """
    one = {"it": np.asarray(a, dtype=np.float64)}, {"it": np.asarray(b, dtype=np.float64)}
    medians = ("it",) if median else ()
    return paired_differences(*one, groups, medians=medians, n_resamples=n_resamples, seed=seed)["it"]


def paired_differences(
    a: Mapping[str, npt.ArrayLike],
    b: Mapping[str, npt.ArrayLike],
    groups: npt.ArrayLike | None = None,
    *,
    medians: Collection[str] = ("median_km",),
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> dict[str, Paired]:
    """Each metric's difference a - b on the same draws; metrics of `a`, which `b` must all have.

    Args:
        a, b: metric -> (n,) values of the same n photographs in the same order.
        groups: (n,) labels to resample by; None makes every photograph its own group.
        medians: the metrics whose medians are compared; of all others it is the means.
        n_resamples: how many resamples to draw.
        seed: of the draws.

    Missing values. For a mean, NaN is "no value": a photograph counts where both have one, and `n` says how many do,
    so that n < len(a) shows that some were left out. (Accuracies have none: a missing answer is a miss, 0.) An
    infinite value has no mean and raises ValueError. For a median, NaN is an infinite distance, every photograph
    counts, and two infinite medians differ by 0: neither is nearer.

    The p-value is the least level at which the percentile interval still holds zero: twice the share of resamples on
    the other side of it, (count + 1) / (n_resamples + 1) each. 2,000 resamples tell nothing below 0.001, and a table
    of 20 rows asks for 0.05 / 190, so where fewer than 5 resamples lie there, the tail is that of Student's t with the
    resamples' standard deviation and n_groups - 1 degrees of freedom. It is never below 2**(1 - m) where m groups
    differ, the least that a sign-flip test of them could give: five photographers alone prove nothing at 5 %.
    """
    names = list(a)
    columns = {name: (_column(a[name]), _column(b[name])) for name in names}
    lengths = {len(column) for pair in columns.values() for column in pair}
    if len(lengths) > 1:
        raise ValueError(f"columns of {' and '.join(map(str, sorted(lengths)))} photographs")
    n = lengths.pop() if lengths else 0
    labels = np.arange(n) if groups is None else np.asarray(groups)
    means = [name for name in names if name not in medians]
    middles = [name for name in names if name in medians]
    for name in means:
        if any(np.isinf(column).any() for column in columns[name]):
            raise ValueError(f"{name}: a mean of infinite values; compare the medians, or what both have")
    differences = _table([columns[name][0] - columns[name][1] for name in means], n)
    both = _table([column for name in middles for column in columns[name]], n)
    drawn = replicates(differences, labels, medians=both, n_resamples=n_resamples, seed=seed)
    k = len(means)
    result = {}
    for index, name in enumerate(means):
        difference = differences[:, index]
        known = ~np.isnan(difference)
        changed = known & (difference != 0)
        result[name] = _paired(_mean(difference), drawn[:, index], labels[known], labels[changed])
    for index, name in enumerate(middles):
        left, right = columns[name]
        value = _minus(np.array(median_km(left)), np.array(median_km(right))).item()
        of_each = drawn[:, k + 2 * index : k + 2 * index + 2]
        changed = np.where(np.isnan(left), np.inf, left) != np.where(np.isnan(right), np.inf, right)
        result[name] = _paired(value, _minus(*of_each.T), labels, labels[changed])
    return {name: result[name] for name in names}


def differences_of_own_means(
    a: Mapping[str, npt.ArrayLike],
    b: Mapping[str, npt.ArrayLike],
    groups: npt.ArrayLike | None = None,
    *,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> dict[str, Paired]:
    """Each metric's mean of `a` less that of `b`, where each is over the photographs that it has a value of.

    That is the difference of two "valid only" figures, whose denominators differ: not what a model does to the same
    photographs. Resampled together all the same, so that what makes a photographer hard for both cancels. Arguments and
    the p-value are those of `paired_differences`; NaN leaves a photograph out of its own side, `n` counts those that
    either side has. NaN where one side has none.

    >>> found = differences_of_own_means({"hit": [1.0, math.nan, 0.0]}, {"hit": [0.0, 0.0, math.nan]})["hit"]
    >>> found.value, found.n
    (0.5, 3)
    """
    names = list(a)
    sides = [{name: _column(side[name]) for name in names} for side in (a, b)]
    n = len(sides[0][names[0]]) if names else 0
    labels = np.arange(n) if groups is None else np.asarray(groups)
    drawn = [
        replicates(_table([side[name] for name in names], n), labels, n_resamples=n_resamples, seed=seed)
        for side in sides
    ]
    result = {}
    for index, name in enumerate(names):
        left, right = (side[name] for side in sides)
        value = _mean(left) - _mean(right)
        either = ~np.isnan(left) | ~np.isnan(right)
        changed = either & ~(left == right)
        result[name] = _paired(value, drawn[0][:, index] - drawn[1][:, index], labels[either], labels[changed])
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


def _paired(value: float, drawn: Floats, groups: npt.NDArray[Any], changed: npt.NDArray[Any]) -> Paired:
    n, n_groups = len(groups), len(np.unique(groups))
    ((low, high),) = _interval(drawn)
    return Paired(
        value, float(low), float(high), _p_value(value, drawn, n_groups, len(np.unique(changed))), n, n_groups
    )


def _p_value(value: float, drawn: Floats, n_groups: int, n_changed: int) -> float:
    """See `paired_differences`; `n_changed` groups hold a pair that differs."""
    if math.isnan(value):
        return math.nan
    drawn = drawn[~np.isnan(drawn)]
    if n_groups < 2 or n_changed == 0 or len(drawn) == 0:
        return 1.0
    beyond = int(min(np.count_nonzero(drawn <= 0), np.count_nonzero(drawn >= 0)))
    p = min(1.0, 2 * (beyond + 1) / (len(drawn) + 1))
    if beyond < _FEW and np.isfinite(drawn).all():
        from scipy import stats  # 45 MB and a second, which only comparisons pay

        spread = float(drawn.std())
        tail = 2 * float(stats.t.sf(abs(value) / spread, n_groups - 1)) if spread else 0.0
        p = min(p, tail)
    return max(p, 2.0 ** (1 - n_changed))


def _interval(drawn: Floats) -> Floats:
    """`interval`, whose interpolation knows +inf, for columns that may reach -inf instead."""
    bounds = interval(drawn)
    return np.where(np.isnan(bounds), -interval(-drawn)[:, ::-1], bounds)


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
