"""Seeded bootstrap of what is no mean, resampling whole groups of photographs.

A resample draws groups (photographers) with replacement, each with all its photographs; without groups every
photograph is its own. Every statistic sees the same draws, which depend only on the seed, the number of resamples and
the number of groups, so that two runs on the same photographs can be compared resample by resample.
`intervals.expanded` makes an interval of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from globe_eval.metrics.intervals import group_codes

Floats = npt.NDArray[np.float64]

N_RESAMPLES = 2000
_CHUNK_COUNTS = 250_000
_AT_ONCE = 100_000
"""How many weights a statistic is given: it makes several arrays of that size."""
_IN_CACHE = 30_000
"""How many numbers are worked on at once: a processor's cache holds them, and few loops are left in Python."""


def median_replicates(
    values: npt.ArrayLike, groups: npt.ArrayLike | None = None, *, n_resamples: int = N_RESAMPLES, seed: int = 0
) -> Floats:
    """The median of each column in each resample; shape (n_resamples, k).

    Args:
        values: (n,) or (n, k). NaN counts as +inf: a missing distance.
        groups: (n,) labels, strings or integers; None makes every row its own group. Groups are numbered by sorted
            label, so the order of rows does not matter (without groups it does: see `cluster_labels`).
        seed: of the draws. The same seed gives the same draws on every machine and every version of numpy.

    NaN in every resample where there are fewer than two groups: one says nothing about the spread between groups.
    """
    columns = np.asarray(values, dtype=np.float64)
    columns = columns[:, None] if columns.ndim == 1 else columns
    codes, n_groups = group_codes(groups, len(columns))
    columns = np.where(np.isnan(columns), np.inf, columns)
    order = np.argsort(columns, axis=0, kind="stable")
    ranked, ranked_codes = np.take_along_axis(columns, order, axis=0), codes[order]
    result = np.full((n_resamples, columns.shape[1]), np.nan)
    if n_groups < 2:
        return result
    start = 0
    for counts in resample_counts(n_groups, n_resamples, seed=seed):
        rows = result[start : start + len(counts)]
        start += len(counts)
        for column in range(columns.shape[1]):
            rows[:, column] = _weighted_medians(ranked[:, column], ranked_codes[:, column], counts)
        del counts  # before as many are made again
    return result


def resampled(
    statistic: Callable[[Floats], Floats],
    groups: npt.ArrayLike,
    *,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
    of_groups: bool = False,
) -> Floats:
    """Statistics that are no means, in each resample; shape (n_resamples, k), the draws those of `replicates`.

    Args:
        statistic: weights of shape (rows, n), how often each photograph was drawn -> (rows, k).
        groups: (n,) labels to resample by.
        of_groups: whether `statistic` takes how often each group was drawn, (rows, n_groups) in the order of labels.

    NaN in every resample where there are fewer than two groups.

    >>> resampled(lambda weights: weights @ np.array([[0.0], [1.0]]), ["a", "b"], n_resamples=4).ravel().tolist()
    [2.0, 1.0, 0.0, 0.0]
    """
    codes, n_groups = group_codes(groups, len(np.asarray(groups)))
    if n_groups < 2:
        one = np.ones((1, n_groups if of_groups else len(codes)))
        return np.full((n_resamples, np.shape(statistic(one))[1]), np.nan)
    if of_groups:
        return np.concatenate(list(map(statistic, resample_counts(n_groups, n_resamples, seed=seed))))
    at_once = max(1, _AT_ONCE // max(len(codes), 1))
    return np.concatenate(
        [
            statistic(block[first : first + at_once, codes])
            for block in resample_counts(n_groups, n_resamples, seed=seed)
            for first in range(0, len(block), at_once)
        ]
    )


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


def cluster_labels(ids: Sequence[str], groups: Sequence[str | None]) -> npt.NDArray[np.str_]:
    """Labels to resample by, shape (n,): the group of a photograph, or itself where it has none.

    Passing these instead of no groups makes an interval independent of the order of the samples.

    >>> cluster_labels(["a", "b", "c"], ["ann", None, "ann"]).tolist()
    ['group ann', 'photograph b', 'group ann']
    """
    pairs = zip(ids, groups, strict=True)
    return np.array([f"photograph {id_}" if group is None else f"group {group}" for id_, group in pairs], dtype=np.str_)


def effective_groups(groups: Sequence[str | None]) -> float:
    """How many groups of equal size these labels are worth, n ** 2 over the sum of squared sizes (Kish, 1965).

    None is a group of its own. Where that is below `intervals.FEW_GROUPS`, intervals are too narrow, however many small
    groups there are besides.

    >>> effective_groups(["ann", "ann", "bob", "bob"]), round(effective_groups(["ann"] * 90 + [None] * 10), 2)
    (2.0, 1.23)
    """
    sizes = Counter(groups)
    alone = sizes.pop(None, 0)
    return len(groups) ** 2 / (alone + sum(size * size for size in sizes.values()))


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
