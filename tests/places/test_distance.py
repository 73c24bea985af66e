from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from geographiclib.geodesic import Geodesic
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics.pairwise import haversine_distances

from globe_eval.places.distance import DISTANCES, geodesic_km, haversine_km

Distance = Callable[..., Any]
MILLIMETRE_KM = 1e-6
BOTH = pytest.mark.parametrize("distance", [geodesic_km, haversine_km])

latitudes = st.floats(-90, 90)
longitudes = st.floats(-180, 180)
points = st.tuples(latitudes, longitudes)


def hard_pairs(n: int, seed: int) -> np.ndarray:
    """(n, 4): uniform on the sphere, and a tenth each near poles, antipodes, the antimeridian, the same point."""
    rng = np.random.default_rng(seed)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, (2, n))))
    lon = rng.uniform(-180, 180, (2, n))
    tenth = np.array_split(np.arange(n), 10)
    small = lambda rows: rng.normal(size=rows.size) * 10.0 ** rng.uniform(-9, 0, rows.size)  # noqa: E731
    lat[0, tenth[0]] = np.sign(lat[0, tenth[0]]) * 90
    lat[0, tenth[1]], lon[1, tenth[1]] = 90 - abs(small(tenth[1])), lon[0, tenth[1]] + 180
    for rows in tenth[2:5]:
        lat[1, rows], lon[1, rows] = -lat[0, rows] + small(rows), lon[0, rows] + 180 + small(rows)
    lat[1, tenth[4]], lon[1, tenth[4]] = -lat[0, tenth[4]], lon[0, tenth[4]] + 180  # antipodes to the bit
    lat[:, tenth[5][:200]], lon[1, tenth[5]] = 0, lon[0, tenth[5]] + 179.5 + small(tenth[5])  # along the equator
    lon[0, tenth[6]], lon[1, tenth[6]] = 180 - abs(small(tenth[6])), -180 + abs(small(tenth[6]))
    lat[1, tenth[7]], lon[1, tenth[7]] = lat[0, tenth[7]], lon[0, tenth[7]]
    lat[1, tenth[8]], lon[1, tenth[8]] = lat[0, tenth[8]] + small(tenth[8]), lon[0, tenth[8]] + small(tenth[8])
    return np.stack([lat[0].clip(-90, 90), lon[0], lat[1].clip(-90, 90), lon[1]], axis=1)


def test_geodesic_is_geographiclib_to_a_millimetre() -> None:
    pairs = hard_pairs(100_000, seed=0)
    inverse, mask = Geodesic.WGS84.Inverse, Geodesic.DISTANCE
    expected = np.array([inverse(*pair, mask)["s12"] / 1000 for pair in pairs.tolist()])
    assert (expected > 19_900).sum() > 20_000 and (expected == 0).sum() >= 10_000  # the hard ones are among them
    np.testing.assert_allclose(geodesic_km(*pairs.T), expected, rtol=0, atol=MILLIMETRE_KM)


def test_haversine_is_sklearns_and_the_geodesic_of_a_sphere() -> None:
    pairs = hard_pairs(3_000, seed=1)
    # arcsin amplifies rounding near antipodes (by about 1 / sqrt(2 * 1e-16)): within a metre there.
    sphere = Geodesic(6371.0, 0)
    expected = np.array([sphere.Inverse(*pair)["s12"] for pair in pairs.tolist()])
    np.testing.assert_allclose(haversine_km(*pairs.T), expected, rtol=1e-12, atol=1e-3)
    radians = np.radians(pairs)
    by_sklearn = 6371.0 * np.array([haversine_distances(p[None, :2], p[None, 2:])[0, 0] for p in radians])
    far = expected < 19_900
    np.testing.assert_allclose(haversine_km(*pairs.T)[far], by_sklearn[far], rtol=1e-9, atol=1e-8)


def test_the_two_differ_by_at_most_the_flattening() -> None:
    lat1, lon1, lat2, lon2 = hard_pairs(20_000, seed=2).T
    geodesic, sphere = geodesic_km(lat1, lon1, lat2, lon2), haversine_km(lat1, lon1, lat2, lon2)
    apart = geodesic > 1e-3
    assert np.max(np.abs(sphere[apart] / geodesic[apart] - 1)) < 0.0057


@pytest.mark.parametrize(
    ("pair", "km"),
    [
        ((0, 0, 0, 90), 10_018.754171),  # a quarter of the equator: pi/2 * 6378.137
        ((0, 0, 90, 0), 10_001.965729),  # the quarter meridian of WGS84
        ((90, 0, -90, 77), 20_003.931459),  # pole to pole
        ((0, 179.5, 0, -179.5), 111.319491),  # a degree of the equator, over the antimeridian
    ],
)
def test_geodesic_known_lengths(pair: tuple[float, ...], km: float) -> None:
    assert geodesic_km(*pair) == pytest.approx(km, abs=MILLIMETRE_KM)


