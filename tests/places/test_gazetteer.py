from __future__ import annotations

import csv
import hashlib
import random
import subprocess
import sys
import zlib

import numpy as np
import pytest

from globe_eval.places import borders, gazetteer
from globe_eval.places.gazetteer import CAPITAL, CITY, COUNTRY, LANDMARK, LEVELS
from globe_eval.places.names import normalise

DATA = gazetteer.PATH.parent


@pytest.fixture(scope="module")
def gaz() -> gazetteer.Gazetteer:
    return gazetteer.load()


def column(gaz: gazetteer.Gazetteer, name: str, dtype: str) -> np.ndarray:
    return np.frombuffer(getattr(gaz, name), dtype=dtype)


def test_info_describes_the_file_that_is_read() -> None:
    info = gazetteer.info()
    assert info["sha256"] == hashlib.sha256(gazetteer.PATH.read_bytes()).hexdigest()
    assert "CC BY 4.0" in info["attribution"]
    assert "GeoNames" in info["attribution"]
    assert info["version"]
    assert "creativecommons.org/licenses/by/4.0" in (DATA / "gazetteer.LICENSE.md").read_text()


def test_it_takes_at_most_20_mb_of_the_wheel() -> None:
    assert len(zlib.compress(gazetteer.PATH.read_bytes(), 6)) < 20e6


def test_a_file_that_is_no_gazetteer_is_refused(tmp_path) -> None:
    (tmp_path / "x.bin").write_bytes(b"something else" * 10)
    with pytest.raises(ValueError, match="not a packed gazetteer"):
        gazetteer.Gazetteer(tmp_path / "x.bin")


def test_every_place_is_found_under_its_name(gaz) -> None:
    rows = random.Random(1).sample(range(len(gaz)), 4000)
    lost = [gaz.name(row) for row in rows if row not in [e >> 1 for e in gaz.find(normalise(gaz.name(row)))]]
    assert not lost


def test_what_is_no_name_is_not_found(gaz) -> None:
    chance = random.Random(2)
    keys = ["".join(chance.choices("bcdfghjklmnpqrstvwxz", k=14)) for _ in range(5000)]
    assert not any(len(gaz.find(key)) for key in keys)


def test_columns_are_within_range(gaz) -> None:
    lat, lon = column(gaz, "lat", "<i4") / 1e5, column(gaz, "lon", "<i4") / 1e5
    assert np.abs(lat).max() <= 90
    assert np.abs(lon).max() <= 180
    kind = column(gaz, "kind", "u1")
    assert set(kind) == set(range(len(LEVELS)))
    assert (kind >= CITY).sum() > 170_000
    assert (kind == COUNTRY).sum() == len(gaz.codes) == 250
    assert 235 <= (kind == CAPITAL).sum() <= 250


@pytest.mark.parametrize("code", ["FR", "US", "RU", "FJ", "SG", "NZ"])
def test_a_country_stands_at_its_population_centroid(gaz, code: str) -> None:
    kind, country = column(gaz, "kind", "u1"), column(gaz, "country", "u1")
    rows = np.flatnonzero((kind >= CITY) & (country == gaz.code_index[code]))
    phi, lam = (np.radians(column(gaz, name, "<i4")[rows] / 1e5) for name in ("lat", "lon"))
    people = column(gaz, "population", "<u4")[rows]
    x, y, z = (
        np.average(axis, weights=people) for axis in (np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi))
    )
    expected = np.degrees([np.arctan2(z, np.hypot(x, y)), np.arctan2(y, x)])
    assert np.allclose(gaz.position(gaz.code_index[code]), expected, atol=2e-5)


def test_nearest_agrees_with_brute_force(gaz) -> None:
    chance = np.random.default_rng(3)
    lats = np.append(np.degrees(np.arcsin(chance.uniform(-1, 1, 40))), [90, -90, 0, 0, -17.0])
    lons = np.append(chance.uniform(-180, 180, 40), [0, 55, 180, -180, 179.999])
    places, km = gazetteer.nearest(lats, lons)
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
    x, y, z = gazetteer.unit_vectors(lat, lon).T
    assert np.allclose(np.degrees(np.arcsin(z)), lat, atol=1e-6)
    assert np.allclose(np.degrees(np.arctan2(y, x)), lon, atol=1e-9)


