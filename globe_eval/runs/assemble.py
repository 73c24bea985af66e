"""Samples with their responses -> scored samples and results: the last step of `run`, of `score` and of re-scoring."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from globe_eval import scoring
from globe_eval.answers import PARSER_VERSION
from globe_eval.benchmarks.ceilings import Ceilings, ceilings
from globe_eval.collector import without_collector
from globe_eval.columns import Columns, columns
from globe_eval.metrics import repeats
from globe_eval.metrics.accuracy import THRESHOLDS_KM, acc_name, within
from globe_eval.metrics.breakdowns import labels
from globe_eval.metrics.catalogue import FAMILIES, TARGETS, Family, Metric, metrics_with, pair_columns, pairs
from globe_eval.metrics.custom_metrics import OwnMetric
from globe_eval.metrics.intervals import FEW_GROUPS, PROCEDURE
from globe_eval.metrics.localizability import SOURCES, risk_coverage, thinned
from globe_eval.metrics.statistics import cluster_labels, effective_groups
from globe_eval.models.response import Response
from globe_eval.places import DISTANCES, gazetteer, resolve_many
from globe_eval.places.resolve import RESOLVER_VERSION
from globe_eval.runs import process, record
from globe_eval.sample import (
    LOCATED,
    SCHEMA_VERSION,
    AnswerForm,
    By,
    DistanceModel,
    Figure,
    Gazetteer,
    Geocoder,
    ReasoningCounts,
    RepeatedAccuracy,
    Repeats,
    Results,
    Sample,
    Stratum,
    Truth,
    WithoutOverlap,
    finite,
)
from globe_eval.scoring import Reading
from globe_eval.secrets import without_secrets

if TYPE_CHECKING:
    from globe_eval.places.online import Geocoder as OnlineGeocoder

FEW_POSITIONS = 20_000
_ARGUMENTS = ("model_args", "model_info", "decoding")


def empty_results(
    task: str,
    task_version: str,
    answer_form: AnswerForm,
    manifest_sha256: str,
    model: str,
    *,
    geocoder: str = "geonames",
    **known: Any,
) -> Results:
    """The settings of a run as results without figures, which `assemble` fills in; secrets are removed.

    Two results may be ranked together only where the first four agree. `geocoder` is "geonames" or an online back end,
    `known` are any other fields of `Results`.
    """
    nothing: dict[str, Any] = {
        **dict.fromkeys(("prompt", "prompt_sha256", "decoding", "limit", "git_commit")),
        **dict.fromkeys(("resolver_version", "parser_version", "started"), ""),
        **{name: {} for name in ("packages", "status", "metrics", "valid_only", "accuracy_by_distance")},
        **dict.fromkeys(("seed", "n", "n_groups", "duration_seconds"), 0),
        **{"distance": "geodesic", "complete": False, "gazetteer": Gazetteer("", "")},
    }
    fields = {
        **{"task": task, "task_version": task_version, "answer_form": answer_form, "manifest_sha256": manifest_sha256},
        **{"model": model, "geocoder": Geocoder(geocoder, ""), "model_args": {}, "model_info": {}, **known},
    }
    public = {name: without_secrets(given) for name in _ARGUMENTS if (given := fields.get(name)) is not None}
    return Results(schema_version=SCHEMA_VERSION, **{**nothing, **fields, **public})


@without_collector()
def assemble(
    results: Results,
    samples: Sequence[Sample],
    *,
    started: datetime | None = None,
    own_metrics: Sequence[OwnMetric] = (),
    exclude: Collection[str] | None = None,
    read: Sequence[Reading] | None = None,
    families: Collection[Family] = FAMILIES,
) -> tuple[list[Sample], Results]:
    """Score n samples and make the figures of a result. Deterministic but for the time, the duration and the versions.

    Args:
        results: `empty_results`, or of a run that is scored again; every figure and version in it is made anew.
        started: when the run began; None leaves time and duration as they are.
        own_metrics: the functions of the benchmark's own metrics; without them, the samples keep their values.
        exclude: ids of photographs that a second set of figures leaves out (`WithoutOverlap`).
        read, families: as of `scoring.score`.
    """
    online, score = _scorer(results, own=own_metrics, classes=results.entity_classes, families=families)
    # An online geocoder's cache and a benchmark's own functions stay in this process; positions without a text are
    # scored sooner than a helper has begun.
    few = len(samples) < FEW_POSITIONS and not any(one.response for one in samples)
    controls = scoring.controls_of(samples) if "grounding" in families else [None] * len(samples)
    columns: list[Sequence[Any]] = [samples, controls] if read is None else [samples, controls, read]
    of_truths = cache(partial(_of_truths, results, [one.truth for one in samples]))
    if online is not None or own_metrics or few:
        scored = score(*columns)
    else:
        parts = process.in_parts(partial(_measured, score), *columns, meanwhile=of_truths)
        scored = [one.but(truth=its.truth, response=its.response) for one, its in zip(parts, samples, strict=True)]
    now = datetime.now(UTC)
    results = replace(
        results,
        geocoder=Geocoder(results.geocoder.name, online.version if online else f"resolver {RESOLVER_VERSION}"),
        gazetteer=Gazetteer(gazetteer.info()["version"], gazetteer.info()["sha256"]),
        resolver_version=RESOLVER_VERSION,
        parser_version=PARSER_VERSION,
        packages=record.package_versions(),
        git_commit=record.git_commit(),
        **describe(results, scored, exclude, of_truths()),
    )
    if started is not None:
        begun = started.astimezone(UTC).isoformat(timespec="seconds")
        results = replace(results, started=begun, duration_seconds=round((now - started).total_seconds(), 3))
    if online is not None and not online.shareable:
        scored = [replace(one, prediction=None) for one in scored]
    return scored, results


def _scorer(results: Results, **more: Any) -> tuple[OnlineGeocoder | None, Callable[..., list[Sample]]]:
    """The online geocoder of a result, None for the embedded one, and `scoring.score` with what the result fixes."""
    online = None
    if results.geocoder.name != "geonames":
        from globe_eval.places.online import GEOCODERS

        online = GEOCODERS[results.geocoder.name]()
    geocode = online.geocode if online else resolve_many
    return online, partial(scoring.score, form=results.answer_form, distance=results.distance, geocode=geocode, **more)


def _measured(score: Callable[..., list[Sample]], *columns: Sequence[Any]) -> list[Sample]:
    """Scored samples as helpers send them: without truth and response, of which there would be two then."""
    return [one.but(truth=None, response=None) for one in score(*columns)]


def describe(
    results: Results, samples: Sequence[Sample], exclude: Collection[str] | None = None, known: _OfTruths | None = None
) -> dict[str, Any]:
    """The fields of a result that its scored samples alone determine: n, status, all figures.

    `exclude` as above; `known`, what `_of_truths` gives, where that is known already.
    """
    best, by = known or _of_truths(results, [one.truth for one in samples])
    metrics = metrics_with(results.thresholds_km, results.own_directions)
    if not any(one.format and one.format.n_words for one in samples):  # without any reasoning there is none to ground
        metrics = tuple(metric for metric in metrics if metric.family != "grounding")
    table = columns(samples)
    of = partial(scoring.figures, table, seed=results.seed)
    figures = finite_figures(of(metrics=metrics))
    located = np.array([one.status in LOCATED for one in samples], dtype=np.bool_)
    lexicon = None
    if any(one.format for one in samples):
        from globe_eval.metrics.grounding import lexicon_sha256  # with the lexicon, which positions do not need

        lexicon = lexicon_sha256()
    return {
        "n": len(samples),
        "n_groups": next(iter(figures.values())).n_groups if figures else 0,
        **_photographers([one.truth.group for one in samples]),
        "intervals": PROCEDURE,
        "complete": all(one.status != "error" for one in samples),
        "status": scoring.counts(samples),
        "repaired": sum(one.answer.repaired for one in samples),
        "metrics": figures,
        "valid_only": finite_figures(of(located, metrics=[metric for metric in metrics if metric.of_parts])),
        "accuracy_by_distance": _accuracy_by_distance(table, results.distance),
        **best,
        "breakdowns": {
            dimension: {label: _stratum(figures) for label, figures in parts.items()}
            for dimension, parts in scoring.breakdowns(table, by, metrics=metrics, seed=results.seed).items()
        },
        "reasoning": reasoning_counts(samples, table),
        "lexicon_sha256": lexicon,
        "clean": None if exclude is None else _without_ids(table, exclude, metrics, results.seed),
    }


def _photographers(groups: Sequence[str | None]) -> dict[str, Any]:
    """What is said of n photographs' photographers where they are unknown, or where few took most."""
    n_unknown, worth = groups.count(None), effective_groups(groups) if groups else 0.0
    n_groups = len(set(groups) - {None}) + n_unknown
    few_took_most = worth < FEW_GROUPS <= n_groups
    return {"n_unattributed": n_unknown or None, "effective_groups": round(worth, 3) if few_took_most else None}


