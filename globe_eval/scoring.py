"""Where an answer meets a truth: response + truth -> Score. lm-eval's task, `score` and later steps all come through.

Answer forms (part of a task's identity, never mixed within a ranking): `names` (country, city), `address` (with state
or province) and `coordinates`. The form decides which part of an answer is scored; the other part is kept, unscored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from globe_eval import finish
from globe_eval.answers import Answer, parse
from globe_eval.metrics import statistics
from globe_eval.metrics.breakdowns import AT_LEAST, By, labels, parts
from globe_eval.metrics.catalogue import METRICS as METRICS
from globe_eval.metrics.catalogue import Metric as Metric
from globe_eval.metrics.catalogue import known as _known
from globe_eval.metrics.catalogue import metrics_with as metrics_with
from globe_eval.metrics.catalogue import sample_metrics as sample_metrics
from globe_eval.metrics.consistency import Consistency, consistency
from globe_eval.metrics.figures import Figure as Figure
from globe_eval.metrics.figures import figures as _figures
from globe_eval.metrics.formats import Format, response_format
from globe_eval.metrics.globe import globe_city_match, globe_country_match, globe_match
from globe_eval.metrics.grounding import Grounding, ground
from globe_eval.metrics.localizability import Judgement, judgement
from globe_eval.metrics.names import city_correct, country_correct, named_cities
from globe_eval.metrics.own import OwnMetric, own_values
from globe_eval.places import Place, country_code, resolve_many
from globe_eval.places.borders import countries_at, sovereign_of
from globe_eval.places.distance import DISTANCES

Floats = npt.NDArray[np.float64]

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
    scene: str | None = None
    entities: tuple[str, ...] | None = None
    """What can be seen, as the manifest writes it; None where nobody annotated it."""
    localizable: bool | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Truth:
        """The truth in a manifest row."""
        country, city, group, scene = (row.get(name) for name in ("country", "city", "group", "scene"))
        seen, localizable = row.get("entities"), row.get("localizable")
        entities = None if seen is None else tuple(seen)
        return cls(row["id"], row["lat"], row["lon"], country, city, group, scene, entities, localizable)


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
    own: Mapping[str, float | None] = field(default_factory=dict, hash=False)
    """Values of the metrics that the benchmark brings itself."""
    grounding: Grounding | None = None
    """What is measured of the reasoning; None, as the next three, where there is no response to read it in."""
    consistency: Consistency | None = None
    localizability: Judgement | None = None
    format: Format | None = None


def read(response: str | None, *, finish_reason: str | None = None, error: str | None = None) -> Answer | None:
    """Response text -> Answer; None where the model was never heard (network, image, no row in a file).

    Without an answer in the text, what its provider's filter stopped is refused.

    >>> read("", finish_reason="content_filter").status, read("Par", finish_reason="MAX_TOKENS").status
    ('refused', 'truncated')
    """
    if error is not None:
        return None
    answer = parse(utf8(response), truncated=finish.cut_off(finish_reason))
    return (
        replace(answer, status="refused") if answer.status != "answered" and finish.filtered(finish_reason) else answer
    )


def utf8(text: str | None) -> str | None:
    """Lone surrogates, which models do write, are no UTF-8: kept visible as their escape, and read as such.

    >>> utf8("Par\\ud800is")
    'Par\\\\ud800is'
    """
    return None if text is None else str(text).encode("utf-8", "backslashreplace").decode("utf-8")


def score(
    answers: Sequence[Answer | None],
    truths: Sequence[Truth],
    responses: Sequence[str | None] | None = None,
    *,
    form: AnswerForm,
    distance: DistanceModel = "geodesic",
    geocode: Geocode = resolve_many,
    own: Sequence[OwnMetric] = (),
    classes: Sequence[str] | None = None,
) -> list[Score]:
    """Score answers against truths, one to one.

    Args:
        answers: what the responses say, n of them; None where the model was never heard.
        truths: n truths, in the same order.
        responses: the raw texts, which the `globe_` measures read (the released code has a parser of its own); None
            where the answers came as names or coordinates, and nothing is measured of a reasoning.
        form: one of ANSWER_FORMS.
        distance: "geodesic" (WGS84) or "haversine" (R = 6371 km).
        geocode: (city, country, admin) triples -> places; the embedded gazetteer unless an online back end is given.
        own: metrics that the benchmark brings itself. Raises InputError where one fails or returns no number.
        classes: all that is annotated exhaustively over the benchmark; None where its entities are not.

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
    at_point: list[frozenset[str] | None] = [None] * len(truths)
    by_point = [i for i, p in enumerate(predictions) if p is not None and p.level == "coordinates"]
    for i, codes in zip(by_point, countries_at(lat[by_point], lon[by_point]), strict=True):
        predicted_country[i] = at_point[i] = codes
    cities: Sequence[Place | None] = [None] * len(truths)  # coordinates name none
    if form != "coordinates":
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
                city_correct=_known(
                    city_correct(
                        prediction, cities[i], distance_km=kilometres[i] if answer and _is_specific(answer) else None
                    )
                ),
                globe_country_match=_released("country", answer, response, truth.country, form),
                globe_city_match=_released("city", answer, response, truth.city, form),
            )
        )
    texts = responses or [None] * len(scores)
    scores = reasoned(scores, answers, truths, texts, classes=classes, countries=at_point)
    if own:
        told = (_told(*one) for one in zip(answers, truths, scores, texts, strict=True))
        scores = [replace(score, own=own_values(own, sample)) for score, sample in zip(scores, told, strict=True)]
    return scores


