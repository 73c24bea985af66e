"""How sure a model says that it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globe_eval.answers import parse
from globe_eval.answers.confidence import WORDS, in_text, share, yes_no

MENTIONS = json.loads((Path(__file__).parents[1] / "golden" / "confidence.json").read_text(encoding="utf-8"))


def test_two_hundred_labelled_mentions_are_read_with_precision_and_recall() -> None:
    read = [(parse(text).stated_confidence, label) for text, label in MENTIONS]
    right = sum(found == pytest.approx(label) for found, label in read if found is not None and label is not None)
    assert len(read) == 200
    assert right >= 0.95 * sum(found is not None for found, _ in read)
    assert right >= 0.95 * sum(label is not None for _, label in read)


@pytest.mark.parametrize(
    "text, localizable, confidence",
    [
        ("<answer>country: France\ncity: Paris\nlocalizable: yes\nconfidence: 85%</answer>", True, 0.85),
        ("<answer>country: France\ncity: Paris\nlocalizable: No.\nconfidence: 5 %</answer>", False, 0.05),
        ("**Country:** France\n**City:** Paris\n**Localizable:** Yes\n**Confidence:** medium-high", True, 0.65),
        ('{"country": "France", "city": "Paris", "localizable": false, "confidence": 0.25}', False, 0.25),
        ('{"country": "France", "city": "Paris", "confidence": "4/5"}', None, 0.8),
        ("country: France\ncity: Paris\nconfidence: 80-90%", None, 0.85),
        ("country: France\ncity: Paris\nlocatability: yes\nconfidence: 4", True, 0.7),
        ("I am 75% sure that this is Paris, France. My best guess is Paris, France.", None, 0.75),
        ("With high confidence, my best guess is Paris, France.", None, 0.8),
        ("I'm 100% not sure, but it may be Paris, France.", None, None),
        ("With 80-90% confidence: Paris, France", None, 0.85),
        ("Paris, France (confidence 7/10)", None, 0.7),
        ("Paris, France, with 0.4 confidence", None, 0.4),
        ("It's Tbilisi, Georgia, though I'm not very confident.", None, 0.2),
        ("I cannot be 100% certain, but my best guess is Paris, France.", None, None),
        ("country: France\ncity: Paris\nlocalizable: [yes or no]\nconfidence: [0% to 100%, how likely]", None, None),
        ("country: France\ncity: Paris\nconfidence: quite good", None, None),
        ("<answer>country: unknown\ncity: unknown\nlocalizable: no\nconfidence: 3%</answer>", False, 0.03),
    ],
)
def test_what_a_response_says_of_itself(text: str, localizable: bool | None, confidence: float | None) -> None:
    answer = parse(text)
    assert answer.stated_localizable is localizable
    assert answer.stated_confidence == (None if confidence is None else pytest.approx(confidence))


@given(st.integers(11, 100))
def test_a_percentage_is_one_with_or_without_its_sign(n: int) -> None:
    assert share(f"{n}") == share(f"{n}%") == share(f"{n} percent") == pytest.approx(n / 100)


def test_scales_keep_their_order_and_stay_within_bounds() -> None:
    assert [share(str(k)) for k in range(1, 6)] == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9])
    words = sorted(WORDS, key=lambda word: WORDS[word])
    assert words[0] == "none" and all(share(word) == WORDS[word] for word in words)
    assert share("very low") < share("low") < share("medium") < share("high") < share("very high")


@given(st.text(max_size=60))
def test_any_text_is_a_share_or_none(text: str) -> None:
    for value in (share(text), in_text(text), share(f"{text}%")):
        assert value is None or 0 <= value <= 1
    assert yes_no(text) in (True, False, None)