def _without_ids(table: Columns, exclude: Collection[str], metrics: Sequence[Metric], seed: int) -> WithoutOverlap:
    kept = np.array([id_ not in exclude for id_ in table["id"]], dtype=np.bool_)
    figures = finite_figures(scoring.figures(table, kept, metrics=metrics, seed=seed))
    return WithoutOverlap(excluded=int((~kept).sum()), n=int(kept.sum()), metrics=figures)


def reasoning_counts(samples: Sequence[Sample], table: Columns) -> ReasoningCounts | None:
    """How many photographs each measure of the reasoning could be taken of; None where there is no response at all."""
    measured = [one for one in samples if one.format is not None]
    if not measured:
        return None
    grounded = [one.grounding for one in measured if one.grounding is not None]
    formats = [one.format for one in measured if one.format is not None]
    sources = Counter(one.localizability.source for one in measured if one.localizability is not None)
    columns_of = {target: [table[name] for name in pair_columns(target)] for target in TARGETS}
    curves = {target: thinned(risk_coverage(*pairs(target, *its).T)) for target, its in columns_of.items()}
    return ReasoningCounts(
        with_entities=len(grounded),
        without_entities=len(measured) - len(grounded),
        not_covered=sum(not one.covered for one in grounded),
        not_read=sum(one.consistency is not None and one.consistency.verdict is None for one in measured),
        no_reasoning=sum(not one.n_words for one in formats),
        truncated=sum(one.truncated for one in formats),
        confidence={source: sources[source] for source in SOURCES},
        risk_coverage={target: curve for target, curve in curves.items() if curve},
    )


