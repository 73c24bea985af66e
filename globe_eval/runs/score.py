"""`globe-eval score`: scores predictions or responses from a table, without a model."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from globe_eval import scoring
from globe_eval.benchmarks.table import Table
from globe_eval.benchmarks.truth import entity_classes, other_size, read_entities, truth_sha256
from globe_eval.errors import InputError
from globe_eval.metrics.catalogue import FAMILIES, Family
from globe_eval.runs import process
from globe_eval.runs.answer_columns import ColumnNames, Use
from globe_eval.runs.assemble import assemble, empty_results
from globe_eval.runs.join import join
from globe_eval.runs.notes import codes, countries_as_cities, odd_positions, other_form, placeholders, too_good, unread
from globe_eval.sample import Answer, AnswerForm, DistanceModel, Results, Sample


@dataclass(frozen=True)
class Scored:
    """Samples and results of a score, and what the user should be told about them."""

    samples: list[Sample]
    results: Results
    notes: list[str]


def score_table(
    answers_table: Path | Table,
    truth_table: Path | Table | None = None,
    *,
    task: str | None = None,
    read: str | None = None,
    answer_form: AnswerForm | None = None,
    columns: ColumnNames | None = None,
    entities: Path | None = None,
    distance: DistanceModel = "geodesic",
    geocoder: str = "geonames",
    seed: int = 0,
    skip_footer: bool = False,
    skip_unknown_ids: bool = False,
    families: Collection[Family] = FAMILIES,
    command: str | None = None,
) -> Scored:
    """Score the answers of one table against the truth of another, of the same table, or of a benchmark.

    Args:
        answers_table, truth_table, read, columns, skip_footer, skip_unknown_ids: as of `api.score`; files, or read.
        task: the benchmark, a name or the path of a YAML or of what `pack` wrote: its truth and its answer form.
        answer_form: which part of a response counts; by default the benchmark's form, else coordinates, where most
            responses state them. Columns of coordinates or names have no other form than their own.
        entities: what can be seen on the photographs, where the truth does not say it (`benchmarks.truth`).
        families: of metrics that are wanted; others are neither measured nor in the result.

    Raises InputError for whatever cannot be scored as it stands; nothing is guessed.
    """
    started = datetime.now(UTC)
    notes: list[str] = []
    definition = _definition(task) if task else {}
    metadata = definition.get("metadata") or {}
    name = str(definition.get("task", "score"))
    tables, named = (answers_table, truth_table), columns or ColumnNames()
    joined = join(*tables, definition, named, read, skip_footer, skip_unknown_ids, notes)
    rows, samples, kind = joined.rows, joined.samples, joined.kind
    benchmark_form = None
    if definition:
        from globe_eval.benchmarks import listing  # not at the top: most tables bring their truth

        benchmark_form = listing.answer_form(definition)
    form = answer_form or benchmark_form if kind == "response" else _column_form(kind, answer_form, joined.file)
    texts = None
    if form is None:
        texts = process.in_parts(partial(scoring.readings, families=families), samples)
        form = _form([answer for answer, _ in texts], notes)
    if benchmark_form is not None and form != benchmark_form:
        apart = f"a ranking of its own, not to be compared with other results of {name}"
        notes.append(f"{name} asks for {benchmark_form}, these answers are {form}: {apart}")
    identity = name, str(metadata.get("version", "")), form, truth_sha256(rows), joined.file
    classes = entity_classes(metadata.get("exhaustive_entities"), rows)
    settings: dict[str, Any] = {"seed": seed, "distance": distance, "geocoder": geocoder, "command": command}
    results = empty_results(*identity, entity_classes=classes, **settings)
    if entities is not None:
        samples, results, more = with_entities(entities, samples, results)
        notes += more
    use = joined.use
    del joined, rows  # of 210,000 photographs a quarter of a gigabyte
    samples, results = assemble(results, samples, started=started, read=texts, families=families)
    notes += [*_notes(samples, results, kind, use), *other_size(name, metadata, results.n, "truth")]
    return Scored(samples, results, notes)


def _notes(samples: Sequence[Sample], results: Results, kind: str, use: Use) -> list[str]:
    """What looks odd about scored answers, in a line each."""
    notes: list[str] = []
    if kind == "response":
        other = [*other_form(samples, results.answer_form, "--answer-form any, or"), *codes(samples)]
        notes += other or unread(samples, results.answer_form)
    if kind == "names":
        notes += countries_as_cities(samples)
    if kind != "coordinates" and results.answer_form != "coordinates":
        notes += too_good(samples, list(filter(None, use.values())))
    notes += odd_positions(samples, results.model, use.get("response"))
    return notes + placeholders([(one.truth.lat, one.truth.lon) for one in samples], "truths")


def _definition(name: str) -> dict[str, Any]:
    """The keys of a task, given by its name, the path of its YAML or what `pack` wrote of it. Raises InputError."""
    from globe_eval.benchmarks import definition, validate
    from globe_eval.benchmarks.pack import unpack_benchmark

    name = str(unpack_benchmark(Path(name))) if name.endswith(".zip") else name
    found = definition.find(name)
    if found.is_group:
        tasks = ", ".join(map(str, found.values["task"]))
        raise InputError(f"{name} is a group; score answers to one of its tasks: {tasks}")
    if name.endswith((".yaml", ".yml")) and (problems := validate.problems(found.path)):
        raise InputError(str(problems[0]))
    return {**found.values, "task": definition.results_name(found)}


def with_entities(path: Path, samples: Sequence[Sample], results: Results) -> tuple[list[Sample], Results, list[str]]:
    """Samples with the entities of a file (`benchmarks.truth`) in their truths, results that say so, and notes."""
    seen, sha256, notes = read_entities(path, [one.id for one in samples])
    known = [None if texts is None else tuple(texts) for texts in seen]
    found = [one.but(truth=one.truth.but(entities=its)) for one, its in zip(samples, known, strict=True)]
    return found, replace(results, entities_sha256=sha256, entity_classes=None), notes


def _form(answers: Sequence[Answer | None], notes: list[str]) -> AnswerForm:
    """The one answer form of a file of responses: a mixture would be comparable with nothing."""
    answered = [answer for answer in answers if answer is not None and answer.status == "answered"]
    stated = sum(answer.lat is not None and answer.lon is not None for answer in answered)
    form: AnswerForm = "coordinates" if answered and 2 * stated >= len(answered) else "names"
    counted = f"{stated:,} of {len(answered):,} answered responses state coordinates"
    notes.append(f"answer form: {form} ({counted}); --answer-form chooses another")
    return form


def _column_form(kind: str, wanted: AnswerForm | None, file: str) -> AnswerForm:
    """The form of columns that are read as they are; names may be scored as an address, with their state."""
    allowed: tuple[AnswerForm, ...] = ("coordinates",) if kind == "coordinates" else ("names", "address")
    if wanted is not None and wanted not in allowed:
        raise InputError(f"{file}: --answer-form {wanted}: found columns of {kind}; allowed: {', '.join(allowed)}")
    return wanted or allowed[0]
