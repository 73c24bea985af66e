"""`globe-eval score`: scores predictions or responses from a table, without a model."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from globe_eval import scoring
from globe_eval.benchmarks.ids import match_ids, stem, why_apart
from globe_eval.benchmarks.points import (
    SwappedHeader,
    as_degrees,
    coordinate_pair,
    is_missing,
    position_notes,
    predicted_points,
    refuse_radians,
)
from globe_eval.benchmarks.table import Table, cell_text, cell_value, identifiers, read_table
from globe_eval.benchmarks.truth import entity_classes, read_entities, read_truth, truth_columns, truth_sha256
from globe_eval.errors import InputError
from globe_eval.metrics.catalogue import FAMILIES, Family
from globe_eval.models.cells import refuse_no_single_text, response_of
from globe_eval.runs import process
from globe_eval.runs.answer_columns import (
    TRUTH_OPTION,
    ColumnNames,
    Use,
    answer_columns,
    names_of,
    refuse_same,
    refuse_unread,
)
from globe_eval.runs.assemble import assemble, empty_results
from globe_eval.runs.notes import codes, countries_as_cities, other_form, placeholders, same_as_truth, unread
from globe_eval.sample import Answer, AnswerForm, DistanceModel, Results, Sample, Truth


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
        answers_table: answers, one row a photograph; a file or a table that was read.
        truth_table: the truth; None where it is in the answers' table or the benchmark's own.
        task: the benchmark, a name or the path of a YAML or of what `pack` wrote: its truth and its answer form.
        read: which kind of column to score; needed where the table has several.
        answer_form: which part of a response counts; by default the benchmark's form, else coordinates, where most
            responses state them. Columns of coordinates or names have no other form than their own.
        columns: that have unusual names (`runs.answer_columns`).
        entities: what can be seen on the photographs, where the truth does not say it (`benchmarks.truth`).
        skip_footer, skip_unknown_ids: set aside trailing rows that are no samples, answers whose id has no truth.
        families: of metrics that are wanted; others are neither measured nor in the result.

    Raises InputError for whatever cannot be scored as it stands; nothing is guessed.
    """
    started = datetime.now(UTC)
    notes: list[str] = []
    defined = _definition(task) if task else {}
    metadata = defined.get("metadata") or {}
    name = str(defined.get("task", "score"))
    answers, columns = _table(answers_table), columns or ColumnNames()
    if answers.path.is_dir():
        notes.append(f"{answers.path}: a folder, read as one file a photograph ({len(answers.rows):,} of them)")
    benchmark_form = benchmark = None
    if defined:
        from globe_eval.benchmarks import listing, manifest  # not at the top: most tables bring their truth

        benchmark_form = listing.answer_form(defined)
        benchmark = manifest.find_truth(defined) if truth_table is None else None
    apart = truth_table is not None and not _same_file(answers_table, truth_table)
    same_table = benchmark is None and not apart
    truth = _table(truth_table) if apart and truth_table is not None else answers
    columns.refuse_unknown(answers, truth)
    kind, use = answer_columns(answers, columns, read, same_table)
    if benchmark is not None and benchmark.path is not None:
        rows, truth_name = benchmark.rows, benchmark.path.name
        notes.append(f"truth: {benchmark.path}, of {name}")
    else:
        known = defined.get("dataset_kwargs") or {}
        declared = {role: column for role, column in (known.get("columns") or {}).items() if column in truth.columns}
        chosen = {**declared, **columns.of_truth(truth, same_table and kind == "coordinates")}
        if same_table and answers.find("id", chosen.get("id")) is None:
            raise answers.lacking("id column", "; give it with --id-column")
        if same_table:
            refuse_same(truth, use, chosen)
        id_name, *position = truth_columns(truth, chosen, TRUTH_OPTION)
        position += [column for column in use.values() if same_table and column]
        truth = _without_footer(truth, id_name, position, (), skip_footer, notes)
        answers, truth_name = truth if same_table else answers, truth.path.name
        try:
            rows = read_truth(truth, columns=chosen, values=known.get("values"), where=known.get("where"))
        except SwappedHeader as error:
            raise InputError(error.advice(TRUTH_OPTION)) from None
        if same_table and kind == "names" and truth.find("truth_lat") is None:
            rows = [{**row, "city": None, "country": None} for row in rows]  # they are the answers
    id_column = answers.find("id", columns.id if same_table or answers.has(columns.id) else None)
    if id_column is None:
        advice = _better_id(answers, [row["id"] for row in rows]) or "; give it with --id-column"
        raise answers.lacking("id column", advice)
    if not same_table and kind == "coordinates":
        ids = [row["id"] for row in rows]
        answers = _without_footer(answers, id_column, [use["lat"], use["lon"]], ids, skip_footer, notes)
    points = predicted_points(answers, use["lat"] or "", use["lon"] or "", notes) if kind == "coordinates" else None
    matched = _match(answers, id_column, [row["id"] for row in rows], truth_name, skip_unknown_ids, notes)
    if points is not None:
        refuse_radians(answers, use["lat"] or "", use["lon"] or "", points)
        there = np.array([[rows[i]["lat"], rows[i]["lon"]] for i in matched], dtype=np.float64)
        of_rows = points[list(matched.values())]
        notes += position_notes(answers.path.name, use["lat"] or "", use["lon"] or "", of_rows, there)

    if kind == "response":
        refuse_no_single_text(answers, use["response"])
        refuse_unread(answers, columns, use["response"] or "")
    positions = None if points is None else points.tolist()
    samples = [_sample(row, answers, matched.get(i), use, positions) for i, row in enumerate(rows)]
    absent, failed = len(rows) - len(matched), [samples[i].error for i in sorted(matched) if samples[i].error]
    first = next(iter(failed), None)
    for count, what in (
        (absent, f"photographs of {truth_name} have no row in {answers.path.name}"),
        (len(failed), f"replies in {answers.path.name} are errors, the first: {first!r}"),
    ):
        if count:
            notes.append(
                f"{count:,} of {len(rows):,} {what}; they count as misses (status error), and the result is incomplete"
            )
    form = answer_form or benchmark_form if kind == "response" else _column_form(kind, answer_form, answers.path.name)
    texts = None
    if form is None:
        texts = process.in_parts(partial(scoring.readings, families=families), samples)
        form = _form([answer for answer, _ in texts], notes)
    if benchmark_form is not None and form != benchmark_form:
        notes.append(
            f"{name} asks for {benchmark_form}, these answers are {form}: a ranking of its own, not to be "
            f"compared with other results of {name}"
        )
    classes = entity_classes(metadata.get("exhaustive_entities"), rows)
    results = empty_results(
        name,
        str(metadata.get("version", "")),
        form,
        truth_sha256(rows),
        answers.path.name,
        seed=seed,
        distance=distance,
        geocoder=geocoder,
        command=command,
        entity_classes=classes,
    )
    if entities is not None:
        seen, sha256, more = read_entities(entities, [row["id"] for row in rows])
        samples = [with_entities(one, texts) for one, texts in zip(samples, seen, strict=True)]
        results = replace(results, entities_sha256=sha256, entity_classes=None)
        notes += more
    del answers, truth, benchmark, rows, matched, points, positions  # of 210,000 photographs a quarter of a gigabyte
    scored, results = assemble(results, samples, started=started, read=texts, families=families)
    if kind == "response":
        other = [*other_form(scored, form, "--answer-form any, or"), *codes(scored)]
        notes += other or unread(scored, form)
    located = [(p, one.truth) for one in scored if (p := one.prediction) and p.level == "coordinates"]
    positions = [(p.lat, p.lon) for p, _ in located]
    if kind == "response" and located:
        column, there = use["response"] or "", np.array([(at.lat, at.lon) for _, at in located])
        notes += position_notes(results.model, column, column, np.array(positions), there)
    if kind == "names":
        notes += countries_as_cities(scored)
    notes += [*same_as_truth(scored), *placeholders(positions, "positions")]
    notes += placeholders([(one.truth.lat, one.truth.lon) for one in scored], "truths")
    if metadata.get("n") not in (None, results.n):
        notes.append(
            f"{name} has {metadata['n']:,} photographs, this truth {results.n:,}: not comparable with the benchmark"
        )
    return Scored(scored, results, notes)


