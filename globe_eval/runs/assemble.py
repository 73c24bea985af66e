"""Samples with their responses -> scored samples and results: the last step of `run`, of `score` and of re-scoring."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, get_args

import numpy as np

from globe_eval import scoring
from globe_eval.answers import PARSER_VERSION
from globe_eval.benchmarks.ceilings import Ceilings, ceilings
from globe_eval.columns import columns
from globe_eval.metrics.accuracy import THRESHOLDS_KM, acc_name, within
from globe_eval.metrics.catalogue import TARGETS, pair_columns, pairs
from globe_eval.metrics.custom_metrics import OwnMetric
from globe_eval.metrics.grounding import controls_of, lexicon_sha256
from globe_eval.metrics.localizability import SOURCES, risk_coverage, thinned
from globe_eval.places import DISTANCES, gazetteer, resolve_many
from globe_eval.places.online import GEOCODERS
from globe_eval.places.resolve import RESOLVER_VERSION
from globe_eval.runs import process, record
from globe_eval.sample import (
    LOCATED,
    SCHEMA_VERSION,
    AnswerForm,
    DistanceModel,
    Figure,
    Gazetteer,
    Geocoder,
    Images,
    ReasoningCounts,
    Results,
    Sample,
    Stratum,
    Truth,
    Usage,
    WithoutOverlap,
    finite,
)
from globe_eval.secrets import without_secrets


@dataclass(frozen=True)
class Setting:
    """What the samples are of. Two results may be ranked together only where these agree (but for the model)."""

    task: str
    task_version: str
    answer_form: AnswerForm
    manifest_sha256: str
    model: str
    model_args: dict[str, Any] = field(default_factory=dict)
    model_info: dict[str, Any] = field(default_factory=dict)
    prompt: str | None = None
    prompt_sha256: str | None = None
    decoding: dict[str, Any] | None = None
    seed: int = 0
    limit: float | None = None
    shard: str | None = None
    """Which photographs: "i/n" is every n-th from the i-th on."""
    command: str | None = None
    distance: DistanceModel = "geodesic"
    geocoder: str = "geonames"
    exclude: frozenset[str] | None = None
    """Ids of photographs that a second set of figures leaves out; None asks for no such figures."""
    thresholds_km: Sequence[float] = ()
    own_metrics: Sequence[OwnMetric] = ()
    own_directions: dict[str, bool] = field(default_factory=dict)
    """What the benchmark measures besides the metrics that all have; which of its own metrics are better when higher
    is known of a stored result too, the functions are not."""
    entity_classes: Sequence[str] | None = None
    """All classes that the benchmark annotates exhaustively; None where it does not declare its entities so."""
    entities_sha256: str | None = None
    """Of the entities of a file of their own."""


@process.without_collector()
def assemble(
    setting: Setting,
    samples: Sequence[Sample],
    *,
    started: datetime,
    images: Images | None = None,
    usage: Usage | None = None,
) -> tuple[list[Sample], Results]:
    """Score n samples and describe the result. Deterministic but for the time, the duration and the versions."""
    online = None if setting.geocoder == "geonames" else GEOCODERS[setting.geocoder]()
    score = partial(
        scoring.score,
        form=setting.answer_form,
        distance=setting.distance,
        geocode=online.geocode if online else resolve_many,
        own=setting.own_metrics,
        classes=setting.entity_classes,
    )
    # An online geocoder's cache and a benchmark's own functions stay in this process.
    here = online is not None or bool(setting.own_metrics)
    columns = samples, controls_of(samples)
    scored = score(*columns) if here else process.in_parts(score, *columns)
    results = Results(
        schema_version=SCHEMA_VERSION,
        task=setting.task,
        task_version=setting.task_version,
        answer_form=setting.answer_form,
        manifest_sha256=setting.manifest_sha256,
        prompt=setting.prompt,
        prompt_sha256=setting.prompt_sha256,
        model=setting.model,
        model_args=without_secrets(setting.model_args),
        model_info=without_secrets(setting.model_info),
        decoding=None if setting.decoding is None else without_secrets(setting.decoding),
        seed=setting.seed,
        limit=setting.limit,
        command=setting.command,
        shard=setting.shard,
        distance=setting.distance,
        geocoder=Geocoder(name=setting.geocoder, version=online.version if online else f"resolver {RESOLVER_VERSION}"),
        gazetteer=Gazetteer(version=gazetteer.info()["version"], sha256=gazetteer.info()["sha256"]),
        resolver_version=RESOLVER_VERSION,
        parser_version=PARSER_VERSION,
        packages=record.package_versions(),
        git_commit=record.git_commit(),
        started=started.astimezone(UTC).isoformat(timespec="seconds"),
        duration_seconds=round((datetime.now(UTC) - started).total_seconds(), 3),
        usage=usage,
        images=images,
        thresholds_km=list(setting.thresholds_km),
        own_directions=setting.own_directions,
        entity_classes=None if setting.entity_classes is None else list(setting.entity_classes),
        entities_sha256=setting.entities_sha256,
        **describe(setting, scored),
    )
    if online is not None and not online.shareable:
        scored = [replace(one, prediction=None) for one in scored]
    return scored, results


def describe(setting: Setting, samples: Sequence[Sample]) -> dict[str, Any]:
    """The fields of a result that its scored samples alone decide: n, status and every figure."""
    metrics = scoring.metrics_with(setting.thresholds_km, setting.own_directions)
    figures = recorded(scoring.figures(samples, metrics=metrics, seed=setting.seed))
    located = [one for one in samples if one.status in LOCATED]
    of_parts = [metric for metric in metrics if metric.of_parts]
    return {
        "n": len(samples),
        "n_groups": next(iter(figures.values())).n_groups if figures else 0,
        "complete": all(one.status != "error" for one in samples),
        "status": scoring.counts(samples),
        "metrics": figures,
        "valid_only": recorded(scoring.figures(located, metrics=of_parts, seed=setting.seed)),
        "accuracy_by_distance": _accuracy_by_distance(samples),
        **_ceilings(setting, [one.truth for one in samples]),
        "breakdowns": {
            dimension: {label: _stratum(figures) for label, figures in parts.items()}
            for dimension, parts in scoring.breakdowns(samples, metrics=metrics, seed=setting.seed).items()
        },
        "reasoning": reasoning_counts(samples),
        "lexicon_sha256": lexicon_sha256() if any(one.format for one in samples) else None,
        "clean": None if setting.exclude is None else without(samples, setting.exclude, metrics, setting.seed),
    }


def without(
    samples: Sequence[Sample],
    exclude: Collection[str],
    metrics: Sequence[scoring.Metric] = scoring.METRICS,
    seed: int = 0,
) -> WithoutOverlap:
    """The figures of the photographs whose id is not in `exclude`, and how many were left out."""
    kept = [one for one in samples if one.id not in exclude]
    figures = recorded(scoring.figures(kept, metrics=metrics, seed=seed))
    return WithoutOverlap(excluded=len(samples) - len(kept), n=len(kept), metrics=figures)


def reasoning_counts(samples: Sequence[Sample]) -> ReasoningCounts | None:
    """How many photographs each measure of the reasoning could be taken of; None where there is no response at all."""
    measured = [one for one in samples if one.format is not None]
    if not measured:
        return None
    grounded = [one.grounding for one in measured if one.grounding is not None]
    formats = [one.format for one in measured if one.format is not None]
    sources = Counter(one.localizability.source for one in measured if one.localizability is not None)
    table = columns(samples)
    curves = {
        target: thinned(risk_coverage(*pairs(target, *(table[name] for name in pair_columns(target))).T))
        for target in TARGETS
    }
    return ReasoningCounts(
        with_entities=len(grounded),
        without_entities=len(measured) - len(grounded),
        not_covered=sum(not one.covered for one in grounded),
        no_reasoning=sum(not one.n_words for one in formats),
        truncated=sum(one.truncated for one in formats),
        confidence={source: sources[source] for source in SOURCES},
        risk_coverage={target: curve for target, curve in curves.items() if curve},
    )


def _ceilings(setting: Setting, truths: Sequence[Truth]) -> dict[str, dict[str, float | None] | None]:
    """What answers of this form can score with the embedded gazetteer; not known of an online geocoder's places."""
    if setting.geocoder != "geonames" and setting.answer_form != "coordinates":
        return dict.fromkeys(Ceilings._fields)
    lats, lons = [truth.lat for truth in truths], [truth.lon for truth in truths]
    found = ceilings(lats, lons, setting.answer_form, distance=setting.distance, thresholds_km=setting.thresholds_km)
    return {
        name: values and {metric: finite(value) for metric, value in values.items()}
        for name, values in found._asdict().items()
    }


def _stratum(figures: dict[str, Figure]) -> Stratum:
    largest = max(figures.values(), key=lambda figure: figure.n)
    return Stratum(n=largest.n, n_groups=largest.n_groups, metrics=recorded(figures))


def recorded(figures: dict[str, Figure]) -> dict[str, Figure]:
    """Figures as a file gives them back: what is infinite or undefined is None."""
    return {
        name: replace(one, value=finite(one.value), low=finite(one.low), high=finite(one.high))
        for name, one in figures.items()
    }


def _accuracy_by_distance(samples: Sequence[Sample]) -> dict[DistanceModel, dict[str, float]]:
    nowhere = (np.nan, np.nan)
    points = np.array(
        [
            (s.truth.lat, s.truth.lon, *((s.prediction.lat, s.prediction.lon) if s.prediction else nowhere))
            for s in samples
        ],
        dtype=np.float64,
    ).reshape(-1, 4)
    models: tuple[DistanceModel, ...] = get_args(DistanceModel)
    by_model = {model: DISTANCES[model](*points.T) for model in models}
    return {
        model: {acc_name(km): float(within(distance, km).mean()) for km in THRESHOLDS_KM.values()}
        for model, distance in by_model.items()
    }
