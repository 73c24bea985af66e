"""`globe-eval score`: anyone's predictions or responses, from a table, without a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from globe_eval import scoring
from globe_eval.benchmarks import definition, listing, validate
from globe_eval.benchmarks.manifest import find_truth
from globe_eval.benchmarks.table import COLUMNS, Table, identifiers, match_ids, number, read_table
from globe_eval.benchmarks.truth import entity_classes, read_entities, read_truth, truth_sha256
from globe_eval.errors import InputError, nearest
from globe_eval.files import valid_utf8
from globe_eval.models.response import Response
from globe_eval.runs.assemble import assemble, unscored
from globe_eval.sample import Answer, AnswerForm, DistanceModel, Results, Sample, Truth, given


@dataclass(frozen=True)
class ColumnNames:
    """ColumnNames that the user names instead of having them found."""

    id: str | None = None
    lat: str | None = None
    lon: str | None = None
    response: str | None = None
    city: str | None = None
    country: str | None = None


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
    columns: ColumnNames = ColumnNames(),
    entities: Path | None = None,
    distance: DistanceModel = "geodesic",
    geocoder: str = "geonames",
    seed: int = 0,
    skip_footer: bool = False,
    skip_unknown_ids: bool = False,
    command: str | None = None,
) -> Scored:
    """Score the answers of one table against the truth of another, of the same table, or of a benchmark.

    Args:
        answers_table: answers, one row a photograph; a file or a table that was read.
        truth_table: the truth; None where it is in the answers' table or the benchmark's own.
        task: the benchmark, a name or the path of a YAML: its truth, where none is given, and its answer form.
        read: which kind of column to score; needed where the table has several.
        answer_form: which part of a response counts; by default the benchmark's form, else coordinates, where most
            responses state them. ColumnNames of coordinates or names have no other form than their own.
        columns: of the answers' table (and id, lat, lon of the truth's, where it is the same or has them too).
        entities: what can be seen on the photographs, where the truth does not say it (`benchmarks.truth`).
        distance, geocoder, seed: how distances are measured, place names found, intervals drawn.
        skip_footer: set trailing rows aside that are no samples.
        skip_unknown_ids: set answers aside whose id the truth does not have.
        command: the command line, for the record.

    Raises InputError for whatever cannot be scored as it stands; nothing is guessed.
    """
    started = datetime.now(UTC)
    notes: list[str] = []
    defined = _definition(task) if task else {}
    metadata = defined.get("metadata") or {}
    name = str(defined.get("task", "score"))
    benchmark_form = listing.answer_form(defined) if defined else None
    answers = _without_footer(_table(answers_table), columns, skip_footer, notes)
    benchmark = find_truth(defined) if defined and truth_table is None else None
    same_file = truth_table is None and benchmark is None
    truth = answers if truth_table is None else _without_footer(_table(truth_table), columns, skip_footer, notes)
    _refuse_unknown(columns, answers, truth)
    if benchmark is not None and benchmark.path is not None:
        rows, truth_name = benchmark.rows, benchmark.path.name
        notes.append(f"truth: {benchmark.path}, of {name}")
    else:
        reading = {key: (defined.get("dataset_kwargs") or {}).get(key) for key in ("columns", "values", "where")}
        rows, truth_name = read_truth(truth, **_reading(truth, columns, same_file, reading)), truth.path.name
    kind, use = _kind(answers, columns, read, same_file)
    id_column = answers.find("id", columns.id if same_file or columns.id in answers.columns else None)
    if id_column is None:
        raise InputError(
            f"{answers.path.name}: no id column; give it with --id-column (columns: {', '.join(answers.columns)})"
        )
    matched = _match(answers, id_column, [row["id"] for row in rows], truth_name, skip_unknown_ids, notes)

    samples = [_sample(row, answers, matched.get(i), kind, use) for i, row in enumerate(rows)]
    absent = sum(one.error is not None for one in samples)
    if absent:
        notes.append(
            f"{absent:,} of {len(rows):,} photographs of {truth_name} have no row in {answers.path.name}; "
            "they count as misses (status error), and the result is incomplete"
        )
    if kind == "response":
        form = answer_form or benchmark_form or _form(samples, notes)
    else:
        form = _column_form(kind, answer_form, answers.path.name)
    if benchmark_form is not None and form != benchmark_form:
        notes.append(
            f"{name} asks for {benchmark_form}, these answers are {form}: a ranking of its own, not to be "
            f"compared with other results of {name}"
        )
    classes = entity_classes(metadata.get("exhaustive_entities"), rows)
    results = unscored(
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
    scored, results = assemble(results, samples, started=started)
    if metadata.get("n") not in (None, results.n):
        notes.append(
            f"{name} has {metadata['n']:,} photographs, this truth {results.n:,}: not comparable with the benchmark"
        )
    return Scored(scored, results, notes)


def _table(table: Path | Table) -> Table:
    return table if isinstance(table, Table) else read_table(table)


def _definition(name: str) -> dict[str, Any]:
    """The keys of a task, given by its name or the path of its YAML. Raises InputError."""
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


def _reading(truth: Table, columns: ColumnNames, same_file: bool, benchmark: Mapping[str, Any]) -> dict[str, Any]:
    """How the table of the truth is read: as the benchmark says where it has the columns, and as the user names them.

    Of the user's columns those of the truth are meant: in a file of its own all that it has, else none but the id.
    """
    declared = {role: column for role, column in (benchmark.get("columns") or {}).items() if column in truth.columns}
    given = {"id": columns.id} if same_file else {"id": columns.id, "lat": columns.lat, "lon": columns.lon}
    named = {role: column for role, column in given.items() if column is not None and column in truth.columns}
    return {**benchmark, "columns": {**declared, **named}}


def _refuse_unknown(columns: ColumnNames, answers: Table, truth: Table) -> None:
    there = [*dict.fromkeys([*answers.columns, *truth.columns])]
    for name, column in vars(columns).items():
        if column is not None and column not in there:
            raise InputError(
                f"--{name}-column: no column {column!r}{nearest(column, there)} (columns: {', '.join(there)})"
            )


def _kind(table: Table, columns: ColumnNames, read: str | None, same_file: bool) -> tuple[str, dict[str, str | None]]:
    """Which kind of column is scored, and the columns."""
    plain_is_truth = same_file and table.find("truth_lat") is None

    def predicted(role: str, override: str | None) -> str | None:
        if override is not None and override in table.columns:
            return override
        return table.find(f"predicted_{role}") or (None if plain_is_truth else table.find(role))

    response = table.find("response", columns.response)
    lat, lon = predicted("lat", columns.lat), predicted("lon", columns.lon)
    city, country = predicted("city", columns.city), predicted("country", columns.country)
    found: dict[str, dict[str, str | None]] = {}
    if response:
        found["response"] = {"response": response}
    if lat and lon:
        found["coordinates"] = {"lat": lat, "lon": lon}
    if city or country:
        found["names"] = {"city": city, "country": country, "admin": predicted("admin", None)}
    if read is not None:
        if read not in found:
            raise InputError(
                f"{table.path.name}: no column to read {read} from (columns: {', '.join(table.columns)}); "
                "name it with --response-column, --lat-column and --lon-column, or --city-column and --country-column"
            )
        return read, found[read]
    if not found:
        raise InputError(
            f"{table.path.name}: no column of answers (columns: {', '.join(table.columns)}); name it with "
            "--response-column, --lat-column and --lon-column, or --city-column and --country-column"
        )
    if len(found) > 1:
        choices = "; ".join(f"--read {kind} ({', '.join(c for c in use.values() if c)})" for kind, use in found.items())
        raise InputError(f"{table.path.name}: several columns could be the answers; choose {choices}")
    return next(iter(found.items()))


def _sample(row: Mapping[str, Any], table: Table, index: int | None, kind: str, use: dict[str, str | None]) -> Sample:
    """A photograph with what the table's row says of it, to be scored."""
    of = partial(Sample.of, row["id"], Truth.of(row))
    if index is None:
        return of(error=f"no row in {table.path.name}")
    cells = table.rows[index]
    if kind == "response":
        text = given(cells.get(use["response"] or ""))
        return of(None if text is None else Response(text))
    if kind == "coordinates":
        lat = number(table, index, use["lat"] or "", -90, 90, optional=True)
        lon = number(table, index, use["lon"] or "", -180, 180, optional=True)
        return of(answer=Answer(lat=lat, lon=lon))
    names: dict[str, Any] = {key: _name(cells.get(column)) for key, column in use.items() if column}
    return of(answer=Answer(**names))


