from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from globe_eval.metrics.accuracy import median_km
from globe_eval.metrics.paired import (
    PairedDifference,
    differences_of_own_means,
    holm,
    paired_differences,
)


def paired_difference(
    a: npt.ArrayLike, b: npt.ArrayLike, groups: npt.ArrayLike | None = None, *, median: bool = False, **draws: int
) -> PairedDifference:
    """Of one metric."""
    return paired_differences({"it": a}, {"it": b}, groups, medians=["it"] if median else [], **draws)["it"]


def two_models(
    rng: np.random.Generator, n_groups: int, better: float = 0.0, swing: float = 0.1
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hits of two models that find the same photographers hard; the first is right `better` more often.

    `swing` is by how much photographers differ in which of the two they suit.
    """
    sizes = rng.integers(1, 21, n_groups)
    groups = np.repeat(np.arange(n_groups), sizes)
    skill = rng.beta(0.6, 1.4, n_groups)
    side = swing * rng.normal(size=n_groups)
    first = rng.random(len(groups)) < np.clip(skill + better + side, 0, 1)[groups]
    second = rng.random(len(groups)) < np.clip(skill - side, 0, 1)[groups]
    return first.astype(np.float64), second.astype(np.float64), groups


def test_it_is_the_cluster_robust_t_test_where_photographers_are_many() -> None:
    first, second, groups = two_models(np.random.default_rng(1), 1500)
    ours = paired_difference(100 * first, 100 * second, groups)
    residuals = 100 * (first - second) - ours.value
    sums = np.bincount(groups, weights=residuals)
    robust = math.sqrt(1500 / 1499 * float(sums @ sums)) / len(groups)  # Liang and Zeger (1986)
    low, high = stats.t.interval(0.95, 1499, ours.value, robust)
    assert ours.value == pytest.approx(100 * (first.mean() - second.mean()))
    np.testing.assert_allclose((ours.low, ours.high), (low, high), atol=0.05 * (high - low))
    assert ours.p == pytest.approx(2 * stats.t.sf(abs(ours.value) / robust, 1499), abs=0.03)
    assert (ours.n, ours.n_groups) == (len(groups), 1500)


def test_it_is_scipys_paired_bootstrap_over_photographers() -> None:
    first, second, groups = two_models(np.random.default_rng(1), 150)
    ours = paired_difference(100 * first, 100 * second, groups)
    n = np.bincount(groups)
    sums = [np.bincount(groups, weights=100 * hits) for hits in (first, second)]

    def difference(a: np.ndarray, b: np.ndarray, size: np.ndarray, axis: int) -> np.ndarray:
        return (a.sum(axis) - b.sum(axis)) / size.sum(axis)

    reference = stats.bootstrap((*sums, n), difference, paired=True, n_resamples=9999, method="percentile", rng=2)
    low, high = reference.confidence_interval
    np.testing.assert_allclose((ours.low, ours.high), (low, high), atol=0.06 * (high - low))


def test_medians_are_those_of_a_loop_that_writes_the_photographs_out() -> None:
    rng = np.random.default_rng(3)
    _, _, groups = two_models(rng, 40)
    far = rng.lognormal(5, 1.5, len(groups))
    near = far * rng.lognormal(-0.3, 0.5, len(groups))
    members = [np.flatnonzero(groups == group) for group in range(40)]
    found = []
    for _ in range(3000):
        rows = np.concatenate([members[group] for group in rng.integers(0, 40, 40)])
        found.append(np.median(near[rows]) - np.median(far[rows]))
    ours = paired_difference(near, far, groups, median=True)
    low, high = np.percentile(found, (2.5, 97.5))
    assert ours.value == np.median(near) - np.median(far)
    np.testing.assert_allclose((ours.low, ours.high), (low, high), atol=0.1 * (high - low))


def test_the_interval_excludes_zero_exactly_where_p_is_below_a_twentieth() -> None:
    rng = np.random.default_rng(12)
    for trial in range(1000):
        first, second, groups = two_models(rng, int(rng.integers(2, 40)), better=rng.choice([0, 0.1, 0.3]))
        scale = rng.choice([1.0, 100.0])  # hits, and what are none
        of = [paired_difference(scale * first, scale * second, groups)]
        if trial % 10 == 0:
            far, near = rng.lognormal(5, 1, (2, len(groups))) * (1 + rng.choice([0, 0.5]) * first)
            of.append(paired_difference(far, near, groups, median=True, n_resamples=int(rng.choice([200, 2000]))))
        for found in of:
            assert (found.p < 0.05) == (found.low > 0 or found.high < 0), found


def test_equal_models_are_called_different_one_time_in_twenty() -> None:
    rng = np.random.default_rng(4)
    p = np.array([paired_difference(*two_models(rng, 60), n_resamples=400, seed=seed).p for seed in range(300)])
    assert 0.02 <= (p <= 0.05).mean() <= 0.09
    assert 0.15 <= (p <= 0.2).mean() <= 0.27


def test_who_ignores_photographers_finds_differences_that_are_not_there() -> None:
    rng = np.random.default_rng(5)
    found = np.zeros(2)
    for seed in range(150):
        first, second, groups = two_models(rng, 60, swing=0.4)
        for side, labels in enumerate((groups, None)):
            found[side] += paired_difference(first, second, labels, n_resamples=300, seed=seed).p <= 0.05
    by_group, naive = found / 150
    assert by_group <= 0.11
    assert naive > 0.2


def test_beyond_what_resamples_tell_p_is_that_of_a_t_test_of_the_group_means() -> None:
    rng = np.random.default_rng(6)
    difference = rng.normal(0.5, 1, 200)
    found = paired_difference(difference, np.zeros(200))
    reference = stats.ttest_1samp(difference, 0).pvalue
    assert found.p < 1e-6
    assert math.log10(found.p) == pytest.approx(math.log10(reference), rel=0.15)


def test_few_groups_prove_nothing() -> None:
    five = paired_difference(np.ones(5), np.zeros(5))  # a sign test would say 2 ** -4
    assert five.p > 0.05 and (five.low, five.high) == (-1.0, 1.0)
    eight = paired_difference(np.ones(8), np.zeros(8))
    assert stats.binomtest(8, 8).pvalue < eight.p < 0.05
    assert paired_difference(np.ones(80), np.zeros(80), ["a", "b"] * 40).p > 0.05
    alone = paired_difference(np.ones(80), np.zeros(80), ["a"] * 80)
    assert (alone.value, alone.p, alone.n_groups) == (1.0, 1.0, 1)
    assert math.isnan(alone.low) and math.isnan(alone.high)


values = st.lists(st.floats(0, 20000) | st.just(math.inf) | st.just(math.nan), min_size=1, max_size=30)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(values, st.data())
def test_identical_answers_tie_exactly(distance: list[float], data: st.DataObject) -> None:
    groups = data.draw(st.none() | st.lists(st.sampled_from("abc"), min_size=len(distance), max_size=len(distance)))
    median = paired_difference(distance, distance, groups, median=True, n_resamples=50)
    assert (median.value, median.p, median.n) == (0.0, 1.0, len(distance))
    hits = np.isfinite(distance).astype(np.float64)
    mean = paired_difference(hits, hits, groups, n_resamples=50)
    assert (mean.value, mean.p, mean.n) == (0.0, 1.0, len(distance))
    if mean.n_groups > 1:
        assert mean.low == -mean.high < 0  # so few photographs do not show that all agree
        assert median.low <= 0 <= median.high


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.sampled_from("abcd")), min_size=1, max_size=30))
def test_swapping_the_two_turns_the_sign_and_nothing_else(rows: list[tuple[float, float, str]]) -> None:
    a, b, groups = map(list, zip(*rows, strict=True))
    for median in (False, True):
        there = paired_difference(a, b, groups, median=median, n_resamples=60)
        back = paired_difference(b, a, groups, median=median, n_resamples=60)
        assert back.value == pytest.approx(-there.value, abs=1e-12)
        np.testing.assert_allclose((back.low, back.high), (-there.high, -there.low), atol=1e-9)
        assert 0 <= there.p <= 1


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1), st.sampled_from("abcd")), min_size=2, max_size=30))
def test_the_order_of_photographs_does_not_matter(rows: list[tuple[int, int, str]]) -> None:
    found = [
        paired_difference(*map(list, zip(*order, strict=True)), n_resamples=60)  # type: ignore[arg-type]
        for order in (rows, rows[::-1])
    ]
    assert repr(found[0]) == repr(found[1])


def test_photographs_without_a_value_are_counted_out_not_hidden() -> None:
    a, b = [1.0, 0.0, math.nan, 1.0, math.nan], [0.0, math.nan, 1.0, 0.0, math.nan]
    found = paired_difference(a, b, ["p", "q", "q", "r", "r"])
    assert (found.value, found.n, found.n_groups) == (1.0, 2, 2)
    nothing = paired_difference([math.nan], [1.0])
    assert nothing.n == 0 and all(math.isnan(x) for x in (nothing.value, nothing.low, nothing.high, nothing.p))


def test_a_missing_distance_is_infinitely_far() -> None:
    good, bad = np.arange(1.0, 41.0), np.where(np.arange(40) < 30, math.nan, 5.0)
    found = paired_difference(good, bad, median=True)
    assert (found.value, found.n) == (-math.inf, 40)
    assert (found.low, found.high) == (-math.inf, -math.inf)
    assert found.p < 0.01
    mixed = paired_difference(good, np.where(np.arange(40) < 20, math.nan, 5.0), median=True)
    assert mixed.low == -math.inf and math.isfinite(mixed.high)
    assert median_km(np.full(4, math.nan)) == math.inf
    with pytest.raises(ValueError, match="mean of infinite values"):
        paired_difference(good, np.where(np.isnan(bad), math.inf, bad))


def test_many_metrics_on_the_same_draws_are_each_alone() -> None:
    first, second, groups = two_models(np.random.default_rng(8), 30)
    far, near = np.random.default_rng(9).lognormal(5, 1, (2, len(groups)))
    gaps = np.where(groups < 5, math.nan, first)
    a, b = {"hit": first, "median_km": far, "gaps": gaps}, {"gaps": second, "hit": second, "median_km": near}
    together = paired_differences(a, b, groups)
    assert list(together) == ["hit", "median_km", "gaps"]
    for name, found in together.items():
        alone = paired_difference(a[name], b[name], groups, median=name == "median_km")
        np.testing.assert_allclose(
            [getattr(found, field) for field in PairedDifference.__slots__],
            [getattr(alone, field) for field in PairedDifference.__slots__],
        )


def test_own_means_are_scipys_difference_of_two_ratios() -> None:
    first, second, groups = two_models(np.random.default_rng(10), 120)
    rng = np.random.default_rng(11)
    left, right = np.where(rng.random(len(groups)) < 0.3, math.nan, first), np.where(groups % 7 == 0, math.nan, second)
    ours = differences_of_own_means({"hit": 100 * left}, {"hit": 100 * right}, groups)["hit"]
    parts = []
    for column in (left, right):
        known = ~np.isnan(column)
        parts += [np.bincount(groups, weights=100 * np.where(known, column, 0)), np.bincount(groups, weights=known)]

    def difference(a: np.ndarray, n: np.ndarray, b: np.ndarray, m: np.ndarray, axis: int) -> np.ndarray:
        return a.sum(axis) / n.sum(axis) - b.sum(axis) / m.sum(axis)

    reference = stats.bootstrap(parts, difference, paired=True, n_resamples=9999, method="percentile", rng=3)
    assert ours.value == pytest.approx(100 * (np.nanmean(left) - np.nanmean(right)))
    low, high = reference.confidence_interval
    np.testing.assert_allclose((ours.low, ours.high), (low, high), atol=0.06 * (high - low))
    same = differences_of_own_means({"km": 100 * left}, {"km": 100 * left}, groups)["km"]
    assert (same.value, same.low, same.high, same.p) == (0.0, 0.0, 0.0, 1.0)


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="columns of 2 and 3 photographs"):
        paired_difference([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="1 group labels for 2 rows"):
        paired_difference([1.0, 2.0], [1.0, 3.0], ["a"])


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_is_closed_testing_with_bonferroni(p_values: list[float]) -> None:
    """A hypothesis falls when every intersection that it is part of does: brute force over all subsets."""
    m = len(p_values)
    subsets = [s for size in range(1, m + 1) for s in itertools.combinations(range(m), size)]
    expected = [max(min(1.0, len(s) * min(p_values[j] for j in s)) for s in subsets if i in s) for i in range(m)]
    assert holm(p_values) == pytest.approx(expected)


def test_holm_leaves_what_is_no_test_out() -> None:
    adjusted = holm([0.02, math.nan, 0.03])
    assert adjusted[0] == adjusted[2] == 0.04 and math.isnan(adjusted[1])
    assert holm([]) == []
    for wrong in (-0.1, 1.1):
        with pytest.raises(ValueError, match="between 0 and 1"):
            holm([wrong])
