from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globe_eval import scoring
from globe_eval.answers import Answer
from globe_eval.benchmarks.ceilings import _answers, _at_nearest, ceilings
from globe_eval.metrics.accuracy import THRESHOLDS_KM, acc_name
from globe_eval.places import gazetteer, haversine_km
from globe_eval.places.nearest import nearest
from globe_eval.sample import ANSWER_FORMS, AnswerForm, Sample, Truth

NAMES = [acc_name(km) for km in THRESHOLDS_KM.values()]
PUBLISHED = {"names": (38.5, 89.7, 94.2, 95.8, 98.7), "address": (39.5, 94.9, 99.7, 99.9, 99.9)}


@pytest.fixture(scope="module")
def im2gps3k(shared_data: Path) -> tuple[np.ndarray, np.ndarray]:
    with (shared_data / "im2gps3k" / "im2gps3k_places365.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return np.array([float(row["LAT"]) for row in rows]), np.array([float(row["LON"]) for row in rows])


@pytest.mark.parametrize("form", ["names", "address"])
def test_im2gps3k_has_the_published_ceiling(im2gps3k: tuple[np.ndarray, np.ndarray], form: AnswerForm) -> None:
    measured = [100 * value for value in ceilings(*im2gps3k, form).ceiling.values()]
    assert measured == pytest.approx(PUBLISHED[form], abs=0.5)


@pytest.mark.parametrize("form", ["names", "address"])
def test_what_is_attainable_lies_between_the_ceiling_and_the_nearest_point_of_the_gazetteer(
    im2gps3k: tuple[np.ndarray, np.ndarray], form: AnswerForm
) -> None:
    lats, lons = im2gps3k[0][::37], im2gps3k[1][::37]
    gaz = gazetteer.load()
    lat, lon = (np.frombuffer(column, dtype=np.int32) / 1e5 for column in (gaz.lat, gaz.lon))
    nearest = np.array([haversine_km(a, o, lat, lon).min() for a, o in zip(lats, lons, strict=True)])
    low, high = ceilings(lats, lons, form, distance="haversine")
    for name, km in zip(NAMES, THRESHOLDS_KM.values(), strict=True):
        assert low[name] <= high[name] <= np.mean(nearest <= km)
    assert high["acc@200km"] == 1.0
    assert form == "address" or low["acc@200km"] < 0.97


def test_coordinates_reach_every_photograph_and_nothing_is_not_a_number() -> None:
    assert ceilings([0.0, -90.0], [-30.0, 10.0], "coordinates") == (dict.fromkeys(NAMES, 1.0),) * 2
    for form in ANSWER_FORMS:
        assert all(math.isnan(value) for reached in ceilings([], [], form) for value in reached.values())


def test_a_homonym_takes_the_answer_away_and_the_state_brings_it_back() -> None:
    springfield_missouri, capital_of_illinois = (37.2090, -93.2923), (39.8017, -89.6437)
    lats, lons = zip(springfield_missouri, capital_of_illinois, strict=True)
    by_name, by_address = (ceilings(lats, lons, form).ceiling["acc@25km"] for form in ("names", "address"))
    assert (by_name, by_address) == (0.5, 1.0), "one of the two is meant by the name alone"


def test_where_nobody_lives_no_name_is_near() -> None:
    figures = ceilings([-48.9], [-123.4], "names")
    assert figures.attainable["acc@750km"] == 0.0, "Point Nemo is 2,700 km from land"


def test_a_place_that_is_read_as_a_region_is_passed_over() -> None:
    stornoway = ([58.209], [-6.387])
    assert ceilings(*stornoway, "names").ceiling["acc@25km"] == 1.0


def test_photographs_count_as_often_as_they_are_there() -> None:
    paris, nemo = (48.8566, 2.3522), (-48.9, -123.4)
    lats, lons = zip(paris, paris, paris, nemo, strict=True)
    assert ceilings(lats, lons, "names").ceiling["acc@25km"] == 0.75


@settings(deadline=None, max_examples=25)
@given(
    st.floats(-90, 90, allow_nan=False),
    st.floats(-180, 180, allow_nan=False),
    st.sampled_from(["names", "address"]),
)
def test_the_answer_of_the_nearest_city_never_beats_what_is_attainable(
    lat: float, lon: float, form: AnswerForm
) -> None:
    low, high = ceilings([lat], [lon], form, distance="haversine")
    assert all(low[name] <= high[name] for name in NAMES)
    (place,), _ = nearest([lat], [lon])
    answer = Answer(place.country_code, place.name)
    (score,) = scoring.score([Sample.of("x", Truth(lat, lon), answer=answer)], form="names", distance="haversine")
    assert score.distance_km is not None
    for km in THRESHOLDS_KM.values():
        assert form == "address" or float(score.distance_km <= km) <= high[acc_name(km)]


@pytest.mark.parametrize("form", ["names", "address"])
def test_one_query_for_the_nearest_row_settles_what_a_search_of_many_finds(form: AnswerForm) -> None:
    gaz, rng = gazetteer.load(), np.random.default_rng(7)
    rows = rng.choice(len(gaz), 150)  # of regions and countries, too
    lats, lons = (np.frombuffer(column, dtype=np.int32)[rows] / 1e5 for column in (gaz.lat, gaz.lon))
    points = np.column_stack([np.clip(lats + rng.normal(0, 0.2, 150), -90, 90), lons])
    points[:40] = np.column_stack([lats, lons])[:40]
    np.testing.assert_array_equal(_answers(points, form, all_rows=True), _answers(points, form))
    settled = ~np.isnan(_at_nearest(points, form)[:, 0])
    assert 20 < settled.sum() < 150


def test_ceilings_made_in_parts_are_those_of_all(im2gps3k: tuple[np.ndarray, np.ndarray], monkeypatch) -> None:
    lats, lons = im2gps3k[0][::29], im2gps3k[1][::29]
    whole = ceilings(lats, lons, "names")
    monkeypatch.setattr("globe_eval.benchmarks.ceilings._AT_ONCE", 30)
    assert ceilings(lats, lons, "names") == whole
