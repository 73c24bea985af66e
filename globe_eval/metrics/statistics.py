"""Seeded percentile bootstrap, resampling whole groups of photographs where there are groups.

Photographs by one photographer are not independent: IM2GPS3K has 2,997 by 198 people, and the interval that knows it
is 2.4 times as wide as the one that does not. So a resample draws groups with replacement, each with all its
photographs; without groups every photograph is its own. A metric is then a ratio of sums over the drawn groups.

Every statistic sees the same draws, which depend only on the seed, the number of resamples and the number of groups.
Two runs on the same photographs can therefore be compared pair by pair:
`interval(replicates(a, groups) - replicates(b, groups))`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

N_RESAMPLES = 2000
LEVEL = 0.95
Z = 1.959963984540054
"""Half the width of a 95 % interval of the normal distribution, in standard deviations."""
_CHUNK_COUNTS = 250_000
_AT_ONCE = 100_000
"""How many weights a statistic is given: it makes several arrays of that size."""
_IN_CACHE = 30_000
"""How many numbers are worked on at once: a processor's cache holds them, and few loops are left in Python."""


def bootstrap(
    columns: npt.ArrayLike,
    groups: npt.ArrayLike | None = None,
    *,
    medians: npt.ArrayLike | None = None,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
) -> Floats:
    """Confidence intervals of the means of `columns`, then of the medians of `medians`; shape (k + m, 2), low and high.

    Arguments, NaN and degenerate cases are those of `replicates`; `level` is the coverage asked for.

    >>> bootstrap([0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0]).tolist()
    [[0.125, 0.875]]
    """
    return interval(replicates(columns, groups, medians=medians, n_resamples=n_resamples, seed=seed), level)


def bootstrap_median(
    distance_km: npt.ArrayLike,
    groups: npt.ArrayLike | None = None,
    *,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
) -> Floats:
    """Confidence interval of the median distance in km, shape (2,). Missing is infinite, and so a bound may be.

    >>> bootstrap_median([5.0, 5.0, 5.0]).tolist()
    [5.0, 5.0]
    """
    no_columns = np.empty((len(np.asarray(distance_km)), 0))
    (bounds,) = bootstrap(no_columns, groups, medians=distance_km, n_resamples=n_resamples, seed=seed, level=level)
    return np.asarray(bounds)


