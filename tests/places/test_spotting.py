"""Places named in running text."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globe_eval.places import gazetteer, resolve
from globe_eval.places.demonyms import DEMONYMS
from globe_eval.places.spotting import spot


def named(text: str) -> list[tuple[str, str, str]]:
    return [(one.kind, one.country_code, text[one.start : one.end]) for one in spot(text)]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("It is Lyon, France.", [("city", "FR", "Lyon"), ("country", "FR", "France")]),
        ("Reading the sign is hard.", []),
        ("Nice houses on Street 5, Mobile phones, Orange walls.", []),
        ("It was taken in Nice, France.", [("city", "FR", "Nice"), ("country", "FR", "France")]),
        ("New Mexico or Mexico", [("region", "US", "New Mexico"), ("country", "MX", "Mexico")]),
        ("New Jersey", [("region", "US", "New Jersey")]),
        ("South African plates", [("demonym", "ZA", "South African")]),
        ("South American cities", []),
        ("British Columbia", [("region", "CA", "British Columbia")]),
        ("British plates", [("demonym", "GB", "British")]),
        ("the U.S. and the UK", [("country", "US", "U.S"), ("country", "GB", "UK")]),
        ("Southeast Asia, Central America, or parts of Africa", []),
        ("San Francisco Bay Area", [("city", "US", "San Francisco")]),
        ("Michael Kors and Tec de Monterrey", []),
        ("Atlanta, Georgia, USA", [("city", "US", "Atlanta"), ("region", "US", "Georgia"), ("country", "US", "USA")]),
        ("Tbilisi in Georgia", [("city", "GE", "Tbilisi"), ("country", "GE", "Georgia")]),
        ("signs in English and in Chinese", [("demonym", "CN", "Chinese")]),
        ("THE STREET SIGNS SUGGEST NOTHING", []),
        ("Lima's streets", [("city", "PE", "Lima's")]),
    ],
)
def test_names_as_texts_write_them(text: str, expected: list[tuple[str, str, str]]) -> None:
    assert named(text) == expected


def test_a_small_place_counts_where_it_is_sought() -> None:
    text = "I see Tamarindo there."
    assert spot(text) == []
    (one,) = spot(text, sought={"Tamarindo": resolve("Tamarindo", "Costa Rica")})
    assert (one.kind, one.country_code) == ("city", "CR")
    assert spot(text, sought={"Tamarindo": None}) == []


def test_every_demonym_is_of_a_country_that_the_gazetteer_knows() -> None:
    codes = set(gazetteer.load().codes)
    assert set(DEMONYMS.values()) <= codes and len(DEMONYMS) > 190


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_read_and_places_lie_in_it_without_overlap(text: str) -> None:
    found = spot(text)
    assert all(0 <= one.start < one.end <= len(text) for one in found)
    assert all(a.end <= b.start for a, b in itertools.pairwise(found))


def test_of_a_long_text_both_ends_are_read() -> None:
    text = "It is Kenya. " + "x " * 40_000 + "It is Peru."
    assert [one.country_code for one in spot(text)] == ["KE", "PE"]
    assert [text[one.start : one.end] for one in spot(text)] == ["Kenya", "Peru"]
