"""The answers of a table and the truths that they belong to, joined by id: an unscored sample a photograph."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from globe_eval.benchmarks.ids import match_ids, stem, why_apart
from globe_eval.benchmarks.points import (
    SwappedHeader,
    as_degrees,
    coordinate_pair,
    cut_notes,
    is_missing,
    position_notes,
    predicted_points,
    refuse_radians,
)
from globe_eval.benchmarks.table import Table, cell_text, cell_value, identifiers, read_table
from globe_eval.benchmarks.truth import read_truth, truth_columns
from globe_eval.errors import InputError
from globe_eval.models.cells import refuse_no_single_text, response_of
from globe_eval.runs.answer_columns import (
    TRUTH_OPTION,
    ColumnNames,
    Use,
    answer_columns,
    names_of,
    refuse_same,
    refuse_unread,
)
from globe_eval.sample import Answer, Sample, Truth

Rows = list[dict[str, Any]]


class Joined(NamedTuple):
    """Photographs, in the order of the truth, with what the table answers to them."""

    rows: Rows
    """Of the truth."""
    samples: list[Sample]
    kind: str
    """Of the columns that answer: "response", "coordinates" or "names"."""
    use: Use
    file: str
    """Name of the answers' file."""


def join(
    answers_table: Path | Table,
    truth_table: Path | Table | None,
    definition: Mapping[str, Any],
    columns: ColumnNames,
    read: str | None,
    skip_footer: bool,
    skip_unknown_ids: bool,
    notes: list[str],
) -> Joined:
    """Join answers to the truth of another table, of the same table, or of a benchmark, and note what is odd.

    `definition` has the keys of the benchmark's YAML, none without one; the other arguments are those of
    `runs.score.score_table`. Raises InputError.
    """
    answers = _table(answers_table)
    if answers.path.is_dir():
        notes.append(f"{answers.path}: a folder, read as one file a photograph ({len(answers.rows):,} of them)")
    benchmark = None
    if definition and truth_table is None:
        from globe_eval.benchmarks.manifest import find_truth  # not at the top: most tables bring their truth

        no_other = not (columns.truth_lat or answers.find("truth_lat") or answers.find("lat"))
        benchmark = find_truth(definition, required=no_other)
    apart = truth_table is not None and not _same_file(answers_table, truth_table)
    same_table = benchmark is None and not apart
    truth = _table(truth_table) if apart and truth_table is not None else answers
    columns.refuse_unknown(answers, truth)
    kind, use = answer_columns(answers, columns, read, same_table)
    rows: Rows
    if benchmark is not None and benchmark.path is not None:
        rows, truth_name = benchmark.rows, benchmark.path.name
        notes.append(f"truth: {benchmark.path}, of {definition['task']}")
    else:
        known = definition.get("dataset_kwargs") or {}
        truth, rows = _truths(truth, kind, use if same_table else None, columns, known, skip_footer, notes)
        answers, truth_name = truth if same_table else answers, truth.path.name
    ids = [row["id"] for row in rows]
    id_column = answers.find("id", columns.id if same_table or answers.has(columns.id) else None)
    if id_column is None:
        raise answers.lacking("id column", _better_id(answers, ids) or f"; give it with {answers.option('id')}")
    if not same_table and kind == "coordinates":
        answers = _without_footer(answers, id_column, [use["lat"], use["lon"]], ids, skip_footer, notes)
    lat, lon = use.get("lat") or "", use.get("lon") or ""
    points = predicted_points(answers, lat, lon, notes) if kind == "coordinates" else None
    matched = _match(answers, id_column, ids, truth_name, skip_unknown_ids, notes)
    if points is not None:
        refuse_radians(answers, lat, lon, points)
        notes += cut_notes(answers, lon)
        there = np.array([[rows[i]["lat"], rows[i]["lon"]] for i in matched], dtype=np.float64)
        notes += position_notes(answers.path.name, lat, lon, points[list(matched.values())], there)
    if kind == "response":
        refuse_no_single_text(answers, use["response"])
        refuse_unread(answers, columns, use["response"] or "")
    positions = None if points is None else points.tolist()
    samples = [_sample(row, answers, matched.get(i), use, positions) for i, row in enumerate(rows)]
    failed = [error for i in sorted(matched) if (error := samples[i].error)]
    for count, what in (
        (len(rows) - len(matched), f"photographs of {truth_name} have no row in {answers.path.name}"),
        (len(failed), f"replies in {answers.path.name} are errors, the first: {next(iter(failed), None)!r}"),
    ):
        if count:
            meaning = "they count as misses (status error), and the result is incomplete"
            notes.append(f"{count:,} of {len(rows):,} {what}; {meaning}")
    return Joined(rows, samples, kind, use, answers.path.name)


