"""The way between two points, against PROJ's; the outline, against the borders that decide countries."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from pyproj import Geod, Transformer

from globe_eval.places.borders import countries_at
from globe_eval.places.distance import haversine_km
from globe_eval.reports.page import worldmap

SPHERE = Geod(a=6371000.0, b=6371000.0)
latitude, longitude = st.floats(-90, 90), st.floats(-180, 180)


@settings(derandomize=True, max_examples=200)
@given(latitude, longitude, latitude, longitude)
@example(35.0, 170.0, -20.0, -150.0)  # crosses the antimeridian
@example(60.0, 10.0, 70.0, -170.0)  # the same meridian, over the pole
@example(0.0, 0.0, 0.0, 180.0)  # antipodes
@example(10.0, 180.0, 12.0, -170.0)  # begins on the antimeridian
@example(5.0, 5.0, 5.0, 5.0)
def test_a_way_is_the_shortest_and_breaks_only_at_the_edge(a: float, b: float, c: float, d: float) -> None:
    lines = worldmap.great_circle(a, b, c, d)
    assert lines[0][0].tolist() == [b, a] and lines[-1][-1].tolist() == [d, c]
    length = sum(float(haversine_km(line[:-1, 1], line[:-1, 0], line[1:, 1], line[1:, 0]).sum()) for line in lines)
    assert length == pytest.approx(float(haversine_km(a, b, c, d)), rel=1e-3, abs=0.01)
    for before, after in itertools.pairwise(lines):
        assert abs(before[-1, 0]) == 180.0 and before[-1, 0] == -after[0, 0] and before[-1, 1] == after[0, 1]
    for line in lines:
        assert np.isfinite(line).all() and (np.abs(line) <= [180.0, 90.0]).all()
        assert (np.abs(np.diff(line[:, 0])) <= 180.0 + 1e-6).all(), "no line runs across the whole map"


@settings(derandomize=True, max_examples=100)
@given(st.floats(-85, 85), longitude, st.floats(-85, 85), longitude)
def test_a_way_lies_where_proj_says(a: float, b: float, c: float, d: float) -> None:
    assume(1.0 < float(haversine_km(a, b, c, d)) < 19_900)  # between antipodes there are many shortest ways
    points = np.vstack(worldmap.great_circle(a, b, c, d))
    middle = points[len(points) // 2]
    there = SPHERE.inv(b, a, middle[0], middle[1])[2] + SPHERE.inv(middle[0], middle[1], d, c)[2]
    assert there == pytest.approx(SPHERE.inv(b, a, d, c)[2], rel=1e-6, abs=1.0)


@settings(derandomize=True, max_examples=100)
@given(latitude, longitude)
def test_the_projection_is_equal_earth(lat: float, lon: float) -> None:
    reference = Transformer.from_crs("EPSG:4326", "+proj=eqearth +R=6371000", always_xy=True)
    east, north = reference.transform(lon, lat)
    edge, _ = reference.transform(180.0, 0.0)
    x, y = worldmap.project(lat, lon)
    assert float(x) == pytest.approx(500.0 + 500.0 * east / edge, abs=1e-3)
    assert float(y) == pytest.approx(worldmap.HEIGHT / 2 - 500.0 * north / edge, abs=1e-2)


def test_the_outline_has_the_codes_that_breakdowns_use() -> None:
    drawn = worldmap.countries()
    assert len(drawn) > 170
    for code, lat, lon in (
        ("FR", 47.0, 2.5),
        ("RU", 66.0, -173.0),
        ("FJ", -17.8, 178.0),
        ("XK", 42.6, 20.9),
        ("GF", 4.0, -53.0),
    ):
        assert countries_at([lat], [lon])[0] & {code}
        country = next(one for one in drawn if one.code == code)
        assert any(_inside(ring, lat, lon) for ring in country.rings), f"{lat}, {lon} is not drawn in {code}"


def test_no_outline_runs_across_the_map() -> None:
    for country in worldmap.countries():
        for ring in country.rings:
            assert (np.abs(ring) <= [180.0, 90.0]).all()
            assert np.abs(np.diff(ring[:, 0])).max() < 10.0, country.name


def _inside(ring: np.ndarray, lat: float, lon: float) -> bool:
    from shapely import Point, Polygon

    return Polygon(ring).contains(Point(lon, lat))
