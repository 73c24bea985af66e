"""`globe-eval new`: the YAML of a benchmark of one's own, from a table of truth and a folder of pictures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from globe_eval.benchmarks.definition import definitions, task_folders
from globe_eval.benchmarks.manifest import read_manifest
from globe_eval.errors import InputError


def new(
    name: str,
    truth: Path,
    images: Path,
    folder: Path | None = None,
    *,
    columns: Mapping[str, str] | None = None,
) -> Path:
    """Write `folder`/NAME.yaml, once the table and every picture could be read.

    Args:
        name: of the task: letters, digits, "_" and "-".
        truth: the table. The YAML holds absolute paths, so that it works from any folder.
        images: the folder of the pictures.
        folder: where the YAML is written, by default the working folder.
        columns: role -> column, where the table has none of the usual names (see `read_manifest`).

    Returns: the YAML's path.
    Raises InputError for a name that is taken or no name, for a YAML that is there already, and for what
    `read_manifest` refuses.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise InputError(f"task {name!r}: allowed: letters, digits, '_' and '-'")
    if name in definitions(task_folders()):
        raise InputError(f"task {name!r}: there is a benchmark of this name already (globe-eval ls); choose another")
    path = (folder or Path()) / f"{name}.yaml"
    if path.exists():
        raise InputError(f"{path}: the file is there already; choose another name, or remove it")
    if path.parent.exists() and not path.parent.is_dir():
        raise InputError(f"{path.parent}: is no folder")
    truth, images = truth.expanduser().absolute(), images.expanduser().absolute()
    manifest = read_manifest(truth, images=images, columns=columns)
    kwargs = {"truth": str(truth), "images": str(images), **({"columns": dict(columns)} if columns else {})}
    metadata = {"version": 1, "n": len(manifest.rows), "manifest_sha256": {1: manifest.sha256}}
    text = yaml.safe_dump(
        {"dataset_kwargs": kwargs, "metadata": metadata}, sort_keys=False, allow_unicode=True, width=1000
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        file.write(f"task: {name}\nclass: !function globe_eval.GeoTask\n{text}")
    return path
