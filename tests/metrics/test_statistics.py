from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from globe_eval.metrics import statistics
from globe_eval.metrics.statistics import cluster_labels, median_replicates, resample_counts, resampled


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
