"""How often the 95 % intervals of `metrics.intervals` hold the truth, and how wide they are.

python perf/coverage.py [repetitions=400]      # a table; 92 % is the least allowed from 5 groups on

Photographs are simulated in groups: each group has its own rate (beta distributed, of a stated intraclass correlation),
or shift, and sizes that are equal or lognormal. Nothing is tuned on what is printed but `intervals.PRIOR`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import numpy as np
from scipy import stats

from globe_eval.metrics import intervals
from globe_eval.metrics.accuracy import median_km
from globe_eval.metrics.paired import paired_difference
from globe_eval.metrics.statistics import median_replicates, resampled

GROUPS, SIZES, CORRELATIONS, SHARES = (3, 5, 10, 20, 69, 198), (100, 300, 3000), (0.05, 0.2), (0.02, 0.3, 0.98)


def group_sizes(n_groups: int, n: int, equal: bool, rng: np.random.Generator) -> np.ndarray:
    """n photographs among the groups, each with one at least."""
    weights = np.ones(n_groups) if equal else np.exp(rng.normal(0, 1, n_groups))
    if equal:
        return np.diff(np.linspace(0, n, n_groups + 1).astype(int))
    return 1 + rng.multinomial(n - n_groups, weights / weights.sum())


def rates(normal: np.ndarray, share: float, correlation: float) -> np.ndarray:
    """Beta distributed rates of the groups, from normal numbers, so that two models' may go together."""
    strength = 1 / correlation - 1
    return stats.beta.ppf(stats.norm.cdf(normal), share * strength, (1 - share) * strength)


def percentiles(values: np.ndarray, codes: np.ndarray) -> tuple[float, float]:
    """The percentile bootstrap by group of a mean, the procedure before version 1."""
    drawn = resampled(lambda weights: (weights @ values / weights.sum(axis=1))[:, None], codes, n_resamples=300)
    return tuple(np.percentile(drawn, (2.5, 97.5)))


def share(p: float) -> Callable:
    """Hits of one model."""

    def draw(codes, n_groups, correlation, rng):
        hits = (rng.random(len(codes)) < rates(rng.normal(size=n_groups), p, correlation)[codes]).astype(float)
        return p, intervals.mean_interval(hits, codes), percentiles(hits, codes)

    return draw


def difference(p: float, less: float) -> Callable:
    """Hits of two models on the same photographs, whose rates and luck go together."""

    def draw(codes, n_groups, correlation, rng):
        one = rng.normal(size=n_groups)
        other = 0.8 * one + 0.6 * rng.normal(size=n_groups)
        luck = rng.normal(size=len(codes))
        other_luck = 0.7 * luck + np.sqrt(0.51) * rng.normal(size=len(codes))
        a = (stats.norm.cdf(luck) < rates(one, p, correlation)[codes]).astype(float)
        b = (stats.norm.cdf(other_luck) < rates(other, p - less, correlation)[codes]).astype(float)
        found = paired_difference(a, b, codes)
        return less, (found.low, found.high), percentiles(a - b, codes)

    return draw


def _distances(codes, n_groups, correlation, rng):
    shift = np.sqrt(correlation) * rng.normal(size=n_groups)
    return np.exp(6 + 2 * (shift[codes] + np.sqrt(1 - correlation) * rng.normal(size=len(codes))))


def median(codes, n_groups, correlation, rng):
    """Median distance, lognormal."""
    km = _distances(codes, n_groups, correlation, rng)
    return (
        np.exp(6),
        intervals.median_interval(km, codes),
        tuple(np.percentile(median_replicates(km, codes, n_resamples=300), (2.5, 97.5))),
    )


def median_difference(codes, n_groups, correlation, rng):
    """Difference of two medians, of distances that go together by half."""
    shared = rng.normal(size=len(codes))
    shift = np.sqrt(correlation) * rng.normal(size=(3, n_groups))
    a, b = (
        np.exp(
            6 + shift[0][codes] + shift[k][codes] + np.sqrt(1 - correlation) * (shared + rng.normal(size=len(codes)))
        )
        for k in (1, 2)
    )
    found = paired_difference(a, b, codes, median=True, n_resamples=600)
    drawn = median_replicates(np.column_stack([a, b]), codes, n_resamples=300)
    assert found.value == median_km(a) - median_km(b)
    return 0.0, (found.low, found.high), tuple(np.percentile(drawn[:, 0] - drawn[:, 1], (2.5, 97.5)))


def lift(codes, n_groups, correlation, rng):
    """A lift: in [-1, 1], a third of the photographs with hardly any."""
    shift = np.sqrt(correlation) * rng.normal(size=n_groups)
    x = 0.4 + 0.25 * (shift[codes] + np.sqrt(1 - correlation) * rng.normal(size=len(codes)))
    x = np.where(rng.random(len(codes)) < 1 / 3, 0.02 * rng.normal(size=len(codes)), x)
    return 0.4 * 2 / 3, intervals.mean_interval(x, codes), percentiles(x, codes)


STATISTICS = {
    **{f"share {p}": share(p) for p in SHARES},
    "difference 0.3 - 0.27": difference(0.3, 0.03),
    "difference 0.98 - 0.97": difference(0.98, 0.01),
    "median": median,
    "difference of medians": median_difference,
    "lift": lift,
}


def table(repetitions: int) -> Iterator[tuple]:
    """Of each case: coverage and mean width of ours, and of the percentile bootstrap."""
    for name, draw in STATISTICS.items():
        for n_groups in GROUPS:
            for n in SIZES:
                for equal in (True, False):
                    for correlation in CORRELATIONS:
                        if n < n_groups:
                            continue
                        rng = np.random.default_rng([n_groups, n, equal, int(100 * correlation)])
                        held, widths = np.zeros(2), np.zeros(2)
                        for _ in range(repetitions):
                            codes = np.repeat(np.arange(n_groups), group_sizes(n_groups, n, equal, rng))
                            truth, *both = draw(codes, n_groups, correlation, rng)
                            held += [low <= truth <= high for low, high in both]
                            widths += [high - low for low, high in both]
                        yield name, n_groups, n, equal, correlation, held / repetitions * 100, widths / repetitions


def main(repetitions: int) -> None:
    """Print the table and what it has to show."""
    rows = []
    print(f"{intervals.PROCEDURE}; {repetitions} repetitions; coverage in %, width beside the percentile bootstrap")
    print(f"{'statistic':24} groups     n sizes    ICC  ours  bootstrap  width")
    for name, n_groups, n, equal, correlation, (ours, theirs), (wide, theirs_wide) in table(repetitions):
        rows.append((n_groups, ours, theirs, wide / theirs_wide))
        sizes = "equal" if equal else "unequal"
        case = f"{name:24} {n_groups:6} {n:5} {sizes:7} {correlation:5}"
        print(f"{case} {ours:5.1f} {theirs:10.1f} {wide / theirs_wide:6.2f}", flush=True)
    noise = 2 * 100 * np.sqrt(0.92 * 0.08 / repetitions)
    for least in (5, 20):
        covered = np.array([row[1] for row in rows if row[0] >= least])
        print(
            f"from {least} groups on: lowest coverage {covered.min():.1f}, mean {covered.mean():.1f}; of "
            f"{len(covered)} cases {(covered < 92).sum()} below 92, {(covered < 92 - noise).sum()} surely"
        )
    holds = [row[3] for row in rows if row[2] >= 93.5]
    print(
        f"where the bootstrap covers 93.5 % and more: width {np.median(holds):.2f} times its, at most {max(holds):.2f}"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
