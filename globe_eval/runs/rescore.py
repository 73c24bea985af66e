"""`globe-eval rescore`: parses and scores the samples of a run again, without the model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from globe_eval.errors import InputError
from globe_eval.runs import identity, judge, record
from globe_eval.runs.assemble import assemble
from globe_eval.runs.score import Scored, with_entities
from globe_eval.runs.second_model import second_model
from globe_eval.sample import AnswerForm, DistanceModel, Figure, Geocoder, Results, to_dict

OF_THE_RUN = ("shard", "started", "duration_seconds", "usage", "images", "command")
"""Fields of a result that tell how the model was asked: no scoring changes them."""
SCORING = (
    *("distance", "geocoder", "seed", "answer_form", "gazetteer", "resolver_version", "parser_version"),
    *("lexicon_sha256", "entities_sha256", "intervals"),
)
"""Fields of a result that its figures depend on besides the answers."""
CLEAN_LEFT_OUT = "the figures without overlap are left out: a run does not say which photographs they left out"


def rescore(
    folder: Path,
    *,
    distance: DistanceModel | None = None,
    geocoder: str | None = None,
    seed: int | None = None,
    answer_form: AnswerForm | None = None,
    entities: Path | None = None,
    judged_by: dict[str, Any] | None = None,
    cache: Path | None = None,
) -> Scored:
    """Read the responses of a run again with the present parser, geocoder and metrics; nothing is written.

    What is not given stays as it was; `entities` is a file of them (`benchmarks.truth`) instead of the run's own, and
    `judged_by` are the arguments of an endpoint that judges the reasoning and keeps its answers in the folder `cache`.
    Samples without a response keep their answers or stay errors. The result's identity is the run's, its versions are
    the present ones, and its notes say what changed.

    Raises InputError for a folder that is no run, and for another answer form where there are no responses.
    """
    stored, before = record.read_run(folder)
    other = None if geocoder is None else Geocoder(geocoder, "")
    chosen: dict[str, Any] = {"distance": distance, "geocoder": other, "seed": seed, "answer_form": answer_form}
    setting = replace(stored, judge=None, **{name: x for name, x in chosen.items() if x is not None})
    if setting.answer_form != stored.answer_form and all(one.response is None for one in before):
        there = f"no responses to read {setting.answer_form} from, only answers ({stored.answer_form})"
        raise InputError(f"{folder}: holds {there}; leave --answer-form away")
    notes, unscored = list[str](), before
    if entities is not None:
        unscored, setting, notes = with_entities(entities, before, setting)
    samples, results = assemble(setting, unscored)
    scored_with = {name: version for name, version in results.packages.items() if name in record.SCORING_PACKAGES}
    results = replace(results, packages=stored.packages | scored_with)
    if judged_by is not None:
        model = second_model("--judge", judged_by, setting.seed)
        samples, agreed = judge.ask(samples, model, folder=cache, seed=setting.seed)
        results = replace(results, judge=agreed)
    elif stored.judge is not None:
        results = replace(results, judge=judge.agreement(samples, stored.judge.model, stored.judge.seed))
    pairs = zip(before, samples, strict=True)
    moved = sum((was.status, was.distance_km) != (now.status, now.distance_km) for was, now in pairs)
    notes += changes(stored, results, moved)
    if own := ", ".join(stored.own_directions):
        notes.append(f"as the run has them, not computed again: {own} (the benchmark's own)")
    if stored.clean is not None:
        notes.append(CLEAN_LEFT_OUT)
    return Scored(samples, results, notes)


def changes(before: Results, after: Results, moved: int) -> list[str]:
    """A line for each part of the scoring, status and metric that differs; `moved` samples are scored otherwise."""
    settings = identity.differences(*(to_dict(results, include=set(SCORING)) for results in (before, after)))
    figures = [f"{moved:,} of {after.n:,} photographs are scored differently"] if moved else []
    figures += identity.differences(*({"status": results.status} for results in (before, after)))
    for name in dict.fromkeys([*before.metrics, *after.metrics]):
        old, new = before.metrics.get(name), after.metrics.get(name)
        if old != new:
            figures.append(f"{name} was {_shown(old)}, is {_shown(new)}")
    return [*settings, *(figures or ["nothing changed: every sample and figure is the same"])]


def _shown(figure: Figure | None) -> str:
    """A value and its interval, to the digits that matter; infinite or undefined is null, as in the file."""
    if figure is None:
        return "not there"
    value, low, high = ("null" if x is None else f"{round(x, 12):.6g}" for x in (figure.value, figure.low, figure.high))
    return f"{value} ({low} to {high})"
