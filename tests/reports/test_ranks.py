"""Ranks against a second computation by loops, and what must hold of any ranks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from globe_eval.metrics.paired import paired_difference
from globe_eval.reports.board.ranks import Range, rank_ranges


def models(seed: int, shares: list[float], n: int = 300, n_groups: int = 40) -> tuple[list[np.ndarray], np.ndarray]:
    """Hits of models that see the same photographs: what is hard for one is hard for all, and by photographer."""
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, n_groups, n)
    ease = rng.normal(0, 0.7, n_groups)[groups] + rng.normal(0, 1, n)
    return [(ease + rng.normal(0, 0.4, n) > stats.norm.ppf(1 - share)).astype(float) for share in shares], groups


def by_loops(rows: list[np.ndarray], groups: np.ndarray) -> list[Range]:
    """Holm's step-down procedure as its definition has it, on the p-value of each pair."""
    pairs = [(i, j) for i in range(len(rows)) for j in range(i + 1, len(rows))]
    p = {pair: paired_difference(rows[pair[0]], rows[pair[1]], groups).p for pair in pairs}
    significant = []
    for step, pair in enumerate(sorted(pairs, key=lambda pair: p[pair])):
        if p[pair] > 0.05 / (len(pairs) - step):
            break
        significant.append(pair)
    ranges = []
    for row in range(len(rows)):
        others = [(set(pair) - {row}).pop() for pair in significant if row in pair]
        better = sum(rows[other].mean() > rows[row].mean() for other in others)
        worse = sum(rows[other].mean() < rows[row].mean() for other in others)
        ranges.append((1 + better, len(rows) - worse))
    return ranges


@pytest.mark.parametrize("seed", range(4))
def test_ranks_equal_those_of_a_second_computation(seed: int) -> None:
    rows, groups = models(seed, [0.3, 0.33, 0.36, 0.5, 0.52, 0.1])
    found = [row["hit"] for row in rank_ranges([{"hit": row} for row in rows], groups)]
    assert found == by_loops(rows, groups)
    assert len({*found}) > 1 and any(best != worst for best, worst in found)


def test_the_order_of_rows_and_of_photographs_does_not_matter() -> None:
    rows, groups = models(5, [0.3, 0.4, 0.45, 0.6])
    found = rank_ranges([{"hit": row} for row in rows], groups)
    order = np.random.default_rng(0).permutation(len(groups))
    again = rank_ranges([{"hit": row[order]} for row in rows[::-1]], groups[order])
    assert again[::-1] == found


def test_equal_rows_share_every_rank_and_one_alone_is_first() -> None:
    (row,), groups = models(6, [0.4])
    assert rank_ranges([{"hit": row}] * 3, groups) == [{"hit": (1, 3)}] * 3
    assert rank_ranges([{"hit": row}], groups) == [{"hit": (1, 1)}]
    assert rank_ranges([], groups) == []


def test_a_few_photographers_cannot_tell_rows_apart() -> None:
    """3,000 photographs by 4 people: a gap of 20 points is theirs, not the world's."""
    rows, _ = models(7, [0.3, 0.5], n=3000)
    four = np.arange(3000) % 4
    assert rank_ranges([{"hit": row} for row in rows], four) == [{"hit": (1, 2)}] * 2
    assert rank_ranges([{"hit": row} for row in rows], np.arange(3000)) == [{"hit": (2, 2)}, {"hit": (1, 1)}]
