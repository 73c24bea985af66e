from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import pytest

from globe_eval.metrics.name_accuracy import city_correct, country_correct, named_cities

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "metrics.json").read_text(encoding="utf-8"))


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
