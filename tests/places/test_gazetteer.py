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
