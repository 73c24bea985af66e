"""May a run stand on a leaderboard? Every reason why not, a sentence each; an empty list says that it may.

`of_run` looks at the folder that a run left, with all its samples: they are read, geocoded and scored again.
`of_submission` looks at a row's JSON, which has no samples: every figure is computed again from its columns, what it
says of itself is held against its task (`contradictions`), and what the truth and published responses say is too
(`provenance`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from globe_eval.answers import PARSER_VERSION
from globe_eval.benchmarks.definition import Definition
from globe_eval.benchmarks.truth import truth_sha256
from globe_eval.errors import InputError, nearest
from globe_eval.metrics.intervals import PROCEDURE
from globe_eval.places import DISTANCES, gazetteer
from globe_eval.places.resolve import RESOLVER_VERSION
from globe_eval.reports import notation
from globe_eval.reports.board.contradictions import contradictions, identity_of_name
from globe_eval.reports.board.provenance import provenance_of
from globe_eval.reports.board.submission import (
    NAME_MEASURES,
    UNPROVED,
    Submission,
    agree,
    differing_figures,
    read_submission,
    recompute,
    seal,
    submission,
    unpack,
)
from globe_eval.reports.run import UNNAMED
from globe_eval.runs import record
from globe_eval.runs.assemble import assemble
from globe_eval.sample import LOCATED, Results, Sample

Definitions = Mapping[str, Definition]
FIGURES = ("metrics", "valid_only")
PLAIN = ("n_groups", "status", "complete")


def of_run(folder: Path, known: Definitions) -> list[str]:
    """Why a run's folder cannot become a row."""
    try:
        results = record.read_results(folder)
        wrong = list(_of_settings(results, known))
        samples = record.read_samples(folder)
        return wrong or list(_of_samples(folder, results, samples, known[results.task]))
    except InputError as error:
        return [str(error)]


def of_submission(path: Path, known: Definitions) -> list[str]:
    """Why a row's JSON cannot stand on a leaderboard."""
    try:
        one = read_submission(path)
    except InputError as error:
        return [str(error)]
    wrong = list(_of_settings(one.results, known))
    if wrong:
        return wrong
    try:
        wrong += _of_figures(one.results, recompute(one), PLAIN)
        wrong += contradictions(one, known)
        wrong += provenance_of(path, one, known[one.results.task]).wrong
    except (ValueError, OverflowError, MemoryError) as error:
        wrong.append(f"columns: {error}")
    unproved = [name for name in ("breakdowns", *UNPROVED) if getattr(one.results, name, None)]
    if unproved:
        wrong.append(f"results.{unproved[0]}: nothing in the file proves it; globe-eval leaderboard add leaves it out")
    if not wrong and seal(one) != one.sha256:
        wrong.append(f"sha256: found {one.sha256[:12]}…, the content has {seal(one)[:12]}…: the file was edited")
    if not wrong and path.name != one.file_name:
        wrong.append(f"is named {path.name}; allowed: {one.file_name}")
    return wrong


def disagreements(many: Mapping[Path, Submission]) -> dict[Path, list[str]]:
    """What rows have to say against each other; the order of the files decides nothing.

    Rows of one manifest have the same photographs, groups and ceilings: what most of them have is right; without a
    majority none is. No run stands there twice, under whatever name; and a name means one model.
    """
    found: dict[Path, list[str]] = {path: [] for path in many}
    for (what, *_), values in _by_value(many, _of_manifest).items():
        counts = sorted(map(len, values.values()), reverse=True)
        majority = len(counts) > 1 and counts[0] > counts[1]
        for value, paths in values.items():
            others = [path for other, rest in values.items() if other != value for path in rest]
            if others and not (majority and len(paths) == counts[0]):
                for path in paths:
                    found[path].append(f"has other {what} than {min(others).name}, with the same manifest")
    says = {"run": "is the same run as", "answers": "has the same answers as", "name": "has the name of another model,"}
    for (what, *_), values in _by_value(many, _own).items():
        for value, paths in values.items():
            for path in paths:
                others = [
                    other
                    for of, rest in values.items()
                    for other in rest
                    if (of != value if what == "name" else other != path)
                ]
                if others and not any(f"as {min(others).name}" in text for text in found[path]):
                    found[path].append(f"{says[what]} {min(others).name}")
    return {path: wrong for path, wrong in found.items() if wrong}


Claims = Iterator[tuple[tuple[Any, ...], Any]]
"""What a row says, with a key for all rows that say something of the same; the first word of the key names it."""


def _by_value(
    many: Mapping[Path, Submission], claims: Callable[[Path, Submission], Claims]
) -> dict[tuple[Any, ...], dict[Any, list[Path]]]:
    """Key -> what rows say -> the rows that say it."""
    found: dict[tuple[Any, ...], dict[Any, list[Path]]] = {}
    for path, one in many.items():
        for key, value in claims(path, one):
            found.setdefault(key, {}).setdefault(value, []).append(path)
    return found


