"""The nearest places, in bands of latitude, one by one and by a tree, against a look at all of them."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from globe_eval.places import gazetteer, nearest
from globe_eval.places.gazetteer import CITY, COUNTRY, LANDMARK

WAYS = {"in bands": (0, nearest.AROUND_KM), "by a tree": (0, ()), "one by one": (10**6, ())}


def take(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    few, around = WAYS[way]
    monkeypatch.setattr(nearest, "FEW", few)
    monkeypatch.setattr(nearest, "AROUND_KM", around)


def column(gaz: gazetteer.Gazetteer, name: str, dtype: str) -> np.ndarray:
    return np.frombuffer(getattr(gaz, name), dtype=dtype)


def test_nearest_agrees_with_brute_force() -> None:
    chance = np.random.default_rng(3)
    lats = np.append(np.degrees(np.arcsin(chance.uniform(-1, 1, 40))), [90, -90, 0, 0, -17.0])
    lons = np.append(chance.uniform(-180, 180, 40), [0, 55, 180, -180, 179.999])
    places, km = nearest.nearest(lats, lons)
    gaz = gazetteer.load()
    rows = np.flatnonzero(column(gaz, "kind", "u1") >= CITY)
    phi, lam = (np.radians(column(gaz, name, "<i4")[rows] / 1e5) for name in ("lat", "lon"))
    for lat, lon, place, found in zip(np.radians(lats), np.radians(lons), places, km, strict=True):
        h = np.sin((phi - lat) / 2) ** 2 + np.cos(phi) * np.cos(lat) * np.sin((lam - lon) / 2) ** 2
        brute = 2 * 6371.0 * np.arcsin(np.sqrt(h))
        assert found == pytest.approx(brute.min(), abs=1e-6)
        at = np.flatnonzero(brute <= brute.min() + 1e-6)
        assert place.geonameid in column(gaz, "geonameid", "<u4")[rows][at]


@pytest.mark.parametrize("n", [0, 1, 16_384, 16_385, 40_000])
def test_points_on_the_sphere_are_computed_in_pieces_like_at_once(n: int) -> None:
    chance = np.random.default_rng(n)
    lat, lon = chance.uniform(-90, 90, n), chance.uniform(-180, 180, n)
    x, y, z = nearest.unit_vectors(lat, lon).T
    assert np.allclose(np.degrees(np.arcsin(z)), lat, atol=1e-6)
    assert np.allclose(np.degrees(np.arctan2(y, x)), lon, atol=1e-9)


def points_everywhere(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Near towns, anywhere, and where a map of the world ends."""
    chance = np.random.default_rng(n)
    lat, lon, _ = nearest.positions()
    some = chance.integers(0, len(lat), n)
    lats = [lat[some] + chance.normal(0, 0.1, n), np.degrees(np.arcsin(chance.uniform(-1, 1, n))), [90, -90, -17, 52.3]]
    lons = [lon[some] + chance.normal(0, 0.1, n), chance.uniform(-180, 180, n), [0, 55, 179.999, -180]]
    return np.clip(np.concatenate(lats), -90, 90), np.clip(np.concatenate(lons), -180, 180)


@pytest.mark.parametrize(("kind", "k"), [(CITY, 1), (COUNTRY, 1), (LANDMARK, 8), (CITY, 64)])
def test_all_ways_find_the_same_places(monkeypatch, kind: int, k: int) -> None:
    lats, lons = points_everywhere(150)
    found = {}
    for way in WAYS:
        take(way, monkeypatch)
        chord, rows = found[way] = nearest.closest(lats, lons, kind, k)
        assert chord.tolist() == found["in bands"][0].tolist()
        assert rows.tolist() == found["in bands"][1].tolist()
    lat, lon = (column(gazetteer.load(), name, "<i4")[rows] / 1e5 for name in ("lat", "lon"))
    off = nearest.unit_vectors(lat.ravel(), lon.ravel()).reshape(*rows.shape, 3)
    off = off - nearest.unit_vectors(lats, lons)[:, None]
    assert np.allclose(np.sqrt((off**2).sum(axis=-1)), chord, atol=1e-15)


@pytest.mark.parametrize("population", [10_000, 1_000_001])
def test_whether_a_city_is_near_is_what_a_look_at_every_city_says(monkeypatch, population: int) -> None:
    lats, lons = points_everywhere(300)
    lat, lon, rows = nearest.positions(CITY, population)
    assert (column(gazetteer.load(), "population", "<u4")[rows] >= population).all()
    cities = nearest.unit_vectors(lat, lon)
    least = [np.sqrt(((cities - point) ** 2).sum(axis=1).min()) for point in nearest.unit_vectors(lats, lons)]
    for km, few in ((10.0, 0), (10.0, 10**6), (300.0, 0), (2_000.0, 0)):
        monkeypatch.setattr(nearest, "FEW", few)
        found = nearest.any_within(lats, lons, km, population)
        assert found.tolist() == [chord < 2 * np.sin(km / 6371.0 / 2) for chord in least]
        assert 0 < found.mean() < 1


@pytest.mark.parametrize("few", [0, 1_000])
def test_the_nearest_place_within_some_km_is_the_nearest_of_all_or_none(monkeypatch, few: int) -> None:
    lats, lons = points_everywhere(150)
    take("one by one", monkeypatch)
    places, km = nearest.nearest(lats, lons)
    monkeypatch.setattr(nearest, "FEW", few)
    for within in (5.0, 50.0):
        expected = [place if off <= within else None for place, off in zip(places, km, strict=True)]
        assert nearest.nearest_within(lats, lons, within) == expected
        assert 0 < sum(place is None for place in expected) < len(lats)
    assert nearest.nearest_within(lats[:0], lons[:0], 50.0) == []


def test_nearest_of_nothing_is_nothing() -> None:
    places, km = nearest.nearest([], [])
    assert places == []
    assert km.shape == (0,)


def test_of_places_at_one_point_the_first_row_is_the_nearest_however_many_points_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lat, lon, rows = nearest.positions(CITY)
    at: dict[tuple[float, float], list[int]] = {}
    for north, east, row in zip(lat.tolist(), lon.tolist(), rows.tolist(), strict=True):
        at.setdefault((north, east), []).append(row)
    shared = {point: here for point, here in at.items() if len(here) > 1}
    assert len(shared) > 20
    north, east = (np.array(axis) for axis in zip(*shared, strict=True))
    for way in WAYS:
        take(way, monkeypatch)
        assert nearest.closest(north, east)[1][:, 0].tolist() == [here[0] for here in shared.values()], way
        assert nearest.closest(north, east, k=2)[1].tolist() == [here[:2] for here in shared.values()], way


def test_photographs_near_towns_need_no_scipy() -> None:
    code = (
        "import sys; from globe_eval.places import nearest; lat, lon, _ = nearest.positions();"
        "nearest.closest(lat[::500] + 0.01, lon[::500]); print('scipy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