def _truths(
    table: Table, kind: str, use: Use | None, names: ColumnNames, known: Mapping[str, Any], skip: bool, notes: list[str]
) -> tuple[Table, Rows]:
    """The table of the truth without what ends it, and its rows read.

    `use` are the columns that answer where the table has them too, `known` is what a benchmark says of its own.
    """
    declared = {role: column for role, column in (known.get("columns") or {}).items() if column in table.columns}
    chosen = {**declared, **names.of_truth(table, use is not None and kind == "coordinates")}
    if use is not None:
        if table.find("id", chosen.get("id")) is None:
            raise table.lacking("id column", f"; give it with {table.option('id')}")
        refuse_same(table, use, chosen)
    id_name, *position = truth_columns(table, chosen, TRUTH_OPTION)
    position += [column for column in (use or {}).values() if column]
    table = _without_footer(table, id_name, position, (), skip, notes)
    try:
        rows = read_truth(table, columns=chosen, values=known.get("values"), where=known.get("where"))
    except SwappedHeader as error:
        raise InputError(error.advice(TRUTH_OPTION)) from None
    if use is not None and kind == "names" and table.find("truth_lat") is None:
        rows = [{**row, "city": None, "country": None} for row in rows]  # they are the answers
    return table, rows


def _table(table: Path | Table) -> Table:
    if isinstance(table, Table):
        return table
    if table.suffix not in (".json", ".eval"):
        return read_table(table)
    from globe_eval.runs import inspect_log

    return inspect_log.read_log(table) if inspect_log.is_log(table) else read_table(table)


def _same_file(answers: Path | Table, truth: Path | Table) -> bool:
    if isinstance(answers, Path) and isinstance(truth, Path) and truth.exists() and answers.exists():
        return answers.samefile(truth)
    return answers is truth


def _match(
    table: Table, id_column: str, truth_ids: list[str], truth_name: str, skip_unknown: bool, notes: list[str]
) -> dict[int, int]:
    """Index of the truth -> index of its answer."""
    ids = [name for name, _ in identifiers(table, id_column)]
    form: Callable[[str], str] = match_ids(ids, truth_ids)
    known = {form(name): index for index, name in enumerate(truth_ids)}
    unknown = [index for index, name in enumerate(ids) if form(name) not in known]
    if len(unknown) == len(ids) and truth_ids:
        apart = _better_id(table, truth_ids, id_column) or why_apart(ids, truth_ids)
        both = f"no id in common with {truth_name}: here {ids[0]!r}, there {truth_ids[0]!r}"
        raise InputError(f"{table.where(0, id_column)}: {both}{apart}")
    if unknown:
        where = f"{table.where(unknown[0], id_column)}: {ids[unknown[0]]!r}"
        met = {form(name) for name in ids}
        apart = _counted_from(ids, truth_ids)
        apart = apart or why_apart([ids[i] for i in unknown], [one for one in truth_ids if form(one) not in met])
        if not skip_unknown:
            count = f"{len(unknown):,} of {len(ids):,} answers have none"
            advice = apart or "; set them aside with --skip-unknown-ids"
            raise InputError(f"{where} has no truth in {truth_name} ({count}){advice}")
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
        met = [stem(str(cell_value(row, column)).strip()) in known for row in table.rows[:100]]
        if column != but and 2 * sum(met) >= len(met):
            return f"; column {column!r} has the ids of the truth (--id-column {column!r})"
    return ""


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


def _without_footer(
    table: Table, id_column: str, columns: Sequence[str | None], known: Sequence[str], skip: bool, notes: list[str]
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
    form = match_ids(names, known)
    # How an id is written: `p33.jpg` and `p4.jpg` alike.
    shapes = [re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "0", name)) for name in names]
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
        what = f"these rows are no samples, a second table ends the file (it begins with {found!r})"
        raise InputError(f"{lines}: {what}; set them aside with --skip-footer")
    notes.append(f"{lines}: set aside, no samples")
    return table.drop(set(range(start, last)))


def _is_heading(table: Table, index: int, columns: Sequence[str | None]) -> bool:
    """Whether a row has text and no number where positions stand."""
    cells = [cell for column in columns if column and not is_missing(cell := cell_value(table.rows[index], column))]
    parts = [part for cell in cells for part in coordinate_pair(cell) or (cell,)]
    return bool(cells) and not any(as_degrees(part, axis) is not None for part in parts for axis in (0, 1))