def replicates(
    columns: npt.ArrayLike,
    groups: npt.ArrayLike | None = None,
    *,
    medians: npt.ArrayLike | None = None,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> Floats:
    """The value of each statistic in each resample; shape (n_resamples, k + m).

    Args:
        columns: (n,) or (n, k); the first k statistics are the means. NaN leaves an entry out of that column's sum and
            of its count; +inf makes the mean of every resample that draws it infinite.
        groups: (n,) labels, strings or integers; None makes every row its own group. Groups are numbered by sorted
            label, so the order of rows does not matter (without groups it does: see `cluster_labels`).
        medians: (n,) or (n, m); the last m statistics are the medians. NaN counts as +inf: a missing distance.
        n_resamples: how many resamples to draw.
        seed: of the draws. The same seed gives the same draws on every machine and every version of numpy.

    A statistic is NaN in every resample where fewer than two groups hold a value of it: one group says nothing about
    the spread between groups, and an interval of no width would say that it says everything.
    """
    means = _as_columns(columns)
    n, k = means.shape
    middles = np.empty((n, 0)) if medians is None else _as_columns(medians)
    if len(middles) != n:
        raise ValueError(f"{len(middles)} rows of medians for {n} rows of columns")
    codes, n_groups = _group_codes(groups, n)

    sums = _by_group(means, codes, n_groups, lambda of: np.where(np.isnan(of) | np.isposinf(of), 0.0, of))
    sizes = _by_group(means, codes, n_groups, lambda of: ~np.isnan(of))
    infinities = _by_group(means, codes, n_groups, np.isposinf) if np.isposinf(means).any() else None

    middles = np.where(np.isnan(middles), np.inf, middles)
    order = np.argsort(middles, axis=0, kind="stable")
    ranked, ranked_codes = np.take_along_axis(middles, order, axis=0), codes[order]

    result = np.full((n_resamples, k + middles.shape[1]), np.nan)
    if n_groups < 2:
        return result
    start = 0
    for counts in resample_counts(n_groups, n_resamples, seed=seed):
        rows = result[start : start + len(counts)]
        start += len(counts)
        with np.errstate(invalid="ignore"):
            rows[:, :k] = (counts @ sums) / (counts @ sizes)
        if infinities is not None:
            rows[:, :k][counts @ infinities > 0] = np.inf
        for column in range(middles.shape[1]):
            rows[:, k + column] = _weighted_medians(ranked[:, column], ranked_codes[:, column], counts)
        del counts  # before as many are made again
    result[:, :k][:, np.count_nonzero(sizes, axis=0) < 2] = np.nan
    return result


def resampled(
    statistic: Callable[[Floats], Floats], groups: npt.ArrayLike, *, n_resamples: int = N_RESAMPLES, seed: int = 0
) -> Floats:
    """Statistics that are no means, in each resample; shape (n_resamples, k), the draws those of `replicates`.

    Args:
        statistic: weights of shape (rows, n), how often each photograph was drawn -> (rows, k).
        groups: (n,) labels to resample by.
        n_resamples: how many resamples to draw.
        seed: of the draws.

    NaN in every resample where there are fewer than two groups.

    >>> resampled(lambda weights: weights @ np.array([[0.0], [1.0]]), ["a", "b"], n_resamples=4).ravel().tolist()
    [2.0, 1.0, 0.0, 0.0]
    """
    codes, n_groups = _group_codes(groups, len(np.asarray(groups)))
    if n_groups < 2:
        return np.full((n_resamples, np.shape(statistic(np.ones((1, len(codes)))))[1]), np.nan)
    at_once = max(1, _AT_ONCE // max(len(codes), 1))
    return np.concatenate(
        [
            statistic(block[first : first + at_once, codes])
            for block in resample_counts(n_groups, n_resamples, seed=seed)
            for first in range(0, len(block), at_once)
        ]
    )


def interval(replicates: npt.ArrayLike, level: float = LEVEL) -> Floats:
    """Percentile interval of each column of replicates, (n_resamples, k) -> (k, 2), low and high.

    Replicates that are NaN (a resample without any value of that column) are left out; NaN where all are. Between two
    order statistics the quantile is interpolated as in `numpy.percentile`, and infinite where the upper one is.

    >>> interval([[1.0], [2.0], [3.0], [4.0], [5.0]], level=0.5).tolist()
    [[2.0, 4.0]]
    """
    ranked = np.sort(_as_columns(replicates), axis=0)
    known = np.count_nonzero(~np.isnan(ranked), axis=0)
    bounds = np.full((ranked.shape[1], 2), np.nan)
    for side, quantile in enumerate(((1 - level) / 2, (1 + level) / 2)):
        position = quantile * np.maximum(known - 1, 0)
        below = np.take_along_axis(ranked, np.floor(position).astype(np.intp)[None], axis=0)[0]
        above = np.take_along_axis(ranked, np.ceil(position).astype(np.intp)[None], axis=0)[0]
        with np.errstate(invalid="ignore"):
            between = below + (position % 1) * (above - below)
        bounds[:, side] = np.where(below == above, below, between)
    return bounds


def resample_counts(n_groups: int, n_resamples: int = N_RESAMPLES, *, seed: int = 0) -> Iterator[Floats]:
    """How often each resample draws each group: blocks of shape (rows, n_groups), `n_resamples` rows in all.

    Each row sums to `n_groups`. The blocks bound the memory and do not influence the draws. These come from the raw
    output of PCG64, whose stream numpy guarantees; the methods of `numpy.random.Generator` may change between
    versions. A 32-bit draw scaled to `n_groups` favours a group by at most n_groups / 2**32.

    >>> [block.tolist() for block in resample_counts(3, 2, seed=1)]
    [[[0.0, 2.0, 1.0], [2.0, 0.0, 1.0]]]
    """
    generator = np.random.PCG64(seed)
    block_rows = max(1, _CHUNK_COUNTS // n_groups)
    for start in range(0, n_resamples, block_rows):
        yield _counts(generator, min(block_rows, n_resamples - start), n_groups)


def _counts(generator: np.random.PCG64, n_rows: int, n_groups: int) -> Floats:
    """The next `n_rows` rows of `resample_counts`."""
    block = np.empty((n_rows, n_groups))
    at_once = max(1, _IN_CACHE // n_groups)
    for first in range(0, len(block), at_once):
        rows = block[first : first + at_once]
        words = generator.random_raw(len(rows) * ((n_groups + 1) // 2)).astype("<u8", copy=False).view("<u4")
        words = words.reshape(len(rows), -1)[:, :n_groups]
        drawn = np.multiply(words, np.uint64(n_groups), dtype=np.uint64) >> np.uint64(32)
        cells = drawn.view(np.int64)
        cells += n_groups * np.arange(len(rows))[:, None]
        rows[:] = np.bincount(cells.ravel(), minlength=rows.size).reshape(rows.shape)
    return block


def wilson(share: float, n: float) -> tuple[float, float]:
    """95 % interval of a share of n (Wilson, 1927), within [0, 1]; n need not be whole: an effective number.

    >>> tuple(round(bound, 4) for bound in wilson(0.5, 100))
    (0.4038, 0.5962)
    """
    centre = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def cluster_labels(ids: Sequence[str], groups: Sequence[str | None]) -> npt.NDArray[np.str_]:
    """Labels to resample by, shape (n,): the group of a photograph, or itself where it has none.

    Passing these instead of no groups makes an interval independent of the order of the samples.

    >>> cluster_labels(["a", "b", "c"], ["ann", None, "ann"]).tolist()
    ['group ann', 'photograph b', 'group ann']
    """
    pairs = zip(ids, groups, strict=True)
    return np.array([f"photograph {id_}" if group is None else f"group {group}" for id_, group in pairs], dtype=np.str_)


def _as_columns(values: npt.ArrayLike) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    return array[:, None] if array.ndim == 1 else array


def _group_codes(groups: npt.ArrayLike | None, n: int) -> tuple[npt.NDArray[np.intp], int]:
    """Number of each row's group in the order of sorted labels, and how many groups there are."""
    if groups is None:
        return np.arange(n), n
    labels, codes = np.unique(np.asarray(groups), return_inverse=True)
    if len(codes) != n:
        raise ValueError(f"{len(codes)} group labels for {n} rows")
    return codes, len(labels)


def _by_group(
    columns: Floats, codes: npt.NDArray[np.intp], n_groups: int, of: Callable[[Floats], npt.NDArray[Any]]
) -> Floats:
    """Sum over each group of what `of` makes of each column, (n, k) -> (n_groups, k)."""
    sums = np.empty((n_groups, columns.shape[1]))
    for j, column in enumerate(columns.T):
        sums[:, j] = np.bincount(codes, weights=of(column), minlength=n_groups)
    return sums


def _weighted_medians(ranked: Floats, ranked_codes: npt.NDArray[np.intp], counts: Floats) -> Floats:
    """Median of sorted values in each resample, a value counting as often as its group was drawn; shape (rows,)."""
    n = len(ranked)
    medians = np.empty(len(counts))
    block_rows = max(1, _IN_CACHE // max(n, 1))
    for start in range(0, len(counts), block_rows):
        drawn = np.take(counts[start : start + block_rows], ranked_codes, axis=1)
        # One running sum through all rows, so that one search finds the middle of each.
        reached = np.cumsum(drawn)
        ends = reached[n - 1 :: n]
        starts = np.concatenate([[0.0], ends[:-1]])
        drawn_in_all = ends - starts
        firsts = n * np.arange(len(drawn))
        lower, upper = (
            reached.searchsorted(starts + middle, side="right") - firsts
            for middle in ((drawn_in_all - 1) // 2, drawn_in_all // 2)
        )
        medians[start : start + block_rows] = (ranked[lower] + ranked[upper]) / 2
    return medians
