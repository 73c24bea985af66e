"""Where an answer meets a truth: response + truth -> Score. lm-eval's task, `score` and later steps all come through.

Answer forms (part of a task's identity, never mixed within a ranking): `names` (country, city), `address` (with state
or province) and `coordinates`. The form decides which part of an answer is scored; the other part is kept, unscored.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from globe_eval.answers import Answer, parse
from globe_eval.metrics import accuracy, statistics
from globe_eval.metrics.globe import globe_city_match, globe_country_match, globe_match
from globe_eval.metrics.names import city_correct, country_correct, named_cities
from globe_eval.places import Place, country_code, resolve_many
from globe_eval.places.borders import countries_at, sovereign_of
from globe_eval.places.distance import DISTANCES

AnswerForm = Literal["names", "address", "coordinates"]
ANSWER_FORMS: tuple[AnswerForm, ...] = get_args(AnswerForm)

DistanceModel = Literal["geodesic", "haversine"]

Level = Literal["coordinates", "city", "admin", "country"]
"""How an answer was located; place names at the point of the most exact place that they name."""

Status = Literal[
    "coordinates", "city", "admin", "country", "unresolved", "refused", "unparsed", "empty", "truncated", "error"
]
"""Exactly one a sample: a level, or why there is none. `error` was never heard, the others are misses of the model."""
STATUSES: tuple[Status, ...] = get_args(Status)

Geocode = Callable[[Sequence[tuple[str | None, str | None, str | None]]], list[Place | None]]

LOCATED: frozenset[Status] = frozenset(get_args(Level))


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of a photograph. `lat`, `lon` in degrees; everything else may be unknown."""

    id: str
    lat: float
    lon: float
    country: str | None = None
    city: str | None = None
    group: str | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Truth:
        """The truth in a manifest row."""
        return cls(row["id"], row["lat"], row["lon"], row.get("country"), row.get("city"), row.get("group"))


@dataclass(frozen=True, slots=True)
class Prediction:
    """The point that is scored, in degrees, and how it was found (`level`: coordinates, city, admin or country)."""

    lat: float
    lon: float
    level: Level
    country_code: str | None = None
    geonameid: int | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """One photograph's score. `distance_km` is None where there is no usable answer: a miss, never dropped.

    The four name measures are 0.0 or 1.0, None where the truth does not know the name (or the form asks for none).
    """

    status: Status
    prediction: Prediction | None
    distance_km: float | None
    country_correct: float | None
    city_correct: float | None
    globe_country_match: float | None
    globe_city_match: float | None


def read(response: str | None, *, finish_reason: str | None = None, error: str | None = None) -> Answer | None:
    """Response text -> Answer; None where the model was never heard (network, image, no row in a file)."""
    return None if error is not None else parse(response, truncated=finish_reason == "length")


def score(
    answers: Sequence[Answer | None],
    truths: Sequence[Truth],
    *,
    form: AnswerForm,
    distance: DistanceModel = "geodesic",
    responses: Sequence[str | None] | None = None,
    geocode: Geocode = resolve_many,
) -> list[Score]:
    """Score answers against truths, one to one.

    Args:
        answers: what the responses say, n of them; None where the model was never heard.
        truths: n truths, in the same order.
        form: one of ANSWER_FORMS.
        distance: "geodesic" (WGS84) or "haversine" (R = 6371 km).
        responses: the raw texts, which only the `globe_` measures read (the released code has a parser of its own);
            None where the answers came as names.
        geocode: (city, country, admin) triples -> places; the embedded gazetteer unless an online back end is given.

    Returns: n scores. A row's score does not depend on the other rows.
    """
    if form not in ANSWER_FORMS:
        raise ValueError(f"form {form!r}; allowed: {', '.join(ANSWER_FORMS)}")
    predictions = locate(answers, form=form, geocode=geocode)
    lat, lon = (
        np.array([getattr(p, axis) if p else np.nan for p in predictions], dtype=np.float64) for axis in ("lat", "lon")
    )
    truth_lat, truth_lon = (np.array([getattr(t, axis) for t in truths], dtype=np.float64) for axis in ("lat", "lon"))
    kilometres = DISTANCES[distance](truth_lat, truth_lon, lat, lon)

    accepted = accepted_countries(truths)
    predicted_country = [frozenset({p.country_code} if p and p.country_code else ()) for p in predictions]
    by_point = [i for i, p in enumerate(predictions) if p is not None and p.level == "coordinates"]
    for i, codes in zip(by_point, countries_at(lat[by_point], lon[by_point]), strict=True):
        predicted_country[i] = codes
    cities = named_cities([(t.city, t.country, None) for t in truths])

    scores = []
    for i, (answer, truth, prediction) in enumerate(zip(answers, truths, predictions, strict=True)):
        response = responses[i] if responses else None
        scores.append(
            Score(
                status=status(answer, prediction, form),
                prediction=prediction,
                distance_km=float(kilometres[i]) if prediction else None,
                country_correct=_known(country_correct(predicted_country[i], accepted[i])),
                city_correct=None
                if form == "coordinates"
                else _known(
                    city_correct(
                        prediction, cities[i], distance_km=kilometres[i] if answer and _is_specific(answer) else None
                    )
                ),
                globe_country_match=_released("country", answer, response, truth.country, form),
                globe_city_match=_released("city", answer, response, truth.city, form),
            )
        )
    return scores


