"""Intervals of a whole results table against scipy.stats.bootstrap and against a loop over drawn groups.

    python perf/bootstrap.py

Both sides compute 95 % percentile intervals of the five accuracies, GeoScore, mean and median distance, one core. The
references run with fewer resamples, and their time is scaled up: they are linear in that number.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: one core is what is measured

import multiprocessing
import resource
import time
from collections.abc import Callable

import numpy as np
from scipy import stats

from globe_eval.metrics.accuracy import THRESHOLDS_KM, geoscore, within
from globe_eval.metrics.statistics import bootstrap

N_RESAMPLES = 2000


def seconds(work: Callable[[], object], repeats: int = 1) -> float:
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def with_scipy(columns: np.ndarray, distance: np.ndarray, n_resamples: int) -> None:
    options = {"n_resamples": n_resamples, "method": "percentile", "batch": 50, "axis": -1}
    for column in columns.T:
        stats.bootstrap((column,), np.mean, rng=0, **options)
    stats.bootstrap((distance,), np.median, rng=0, **options)


def with_a_loop(columns: np.ndarray, distance: np.ndarray, members: list[np.ndarray], n_resamples: int) -> None:
    rng = np.random.default_rng(0)
    values = []
    for _ in range(n_resamples):
        rows = np.concatenate([members[group] for group in rng.integers(0, len(members), len(members))])
        values.append([*columns[rows].mean(axis=0), np.median(distance[rows])])
    np.percentile(values, (2.5, 97.5), axis=0)


def measure(n: int, n_groups: int | None, scaled: int) -> None:
    rng = np.random.default_rng(0)
    distance = rng.lognormal(5, 2.5, n)
    columns = np.column_stack([*(within(distance, km) for km in THRESHOLDS_KM.values()), geoscore(distance), distance])
    groups = None if n_groups is None else rng.integers(0, n_groups, n)

    ours = seconds(lambda: bootstrap(columns, groups, medians=distance), repeats=3 if n < 100_000 else 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if groups is None:
        name = "scipy.stats.bootstrap"
        theirs = seconds(lambda: with_scipy(columns, distance, scaled))
    else:
        name = "loop over drawn groups"
        members = np.split(np.argsort(groups, kind="stable"), np.cumsum(np.bincount(groups))[:-1])
        theirs = seconds(lambda: with_a_loop(columns, distance, members, scaled))
    theirs *= N_RESAMPLES / scaled
    size = "none" if n_groups is None else str(n_groups)
    print(f"{n:>8} {size:>8} {ours:>10.3f} s {theirs:>10.1f} s {theirs / ours:>6.1f}x  {peak:>7.0f}  {name}")


def main() -> None:
    print(f"{N_RESAMPLES} resamples of 5 accuracies + GeoScore + mean + median; peak MB of a process with scipy loaded")
    print(f"{'n':>8} {'groups':>8} {'globe-eval':>12} {'reference':>12} {'ratio':>7}  {'peak MB':>7}  reference")
    for case in [(12_000, None, 200), (12_000, 800, 200), (210_000, None, 8), (210_000, 5_000, 20)]:
        # A process of its own: the peak of memory is then that of this case, not of a reference before it.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            pool.apply(measure, case)


if __name__ == "__main__":
    main()
