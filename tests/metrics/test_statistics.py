from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from globe_eval.metrics import statistics
from globe_eval.metrics.statistics import (
    bootstrap,
    bootstrap_median,
    cluster_labels,
    interval,
    replicates,
    resample_counts,
    wilson,
)


def clustered(rng: np.random.Generator, n_groups: int) -> tuple[np.ndarray, np.ndarray]:
    """Hits of photographers who differ in how well they can be located; 1 to 20 photographs each."""
    sizes = rng.integers(1, 21, n_groups)
    groups = np.repeat(np.arange(n_groups), sizes)
    skill = rng.beta(0.6, 1.4, n_groups)
    return (rng.random(len(groups)) < skill[groups]).astype(np.float64), groups


@pytest.mark.parametrize(("column", "statistic"), [("mean", np.mean), ("median", np.median)])
def test_without_groups_it_is_the_percentile_bootstrap_of_scipy(column: str, statistic: Callable[..., float]) -> None:
    distance = np.random.default_rng(3).lognormal(4, 1.5, 400)
    ours = bootstrap(distance) if column == "mean" else bootstrap_median(distance)[None]
    reference = stats.bootstrap((distance,), statistic, n_resamples=4000, method="percentile", rng=8)
    low, high = reference.confidence_interval
    np.testing.assert_allclose(ours[0], (low, high), atol=0.06 * (high - low))


def test_with_groups_it_is_the_cluster_bootstrap_written_as_a_loop() -> None:
    rng = np.random.default_rng(4)
    hits, groups = clustered(rng, 40)
    distance = rng.lognormal(3, 1, len(hits)) * (1 + groups)
    members = [np.flatnonzero(groups == group) for group in range(40)]
    means, medians = [], []
    for _ in range(4000):
        rows = np.concatenate([members[group] for group in rng.integers(0, 40, 40)])
        means.append(hits[rows].mean())
        medians.append(np.median(distance[rows]))
    ours = bootstrap(hits, groups, medians=distance)
    for (low, high), reference in zip(ours, (means, medians), strict=True):
        expected = np.percentile(reference, (2.5, 97.5))
        np.testing.assert_allclose((low, high), expected, atol=0.06 * (expected[1] - expected[0]))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_each_resample_is_its_photographs_written_out(data: st.DataObject) -> None:
    values = data.draw(st.lists(st.just(math.nan) | st.floats(0, 1e4), min_size=2, max_size=25), label="values")
    groups = data.draw(st.none() | st.lists(st.sampled_from("abcd"), min_size=len(values), max_size=len(values)))
    labels = sorted(set(groups)) if groups else list(range(len(values)))
    of_row = groups or labels
    result = replicates(values, groups, medians=values, n_resamples=20, seed=5)
    known = {group for group, value in zip(of_row, values, strict=True) if not math.isnan(value)}
    drawn = [row for block in resample_counts(len(labels), 20, seed=5) for row in block]
    for (mean, median), counts in zip(result, drawn, strict=True):
        sample = [v for v, group in zip(values, of_row, strict=True) for _ in range(int(counts[labels.index(group)]))]
        present = [v for v in sample if not math.isnan(v)]
        expected = math.fsum(present) / len(present) if present and len(known) > 1 else math.nan
        assert mean == pytest.approx(expected, nan_ok=True)
        far = np.median([math.inf if math.isnan(v) else v for v in sample]) if len(labels) > 1 else math.nan
        assert median == pytest.approx(far, nan_ok=True)


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
    hits, groups = clustered(np.random.default_rng(5), 30)
    whole = replicates(hits, groups, medians=hits * 7, n_resamples=50)
    monkeypatch.setattr(statistics, "_CHUNK_COUNTS", 64)
    assert max(len(block) for block in resample_counts(30, 50)) == 2
    np.testing.assert_array_equal(replicates(hits, groups, medians=hits * 7, n_resamples=50), whole)


def test_order_of_rows_and_kind_of_labels_do_not_matter() -> None:
    rng = np.random.default_rng(6)
    hits, groups = clustered(rng, 30)
    shuffled = rng.permutation(len(hits))
    named = np.array([f"photographer {group:03}" for group in groups])
    expected = bootstrap(hits, groups, medians=hits)
    np.testing.assert_array_equal(bootstrap(hits[shuffled], named[shuffled], medians=hits[shuffled]), expected)


def test_columns_do_not_influence_each_other() -> None:
    rng = np.random.default_rng(11)
    hits, groups = clustered(rng, 30)
    near, far = rng.lognormal(3, 1, len(hits)), rng.lognormal(5, 1, len(hits))
    together = bootstrap(np.column_stack([near, hits]), groups, medians=np.column_stack([near, far]))
    alone = [*bootstrap(near, groups), *bootstrap(hits, groups)]
    alone += [bootstrap_median(near, groups), bootstrap_median(far, groups)]
    np.testing.assert_allclose(together, alone, rtol=1e-12)


