"""Damage by a wrong decoding is undone, and text that is not damaged stays as it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globe_eval.answers.damage import repaired

WRITTEN = st.text("abc 48.85°′″’“”–éñçãöüßßŁžšЖя京都ا😀", min_size=1, max_size=40)


@given(WRITTEN)
def test_text_read_as_latin_1_comes_back(text: str) -> None:
    assert repaired(text.encode().decode("latin-1")) == text


@given(WRITTEN.filter(lambda text: all(byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D) for byte in text.encode())))
def test_text_read_as_cp1252_comes_back(text: str) -> None:
    assert repaired(text.encode().decode("cp1252")) == text


@given(st.text("abc 48.85°′″’“”é", min_size=1, max_size=40))
def test_text_read_as_mac_roman_comes_back(text: str) -> None:
    assert repaired(text.encode().decode("mac_roman")) == text


@pytest.mark.parametrize("text", ["48.85° N", "I can’t say", "São Paulo", "Łódź", "京都", "35°41′22″"])
def test_text_damaged_twice_comes_back(text: str) -> None:
    assert repaired(text.encode().decode("latin-1").encode().decode("latin-1")) == text


@given(st.text(st.characters(max_codepoint=0x24F), max_size=60))
def test_what_is_repaired_is_stable(text: str) -> None:
    once = repaired(text)
    assert repaired(once) == once or len(repaired(once)) < len(once)


@pytest.mark.parametrize(
    "text", ["« café\xa0»", "Ångström", "Sète, à la plage", "São Paulo", "Köln–Düsseldorf", "48,85° N", "Â la carte"]
)
def test_text_of_many_languages_is_no_damage(text: str) -> None:
    assert repaired(text) == text
