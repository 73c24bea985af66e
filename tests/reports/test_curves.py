from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from globe_eval.metrics.accuracy import THRESHOLDS_KM, within
from globe_eval.reports.page import curves

distances = st.lists(st.one_of(st.just(float("nan")), st.floats(0, 20_003)), min_size=1, max_size=60)


@settings(derandomize=True, max_examples=100)
@given(distances)
def test_the_cumulative_curve_is_the_accuracy_at_the_thresholds(km: list[float]) -> None:
    shares = curves.cumulative(km, list(THRESHOLDS_KM.values()))
    accuracies = [within(km, threshold).mean() for threshold in THRESHOLDS_KM.values()]
    assert shares.tolist() == pytest.approx(accuracies)
    whole = curves.cumulative(km, curves.distance_grid())
    assert (np.diff(whole) >= 0).all() and whole[-1] == pytest.approx(np.isfinite(km).mean())


@settings(derandomize=True, max_examples=100)
@given(distances)
def test_every_located_photograph_is_in_the_histogram_once(km: list[float]) -> None:
    edges, share = curves.histogram(km)
    assert share.sum() == pytest.approx(np.isfinite(km).mean())
    assert edges[0] == curves.NEAREST_KM and edges[-1] == curves.FARTHEST_KM


def test_reliability_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    p = rng.uniform(0.001, 0.999, 500)
    y = (rng.uniform(size=500) < p**2).astype(float)
    located, confidence = calibration_curve(y, p, n_bins=10)
    bins = curves.reliability(np.append(p, np.nan), np.append(y, 1.0))
    assert [b.located for b in bins] == pytest.approx(located.tolist())
    assert [b.confidence for b in bins] == pytest.approx(confidence.tolist())
    assert sum(b.n for b in bins) == 500
