"""Answers and truths -> the samples and results of a run: the last step of `run`, of `score` and of re-scoring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, get_args

import numpy as np

from globe_eval import scoring
from globe_eval.answers import PARSER_VERSION, Answer
from globe_eval.metrics.accuracy import THRESHOLDS_KM, acc_name, within
from globe_eval.places import DISTANCES, gazetteer, resolve_many
from globe_eval.places.online import GEOCODERS
from globe_eval.places.resolve import RESOLVER_VERSION
from globe_eval.runs import record


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
    distance: scoring.DistanceModel = "geodesic"
    geocoder: str = "geonames"


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back for one photograph. `answer` is None where the model was never heard, `error` says why."""

    answer: Answer | None
    response: str | None = None
    finish_reason: str | None = None
    error: str | None = None
    image_sha256: str | None = None


def assemble(
    setting: Setting,
    truths: Sequence[scoring.Truth],
    heard: Sequence[Heard],
    *,
    started: datetime,
) -> tuple[list[record.Sample], record.Results]:
    """Score n photographs and describe the result. Deterministic but for the time, the duration and the versions."""
    online = None if setting.geocoder == "geonames" else GEOCODERS[setting.geocoder]()
    scores = scoring.score(
        [one.answer for one in heard],
        truths,
        form=setting.answer_form,
        distance=setting.distance,
        responses=[one.response for one in heard],
        geocode=online.geocode if online else resolve_many,
    )
    located = [i for i, score in enumerate(scores) if score.status in scoring.LOCATED]
    shareable = online is None or online.shareable
    samples = [_sample(*one, shareable) for one in zip(truths, heard, scores, strict=True)]
    figures = _records(scoring.figures(scores, truths, seed=setting.seed))
    results = record.Results(
        schema_version=record.SCHEMA_VERSION,
        task=setting.task,
        task_version=setting.task_version,
        answer_form=setting.answer_form,
        manifest_sha256=setting.manifest_sha256,
        prompt=setting.prompt,
        prompt_sha256=setting.prompt_sha256,
        model=setting.model,
        model_args=record.without_secrets(setting.model_args),
        model_info=record.without_secrets(setting.model_info),
        decoding=setting.decoding,
        seed=setting.seed,
        limit=setting.limit,
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
        n=len(scores),
        n_groups=next(iter(figures.values())).n_groups if figures else 0,
        complete=all(score.status != "error" for score in scores),
        status=scoring.counts(scores),
        metrics=figures,
        valid_only=_records(
            scoring.figures([scores[i] for i in located], [truths[i] for i in located], seed=setting.seed)
        ),
        accuracy_by_distance=_accuracy_by_distance(truths, scores),
    )
    return samples, results


def _sample(truth: scoring.Truth, heard: Heard, score: scoring.Score, shareable: bool) -> record.Sample:
    """One line of samples.jsonl; without the point where the geocoder's terms do not allow passing it on."""
    answer, found = heard.answer, score.prediction
    return record.Sample(
        id=truth.id,
        status=score.status,
        truth=record.TruthRecord(
            lat=truth.lat, lon=truth.lon, country=truth.country, city=truth.city, group=truth.group
        ),
        answer=record.AnswerRecord()
        if answer is None
        else record.AnswerRecord(
            country=_utf8(answer.country),
            city=_utf8(answer.city),
            admin=_utf8(answer.admin),
            lat=answer.lat,
            lon=answer.lon,
            stated_confidence=answer.stated_confidence,
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
        response=_utf8(heard.response),
        finish_reason=heard.finish_reason,
        error=_utf8(heard.error),
        image_sha256=heard.image_sha256,
    )


def _utf8(text: str | None) -> str | None:
    """Lone surrogates, which models do write, are no UTF-8: kept visible as their escape."""
    return None if text is None else str(text).encode("utf-8", "backslashreplace").decode("utf-8")


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