_OfTruths = tuple[dict[str, dict[str, float | None] | None], dict[By, list[str | None]]]


def _of_truths(results: Results, truths: Sequence[Truth]) -> _OfTruths:
    """What needs no answer: the ceilings of this answer form, and which part of a breakdown each photograph is in."""
    of_place = ([getattr(one, name) for one in truths] for name in ("lat", "lon", "country", "scene"))
    return _ceilings(results, truths), labels(*of_place)


def _ceilings(results: Results, truths: Sequence[Truth]) -> dict[str, dict[str, float | None] | None]:
    """The ceilings of this answer form with the embedded gazetteer; None with an online geocoder."""
    if results.geocoder.name != "geonames" and results.answer_form != "coordinates":
        return dict.fromkeys(Ceilings._fields)
    lats, lons = [truth.lat for truth in truths], [truth.lon for truth in truths]
    found = ceilings(lats, lons, results.answer_form, distance=results.distance, thresholds_km=results.thresholds_km)
    return {name: {key: finite(value) for key, value in its.items()} for name, its in found._asdict().items()}


def _stratum(figures: dict[str, Figure]) -> Stratum:
    largest = max(figures.values(), key=lambda figure: figure.n)
    return Stratum(n=largest.n, n_groups=largest.n_groups, metrics=finite_figures(figures))


def finite_figures(figures: dict[str, Figure]) -> dict[str, Figure]:
    """Figures as they are read back from a file: infinite and undefined values are None."""
    return {
        name: Figure(finite(one.value), finite(one.low), finite(one.high), one.n, one.n_groups)
        for name, one in figures.items()
    }


def _accuracy_by_distance(table: Columns, scored: DistanceModel) -> dict[DistanceModel, dict[str, float]]:
    points = [table[name] for name in ("truth.lat", "truth.lon", "prediction.lat", "prediction.lon")]
    found: dict[DistanceModel, dict[str, float]] = {}
    for model in get_args(DistanceModel):
        distance = table["distance_km"] if model == scored else DISTANCES[model](*points)
        found[model] = {acc_name(km): float(within(distance, km).mean()) for km in THRESHOLDS_KM.values()}
    return found


def with_repeats(results: Results, samples: Sequence[Sample], answers: Mapping[str, Sequence[Response]]) -> Results:
    """The results of scored samples, the first of N answers to each photograph, with the statistics of all N.

    `answers`: photograph's id -> its N answers. One that never came is a miss, and the run is not complete.
    """
    times, (_, score) = min(len(answers[one.id]) for one in samples), _scorer(results)
    runs = [list(samples)]
    for repeat in range(1, times):
        runs.append(score([Sample.of(one.id, one.truth, answers[one.id][repeat]) for one in samples]))
    tables = [columns(run) for run in runs]
    names = ("distance_km", "prediction.lat", "prediction.lon")
    distance, lat, lon = (np.column_stack([table[name] for table in tables]) for name in names)
    places = [[one.prediction for one in of_photograph] for of_photograph in zip(*runs, strict=True)]
    most = repeats.majority([[p and (p.geonameid or (p.lat, p.lon)) for p in row] for row in places])
    middle = repeats.medoid(lat, lon)
    groups = cluster_labels(tables[0]["id"].tolist(), tables[0]["truth.group"].tolist())
    accuracy = {}
    for km in THRESHOLDS_KM.values():
        mean, sd = repeats.between_seeds(distance, km)
        low, high = repeats.both_sources(distance, km, groups)
        accuracy[acc_name(km)] = RepeatedAccuracy(
            mean=mean,
            low=low,
            high=high,
            sd_between_seeds=sd,
            pass_at={str(k): repeats.pass_at(distance, km, k) for k in range(1, times + 1)},
            majority=float(within(repeats.of_chosen(distance, most), km).mean()),
            medoid=float(within(repeats.of_chosen(distance, middle), km).mean()),
        )
    lacking = sum(one.error is not None for run in runs for one in run)
    complete = results.complete and not lacking
    return replace(results, complete=complete, repeats=Repeats(n=times, n_errors=lacking, accuracy=accuracy))
