"""Every metric by name: what it takes of each photograph's score, how many become one, and which direction is better.

A scored photograph is a `sample.Sample`. A metric has one of three forms. Most have a value for each photograph, of
which the mean (or median) is the figure. Some of these values depend
on the other photographs (a lift over their entities). And some figures are of pairs (confidence, outcome) and have no
value for one photograph at all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from globe_eval.metrics import accuracy, grounding, localizability
from globe_eval.sample import Sample

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of a benchmark: its values for n photographs (NaN: no value) and how many become one.

    `of` gives (n,) values, or (n, 2) pairs of confidence and outcome. `aggregate` takes what `item` gives of each
    photograph, which is its value unless that depends on the others.
    """

    name: str
    of: Callable[[Sequence[Sample]], Floats]
    aggregate: Callable[[Sequence[Any]], float]
    higher_is_better: bool
    item: Callable[[Sample], Any] | None = None
    of_parts: bool = True
    """Whether breakdowns and the located photographs alone have it too."""

    def item_of(self, score: Sample) -> Any:
        """What one photograph contributes to `aggregate`; None where it contributes nothing."""
        return known(self.of([score])[0]) if self.item is None else self.item(score)


def known(value: float) -> float | None:
    """NaN is None."""
    return None if math.isnan(value) else float(value)


def mean(values: Sequence[float | None]) -> float:
    """The mean of the known values, whose order does not matter; NaN where there is none."""
    some = [value for value in values if value is not None]
    return math.fsum(some) / len(some) if some else float("nan")


def _median_km(values: Sequence[float | None]) -> float:
    return accuracy.median_km(_floats(values))


def _mean_km(values: Sequence[float | None]) -> float:
    return accuracy.mean_km(_floats(values))


def _floats(values: Sequence[float | None]) -> Floats:
    return np.array(values, dtype=np.float64)  # None becomes NaN


def _field(name: str) -> Callable[[Sequence[Sample]], Floats]:
    return lambda scores: _floats([getattr(score, name) for score in scores])


def _within(km: float) -> Callable[[Sequence[Sample]], Floats]:
    return lambda scores: accuracy.within(_distance_km(scores), km).astype(np.float64)


_distance_km = _field("distance_km")


def _part(part: str, field: str) -> Callable[[Sequence[Sample]], Floats]:
    """A field of a part of the score, such as its grounding; NaN where the part is missing."""

    def of(scores: Sequence[Sample]) -> Floats:
        parts = [getattr(score, part) for score in scores]
        return _floats([None if one is None else getattr(one, field) for one in parts])

    return of


def _verdict(verdict: str) -> Callable[[Sequence[Sample]], Floats]:
    return lambda scores: _floats([s.consistency and float(s.consistency.verdict == verdict) for s in scores])


def _sample(sample: Sample) -> Sample:
    return sample


def _in_context(field: str, samples: Sequence[Sample]) -> float:
    """The mean of a figure of the grounding that depends on all photographs."""
    return mean([getattr(one.grounding, field, None) for one in grounding.in_context(samples)])


_ACCURACY: tuple[Metric, ...] = (
    Metric("geoscore", lambda scores: accuracy.geoscore(_distance_km(scores)), mean, True),
    Metric("median_km", _distance_km, _median_km, False),
    Metric("mean_km", _distance_km, _mean_km, False),
    Metric("located", lambda scores: _floats([float(s.distance_km is not None) for s in scores]), mean, True),
    Metric("country_accuracy", _field("country_correct"), mean, True),
    Metric("city_accuracy", _field("city_correct"), mean, True),
    Metric("globe_country_match", _field("globe_country_match"), mean, True),
    Metric("globe_city_match", _field("globe_city_match"), mean, True),
)

_GROUNDING: tuple[Metric, ...] = (
    Metric("grounding_lift", _part("grounding", "lift"), partial(_in_context, "lift"), True, _sample),
    Metric("grounding_f1", _part("grounding", "f1"), mean, True),
    Metric("grounding_recall", _part("grounding", "recall"), mean, True, of_parts=False),
    Metric("grounding_precision", _part("grounding", "precision"), mean, True, of_parts=False),
    Metric(
        "grounding_recall_idf",
        _part("grounding", "recall_idf"),
        partial(_in_context, "recall_idf"),
        True,
        _sample,
        of_parts=False,
    ),
    Metric("unsupported_rate", _part("grounding", "unsupported_rate"), mean, False, of_parts=False),
    Metric("hallucination_rate", _part("grounding", "hallucination_rate"), mean, False, of_parts=False),
    Metric("hallucination_any", _part("grounding", "hallucination_any"), mean, False, of_parts=False),
    Metric("globe_visual_match", _part("grounding", "globe_visual_match"), mean, True, of_parts=False),
)

