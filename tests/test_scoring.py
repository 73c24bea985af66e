from __future__ import annotations

import random
from dataclasses import replace

import pytest
from geographiclib.geodesic import Geodesic

from globe_eval import scoring
from globe_eval.columns import columns
from globe_eval.models.response import Response
from globe_eval.sample import LOCATED, Answer, AnswerForm, Sample, Truth

PARIS = Truth(48.8566, 2.3522, "France", "Paris")


def one(response: str | None, truth: Truth = PARIS, form: AnswerForm = "names", **ended: str) -> Sample:
    said = None if response is None else Response(response, **ended)
    (score,) = scoring.score([Sample.of("a", truth, said)], form=form)
    return score


@pytest.mark.parametrize(
    "response, form, status",
    [
        ("country: France\ncity: Paris", "names", "city"),
        ("country: France\ncity: unknown", "names", "country"),
        ("country: Blefuscu\ncity: Mildendo", "names", "unresolved"),
        ("latitude: 48.9\nlongitude: 2.3", "coordinates", "coordinates"),
        ("latitude: 98.9\nlongitude: 2.3", "coordinates", "unparsed"),
        ("country: France\ncity: Paris", "coordinates", "unparsed"),
        ("latitude: 48.9\nlongitude: 2.3", "names", "unparsed"),
        ("I'm sorry, but I cannot determine where this was taken.", "names", "refused"),
        ("A street with some trees.", "names", "unparsed"),
        ("latitude: 48.9\nlongitude: 2.3\ncountry: France\ncity: Paris", "any", "coordinates"),
        ("country: France\ncity: Paris", "any", "city"),
        ("country: Blefuscu\ncity: Mildendo", "any", "unresolved"),
        ("I'm sorry, but I cannot determine where this was taken.", "any", "refused"),
        ("", "names", "empty"),
        (None, "names", "empty"),
    ],
)
def test_every_answer_ends_in_one_status(response: str | None, form: AnswerForm, status: str) -> None:
    score = one(response, form=form)
    assert score.status == status
    assert (score.distance_km is None) == (status not in LOCATED)


def test_truncated_and_error_are_told_by_the_back_end() -> None:
    assert one("<think>The sign says", finish_reason="length").status == "truncated"
    assert one("", error="HTTP 500").status == "error"
    assert one("<think>x</think><answer>country: France\ncity: Paris</answer>", finish_reason="length").status == "city"


def test_the_distance_is_the_geodesic_to_the_place_that_was_named() -> None:
    score = one("country: Australia\ncity: Sydney")
    assert score.prediction is not None and score.prediction.geonameid == 2147714
    reference = Geodesic.WGS84.Inverse(PARIS.lat, PARIS.lon, score.prediction.lat, score.prediction.lon)["s12"] / 1000
    assert score.distance_km == pytest.approx(reference, abs=1e-6)


def test_a_country_alone_is_not_worth_its_capital() -> None:
    score = one("country: France\ncity: unknown")
    assert score.distance_km is not None and score.distance_km > 25
    assert (score.country_correct, score.city_correct) == (1.0, 0.0)


@pytest.mark.parametrize(
    "point, named, right, wrong",
    [
        ((44.95, 34.1), None, {"Ukraine", "Russia"}, {"Turkey"}),
        ((-21.1, 55.5), None, {"Réunion", "France"}, {"Mauritius"}),
        ((48.8566, 2.3522), "France", {"France", "Frankreich", "FR"}, {"Réunion"}),
        ((0.0, -30.0), None, set(), set()),
    ],
)
def test_countries_that_count(point: tuple[float, float], named: str | None, right: set[str], wrong: set[str]) -> None:
    truth = Truth(*point, country=named)
    for name in right:
        assert one(f"country: {name}\ncity: unknown", truth).country_correct == 1.0, name
    for name in wrong:
        assert one(f"country: {name}\ncity: unknown", truth).country_correct == 0.0, name
    if not right:
        assert one("country: Brazil\ncity: unknown", truth).country_correct is None