def reasoned(
    scores: Sequence[Score],
    answers: Sequence[Answer | None],
    truths: Sequence[Truth],
    responses: Sequence[str | None],
    *,
    classes: Sequence[str] | None = None,
    countries: Sequence[frozenset[str] | None],
) -> list[Score]:
    """The scores with what is measured of the reasoning in each response; the arguments are those of `score`.

    `countries` are those of the predicted points, None where the name of a place says its own.
    """
    found = []
    for i, (one, answer, truth, response) in enumerate(zip(scores, answers, truths, responses, strict=True)):
        if answer is None or response is None:
            found.append(one)
            continue
        measured = replace(
            one,
            grounding=ground(truth.id, answer.reasoning, truth.entities, classes, utf8(response)),
            consistency=consistency(answer, one.prediction, countries[i]),
            localizability=judgement(answer, truth.localizable),
            format=response_format(answer, response),
        )
        found.append(measured)
    return found


def _told(answer: Answer | None, truth: Truth, score: Score, response: str | None) -> dict[str, Any]:
    """What a metric of the benchmark's own is told of a photograph."""
    known = asdict(truth)
    return {
        "id": known.pop("id"),
        "status": score.status,
        "truth": known,
        "answer": None if answer is None else asdict(answer),
        "prediction": None if score.prediction is None else asdict(score.prediction),
        "distance_km": score.distance_km,
        "response": response,
    }


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
        return _known((globe_country_match if field == "country" else globe_city_match)(utf8(response), truth))
    return float(globe_match(((answer.country if field == "country" else answer.city) or "").strip().lower(), truth))


def figures(
    scores: Sequence[Score],
    truths: Sequence[Truth],
    *,
    metrics: Sequence[Metric] = METRICS,
    n_resamples: int = 2000,
    seed: int = 0,
) -> dict[str, Figure]:
    """Many scores -> each metric with its interval, resampled by group. Metrics that no photograph has are left out.

    Photographs without a group are each their own. The order of the photographs does not matter.
    """
    values, groups = _columns(scores, truths, metrics)
    return _figures(values, groups, n_resamples=n_resamples, seed=seed)


def _columns(
    scores: Sequence[Score], truths: Sequence[Truth], metrics: Sequence[Metric]
) -> tuple[dict[str, Floats], npt.NDArray[np.intp]]:
    """The values of each metric, NaN where a photograph has none, and the number of each photograph's group."""
    groups = statistics.cluster_labels([truth.id for truth in truths], [truth.group for truth in truths])
    values = {metric.name: metric.of(scores) for metric in metrics}
    return values, np.unique(groups, return_inverse=True)[1]


def breakdowns(
    scores: Sequence[Score], truths: Sequence[Truth], *, metrics: Sequence[Metric] = METRICS, seed: int = 0
) -> dict[By, dict[str, dict[str, Figure]]]:
    """The figures of each part of the photographs: by continent, country, scene and size of city of the true place.

    What belongs where is `metrics.breakdowns.labels`' to say. Photographs whose label is unknown are in no part, and a
    dimension that no photograph has is left out. Parts of more than 1,000 photographs are resampled less often than
    2,000 times, down to 200: their intervals are narrow, and all parts together must not take longer than the whole.
    """
    values, groups = _columns(scores, truths, [metric for metric in metrics if metric.of_parts])
    by = labels(*([getattr(truth, name) for truth in truths] for name in ("lat", "lon", "country", "scene")))
    return {
        dimension: {
            label: _figures(
                {name: column[rows] for name, column in values.items()},
                groups[rows],
                n_resamples=min(2000, max(200, 2_000_000 // len(rows))),
                seed=seed,
            )
            for label, rows in members.items()
        }
        for dimension, each in by.items()
        if (members := parts(each, at_least=AT_LEAST.get(dimension, 1)))
    }


def counts(scores: Sequence[Score]) -> dict[Status, int]:
    """How many samples have each status, in the order of STATUSES, none left out."""
    found = Counter(score.status for score in scores)
    return {status: found[status] for status in STATUSES}
