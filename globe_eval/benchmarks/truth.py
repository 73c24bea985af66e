"""Reads the truth from a table: maps its columns, parses their cells, selects subsets, and computes its SHA-256.

Entities, what can be seen on a photograph, may also lie in a file of their own (`read_entities`).
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from globe_eval.benchmarks.formats import load_value
from globe_eval.benchmarks.ids import match_ids
from globe_eval.benchmarks.points import as_degrees, point_in_cell, refuse_swapped, with_decimal_points
from globe_eval.benchmarks.table import (
    Table,
    as_number,
    cell_text,
    cell_value,
    identifier,
    identifiers,
    in_range,
    quoted,
    read_table,
)
from globe_eval.benchmarks.where import parse_where
from globe_eval.errors import InputError, nearest
from globe_eval.metrics.disclosure import LEVELS

TRUTH_FIELDS = ("id", "lat", "lon", "country", "city", "group", "entities", "localizable", "scene", "disclosure")
ROLES = ("image", *TRUTH_FIELDS)
"""What a column of a table can be mapped to."""
_FLAGS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def read_truth(
    table: Table,
    *,
    columns: Mapping[str, str] | None = None,
    values: Mapping[str, Mapping[Any, Any]] | None = None,
    where: str | None = None,
) -> list[dict[str, Any]]:
    """Rows of truth in a table: id, lat, lon (degrees) and what else it knows; unknown is None.

    The arguments are those of `read_manifest`. Entities are a list of strings; a table may have them as such, as a list
    of {"text": …} (MP16-Reason's) or as JSON in a cell. Localizable is a bool, or 0, 1, yes, no, true, false.

    Raises InputError for a missing column, a duplicate id, a coordinate that is missing or out of range, a header
    whose latitude and longitude are swapped, and for a `where` that is no expression or leaves no row.
    """
    return [row for _, row in indexed_truth(table, columns or {}, values or {}, where)]


def truth_sha256(rows: Sequence[dict[str, Any]]) -> str:
    """SHA-256 over the rows' truth fields as canonical JSON, one line a row; unknown fields are left out.

    >>> truth_sha256([{"id": "a", "lat": 1.0, "lon": 2.0}]) == truth_sha256([{"lon": 2.0, "lat": 1.0, "id": "a"}])
    True
    """
    digest = hashlib.sha256()
    for row in rows:
        known = {name: row[name] for name in TRUTH_FIELDS if row.get(name) is not None}
        digest.update(_CANONICAL.encode(known).encode() + b"\n")
    return digest.hexdigest()


_CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def other_size(name: str, metadata: Mapping[str, Any], n: int, of: str) -> list[str]:
    """A note where a table (`of`, as in "manifest") has not as many photographs as its benchmark says; else none."""
    if metadata.get("n") in (None, n):
        return []
    sizes = f"{name} has {metadata['n']:,} photographs, this {of} {n:,}"
    return [f"{sizes}: results on it are not comparable with results on the benchmark"]


def select(rows: Sequence[dict[str, Any]], where: str, name: str | Path) -> list[dict[str, Any]]:
    """The rows of a manifest of which an expression holds. Raises InputError where it holds of none."""
    keep = parse_where(where, TRUTH_FIELDS)
    kept = [row for row in rows if keep(row)]
    if not kept:
        raise InputError(f"{name}: where {where!r} holds of none of {len(rows):,} rows")
    return kept


class _Fields(dict[str, Any]):
    """A row whose fields are read when they are asked for: a row that `where` leaves out may lack the others."""

    def __init__(self, readers: Mapping[str, Callable[[int], Any]], index: int) -> None:
        super().__init__()
        self.readers, self.index = readers, index

    def __missing__(self, field: str) -> Any:
        self[field] = self.readers[field](self.index)
        return self[field]


def indexed_truth(
    table: Table, chosen: Mapping[str, str], values: Mapping[str, Mapping[Any, Any]], where: str | None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The index in the table and the truth of each row that `where` keeps."""
    readers = _readers(table, chosen, {role: _mapping(mapped) for role, mapped in values.items()})
    indices: Sequence[int] = range(len(table.rows))
    if where is not None:
        keep = parse_where(where, TRUTH_FIELDS)
        indices = [index for index in indices if keep(_Fields(readers, index))]
        if not indices:
            raise InputError(f"{table.path.name}: where {where!r} holds of none of {len(table.rows):,} rows")
    unknown: dict[str, Any] = dict.fromkeys(TRUTH_FIELDS)
    there = [(field, readers[field]) for field in TRUTH_FIELDS if field != "id" and readers[field] is not _nothing]
    for name, index in identifiers(table, truth_columns(table, chosen)[0], indices):
        row = unknown | {"id": name}
        for field, read in there:
            row[field] = read(index)
        yield index, row


def _readers(
    table: Table, chosen: Mapping[str, str], values: Mapping[str, Mapping[str, str | None]]
) -> dict[str, Callable[[int], Any]]:
    """Field -> its value in a row of the table."""
    for role in (*chosen, *values):
        if role not in ROLES:
            raise InputError(f"columns: no role {role!r}{nearest(role, ROLES)} (allowed: {', '.join(ROLES)})")
    id_column, lat_column, lon_column = truth_columns(table, chosen)
    table = with_decimal_points(table, lat_column, lon_column)
    if lat_column != lon_column:
        refuse_swapped(table, lat_column, lon_column)
    explicit = table.find("truth_lat") is not None

    def named(role: str) -> str | None:
        if role in chosen and (role, chosen[role]) != ("disclosure", "disclosure"):  # which older manifests lack
            return table.find(role, chosen[role])
        if role in names:
            plain = not explicit or role in ("group", "scene")
            return table.find(f"truth_{role}") or (table.find(role) if plain else None)
        return role if role in table.columns else None

    names = dict.fromkeys(("country", "city", "group", "scene"), _text_in)
    readers = names | {"entities": entities_in, "disclosure": _level, "localizable": flag_in}
    return {
        "id": lambda index: identifier(table, index, id_column),
        "lat": lambda index: _degrees(table, index, lat_column, lat_column == lon_column, 0),
        "lon": lambda index: _degrees(table, index, lon_column, lat_column == lon_column, 1),
        **{
            role: _nothing if (column := named(role)) is None else partial(read, table, column, values.get(role, {}))
            for role, read in readers.items()
        },
    }


def _nothing(index: int) -> None:
    """A field of a row for which the table has no column."""


def truth_columns(table: Table, chosen: Mapping[str, str], option: str = "--") -> tuple[str, str, str]:
    """The columns of the id, latitude and longitude of the truth. Raises InputError where one is missing.

    `option` is how the options begin that name them.
    """
    found = {
        role: table.find(role, chosen[role])
        if role in chosen
        else (table.find(f"truth_{role}") if role != "id" else None) or table.find(role)
        for role in ("id", "lat", "lon")
    }
    if lacking := [role for role, column in found.items() if column is None]:
        named = " ".join(table.option(role, option) for role in lacking)
        raise table.lacking(f"{lacking[0]} column of the truth", f"; give it with {named}")
    id_column, lat_column, lon_column = filter(None, found.values())
    return id_column, lat_column, lon_column


def _mapping(mapped: Mapping[Any, Any]) -> dict[str, str | None]:
    """A mapping with keys and values as text: YAML reads the 0 of `{0: indoor}` as a number, CSV as text."""
    return {str(value): None if meant is None else str(meant) for value, meant in mapped.items()}


def _degrees(table: Table, index: int, column: str, both: bool, axis: int) -> float | None:
    """A latitude (axis 0) or longitude (1); `both` where one cell has the two, as "25.57, 100.22"."""
    low, high = ((-90, 90), (-180, 180))[axis]
    cell = cell_value(table.rows[index], column)
    degrees = as_number(cell)
    if degrees is not None and low <= degrees <= high and not both:
        return degrees
    where = table.where(index, column)
    if both:
        cells = point_in_cell(cell)
        if cells is None:
            raise InputError(f"{where}: found {quoted(cell)}; allowed: latitude and longitude with a comma between")
        cell = cells[axis]
    spelt = as_degrees(cell, axis) if as_number(cell) is None else None
    return in_range(cell if spelt is None else spelt, where, low, high)


def entities_in(table: Table, column: str, mapped: Mapping[str, str | None], index: int) -> list[str] | None:
    """`parse_entities` of a cell, with its line in the error; `mapped` says nothing of them."""
    try:
        return parse_entities(cell_value(table.rows[index], column))
    except ValueError as error:
        raise InputError(f"{table.where(index, column)}: {error}") from None


def _text_in(table: Table, column: str, mapped: Mapping[str, str | None], index: int) -> str | None:
    """A cell as text, after `mapped`; None where it is empty."""
    text = cell_text(table, index, column)
    meant = mapped.get(text, text) if text is not None else None
    return None if meant is None else sys.intern(meant)  # thousands of rows name the same country


def _level(table: Table, column: str, mapped: Mapping[str, str | None], index: int) -> str | None:
    meant = _text_in(table, column, mapped, index)
    if meant is not None and meant not in LEVELS:
        found, allowed = quoted(cell_text(table, index, column)), ", ".join([*LEVELS, *mapped])
        raise InputError(f"{table.where(index, column)}: found {found}; allowed: {allowed}")
    return meant


def flag_in(table: Table, column: str, mapped: Mapping[str, str | None], index: int) -> bool | None:
    """A cell as a truth value, after `mapped`; None where it is empty. Raises InputError with the line."""
    meant = _text_in(table, column, mapped, index)
    if meant is not None and meant.lower() not in _FLAGS:
        found, allowed = cell_text(table, index, column), ", ".join(_FLAGS)
        raise InputError(f"{table.where(index, column)}: found {found!r}; allowed: {allowed}")
    return None if meant is None else _FLAGS[meant.lower()]


def parse_entities(value: Any) -> list[str] | None:
    """The entities in a cell: a list of texts or of `{"text": …}`, as such, as JSON, or as Python writes it.

    None for an empty cell. Raises ValueError for anything else.

    >>> parse_entities([{"text": "palm tree", "score": 0.9}]), parse_entities("[{'text': 'bus'}]"), parse_entities("")
    (['palm tree'], ['bus'], None)
    """
    if value is None or (isinstance(value, str) and not value.strip()) or value != value:
        return None
    found = value
    if isinstance(value, str):
        with suppress(ValueError):
            found = load_value(value)
    items = found if isinstance(found, list | tuple) else [None]
    texts = [item.get("text") if isinstance(item, dict) else item for item in items]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError(f'found {str(value)[:40]!r}; allowed: a list of texts, or of {{"text": …}}, as JSON')
    return [text.strip() for text in texts if text and text.strip()]


def read_entities(path: Path, ids: Sequence[str]) -> tuple[list[list[str] | None], str, list[str]]:
    """The entities of each of `ids`, None where the file has none of it; the SHA-256 of what was read; notes.

    Args:
        path: a table (CSV, TSV, JSON lines, Parquet) with an id and a column `entities`, or a `.json` that maps ids to
            lists. Ids meet as they are, or as file names with or without extension.
        ids: of the photographs.

    Raises InputError for a file without such columns, and where it knows none of the ids.
    """
    found: dict[str, list[str] | None] = {}
    for where, name, cell in _entity_cells(path):
        if name in found:
            raise InputError(f"{where}: the id {name!r} stands there twice")
        try:
            found[name] = parse_entities(cell)
        except ValueError as error:
            raise InputError(f"{where}: {error}") from None
    form = match_ids(list(found), list(ids))
    known = {form(name): entities for name, entities in found.items()}
    matched = [known.get(form(name)) for name in ids]
    there = sum(form(name) in known for name in ids)
    if ids and not there:
        first = next(iter(found), None)
        raise InputError(f"{path}: knows none of the {len(ids):,} photographs (its first id is {first!r})")
    canonical = _CANONICAL.encode(list(zip(ids, matched, strict=True)))
    lacking = len(ids) - there
    notes = [f"{path.name}: has no row for {lacking:,} of {len(ids):,} photographs"] if lacking else []
    return matched, hashlib.sha256(canonical.encode()).hexdigest(), notes


def entity_classes(declared: object, rows: Sequence[Mapping[str, Any]]) -> list[str] | None:
    """The classes that a benchmark annotates exhaustively, from `exhaustive_entities` of its metadata.

    A list names them; true stands for all that any photograph of the manifest has; None says that the annotation may
    have gaps, as most have.

    >>> entity_classes(True, [{"entities": ["bus", "road"]}, {"entities": None}]), entity_classes(None, [])
    (['bus', 'road'], None)
    """
    if isinstance(declared, list):
        return [str(name) for name in declared]
    return sorted({entity for row in rows for entity in row.get("entities") or ()}) if declared else None


def with_entities(rows: Sequence[Mapping[str, Any]], path: Path) -> list[dict[str, Any]]:
    """Manifest rows with the entities of a file. Raises InputError as `read_entities`."""
    entities, _, _ = read_entities(path, [row["id"] for row in rows])
    return [{**row, "entities": seen} for row, seen in zip(rows, entities, strict=True)]


def _entity_cells(path: Path) -> Iterator[tuple[str, str, Any]]:
    """Where a cell of entities stands, the id of its photograph, and the cell."""
    if path.suffix == ".json":
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}: no JSON ({error})") from None
        if not isinstance(values, dict):
            raise InputError(f"{path}: found {type(values).__name__}; allowed: a mapping of ids to lists of entities")
        yield from ((f"{path}, id {name!r}", str(name), value) for name, value in values.items())
        return
    table = read_table(path)
    id_column = table.find("id")
    if id_column is None or "entities" not in table.columns:
        lacking = "id" if id_column is None else "'entities'"
        raise InputError(f"{table.path.name}: no {lacking} column (columns: {', '.join(table.columns)})")
    for index, row in enumerate(table.rows):
        yield f"{table.where(index)}, column 'entities'", str(row.get(id_column) or "").strip(), row.get("entities")
