"""What a result says in plain sentences."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globe_eval.reports.sentences import of_many, sentences
from globe_eval.runs.assemble import assemble, unscored
from globe_eval.sample import Results, Sample, Truth

SETTING = unscored("mine", "2", "coordinates", "0" * 64, "my-model")
REFUSAL = "I cannot tell where this is, sorry."


def results(*texts: str | None, country: str | None = None, group: str | None = None) -> Results:
    samples = [
        Sample.of(str(i), Truth(48.85, 2.35, country, group=group), text, error=None if text else "no connection")
        for i, text in enumerate(texts)
    ]
    return assemble(SETTING, samples, started=datetime.now(UTC))[1]


def test_half_of_the_photographs_and_the_city_and_the_country() -> None:
    (distance, near) = sentences(results("48.85, 2.35", "48.85, 2.36", "45.76, 4.84", country="France"))
    assert distance == "Half of the photographs are placed within 0.7 km of where they were taken."
    assert near.startswith("2 of 3 are placed within 25 km, about a city (95 % interval: ")
    assert ", all are in the right country (" in near


def test_what_is_missing_is_counted_with_the_most_frequent_reason() -> None:
    *_, missing = sentences(results("48.85, 2.35", "48.85, 2.36", "48.85, 2.35", REFUSAL))
    assert missing == "1 of 4 has no usable answer, because the model refused; what is missing counts as a miss."
    *_, missing = sentences(results(*["48.85, 2.35"] * 4, REFUSAL, REFUSAL, None))
    assert (
        missing == "3 of 7 have no usable answer, mostly because the model refused; what is missing counts as a miss."
    )


def test_half_of_them_missing_is_no_infinite_distance() -> None:
    distance, near, missing = sentences(results("48.85, 2.35", REFUSAL))
    assert distance == "Half of the photographs or more have no usable answer, so that there is no median distance."
    assert near.startswith("1 of 2 is placed within 25 km") and missing.startswith("1 of 2 has no usable answer")


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ((None, None), "None of the 2 photographs has a usable answer, mostly because no response came."),
        ((REFUSAL, REFUSAL, ""), "None of the 3 photographs has a usable answer, mostly because the model refused."),
        ((None,), "The one photograph has no usable answer, because no response came."),
        (("48.85, 2.36",), "The one photograph is placed 0.7 km from where it was taken."),
        (("48.85, 2.35",), "The one photograph is placed 0.1 km from where it was taken."),
    ],
)
def test_no_answer_at_all_and_one_photograph_have_one_sentence(texts: tuple[str | None, ...], said: str) -> None:
    assert sentences(results(*texts)) == [said]


def test_one_photographer_has_no_interval() -> None:
    _, near = sentences(results("48.85, 2.35", "10, 20", group="ada"))
    assert near == "1 of 2 is placed within 25 km, about a city, 1 of 2 is in the right country."


def test_what_a_result_does_not_have_is_not_spoken_of() -> None:
    whole = results("48.85, 2.35", "10, 20", REFUSAL, country="France")
    for lacking in whole.metrics:
        some = replace(whole, metrics={name: one for name, one in whole.metrics.items() if name != lacking})
        said = " ".join(sentences(some))
        assert ("25 km" in said) == (lacking != "acc@25km") and "None" not in said
        assert ("right country" in said) == (lacking != "country_accuracy")
    assert sentences(replace(whole, metrics={})) == []


@given(st.integers(0, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))).filter(lambda pair: pair[1]))
def test_a_share_is_never_rounded_to_none_or_all(pair: tuple[int, int]) -> None:
    k, n = pair
    said = of_many(k / n, n)
    assert (said == "none") == (k == 0) and (said == "all") == (k == n)
    if " of " in said and n < 100:
        assert said == f"{k} of {n}"
    elif said.endswith(" of 100") and said[0].isdigit():
        assert abs(int(said.split()[0]) - 100 * k / n) <= 0.5
    assert not said.startswith(("0 of", "100 of 100"))
