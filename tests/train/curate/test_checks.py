"""The checks of a curation: golden cases, and what holds of any answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globe_eval.cues.lexicon import lexicon
from globe_eval.cues.mentions import canonical
from globe_train.curate import evidence, verify
from globe_train.curate.annotation import Annotation, cues_of, units, without
from globe_train.curate.evidence import Known, ade20k, by_classes

GOLDEN = json.loads((Path(__file__).parents[2] / "golden/curate.json").read_text(encoding="utf-8"))
derandomized = settings(derandomize=True, deadline=None, max_examples=60)


def teacher(name: str, lat: float | None, lon: float | None, cues: list[str]) -> Annotation:
    return Annotation(name, "city", lat=lat, lon=lon, cues=frozenset(cues))


@pytest.mark.parametrize("case", GOLDEN["units"], ids=lambda case: case["text"][:30])
def test_units(case: dict[str, Any]) -> None:
    assert [[heading, items] for heading, items in units(case["text"])] == case["units"]


@pytest.mark.parametrize("case", GOLDEN["cues"], ids=lambda case: case["text"][:30])
def test_cues(case: dict[str, Any]) -> None:
    assert sorted(cues_of(case["text"], tuple(case.get("vocabulary", ())), case["places"])) == case["cues"]


@pytest.mark.parametrize("case", GOLDEN["without"], ids=lambda case: case["text"][:30])
def test_without(case: dict[str, Any]) -> None:
    assert without(case["text"], case["refused"], empty_line=case.get("empty_line")) == case["left"]


@pytest.mark.parametrize("case", GOLDEN["localizability"])
def test_localizability(case: dict[str, Any]) -> None:
    verdict = verify.localizability(
        [Annotation(f"t{i}", "city", confidence=p) for i, p in enumerate(case["confidences"])],
        [Annotation(f"p{i}", "coordinates", confidence=p) for i, p in enumerate(case.get("predictors", []))],
        votes=case["votes"],
        min_score=case["min_score"],
        min_predictor_confidence=case.get("min_predictor_confidence", 0),
    )
    assert verdict.passed is case["passed"]
    assert verdict.why["score"] == pytest.approx(case["score"])


@pytest.mark.parametrize("case", GOLDEN["correctness"])
def test_correctness(case: dict[str, Any]) -> None:
    one = Annotation(**{"teacher": "a", "status": "city", "country": "France", "city": "Lyon", **case["said"]})
    verdict = verify.correctness(one, within_km=case.get("within_km"), level=case.get("level"))
    assert verdict.passed is case["passed"]


@pytest.mark.parametrize("case", GOLDEN["agreement"], ids=lambda case: case["why"])
def test_agreement(case: dict[str, Any]) -> None:
    verdict = verify.agreement(
        teacher("one", *case["one"]),
        [teacher(f"t{i}", *other) for i, other in enumerate(case["others"])],
        [teacher(f"p{i}", *place, []) for i, place in enumerate(case.get("predictors", []))],
        teachers=case["teachers"],
        predictors_needed=case.get("predictors_needed", 0),
        within_km=25,
        min_similarity=case["min_similarity"],
        refuted=case.get("refuted", []),
    )
    assert verdict.passed is case["passed"]
    assert verdict.why["with"] == case["with"]


@pytest.mark.parametrize("case", GOLDEN["evidence"])
def test_evidence(case: dict[str, Any]) -> None:
    thresholds = {key: case[key] for key in ("min_entities", "min_share", "unconfirmed")}
    verdict = verify.evidence(teacher("a", None, None, case["cues"]), case["seen"], **thresholds)
    assert verdict.passed is case["passed"]
    assert verdict.why["share"] == case["share"]


@pytest.mark.parametrize("case", GOLDEN["by_classes"], ids=lambda case: f"{case['name']} {case['areas']}")
def test_what_a_closed_set_of_classes_says(case: dict[str, Any]) -> None:
    seen = by_classes([case["name"]], case["areas"], ade20k(), 0.002)
    assert list(seen[case["name"]]) == case["seen"]


def test_ade20k_has_its_150_classes_and_names_cues_of_the_lexicon() -> None:
    path = Path(evidence.__file__).with_name("ade20k.json")
    classes = json.loads(path.read_text(encoding="utf-8"))
    assert len(classes) == 150
    known = lexicon().cues
    assert [cue for cues in classes.values() for cue in cues if cue not in known] == []
    assert len(ade20k()) > 80


CUES = st.lists(st.sampled_from(["bus", "road", "church", "palm tree", "tram", "kiosk"]), max_size=5)
CONFIDENCES = st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=1, max_size=5)


@derandomized
@given(CONFIDENCES, st.sampled_from(["all", "majority", "any"]), st.floats(0, 1), st.data())
def test_more_confidence_never_makes_a_photograph_unlocalizable(
    confidences: list[float | None], votes: str, least: float, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(confidences) - 1))
    surer = list(confidences)
    surer[index] = data.draw(st.floats(confidences[index] or 0.0, 1))
    before, after = (
        verify.localizability([Annotation("t", "city", confidence=p) for p in given], votes=votes, min_score=least)
        for given in (confidences, surer)
    )
    assert after.passed or not before.passed
    order = {"all": 0, "majority": 1, "any": 2}
    looser = [name for name in order if order[name] >= order[votes]]
    said = [Annotation("t", "city", confidence=p) for p in confidences]
    assert all(verify.localizability(said, votes=v, min_score=least).passed for v in looser) or not before.passed


@derandomized
@given(CUES, CUES, CUES)
def test_similarity_is_symmetric_and_bounded_and_blind_to_what_cannot_be_seen(
    one: list[str], other: list[str], refuted: list[str]
) -> None:
    value = verify.similarity(one, other, refuted)
    assert 0 <= value <= 1
    assert value == verify.similarity(other, one, refuted)
    assert value == verify.similarity([*one, *refuted], other, refuted)
    assert verify.similarity(one, one) == (1.0 if one else 0.0)


@derandomized
@given(st.lists(st.tuples(st.sampled_from([(48.86, 2.35), (48.8, 2.3), (35.0, 135.7)]), CUES), min_size=1, max_size=5))
def test_agreement_is_mutual_and_grows_with_the_teachers(answers: list[tuple[tuple[float, float], list[str]]]) -> None:
    every = [teacher(f"t{i}", *place, cues) for i, (place, cues) in enumerate(answers)]

    def partners(one: Annotation, among: list[Annotation], teachers: int = 2) -> verify.Verdict:
        others = [other for other in among if other is not one]
        return verify.agreement(one, others, teachers=teachers, within_km=25, min_similarity=0.4)

    found = {one.teacher: set(partners(one, every).why["with"]) for one in every}
    for name, agreeing in found.items():
        assert all(name in found[other] for other in agreeing)
    first = every[0]
    for k in range(1, len(every) + 1):
        assert partners(first, every, k).passed is (len(found[first.teacher]) + 1 >= k)
    assert set(partners(first, every[:-1]).why["with"]) <= found[first.teacher]


LINES = st.lists(
    st.sampled_from(
        [
            "Sky: blue sky, clouds",
            "Signage: Thai sign, street lamps",
            "A red bus passes. A church stands behind it.",
            "There are no palm trees, but a tram.",
            "1. **Terrain**: hills, snow",
            "This points to Turkey.",
            "",
        ]
    ),
    max_size=6,
)


@derandomized
@given(LINES, st.sets(st.sampled_from(["cloud", "thai sign", "bus", "church", "tram", "hill", "snow", "street lamp"])))
def test_what_is_refused_is_gone_and_nothing_is_added(lines: list[str], refused: set[str]) -> None:
    text = "\n".join(lines)
    left = without(text, refused, (), ["Turkey"])
    before, after = cues_of(text, (), ["Turkey"]), cues_of(left, (), ["Turkey"])
    assert after.isdisjoint(refused)
    assert after <= before
    for _, items in units(text):
        assert all(item in left for item in items if cues_of(item, (), ["Turkey"]).isdisjoint(refused))
    assert without(left, refused, (), ["Turkey"]) == left
    assert cues_of(without(text, [], (), ["Turkey"]), (), ["Turkey"]) == before
    assert ("This points to Turkey." in left) is ("This points to Turkey." in text)


def test_the_simulated_detector_errs_as_often_as_it_says() -> None:
    there, absent, n = ["bus", "road", "church", "kiosk"], ["tram", "palm tree", "cactus", "pagoda"], 1500
    known = Known({f"p{i}": there for i in range(n)}, 0.2, 0.1, seed=3)
    seen = [known.look({"id": f"p{i}"}, [*there, *absent]) for i in range(n)]
    missed = sum(one[name][0] is False for one in seen for name in there) / (4 * n)
    alarms = sum(one[name][0] is True for one in seen for name in absent) / (4 * n)
    # four standard deviations of 6,000 draws
    assert missed == pytest.approx(0.2, abs=4 * (0.16 / 6000) ** 0.5)
    assert alarms == pytest.approx(0.1, abs=4 * (0.09 / 6000) ** 0.5)
    assert known.look({"id": "p7"}, ["tram", "bus"]) == {name: seen[7][name] for name in ("tram", "bus")}
    sure = Known({"a": ["palm tree"]}, 0.0, 0.0, seed=0).look({"id": "a"}, ["tree", "palm trees", "oak"])
    assert {name: value for name, (value, _) in sure.items()} == {"tree": True, "palm trees": True, "oak": False}


def test_the_best_grounded_reasoning_names_most_of_what_is_there_and_little_else() -> None:
    seen = {"bus": True, "road": True, "church": True, "tram": False, "kiosk": None}
    names = {"all": ["bus", "road", "church"], "little": ["bus"], "invents": ["bus", "road", "church", "tram"]}
    scores = {name: verify.groundedness(teacher(name, None, None, cues), seen) for name, cues in names.items()}
    assert scores == pytest.approx({"all": 1.0, "little": 0.5, "invents": 6 / 7})
    assert verify.groundedness(teacher("x", None, None, ["kiosk"]), seen) == 0.0
    assert canonical("bus") == "bus"