def _table(table: Path | Table) -> Table:
    if isinstance(table, Table):
        return table
    if table.suffix not in (".json", ".eval"):
        return read_table(table)
    from globe_eval.runs import inspect_log

    return inspect_log.read_log(table) if inspect_log.is_log(table) else read_table(table)


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
    if definition.bears_shipped_name(found):
        return {**found.values, "task": definition.own_name(found.name)}
    return found.values


def with_entities(sample: Sample, entities: Sequence[str] | None) -> Sample:
    """The sample with other entities in its truth."""
    return replace(sample, truth=replace(sample.truth, entities=None if entities is None else tuple(entities)))


def _same_file(answers: Path | Table, truth: Path | Table) -> bool:
    if isinstance(answers, Path) and isinstance(truth, Path) and truth.exists() and answers.exists():
        return answers.samefile(truth)
    return answers is truth


def _sample(row: Mapping[str, Any], table: Table, index: int | None, use: Use, points: Any) -> Sample:
    """The unscored sample of a photograph and its row in the table."""
    of = partial(Sample.of, row["id"], Truth.of(row))
    if index is None:
        return of(error=f"no row in {table.path.name}")
    if "response" in use:
        return of(response_of(table.rows[index], use["response"]))
    if points is None:
        return of(answer=names_of(table, index, use))
    lat, lon = points[index]
    return of(answer=Answer(lat=lat, lon=lon) if abs(lat) <= 90 and abs(lon) <= 180 else Answer())


def _form(answers: Sequence[Answer | None], notes: list[str]) -> AnswerForm:
    """The one answer form of a file of responses: a mixture would be comparable with nothing."""
    answered = [answer for answer in answers if answer is not None and answer.status == "answered"]
    stated = sum(answer.lat is not None and answer.lon is not None for answer in answered)
    form: AnswerForm = "coordinates" if answered and 2 * stated >= len(answered) else "names"
    notes.append(
        f"answer form: {form} ({stated:,} of {len(answered):,} answered responses state coordinates); "
        "--answer-form chooses another"
    )
    return form


