"""Manifests: one row a photograph, with its truth and its picture; read from a table or from what was prepared."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from globe_eval import lazy_re as re
from globe_eval.benchmarks.definition import data_folder, find_data, is_prepared, prepared_fact
from globe_eval.benchmarks.table import COLUMNS, Table, cell_text, read_table
from globe_eval.benchmarks.truth import ROLES, indexed_truth, read_truth, select, truth_sha256, with_entities
from globe_eval.errors import InputError, nearest, without_dashes

DATASET_KEYS = ("truth", "images", "columns", "values", "image_suffix", "where", "prepared", "entities")
"""What may stand in a YAML's `dataset_kwargs`."""
_PATTERN = re.compile(r"\{([^{}]+)\}")


class AbsentData(InputError):
    """The truth or the pictures of a benchmark are not on this machine."""


@dataclass(frozen=True)
class Manifest:
    """Rows with the keys of TRUTH_FIELDS (unknown ones None) and `image`, a path relative to `images`."""

    rows: list[dict[str, Any]]
    images: Path
    overlap: tuple[dict[str, Any], ...] = ()
    """What it shares with each manifest that it was prepared against (`duplicates.overlap`)."""
    path: Path | None = field(default=None, compare=False)
    """The file that the rows come from."""

    @property
    def sha256(self) -> str:
        """SHA-256 of the truth: what a result depends on, whatever file it came from and wherever the images lie."""
        return truth_sha256(self.rows)


def read_manifest(
    path: Path,
    *,
    images: Path | None = None,
    columns: Mapping[str, str] | None = None,
    values: Mapping[str, Mapping[Any, Any]] | None = None,
    image_suffix: str | None = None,
    where: str | None = None,
    pictures: bool = True,
) -> Manifest:
    """Read a table of truth and find its pictures.

    Args:
        path: of any format that `benchmarks.formats` reads.
        images: the folder of the pictures, by default the table's; those not there are looked for in folders below.
        columns: role (one of ROLES) -> column. An image may be a pattern of columns, "{city}/{key}.jpg"; latitude and
            longitude may be one column whose cells are "lat, lon".
        values: role -> value in the table -> value in the manifest, as in {"scene": {0: "indoor"}}.
        image_suffix: what the names of the pictures lack, ".jpeg"; by default ".jpg" where a name has no suffix.
        where: an expression over TRUTH_FIELDS (see `benchmarks.where`); other rows are left out, and not checked.
        pictures: whether the pictures are looked for; without them the rows have no `image`.

    Raises InputError, naming the line, for what `read_truth` refuses and for a picture that is absent, empty (0 bytes)
    or outside the folder.
    """
    table, folder = read_table(path), (images or path.parent).expanduser()
    if not pictures:
        rows = read_truth(table, columns=with_usual_columns(table, columns or {}), values=values, where=where)
        return Manifest(rows, folder, path=path)
    located, lacking = [], []
    for index, row, found in locate(table, folder, columns or {}, values or {}, image_suffix, where):
        located.append(row)
        if not found:
            lacking.append(row["image"])
        elif (folder / row["image"]).stat().st_size == 0:
            raise InputError(f"{folder / row['image']}: the image is empty (0 bytes), for {table.where(index)}")
    from globe_eval.benchmarks.images import refuse_unread_heic  # what reads truths needs none

    refuse_unread_heic(folder, [row["image"] for row in located])
    if lacking:
        some = f"{', '.join(lacking[:3])}{', …' if len(lacking) > 3 else ''}"
        count = f"{len(lacking):,} of {len(located):,} images of {path.name}"
        raise InputError(f"{folder}: {count} are not there: {some}")
    return Manifest(located, folder.resolve(), path=path)


def locate(
    table: Table,
    folder: Path,
    columns: Mapping[str, str],
    values: Mapping[str, Mapping[Any, Any]],
    image_suffix: str | None,
    where: str | None,
) -> Iterator[tuple[int, dict[str, Any], bool]]:
    """The rows of a table with the `image` of each; the arguments are those of `read_manifest`.

    Yields: the index in the table, the row, and whether its picture is in the folder.

    Raises InputError: what `read_truth` refuses, no such folder, or a picture outside of it.
    """
    chosen = with_usual_columns(table, columns)
    indexed = list(indexed_truth(table, chosen, values, where))
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder of images (for {table.path.name})")
    root = folder.resolve()
    find = _finder(root)
    # Whatever links lead to it; once a folder, for resolving each of 12,000 files would take a second.
    inside: Callable[[Path], bool] = cache(lambda path: path.resolve().is_relative_to(root))
    for index, row in indexed:
        name = _image_name(table, index, chosen.get("image"), row["id"], image_suffix)
        file = find(root / name)
        if file is not None and not inside(file if file.is_symlink() or file.name == ".." else file.parent):
            raise InputError(f"{table.where(index)}, column {chosen.get('image')!r}: {name!r} lies outside {folder}")
        yield index, {**row, "image": name if file is None else file.relative_to(root).as_posix()}, file is not None


