"""The drawings of reports and boards: charts, curves, the world map, and whether their colours can be told apart."""

from __future__ import annotations

import itertools
import math
import re
from collections import defaultdict
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from pyproj import Geod, Transformer
from sklearn.calibration import calibration_curve

import globe_eval.reports
from globe_eval.metrics.accuracy import THRESHOLDS_KM, within
from globe_eval.places.borders import countries_at
from globe_eval.places.distance import haversine_km
from globe_eval.reports.page import charts, svg, worldmap
from globe_eval.reports.page.maps import SIDE, cells, squares
from globe_eval.sample import Figure

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
    x = svg.logarithmic(charts.NEAREST_KM, charts.FARTHEST_KM, charts.LEFT, charts.WIDTH - charts.RIGHT)
    height = charts.HEIGHT - charts.BOTTOM - charts.TOP
    for km in THRESHOLDS_KM.values():
        at = min(curve, key=lambda point: abs(point[0] - x(km)))
        assert (charts.HEIGHT - charts.BOTTOM - at[1]) / height == pytest.approx(within(KM, km).mean(), abs=1e-3)


def test_risk_rises_to_what_is_wrong_of_all_that_state_a_confidence() -> None:
    (curve,) = points(charts.risk_coverage([LINE]), "line")
    height = charts.HEIGHT - charts.BOTTOM - charts.TOP
    assert (charts.HEIGHT - charts.BOTTOM - curve[-1][1]) / height == pytest.approx(4 / 7, abs=1e-3)
    assert curve[-1][0] == pytest.approx(charts.WIDTH - charts.RIGHT)


def test_the_bar_is_divided_in_proportion() -> None:
    bar = charts.status_bar([("city", 30), ("refused", 10), ("empty", 0)], "s")
    widths = [float(width) for width in re.findall(r'<rect x="[^"]*" y="0" width="([^"]*)"', bar)]
    assert widths == pytest.approx([750 - 1.5, 250 - 1.5])
    assert "city 30, refused 10" in bar and "empty" not in bar


def test_an_interval_that_is_not_known_is_not_drawn() -> None:
    known, unknown = Figure(0.5, 0.4, 0.6, n=9, n_groups=3), Figure(0.5, 0.5, 0.5, n=9, n_groups=1)
    rows = [("here", [known]), ("there", [unknown]), ("no", [None])]
    drawn = charts.whiskers(rows, "t", "w")
    assert drawn.count('class="line r0"') == 1 and drawn.count("<circle") == 2
    assert "here: 50.0 %; there: 50.0 %" in drawn


def test_names_are_text() -> None:
    drawn = charts.cumulative([LINE], "c") + charts.legend(["a < b", "<script>"]) + charts.reliability([LINE])
    assert "<script>" not in drawn and "a < b" not in drawn and "a &lt; b" in drawn


def test_nothing_located_and_no_confidence_is_still_a_chart() -> None:
    nothing = charts.Line("none", np.array([np.nan]), np.array([np.nan]))
    for chart in (charts.cumulative([nothing], "a"), charts.histogram([nothing], "b")):
        assert "NaN" not in chart and "nan" not in chart
    assert "nan" not in charts.reliability([nothing]) + charts.risk_coverage([nothing])


def test_more_runs_than_colours_differ_in_their_dashes() -> None:
    assert len({(i % 6, charts.dash(i)) for i in range(36)}) == 36


distances = st.lists(st.one_of(st.just(float("nan")), st.floats(0, 20_003)), min_size=1, max_size=60)


@settings(derandomize=True, max_examples=100)
@given(distances)
def test_the_cumulative_curve_is_the_accuracy_at_the_thresholds(km: list[float]) -> None:
    shares = charts.share_within(km, list(THRESHOLDS_KM.values()))
    accuracies = [within(km, threshold).mean() for threshold in THRESHOLDS_KM.values()]
    assert shares.tolist() == pytest.approx(accuracies)
    whole = charts.share_within(km, charts.distance_grid())
    assert (np.diff(whole) >= 0).all() and whole[-1] == pytest.approx(np.isfinite(km).mean())


@settings(derandomize=True, max_examples=100)
@given(distances)
def test_every_located_photograph_is_in_the_histogram_once(km: list[float]) -> None:
    edges, share = charts.bins_of_distance(km)
    assert share.sum() == pytest.approx(np.isfinite(km).mean())
    assert edges[0] == charts.NEAREST_KM and edges[-1] == charts.FARTHEST_KM