def locate(
    answers: Sequence[Answer | None], *, form: AnswerForm, geocode: Geocode = resolve_many
) -> list[Prediction | None]:
    """The point that each answer stands for under an answer form; None where it names none."""
    if form == "coordinates":
        return [
            Prediction(a.lat, a.lon, "coordinates") if a and a.lat is not None and a.lon is not None else None
            for a in answers
        ]
    places = geocode([(a.city, a.country, a.admin) if a else (None, None, None) for a in answers])
    return [
        None if p is None else Prediction(p.lat, p.lon, p.level, p.country_code, p.geonameid, p.name) for p in places
    ]


def status(answer: Answer | None, prediction: Prediction | None, form: AnswerForm) -> Status:
    """The one status of a sample (see STATUSES)."""
    if answer is None:
        return "error"
    if prediction is not None:
        return prediction.level
    if answer.status != "answered":
        return answer.status
    return "unresolved" if form != "coordinates" and (answer.city or answer.country or answer.admin) else "unparsed"


def accepted_countries(truths: Sequence[Truth]) -> list[frozenset[str]]:
    """Which country codes count as right for each truth; empty where it is not known.

    A named country is the truth, and with it whoever else claims the point; without a name the point decides. In a
    territory the state that it belongs to is right as well.
    """
    at_point = countries_at(np.array([t.lat for t in truths]), np.array([t.lon for t in truths]))
    accepted = []
    for truth, codes in zip(truths, at_point, strict=True):
        named = country_code(truth.country)
        own = codes if named is None or named in codes else frozenset({named})
        accepted.append(own | {state for code in own if (state := sovereign_of(code))})
    return accepted


def _is_specific(answer: Answer) -> bool:
    """Whether the answer says which of several places of one name it means."""
    return answer.admin is not None or "," in (answer.city or "")


def _released(
    field: Literal["country", "city"], answer: Answer | None, response: str | None, truth: str | None, form: AnswerForm
) -> float | None:
    """The released containment rule, on the response where there is one, else on the name as it was given."""
    if answer is None or truth is None or form == "coordinates":
        return None
    if response is not None:
        return _known((globe_country_match if field == "country" else globe_city_match)(response, truth))
    return float(globe_match(((answer.country if field == "country" else answer.city) or "").strip().lower(), truth))


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of a benchmark: its value for one photograph (None: no value) and how many become one."""

    name: str
    of: Callable[[Score], float | None]
    aggregate: Callable[[Sequence[float | None]], float]
    higher_is_better: bool


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else float("nan")


def _median_km(values: Sequence[float | None]) -> float:
    return accuracy.median_km(_distances(values))


def _mean_km(values: Sequence[float | None]) -> float:
    return accuracy.mean_km(_distances(values))


def _distances(values: Sequence[float | None]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _within(km: float) -> Callable[[Score], float]:
    return lambda score: float(score.distance_km is not None and score.distance_km <= km)


METRICS: tuple[Metric, ...] = (
    *(Metric(accuracy.acc_name(km), _within(km), _mean, True) for km in accuracy.THRESHOLDS_KM.values()),
    Metric("geoscore", lambda s: float(accuracy.geoscore(_distances([s.distance_km]))[0]), _mean, True),
    Metric("median_km", lambda s: s.distance_km, _median_km, False),
    Metric("mean_km", lambda s: s.distance_km, _mean_km, False),
    Metric("located", lambda s: float(s.status in LOCATED), _mean, True),
    Metric("country_accuracy", lambda s: s.country_correct, _mean, True),
    Metric("city_accuracy", lambda s: s.city_correct, _mean, True),
    Metric("globe_country_match", lambda s: s.globe_country_match, _mean, True),
    Metric("globe_city_match", lambda s: s.globe_city_match, _mean, True),
)
"""Every metric of a result, in the order of its tables."""


def sample_metrics(score: Score) -> dict[str, float | None]:
    """One photograph's value of each metric, None where it has none."""
    return {metric.name: metric.of(score) for metric in METRICS}


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric's value over n photographs of n_groups groups, with its 95 % bootstrap interval (low, high).

    Infinite where half of the answers and more are missing (median) or any is (mean); NaN bounds: one group only.
    """

    value: float
    low: float
    high: float
    n: int
    n_groups: int


def figures(
    scores: Sequence[Score], truths: Sequence[Truth], *, n_resamples: int = 2000, seed: int = 0
) -> dict[str, Figure]:
    """Many scores -> each metric with its interval, resampled by group. Metrics that no photograph has are left out.

    Photographs without a group are each their own. The order of the photographs does not matter.
    """
    labels = statistics.cluster_labels([truth.id for truth in truths], [truth.group for truth in truths])
    values = {m.name: [m.of(score) for score in scores] for m in METRICS}
    measured = [m for m in METRICS if m.name.endswith("_km") or any(v is not None for v in values[m.name])]
    means = [m for m in measured if m.name != "median_km"]
    columns = np.array([_distances(values[m.name]) for m in means]).T
    at = [m.name for m in means].index("mean_km")
    columns[:, at][np.isnan(columns[:, at])] = np.inf
    bounds = statistics.bootstrap(
        columns, labels, medians=_distances(values["median_km"]), n_resamples=n_resamples, seed=seed
    )
    by_name = dict(zip([*(m.name for m in means), "median_km"], bounds, strict=True))
    result = {}
    for m in measured:
        counted = [i for i, v in enumerate(values[m.name]) if v is not None or m.name.endswith("_km")]
        low, high = by_name[m.name]
        result[m.name] = Figure(
            m.aggregate(values[m.name]), float(low), float(high), len(counted), len({labels[i] for i in counted})
        )
    return result


def counts(scores: Sequence[Score]) -> dict[Status, int]:
    """How many samples have each status, in the order of STATUSES, none left out."""
    found = Counter(score.status for score in scores)
    return {status: found[status] for status in STATUSES}
