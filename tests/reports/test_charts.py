"""What a chart draws, read back from its SVG through the inverse of its scales."""

from __future__ import annotations

import re

import numpy as np
import pytest

from globe_eval.metrics.accuracy import THRESHOLDS_KM, within
from globe_eval.reports.page import charts, curves, svg

KM = np.array([0.3, 7.0, 120.0, 900.0, 15_000.0, np.nan, 24.9, 25.1])
LINE = charts.Line("a < b", KM, np.array([0.9, 0.9, 0.6, 0.2, 0.1, np.nan, 0.8, 0.8]))


def points(drawing: str, css: str) -> list[list[tuple[float, float]]]:
    found = [tag for tag in re.findall(r"<path[^>]*>", drawing) if f'class="{css}' in tag]
    return [
        [(float(x), float(y)) for x, y in (pair.split() for pair in re.search(r' d="M([^"]*)"', tag)[1].split("L"))]
        for tag in found
    ]


def test_the_curve_is_as_high_as_the_accuracy_at_each_threshold() -> None:
    (curve,) = points(charts.cumulative([LINE], "c"), "line")
    x = svg.logarithmic(curves.NEAREST_KM, curves.FARTHEST_KM, charts.LEFT, charts.WIDTH - charts.RIGHT)
    height = charts.HEIGHT - charts.BOTTOM - charts.TOP
    for km in THRESHOLDS_KM.values():
        at = min(curve, key=lambda point: abs(point[0] - x(km)))
        assert (charts.HEIGHT - charts.BOTTOM - at[1]) / height == pytest.approx(within(KM, km).mean(), abs=1e-3)


def test_risk_rises_to_what_is_wrong_of_all_that_state_a_confidence() -> None:
    (curve,) = points(charts.risk_coverage([LINE], 25.0, "r"), "line")
    height = charts.HEIGHT - charts.BOTTOM - charts.TOP
    assert (charts.HEIGHT - charts.BOTTOM - curve[-1][1]) / height == pytest.approx(4 / 7, abs=1e-3)
    assert curve[-1][0] == pytest.approx(charts.WIDTH - charts.RIGHT)


def test_the_bar_is_divided_in_proportion() -> None:
    bar = charts.status_bar([("city", 30), ("refused", 10), ("empty", 0)], "s")
    widths = [float(width) for width in re.findall(r'<rect x="[^"]*" y="0" width="([^"]*)"', bar)]
    assert widths == pytest.approx([750 - 1.5, 250 - 1.5])
    assert "city 30, refused 10" in bar and "empty" not in bar


def test_an_interval_that_is_not_known_is_not_drawn() -> None:
    rows = [("here", [charts.Whisker(0.5, 0.4, 0.6)]), ("there", [charts.Whisker(0.5, None, None)]), ("no", [None])]
    drawn = charts.whiskers(rows, "t", "w")
    assert drawn.count('class="line r0"') == 1 and drawn.count("<circle") == 2
    assert "here: 50.0 %; there: 50.0 %" in drawn


def test_names_are_text() -> None:
    drawn = charts.cumulative([LINE], "c") + charts.legend(["a < b", "<script>"]) + charts.reliability([LINE], 25, "x")
    assert "<script>" not in drawn and "a < b" not in drawn and "a &lt; b" in drawn


def test_nothing_located_and_no_confidence_is_still_a_chart() -> None:
    nothing = charts.Line("none", np.array([np.nan]), np.array([np.nan]))
    for chart in (charts.cumulative([nothing], "a"), charts.histogram([nothing], "b")):
        assert "NaN" not in chart and "nan" not in chart
    assert "nan" not in charts.reliability([nothing], 25.0, "c") + charts.risk_coverage([nothing], 25.0, "d")


def test_more_runs_than_colours_differ_in_their_dashes() -> None:
    assert len({(i % 6, charts.dash(i)) for i in range(36)}) == 36