def _name(value: Any) -> str | None:
    value = given(value)
    return None if value is None or not str(value).strip() else valid_utf8(str(value).strip())


def _form(samples: list[Sample], notes: list[str]) -> AnswerForm:
    """The one answer form of a file of responses: a mixture would be comparable with nothing."""
    answers = [scoring.read(one) for one in samples]
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
    ids = list(identifiers(table, id_column))
    form: Callable[[str], str] = match_ids(ids, truth_ids)
    known = {form(name): index for index, name in enumerate(truth_ids)}
    unknown = [index for index, name in enumerate(ids) if form(name) not in known]
    if unknown:
        where = f"{table.where(unknown[0])}, column {id_column!r}: {ids[unknown[0]]!r}"
        if not skip_unknown:
            raise InputError(
                f"{where} has no truth in {truth_name} ({len(unknown):,} of {len(ids):,} answers have none); "
                "set them aside with --skip-unknown-ids"
            )
        notes.append(f"{len(unknown):,} answers without truth were set aside, the first: {where}")
    return {known[form(name)]: index for index, name in enumerate(ids) if form(name) in known}


def _without_footer(table: Table, columns: ColumnNames, skip: bool, notes: list[str]) -> Table:
    """Set aside, or refuse, a second table that ends the file: published predictions often close with their figures.

    It begins at a row without a number in any coordinate column, at most ten rows before the end.
    """
    coordinate_columns = [
        column
        for role in ("truth_lat", "truth_lon", "lat", "lon", "predicted_lat", "predicted_lon")
        for column in table.columns
        if column.strip().lower() in COLUMNS[role]
    ] + [column for column in (columns.lat, columns.lon) if column in table.columns]
    if not coordinate_columns:
        return table

    def is_sample(index: int) -> bool:
        return any(_is_number(table.rows[index].get(column)) for column in coordinate_columns)

    last = len(table.rows)
    tail = [i for i in range(max(0, last - 10), last) if not is_sample(i) and _has_text(table, i, coordinate_columns)]
    if not tail or tail[0] == 0:
        return table
    start = tail[0]
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


def _has_text(table: Table, index: int, columns: list[str]) -> bool:
    return any(
        value is not None and str(value).strip() for column in columns for value in [table.rows[index].get(column)]
    )


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
