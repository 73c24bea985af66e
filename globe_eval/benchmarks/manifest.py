"""A benchmark is a manifest: one row a photograph, with its truth, and a SHA-256 that is part of every result."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from globe_eval.benchmarks.table import COLUMNS, Table, read_table
from globe_eval.benchmarks.truth import ROLES, TRUTH_FIELDS, cell_text, identifier, indexed_truth, read_truth, select
from globe_eval.errors import InputError, nearest

_PATTERN = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True)
class Manifest:
    """Rows with the keys of TRUTH_FIELDS (unknown ones None) and `image`, a path relative to `images`."""

    rows: list[dict[str, Any]]
    images: Path
    overlap: tuple[dict[str, Any], ...] = ()
    """What it shares with each manifest that it was prepared against (`benchmarks.overlap`)."""

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


def data_folder() -> Path:
    """Where downloaded and prepared benchmarks lie: $GLOBE_EVAL_DATA, by default ~/globe-eval-data."""
    return Path(os.environ.get("GLOBE_EVAL_DATA") or "~/globe-eval-data").expanduser()


def find_data(name: str | Path) -> Path | None:
    """A file or folder as it is named, or under `data_folder()`; None where it is in neither."""
    path = Path(name).expanduser()
    return next((candidate for candidate in (path, data_folder() / path) if candidate.exists()), None)


def read_manifest(
    path: Path,
    *,
    images: Path | None = None,
    id_column: str | None = None,
    image_column: str | None = None,
    lat_column: str | None = None,
    lon_column: str | None = None,
    columns: Mapping[str, str] | None = None,
    values: Mapping[str, Mapping[Any, Any]] | None = None,
    image_suffix: str | None = None,
    where: str | None = None,
) -> Manifest:
    """Read a table of truth and find its pictures under `images` (default: the table's folder).

    Args:
        path: CSV, TSV, JSON lines or Parquet.
        images: the folder of the pictures; those that do not lie there are looked for in the folders below it.
        id_column, image_column, lat_column, lon_column: the same as these roles in `columns`.
        columns: role (one of ROLES) -> column. An image may be a pattern of columns, "{city}/{key}.jpg"; latitude and
            longitude may be one column whose cells are "lat, lon".
        values: role -> value in the table -> value in the manifest, as in {"scene": {0: "indoor"}}.
        image_suffix: what the names of the pictures lack, ".jpeg"; by default ".jpg" where a name has no suffix.
        where: an expression over TRUTH_FIELDS (see `benchmarks.where`); other rows are left out, and not checked.

    Raises InputError, naming the line, for what `read_truth` refuses and for a picture that is absent, empty (0 bytes)
    or outside the folder.
    """
    table = read_table(path)
    folder = (images or path.parent).expanduser()
    given = {"id": id_column, "image": image_column, "lat": lat_column, "lon": lon_column}
    chosen = {**(columns or {}), **{role: column for role, column in given.items() if column}}
    rows, lacking = [], []
    for index, row, found in locate(table, folder, chosen, values or {}, image_suffix, where):
        rows.append(row)
        if not found:
            lacking.append(row["image"])
        elif (folder / row["image"]).stat().st_size == 0:
            raise InputError(f"{folder / row['image']}: the image is empty (0 bytes), for {table.where(index)}")
    if lacking:
        raise InputError(
            f"{folder}: {len(lacking):,} of {len(rows):,} images of {path.name} are not there: "
            f"{', '.join(lacking[:3])}{', …' if len(lacking) > 3 else ''}"
        )
    return Manifest(rows, folder.resolve())


def locate(
    table: Table,
    folder: Path,
    columns: Mapping[str, str],
    values: Mapping[str, Mapping[Any, Any]],
    image_suffix: str | None,
    where: str | None,
) -> Iterator[tuple[int, dict[str, Any], bool]]:
    """The rows of a table with the `image` of each; the arguments are those of `read_manifest`.

    Yields:
        The index in the table, the row, and whether its picture is in the folder.

    Raises:
        InputError: what `read_truth` refuses, no such folder, or a picture outside of it.

    """
    chosen = dict(columns)
    for role in ("id", "image"):
        if role not in chosen and (column := _first(table, role)):
            chosen[role] = column
    indexed = list(indexed_truth(table, chosen, values, where))
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder of images (for {table.path.name})")
    root = folder.resolve()
    find, inside = _finder(root), _inside(root)
    for index, row in indexed:
        name = _image_name(table, index, chosen.get("image"), row["id"], image_suffix)
        file = find(root / name)
        if file is not None and not inside(file):
            raise InputError(f"{table.where(index)}, column {chosen.get('image')!r}: {name!r} lies outside {folder}")
        yield index, {**row, "image": name if file is None else file.relative_to(root).as_posix()}, file is not None


def is_prepared(folder: Path) -> bool:
    """Whether `globe-eval prepare` wrote a manifest into a folder."""
    return (folder / "manifest.parquet").is_file() and (folder / "prepare.json").is_file()


def read_prepared(folder: Path) -> Manifest | None:
    """The manifest that `globe-eval prepare` wrote into a folder; None where there is none.

    Raises InputError where the manifest is not the one that was prepared, or its pictures are gone.
    """
    if not is_prepared(folder):
        return None
    path, record = folder / "manifest.parquet", folder / "prepare.json"
    try:
        prepared = json.loads(record.read_text(encoding="utf-8"))
        images, sha256 = Path(prepared["images"]), prepared["manifest_sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{record}: not what globe-eval prepare writes ({error!r}); prepare again") from None
    manifest = read_manifest(path, images=images, columns={role: role for role in ROLES})
    if manifest.sha256 != sha256:
        raise InputError(
            f"{path}: SHA-256 of the truth {manifest.sha256[:12]}…, prepared {sha256[:12]}…; prepare again"
        )
    return replace(manifest, overlap=tuple(prepared.get("overlap") or ()))


def _image_name(table: Table, index: int, column: str | None, key: str, suffix: str | None) -> str:
    if column and "{" in column:
        lacking = [name for name in _PATTERN.findall(column) if name not in table.columns]
        if lacking:
            raise InputError(
                f"{table.path.name}: no column {lacking[0]!r} for the image {column!r}"
                f"{nearest(lacking[0], table.columns)} (columns: {', '.join(table.columns)})"
            )
        name = _PATTERN.sub(lambda found: cell_text(table.rows[index], found[1]) or "", column)
    else:
        name = cell_text(table.rows[index], table.find("image", column) if column else None) or key
    if suffix is not None:
        return name if name.lower().endswith(suffix.lower()) else name + suffix
    return name if Path(name).suffix else name + ".jpg"


def _finder(root: Path) -> Callable[[Path], Path | None]:
    """A picture's path -> the file: there, or the one of its name somewhere below `root` (released archives nest)."""
    below: dict[str, list[Path]] = {}

    def find(file: Path) -> Path | None:
        try:
            if file.is_file() or not file.resolve().is_relative_to(root):
                return file
        except (OSError, ValueError):  # a name too long for any file, or with a NUL in it
            return None
        if not below:
            for folder, _, names in os.walk(root):
                for name in names:
                    below.setdefault(name, []).append(Path(folder) / name)
        found = below.get(file.name, [])
        if len(found) > 1:
            inside = " and ".join(path.relative_to(root).as_posix() for path in sorted(found)[:2])
            raise InputError(f"{root}: several images are named {file.name!r}: {inside}")
        return found[0] if found else None

    return find


def _inside(root: Path) -> Callable[[Path], bool]:
    """Whether a file lies below `root`, an absolute path without links, whatever links lead to it."""
    folders: dict[Path, bool] = {}

    def inside(file: Path) -> bool:
        if file.is_symlink() or file.name == "..":
            return file.resolve().is_relative_to(root)
        if file.parent not in folders:  # once a folder: resolving each of 12,000 files would take a second
            folders[file.parent] = file.parent.resolve().is_relative_to(root)
        return folders[file.parent]

    return inside


def _first(table: Table, role: str) -> str | None:
    """A manifest may have both an `id` and an `image`: the first usual name wins here."""
    by_name = {column.strip().lower(): column for column in reversed(table.columns)}
    return next((by_name[name] for name in COLUMNS[role] if name in by_name), None)


__all__ = [
    "ROLES",
    "TRUTH_FIELDS",
    "Manifest",
    "data_folder",
    "find_data",
    "identifier",
    "locate",
    "read_manifest",
    "read_prepared",
    "read_truth",
    "select",
    "truth_sha256",
]
