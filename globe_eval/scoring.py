"""Where an answer meets a truth: samples with a response in, scored samples out; many of them -> figures.

lm-eval's task, `run`, `score`, `rescore` and the rewards all come through here, so they cannot disagree. Answer forms
(part of a task's identity, never mixed within a ranking): `names` (country, city), `address` (with state or province),
`coordinates`, and `any`: the coordinates where an answer has some, else its names, as `status` says of each. The form
decides which part of an answer is scored; the other part is kept, unscored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from globe_eval import finish
from globe_eval.answers.parse import read as read_response
from globe_eval.columns import Columns, columns
from globe_eval.metrics import statistics
from globe_eval.metrics.breakdowns import AT_LEAST, parts
from globe_eval.metrics.catalogue import FAMILIES, METRICS, OF_REASONING, Family, Metric
from globe_eval.metrics.custom_metrics import OwnMetric, own_values
from globe_eval.metrics.figures import figure_of
from globe_eval.metrics.figures import figures as _figures
from globe_eval.metrics.globe import globe_city_match, globe_country_match, globe_match
from globe_eval.metrics.localizability import localizability
from globe_eval.metrics.name_accuracy import city_correct, country_correct, named_cities
from globe_eval.metrics.response_format import response_format
from globe_eval.places import Place, country_code, resolve_many
from globe_eval.places.borders import countries_at, sovereign_of
from globe_eval.places.distance import DISTANCES
from globe_eval.sample import (
    ANSWER_FORMS,
    STATUSES,
    Answer,
    AnswerForm,
    By,
    Consistency,
    DistanceModel,
    Figure,
    Format,
    Grounding,
    Prediction,
    Sample,
    Status,
    Truth,
    finite,
)

if TYPE_CHECKING:
    from globe_eval.metrics.grounding import Control

Floats = npt.NDArray[np.float64]

Geocode = Callable[[Sequence[tuple[str | None, str | None, str | None]]], list[Place | None]]


Reading = tuple[Answer | None, Format | None]
"""What a sample says, and the form of its response; None where there is none."""


def read(sample: Sample) -> Answer | None:
    """The answer in a sample's response; None where no response came (network, image, no row in a file).

    Without an answer in the text, what its provider's filter stopped is refused (`globe_eval.finish`). Without a
    response the sample's answer stands as it is: it came as names or coordinates.
    """
    return _read(sample)[0]


def readings(samples: Sequence[Sample], *, families: Collection[Family] = FAMILIES) -> list[Reading]:
    """`read` of n samples, each with the form of its response; without where no metric of a reasoning is wanted."""
    of_reasoning = not OF_REASONING.isdisjoint(families)
    return [_read(sample, of_reasoning) for sample in samples]


def _read(sample: Sample, with_form: bool = False) -> Reading:
    if sample.error is not None:
        return None, None
    given, response = sample.answer, sample.response
    if response is None and given != _NO_ANSWER:
        answered = (given.lat is not None and given.lon is not None) or given.city or given.country or given.admin
        return given.but(status="answered" if answered else "empty"), None
    found, cut = read_response(response, truncated=finish.cut_off(sample.finish_reason))
    if found.status != "answered" and finish.filtered(sample.finish_reason):
        found = found.but(status="refused")
    if given.p_yes is not None:
        found = found.but(p_yes=given.p_yes)
    return found, response_format(found, response, cut) if with_form and response is not None else None


_NO_ANSWER = Answer()


def _recorded(answer: Answer) -> Answer:
    """An answer as a scored sample keeps it: without what only the scoring needed to know."""
    as_it_is = answer.reasoning is None and answer.status == _NO_ANSWER.status
    return answer if as_it_is else answer.but(reasoning=None, status=_NO_ANSWER.status)


def score(
    samples: Sequence[Sample],
    controls: Sequence[Control | None] | None = None,
    readings_before: Sequence[Reading] | None = None,
    *,
    form: AnswerForm,
    distance: DistanceModel = "geodesic",
    geocode: Geocode = resolve_many,
    own: Sequence[OwnMetric] = (),
    classes: Sequence[str] | None = None,
    families: Collection[Family] = FAMILIES,
) -> list[Sample]:
    """Score what is in n samples (`Sample.of`, or lines of a samples.jsonl) against their truths.

    The response is read, its answer is located and measured; all fields but id, truth, response, finish_reason, error,
    image_sha256 and judge are made anew. `own` stays as it is where no metrics of the benchmark's own are given.

    Args:
        samples: n of them.
        controls: of each, the other photographs (`metrics.grounding.controls_of`); None where `samples` are all of
            them. Nothing but `grounding.lift` and `grounding.recall_idf` depends on other photographs.
        readings_before: `readings` of the samples, where they have been read before.
        form, distance: an answer form, a distance model (`sample`).
        geocode: (city, country, admin) triples -> places; the embedded gazetteer unless an online back end is given.
        own: metrics that the benchmark brings itself. Raises InputError where one fails or returns no number.
        classes: all that is annotated exhaustively over the benchmark; None where its entities are not.
        families: of metrics that are wanted. What only others read is not measured, and None; the form of a response
            is measured with whatever else is of its reasoning.

    Returns: n scored samples, in the same order.
    """
    if form not in ANSWER_FORMS:
        raise ValueError(f"form {form!r}; allowed: {', '.join(ANSWER_FORMS)}")
    controls = controls_of(samples) if controls is None else controls
    texts = readings(samples, families=families) if readings_before is None else readings_before
    answers, truths = [answer for answer, _ in texts], [sample.truth for sample in samples]
    predictions = locate(answers, form=form, geocode=geocode)
    lat, lon = (
        np.array([getattr(p, axis) if p else np.nan for p in predictions], dtype=np.float64) for axis in ("lat", "lon")
    )
    truth_lat, truth_lon = (np.array([getattr(t, axis) for t in truths], dtype=np.float64) for axis in ("lat", "lon"))
    kilometres = DISTANCES[distance](truth_lat, truth_lon, lat, lon).tolist()
    at_point: list[frozenset[str] | None] = [None] * len(truths)
    by_point = [i for i, p in enumerate(predictions) if p is not None and p.level == "coordinates"]
    for i, codes in zip(by_point, countries_at(lat[by_point], lon[by_point]), strict=True):
        at_point[i] = codes
    countries = _countries_correct(truths, predictions, at_point)
    cities: Sequence[float | None] = [None] * len(truths)
    if form != "coordinates":
        cities = _cities_correct(truths, answers, predictions, kilometres)
    spoken = [answer if sample.response is not None else None for sample, answer in zip(samples, answers, strict=True)]
    consistent: Sequence[Consistency | None] = [None] * len(truths)
    # Rules and lexicon of reasonings are imported where there is one to read: positions need neither.
    if "consistency" in families and any(spoken):
        from globe_eval.metrics.consistency import consistencies

        consistent = consistencies(spoken, predictions, at_point)
    grounded: Sequence[Grounding | None] = [None] * len(truths)
    if "grounding" in families and any(truth.entities and said for truth, said in zip(truths, spoken, strict=True)):
        from globe_eval.metrics.grounding import ground

        grounded = [
            ground(said.reasoning, one.truth.entities, classes, one.response, control) if said else None
            for one, said, control in zip(samples, spoken, controls, strict=True)
        ]
    scored = []
    for i, (sample, answer, prediction) in enumerate(zip(samples, answers, predictions, strict=True)):
        said = spoken[i]
        one = sample.but(
            status=status(answer, prediction, form),
            answer=_recorded(_NO_ANSWER if answer is None else said or sample.answer),
            prediction=prediction,
            distance_km=kilometres[i] if prediction else None,
            country_correct=countries[i],
            city_correct=cities[i],
            globe_country_match=_released("country", sample, answer, form),
            globe_city_match=_released("city", sample, answer, form),
            grounding=grounded[i],
            consistency=consistent[i],
            localizability=localizability(said) if said is not None and "localizability" in families else None,
            format=texts[i][1],
        )
        scored.append(one.but(own=own_values(own, _fields(one, answer))) if own else one)
    return scored


def _countries_correct(
    truths: Sequence[Truth], predictions: Sequence[Prediction | None], at_point: Sequence[frozenset[str] | None]
) -> list[float | None]:
    """1 where the predicted country is right, else 0; None where it is not known. `at_point`: of coordinates."""
    predicted = [at or (p.country_code if p else None) for p, at in zip(predictions, at_point, strict=True)]
    pairs = zip(predicted, accepted_countries(truths), strict=True)
    return [finite(country_correct(*pair)) for pair in pairs]


def _cities_correct(
    truths: Sequence[Truth],
    answers: Sequence[Answer | None],
    predictions: Sequence[Prediction | None],
    kilometres: Sequence[float],
) -> list[float | None]:
    """1 where the predicted city is the true one, else 0; None where it is not known, and of coordinates."""
    cities = named_cities([(truth.city, truth.country, None) for truth in truths])
    return [
        finite(
            city_correct(
                prediction,
                None if prediction and prediction.level == "coordinates" else city,  # coordinates name none
                # Whether the answer says which of several places of one name it means.
                distance_km=km if answer and (answer.admin is not None or "," in (answer.city or "")) else None,
            )
        )
        for city, answer, prediction, km in zip(cities, answers, predictions, kilometres, strict=True)
    ]


def controls_of(samples: Sequence[Sample]) -> Sequence[Control | None]:
    """`metrics.grounding.controls_of`; without entities there are none, and the lexicon is not imported."""
    if not any(one.truth.entities and one.response is not None for one in samples):
        return [None] * len(samples)
    from globe_eval.metrics import grounding

    return grounding.controls_of(samples)


def _fields(sample: Sample, answer: Answer | None) -> dict[str, Any]:
    """The fields of a photograph that a benchmark's own metric gets."""
    records = {"truth": sample.truth, "answer": answer, "prediction": sample.prediction}
    fields = {name: getattr(sample, name) for name in ("id", "status", "distance_km", "response")}
    return fields | {name: None if part is None else asdict(part) for name, part in records.items()}


