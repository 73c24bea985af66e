"""`globe-eval rescore`: the samples of a run read and scored again, without the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from globe_eval import scoring
from globe_eval.answers import Answer
from globe_eval.benchmarks.entities import read_entities
from globe_eval.errors import InputError
from globe_eval.metrics.consistency import Consistency
from globe_eval.metrics.formats import Format
from globe_eval.metrics.grounding import ground
from globe_eval.metrics.localizability import Judgement
from globe_eval.metrics.own import OwnMetric
from globe_eval.runs import identity, judge, record
from globe_eval.runs.assemble import Heard, Setting, assemble
from globe_eval.runs.score import Scored

OF_THE_RUN = ("shard", "started", "duration_seconds", "usage", "images", "command")
"""Fields of a result that tell how the model was asked: no scoring changes them."""

SCORING = (
    *("distance", "geocoder", "seed", "answer_form", "gazetteer", "resolver_version", "parser_version"),
    *("lexicon_sha256", "entities_sha256"),
)
"""Fields of a result that its figures depend on besides the answers."""


def rescore(
    folder: Path,
    *,
    distance: scoring.DistanceModel | None = None,
    geocoder: str | None = None,
    seed: int | None = None,
    answer_form: scoring.AnswerForm | None = None,
    entities: Path | None = None,
    judged_by: dict[str, Any] | None = None,
    cache: Path | None = None,
) -> Scored:
    """Read the responses of a run again with the present parser, geocoder and metrics; nothing is written.

    What is not given stays as it was; `entities` is a file of them (`benchmarks.entities`) instead of the run's own.
    Samples without a response keep their answers (`score --read coordinates` and
    `--read names` have none), and samples that were never heard stay errors. The result's identity is the run's, its
    versions are the present ones, and its notes say what changed.

    `judged_by` are the arguments of an endpoint that judges the reasoning and keeps its answers in the folder `cache`;
    without it a judge's verdicts stay as the run has them.

    Raises InputError for a folder that is no run, and for another answer form where there are no responses.
    """
    stored = record.read_results(folder)
    chosen: dict[str, Any] = {"distance": distance, "geocoder": geocoder, "seed": seed, "answer_form": answer_form}
    truths, heard, before, own, said = [], [], [], {}, {}
    for sample in record.each_sample(folder):
        truths.append(truth_of(sample))
        heard.append(_heard(sample))
        before.append((sample.status, sample.distance_km))
        own[sample.id] = sample.own
        if sample.judge is not None:
            said[sample.id] = sample.judge
    setting = replace(setting_of(stored, own), **{name: x for name, x in chosen.items() if x is not None})
    if setting.answer_form != stored.answer_form and all(one.response is None for one in heard):
        raise InputError(
            f"{folder}: holds no responses to read {setting.answer_form} from, only answers "
            f"({stored.answer_form}); leave --answer-form away"
        )
    told: list[str] = []
    if entities is not None:
        seen, sha256, told = read_entities(entities, [truth.id for truth in truths])
        both = zip(truths, seen, strict=True)
        truths = [replace(truth, entities=None if texts is None else tuple(texts)) for truth, texts in both]
        setting = replace(setting, entities_sha256=sha256, entity_classes=None)
    samples, results = assemble(setting, truths, heard, started=datetime.now(UTC))
    results = results.model_copy(
        update={
            **{name: getattr(stored, name) for name in OF_THE_RUN},
            "packages": stored.packages
            | {name: version for name, version in results.packages.items() if name in record.SCORING_PACKAGES},
        }
    )
    if judged_by is not None:
        judging = judge.endpoint(judged_by, setting.seed)
        said, reason = judge.ask(samples, judging, folder=cache, seed=setting.seed)
        samples, results = judge.attach(samples, results, said, judging.model, setting.seed, reason)
    elif stored.judge is not None:
        samples, results = judge.attach(samples, results, said, stored.judge.model, stored.judge.seed)
    moved = sum(was != (now.status, now.distance_km) for was, now in zip(before, samples, strict=True))
    notes = told + changes(stored, results, moved)
    if stored.own_directions:
        notes.append(
            f"as the run has them, not computed again: {', '.join(stored.own_directions)} (the benchmark's own)"
        )
    if stored.clean is not None:
        notes.append("the figures without overlap are left out: a run does not say which photographs they left out")
    return Scored(samples, results, notes)


def setting_of(results: record.Results, own: Mapping[str, Mapping[str, float | None]]) -> Setting:
    """The setting that a result was made with; the benchmark's own metrics are `own`: id -> metric -> value."""
    names = {field.name for field in fields(Setting)} & set(record.Results.model_fields) - {"geocoder"}
    return Setting(
        geocoder=results.geocoder.name,
        own_metrics=[
            OwnMetric(name, partial(_kept, own, name), higher) for name, higher in results.own_directions.items()
        ],
        **{name: getattr(results, name) for name in names},
    )


