from __future__ import annotations

import csv
import json
import math
import statistics
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from globe_eval.metrics.accuracy import (
    THRESHOLDS_KM,
    acc_name,
    geoscore,
    mean_km,
    median_km,
    valid_only,
    within,
)
from globe_eval.metrics.catalogue import METRICS
from globe_eval.metrics.figures import figure_of
from globe_eval.metrics.name_accuracy import city_correct, country_correct, named_cities

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "metrics.json").read_text(encoding="utf-8"))

distances = st.lists(st.none() | st.just(math.inf) | st.floats(0, 20_040), max_size=30)


OF_DISTANCES = [metric for metric in METRICS if metric.columns == ("distance_km",) and metric.name != "located"]


def values(distance_km: npt.ArrayLike) -> dict[str, np.ndarray]:
    """What each metric of distances has of each photograph."""
    return {metric.name: metric.values({"distance_km": np.asarray(distance_km, float)}) for metric in OF_DISTANCES}


def summary(distance_km: npt.ArrayLike) -> dict[str, float]:
    """The figure of each metric of distances."""
    return {metric.name: figure_of(metric, values(distance_km)[metric.name]) for metric in OF_DISTANCES}


def as_array(kilometres: list[float | None]) -> np.ndarray:
    return np.array([math.nan if km is None else km for km in kilometres], dtype=np.float64)


@pytest.mark.parametrize(("why", "distance_km", "threshold_km", "right"), GOLDEN["within"])
def test_threshold(why: str, distance_km: float | None, threshold_km: float, right: bool) -> None:
    assert within(as_array([distance_km]), threshold_km).tolist() == [right], why


def test_an_infinite_threshold_does_not_let_the_missing_in() -> None:
    assert within([math.inf, math.nan, 5.0], math.inf).tolist() == [False, False, True]


@given(distances)
def test_accuracy_counts_every_photograph(kilometres: list[float | None]) -> None:
    scores = values(as_array(kilometres))
    for threshold in THRESHOLDS_KM.values():
        hits = [km is not None and km <= threshold for km in kilometres]
        assert scores[acc_name(threshold)].tolist() == hits


@given(distances)
def test_a_wider_circle_holds_no_less_and_a_shorter_distance_scores_no_less(kilometres: list[float | None]) -> None:
    distance = as_array(kilometres)
    accuracies = [within(distance, km).sum() for km in sorted(THRESHOLDS_KM.values())]
    assert accuracies == sorted(accuracies)
    ranked = geoscore(np.sort(distance))
    assert np.all(np.diff(ranked) <= 0)
    assert np.all((ranked >= 0) & (ranked <= 5000))


def test_geoscore_is_the_formula_in_decimal_arithmetic() -> None:
    kilometres = np.geomspace(1e-3, 20_037.5, 200)
    exact = [float(5000 * (-Decimal(km) / Decimal("1492.7")).exp()) for km in kilometres.tolist()]
    np.testing.assert_allclose(geoscore(kilometres), exact, rtol=1e-12)
    assert geoscore([0.0, math.inf, math.nan]).tolist() == [5000.0, 0.0, 0.0]


@given(distances)
def test_median_and_mean_are_those_of_the_standard_library_with_the_missing_infinitely_far(
    kilometres: list[float | None],
) -> None:
    distance = as_array(kilometres)
    if not kilometres:
        assert math.isnan(median_km(distance))
        assert math.isnan(mean_km(distance))
        return
    far = [math.inf if km is None else km for km in kilometres]
    assert median_km(distance) == pytest.approx(statistics.median(far))
    assert mean_km(distance) == pytest.approx(math.fsum(far) / len(far))
    missing = far.count(math.inf)
    assert math.isinf(median_km(distance)) == (2 * missing >= len(far))
    assert math.isinf(mean_km(distance)) == (missing > 0)


def test_valid_only_looks_at_the_usable_answers() -> None:
    distance = as_array([0.0, None, 30.0, math.inf])
    assert valid_only(distance).tolist() == [0.0, 30.0]
    assert summary(distance)["acc@25km"] == 0.25
    assert summary(valid_only(distance))["acc@25km"] == 0.5
    assert summary(valid_only(distance))["median_km"] == 15.0


def test_summary_of_nothing_is_unknown() -> None:
    figures = summary([])
    assert list(figures) == [*(acc_name(km) for km in THRESHOLDS_KM.values()), "geoscore", "median_km", "mean_km"]
    assert all(math.isnan(value) for value in figures.values())


