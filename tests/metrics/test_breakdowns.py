from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globe_eval.metrics.breakdowns import CITY_KM, CITY_SIZES, DIMENSIONS, city_sizes, labels, parts
from globe_eval.places import gazetteer, haversine_km


@pytest.mark.parametrize(
    "point, named, country, continent",
    [
        ((48.8606, 2.3376), None, "FR", "EU"),
        ((-21.26, 55.30), None, "RE", "AF"),
        ((43.1155, 131.8855), None, "RU", "EU"),
        ((35.1856, 33.3823), None, "CY", "EU"),
        ((44.6, 33.52), None, "RU", "EU"),
        ((44.6, 33.52), "Ukraine", "UA", "EU"),
        ((-77.85, 166.67), None, "AQ", "AN"),
        ((0.0, -30.0), None, None, None),
        ((0.0, -30.0), "Brasilien", "BR", "SA"),
        ((48.8606, 2.3376), "Nowhereland", "FR", "EU"),
    ],
)
def test_the_named_country_wins_over_the_point(
    point: tuple[float, float], named: str | None, country: str | None, continent: str | None
) -> None:
    found = labels([point[0]], [point[1]], [named])
    assert (found["country"], found["continent"]) == ([country], [continent])


@pytest.mark.parametrize(
    "point, size",
    [
        ((48.8606, 2.3376), "metropolis"),
        ((51.5142, -0.0931), "metropolis"),
        ((39.9163, 116.3972), "metropolis"),
        ((40.758, -73.9855), "metropolis"),
        ((47.3769, 8.5417), "city"),
        ((48.0794, 7.3585), "town"),
        ((27.9881, 86.925), "rural"),
        ((0.0, -30.0), "rural"),
    ],
)
def test_a_quarter_of_a_metropolis_is_no_village(point: tuple[float, float], size: str) -> None:
    assert city_sizes([point[0]], [point[1]]) == [size], "the Louvre, the City of London, the Forbidden City …"


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_the_size_is_that_of_the_largest_place_around(seed: int) -> None:
    gaz = gazetteer.load()
    rng = np.random.default_rng(seed)
    town = int(rng.choice(np.flatnonzero(np.frombuffer(gaz.kind, dtype=np.uint8) >= gazetteer.CITY)))
    lat, lon = (float(degrees + rng.normal(0, 0.05)) for degrees in gaz.position(town))
    lat = min(90.0, max(-90.0, lat))
    away = haversine_km(
        lat, lon, np.frombuffer(gaz.lat, dtype=np.int32) / 1e5, np.frombuffer(gaz.lon, dtype=np.int32) / 1e5
    )
    around = (away <= CITY_KM) & (np.frombuffer(gaz.kind, dtype=np.uint8) >= gazetteer.CITY)
    largest = int(np.frombuffer(gaz.population, dtype=np.uint32)[around].max(initial=0))
    expected = (
        "metropolis"
        if largest > 1_000_000
        else "city"
        if largest >= 100_000
        else "town"
        if largest >= 10_000
        else "rural"
    )
    assert city_sizes([lat], [lon]) == [expected]


def test_unknown_is_in_no_part() -> None:
    found = labels([0.0, 48.86], [-30.0, 2.34])
    assert set(found) == set(DIMENSIONS)
    assert found["scene"] == [None, None] and parts(found["scene"]) == {}
    assert [rows.tolist() for rows in parts(found["country"]).values()] == [[1]]


def test_parts_are_ordered_and_small_ones_left_out() -> None:
    sizes = ["rural", "city", "metropolis", "city", None, "town"]
    assert list(parts(sizes)) == list(CITY_SIZES)
    assert {label: rows.tolist() for label, rows in parts(sizes, at_least=2).items()} == {"city": [1, 3]}
    assert list(parts(["urban", "indoor", "natural"])) == ["indoor", "natural", "urban"]


def test_no_photographs_have_no_labels() -> None:
    assert labels([], []) == {dimension: [] for dimension in DIMENSIONS}