def read_prepared(folder: Path, *, pictures: bool = True) -> Manifest | None:
    """The manifest that `globe-eval prepare` wrote into a folder; None where there is none.

    Raises InputError where the manifest is not the one that was prepared, or its pictures are gone.
    """
    if not is_prepared(folder):
        return None
    path, sha256 = folder / "manifest.parquet", prepared_fact(folder, "manifest_sha256")
    images, columns = Path(prepared_fact(folder, "images")), {role: role for role in ROLES}
    manifest = read_manifest(path, images=images, columns=columns, pictures=pictures)
    if manifest.sha256 != sha256:
        both = f"SHA-256 of the truth {manifest.sha256[:12]}…, prepared {sha256[:12]}…"
        raise InputError(f"{path}: {both}; prepare again")
    return replace(manifest, overlap=tuple(prepared_fact(folder, "overlap", ()) or ()))


def find_manifest(values: Mapping[str, Any], *, pictures: bool = True) -> Manifest:
    """The manifest of a benchmark on this machine: drawn, as it was prepared, or from the YAML's own table.

    `values` are those of its YAML: `task`, `dataset_kwargs`, `metadata`, and `custom_dataset`, a function that returns
    the path of a manifest. Without `pictures`, which must be there otherwise, the rows have no `image`.

    Raises AbsentData where the truth or the pictures are not here, and InputError for what cannot be read.
    """
    task, given = values.get("task"), dict(values.get("dataset_kwargs") or {})
    if (custom := values.get("custom_dataset")) is not None:
        return read_manifest(Path(custom(**given)), pictures=pictures)
    for key in given:
        if key not in DATASET_KEYS:
            allowed = f"unknown key {key!r}{nearest(key, DATASET_KEYS)} (allowed: {', '.join(DATASET_KEYS)})"
            raise InputError(f"task {task!r}, dataset_kwargs: {renamed_key(key, given[key]) or allowed}")
    metadata, where = values.get("metadata") or {}, given.get("where")

    def find(what: str, key: str, error: type[InputError] = AbsentData) -> Path:
        found = find_data(given[key])
        if found is None:
            source = f"; it comes from {metadata['source']}" if metadata.get("source") else ""
            where = f"neither here nor in {data_folder()} (set GLOBE_EVAL_DATA to the folder of your data)"
            raise error(f"task {task!r}: {given[key]!r}, its {what}, is {where}{source}")
        return found

    folder = data_folder() / str(given.get("prepared", task))
    manifest = read_prepared(folder, pictures=pictures)
    if manifest is not None and where:
        manifest = replace(manifest, rows=select(manifest.rows, where, folder))
    if manifest is None:
        if given.get("truth") is None:
            raise AbsentData(f"task {task!r}, dataset_kwargs: 'truth' is missing, the table of the truth")
        how = {key: given.get(key) for key in ("columns", "values", "image_suffix", "where")}
        truth = find("truth", "truth")
        images = find("pictures", "images") if pictures and given.get("images") else None
        try:
            manifest = read_manifest(truth, images=images, pictures=pictures, **how)
        except InputError as error:
            message = in_yaml(error)
            if not metadata.get("unverified"):
                raise InputError(message) from None
            raise InputError(
                f"{message} (not verified in {task}: {', '.join(map(str, metadata['unverified']))}; a YAML of your own "
                "that includes it can map other columns, as in dataset_kwargs: {columns: {lat: LAT}})"
            ) from None
    if given.get("entities") is None:
        return manifest
    return replace(manifest, rows=with_entities(manifest.rows, find("entities", "entities", InputError)))


def find_truth(values: Mapping[str, Any], required: bool = False) -> Manifest | None:
    """The truth of a benchmark without its pictures, whose rows then have no `image`; None where it is not here.

    Where it is `required` that raises AbsentData instead.

    A function that draws a benchmark is called where it is this package's; another package's is not, for truth alone.
    """
    custom = values.get("custom_dataset")
    if custom is not None:
        module, _, name = str(custom).removeprefix("!function ").rpartition(".")
        if not module.startswith("globe_eval."):
            return None
        values = {**values, "custom_dataset": getattr(import_module(module), name)}
    try:
        return find_manifest(values, pictures=False)
    except AbsentData:
        if required:
            raise
        return None


def in_yaml(error: InputError) -> str:
    """The message of an error, its options as keys of a benchmark's YAML."""
    return without_dashes(str(error), "dataset_kwargs.columns.{}", ": ")


def renamed_key(key: str, value: object) -> str | None:
    """The replacement of a renamed key such as `id_column: photo`; None for any other key of `dataset_kwargs`."""
    role = key.removesuffix("_column")
    return f"{key} is now columns: {{{role}: {value}}}" if role != key and role in ROLES else None


def _image_name(table: Table, index: int, column: str | None, key: str, suffix: str | None) -> str:
    if column and "{" in column:
        lacking = [name for name in _PATTERN.findall(column) if name not in table.columns]
        if lacking:
            hint = f"{nearest(lacking[0], table.columns)} (columns: {', '.join(table.columns)})"
            raise InputError(f"{table.path.name}: no column {lacking[0]!r} for the image {column!r}{hint}")
        name = _PATTERN.sub(lambda found: cell_text(table, index, found[1]) or "", column)
    else:
        name = cell_text(table, index, table.find("image", column) if column else None) or key
    name = name.replace("\\", "/")  # as Windows writes paths
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


def with_usual_columns(table: Table, columns: Mapping[str, str]) -> dict[str, str]:
    """`columns` and, of the id and the image, the first usual name: a manifest may have an `id` and an `image`."""
    by_name = {column.strip().lower(): column for column in reversed(table.columns)}
    usual = {role: [by_name[name] for name in COLUMNS[role] if name in by_name] for role in ("id", "image")}
    return {**{role: found[0] for role, found in usual.items() if found}, **columns}
