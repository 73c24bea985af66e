"""Intervals and p-values of photographs in groups: one procedure, which holds for few groups and near 0 and 1.

Photographs by one photographer are alike, so n of them say as much as n / D independent ones. D, the design effect, is
1 + (m - 1) r for groups of m photographs on (weighted) average and a correlation r of two photographs of one group.
The r of few groups, or of a share near 0 or 1, is hardly known, and where it is guessed too low the interval is false.
So the estimates of r (the cluster-robust variance with Bell and McCaffrey's leverage, and the analysis of variance) are
pulled towards what such benchmarks have: `Prior`. With n / D in place of n follow the intervals of means, medians and
differences, each below; what is no mean (AUROC, a difference of medians) has that of a bootstrap: `expanded`.

An interval and its p-value come from one pivot: the interval excludes zero exactly where p < 0.05. One group has no
interval: it says nothing of the spread between groups; and fewer than 5 cannot show a difference, whose p-value is
never below that of a test of their signs, 2 ** (1 - G). `perf/coverage.py` measures the coverage of all of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from globe_eval.metrics.student_t import t_quantile as _t_quantile
from globe_eval.metrics.student_t import t_tail

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]

PROCEDURE = "effective-n t, version 1"
LEVEL = 0.95
FEW_GROUPS = 5
"""Below so many groups an interval is very wide, and marked wherever it is shown."""


class Prior(NamedTuple):
    """What is assumed of the correlation within groups, and how many groups' evidence that is worth.

    Where nearly all values are alike, as shares near 0 and 1 are, much more is assumed: `rare` counts by
    (1 - 4 f (1 - f)) ** 2, f the share of values that differ from the most frequent: 0.03 at 30 %, 0.85 at 2 %.
    `between` is the part of the estimate that the analysis of variance makes; the rest is the cluster-robust one.
    """

    usual: float
    usual_worth: float
    rare: float
    rare_worth: float
    between: float


SHARES = Prior(0.05, 2, rare=0.3, rare_worth=12, between=0.5)
DIFFERENCES = Prior(0.04, 2, rare=0.1, rare_worth=8, between=0.25)
"""What makes a photographer hard for one model is hard for the other too: differences are less alike within groups.