def locate(
    answers: Sequence[Answer | None], *, form: AnswerForm, geocode: Geocode = resolve_many
) -> list[Prediction | None]:
    """The point that each answer stands for under an answer form; None where it names none."""
    points: list[Prediction | None] = [None] * len(answers)
    if form in ("coordinates", "any"):
        for i, a in enumerate(answers):
            if a and a.lat is not None and a.lon is not None:
                points[i] = Prediction(a.lat, a.lon, "coordinates")
    if form == "coordinates":
        return points
    named = zip(answers, points, strict=True)
    places = geocode([(a.city, a.country, a.admin) if a and not point else (None, None, None) for a, point in named])
    for i, p in enumerate(places):
        if p:
            points[i] = Prediction(p.lat, p.lon, p.level, p.country_code, p.geonameid, p.name)
    return points


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
    known: dict[tuple[str | None, frozenset[str]], frozenset[str]] = {}
    for of in {(truth.country, codes) for truth, codes in zip(truths, at_point, strict=True)}:
        named, codes = country_code(of[0]), of[1]
        own = codes if named is None or named in codes else frozenset({named})
        known[of] = own | {state for code in own if (state := sovereign_of(code))}
    return [known[truth.country, codes] for truth, codes in zip(truths, at_point, strict=True)]