def points_everywhere(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Near towns, anywhere, and where a map of the world ends."""
    chance = np.random.default_rng(n)
    lat, lon, _ = gazetteer.positions()
    some = chance.integers(0, len(lat), n)
    lats = [lat[some] + chance.normal(0, 0.1, n), np.degrees(np.arcsin(chance.uniform(-1, 1, n))), [90, -90, -17, 52.3]]
    lons = [lon[some] + chance.normal(0, 0.1, n), chance.uniform(-180, 180, n), [0, 55, 179.999, -180]]
    return np.clip(np.concatenate(lats), -90, 90), np.clip(np.concatenate(lons), -180, 180)


@pytest.mark.parametrize(("kind", "k"), [(CITY, 1), (COUNTRY, 1), (LANDMARK, 8), (CITY, 64)])
def test_few_points_and_many_find_the_same_places(monkeypatch, kind: int, k: int) -> None:
    lats, lons = points_everywhere(40)
    monkeypatch.setattr(gazetteer, "WORTH_A_TREE", 0)
    by_tree, _ = gazetteer.closest(lats, lons, kind, k)
    monkeypatch.setattr(gazetteer, "_trees", {})  # where there is a tree, it is asked
    monkeypatch.setattr(gazetteer, "WORTH_A_TREE", len(lats))
    chord, rows = gazetteer.closest(lats, lons, kind, k)
    assert chord.tolist() == by_tree.tolist()
    lat, lon = (column(gazetteer.load(), name, "<i4")[rows] / 1e5 for name in ("lat", "lon"))
    off = gazetteer.unit_vectors(lat.ravel(), lon.ravel()).reshape(*rows.shape, 3)
    off = off - gazetteer.unit_vectors(lats, lons)[:, None]
    assert np.allclose(np.sqrt((off**2).sum(axis=-1)), chord, atol=1e-15)


@pytest.mark.parametrize("population", [10_000, 1_000_001])
def test_whether_a_city_is_near_is_what_a_look_at_every_city_says(population: int) -> None:
    lats, lons = points_everywhere(300)
    lat, lon, rows = gazetteer.positions(CITY, population)
    assert (column(gazetteer.load(), "population", "<u4")[rows] >= population).all()
    cities = gazetteer.unit_vectors(lat, lon)
    least = [np.sqrt(((cities - point) ** 2).sum(axis=1).min()) for point in gazetteer.unit_vectors(lats, lons)]
    for km in (10.0, 300.0):
        found = gazetteer.any_within(lats, lons, km, population)
        assert found.tolist() == [chord < 2 * np.sin(km / 6371.0 / 2) for chord in least]
        assert 0 < found.mean() < 1


@pytest.mark.parametrize("many", [0, 1_000])
def test_the_nearest_place_within_some_km_is_the_nearest_of_all_or_none(monkeypatch, many: int) -> None:
    lats, lons = points_everywhere(150)
    places, km = gazetteer.nearest(lats, lons)
    monkeypatch.setattr(gazetteer, "_trees", {})
    monkeypatch.setattr(gazetteer, "_MANY_WITHIN", many)
    for within in (5.0, 50.0):
        expected = [place if off <= within else None for place, off in zip(places, km, strict=True)]
        assert gazetteer.nearest_within(lats, lons, within) == expected
        assert 0 < sum(place is None for place in expected) < len(lats)
    assert gazetteer.nearest_within(lats[:0], lons[:0], 50.0) == []


def test_nearest_of_nothing_is_nothing() -> None:
    places, km = gazetteer.nearest([], [])
    assert places == []
    assert km.shape == (0,)


def test_curated_places_lie_in_the_countries_that_they_name() -> None:
    with (DATA / "landmarks.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            (row, code) for row in csv.DictReader(file) for code in row["countries"].split() if row["kind"] != "country"
        ]
    assert len(rows) > 250
    steps = [(0.0, 0.0), (0.3, 0), (-0.3, 0), (0, 0.3), (0, -0.3), (0.3, 0.3), (-0.3, -0.3), (0.3, -0.3), (-0.3, 0.3)]
    lats = [max(-90.0, float(row["lat"]) + dy) for row, _ in rows for dy, _ in steps]
    lons = [float(row["lon"]) + dx for row, _ in rows for _, dx in steps]
    around = borders.countries_at(lats, lons)
    wrong = [
        (row["name"], code)
        for i, (row, code) in enumerate(rows)
        if code not in frozenset().union(*around[i * len(steps) : (i + 1) * len(steps)])
    ]
    assert not wrong


def test_curated_tables_are_in_the_packed_file(gaz) -> None:
    with (DATA / "landmarks.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] != "country"]
    packed = {
        (gaz.name(r), gaz.codes[gaz.country[r]], *gaz.position(r)) for r in range(len(gaz)) if LEVELS[gaz.kind[r]]
    }
    for row in rows:
        for code in row["countries"].split():
            assert (row["name"], code, float(row["lat"]), float(row["lon"])) in packed, "run scripts/build_gazetteer.py"
    assert any(gaz.kind[entry >> 1] == LANDMARK for entry in gaz.find("machu picchu"))


def test_a_first_lookup_needs_neither_numpy_nor_scipy() -> None:
    code = (
        "import sys; from globe_eval.places import resolve; assert resolve('Kyoto', 'Japan').country_code == 'JP';"
        "print(*(m for m in ('numpy', 'scipy', 'pandas', 'shapely', 'pyproj', 'sqlite3') if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_of_places_at_one_point_the_first_row_is_the_nearest_however_many_points_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lat, lon, rows = gazetteer.positions(gazetteer.CITY)
    at: dict[tuple[float, float], list[int]] = {}
    for north, east, row in zip(lat.tolist(), lon.tolist(), rows.tolist(), strict=True):
        at.setdefault((north, east), []).append(row)
    shared = {point: here for point, here in at.items() if len(here) > 1}
    assert len(shared) > 20
    north, east = (np.array(axis) for axis in zip(*shared, strict=True))
    for worth_a_tree in (0, 10**6):  # the tree, and a look at all places
        monkeypatch.setattr(gazetteer, "WORTH_A_TREE", worth_a_tree)
        monkeypatch.setattr(gazetteer, "_trees", {})
        assert gazetteer.closest(north, east)[1][:, 0].tolist() == [here[0] for here in shared.values()]
        both = gazetteer.closest(north, east, k=2)[1].tolist()
        assert both == [here[:2] for here in shared.values()]
