"""Grounding against a reference of its own, by properties, and against policies that try to get it for nothing."""

from __future__ import annotations

import math
import random
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, precision_score, recall_score

from globe_eval import miniworld, scoring
from globe_eval.answers import parse
from globe_eval.columns import columns
from globe_eval.metrics.catalogue import METRICS
from globe_eval.metrics.grounding import N_ROTATIONS, controls, ground, lifts, rotations
from globe_eval.sample import Sample, Truth

CUES = ["church", "palm tree", "bridge", "windmill", "sheep", "lighthouse", "castle", "volcano"]
"""Cues of which none is a kind of another."""

WORDS = st.sets(st.sampled_from(CUES), max_size=len(CUES))


def sentence(cues: Sequence[str]) -> str:
    return " ".join(f"There is a {cue} on the left." for cue in cues)


@settings(max_examples=150, derandomize=True)
@given(WORDS, st.sets(st.sampled_from(CUES), min_size=1))
def test_recall_precision_and_f1_are_those_of_scikit_learn(said: set[str], seen: set[str]) -> None:
    one = ground(sentence(sorted(said)), sorted(seen))
    true, predicted = [cue in seen for cue in CUES], [cue in said for cue in CUES]
    assert one.recall == pytest.approx(recall_score(true, predicted, zero_division=0))
    assert one.f1 == pytest.approx(f1_score(true, predicted, zero_division=0))
    if said:
        assert one.precision == pytest.approx(precision_score(true, predicted, zero_division=0))
        assert one.unsupported == tuple(sorted(said - seen)) and one.unsupported_rate == pytest.approx(
            1 - one.precision
        )
    else:
        assert one.precision is None and one.unsupported_rate is None and one.f1 == 0.0


@settings(max_examples=100, derandomize=True)
@given(WORDS, st.sets(st.sampled_from(CUES), min_size=1), WORDS)
def test_hallucination_is_the_share_of_annotated_classes_that_are_not_there(
    said: set[str], seen: set[str], more: set[str]
) -> None:
    classes = seen | more
    one = ground(sentence(sorted(said)), sorted(seen), sorted(classes))
    checked = said & classes
    expected = len(checked - seen) / len(checked) if checked else None
    assert one.hallucination_rate == (None if expected is None else pytest.approx(expected))
    assert one.hallucination_any == (None if expected is None else float(expected > 0))
    assert set(one.hallucinated or ()) == checked - seen
    assert ground(sentence(sorted(said)), sorted(seen)).hallucination_rate is None, "not declared exhaustive"


@settings(max_examples=100, derandomize=True)
@given(st.lists(st.sampled_from(CUES), max_size=6), st.sets(st.sampled_from(CUES), min_size=1), st.randoms())
def test_order_and_repetition_do_not_matter_and_saying_more_never_loses_recall(
    said: list[str], seen: set[str], draw: random.Random
) -> None:
    entities = sorted(seen)
    one = ground(sentence(said), entities)
    shuffled, mixed = list(said), list(entities)
    draw.shuffle(shuffled)
    draw.shuffle(mixed)
    again = ground(sentence(shuffled + said), [*mixed, *mixed])
    assert (again.recall, again.precision, again.f1) == (one.recall, one.precision, one.f1)
    assert (ground(sentence([*said, entities[0]]), entities).recall or 0) >= (one.recall or 0)
    for figure in (one.recall, one.precision, one.f1, one.unsupported_rate):
        assert figure is None or 0 <= figure <= 1


def test_what_is_undefined_is_none_and_never_zero() -> None:
    for entities in (None, [], [" "]):
        assert ground("A church.", entities, ["church"], "A church.") is None
    foreign = "Links steht eine alte Kirche, daneben wachsen hohe Bäume an der Straße."
    german = ground(foreign, ["church"])
    assert not german.covered and {german.recall, german.precision, german.f1} == {None}
    silent = ground(None, ["church"])
    assert (silent.recall, silent.precision, silent.f1) == (0.0, None, 0.0) and silent.covered
    texts, seen = [foreign, None, "A church.", "A church."], [["church"], ["church"], None, ["church"]]
    assert [math.isnan(x) for x in lifts(["a", "a", "c", "d"], texts, seen)] == [True, False, True, False]
    held = zip(texts, seen, controls(["a", "a", "c", "d"], seen), strict=True)
    found = [ground(text, entities, control=control) for text, entities, control in held]
    assert [one and one.recall_idf for one in found] == [None] * 4, "one entity is in every photograph"


