"""Ranks that say what the data can tell apart: rows whose paired difference is not significant share a range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from globe_eval.metrics.paired import holm, paired_differences

LEVEL = 0.05
Floats = npt.NDArray[np.float64]
Range = tuple[int, int]


def rank_ranges(rows: Sequence[Mapping[str, Floats]], groups: npt.ArrayLike) -> list[dict[str, Range]]:
    """For each row and metric the best and the worst rank that it may have.

    Args:
        rows: of each row, metric -> (n,) values of the same n photographs in the same order; higher is better.
        groups: (n,) labels of the photographers.

    A row's best rank is one more than the number of rows that are significantly better, its worst rank leaves room for
    those that are significantly worse. Significant is a paired difference by photographer whose p-value, after Holm's
    correction for all pairs of rows, is at most 0.05.

    >>> good, same, bad = ({"right": np.arange(40) % 40 < share} for share in (36, 35, 4))
    >>> rank_ranges([good, same, bad], np.arange(40))
    [{'right': (1, 2)}, {'right': (1, 2)}, {'right': (3, 3)}]
    """
    pairs = list(combinations(range(len(rows)), 2))
    metrics = list(rows[0]) if rows else []
    better = {metric: np.zeros((len(rows), len(rows)), dtype=bool) for metric in metrics}
    if pairs:
        columns = {f"{i} {j} {metric}": (i, j, metric) for i, j in pairs for metric in metrics}
        found = paired_differences(
            {name: rows[i][metric].astype(np.float64) for name, (i, _, metric) in columns.items()},
            {name: rows[j][metric].astype(np.float64) for name, (_, j, metric) in columns.items()},
            groups,
            medians=(),
        )
        for metric in metrics:
            differences = [found[f"{i} {j} {metric}"] for i, j in pairs]
            corrected = holm([difference.p for difference in differences])
            for (i, j), difference, p in zip(pairs, differences, corrected, strict=True):
                if p <= LEVEL:
                    better[metric][(i, j) if difference.value > 0 else (j, i)] = True
    return [
        {
            metric: (1 + int(better[metric][:, row].sum()), len(rows) - int(better[metric][row].sum()))
            for metric in metrics
        }
        for row in range(len(rows))
    ]


def shown(ranks: Range) -> str:
    """A range as a table has it.

    >>> shown((1, 3)), shown((2, 2))
    ('1–3', '2')
    """
    best, worst = ranks
    return str(best) if best == worst else f"{best}–{worst}"
