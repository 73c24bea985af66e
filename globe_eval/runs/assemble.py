"""Answers and truths -> the samples and results of a run: the last step of `run`, of `score` and of re-scoring."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, get_args

import numpy as np

from globe_eval import scoring, secrets
from globe_eval.answers import PARSER_VERSION, Answer
from globe_eval.benchmarks.ceilings import Ceilings, ceilings
from globe_eval.metrics.accuracy import THRESHOLDS_KM, acc_name, within
from globe_eval.metrics.grounding import idf_recalls, lexicon_sha256, lifts
from globe_eval.metrics.own import OwnMetric
from globe_eval.places import DISTANCES, gazetteer, resolve_many
from globe_eval.places.online import GEOCODERS
from globe_eval.places.resolve import RESOLVER_VERSION
from globe_eval.runs import many, reasoned, record


@dataclass(frozen=True)
class Setting:
    """What the samples are of. Two results may be ranked together only where these agree (but for the model)."""

    task: str
    task_version: str
    answer_form: scoring.AnswerForm
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
    distance: scoring.DistanceModel = "geodesic"
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


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back for one photograph. `answer` is None where the model was never heard, `error` says why."""

    answer: Answer | None
    response: str | None = None
    finish_reason: str | None = None
    error: str | None = None
    image_sha256: str | None = None


@many.without_collector()
def assemble(
    setting: Setting,
    truths: Sequence[scoring.Truth],
    heard: Sequence[Heard],
    *,
    started: datetime,
    images: record.ImagesRecord | None = None,
    usage: record.UsageRecord | None = None,
) -> tuple[Iterable[record.Sample], record.Results]:
    """Score n photographs and describe the result. Deterministic but for the time, the duration and the versions."""
    online = None if setting.geocoder == "geonames" else GEOCODERS[setting.geocoder]()
    score = partial(
        scoring.score,
        form=setting.answer_form,
        distance=setting.distance,
        geocode=online.geocode if online else resolve_many,
        own=setting.own_metrics,
        classes=setting.entity_classes,
    )
    known = [one.answer for one in heard], truths, [one.response for one in heard]
    # An online geocoder's cache and a benchmark's own functions stay in this process.
    scores = score(*known) if online or setting.own_metrics else many.in_parts(score, *known)
    samples = Samples(truths, heard, scores, shareable=online is None or online.shareable)
    results = record.Results(
        schema_version=record.SCHEMA_VERSION,
        task=setting.task,
        task_version=setting.task_version,
        answer_form=setting.answer_form,
        manifest_sha256=setting.manifest_sha256,
        prompt=setting.prompt,
        prompt_sha256=setting.prompt_sha256,
        model=setting.model,
        model_args=secrets.without_secrets(setting.model_args),
        model_info=secrets.without_secrets(setting.model_info),
        decoding=None if setting.decoding is None else secrets.without_secrets(setting.decoding),
        seed=setting.seed,
        limit=setting.limit,
        command=setting.command,
        shard=setting.shard,
        distance=setting.distance,
        geocoder=record.GeocoderRecord(
            name=setting.geocoder, version=online.version if online else f"resolver {RESOLVER_VERSION}"
        ),
        gazetteer=record.GazetteerRecord(version=gazetteer.info()["version"], sha256=gazetteer.info()["sha256"]),
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
        **describe(setting, truths, scores),
    )
    return samples, results


def describe(setting: Setting, truths: Sequence[scoring.Truth], scores: Sequence[scoring.Score]) -> dict[str, Any]:
    """The fields of a result that its scores and truths alone decide: n, status and every figure."""
    located = [i for i, score in enumerate(scores) if score.status in scoring.LOCATED]
    metrics = scoring.metrics_with(setting.thresholds_km, setting.own_directions)

    def of(rows: Sequence[int], metrics: Sequence[scoring.Metric]) -> dict[str, record.FigureRecord]:
        some, their = [scores[i] for i in rows], [truths[i] for i in rows]
        return _records(scoring.figures(some, their, metrics=metrics, seed=setting.seed))

    figures = of(range(len(scores)), metrics)
    return {
        "n": len(scores),
        "n_groups": next(iter(figures.values())).n_groups if figures else 0,
        "complete": all(score.status != "error" for score in scores),
        "status": scoring.counts(scores),
        "metrics": figures,
        "valid_only": of(located, [metric for metric in metrics if metric.of_parts]),
        "accuracy_by_distance": _accuracy_by_distance(truths, scores),
        **_ceilings(setting, truths),
        "breakdowns": {
            dimension: {label: _part(figures) for label, figures in parts.items()}
            for dimension, parts in scoring.breakdowns(scores, truths, metrics=metrics, seed=setting.seed).items()
        },
        "reasoning": reasoned.counts(scores),
        "lexicon_sha256": lexicon_sha256() if any(one.grounding for one in scores) else None,
        "clean": None if setting.exclude is None else clean(scores, truths, setting.exclude, metrics, setting.seed),
    }