def test_what_the_truth_does_not_know_is_missing_and_never_zero() -> None:
    score = one("country: France\ncity: Paris", Truth(48.8566, 2.3522))
    assert (score.country_correct, score.city_correct) == (1.0, None)
    assert score.globe_country_match is None and score.globe_city_match is None


def test_whatever_was_said_is_scored_as_its_own_form_would() -> None:
    both = "latitude: 48.9\nlongitude: 2.3\ncountry: France\ncity: Lyon"
    assert one(both, form="any") == replace(
        one(both, form="coordinates"), globe_country_match=one(both).globe_country_match, globe_city_match=0.0
    )
    names = "country: France\ncity: Lyon"
    assert one(names, form="any") == one(names, form="names")


def test_released_measures_read_the_response_in_their_own_way() -> None:
    assert one("<answer>country: france\ncity: **Paris**</answer>").globe_city_match == 0.0
    assert one("<answer>country: france\ncity: **Paris**</answer>").city_correct == 1.0


def test_a_score_does_not_depend_on_its_neighbours() -> None:
    texts = ["country: France\ncity: Paris", "country: Japan\ncity: Kyoto", "", "country: Peru", "no idea at all"] * 3
    truths = [Truth(10.0 * i % 80, 5.0 * i, "France", "Paris", f"g{i % 4}") for i in range(len(texts))]
    unscored = [Sample.of("a", truth, text) for truth, text in zip(truths, texts, strict=True)]
    together = scoring.score(unscored, form="names")
    alone = [one(text, truth) for text, truth in zip(texts, truths, strict=True)]
    assert together == alone
    order = list(range(len(texts)))
    random.Random(0).shuffle(order)
    together = [replace(sample, id=str(i)) for i, sample in enumerate(together)]
    # As text: a bound that is not a number equals itself in no Python from 3.13 on.
    assert str(scoring.figures(columns([together[i] for i in order]))) == str(scoring.figures(columns(together)))


def test_misses_stay_in_the_denominator() -> None:
    texts = ["country: France\ncity: Paris", "", "I'm sorry, I can't help with that."]
    scores = [replace(one(text), id=str(i)) for i, text in enumerate(texts)]
    figures = scoring.figures(columns(scores))
    assert figures["acc@25km"].value == pytest.approx(1 / 3) and figures["acc@25km"].n == 3
    assert figures["mean_km"].value == float("inf") and figures["median_km"].value == float("inf")
    assert figures["geoscore"].value == pytest.approx(5000 / 3, rel=1e-2)
    assert scoring.counts(scores)["refused"] == 1 and sum(scoring.counts(scores).values()) == 3


def test_nothing_at_all_is_no_crash() -> None:
    assert scoring.score([], form="names") == []
    assert {figure.n for figure in scoring.figures(columns([])).values()} == {0}


def test_a_scored_sample_scored_again_is_itself() -> None:
    for response in ("<think>A bus.</think><answer>country: France\ncity: Paris</answer>", "I cannot help.", None):
        again = one(response, Truth(48.8566, 2.3522, entities=("bus", "church")))
        assert scoring.score([again], form="names") == [again]
    names = Sample.of("a", PARIS, answer=Answer(country="France", city="Paris"))
    (first,) = scoring.score([names], form="names")
    assert first.status == "city" and first.format is None and scoring.score([first], form="names") == [first]
    assert scoring.read(Sample.of("a", PARIS, error="no network")) is None


def test_nan_in_a_row_of_a_data_frame_is_missing() -> None:
    nan = float("nan")
    row = {"id": "a", "lat": 48.8566, "lon": 2.3522, "country": "France", "city": nan, "group": nan, "entities": nan}
    (scored,) = scoring.score([Sample.of("a", Truth.of(row), nan)], form="names")  # type: ignore[arg-type]
    assert scored.truth == Truth(48.8566, 2.3522, "France") and scored.response is None
    assert (scored.status, scored.city_correct) == ("empty", None)
