"""The lexicon as data: sorted, without doubles, its hypernyms known and without circles; every cue read as itself."""

from __future__ import annotations

import re
from importlib import resources

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globe_eval.cues import asserts, canonical, claims, read, with_hypernyms
from globe_eval.cues.anycase import AnyCase
from globe_eval.cues.language import is_english, is_plainly_english
from globe_eval.cues.lexicon import Cue, build, lexicon, normal, parse
from globe_eval.cues.tokens import forms
from globe_eval.metrics import consistency

FILE = resources.files("globe_eval.cues").joinpath("data/cues.txt").read_text(encoding="utf-8")
CUES = parse(FILE)
NAMES = [cue.name for cue in CUES]
UNCOUNTED = {"left hand traffic", "right hand traffic"}  # what is done, not what is there


def test_it_is_as_large_as_it_should_be() -> None:
    assert len(CUES) >= 600
    assert len({normal(word) for cue in CUES for word in (cue.name, *cue.words)}) >= 2_000


def test_no_name_and_no_phrase_stands_twice() -> None:
    assert len(set(NAMES)) == len(NAMES)
    owner: dict[tuple[str, ...], str] = {}
    for cue in CUES:
        for word in (cue.name, *cue.words):
            assert owner.setdefault(normal(word), cue.name) == cue.name, f"{word}: {owner[normal(word)]} and {cue.name}"
        assert len({normal(word) for word in (cue.name, *cue.words)}) == 1 + len(cue.words), cue.name


def test_it_is_sorted() -> None:
    for topic in dict.fromkeys(cue.topic for cue in CUES):
        inside = [cue.name for cue in CUES if cue.topic == topic]
        assert inside == sorted(inside), topic
    for cue in CUES:
        assert list(cue.words) == sorted(cue.words), cue.name


def test_hypernyms_exist_and_run_in_no_circle() -> None:
    by_name = {cue.name: cue for cue in CUES}
    for cue in CUES:
        assert set(cue.kinds) <= by_name.keys(), cue.name
        above, front = set(), set(cue.kinds)
        while front:
            assert cue.name not in front, f"{cue.name} is a kind of itself"
            above |= front
            front = {kind for name in front for kind in by_name[name].kinds} - above


def test_words_are_written_plainly() -> None:
    for cue in CUES:
        for word in (cue.name, *cue.words):
            assert word == " ".join(word.lower().split()) and word.isascii() and normal(word), word


def test_hypernyms_are_all_that_a_cue_is_a_kind_of() -> None:
    assert {"palm tree", "tree", "vegetation", "plant"} == with_hypernyms(["palm tree"])
    assert with_hypernyms([]) == frozenset()
    assert with_hypernyms(["no such cue"]) == {"no such cue"}
    assert with_hypernyms(["dog", "bus"]) == with_hypernyms(["dog"]) | with_hypernyms(["bus"])
    for name in NAMES:
        above = with_hypernyms([name])
        assert name in above and with_hypernyms(above) == above


@pytest.mark.parametrize("topic", sorted({cue.topic for cue in CUES}))
def test_every_cue_is_read_as_itself_and_as_its_hypernyms(topic: str) -> None:
    for cue in (cue for cue in CUES if cue.topic == topic and cue.name not in UNCOUNTED):
        reading = read(f"There is a {cue.name}.")
        assert reading.cues == {cue.name}, f"{cue.name}: {sorted(reading.cues)}"
        for kind in with_hypernyms([cue.name]):
            assert reading.asserts(kind), f"{cue.name} is a {kind}"
        assert canonical(cue.name) == cue.name


FRAMES = [
    "There is no {}.",
    "There are no {}, bells or wolves.",
    "I do not see any {}.",
    "If there were a {}, it would be easy.",
    "Is there a {}?",
    "The image lacks a {}.",
    "One would expect to see a {} there.",
    "Without any {} it is hard to say.",
]


@pytest.mark.parametrize("frame", FRAMES)
def test_no_denied_or_imagined_cue_is_asserted(frame: str) -> None:
    for name in NAMES:
        text = frame.format(name)
        assert not asserts(text, name), text
        assert not read(text).cues, text


def test_a_hypernym_does_not_assert_what_is_below_it() -> None:
    for cue in CUES:
        for kind in cue.kinds:
            assert not asserts(f"There is a {kind}.", cue.name), f"{kind} -> {cue.name}"


def test_other_words_stand_for_their_cue() -> None:
    known = lexicon()
    for cue in CUES:
        for word in cue.words:
            assert known.find(normal(word)) == cue.name
            assert canonical(word.upper()) == cue.name


def test_a_closed_form_displaces_no_word() -> None:
    small = build([Cue("car pet", "t", (), ()), Cue("carpet", "t", (), ()), Cue("wind mill", "t", (), ())])
    assert small.find(("carpet",)) == "carpet"
    assert small.find(("windmill",)) == "wind mill"


def test_comments_topics_and_empty_parts_are_read() -> None:
    text = "# a remark\n\n[birds]\nowl < bird, animal : barn owl, eagle owl\nbird\n"
    assert parse(text) == [
        Cue("owl", "birds", ("bird", "animal"), ("barn owl", "eagle owl")),
        Cue("bird", "birds", (), ()),
    ]


PATTERNS = {name: value for name, value in (vars(claims) | vars(consistency)).items() if isinstance(value, AnyCase)}

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


PIECES = (
    "The",
    "the",
    "of",
    "and",
    "with",
    "it's",
    "don't",
    "de",
    "la",
    "der",
    "l'image",
    "St",
    "Luke's",
    "U.S.",
    "Rue",
)
PIECES += ("bus", "palms", "Paris", "d'une", "n't", "a", "un", ",", ".", "-", "\n", "y", "s")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=60))
def test_what_is_plainly_english_is_english_with_and_without_its_names(pieces: list[str]) -> None:
    text = " ".join(pieces)
    bare = consistency._CAPITALISED.sub(" ", text)
    for one in (text, bare):
        assert is_english(one, forms(one), lexicon().starts) or not is_plainly_english(text)
