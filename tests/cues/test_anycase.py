"""`AnyCase` finds what `re.IGNORECASE` finds."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globe_eval.cues.anycase import AnyCase
from globe_eval.metrics import consistency

PATTERNS = {name: value for name, value in vars(consistency).items() if isinstance(value, AnyCase)}

_SAID = """
    not only just my best guess is most likely I would say we can conclude suggests located in the city this was rather
    than unlike ruled it out unlikely to be such as common in but however , . : ; n't é İ ſ Ünlikely border
"""
WORDS = st.sampled_from([*_SAID.split(), "\n"])


@pytest.mark.parametrize("name", PATTERNS)
@settings(max_examples=200, derandomize=True, deadline=None)
@given(words=st.lists(WORDS, max_size=12), shout=st.booleans())
def test_both_ways_find_the_same(name: str, words: list[str], shout: bool) -> None:
    text = " ".join(words)
    text = text.upper() if shout else text
    ours = PATTERNS[name]
    reference = re.compile(ours._any.pattern, re.VERBOSE | re.IGNORECASE)
    for found, expected in ((ours.search(text), reference.search(text)), (ours.match(text), reference.match(text))):
        assert (found and found.span()) == (expected and expected.span())
    assert ours.sub("-", text).lower() == reference.sub("-", text).lower()


def test_there_are_patterns_to_compare() -> None:
    assert len(PATTERNS) >= 8


def test_a_pattern_with_capitals_would_be_found_out() -> None:
    wrong = AnyCase("(?:I|we) say")
    assert wrong.search("I say") is None, "patterns are written in lower case"
