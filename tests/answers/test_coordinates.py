"""Angles and pairs, written in many ways and read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globe_eval.answers import parse
from globe_eval.answers.coordinates import angle, leading_pair, pair, stated_pairs

POSITIONS = json.loads((Path(__file__).parents[1] / "golden" / "positions.json").read_text(encoding="utf-8"))
FORMS = [
    "{degrees}°{minutes}′{seconds}″{letter}",
    "{degrees}° {minutes}' {seconds}\" {letter}",
    "{degrees}°{minutes}'{seconds}''{letter}",
    "{degrees} degrees {minutes} minutes {seconds} seconds {letter}",
    "{degrees}d{minutes}m{seconds}s {letter}",
    "{letter} {degrees}° {minutes}′ {seconds}″",
    "{letter}{degrees}°{minutes}'{seconds}\"",
]


@given(
    form=st.sampled_from(FORMS),
    lat=st.tuples(st.integers(0, 89), st.integers(0, 59), st.integers(0, 59), st.sampled_from("NS")),
    lon=st.tuples(st.integers(0, 179), st.integers(0, 59), st.integers(0, 59), st.sampled_from("EW")),
    swapped=st.booleans(),
)
def test_degree_minute_second(
    form: str, lat: tuple[int, int, int, str], lon: tuple[int, int, int, str], swapped: bool
) -> None:
    def written(part: tuple[int, int, int, str]) -> str:
        return form.format(degrees=part[0], minutes=part[1], seconds=part[2], letter=part[3])

    def expected(part: tuple[int, int, int, str]) -> float:
        return (part[0] + part[1] / 60 + part[2] / 3600) * (-1 if part[3] in "SW" else 1)

    assert angle(written(lat), "lat") == pytest.approx(expected(lat), abs=1e-9)
    text = ", ".join([written(lon), written(lat)] if swapped else [written(lat), written(lon)])
    for found in (pair(text), stated_pairs(f"It lies at {text}, I think.")[0].pair):
        assert found == pytest.approx((expected(lat), expected(lon)), abs=1e-9)


@pytest.mark.parametrize(
    ("text", "axis", "expected"),
    [
        ("48.85", "lat", 48.85),
        ("+48.85", "lat", 48.85),
        ("–33.9", "lat", -33.9),
        ("~48.85°", "lat", 48.85),
        ("approximately 40.0", "lat", 40.0),
        ("48,8566", "lat", 48.8566),
        ("33.9 South", "lat", -33.9),
        ("-33.9 S", "lat", -33.9),
        ("+33.9 S", "lat", None),
        ("-33.9 N", "lat", None),
        ("N 33.9 S", "lat", None),
        ("2.35 E", "lat", None),
        ("2.35 E", "lon", 2.35),
        ("90", "lat", 90.0),
        ("90.0001", "lat", None),
        ("180.0", "lon", 180.0),
        ("180.5", "lon", None),
        ("1234", "lat", None),
        ("48 to 52", "lat", None),
        ("48-52", "lat", None),
        ("48° N – 52° N", "lat", None),
        ("48%", "lat", None),
        ("48 km", "lat", None),
        ("20°C", "lat", None),
        ("unknown", "lat", None),
        ("", "lat", None),
        ("48.5°30'N", "lat", None),
        ("48°60'N", "lat", None),
    ],
)
def test_one_angle(text: str, axis: str, expected: float | None) -> None:
    assert angle(text, axis) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("48, 2", (48, 2)),
        ("48 2", (48, 2)),
        ("48/2", (48, 2)),
        ("[48.85; 2.35]", (48.85, 2.35)),
        ("**(48.85, 2.35)**.", (48.85, 2.35)),
        ("'48.85, 2.35'", (48.85, 2.35)),
        ("1,5, 2,5", (1.5, 2.5)),
        ("48.85 N 2.35", (48.85, 2.35)),
        ("2.35 E, 48.85", (48.85, 2.35)),
        ("48.85 N, 2.35 S", None),
        ("48.85", None),
        ("1, 2, 3", None),
        ("91, 2", None),
        ("2, 181", None),
        ("48.85, 2.35 or 48.9, 2.4", None),
        ("", None),
    ],
)
def test_a_pair_alone(text: str, expected: tuple[float, float] | None) -> None:
    assert pair(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("48.85, 2.35 (the centre)", (48.85, 2.35)),
        ("about 48.85° N, 2.35° E in the north", (48.85, 2.35)),
        ("48, 2", (48, 2)),
        ("48 to 52, 2 to 4", None),
        ("48.85, 2.35 km", None),
        ("in the north", None),
    ],
)
def test_a_pair_behind_a_label(text: str, expected: tuple[float, float] | None) -> None:
    assert leading_pair(text) == expected


def test_the_label_can_give_the_order() -> None:
    assert leading_pair("2.35, 48.85", longitude_first=True) == (48.85, 2.35)
    assert leading_pair("2.35 N, 48.85", longitude_first=True) is None
    assert leading_pair("48.85, 95.0", longitude_first=True) is None


@given(st.integers(-999, 999), st.integers(-999, 999), st.sampled_from([" and ", ", ", " to ", "-", "/"]))
def test_integers_in_prose_are_no_pair(first: int, second: int, joint: str) -> None:
    assert stated_pairs(f"There are {first}{joint}{second} of them.") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Signs in French. Final: 48.85, 2.35", [(48.85, 2.35)]),
        ("The photo was taken near 48.85, 2.35.", [(48.85, 2.35)]),
        ("Best guess → 48.8, -2.3 (a village)", [(48.8, -2.3)]),
        ("The location is most likely about -33.9 / 151.25", []),
        ("The location is most likely about -33.91 / 151.25", [(-33.91, 151.25)]),
        ("It must be 48.85°, 2.35°, by the river", [(48.85, 2.35)]),
        ("between 20.5°, 30.1° C and more", []),
        ("The location is rated 4.5, 3.2", []),
        ("Answer: 48, 2", []),
        ("The image is 4.5, 3.2 m wide", []),
        ("The place is 4.5/5.0 for food", []),
    ],
)
def test_a_pair_that_a_sentence_concludes(text: str, expected: list[tuple[float, float]]) -> None:
    assert [found.pair for found in stated_pairs(text)] == expected


@pytest.mark.parametrize("case", POSITIONS, ids=[case["response"][:40] for case in POSITIONS])
def test_positions_as_models_write_them(case: dict[str, Any]) -> None:
    """Written down before they were read first (73 of 79 right then); within a second of arc."""
    answer = parse(case["response"])
    if case["position"] is None:
        assert (answer.lat, answer.lon) == (None, None)
    else:
        assert (answer.lat, answer.lon) == pytest.approx(case["position"], abs=3e-4)