def _of_manifest(path: Path, one: Submission) -> Claims:
    """What all rows of a manifest share; ceilings with those of the same form, distance and gazetteer."""
    results = one.results
    gazetteer_sha256 = results.gazetteer.sha256 if results.ceiling is not None else None
    of_form = (results.manifest_sha256, results.answer_form, results.distance, gazetteer_sha256)
    yield ("photographs", results.manifest_sha256), one.columns.ids_sha256
    yield ("groups", results.manifest_sha256), repr(one.groups.tolist())
    for name in ("ceiling", "attainable"):
        if (accuracies := getattr(results, name)) is not None:
            yield (name, *of_form), repr(accuracies)


def _own(path: Path, one: Submission) -> Claims:
    """What no two rows share: the run and its answers; and the model that a name stands for."""
    results = one.results
    yield ("run", results.task, one.columns.samples_sha256), path
    yield ("answers", results.task, results.answer_form, *_answers(one)), path
    yield ("name", results.manifest_sha256, identity_of_name(one.name)), _which_model(one)


def _answers(one: Submission) -> tuple[Any, Any]:
    """Statuses and distances, however they are packed; the texts where they cannot be unpacked."""
    status, distance = one.columns.status, one.columns.distance_m
    try:
        return unpack(status, one.results.n, 0, 100).tobytes(), one.distance_km().tobytes()
    except ValueError:
        return status, distance


def alike(one: Submission, other: Submission) -> float:
    """The share of the answers of two rows that are equally far from the truth, of photographs that either locates.

    Within a thousandth and ten metres, so that no rounding hides it; 0 for rows of different photographs or one model.
    """
    of = [(row.results.manifest_sha256, row.results.n) for row in (one, other)]
    if of[0] != of[1] or _which_model(one) == _which_model(other) != "answers":
        return 0.0
    sides = one.distance_km(), other.distance_km()
    located = ~np.isnan(sides).all(axis=0)
    return float(np.isclose(*sides, rtol=1e-3, atol=0.01)[located].mean()) if located.any() else 0.0


def _which_model(one: Submission) -> str:
    """What a name stands for: the model and its weights, a file of answers whatever it is called."""
    results = one.results
    if results.prompt is None or one.is_floor:
        return Path(results.model).stem if one.is_floor else "answers"
    weights = [results.model_args.get(key) for key in ("pretrained", "model", "revision", "peft")]
    return repr((results.model, weights))


def _of_settings(results: Results, known: Definitions) -> Iterator[str]:
    """What a result says of itself: that it is of all photographs of a benchmark that is known."""
    if results.limit is not None:
        yield f"limit: a run with --limit {results.limit:g} is of some photographs only; run it without"
    if results.shard is not None:
        yield f"shard: {results.shard} is one part of a run; globe-eval merge puts all of them together"
    if not results.complete or results.status.get("error"):
        yield (
            f"incomplete: {results.status.get('error', 0):,} of {results.n:,} photographs have status error; start "
            "the same command again to ask them again"
        )
    definition = known.get(results.task)
    if definition is None or definition.is_group:
        if results.task == UNNAMED:
            yield "task: none, a file was scored without the name of a benchmark; globe-eval score --task NAME"
            return
        tasks = [name for name, one in known.items() if not one.is_group]
        yield f"task: {results.task!r} is not known{nearest(results.task, tasks)}; give its folder with --include_path"
        return
    metadata = definition.values.get("metadata") or {}
    version = str(metadata.get("version"))
    if results.task_version != version:
        yield f"task_version: found {results.task_version!r}, {results.task} has version {version!r}: run it again"
        return
    manifest = (metadata.get("manifest_sha256") or {}).get(version)
    if manifest is None:
        yield (
            f"manifest_sha256: no manifest of {results.task} version {version} is known yet; whoever brings its first "
            f"row adds to {definition.path.name}: metadata: manifest_sha256: {{{version}: {results.manifest_sha256}}}"
        )
    elif manifest != results.manifest_sha256:
        yield (
            f"manifest_sha256: another manifest ({results.manifest_sha256[:12]}…) than that of {results.task} version "
            f"{version} ({manifest[:12]}…): other photographs, other truths or another order; "
            f"globe-eval prepare {results.task} says what differs"
        )
    n = metadata.get("n")
    if n is not None and results.n != n and "n" not in metadata.get("unverified", ()):
        yield f"n: found {results.n:,}, {results.task} has {n:,} photographs"