_CONSISTENCY: tuple[Metric, ...] = (
    Metric("reasoning_consistent", _verdict("consistent"), mean, True),
    Metric("reasoning_contradicts", _verdict("contradicts"), mean, False, of_parts=False),
    Metric("reasoning_silent", _verdict("silent"), mean, False, of_parts=False),
)

_FORMAT: tuple[Metric, ...] = (
    Metric("format_globe", _part("format", "globe"), mean, True, of_parts=False),
    Metric("format_lenient", _part("format", "lenient"), mean, True, of_parts=False),
    Metric("truncated_rate", _part("format", "truncated"), mean, False, of_parts=False),
    Metric("n_words", _part("format", "n_words"), mean, False, of_parts=False),
)
"""n_words is a length and has no better direction; False stands there because every metric says one."""


def pairs(target: str, scores: Sequence[Sample]) -> Floats:
    """Each photograph's confidence and outcome, NaN where one is missing; shape (n, 2)."""
    confidence = _floats([s.localizability and s.localizability.confidence for s in scores])
    if target == "label":
        outcome = _floats([s.truth.localizable for s in scores])
    else:
        outcome = accuracy.within(_distance_km(scores), float(target.removesuffix("km"))).astype(np.float64)
    return np.column_stack([confidence, np.where(np.isnan(confidence), np.nan, outcome)])


def _pair(target: str, score: Sample) -> tuple[float, float] | None:
    confidence, outcome = pairs(target, [score])[0].tolist()
    return None if math.isnan(confidence) or math.isnan(outcome) else (confidence, outcome)


def _of_pairs(function: Callable[[Any, Any], float], pairs: Sequence[tuple[float, float] | None]) -> float:
    some = [pair for pair in pairs if pair is not None]
    return function([p for p, _ in some], [y for _, y in some])


def _squared_errors(target: str, scores: Sequence[Sample]) -> Floats:
    confidence, outcome = pairs(target, scores).T
    return np.asarray((confidence - outcome) ** 2)


def _outcomes_of_claims(target: str, scores: Sequence[Sample]) -> Floats:
    confidence, outcome = pairs(target, scores).T
    return np.where(confidence >= 0.5, outcome, np.nan)


TARGETS = ("25km", "200km", "label")
"""What a confidence is compared with: located within 25 and 200 km, and what the benchmark says."""


def _localizability(target: str) -> tuple[Metric, ...]:
    def of_pairs(stem: str, function: Callable[[Any, Any], float], higher: bool) -> Metric:
        return Metric(
            f"localizability_{stem}@{target}",
            partial(pairs, target),
            partial(_of_pairs, function),
            higher,
            partial(_pair, target),
            of_parts=False,
        )

    return (
        of_pairs("auroc", localizability.auroc, True),
        Metric(f"localizability_brier@{target}", partial(_squared_errors, target), mean, False, of_parts=False),
        of_pairs("aurc", localizability.aurc, False),
        of_pairs("coverage", localizability.coverage, True),
        Metric(f"localizability_selective@{target}", partial(_outcomes_of_claims, target), mean, True, of_parts=False),
    )


_LOCALIZABILITY: tuple[Metric, ...] = (
    Metric("localizable_claimed", _part("localizability", "localizable"), mean, True, of_parts=False),
    *(metric for target in TARGETS for metric in _localizability(target)),
)


def metrics_with(thresholds_km: Sequence[float] = (), own: Mapping[str, bool] | None = None) -> tuple[Metric, ...]:
    """METRICS, with the accuracies at a benchmark's own thresholds among the others, and its own metrics at the end.

    `own` says of each whether higher is better.

    >>> [metric.name for metric in metrics_with([0.5, 25.0])][:4]
    ['acc@0.5km', 'acc@1km', 'acc@25km', 'acc@200km']
    """
    return (
        *(
            Metric(accuracy.acc_name(km), _within(km), mean, True)
            for km in sorted({*accuracy.THRESHOLDS_KM.values(), *thresholds_km})
        ),
        *_ACCURACY,
        *_GROUNDING,
        *_CONSISTENCY,
        *_LOCALIZABILITY,
        *_FORMAT,
        *(Metric(name, _own(name), mean, higher_is_better) for name, higher_is_better in (own or {}).items()),
    )


def _own(name: str) -> Callable[[Sequence[Sample]], Floats]:
    return lambda scores: _floats([score.own.get(name) for score in scores])


METRICS = metrics_with()
"""Every metric that all results have, as far as a photograph has a value of it, in the order of their tables."""

GROUNDING, CONSISTENCY, FORMAT, LOCALIZABILITY = (
    tuple(metric.name for metric in family) for family in (_GROUNDING, _CONSISTENCY, _FORMAT, _LOCALIZABILITY)
)
"""The names of the metrics of each measure of the reasoning."""


def sample_metrics(score: Sample, metrics: Sequence[Metric] = METRICS) -> dict[str, Any]:
    """What one photograph contributes to each metric: mostly its value; None where it has none."""
    return {metric.name: metric.item_of(score) for metric in metrics}
