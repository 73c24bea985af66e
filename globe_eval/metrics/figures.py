"""Values of many photographs -> each metric with its 95 % interval. Pure functions over arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from globe_eval.metrics.accuracy import mean_km, median_km
from globe_eval.metrics.localizability import ranked
from globe_eval.metrics.statistics import N_RESAMPLES, bootstrap, interval, resampled
from globe_eval.sample import Figure

Floats = npt.NDArray[np.float64]

OF_DISTANCES = {"median_km": median_km, "mean_km": mean_km}
"""Metrics of distances, in which a missing answer is infinitely far and counts; every other metric is a mean."""

OF_PAIRS = ("localizability_auroc", "localizability_aurc", "localizability_coverage")
"""Metrics of pairs (confidence, outcome), in the order in which `localizability.ranked` gives them."""

_PAIRS_DRAWN = 24_000_000
"""About how many pairs are drawn in all resamples together: those of more than 12,000 photographs are fewer."""


def figures(
    values: Mapping[str, Floats], groups: npt.NDArray[Any], *, n_resamples: int = N_RESAMPLES, seed: int = 0
) -> dict[str, Figure]:
    """Each metric with its interval, resampled by group. Metrics of which no photograph has a value are left out.

    Args:
        values: metric -> (n,) values of the photographs, NaN where one has none; for OF_PAIRS (n, 2).
        groups: (n,) labels to resample by.
        n_resamples: how many resamples to draw.
        seed: of the draws.

    >>> figures({"right": np.array([0.0, 1.0, 1.0, np.nan])}, np.array([1, 1, 2, 3]))["right"].value.__round__(3)
    0.667
    """
    pairs = {name: column for name, column in values.items() if column.ndim == 2}
    single = {name: column for name, column in values.items() if column.ndim == 1}
    held = {name: column for name, column in single.items() if name in OF_DISTANCES or not np.isnan(column).all()}
    means = {name: column for name, column in held.items() if name != "median_km"}
    if "mean_km" in means:
        means["mean_km"] = np.where(np.isnan(means["mean_km"]), np.inf, means["mean_km"])
    medians = {name: column for name, column in held.items() if name == "median_km"}
    bounds = bootstrap(
        _table(means, groups), groups, medians=_table(medians, groups), n_resamples=n_resamples, seed=seed
    )
    of_name = dict(zip([*means, *medians], bounds.tolist(), strict=True))
    result = {}
    for name, column in held.items():
        counted = np.full(len(column), True) if name in OF_DISTANCES else ~np.isnan(column)
        n = int(np.count_nonzero(counted))
        value = OF_DISTANCES[name](column) if name in OF_DISTANCES else math.fsum(column[counted]) / n
        low, high = of_name[name]
        result[name] = Figure(value, low, high, n, len(np.unique(groups[counted])))
    result |= _figures_of_pairs(pairs, groups, n_resamples, seed)
    return {name: result[name] for name in values if name in result}


def _figures_of_pairs(
    values: Mapping[str, Floats], groups: npt.NDArray[Any], n_resamples: int, seed: int
) -> dict[str, Figure]:
    """The metrics of pairs. Those with the same target see the same pairs, and are computed together."""
    targets: dict[str, dict[str, Floats]] = {}
    for name, column in values.items():
        targets.setdefault(name.partition("@")[2], {})[name] = column
    result = {}
    for columns in targets.values():
        confidence, outcome = next(iter(columns.values())).T
        there = ~(np.isnan(confidence) | np.isnan(outcome))
        n = int(np.count_nonzero(there))
        if not n:
            continue
        statistic = partial(ranked, confidence[there], outcome[there])
        draws = min(n_resamples, max(200, _PAIRS_DRAWN // n))
        found = statistic()
        bounds = interval(resampled(statistic, groups[there], n_resamples=draws, seed=seed))
        for name in columns:
            which = OF_PAIRS.index(name.partition("@")[0])
            if math.isnan(found[which]):  # outcomes all alike
                continue
            low, high = bounds[which].tolist()
            result[name] = Figure(float(found[which]), low, high, n, len(np.unique(groups[there])))
    return result


def _table(columns: Mapping[str, Floats], groups: npt.NDArray[Any]) -> Floats:
    return np.column_stack(list(columns.values())) if columns else np.empty((len(groups), 0))
