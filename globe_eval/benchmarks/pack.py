"""Packs a benchmark into one zip of its YAML, its truth as a table, and its pictures without metadata.

`--tasks my_city.zip` takes it as it is: it is unpacked into the data folder, once for each content.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from globe_eval.benchmarks import images
from globe_eval.benchmarks.definition import Definition
from globe_eval.benchmarks.folders import data_folder
from globe_eval.benchmarks.manifest import Manifest, find_manifest
from globe_eval.benchmarks.truth import TRUTH_FIELDS
from globe_eval.errors import InputError

_SUFFIX = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp"}
_EPOCH = (1980, 1, 1, 0, 0, 0)


def pack(definition: Definition, output: Path | None = None) -> Path:
    """Write `output` (NAME.zip in the working folder if not given); the same benchmark gives the same bytes.

    The table has the truth as it is read, so that the manifest's SHA-256 is the same on both sides.

    Raises InputError for a group, for functions of the benchmark's own (those travel as a package), for what
    `find_manifest` refuses, for a picture that cannot be read, and for a file that is there already.
    """
    name = definition.name
    path = output or Path(f"{name}.zip")
    text = portable_yaml(definition, {"truth": f"{name}.jsonl", "images": "images"})
    if path.exists():
        raise InputError(f"{path}: the file is there already; choose another name, or remove it")
    manifest = find_manifest(definition.values)
    table = []
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        with zipfile.ZipFile(part, "w") as archive:
            for row, (file, data) in zip(manifest.rows, clean_pictures(manifest), strict=True):
                archive.writestr(zipfile.ZipInfo(f"images/{file}", _EPOCH), data)
                known = {key: row[key] for key in TRUTH_FIELDS if row.get(key) is not None}
                table.append(json.dumps({**known, "image": file}, ensure_ascii=False))
            archive.writestr(zipfile.ZipInfo(f"{name}.jsonl", _EPOCH), "\n".join(table) + "\n")
            archive.writestr(zipfile.ZipInfo(f"{name}.yaml", _EPOCH), text)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def portable_yaml(definition: Definition, dataset_kwargs: Mapping[str, Any]) -> str:
    """The YAML of a benchmark with its data elsewhere.

    Raises InputError for a group and for functions of the benchmark's own.
    """
    values = definition.values
    own = {key: value for key, value in values.items() if key not in ("task", "class", "include", "dataset_kwargs")}
    if definition.is_group or "!function" in json.dumps(own, default=str):
        raise InputError(f"{definition.path}: groups and functions of one's own travel as a package (new_benchmark.md)")
    return f"task: {definition.name}\nclass: {values['class']}\n" + yaml.safe_dump(
        {"dataset_kwargs": dict(dataset_kwargs), **own}, sort_keys=False, allow_unicode=True, width=1000
    )


def clean_pictures(manifest: Manifest) -> Iterator[tuple[str, bytes]]:
    """Of each row a name without a meaning and the bytes that models see. Raises InputError for what is no picture."""
    for number, row in enumerate(manifest.rows, 1):
        try:
            data, kind = images.Photograph(manifest.images / row["image"], row["image"]).clean_bytes()
        except images.ImageError as error:
            raise InputError(f"cannot be packed: {error}") from None
        yield f"{number:06}{_SUFFIX[kind]}", data


def is_packed(name: str) -> bool:
    """Whether this names a zip, or a folder for the hub: one with a card and a YAML."""
    return name.endswith(".zip") or (Path(name, "README.md").is_file() and any(Path(name).glob("*.yaml")))


def unpack_benchmark(path: Path) -> Path:
    """The YAML of a packed benchmark: in a folder for the hub, else unpacked into the data folder unless it is there.

    Raises InputError for what is no such file: another kind, more or less than one YAML, code, or names that lead out.
    """
    if path.is_dir():
        inside = [one for one in sorted(path.glob("*.yaml")) if one.name != "eval.yaml"]
        if len(inside) != 1:
            raise InputError(f"{path}: {len(inside)} YAMLs in this folder; allowed: one beside eval.yaml, or name one")
        return inside[0]
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    folder = data_folder() / "packed" / hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            yamls = [name for name in names if name.endswith(".yaml")]
            if len(yamls) != 1 or any(name.endswith(".py") or name.startswith(("/", "..")) for name in names):
                raise InputError(f"{path}: not what globe-eval pack writes (one YAML, one table, pictures, no code)")
            if not folder.is_dir():
                folder.parent.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryDirectory(dir=folder.parent) as parts:
                    archive.extractall(Path(parts) / "whole")
                    (Path(parts) / "whole").replace(folder)
    except zipfile.BadZipFile as error:
        raise InputError(f"{path}: no zip file ({error})") from None
    return folder / yamls[0]