@dataclass(frozen=True, slots=True)
class Samples:
    """The lines of samples.jsonl, made anew for each reader: to keep 210,000 of them takes 0.8 GB."""

    truths: Sequence[scoring.Truth]
    heard: Sequence[Heard]
    scores: Sequence[scoring.Score]
    shareable: bool

    def __iter__(self) -> Iterator[record.Sample]:
        groundings = [score.grounding for score in self.scores]
        of_all = zip(lifts(groundings).tolist(), idf_recalls(groundings).tolist(), strict=True)
        for one, more in zip(zip(self.truths, self.heard, self.scores, strict=True), of_all, strict=True):
            yield _sample(*one, self.shareable, more)


def clean(
    scores: Sequence[scoring.Score],
    truths: Sequence[scoring.Truth],
    exclude: Collection[str],
    metrics: Sequence[scoring.Metric] = scoring.METRICS,
    seed: int = 0,
) -> record.CleanRecord:
    """The figures of the photographs whose id is not in `exclude`, and how many were left out."""
    kept = [i for i, truth in enumerate(truths) if truth.id not in exclude]
    return record.CleanRecord(
        excluded=len(truths) - len(kept),
        n=len(kept),
        metrics=_records(
            scoring.figures([scores[i] for i in kept], [truths[i] for i in kept], metrics=metrics, seed=seed)
        ),
    )


def _ceilings(setting: Setting, truths: Sequence[scoring.Truth]) -> dict[str, dict[str, float] | None]:
    """What answers of this form can score with the embedded gazetteer; not known of an online geocoder's places."""
    if setting.geocoder != "geonames" and setting.answer_form != "coordinates":
        return dict.fromkeys(Ceilings._fields)
    lats, lons = [truth.lat for truth in truths], [truth.lon for truth in truths]
    found = ceilings(lats, lons, setting.answer_form, distance=setting.distance, thresholds_km=setting.thresholds_km)
    return found._asdict()


def _part(figures: dict[str, scoring.Figure]) -> record.PartRecord:
    largest = max(figures.values(), key=lambda figure: figure.n)
    return record.PartRecord(n=largest.n, n_groups=largest.n_groups, metrics=_records(figures))


def _sample(
    truth: scoring.Truth, heard: Heard, score: scoring.Score, shareable: bool, of_all: tuple[float, float]
) -> record.Sample:
    """One line of samples.jsonl; without the point where the geocoder's terms do not allow passing it on.

    `of_all` are the lift and the idf-weighted recall, which depend on the other photographs.
    """
    answer, found = heard.answer, score.prediction
    return record.Sample(
        id=truth.id,
        status=score.status,
        truth=record.TruthRecord(
            lat=truth.lat,
            lon=truth.lon,
            country=truth.country,
            city=truth.city,
            group=truth.group,
            scene=truth.scene,
            entities=None if truth.entities is None else list(truth.entities),
            localizable=truth.localizable,
        ),
        answer=record.AnswerRecord()
        if answer is None
        else record.AnswerRecord(
            country=scoring.utf8(answer.country),
            city=scoring.utf8(answer.city),
            admin=scoring.utf8(answer.admin),
            lat=answer.lat,
            lon=answer.lon,
            stated_confidence=answer.stated_confidence,
            stated_localizable=answer.stated_localizable,
            p_yes=answer.p_yes,
        ),
        prediction=None
        if found is None or not shareable
        else record.PredictionRecord(
            lat=found.lat,
            lon=found.lon,
            level=found.level,
            country_code=found.country_code,
            geonameid=found.geonameid,
            name=found.name,
        ),
        distance_km=score.distance_km,
        country_correct=score.country_correct,
        city_correct=score.city_correct,
        globe_country_match=score.globe_country_match,
        globe_city_match=score.globe_city_match,
        response=scoring.utf8(heard.response),
        finish_reason=heard.finish_reason,
        error=scoring.utf8(heard.error),
        image_sha256=heard.image_sha256,
        own={**score.own},
        **reasoned.records(score, *of_all),
    )


def _records(figures: dict[str, scoring.Figure]) -> dict[str, record.FigureRecord]:
    return {
        name: record.FigureRecord(value=f.value, low=f.low, high=f.high, n=f.n, n_groups=f.n_groups)
        for name, f in figures.items()
    }


def _accuracy_by_distance(
    truths: Sequence[scoring.Truth], scores: Sequence[scoring.Score]
) -> dict[scoring.DistanceModel, dict[str, float]]:
    points = np.array(
        [
            (truth.lat, truth.lon, *((s.prediction.lat, s.prediction.lon) if s.prediction else (np.nan, np.nan)))
            for truth, s in zip(truths, scores, strict=True)
        ],
        dtype=np.float64,
    ).reshape(-1, 4)
    models: tuple[scoring.DistanceModel, ...] = get_args(scoring.DistanceModel)
    by_model = {model: DISTANCES[model](*points.T) for model in models}
    return {
        model: {acc_name(km): float(within(distance, km).mean()) for km in THRESHOLDS_KM.values()}
        for model, distance in by_model.items()
    }
