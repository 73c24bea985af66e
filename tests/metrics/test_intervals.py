"""Intervals, p-values and the bootstrap, against scipy and simulations."""

from __future__ import annotations

import csv
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import stdtr

from globe_eval.metrics import statistics
from globe_eval.metrics.intervals import (
    difference_of_hits,
    expanded,
    mean_interval,
    median_interval,
    spread,
    t_test,
    wilson,
)
from globe_eval.metrics.statistics import cluster_labels, median_replicates, resample_counts, resampled
from globe_eval.metrics.student_t import t_quantile, t_tail


def in_groups(rng: np.random.Generator, n_groups: int, n: int, share: float, correlation: float):
    strength = 1 / correlation - 1
    codes = np.sort(rng.integers(0, n_groups, n))
    rates = rng.beta(share * strength, (1 - share) * strength, n_groups)
    return (rng.random(n) < rates[codes]).astype(np.float64), codes


@pytest.mark.parametrize(("hits", "n"), [(0, 20), (19, 19), (3, 40), (500, 1000)])
def test_wilson_is_scipys(hits: int, n: int) -> None:
    reference = stats.binomtest(hits, n).proportion_ci(method="wilson")
    assert wilson(hits / n, n, stats.norm.ppf(0.975)) == pytest.approx(tuple(reference))


def test_shares_of_single_photographs_are_wilsons_with_students_t() -> None:
    x = np.repeat([0.0, 1.0], (700, 300))
    assert mean_interval(x) == pytest.approx(wilson(0.3, 1000, stats.t.ppf(0.975, 999)), rel=1e-3)


def test_a_mean_of_single_photographs_is_the_t_interval() -> None:
    x = np.random.default_rng(1).normal(500, 200, 80)
    of = spread(x)
    low, high = stats.ttest_1samp(x, 0).confidence_interval()
    assert of.design_effect == 1
    assert mean_interval(x) == pytest.approx((low, high), rel=1e-2)


def test_an_interval_of_a_mean_does_not_leave_the_range_of_its_values() -> None:
    far = [1.0] * 19 + [15_000.0]
    low, high = stats.ttest_1samp(far, 0).confidence_interval()
    assert low < 0
    assert mean_interval(far, within=(0, math.inf)) == (0.0, pytest.approx(high, rel=0.02))
    assert mean_interval(-np.array(far), within=(-math.inf, 0)) == (pytest.approx(-high, rel=0.02), 0.0)
    assert mean_interval(far)[0] == pytest.approx(low, rel=0.05)


def test_of_many_groups_it_is_the_cluster_robust_interval() -> None:
    rng = np.random.default_rng(2)
    codes = np.repeat(np.arange(2000), rng.integers(1, 20, 2000))
    x = 3 * rng.normal(size=2000)[codes] + 4 * rng.normal(size=len(codes))
    sums = np.bincount(codes, weights=x - x.mean())
    error = math.sqrt(2000 / 1999 * float(sums @ sums)) / len(x)  # Liang and Zeger (1986)
    assert mean_interval(x, codes) == pytest.approx(stats.t.interval(0.95, 1999, x.mean(), error), rel=0.05)


def test_of_five_groups_it_holds_where_a_percentile_bootstrap_does_not() -> None:
    rng = np.random.default_rng(3)
    held = []
    for _ in range(400):
        low, high = mean_interval(*in_groups(rng, 5, 300, 0.3, 0.2))
        held.append(low <= 0.3 <= high)
    assert np.mean(held) > 0.92


