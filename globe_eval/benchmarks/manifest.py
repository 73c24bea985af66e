"""A benchmark is a manifest: one row a photograph, with its truth, and a SHA-256 that is part of every result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from globe_eval.benchmarks.table import Table, number, read_table
from globe_eval.errors import InputError

TRUTH_FIELDS = ("id", "lat", "lon", "country", "city", "group", "entities", "localizable", "scene")


@dataclass(frozen=True)
class Manifest:
    """Rows with the keys of TRUTH_FIELDS (unknown ones None) and `image`, a path relative to `images`."""

    rows: list[dict[str, Any]]
    images: Path

    @property
    def sha256(self) -> str:
        """SHA-256 of the truth: what a result depends on, whatever file it came from and wherever the images lie."""
        return truth_sha256(self.rows)


def truth_sha256(rows: Sequence[dict[str, Any]]) -> str:
    """SHA-256 over the rows' truth fields as canonical JSON, one line a row; unknown fields are left out.

    >>> truth_sha256([{"id": "a", "lat": 1.0, "lon": 2.0}]) == truth_sha256([{"lon": 2.0, "lat": 1.0, "id": "a"}])
    True
    """
    digest = hashlib.sha256()
    for row in rows:
        known = {name: row[name] for name in TRUTH_FIELDS if row.get(name) is not None}
        digest.update(json.dumps(known, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    return digest.hexdigest()


def read_manifest(
    path: Path,
    *,
    images: Path | None = None,
    id_column: str | None = None,
    image_column: str | None = None,
    lat_column: str | None = None,
    lon_column: str | None = None,
) -> Manifest:
    """Read a table of truth and find its pictures under `images` (default: the table's folder).

    Raises InputError, naming the line, for what `read_truth` refuses and for a picture that is absent, empty (0 bytes)
    or outside the folder.
    """
    table = read_table(path)
    id_column = id_column or _first(table, "id")
    image_column = image_column or _first(table, "image")
    rows = read_truth(table, id_column=id_column, lat_column=lat_column, lon_column=lon_column)
    folder = (images or path.parent).expanduser()
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder of images (for {path.name})")
    root = folder.resolve()
    lacking = []
    for index, row in enumerate(rows):
        name = str((image_column and table.rows[index].get(image_column)) or row["id"])
        file = root / name
        if not file.suffix:
            file = file.with_name(file.name + ".jpg")
        if not file.resolve().is_relative_to(root):
            raise InputError(f"{table.where(index)}, column {image_column!r}: {name!r} lies outside {folder}")
        if not file.is_file():
            lacking.append(name)
        elif file.stat().st_size == 0:
            raise InputError(f"{file}: the image is empty (0 bytes), for {table.where(index)}")
        row["image"] = file.relative_to(root).as_posix()
    if lacking:
        raise InputError(
            f"{folder}: {len(lacking):,} of {len(rows):,} images of {path.name} are not there: "
            f"{', '.join(lacking[:3])}{', …' if len(lacking) > 3 else ''}"
        )
    return Manifest(rows, root)


def read_truth(
    table: Table,
    *,
    id_column: str | None = None,
    lat_column: str | None = None,
    lon_column: str | None = None,
) -> list[dict[str, Any]]:
    """Rows of truth in a table: id, lat, lon (degrees) and what else it knows; unknown is None.

    Raises InputError for a missing column, a duplicate id, a coordinate that is missing or out of range, and a header
    whose latitude and longitude are swapped.
    """
    id_column = table.find("id", id_column)
    lat_column, lon_column = (
        table.find(role, given) if given else table.find(f"truth_{role}") or table.find(role)
        for role, given in (("lat", lat_column), ("lon", lon_column))
    )
    for role, found in (("id", id_column), ("lat", lat_column), ("lon", lon_column)):
        if found is None:
            raise InputError(
                f"{table.path.name}: no {role} column of the truth; give it with --{role}-column "
                f"(columns: {', '.join(table.columns)})"
            )
    assert id_column and lat_column and lon_column
    refuse_swapped(table, lat_column, lon_column)
    explicit = table.find("truth_lat") is not None
    named = {
        name: table.find(f"truth_{name}") or (None if explicit else table.find(name)) for name in ("country", "city")
    }
    group_column, scene_column = table.find("group"), table.find("scene")
    seen: dict[str, int] = {}
    rows = []
    for index, cells in enumerate(table.rows):
        key = identifier(table, index, id_column)
        if key in seen:
            raise InputError(
                f"{table.where(index)}, column {id_column!r}: {key!r} stands there twice, first in "
                f"{table.where(seen[key]).split(', ', 1)[1]}"
            )
        seen[key] = index
        rows.append(
            {
                "id": key,
                "lat": number(table, index, lat_column, -90, 90),
                "lon": number(table, index, lon_column, -180, 180),
                "country": _text(cells, named["country"]),
                "city": _text(cells, named["city"]),
                "group": _text(cells, group_column),
                "entities": cells.get("entities"),
                "localizable": cells.get("localizable"),
                "scene": _text(cells, scene_column),
            }
        )
    return rows


def identifier(table: Table, index: int, column: str) -> str:
    """One row's id as text. Raises InputError where it is missing."""
    value = table.rows[index].get(column)
    if value is None or not str(value).strip():
        raise InputError(f"{table.where(index)}, column {column!r}: the id is missing")
    return str(value).strip()


def refuse_swapped(table: Table, lat_column: str, lon_column: str) -> None:
    """Raise InputError where the header has latitude and longitude swapped, as IM2GPS3K's had from 2018 to 2020."""

    def beyond(column: str) -> list[int]:
        found = []
        for index, cells in enumerate(table.rows):
            try:
                if 90 < abs(float(cells.get(column) or 0)) <= 180:
                    found.append(index)
            except (TypeError, ValueError):
                continue
        return found

    wrong = beyond(lat_column)
    if wrong and len(wrong) > 0.01 * len(table.rows) and not beyond(lon_column):
        first = wrong[0]
        raise InputError(
            f"{table.where(first)}, column {lat_column!r}: found {table.rows[first][lat_column]!r}; latitudes lie from "
            f"-90 to 90, {len(wrong):,} of {len(table.rows):,} values here do not and every {lon_column!r} does: the "
            f"header has latitude and longitude swapped (as IM2GPS3K's official file had from 2018-07-25 to "
            f"2020-02-17); take the corrected file, or give --lat-column {lon_column} --lon-column {lat_column}"
        )


def _first(table: Table, role: str) -> str | None:
    """A manifest may have both an `id` and an `image`: the first usual name wins here."""
    from globe_eval.benchmarks.table import COLUMNS

    by_name = {column.strip().lower(): column for column in reversed(table.columns)}
    return next((by_name[name] for name in COLUMNS[role] if name in by_name), None)


def _text(cells: dict[str, Any], column: str | None) -> str | None:
    value = cells.get(column) if column else None
    return None if value is None or not str(value).strip() else str(value).strip()