def test_a_hypernym_of_what_is_there_is_supported_and_a_hyponym_is_not() -> None:
    assert ground("There is a tree.", ["palm tree"]).precision == 1.0
    assert ground("There is a palm tree.", ["tree"]).recall == 1.0
    assert ground("There is a palm tree.", ["tree"]).precision == 0.0
    assert ground("A red bus passes.", ["red bus"]).recall == 1.0
    assert ground("A bus passes.", ["red bus"]).recall == 0.0
    assert ground("A bus passes.", ["red bus"]).precision == 1.0, "a red bus is a bus"


def test_the_photograph_itself_is_no_cue() -> None:
    assert ground("The picture shows a church; the image is blurred.", ["church"]).precision == 1.0


def test_a_label_of_two_names_is_one_thing() -> None:
    one = ground("A river flows there.", ["stream, river", "church"])
    assert one.recall == 0.5 and one.hits == ("stream, river",)


SENTENCES = [sentence(cues) for cues in (CUES[:2], CUES[2:5], CUES[:1], CUES[4:], [], CUES)]
SEEN = [CUES[:3], CUES[2:4], CUES[1:], CUES[:1], CUES[5:], CUES[3:6], CUES[2:3]]


def photographs(n: int) -> tuple[list[str], list[str], list[list[str]]]:
    """Ids, reasonings and entities."""
    ids, texts = [f"p{i:03d}" for i in range(n)], [SENTENCES[i % len(SENTENCES)] for i in range(n)]
    return ids, texts, [SEEN[i % len(SEEN)] for i in range(n)]


@pytest.mark.parametrize("n", [2, 5, 21, 22, 60])
def test_the_lift_is_own_recall_less_the_mean_over_rotations(n: int) -> None:
    """Against a loop that knows nothing but recall: each reasoning scored anew on each other photograph's entities."""
    found = lifts(*photographs(n))
    away = rotations(n)
    assert len(away) == min(N_ROTATIONS, n - 1) and len(set(away)) == len(away) and all(0 < d < n for d in away)
    for i in range(n):
        text = SENTENCES[i % len(SENTENCES)]
        others = [ground(text, SEEN[(i + d) % n % len(SEEN)]).recall or 0.0 for d in away]
        own = ground(text, SEEN[i % len(SEEN)]).recall or 0.0
        assert found[i] == pytest.approx(own - statistics.fmean(others))


def test_the_lift_does_not_depend_on_the_order_and_is_seeded() -> None:
    many = photographs(60)
    order = list(range(60))
    random.Random(1).shuffle(order)
    whole = lifts(*many)
    assert lifts(*([column[i] for i in order] for column in many)).tolist() == [whole[i] for i in order]
    assert rotations(1000, seed=0) == rotations(1000, seed=0) != rotations(1000, seed=1)
    assert whole.tolist() != lifts(*many, seed=7).tolist()


def test_idf_recall_against_a_plain_loop() -> None:
    ids, texts, known = photographs(20)
    for text, seen, control in zip(texts, known, controls(ids, known), strict=True):
        one = ground(text, seen, control=control)
        weight = {c: math.log(21 / (1 + sum(c in other for other in known))) for c in seen}
        hit = sum(w for cue, w in weight.items() if cue in one.hits)
        assert one.recall_idf == pytest.approx(hit / sum(weight.values()))


# --- gaming policies, on the embedded benchmark -------------------------------------------------------------------

ROWS = miniworld.photographs("test", 150)
COMMONEST = [name for name, _ in Counter(e for row in ROWS for e in row["entities"]).most_common(12)]
ANSWER = "<answer>country: Peru\ncity: Cusco</answer>"