def _of_samples(folder: Path, results: Results, samples: Sequence[Sample], definition: Definition) -> Iterator[str]:
    """What the samples say, against what results.json says of them."""
    if len(samples) != results.n:
        yield (
            f"samples.jsonl: holds {len(samples):,} photographs, results.json says {results.n:,}: samples were "
            f"{'removed' if len(samples) < results.n else 'added'}"
        )
        return
    ids = {sample.id for sample in samples}
    if len(ids) != len(samples):
        yield f"samples.jsonl: {len(samples) - len(ids):,} ids stand there twice"
        return
    if problem := (
        _of_truths(samples, results, definition) or _of_distances(results, samples) or _of_versions(results, folder)
    ):
        yield problem
        return
    if results.geocoder.name != "geonames":  # its places may not be asked for again
        one = submission("online", None, results, folder)
        yield from _of_figures(one.results, recompute(one), PLAIN)
        return
    scored, again = assemble(results, samples)
    moved = [
        one.id
        for one, other in zip(samples, scored, strict=True)
        if one.status != other.status
        or not agree(one.distance_km, other.distance_km, 1e-6)
        or any(getattr(one, name) != getattr(other, name) for name in NAME_MEASURES)
    ]
    if moved:
        yield (
            f"samples.jsonl: {len(moved):,} photographs are scored otherwise than their responses say, the first "
            f"{moved[0]!r}"
        )
        return
    fresh = {name: getattr(again, name) for name in (*FIGURES, *PLAIN, "ceiling", "attainable")}
    yield from _of_figures(results, fresh, (*PLAIN, "ceiling", "attainable"))
    for model, accuracies in again.accuracy_by_distance.items():
        stored = results.accuracy_by_distance.get(model, {})
        wrong = [name for name, value in accuracies.items() if not agree(stored.get(name), value, 1e-9)]
        if wrong:
            yield f"accuracy_by_distance: {model}, {', '.join(wrong)}: is not what the samples give"


def _of_truths(samples: Sequence[Sample], results: Results, definition: Definition) -> str | None:
    """Whether the truths in the samples are the manifest's: their SHA-256 is, unless the manifest says more than they.

    Samples of earlier versions have no entities and do not say what can be located; where a manifest has them, its YAML
    also has a SHA-256 without these, `metadata: truth_sha256`.
    """
    found = truth_sha256([{"id": one.id, **asdict(one.truth)} for one in samples])
    recorded = (definition.values["metadata"].get("truth_sha256") or {}).get(results.task_version)
    if found in (recorded, results.manifest_sha256):
        return None
    advice = (
        ""
        if recorded
        else f"; if the manifest has entities or localizable, {definition.path.name} needs metadata: truth_sha256: "
        f"{{{results.task_version}: …}}"
    )
    return f"samples.jsonl: the truths are not those of the manifest (SHA-256 {found[:12]}…){advice}"


def _of_distances(results: Results, samples: Sequence[Sample]) -> str | None:
    """Whether each distance is that between the truth and the prediction, where the sample has one."""
    located = [sample for sample in samples if sample.prediction is not None]
    for sample in samples:
        if (sample.status in LOCATED) != (sample.distance_km is not None):
            return f"samples.jsonl: {sample.id!r} has status {sample.status} and distance {sample.distance_km}"
    points = np.array(
        [(s.truth.lat, s.truth.lon, s.prediction.lat, s.prediction.lon) for s in located if s.prediction is not None]
    ).reshape(-1, 4)
    kilometres = DISTANCES[results.distance](*points.T)
    for sample, km in zip(located, kilometres.tolist(), strict=True):
        if sample.distance_km is None or not math.isclose(sample.distance_km, km, rel_tol=1e-9, abs_tol=1e-6):
            return (
                f"samples.jsonl: {sample.id!r} has distance_km {sample.distance_km}, its points are {km:.6g} km apart"
            )
    return None


def _of_versions(results: Results, folder: Path) -> str | None:
    """Whether the samples were read, geocoded and counted by the versions here."""
    versions = {
        "parser_version": (results.parser_version, PARSER_VERSION),
        "resolver_version": (results.resolver_version, RESOLVER_VERSION),
        "gazetteer.sha256": (results.gazetteer.sha256[:12], gazetteer.info()["sha256"][:12]),
        "intervals": (results.intervals, PROCEDURE),
    }
    old = [f"{name} {found or 'unknown'}, now {now}" for name, (found, now) in versions.items() if found != now]
    if not old:
        return None
    return (
        f"was read and geocoded by another version ({'; '.join(old)}): globe-eval rescore {folder} -o NEW makes it "
        "anew; then add NEW"
    )


def _of_figures(results: Results, fresh: Mapping[str, Any], plain: Sequence[str]) -> Iterator[str]:
    """Each figure and count that is not what was computed."""
    for name in plain:
        if getattr(results, name) != fresh[name]:
            yield f"{name}: found {_short(getattr(results, name))}, the samples give {_short(fresh[name])}"
    for name in FIGURES:
        wrong = differing_figures(getattr(results, name), fresh[name])
        if wrong:
            more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
            yield f"{name}: {wrong[0]}{more}: the figures are not those of the samples"


def _short(value: object) -> str:
    if isinstance(value, dict):
        value = {name: count for name, count in value.items() if count}
    return notation.cut(str(value), 100)
