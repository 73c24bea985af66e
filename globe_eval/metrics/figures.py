"""Values of many photographs -> each metric with its 95 % interval. Pure functions over arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from globe_eval.metrics import accuracy, intervals, localizability
from globe_eval.metrics.catalogue import Metric, Statistic
from globe_eval.metrics.statistics import N_RESAMPLES, resampled
from globe_eval.sample import Figure

Floats = npt.NDArray[np.float64]

_OF_ALL: dict[Statistic, Callable[[Floats], float]] = {
    "median of all": accuracy.median_km,
    "mean of all": accuracy.mean_km,
}
_OF_PAIRS: tuple[Statistic, ...] = ("auroc", "aurc", "coverage")
"""In the order in which `localizability.ranked` gives them."""

_PAIRS_DRAWN = 24_000_000
"""About how many pairs are drawn in all resamples together: those of more than 12,000 photographs are fewer."""

_WORTH_A_TABLE = 50
"""Cells of a table of groups by confidences, for each photograph, up to which it is faster than one by one."""


def figure_of(metric: Metric, values: Floats) -> float:
    """The figure alone, of (n,) values or (n, 2) pairs; NaN where no photograph has a value."""
    if metric.statistic in _OF_ALL:
        return _OF_ALL[metric.statistic](values)
    if metric.statistic in _OF_PAIRS:
        return float(localizability.ranked(*values.T)[_OF_PAIRS.index(metric.statistic)])
    known = values[~np.isnan(values)]
    return math.fsum(known.tolist()) / len(known) if len(known) else float("nan")


def figures(
    metrics: Sequence[Metric],
    values: Mapping[str, Floats],
    groups: npt.NDArray[Any],
    rows: npt.NDArray[Any] | None = None,
    *,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> dict[str, Figure]:
    """Each metric with its interval by group (`intervals`). Metrics of which no photograph has a value are left out.

    Args:
        metrics: which.
        values: of each the values of n photographs (`Metric.values`), NaN where one has none; (n,), of pairs (n, 2).
        groups: (n,) labels of the photographers.
        rows: which photographs, as numpy indexes an array; None: all.
        n_resamples: how many resamples to draw for the metrics of pairs; `seed` is of these draws.

    >>> from globe_eval.metrics.catalogue import own_metric
    >>> values = {"right": np.array([0.0, 1.0, 1.0, np.nan])}
    >>> figures([own_metric("right")], values, np.array([1, 1, 2, 3]))["right"].value.__round__(3)
    0.667
    """
    if rows is not None:
        values, groups = {one.name: values[one.name][rows] for one in metrics}, groups[rows]
    result, of_all = {}, intervals.group_codes(groups, len(groups))[1]
    for one in metrics:
        column = values[one.name]
        if one.is_of_pairs or (one.statistic not in _OF_ALL and np.isnan(column).all()):
            continue
        counted = np.full(len(column), True) if one.statistic in _OF_ALL else ~np.isnan(column)
        n = int(np.count_nonzero(counted))
        n_groups = of_all if n == len(groups) else intervals.group_codes(groups[counted], n)[1]
        low, high = _interval(one, column, groups) if n_groups > 1 else (math.nan, math.nan)
        result[one.name] = Figure(figure_of(one, column), low, high, n, n_groups)
    result |= _of_pairs([one for one in metrics if one.is_of_pairs], values, groups, n_resamples, seed)
    return {one.name: result[one.name] for one in metrics if one.name in result}


def _interval(metric: Metric, values: Floats, groups: npt.NDArray[Any]) -> tuple[float, float]:
    if metric.statistic == "median of all":
        return intervals.median_interval(values, groups)
    if metric.statistic == "mean of all":
        values = np.where(np.isnan(values), np.inf, values)
    return intervals.mean_interval(values, groups, within=(metric.lowest, metric.highest))


def _of_pairs(
    metrics: Sequence[Metric], values: Mapping[str, Floats], groups: npt.NDArray[Any], n_resamples: int, seed: int
) -> dict[str, Figure]:
    """The metrics of pairs. Those that make the same pairs of the columns are computed together."""
    together: dict[Any, list[Metric]] = {}
    for one in metrics:
        together.setdefault(one.of, []).append(one)
    result = {}
    for same in together.values():
        confidence, outcome = values[same[0].name].T
        there = ~(np.isnan(confidence) | np.isnan(outcome))
        n = int(np.count_nonzero(there))
        if not n:
            continue
        confidence, outcome = confidence[there], outcome[there]
        codes, n_groups = intervals.group_codes(groups[there], n)
        statistic = partial(localizability.ranked, confidence, outcome)
        found = statistic()
        of_groups = n_groups * len(np.unique(confidence)) <= _WORTH_A_TABLE * n
        drawn = resampled(
            partial(localizability.ranked_groups, confidence, outcome, codes) if of_groups else statistic,
            codes,
            n_resamples=min(n_resamples, max(200, _PAIRS_DRAWN // n)),
            seed=seed,
            of_groups=of_groups,
        )
        for one in same:
            which = _OF_PAIRS.index(one.statistic)
            if math.isnan(found[which]):  # outcomes all alike
                continue
            low, high, _ = intervals.expanded(float(found[which]), drawn[:, which], n_groups)
            low, high = max(low, one.lowest), min(high, one.highest)
            if low == high and n_groups < intervals.FEW_GROUPS:  # few resamples that are all alike show no spread
                low = high = math.nan
            result[one.name] = Figure(float(found[which]), low, high, n, n_groups)
    return result
