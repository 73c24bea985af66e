"""The form of a response, and GLOBE's yes/no probability."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globe_eval import scoring
from globe_eval.answers import parse
from globe_eval.metrics.globe import globe_format, globe_locatability
from globe_eval.metrics.response_format import lenient_format, response_format
from globe_eval.models.response import Response
from globe_eval.sample import Sample, Truth

GOOD = "<think>A red bus.</think><answer>country: Malta\ncity: Valletta</answer>"


@pytest.mark.parametrize(
    "response, globe, lenient",
    [
        (GOOD, 1.0, 1.0),
        (GOOD.replace("</think>", "</think>\n\n"), 1.0, 1.0),
        (GOOD + "\n", 0.0, 1.0),
        (" " + GOOD, 0.0, 1.0),
        (GOOD.removeprefix("<think>"), 0.0, 1.0),
        (GOOD.replace("think>", "THINK>"), 0.0, 1.0),
        (GOOD.replace("think>", "thinking>"), 0.0, 1.0),
        (GOOD.removesuffix("</answer>"), 0.0, 1.0),
        (GOOD.replace("</think>", ""), 0.0, 0.0),
        ("<answer>country: Malta</answer>", 0.0, 0.0),
        ("<answer>country: Malta</answer><think>A bus.</think>", 0.0, 0.0),
        ("<think></think><answer>country: Malta</answer>", 1.0, 0.0),
        ("<think>A bus.</think><answer></answer>", 1.0, 0.0),
        ("A red bus.", 0.0, 0.0),
        ("", 0.0, 0.0),
    ],
)
def test_forms(response: str, globe: float, lenient: float) -> None:
    assert (globe_format(response), lenient_format(response)) == (globe, lenient)


def test_truncated_and_length() -> None:
    def measured(text: str, finish_reason: str = "stop") -> tuple[bool, int]:
        found = response_format(parse(text, truncated=finish_reason == "length"), text)
        return found.truncated, found.n_words

    assert measured(GOOD) == (False, 3)
    assert measured("<think>A red bus and", "length") == (True, 4)
    assert measured("<think>A red bus and") == (True, 4), "the thought never ends"
    assert measured("") == (False, 0)


def test_a_cut_off_thought_is_scored_as_far_as_it_goes() -> None:
    response = Response("<think>A church and a", finish_reason="length")
    truth = Truth(1.0, 2.0, entities=("church", "bridge"))
    (score,) = scoring.score([Sample.of("a", truth, response)], form="names")
    assert score.grounding is not None and score.grounding.recall == 0.5
    assert score.format is not None and score.format.truncated


@given(st.dictionaries(st.sampled_from(["yes", "Yes", "YES", "no", "No", "NO", "maybe"]), st.floats(-20, 0)))
def test_the_probability_of_a_yes(logprobs: dict[str, float]) -> None:
    yes = sum(math.exp(p) for token, p in logprobs.items() if token.lower() == "yes")
    no = sum(math.exp(p) for token, p in logprobs.items() if token.lower() == "no")
    found = globe_locatability(logprobs)
    if yes + no:
        assert found == pytest.approx(yes / (yes + no + 1e-19)) and 0 <= found <= 1
    else:
        assert math.isnan(found)
    assert math.isnan(globe_locatability(None))