def _kept(own: Mapping[str, Mapping[str, float | None]], name: str, sample: Mapping[str, Any]) -> float | None:
    return own[sample["id"]].get(name)


def truth_of(sample: record.Sample) -> scoring.Truth:
    """The truth that a sample was scored against."""
    known = dict(sample.truth)
    entities = known.pop("entities")
    return scoring.Truth(sample.id, **known, entities=None if entities is None else tuple(entities))


_PLAIN = (
    *("status", "prediction", "distance_km", "country_correct", "city_correct"),
    *("globe_country_match", "globe_city_match", "own"),
)


def restored(sample: record.Sample, classes: Sequence[str] | None) -> scoring.Score:
    """The score that a sample records. Its grounding is read from the response again, for it holds the whole reading;
    `classes` as in `scoring.score`.
    """
    said, truth = _answer(sample), sample.truth
    consistency, judged, form = sample.consistency, sample.localizability, sample.format
    return scoring.Score(
        **{name: getattr(sample, name) for name in _PLAIN},
        grounding=None
        if said is None or sample.response is None
        else ground(sample.id, said.reasoning, truth.entities, classes, sample.response),
        consistency=None if consistency is None else Consistency(**dict(consistency)),
        localizability=None if judged is None else Judgement(judged.confidence, judged.source, truth.localizable),
        format=None if form is None else Format(**dict(form)),
    )


def changes(before: record.Results, after: record.Results, moved: int) -> list[str]:
    """A line for each part of the scoring, status and metric that differs; `moved` samples are scored otherwise."""
    settings = identity.differences(*(results.model_dump(include=set(SCORING)) for results in (before, after)))
    figures = [f"{moved:,} of {after.n:,} photographs are scored differently"] if moved else []
    figures += identity.differences(*({"status": results.status} for results in (before, after)))
    for name in dict.fromkeys([*before.metrics, *after.metrics]):
        old, new = before.metrics.get(name), after.metrics.get(name)
        if old != new:
            figures.append(f"{name} was {_shown(old)}, is {_shown(new)}")
    return [*settings, *(figures or ["nothing changed: every sample and figure is the same"])]


def _shown(figure: record.FigureRecord | None) -> str:
    """A value and its interval, to the digits that matter; infinite or undefined is null, as in the file."""
    if figure is None:
        return "not there"
    value, low, high = ("null" if x is None else f"{x:.6g}" for x in (figure.value, figure.low, figure.high))
    return f"{value} ({low} to {high})"


def _heard(sample: record.Sample) -> Heard:
    return Heard(_answer(sample), sample.response, sample.finish_reason, sample.error, sample.image_sha256)


def _answer(sample: record.Sample) -> Answer | None:
    said = sample.answer
    if sample.error is not None or sample.response is not None or said == record.AnswerRecord():
        read = scoring.read(sample.response, finish_reason=sample.finish_reason, error=sample.error)
        return read if read is None or said.p_yes is None else replace(read, p_yes=said.p_yes)
    answered = (said.lat is not None and said.lon is not None) or said.city or said.country or said.admin
    return Answer(**dict(said), status="answered" if answered else "empty")