@pytest.mark.parametrize("answers", ["ISNs_M-fstar-S3.csv", "base_L-m.csv"])
def test_published_accuracies_of_isn_on_im2gps3k(shared_data: Path, answers: str) -> None:
    with (shared_data / "isn" / answers).open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    published = [float(value) for value in rows[-1]]
    distance = [float(row[5]) for row in rows[1:] if len(row) == 6 and row[0].endswith(".jpg")]
    figures = summary(distance)
    assert [figures[acc_name(km)] for km in THRESHOLDS_KM.values()] == pytest.approx(published[:5], abs=5e-7)
    assert figures["mean_km"] == pytest.approx(published[5], abs=0.005)


@dataclass(frozen=True)
class Named:
    geonameid: int | None
    name: str | None
    country_code: str | None
    level: str = "city"


@pytest.mark.parametrize("case", GOLDEN["city"], ids=lambda case: case["why"])
def test_city(case: dict) -> None:
    predicted, truth = Named(*case["predicted"]), Named(*case["truth"])
    assert city_correct(predicted, truth) == case["right"]
    assert city_correct(truth, predicted) == case["right"]
    assert city_correct(truth, truth) == 1.0 or truth.geonameid is None or truth.name is None


def test_unknown_truth_is_unknown_and_a_missing_prediction_is_wrong() -> None:
    paris, france = Named(2988507, "Paris", "FR"), Named(3017382, "France", "FR", level="country")
    assert math.isnan(city_correct(paris, None))
    assert math.isnan(city_correct(paris, france))
    assert math.isnan(city_correct(None, None))
    assert city_correct(None, paris) == 0.0


def test_a_country_named_like_its_capital_names_no_city() -> None:
    country, city = Named(2960313, "Luxembourg", "LU", level="country"), Named(2960316, "Luxembourg", "LU")
    assert city_correct(country, city) == 0.0


def test_a_stated_homonym_far_from_the_photograph_is_another_city() -> None:
    missouri, illinois = Named(4409896, "Springfield", "US"), Named(4250542, "Springfield", "US")
    assert city_correct(missouri, illinois, distance_km=430.0) == 0.0
    assert city_correct(missouri, missouri, distance_km=430.0) == 0.0  # the truth's name was resolved to the wrong one
    assert city_correct(illinois, missouri, distance_km=12.0) == 1.0
    assert city_correct(missouri, illinois, distance_km=math.nan) == 1.0


@pytest.mark.parametrize(
    ("predicted", "accepted", "right"),
    [
        ("FR", {"FR"}, 1.0),
        ("DE", {"FR"}, 0.0),
        (None, {"FR"}, 0.0),
        (frozenset(), {"FR"}, 0.0),
        ("", {"FR"}, 0.0),
        ("F", {"FR"}, 0.0),
        ("RU", {"UA", "RU"}, 1.0),
        ({"UA", "RU"}, {"UA"}, 1.0),
        ({"GE", "RU"}, {"UA"}, 0.0),
    ],
)
def test_country(predicted: str | frozenset[str] | None, accepted: frozenset[str], right: float) -> None:
    assert country_correct(predicted, accepted) == right
    assert math.isnan(country_correct(predicted, frozenset()))


@pytest.mark.parametrize(
    ("said", "meant", "right"),
    [
        (("New York City", "USA", None), ("New York", "United States", None), 1.0),
        (("Paris, France", None, None), ("Paris", "France", None), 1.0),
        (("Kiev", "Ukraine", None), ("Kyiv", "Ukraine", None), 1.0),
        (("京都市", "日本", None), ("Kyoto", "Japan", None), 1.0),
        (("Saigon", "Vietnam", None), ("Ho Chi Minh City", "Vietnam", None), 1.0),
        (("Springfield", "United States", "Illinois"), ("Springfield", "United States", None), 1.0),
        (("Santa Monica", "United States", "California"), ("Los Angeles", "United States", None), 0.0),
        (("Lyon", "France", None), ("Paris", "France", None), 0.0),
        ((None, "Luxembourg", None), ("Luxembourg", "Luxembourg", None), 0.0),
        (("unknown", "France", None), ("Paris", "France", None), 0.0),
    ],
)
def test_texts(said: tuple[str | None, ...], meant: tuple[str | None, ...], right: float) -> None:
    predicted, truth = named_cities([said, meant])
    assert truth is not None
    assert city_correct(predicted, truth) == right


def test_a_text_without_a_city_names_none() -> None:
    assert named_cities([(None, "France", None), ("", "France", None), ("unknown", "unknown", None)]) == [None] * 3
    assert named_cities([]) == []