def test_near_the_edge_an_interval_has_a_width() -> None:
    low, high = mean_interval(np.zeros(20))
    assert low == 0 and 0.15 < high < 0.2
    low, high = mean_interval(np.ones(19))
    assert high == 1 and 0.8 < low < 0.85
    assert mean_interval(np.zeros(20), np.arange(20) // 4)[1] > mean_interval(np.zeros(20))[1]


def test_one_group_has_no_interval_and_two_have_a_wide_one() -> None:
    x = [0.0, 1.0, 1.0, 0.0]
    assert all(math.isnan(bound) for bound in (*mean_interval(x, ["a"] * 4), *median_interval(x, ["a"] * 4)))
    low, high = mean_interval(x, ["a", "a", "b", "b"])
    assert high - low > 0.9
    assert t_test(1.0, 0.5, 1)[2] == difference_of_hits(spread([1.0], ["a"]))[2] == 1.0


def test_the_median_holds_between_order_statistics_and_missing_is_far() -> None:
    rng = np.random.default_rng(4)
    held = []
    for _ in range(400):
        x = rng.lognormal(6, 2, 61)
        low, high = median_interval(x)
        held.append(low <= math.exp(6) <= high)
        assert {low, high} <= set(x)
    assert 0.92 <= np.mean(held) <= 0.99
    assert median_interval([1.0] * 10 + [math.nan] * 30) == (math.inf, math.inf)


def test_expanded_percentiles_of_a_mean_are_its_t_interval() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(0.5, 1, 12)
    drawn = x[rng.integers(0, 12, (20000, 12))].mean(axis=1)
    low, high, p = expanded(float(x.mean()), drawn, 12)
    reference = stats.ttest_1samp(x, 0)
    assert (low, high) == pytest.approx(tuple(reference.confidence_interval()), abs=0.15)
    assert p == pytest.approx(reference.pvalue, abs=0.03)


rows = st.lists(st.tuples(st.floats(-2, 2) | st.just(math.nan), st.sampled_from("abcde")), min_size=2, max_size=40)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(rows, st.randoms(use_true_random=False))
def test_neither_the_order_of_photographs_nor_the_names_of_groups_matter(rows: list, random) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    if all(math.isnan(x) for x, _ in rows):
        return
    for function in (mean_interval, median_interval):
        there, again = (function(*map(list, zip(*order, strict=True))) for order in (rows, shuffled))
        assert repr(there) == repr(again)
        renamed = function([x for x, _ in rows], ["of " + group for _, group in rows])
        assert repr(renamed) == repr(there)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.floats(0, 1), st.sampled_from("abcde")), min_size=2, max_size=40))
def test_a_share_stays_within_its_range_and_more_confidence_is_wider(rows: list) -> None:
    x, groups = map(list, zip(*rows, strict=True))
    if len(set(groups)) < 2:
        return
    narrow, wide = (mean_interval(x, groups, level=level) for level in (0.8, 0.95))
    mean = math.fsum(x) / len(x)
    assert 0 <= wide[0] <= narrow[0] <= mean + 1e-12 and mean - 1e-12 <= narrow[1] <= wide[1] <= 1


def test_what_is_known_of_a_column_decides_and_a_missing_distance_is_infinite() -> None:
    rng = np.random.default_rng(10)
    hits, groups = in_groups(rng, 50, 500, 0.3, 0.2)
    gaps = np.where(groups < 25, hits, math.nan)
    assert mean_interval(gaps, groups) == mean_interval(hits[groups < 25], groups[groups < 25])
    assert mean_interval([1.0, math.inf, 2.0]) == (math.inf, math.inf)


def test_intervals_that_ignore_groups_do_not_hold() -> None:
    rng = np.random.default_rng(9)
    covered = np.zeros(2)
    for _ in range(300):
        hits, groups = in_groups(rng, 60, 600, 0.3, 0.4)
        for side, labels in enumerate((groups, None)):
            low, high = mean_interval(hits, labels)
            covered[side] += low <= 0.3 <= high
    by_group, naive = covered / 300
    assert 0.92 <= by_group <= 0.98
    assert naive < 0.75


