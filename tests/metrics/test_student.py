"""Student's t of our own against scipy's."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import stdtr, stdtrit

from globe_eval.metrics.student import t_quantile, t_tail

FREEDOM = st.integers(1, 300) | st.integers(300, 250_000)


@settings(derandomize=True, deadline=None)
@given(FREEDOM, st.floats(1e-5, 0.499))
def test_quantiles_are_scipys(freedom: int, tail: float) -> None:
    assert t_quantile(freedom, tail) == pytest.approx(-float(stdtrit(freedom, tail)), rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("freedom", [*range(1, 120), 500, 2_996, 11_999, 209_999])
def test_the_quantile_of_a_95_percent_interval_is_scipys_to_the_twelfth_digit(freedom: int) -> None:
    assert t_quantile(freedom, (1 - 0.95) / 2) == pytest.approx(float(stdtrit(freedom, 0.975)), rel=1e-12)


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
