"""Packs a benchmark to be handed on: its YAML, its truth as a table, and its pictures without metadata.

As one zip, which `--tasks my_city.zip` takes as it is: it is unpacked into the data folder, once for each content.
Or as a folder for the hub with a card, which `datasets.load_dataset(FOLDER)` reads as one split "test" and `--tasks
FOLDER` evaluates on; it may have the SHA-256 of the pictures in place of them. The same benchmark gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from globe_eval.benchmarks import images
from globe_eval.benchmarks.definition import Definition, data_folder, task_text
from globe_eval.benchmarks.manifest import Manifest, find_manifest
from globe_eval.benchmarks.table import cell_value, read_table
from globe_eval.benchmarks.truth import TRUTH_FIELDS
from globe_eval.errors import InputError
from globe_eval.files import file_sha256, json_lines

_SUFFIX = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp"}
HASH = "image_sha256"
"""Column of a table: SHA-256 of the picture's file, as whoever made the table had it."""
_LICENSES = re.compile(r"cc-by(-(nc|sa|nd))*-\d\.\d|cc0-1\.0|apache-2\.0|mit|odbl")
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
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
                table.append({**_known(row), "image": file})
            archive.writestr(zipfile.ZipInfo(f"{name}.jsonl", _EPOCH), json_lines(table))
            archive.writestr(zipfile.ZipInfo(f"{name}.yaml", _EPOCH), text)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def write_hub_folder(definition: Definition, folder: Path, *, hashes_only: bool = False) -> None:
    """Write the folder, whole or not at all.

    With `hashes_only` no picture is in it: who has them puts them into its `images/` under the names of the table, and
    `globe-eval validate` says whether they are the same files.

    Raises InputError for what `pack` refuses, and for a folder that is there already.
    """
    if folder.exists():
        raise InputError(f"{folder}: is there already; choose another folder, or remove it")
    manifest = find_manifest(definition.values)
    truth, where = "test/metadata.jsonl", {"images": "test", "columns": {"image": "file_name"}}
    if hashes_only:
        truth, where = "test.jsonl", {"images": "images"}
    text = portable_yaml(definition, {"truth": truth, **where})
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch:
        whole = Path(scratch) / "whole"
        (whole / str(where["images"])).mkdir(parents=True)
        if hashes_only:
            (whole / "images" / ".gitkeep").touch()
            files = [row["image"] for row in manifest.rows]
            more = [{"image": file, HASH: file_sha256(manifest.images / file)} for file in files]
            rows = [_known(row) | its for row, its in zip(manifest.rows, more, strict=True)]
        else:
            rows = []
            for row, (file, data) in zip(manifest.rows, clean_pictures(manifest), strict=True):
                (whole / "test" / file).write_bytes(data)
                rows.append({"file_name": file, **_known(row)})
        (whole / truth).write_bytes(json_lines(rows))
        (whole / f"{definition.name}.yaml").write_text(text, encoding="utf-8")
        (whole / "README.md").write_text(_card(definition, manifest, truth, hashes_only), encoding="utf-8")
        whole.replace(folder)


def other_pictures(manifest: Manifest) -> list[str]:
    """The pictures that are not the files whose SHA-256 the manifest's own table has; none where it has no such column.

    Raises InputError where the table cannot be read.
    """
    table = read_table(manifest.path) if manifest.path else None
    if table is None or HASH not in table.columns:
        return []
    wanted = {str(cell_value(cells, "id")): cell_value(cells, HASH) for cells in table.rows}
    pictures = [(row["image"], wanted.get(row["id"])) for row in manifest.rows]
    return [image for image, digest in pictures if digest not in (None, file_sha256(manifest.images / image))]


def portable_yaml(definition: Definition, dataset_kwargs: Mapping[str, Any]) -> str:
    """The YAML of a benchmark with its data elsewhere.

    Raises InputError for a group and for functions of the benchmark's own.
    """
    values = definition.values
    own = {key: value for key, value in values.items() if key not in ("task", "class", "include", "dataset_kwargs")}
    if definition.is_group or "!function" in json.dumps(own, default=str):
        raise InputError(f"{definition.path}: groups and functions of one's own travel as a package (new_benchmark.md)")
    return task_text(definition.name, {"dataset_kwargs": dict(dataset_kwargs), **own}, values["class"])


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


def _known(row: dict[str, Any]) -> dict[str, Any]:
    return {key: row[key] for key in TRUTH_FIELDS if row.get(key) is not None}


def _card(definition: Definition, manifest: Manifest, table: str, hashes_only: bool) -> str:
    """The data set's card: front matter as the hub reads it, and what a reader must know."""
    from huggingface_hub import DatasetCardData

    name, metadata, n = definition.name, definition.values.get("metadata") or {}, len(manifest.rows)
    license_, path = str(metadata.get("license") or ""), table if hashes_only else "test/**"
    data = DatasetCardData(
        pretty_name=name,
        license=license_.lower() if _LICENSES.fullmatch(license_.lower()) else "other",
        task_categories=["image-text-to-text"],
        tags=["geolocation", "benchmark", "globe-eval"],
        size_categories=[next((size for most, size in _SIZES if n < most), "n>1M")],
        configs=[{"config_name": "default", "data_files": [{"split": "test", "path": path}]}],
    )
    facts = [
        ("Photographs", f"{n:,}"),
        ("Licence of the pictures", license_ or "not stated: ask whoever gave you this folder"),
        *((key.capitalize(), str(metadata[key])) for key in ("source", "citation") if metadata.get(key)),
        ("Version", f"{metadata.get('version', '')}, SHA-256 of the truth `{manifest.sha256}`"),
    ]
    pictures = "The pictures are without metadata, as models see them."
    if hashes_only:
        pictures = f"The pictures are not here. Put them into `images/` under the names in `{table}`; "
        pictures += f"`globe-eval validate {name}.yaml` compares their SHA-256."
    listed = "\n".join(f"- {key}: {value}" for key, value in facts)
    defects = "".join(f"- {one}\n" for one in metadata.get("defects") or [])
    return f"""---
{data.to_yaml().strip()}
---

# {name}

{metadata.get("description") or "A benchmark of image geolocation: where was each photograph taken?"}

{listed}
{defects}
{pictures}

```sh
globe-eval --model endpoint --model_args base_url=http://localhost:8000/v1 --tasks {name}.yaml
```

For measuring models, not for finding people: where a picture of a person was taken is theirs to tell.
"""