def think(cues: Sequence[str], template: str = "There is {}.") -> str:
    return "<think>" + " ".join(template.format(cue) for cue in cues) + f"</think>{ANSWER}"


def honest(index: int, row: dict[str, Any]) -> str:
    """Names nine of ten of the things that are there, and is wrong once in a while."""
    draw = random.Random(index)
    seen = [cue for cue in row["entities"] if draw.random() < 0.9]
    return think(seen + ([draw.choice(miniworld.VOCABULARY)] if draw.random() < 0.5 else []))


POLICIES: dict[str, Callable[[int, dict[str, Any]], str]] = {
    "the whole vocabulary": lambda i, row: think(miniworld.VOCABULARY),
    "the whole vocabulary, as a list": lambda i, row: f"<think>{', '.join(miniworld.VOCABULARY)}</think>{ANSWER}",
    "another picture's cues": lambda i, row: think(ROWS[(i + 7) % len(ROWS)]["entities"]),
    "the twelve commonest cues": lambda i, row: think(COMMONEST),
    "no X for every X": lambda i, row: think(row["entities"], "There is no {}."),
    "no X for every X of the vocabulary": lambda i, row: think(miniworld.VOCABULARY, "I see no {}."),
    "cues behind the answer": lambda i, row: f"<think></think>{ANSWER} {' '.join(row['entities'])}",
    "cues behind the answer, without a thought": lambda i, row: ANSWER + think(row["entities"])[7:-60],
    "silence": lambda i, row: ANSWER,
}


def figures(policy: Callable[[int, dict[str, Any]], str]) -> dict[str, float]:
    samples = [Sample.of(row["id"], Truth.of(row), policy(i, row)) for i, row in enumerate(ROWS)]
    scored = scoring.score(samples, form="names", classes=miniworld.VOCABULARY)
    return {name: one.value for name, one in scoring.figures(columns(scored), n_resamples=2).items()}


def test_honest_answers_have_lift_and_f1() -> None:
    found = figures(honest)
    assert found["grounding_lift"] > 0.5 and found["grounding_f1"] > 0.7
    assert found["hallucination_rate"] < 0.1 and found["grounding_recall"] == pytest.approx(0.9, abs=0.02)


@pytest.mark.parametrize("name", POLICIES)
def test_nothing_is_had_for_nothing(name: str) -> None:
    found = figures(POLICIES[name])
    assert found["grounding_lift"] < 0.05
    assert found["grounding_f1"] < 0.6


def test_the_released_reward_is_had_for_nothing() -> None:
    for name in ("the whole vocabulary", "no X for every X"):
        assert figures(POLICIES[name])["globe_visual_match"] == 1.0


def test_a_figure_is_the_mean_of_what_its_photographs_have() -> None:
    texts = [honest(i, row) for i, row in enumerate(ROWS[:40])]
    samples = [Sample.of(row["id"], Truth.of(row), text) for row, text in zip(ROWS, texts, strict=False)]
    scored = scoring.score(samples, form="names")
    found = scoring.figures(columns(scored))
    ids, seen = ([row[name] for row in ROWS[:40]] for name in ("id", "entities"))
    each = lifts(ids, [parse(text).reasoning for text in texts], seen)
    assert [one.grounding.lift for one in scored if one.grounding] == each.tolist()
    assert found["grounding_lift"].value == pytest.approx(np.mean(each)) and found["grounding_lift"].n == 40
    assert found["grounding_lift"].low < found["grounding_lift"].value < found["grounding_lift"].high


def test_what_lm_eval_aggregates_is_the_figure_with_values_missing_too() -> None:
    texts = [["", "Some trees.", honest(i, row)][i % 3] for i, row in enumerate(ROWS[:40])]
    samples = [Sample.of(row["id"], Truth.of(row), text) for row, text in zip(ROWS, texts, strict=False)]
    scored = scoring.score(samples, form="names")
    found = scoring.figures(columns(scored))
    for metric in METRICS:
        items = [scoring.sample_metrics(one, [metric])[metric.name] for one in scored]
        if metric.name in found:
            assert scoring.aggregate(metric, items) == pytest.approx(found[metric.name].value, nan_ok=True), metric.name