def _released(
    field: Literal["country", "city"], sample: Sample, answer: Answer | None, form: AnswerForm
) -> float | None:
    """The released containment rule, on the response where there is one, else on the name as it was given."""
    truth = getattr(sample.truth, field)
    if form == "coordinates" or answer is None or truth is None:
        return None
    if sample.response is not None:
        return finite((globe_country_match if field == "country" else globe_city_match)(sample.response, truth))
    return float(globe_match((getattr(answer, field) or "").strip().lower(), truth))


def figures(
    table: Columns,
    rows: npt.NDArray[Any] | None = None,
    *,
    metrics: Sequence[Metric] = METRICS,
    n_resamples: int = statistics.N_RESAMPLES,
    seed: int = 0,
) -> dict[str, Figure]:
    """Columns of n scored samples -> each metric with its interval, resampled by group; without those of no value.

    `rows` says which of the photographs, as numpy indexes an array. Those without a group are each their own; their
    order does not matter.
    """
    values, groups = _values(table, metrics)
    return _figures(metrics, values, groups, rows, n_resamples=n_resamples, seed=seed)


def _values(table: Columns, metrics: Sequence[Metric]) -> tuple[dict[str, Floats], npt.NDArray[np.intp]]:
    """The values of each metric, NaN where a photograph has none, and the number of each photograph's group."""
    groups = statistics.cluster_labels(table["id"].tolist(), table["truth.group"].tolist())
    return {metric.name: metric.values(table) for metric in metrics}, np.unique(groups, return_inverse=True)[1]


def breakdowns(
    table: Columns, by: Mapping[By, Sequence[str | None]], *, metrics: Sequence[Metric] = METRICS, seed: int = 0
) -> dict[By, dict[str, dict[str, Figure]]]:
    """The figures of each part of the photographs: by continent, country, scene and size of city of the true place.

    What belongs where `by` says (`metrics.breakdowns.labels`). Photographs whose label is unknown are in no part, and a
    dimension that no photograph has is left out.
    """
    metrics = [metric for metric in metrics if metric.of_parts]
    values, groups = _values(table, metrics)
    return {
        dimension: {label: _figures(metrics, values, groups, rows, seed=seed) for label, rows in members.items()}
        for dimension, each in by.items()
        if (members := parts(each, at_least=AT_LEAST.get(dimension, 1)))
    }


def sample_metrics(sample: Sample, metrics: Sequence[Metric] = METRICS) -> dict[str, Any]:
    """What lm-eval keeps of one photograph for each metric, and `aggregate` takes: its value, None where it has none.

    Of a metric whose value depends on the other photographs it is the sample itself.
    """
    table = columns([sample])
    return {metric.name: sample if metric.of_all else _item(metric.values(table)[0].tolist()) for metric in metrics}


def _item(value: float | list[float]) -> float | tuple[float, ...] | None:
    missing = np.isnan(value).any()
    return None if missing else tuple(value) if isinstance(value, list) else value


def aggregate(metric: Metric, items: Sequence[Any]) -> float:
    """What `sample_metrics` kept of many photographs -> the figure, the same as `figures` gives."""
    if metric.of_all:
        from globe_eval.metrics.grounding import in_context

        return figure_of(metric, metric.values(columns(in_context(items))))
    missing = (np.nan, np.nan) if metric.is_of_pairs else np.nan
    return figure_of(metric, np.array([missing if one is None else one for one in items], dtype=np.float64))


def counts(samples: Sequence[Sample]) -> dict[Status, int]:
    """How many samples have each status, in the order of STATUSES, none left out."""
    found = Counter(one.status for one in samples)
    return {status: found[status] for status in STATUSES}