def test_isn_on_im2gps3k_by_photographer(shared_data: Path) -> None:
    with (shared_data / "im2gps3k" / "im2gps3k_places365.csv").open(encoding="utf-8", newline="") as file:
        author = {row["IMG_ID"]: row["AUTHOR"] for row in csv.DictReader(file)}
    with (shared_data / "isn" / "ISNs_M-fstar-S3.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["img_id"] in author]
    assert len(rows) == 2997
    lat1, lat2, lon1, lon2 = np.radians(
        [[float(row[name]) for row in rows] for name in ("gt_lat", "predicted_lat", "gt_long", "predicted_long")]
    )
    chord = np.sin((lat2 - lat1) / 2) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
    hits = 100.0 * (2 * 6371.0 * np.arcsin(np.sqrt(chord)) <= 25)
    assert hits.mean() == pytest.approx(27.99, abs=0.005)
    groups = [author[row["img_id"]] for row in rows]
    assert len(set(groups)) == 198
    np.testing.assert_allclose(mean_interval(hits, groups), (24.0, 31.7), atol=0.7)
    np.testing.assert_allclose(mean_interval(hits), (26.3, 29.6), atol=0.3)


def test_the_threads_of_linear_algebra_are_not_in_the_last_digit() -> None:
    program = (
        "import numpy as np; from globe_eval.metrics.intervals import spread\n"
        "chance = np.random.default_rng(0)\n"
        "print([spread(chance.normal(size=n), np.arange(n) // 40) for n in (9_999, 12_000, 60_000)])"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "OPENBLAS_NUM_THREADS": threads, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2")
    ]
    assert told[0] == told[1] and told[0].count("Spread") == 3


FREEDOM = st.integers(1, 300) | st.integers(300, 250_000)


@settings(derandomize=True, deadline=None)
@given(FREEDOM, st.floats(1e-5, 0.499))
def test_beyond_a_quantile_lies_scipys_tail(freedom: int, tail: float) -> None:
    """Held by the distribution, not by scipy's own quantile, which has nine digits in older versions."""
    assert float(stdtr(freedom, -t_quantile(freedom, tail))) == pytest.approx(tail, rel=1e-10)


@pytest.mark.parametrize("freedom", [*range(1, 120), 500, 2_996, 11_999, 209_999])
def test_beyond_the_quantile_of_a_95_percent_interval_lies_scipys_tail_to_the_twelfth_digit(freedom: int) -> None:
    tail = (1 - 0.95) / 2
    assert float(stdtr(freedom, -t_quantile(freedom, tail))) == pytest.approx(tail, rel=1e-12)


@settings(derandomize=True, deadline=None)
@given(FREEDOM, st.floats(0, 40))
def test_tails_are_scipys(freedom: int, t: float) -> None:
    assert t_tail(t, freedom) == pytest.approx(float(stdtr(freedom, -t)), rel=1e-9, abs=1e-290)
    assert t_tail(-t, freedom) == pytest.approx(float(stdtr(freedom, t)), rel=1e-12)


@settings(derandomize=True, deadline=None)
@given(FREEDOM, st.floats(1e-5, 0.499))
def test_a_quantile_is_exceeded_as_often_as_it_says(freedom: int, tail: float) -> None:
    assert t_tail(t_quantile(freedom, tail), freedom) == pytest.approx(tail, rel=1e-9)


@pytest.mark.parametrize(("t", "tail"), [(0.0, 0.5), (math.inf, 0.0), (-math.inf, 1.0)])
def test_the_ends_of_the_line(t: float, tail: float) -> None:
    assert t_tail(t, 7) == tail


def test_the_tail_of_nothing_is_nothing() -> None:
    assert math.isnan(t_tail(math.nan, 7))


def clustered(rng: np.random.Generator, n_groups: int) -> tuple[np.ndarray, np.ndarray]:
    """Distances of photographers who differ in how well they can be located; 1 to 20 photographs each."""
    groups = np.repeat(np.arange(n_groups), rng.integers(1, 21, n_groups))
    return rng.lognormal(3, 1, len(groups)) * (1 + groups), groups


def test_without_groups_it_is_the_bootstrap_of_scipy() -> None:
    distance = np.random.default_rng(3).lognormal(4, 1.5, 400)
    low, high = np.percentile(median_replicates(distance), (2.5, 97.5))
    reference = stats.bootstrap((distance,), np.median, n_resamples=4000, method="percentile", rng=8)
    expected = reference.confidence_interval
    np.testing.assert_allclose((low, high), expected, atol=0.06 * (expected[1] - expected[0]))


def test_with_groups_it_is_the_cluster_bootstrap_written_as_a_loop() -> None:
    rng = np.random.default_rng(4)
    distance, groups = clustered(rng, 40)
    members = [np.flatnonzero(groups == group) for group in range(40)]
    drawn = [np.concatenate([members[group] for group in rng.integers(0, 40, 40)]) for _ in range(4000)]
    expected = np.percentile([np.median(distance[rows]) for rows in drawn], (2.5, 97.5))
    found = np.percentile(median_replicates(distance, groups), (2.5, 97.5))
    np.testing.assert_allclose(found, expected, atol=0.06 * (expected[1] - expected[0]))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_each_resample_is_its_photographs_written_out(data: st.DataObject) -> None:
    values = data.draw(st.lists(st.just(math.nan) | st.floats(0, 1e4), min_size=2, max_size=25), label="values")
    groups = data.draw(st.none() | st.lists(st.sampled_from("abcd"), min_size=len(values), max_size=len(values)))
    labels = sorted(set(groups)) if groups else list(range(len(values)))
    of_row = groups or labels
    known = np.nan_to_num(np.array(values))
    medians = median_replicates(values, groups, n_resamples=20, seed=5)[:, 0]
    sums = resampled(lambda weights: (weights @ known)[:, None], of_row, n_resamples=20, seed=5)[:, 0]
    drawn = [row for block in resample_counts(len(labels), 20, seed=5) for row in block]
    for median, total, counts in zip(medians, sums, drawn, strict=True):
        sample = [v for v, group in zip(values, of_row, strict=True) for _ in range(int(counts[labels.index(group)]))]
        far = np.median([math.inf if math.isnan(v) else v for v in sample]) if len(labels) > 1 else math.nan
        assert median == pytest.approx(far, nan_ok=True)
        present = math.fsum(v for v in sample if not math.isnan(v)) if len(labels) > 1 else math.nan
        assert total == pytest.approx(present, nan_ok=True)


def test_draws_are_the_words_of_pcg64_scaled_to_the_number_of_groups() -> None:
    n_groups, n_resamples = 5, 4
    words = np.random.PCG64(11).random_raw(n_resamples * 3).tolist()
    expected = []
    for row in range(n_resamples):
        halves = [half for word in words[3 * row : 3 * row + 3] for half in (word & 0xFFFFFFFF, word >> 32)]
        drawn = [half * n_groups // 2**32 for half in halves[:n_groups]]
        expected.append([drawn.count(group) for group in range(n_groups)])
    assert np.concatenate(list(resample_counts(n_groups, n_resamples, seed=11))).tolist() == expected


def test_every_group_is_drawn_equally_often() -> None:
    counts = np.concatenate(list(resample_counts(7, 3000, seed=2)))
    assert np.all(counts.sum(axis=1) == 7)
    assert stats.chisquare(counts.sum(axis=0)).pvalue > 1e-3
    assert counts.var() == pytest.approx(1 - 1 / 7, abs=0.03)


def test_blocks_do_not_influence_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    distance, groups = clustered(np.random.default_rng(5), 30)
    whole = median_replicates(distance, groups, n_resamples=50)
    monkeypatch.setattr(statistics, "_CHUNK_COUNTS", 64)
    assert max(len(block) for block in resample_counts(30, 50)) == 2
    np.testing.assert_array_equal(median_replicates(distance, groups, n_resamples=50), whole)


def test_order_of_rows_kind_of_labels_and_other_columns_do_not_matter() -> None:
    rng = np.random.default_rng(6)
    distance, groups = clustered(rng, 30)
    shuffled = rng.permutation(len(distance))
    named = np.array([f"photographer {group:03}" for group in groups])
    expected = median_replicates(np.column_stack([distance, 7 * distance]), groups)
    np.testing.assert_array_equal(median_replicates(distance[shuffled], named[shuffled]), expected[:, :1])


def test_the_seed_is_what_makes_two_results_differ() -> None:
    distance, groups = clustered(np.random.default_rng(7), 30)
    first, again, other = (median_replicates(distance, groups, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_nothing_and_one_group_have_no_replicates() -> None:
    assert np.isnan(median_replicates([])).all()
    assert np.isnan(median_replicates([1.0, 2.0, 3.0], ["a"] * 3)).all()
    assert np.isnan(resampled(lambda weights: weights[:, :1], ["a"] * 3)).all()


def test_missing_distances_make_a_median_infinite_not_unknown() -> None:
    assert math.isinf(median_replicates([1.0, 2.0, math.inf, math.nan]).max())


def test_labels_say_who_is_resampled_together() -> None:
    labels = cluster_labels(["1", "2", "3", "4"], ["x", None, "x", "2"])
    assert labels[0] == labels[2]
    assert len(set(labels.tolist())) == 3
    with pytest.raises(ValueError, match="shorter"):
        cluster_labels(["1", "2"], ["x"])


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="2 group labels for 3 rows"):
        median_replicates([1.0, 2.0, 3.0], ["a", "b"])