Both are the smallest whose intervals hold in `perf/coverage.py`.
"""


@dataclass(frozen=True, slots=True)
class Spread:
    """What an interval of a mean needs: the mean of n values in n_groups groups, their variance, the design effect."""

    mean: float
    n: int
    n_groups: int
    variance: float
    design_effect: float

    @property
    def standard_error(self) -> float:
        """Of the mean, groups considered."""
        return math.sqrt(self.variance * self.design_effect / self.n)


def spread(values: npt.ArrayLike, groups: npt.ArrayLike | None = None, prior: Prior = SHARES) -> Spread:
    """The mean of `values`, shape (n,), NaN left out, with its design effect by `groups`, (n,) labels.

    The order of the rows does not matter. Raises ValueError where no value is known.
    """
    values = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(values)
    x = values[known]
    if not len(x):
        raise ValueError("no value is known")
    n = len(x)
    if groups is None:
        x, codes, n_groups = np.sort(x), np.arange(n), n
    else:
        codes, n_groups = group_codes(np.asarray(groups)[known], n)
        x, codes = _ordered(x, codes, n_groups)
    mean = math.fsum(x.tolist()) / n
    deviations = x - mean
    squares = _sum_of_squares(deviations)
    sizes = np.bincount(codes, minlength=n_groups).astype(np.float64)
    size = _sum_of_squares(sizes) / n  # of the group of a photograph drawn at random
    correlation, worth = 0.0, 0.0
    if squares > 0 and 1 < n_groups < n:
        worth = n / size  # how many groups of equal size they are worth
        robust, anova = _correlations(deviations, codes, sizes, squares)
        correlation = (1 - prior.between) * robust + prior.between * anova
    rare_worth = prior.rare_worth * _alike(x)
    evidence = worth * correlation + prior.usual_worth * prior.usual + rare_worth * prior.rare
    pulled = evidence / (worth + prior.usual_worth + rare_worth)
    return Spread(mean, n, n_groups, squares / n, 1 + (size - 1) * pulled)


def _sum_of_squares(x: Floats) -> float:
    """In blocks so short that no library of linear algebra shares one among threads.

    The number of threads would be in the last digit, and the others would wait for more at the cost of a processor.
    """
    blocks = [x] if len(x) <= _BLOCK else np.array_split(x, math.ceil(len(x) / _BLOCK))
    return float(sum(block @ block for block in blocks))


_BLOCK = 10_000


def _ordered(x: Floats, codes: Codes, n_groups: int) -> tuple[Floats, Codes]:
    """Both by group, and by value within each: sums of floats depend on their order."""
    if ((x == 0) | (x == 1)).all():  # shares, which need no sorting
        hits = np.bincount(codes, weights=x, minlength=n_groups).astype(np.intp)
        sizes = np.bincount(codes, minlength=n_groups)
        misses_hits = np.column_stack([sizes - hits, hits]).ravel()
        return np.repeat(np.tile([0.0, 1.0], n_groups), misses_hits), np.repeat(np.arange(n_groups), sizes)
    order = np.argsort(x)
    order = order[np.argsort(codes[order].astype(np.uint16 if n_groups < 1 << 16 else np.intp), kind="stable")]
    return x[order], codes[order]


def _correlations(deviations: Floats, codes: Codes, sizes: Floats, squares: float) -> tuple[float, float]:
    """Two estimates of the correlation within groups, each in [0, 1]: cluster-robust, and by analysis of variance."""
    n, n_groups = len(deviations), len(sizes)
    size = _sum_of_squares(sizes) / n
    sums = np.bincount(codes, weights=deviations, minlength=n_groups)
    robust = float(np.sum(sums**2 / (1 - sizes / n))) / squares  # the variance of the mean over that of as many alone
    between = float(np.sum(sums**2 / sizes))
    between_mean, within_mean = between / (n_groups - 1), max(squares - between, 0.0) / (n - n_groups)
    usual_size = (n - size) / (n_groups - 1)
    anova = (between_mean - within_mean) / (between_mean + (usual_size - 1) * within_mean)
    return min(max((robust - 1) / (size - 1), 0.0), 1.0), min(max(anova, 0.0), 1.0)


def _alike(x: Floats) -> float:
    """How far nearly all values are the same: 1 where all are, 0 where half of them or fewer are."""
    lowest, highest = (int(np.count_nonzero(x == end)) for end in (x.min(), x.max()))
    most = max(lowest, highest)
    if lowest + highest < len(x):  # more than two values, as shares of hits have none
        most = int(np.unique(x, return_counts=True)[1].max())
    differ = 1 - most / len(x)
    return float((1 - 4 * differ * (1 - differ)) ** 2) if differ < 0.5 else 0.0


def mean_interval(
    values: npt.ArrayLike,
    groups: npt.ArrayLike | None = None,
    *,
    within: tuple[float, float] | None = None,
    level: float = LEVEL,
) -> tuple[float, float]:
    """Interval of the mean of `values`, shape (n,), by `groups`, (n,) labels; NaN is left out.

    In a range that has bounds, as shares have, it is Wilson's (1927) with Student's t of G - 1 degrees of freedom
    instead of the normal quantile, else the mean plus or minus t times the standard error, of it what lies in the
    range: no mean of distances is below 0. `within` is that range; without it that is [0, 1] where all values lie
    there, else unbounded. NaN bounds with fewer than two groups. An infinite value makes the mean, and both bounds,
    infinite.

    >>> [round(bound, 3) for bound in mean_interval([0.0] * 20)]
    [0.0, 0.18]
    >>> mean_interval([0.0, 1.0, 1.0], ["ann", "ann", "ann"])
    (nan, nan)
    """
    values = np.asarray(values, dtype=np.float64)
    if np.isposinf(values).any():
        return math.inf, math.inf
    of = spread(values, groups)
    if of.n_groups < 2:
        return math.nan, math.nan
    t = t_quantile(of.n_groups, level)
    are_shares = np.nanmin(values) >= 0 and np.nanmax(values) <= 1
    lowest, highest = within or ((0.0, 1.0) if are_shares else (-math.inf, math.inf))
    if math.isinf(highest - lowest):
        return max(lowest, of.mean - t * of.standard_error), min(highest, of.mean + t * of.standard_error)
    share, width = (of.mean - lowest) / (highest - lowest), highest - lowest
    most = share * (1 - share) * width**2  # the variance, were all values at the ends of the range
    part = (of.variance / most * of.n + 1) / (of.n + 1) if most > 0 else 1.0
    low, high = wilson(share, of.n / (of.design_effect * part), t)
    return lowest + width * low, lowest + width * high


def median_interval(values: npt.ArrayLike, groups: npt.ArrayLike | None = None) -> tuple[float, float]:
    """Interval of the median of `values`, shape (n,): the values at Wilson's bounds of one half (Woodruff, 1952).

    NaN counts as +inf: a missing distance. NaN with one group.

    >>> median_interval([5.0, 5.0, 5.0])
    (5.0, 5.0)
    """
    values = np.asarray(values, dtype=np.float64)
    ranked = np.sort(np.where(np.isnan(values), np.inf, values))
    below = np.where(np.isnan(values), np.inf, values) < np.median(ranked)
    of = spread(below.astype(np.float64), groups)
    if of.n_groups < 2:
        return math.nan, math.nan
    low, high = wilson(0.5, of.n / of.design_effect, t_quantile(of.n_groups))
    n = len(ranked)
    return float(ranked[max(0, math.floor(low * n))]), float(ranked[min(n - 1, math.ceil(high * n) - 1)])


def difference_of_hits(of: Spread) -> tuple[float, float, float]:
    """Low and high bound, in [-1, 1], and two-sided p-value of a mean of differences that are -1, 0 or 1.

    The score interval: its bounds are the differences d for which (mean - d) ** 2 is t ** 2 times the variance that the
    mean would have if d were true, (variance + (mean - d) ** 2) * D / n, with one difference more than there is: few
    that happen to be alike do not prove that all are. NaN bounds and p = 1 with fewer than two groups.

    >>> alike = spread([1.0] * 8)
    >>> [round(x, 3) for x in difference_of_hits(alike)]
    [0.461, 1.0, 0.032]
    """
    if of.n_groups < 2:
        return math.nan, math.nan, 1.0
    effective, variance = of.n / of.design_effect, of.variance + 1 / of.n
    t = t_quantile(of.n_groups)
    half = t * math.sqrt(variance / (effective - t * t)) if effective > t * t else math.inf
    pivot = of.mean * math.sqrt(effective / (variance + of.mean**2))
    p = 2 * t_tail(abs(pivot), of.n_groups - 1)
    return _of_signs(max(-1.0, of.mean - half), min(1.0, of.mean + half), p, of.n_groups)


def _of_signs(low: float, high: float, p: float, n_groups: int) -> tuple[float, float, float]:
    """What a test of signs leaves of an interval and a p-value."""
    least = 2.0 ** (1 - n_groups)
    return (min(low, 0.0), max(high, 0.0), max(p, least)) if n_groups < FEW_GROUPS else (low, high, p)


def t_test(value: float, standard_error: float, n_groups: int) -> tuple[float, float, float]:
    """Low and high bound and two-sided p-value of a difference; NaN bounds and p = 1 with fewer than two groups.

    >>> [round(x, 3) for x in t_test(2.0, 1.0, 11)]
    [-0.228, 4.228, 0.073]
    """
    if n_groups < 2:
        return math.nan, math.nan, 1.0
    if standard_error == 0:
        return _of_signs(value, value, float(value == 0), n_groups)
    t = t_quantile(n_groups)
    p = 2 * t_tail(abs(value) / standard_error, n_groups - 1)
    return _of_signs(value - t * standard_error, value + t * standard_error, p, n_groups)


def expanded(value: float, replicates: npt.ArrayLike, n_groups: int) -> tuple[float, float, float]:
    """Low and high bound and two-sided p-value (of zero) from the replicates, shape (b,), of a bootstrap by group.

    Percentiles expanded to t (Hesterberg, "What Teachers Should Know About the Bootstrap", 2015); below 20 groups the
    wider of these and of t with the bootstrap's standard error, below 5 groups the latter. NaN replicates (a resample
    that has no value) are left out. NaN bounds and p = 1 with fewer than two groups.
    """
    drawn = np.sort(np.asarray(replicates, dtype=np.float64))
    drawn = drawn[~np.isnan(drawn)]
    if n_groups < 2 or not len(drawn):
        return math.nan, math.nan, math.nan if math.isnan(value) else 1.0
    widened = math.sqrt(n_groups / (n_groups - 1))  # a bootstrap draws groups with the variance of G, not of G - 1
    of_error = (-math.inf, math.inf, 1.0)
    if math.isfinite(value) and np.isfinite(drawn).all():
        of_error = t_test(value, widened * float(drawn.std()), n_groups)
    if n_groups < FEW_GROUPS:
        return of_error
    tail = math.erfc(widened * t_quantile(n_groups) / math.sqrt(2)) / 2
    low, high = _quantile(drawn, tail), _quantile(drawn, 1 - tail)
    beyond = min(_share_below(drawn, 0.0), _share_below(-drawn[::-1], 0.0))
    # No resample beyond zero does not say that none ever is.
    beyond = min(max(beyond, min(0.25 / len(drawn), tail / 2)), 0.5)
    p = 2 * t_tail(-NormalDist().inv_cdf(beyond) / widened, n_groups - 1)
    if n_groups < 4 * FEW_GROUPS and of_error[0] > -math.inf:  # neither alone is wide enough
        return min(low, of_error[0]), max(high, of_error[1]), max(p, of_error[2])
    return low, high, p


def _quantile(ranked: Floats, share: float) -> float:
    """Interpolated between two order statistics; the farther one where it is infinite."""
    position = min(max(share, 0.0), 1.0) * (len(ranked) - 1)
    below, above = float(ranked[math.floor(position)]), float(ranked[math.ceil(position)])
    if below == above or math.isinf(below) or math.isinf(above):
        return below if share < 0.5 else above
    return below + (position % 1) * (above - below)


def _share_below(ranked: Floats, x: float) -> float:
    """The share whose `_quantile` is x: 0 where all are above it, 1 where all are below or equal."""
    last = len(ranked) - 1
    under = int(np.searchsorted(ranked, x, side="right")) - 1
    if under < 0 or under == last:
        return 0.0 if under < 0 else 1.0
    below, above = float(ranked[under]), float(ranked[under + 1])
    part = (x - below) / (above - below) if math.isfinite(above - below) else 0.0
    return (under + part) / last


Z = 1.959963984540054
"""Half the width of a 95 % interval of the normal distribution, in standard deviations."""


def wilson(share: float, n: float, z: float = Z) -> tuple[float, float]:
    """Interval of a share of n within [0, 1] (Wilson, 1927); n need not be whole, z is the quantile of the pivot.

    >>> tuple(round(bound, 4) for bound in wilson(0.5, 100))
    (0.4038, 0.5962)
    """
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def t_quantile(n_groups: int, level: float = LEVEL) -> float:
    """Student's t with n_groups - 1 degrees of freedom, two-sided."""
    return _t_quantile(n_groups - 1, (1 - level) / 2)


def group_codes(groups: npt.ArrayLike | None, n: int) -> tuple[Codes, int]:
    """The number of each row's group in the order of sorted labels, and how many groups there are; None: each its own.

    Raises ValueError where there are not n labels.
    """
    if groups is None:
        return np.arange(n), n
    labels = np.asarray(groups)
    if len(labels) != n:
        raise ValueError(f"{len(labels)} group labels for {n} rows")
    if labels.dtype == np.intp and n and labels.min() >= 0 and labels.max() < 4 * n:  # numbers already: without sorting
        there = np.bincount(labels) > 0
        return (np.cumsum(there) - 1)[labels], int(np.count_nonzero(there))
    distinct, codes = np.unique(labels, return_inverse=True)
    return codes, len(distinct)