def test_the_seed_is_what_makes_two_results_differ() -> None:
    hits, groups = clustered(np.random.default_rng(7), 30)
    assert np.array_equal(bootstrap(hits, groups, seed=1), bootstrap(hits, groups, seed=1))
    assert not np.array_equal(bootstrap(hits, groups, seed=1), bootstrap(hits, groups, seed=2))


def test_two_runs_are_compared_on_the_same_draws() -> None:
    rng = np.random.default_rng(8)
    first, groups = clustered(rng, 40)
    second = np.where(rng.random(len(first)) < 0.05, 1 - first, first)
    paired = replicates(first, groups) - replicates(second, groups)
    np.testing.assert_allclose(interval(paired), bootstrap(first - second, groups), atol=1e-12)
    unpaired = interval(replicates(first, groups) - replicates(second, groups, seed=1))
    assert np.diff(unpaired) > 2 * np.diff(interval(paired))


def test_intervals_cover_the_truth_and_those_that_ignore_groups_do_not() -> None:
    rng = np.random.default_rng(9)
    truth = 0.6 / (0.6 + 1.4)
    covered = np.zeros(2)
    for seed in range(300):
        hits, groups = clustered(rng, 60)
        for side, labels in enumerate((groups, None)):
            low, high = bootstrap(hits, labels, n_resamples=300, seed=seed)[0]
            covered[side] += low <= truth <= high
    by_group, naive = covered / 300
    assert 0.91 <= by_group <= 0.98
    assert naive < 0.7


@pytest.mark.parametrize("groups", [None, ["a", "b", "b", "c"]])
def test_equal_values_have_an_interval_of_no_width(groups: list[str] | None) -> None:
    result = bootstrap([[0.1, 1.0]] * 4, groups, medians=[3.7] * 4)
    np.testing.assert_allclose(result, [[0.1, 0.1], [1.0, 1.0], [3.7, 3.7]])


def test_nothing_and_one_group_give_no_interval() -> None:
    assert np.isnan(bootstrap([], medians=[])).all()
    assert np.isnan(bootstrap(np.empty((0, 3)), [])).all()
    assert np.isnan(bootstrap([0.0, 1.0, 1.0], ["a"] * 3, medians=[1.0, 2.0, 3.0])).all()
    assert np.isnan(bootstrap([1.0], medians=[1.0])).all()
    assert np.isnan(bootstrap([0.0, 1.0, math.nan], ["a", "a", "b"])).all()


def test_a_column_with_gaps_is_a_ratio_over_what_is_known() -> None:
    hits, groups = clustered(np.random.default_rng(10), 50)
    everywhere, gaps = bootstrap(np.column_stack([hits, np.where(groups < 25, hits, math.nan)]), groups)
    assert np.diff(gaps) > 1.15 * np.diff(everywhere)
    assert gaps[0] < hits[groups < 25].mean() < gaps[1]


def test_missing_distances_make_bounds_infinite_not_unknown() -> None:
    distance = np.r_[np.arange(1.0, 61.0), np.full(40, np.inf)]
    mean, median = bootstrap(distance, medians=np.where(np.isinf(distance), np.nan, distance))
    assert mean.tolist() == [math.inf, math.inf]
    assert 30 < median[0] < 51 < median[1]
    assert math.isinf(bootstrap_median([1.0, 2.0, math.inf, math.nan])[1])


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50), st.floats(0.01, 0.99))
def test_interval_is_the_linear_percentile_of_numpy(values: list[float], level: float) -> None:
    expected = np.percentile(values, (50 - 50 * level, 50 + 50 * level))
    np.testing.assert_allclose(interval(values, level)[0], expected, rtol=1e-9, atol=1e-6)
    np.testing.assert_array_equal(interval([*values, math.nan], level), interval(values, level))


def test_labels_say_who_is_resampled_together() -> None:
    labels = cluster_labels(["1", "2", "3", "4"], ["x", None, "x", "2"])
    assert labels[0] == labels[2]
    assert len(set(labels.tolist())) == 3
    with pytest.raises(ValueError, match="shorter"):
        cluster_labels(["1", "2"], ["x"])


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="2 group labels for 3 rows"):
        bootstrap([1.0, 2.0, 3.0], ["a", "b"])
    with pytest.raises(ValueError, match="2 rows of medians for 3 rows"):
        bootstrap([1.0, 2.0, 3.0], medians=[1.0, 2.0])


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
    np.testing.assert_allclose(bootstrap(hits, groups)[0], (24.0, 31.7), atol=0.5)
    np.testing.assert_allclose(bootstrap(hits)[0], (26.3, 29.6), atol=0.3)


@pytest.mark.parametrize(
    ("hits", "n"), [(0, 7), (0, 10), (3, 10), (10, 10), (9, 10), (41, 300), (300, 300), (839, 2997)]
)
def test_the_interval_of_a_share_is_scipys_wilson(hits: int, n: int) -> None:
    reference = stats.binomtest(hits, n).proportion_ci(method="wilson")
    assert wilson(hits / n, n) == pytest.approx((reference.low, reference.high), abs=1e-12)