def test_reliability_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    p = rng.uniform(0.001, 0.999, 500)
    y = (rng.uniform(size=500) < p**2).astype(float)
    located, confidence = calibration_curve(y, p, n_bins=10)
    bins = charts.bins_of_confidence(np.append(p, np.nan), np.append(y, 1.0))
    assert [b.located for b in bins] == pytest.approx(located.tolist())
    assert [b.confidence for b in bins] == pytest.approx(confidence.tolist())
    assert sum(b.n for b in bins) == 500


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


CSS = (Path(globe_eval.reports.__file__).parent / "style.css").read_text(encoding="utf-8")
SIGHT = {
    "everyone": np.eye(3),
    # Machado, Oliveira & Fernandes, "A physiologically-based model for simulation of color vision deficiency", IEEE
    # TVCG 15(6), 2009: severity 1.0, on linear RGB.
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}


def palette(scheme: str) -> dict[str, str]:
    light, dark = re.findall(r":root \{(.*?)\}", CSS, re.S)[:2]
    values = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", light))
    return values | (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", dark)) if scheme == "dark" else {})


def linear(colour: str) -> np.ndarray:
    value = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(np.clip(to_xyz @ np.clip(rgb, 0, 1) / [0.9505, 1.0, 1.089], 1e-6, None))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(a: str, b: str) -> float:
    high, low = sorted((float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (a, b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_classes_of_distance_can_be_told_apart(scheme: str, sight: str) -> None:
    colours = palette(scheme)
    seen = {name: lab(np.array(SIGHT[sight]) @ linear(colours[name])) for name in ("d0", "d1", "d2", "d3", "d4", "d5")}
    for a, b in itertools.combinations(seen, 2):
        assert np.linalg.norm(seen[a] - seen[b]) > 11, f"{a} and {b} look alike ({scheme}, {sight})"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(scheme: str) -> None:
    colours = palette(scheme)
    for ink, paper in (("ink", "paper"), ("soft", "paper"), ("soft", "sunken"), ("accent", "panel"),
                       ("good", "good-paper"), ("bad", "bad-paper"), ("accent-ink", "accent")):  # fmt: skip
        assert contrast(colours[ink], colours[paper]) >= 4.5, f"{ink} on {paper} ({scheme})"
    for run in range(6):
        assert contrast(colours[f"r{run}"], colours["panel"]) >= 3.0, f"r{run} ({scheme})"


PHOTOGRAPHS = st.lists(
    st.tuples(st.floats(-90, 90), st.floats(-180, 180), st.none() | st.floats(0, 20_000)), min_size=1, max_size=60
)


@given(PHOTOGRAPHS)
def test_every_photograph_is_in_one_cell_with_the_median_of_its_own(
    photographs: list[tuple[float, float, float]],
) -> None:
    expected: dict[tuple[float, float], list[float]] = defaultdict(list)
    for lat, lon, km in photographs:
        x, y = (float(axis) for axis in worldmap.project(lat, lon))
        expected[(x // SIDE + 0.5) * SIDE, (y // SIDE + 0.5) * SIDE].append(math.inf if km is None else km)
    found = cells(*zip(*[(lat, lon, math.nan if km is None else km) for lat, lon, km in photographs], strict=True))
    assert {(cell.x, cell.y): (cell.n, math.inf if cell.km is None else cell.km) for cell in found} == {
        at: (len(those), median(those)) for at, those in expected.items()
    }
    assert len({(cell.x, cell.y) for cell in found}) == len(found)


@given(PHOTOGRAPHS)
def test_a_square_lies_within_its_cell_and_more_photographs_make_it_larger(
    photographs: list[tuple[float, float, float]],
) -> None:
    found = sorted(cells(*zip(*[(lat, lon, 1.0) for lat, lon, _ in photographs], strict=True)), key=lambda one: one.n)
    sides = [one.side for one in found]
    assert sides == sorted(sides) and sides[0] > 0 and sides[-1] <= SIDE


def test_without_photographs_there_is_no_cell() -> None:
    assert cells([], [], []) == []


def test_a_square_is_drawn_around_the_middle_of_its_cell() -> None:
    (cell,) = cells([0.0, 0.0], [1.0, 1.0], [1.0, 3.0])
    assert (cell.n, cell.km, cell.side) == (2, 2.0, SIDE)
    assert squares([cell]) == "M498 240h6v6h-6z"
