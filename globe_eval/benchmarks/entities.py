"""What can be seen on a photograph: in a cell, or in a file of its own beside a manifest that does not say it."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from globe_eval.benchmarks.table import Table, match_ids, read_table
from globe_eval.errors import InputError


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
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            try:
                found = ast.literal_eval(value.strip())
            except (ValueError, SyntaxError, MemoryError, RecursionError):
                found = None
    items = list(found) if isinstance(found, list | tuple) else [None]
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
    found = _of_mapping(path) if path.suffix == ".json" else _of_table(read_table(path))
    form = match_ids(list(found), list(ids))
    known = {form(name): entities for name, entities in found.items()}
    matched = [known.get(form(name)) for name in ids]
    there = sum(form(name) in known for name in ids)
    if ids and not there:
        raise InputError(
            f"{path}: knows none of the {len(ids):,} photographs (its first id is {next(iter(found), None)!r})"
        )
    canonical = json.dumps(
        [[i, e] for i, e in zip(ids, matched, strict=True)], ensure_ascii=False, separators=(",", ":")
    )
    notes = (
        [] if there == len(ids) else [f"{path.name}: has no row for {len(ids) - there:,} of {len(ids):,} photographs"]
    )
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


def _of_table(table: Table) -> dict[str, list[str] | None]:
    id_column = table.find("id")
    if id_column is None or "entities" not in table.columns:
        lacking = "id" if id_column is None else "'entities'"
        raise InputError(f"{table.path.name}: no {lacking} column (columns: {', '.join(table.columns)})")
    found: dict[str, list[str] | None] = {}
    for index, row in enumerate(table.rows):
        name = str(row.get(id_column) or "").strip()
        try:
            entities = parse_entities(row.get("entities"))
        except ValueError as error:
            raise InputError(f"{table.where(index)}, column 'entities': {error}") from None
        if name in found:
            raise InputError(f"{table.where(index)}, column {id_column!r}: {name!r} stands there twice")
        found[name] = entities
    return found


def _of_mapping(path: Path) -> dict[str, list[str] | None]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: no JSON ({error})") from None
    if not isinstance(values, dict):
        raise InputError(f"{path}: found {type(values).__name__}; allowed: a mapping of ids to lists of entities")
    found = {}
    for name, value in values.items():
        try:
            found[str(name)] = parse_entities(value)
        except ValueError as error:
            raise InputError(f"{path}, id {name!r}: {error}") from None
    return found
