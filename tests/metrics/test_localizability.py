"""Localizability against scikit-learn and against brute force."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, roc_auc_score

from globe_eval.answers import Answer, parse
from globe_eval.metrics import localizability as loc
from globe_eval.metrics.catalogue import described, of_family
from globe_eval.metrics.figures import figure_of, figures

PAIRS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.5, 0.7, 1.0]), st.booleans()), min_size=1, max_size=40
)


def aurc(p: Sequence[float], y: Sequence[float]) -> float:
    return float(loc.ranked(p, y)[1])


def coverage(p: Sequence[float], y: Sequence[float], risk: float = loc.RISK) -> float:
    return float(loc.ranked(p, y, risk=risk)[2])


def brier(p: Sequence[float], y: Sequence[float]) -> float:
    metric = described("localizability_brier@label")
    columns = {"localizability.confidence": np.array(p, float), "truth.localizable": np.array(y, float)}
    return figure_of(metric, metric.values(columns))


@settings(max_examples=200, derandomize=True)
@given(PAIRS)
def test_auroc_and_brier_are_those_of_scikit_learn(pairs: list[tuple[float, bool]]) -> None:
    p, y = [a for a, _ in pairs], [b for _, b in pairs]
    if len(set(y)) == 2:
        assert loc.auroc(p, y) == pytest.approx(roc_auc_score(y, p), abs=1e-12)
        assert loc.auroc([1 - x for x in p], y) == pytest.approx(1 - loc.auroc(p, y), abs=1e-12)
    else:
        assert math.isnan(loc.auroc(p, y))
    assert brier(p, y) == pytest.approx(brier_score_loss(y, p, pos_label=True, labels=[False, True]), abs=1e-12)


def area(order: tuple[tuple[float, bool], ...]) -> Fraction:
    """The mean share of wrong answers over all coverages, in one order of the photographs."""
    wrong = [sum(not y for _, y in order[: k + 1]) for k in range(len(order))]
    return sum((Fraction(w, k + 1) for k, w in enumerate(wrong)), Fraction(0)) / len(order)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.2, 0.5, 0.9]), st.booleans()), min_size=1, max_size=6))
def test_aurc_is_the_mean_over_all_orders_of_equal_confidences(pairs: list[tuple[float, bool]]) -> None:
    orders = [o for o in itertools.permutations(pairs) if all(a[0] >= b[0] for a, b in itertools.pairwise(o))]
    expected = sum(map(area, orders), Fraction(0)) / len(orders)
    assert aurc([a for a, _ in pairs], [b for _, b in pairs]) == pytest.approx(float(expected), abs=1e-12)


@settings(max_examples=200, derandomize=True)
@given(PAIRS, st.sampled_from([0.0, 0.1, 0.2, 0.5]))
def test_coverage_against_a_search(pairs: list[tuple[float, bool]], risk: float) -> None:
    best = 0.0
    for least in {p for p, _ in pairs}:
        kept = [y for p, y in pairs if p >= least]
        if Fraction(sum(not y for y in kept), len(kept)) <= Fraction(risk).limit_denominator(100):
            best = max(best, len(kept) / len(pairs))
    assert coverage([p for p, _ in pairs], [y for _, y in pairs], risk) == pytest.approx(best)


@settings(max_examples=100, derandomize=True)
@given(PAIRS)
def test_bounds_permutation_and_the_curve(pairs: list[tuple[float, bool]]) -> None:
    p, y = [a for a, _ in pairs], [float(b) for _, b in pairs]
    shuffled = random.Random(0).sample(pairs, len(pairs))
    again = loc.ranked([a for a, _ in shuffled], [float(b) for _, b in shuffled])
    assert again.tolist() == pytest.approx(loc.ranked(p, y).tolist(), nan_ok=True, abs=1e-12)
    curve = loc.risk_coverage(p, y)
    assert curve[-1] == (1.0, pytest.approx(1 - np.mean(y))) and all(0 < c <= 1 and 0 <= r <= 1 for c, r in curve)
    assert [c for c, _ in curve] == sorted(c for c, _ in curve)
    assert 0 <= aurc(p, y) <= 1 and 0 <= coverage(p, y) <= 1


@settings(max_examples=60, derandomize=True, deadline=None)
@given(PAIRS, st.lists(st.integers(0, 3), min_size=40, max_size=40))
def test_a_weight_is_so_many_copies(pairs: list[tuple[float, bool]], weights: list[int]) -> None:
    copies = [pair for pair, n in zip(pairs, weights, strict=False) for _ in range(n)]
    found = loc.ranked([p for p, _ in pairs], [float(y) for _, y in pairs], weights[: len(pairs)])
    if copies:
        expected = loc.ranked([p for p, _ in copies], [float(y) for _, y in copies])
        assert found.tolist() == pytest.approx(expected.tolist(), nan_ok=True, abs=1e-12)
    else:
        assert np.isnan(found).all()


@settings(max_examples=60, derandomize=True, deadline=None)
@given(PAIRS, st.lists(st.integers(0, 4), min_size=40, max_size=40), st.integers(1, 9))
def test_groups_counted_together_give_the_same_to_the_last_bit(
    pairs: list[tuple[float, bool]], labels: list[int], seed: int
) -> None:
    p, y = [p for p, _ in pairs], [float(y) for _, y in pairs]
    groups = np.unique(labels[: len(pairs)], return_inverse=True)[1]
    counts = np.random.default_rng(seed).integers(0, 4, (5, groups.max(initial=0) + 1)).astype(np.float64)
    one_by_one = loc.ranked(p, y, counts[:, groups])
    assert np.array_equal(loc.ranked_groups(p, y, groups, counts), one_by_one, equal_nan=True)


def test_an_oracle_a_constant_and_its_opposite() -> None:
    y = [1.0] * 6 + [0.0] * 4
    assert (loc.auroc(y, y), brier(y, y), coverage(y, y, 0.0)) == (1.0, 0.0, 0.6)
    assert (loc.auroc([0.5] * 10, y), aurc([0.5] * 10, y)) == (0.5, pytest.approx(0.4))
    assert loc.auroc([1 - x for x in y], y) == 0.0
    assert aurc(y, y) < aurc([0.5] * 10, y) < aurc([1 - x for x in y], y)


def test_each_distance_has_outcomes_of_its_own_when_all_are_computed_together() -> None:
    rng = np.random.default_rng(1)
    km, p = rng.choice([5.0, 100.0, 900.0], 60), rng.choice([0.2, 0.5, 0.9], 60)
    table = {"distance_km": km, "localizability.confidence": p, "truth.localizable": rng.random(60) < 0.5}
    metrics = of_family("localizability")
    found = figures(metrics, {one.name: one.values(table) for one in metrics}, np.arange(60), n_resamples=20)
    outcomes = {"25km": km <= 25, "200km": km <= 200, "label": table["truth.localizable"]}
    for target, right in outcomes.items():
        assert found[f"localizability_auroc@{target}"].value == pytest.approx(roc_auc_score(right, p))
        assert found[f"localizability_aurc@{target}"].value == pytest.approx(aurc(p, right))
        assert found[f"localizability_coverage@{target}"].value == pytest.approx(coverage(p, right))


def test_missing_confidences_are_left_out_and_the_interval_follows_the_groups() -> None:
    rng = np.random.default_rng(0)
    n = 400
    y = (rng.random(n) < 0.5).astype(float)
    p = np.clip(y * 0.4 + rng.random(n) * 0.6, 0, 1)
    pairs = np.column_stack([p, y])
    pairs[::7, 0] = np.nan
    auroc = described("localizability_auroc@25km")
    found = figures([auroc], {auroc.name: pairs}, np.arange(n))[auroc.name]
    there = ~np.isnan(pairs[:, 0])
    assert found.value == pytest.approx(roc_auc_score(y[there], p[there])) and found.n == there.sum()
    assert found.low < found.value < found.high
    # The normal interval of Hanley and McNeil (1982).
    auc, pos, neg = found.value, int(y[there].sum()), int((1 - y[there]).sum())
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = (auc * (1 - auc) + (pos - 1) * (q1 - auc**2) + (neg - 1) * (q2 - auc**2)) / (pos * neg)
    assert found.high - found.low == pytest.approx(2 * 1.96 * math.sqrt(variance), rel=0.3)
    clustered = figures([auroc], {auroc.name: pairs}, np.arange(n) // 40)[auroc.name]
    assert clustered.n_groups == 10 and clustered.value == found.value
    one_group = figures([auroc], {auroc.name: pairs}, np.zeros(n))[auroc.name]
    assert math.isnan(one_group.low)


@pytest.mark.parametrize(
    "response, expected",
    [
        ("<answer>country: France\ncity: Paris\nlocalizable: yes\nconfidence: 85%</answer>", (0.85, "stated")),
        ("<answer>country: France\ncity: Paris\nlocalizable: no\nconfidence: 90%</answer>", (0.1, "stated")),
        ("<answer>country: France\ncity: Paris\nlocalizable: no\nconfidence: 10%</answer>", (0.1, "stated")),
        ("<answer>country: France\ncity: Paris\nlocalizable: no</answer>", (0.0, "judged")),
        ("<answer>country: France\ncity: Paris</answer>", (1.0, "answered")),
        ("I'm sorry, I cannot determine where this is.", (0.0, "refused")),
        ("<answer>country: unknown\ncity: unknown\nconfidence: 90%</answer>", (0.0, "refused")),
        ("", None),
        ("A street.", None),
    ],
)
def test_where_a_confidence_comes_from(response: str, expected: tuple[float, str] | None) -> None:
    found = loc.localizability(parse(response))
    assert (found and (pytest.approx(found.confidence), found.source)) == expected
    assert found is None or found.localizable == (found.confidence >= 0.5)


def test_a_probability_goes_before_words() -> None:
    assert loc.localizability(Answer(status="refused", p_yes=0.7)) == loc.Localizability(0.7, True, "probability")