def _column_form(kind: str, wanted: AnswerForm | None, file: str) -> AnswerForm:
    """The form of columns that are read as they are; names may be scored as an address, with their state."""
    allowed: tuple[AnswerForm, ...] = ("coordinates",) if kind == "coordinates" else ("names", "address")
    if wanted is not None and wanted not in allowed:
        raise InputError(f"{file}: --answer-form {wanted}: found columns of {kind}; allowed: {', '.join(allowed)}")
    return wanted or allowed[0]


def _match(
    table: Table, id_column: str, truth_ids: list[str], truth_name: str, skip_unknown: bool, notes: list[str]
) -> dict[int, int]:
    """Index of the truth -> index of its answer."""
    ids = [name for name, _ in identifiers(table, id_column)]
    form: Callable[[str], str] = match_ids(ids, truth_ids)
    known = {form(name): index for index, name in enumerate(truth_ids)}
    unknown = [index for index, name in enumerate(ids) if form(name) not in known]
    if len(unknown) == len(ids) and truth_ids:
        raise InputError(
            f"{table.where(0)}, column {id_column!r}: no id in common with {truth_name}: here {ids[0]!r}, there "
            f"{truth_ids[0]!r}{_better_id(table, truth_ids, id_column) or why_apart(ids, truth_ids)}"
        )
    if unknown:
        where = f"{table.where(unknown[0])}, column {id_column!r}: {ids[unknown[0]]!r}"
        met = {form(name) for name in ids}
        apart = _counted_from(ids, truth_ids)
        apart = apart or why_apart([ids[i] for i in unknown], [one for one in truth_ids if form(one) not in met])
        if not skip_unknown:
            raise InputError(
                f"{where} has no truth in {truth_name} ({len(unknown):,} of {len(ids):,} answers have none)"
                f"{apart or '; set them aside with --skip-unknown-ids'}"
            )
        notes.append(f"{len(unknown):,} answers without truth were set aside, the first: {where}{apart}")
    return {known[form(name)]: index for index, name in enumerate(ids) if form(name) in known}


def _counted_from(ids: Sequence[str], truth_ids: Sequence[str]) -> str:
    """The end of a sentence where both sides are counted, one from 0 and the other from 1."""
    if not all(map(str.isdecimal, [*ids, *truth_ids])):
        return ""
    first, there = min(map(int, ids)), min(map(int, truth_ids))
    return f"; ids begin with {first} here and with {there} there" if {first, there} == {0, 1} else ""


def _better_id(table: Table, truth_ids: Sequence[str], but: str | None = None) -> str:
    known = {stem(name) for name in truth_ids}
    for column in (*table.columns, *table.paths):
        if column != but and any(stem(str(cell_value(row, column)).strip()) in known for row in table.rows[:100]):
            return f"; column {column!r} has the ids of the truth (--id-column {column!r})"
    return ""


def _without_footer(
    table: Table,
    id_column: str,
    columns: Sequence[str | None],
    known: Sequence[str],
    skip: bool,
    notes: list[str],
) -> Table:
    """Set aside, or refuse, a second table that ends the file: published predictions often close with their figures.

    It begins at most ten rows before the end, with text and no number in the columns of positions, and from there on no
    id is one of `known` or written as those above it. A row that only lacks its position is a sample.
    """
    last = len(table.rows)
    headings = [index for index in range(max(1, last - 10), last) if _is_heading(table, index, columns)]
    if not headings:
        return table
    names = [cell_text(table, index, id_column) or "" for index in range(last)]
    form, shapes = match_ids(names, known), [_shape(name) for name in names]
    ids = {form(one) for one in known}

    def begins_at(start: int) -> bool:
        above = {*shapes[:start]}
        return not any(form(names[index]) in ids or shapes[index] in above for index in range(start, last))

    start = next(filter(begins_at, headings), None)
    if start is None:
        return table
    first_line = table.lines[start]
    while first_line - 1 in table.blank_lines:
        first_line -= 1
    found = next(str(value) for value in table.rows[start].values() if value is not None)
    lines = f"{table.path.name}, lines {first_line} to {table.lines[-1]}"
    if not skip:
        raise InputError(
            f"{lines}: these rows are no samples, a second table ends the file (it begins with {found!r}); "
            "set them aside with --skip-footer"
        )
    notes.append(f"{lines}: set aside, no samples")
    return table.drop(set(range(start, last)))


def _is_heading(table: Table, index: int, columns: Sequence[str | None]) -> bool:
    """Whether a row has text and no number where positions stand."""
    cells = [cell for column in columns if column and not is_missing(cell := cell_value(table.rows[index], column))]
    pairs = [coordinate_pair(cell) or (cell,) for cell in cells]
    return bool(cells) and not any(
        as_degrees(part, axis) is not None for pair in pairs for part in pair for axis in (0, 1)
    )


def _shape(name: str) -> str:
    """How an id is written: `p33.jpg` and `p4.jpg` alike."""
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "0", name))