@BOTH
@given(a=points, b=points)
@settings(derandomize=True, deadline=None)
def test_symmetric_bounded_and_zero_for_the_same_point(distance: Distance, a: Any, b: Any) -> None:
    there, back = distance(*a, *b), distance(*b, *a)
    assert there == pytest.approx(float(back), abs=MILLIMETRE_KM)
    assert 0 <= there <= 20_016
    assert distance(*a, *a) == 0


@BOTH
@given(a=points, b=points, c=points)
@settings(derandomize=True, deadline=None)
def test_triangle(distance: Distance, a: Any, b: Any, c: Any) -> None:
    # The haversine loses half its digits near antipodes, hence the metre.
    assert distance(*a, *c) <= distance(*a, *b) + distance(*b, *c) + 1e-3


@BOTH
@given(a=points, b=points, turns=st.integers(-3, 3))
@settings(derandomize=True, deadline=None)
def test_whole_turns_of_longitude_change_nothing(distance: Distance, a: Any, b: Any, turns: int) -> None:
    turned = distance(a[0], a[1] + 360 * turns, *b)
    assert turned == pytest.approx(float(distance(*a, *b)), abs=1e-3)


@BOTH
def test_an_element_does_not_depend_on_its_batch(distance: Distance) -> None:
    pairs = hard_pairs(1_000, seed=3)
    whole = distance(*pairs.T)
    assert whole.tobytes() == np.array([distance(*pair) for pair in pairs]).tobytes()
    for start, stop in [(0, 7), (3, 20), (500, 999)]:
        assert whole[start:stop].tobytes() == distance(*pairs[start:stop].T).tobytes()
    assert whole[::3].tobytes() == distance(*np.asfortranarray(pairs[::3]).T).tobytes()


@BOTH
def test_broadcasts_and_returns_float64_arrays(distance: Distance) -> None:
    grid = distance(np.zeros((3, 1)), 0, 0, np.arange(4))
    assert grid.shape == (3, 4) and grid.dtype == np.float64
    assert isinstance(distance(0, 0, 1, 1), np.ndarray) and distance(0, 0, 1, 1).shape == ()
    assert distance([], [], [], []).shape == (0,)
    assert distance(np.float32(1), 0, [1, 2], 0).dtype == np.float64


@BOTH
@pytest.mark.parametrize("position", range(4))
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_point_has_no_distance_and_spoils_no_other(distance: Distance, position: int, value: float) -> None:
    pairs = hard_pairs(5, seed=4)
    clean = distance(*pairs.T)
    pairs[2, position] = value
    spoilt = distance(*pairs.T)
    assert np.isnan(spoilt[2])
    assert np.array_equal(np.delete(spoilt, 2), np.delete(clean, 2))


@BOTH
def test_a_latitude_beyond_the_pole_has_no_distance(distance: Distance) -> None:
    km = distance([90.0, np.nextafter(90, 91), -90.0, -91.0], 0, 0, 0)
    assert np.isnan(km).tolist() == [False, True, False, True]


def test_the_arguments_are_left_alone() -> None:
    lat = np.array([1.0, np.nan])
    geodesic_km(lat, lat, lat, lat)
    haversine_km(lat, lat, lat, lat)
    assert np.array_equal(lat, [1.0, np.nan], equal_nan=True)


def test_the_flag_names_both_with_the_geodesic_first() -> None:
    assert list(DISTANCES) == ["geodesic", "haversine"]
    assert DISTANCES["geodesic"] is geodesic_km and DISTANCES["haversine"] is haversine_km


def test_geodesic_needs_neither_proj_data_nor_a_network(tmp_path: Path) -> None:
    nowhere = {"PROJ_DATA": str(tmp_path), "PROJ_LIB": str(tmp_path), "PROJ_NETWORK": "ON"}
    closed = {"PROJ_NETWORK_ENDPOINT": "http://127.0.0.1:9", "PROJ_USER_WRITABLE_DIRECTORY": str(tmp_path)}
    code = "from globe_eval.places.distance import geodesic_km; print(float(geodesic_km(0, 0, 0.5, 179.7).round(3)))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **nowhere, **closed},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(done.stdout) == 19_944.127  # the pair at which Vincenty's iteration fails: 19944.127421 km
    assert not list(tmp_path.iterdir())
