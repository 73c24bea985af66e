"""Consistency: cases read by hand, and properties."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globe_eval import scoring
from globe_eval.answers import Answer, parse
from globe_eval.columns import columns
from globe_eval.metrics.catalogue import METRICS
from globe_eval.metrics.consistency import MOST_CANDIDATES, Consistency, conclusion, consistency
from globe_eval.places import resolve
from globe_eval.sample import Sample, Truth

CASES = json.loads((Path(__file__).parents[1] / "golden" / "consistency.json").read_text(encoding="utf-8"))


def measure(reasoning: str | None, country: str | None, city: str | None) -> Consistency | None:
    answer = Answer(country=country, city=city, reasoning=reasoning, status="answered")
    (point,) = scoring.locate([answer], form="names")
    return consistency(answer, point)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["why"])
def test_cases_read_by_hand(case: dict[str, Any]) -> None:
    found = measure(case["reasoning"], case["country"], case["city"])
    assert found is not None and found.verdict == case["verdict"], found


def test_the_distance_is_from_the_concluded_place_to_the_answered_one() -> None:
    found = measure("I conclude that this is Sydney, Australia.", "Australia", "Perth")
    assert found is not None and found.distance_km == pytest.approx(3290, abs=30)
    assert (found.country, found.city, found.n_candidates) == ("AU", "Sydney", 1)
    same = measure("I conclude that this is Sydney, Australia.", "Australia", "Sydney")
    assert same is not None and same.distance_km == 0.0
    silent = measure("A street.", "Australia", "Perth")
    assert silent is not None and silent.distance_km is None and silent.quote is None


def test_without_an_answer_there_is_nothing_to_compare() -> None:
    assert measure("This is in France.", None, None) is None


def test_coordinates_are_compared_by_the_country_they_lie_in() -> None:
    answer = parse("<think>Most likely this is Nairobi, Kenya.</think><answer>latitude: -1.3\nlongitude: 36.8</answer>")
    (point,) = scoring.locate([answer], form="coordinates")
    found = consistency(answer, point)
    assert found is not None and found.verdict == "consistent" and (found.distance_km or 99) < 20
    (far,) = scoring.locate([Answer(lat=48.86, lon=2.35)], form="coordinates")
    assert (other := consistency(answer, far)) is not None and other.verdict == "contradicts"


COUNTRIES = ["France", "Japan", "Kenya", "Peru", "Norway", "India", "Chile"]


@settings(max_examples=80, derandomize=True, deadline=None)
@given(st.lists(st.sampled_from(COUNTRIES), min_size=1, max_size=7, unique=True), st.sampled_from(COUNTRIES))
def test_naming_many_countries_concludes_nothing_and_naming_few_is_a_set(said: list[str], answered: str) -> None:
    found = measure(f"I think that this is in {' or '.join(said)}.", answered, None)
    assert found is not None and found.n_candidates == len(said)
    if len(said) > MOST_CANDIDATES:
        assert found.verdict == "silent"
    else:
        assert found.verdict == ("consistent" if answered in said else "contradicts")


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300))
def test_any_text_has_a_verdict(text: str) -> None:
    found = consistency(Answer(country="France", reasoning=text), resolve(None, "France"))
    assert found is not None and found.verdict in ("consistent", "contradicts", "silent", None)
    assert found.n_candidates >= 0 and (found.distance_km is None or found.distance_km >= 0)


def test_long_and_hostile_reasonings_are_read_in_bounded_time() -> None:
    for text in (
        "not " * 50_000,
        "It is likely " * 20_000,
        "{" * 100_000,
        "Paris, " * 30_000,
        "U.S." * 50_000,
        "A" * 200_000,
    ):
        conclusion(text)


def test_real_responses(shared_data: Path) -> None:
    """Reasonings agree with their own answers far more often than with the answers of others."""
    import csv

    csv.field_size_limit(1 << 30)
    with (shared_data / "street_view" / "gpt-4o.csv").open(encoding="utf-8") as file:
        responses = [row["model_response"] for row in csv.DictReader(file)][:300]
    answers = [a for text in responses if (a := parse(text)).country]
    points = scoring.locate(answers, form="names")
    own = [consistency(answer, point) for answer, point in zip(answers, points, strict=True)]
    moved = [
        consistency(Answer(country=other.country, city=other.city, reasoning=answer.reasoning), point)
        for answer, other, point in zip(answers, answers[37:] + answers[:37], points[37:] + points[:37], strict=True)
    ]
    rate = {
        name: sum(one.verdict == "consistent" for one in found if one) / sum(one is not None for one in found)
        for name, found in (("own", own), ("moved", moved))
    }
    assert rate["own"] > 0.9 and rate["moved"] < 0.5, rate


VERDICTS = json.loads((Path(__file__).parents[1] / "golden" / "verdicts.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("verdict", ["consistent", "contradicts", "silent"])
def test_nine_of_ten_verdicts_are_those_of_a_reader(verdict: str) -> None:
    """Paraphrases of 60 verdicts each, `read_as` what was given and `verdict` as a reader judges; see decision 0007."""
    assert Counter(case["read_as"] for case in VERDICTS) == {"consistent": 60, "contradicts": 60, "silent": 60}
    found = [measure(case["reasoning"], case["country"], case["city"]) for case in VERDICTS]
    given = [(one and one.verdict, case) for one, case in zip(found, VERDICTS, strict=True)]
    wrong = [case for one, case in given if one == verdict != case["verdict"]]
    missed = [case for one, case in given if one != verdict == case["verdict"]]
    assert len(wrong) <= 0.1 * sum(one == verdict for one, _ in given), wrong
    assert len(missed) <= 0.1 * sum(case["verdict"] == verdict for case in VERDICTS), missed


@pytest.mark.parametrize(
    "text",
    [
        "Die Schilder und die Plakate sind auf Deutsch, also ist das wahrscheinlich Wien in Österreich.",
        "照片中的招牌是中文,所以这里很可能是上海。",
        "Les panneaux sont en français et les toits sont en ardoise, donc c'est probablement Nantes.",
    ],
)
def test_a_reasoning_in_another_language_has_no_verdict(text: str) -> None:
    found = measure(text, "France", "Paris")
    assert found == Consistency(None)
    scored = scoring.score(
        [Sample.of("a", Truth(48.9, 2.3), f"<think>{text}</think><answer>country: France</answer>")], form="names"
    )
    assert np.isnan([m.values(columns(scored))[0] for m in METRICS if m.family == "consistency"]).all()
