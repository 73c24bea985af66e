"""Writes a benchmark as a folder for the hub: card, pictures or their SHA-256, truth, and the YAML that runs it.

`datasets.load_dataset(FOLDER)` reads it as it is, here and from the hub, as one split "test"; `--tasks FOLDER`
evaluates on it. The same benchmark gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from pathlib import Path
from typing import Any

from globe_eval.benchmarks.definition import Definition
from globe_eval.benchmarks.manifest import Manifest, find_manifest
from globe_eval.benchmarks.pack import clean_pictures, portable_yaml
from globe_eval.benchmarks.table import cell_value, read_table
from globe_eval.benchmarks.truth import TRUTH_FIELDS
from globe_eval.errors import InputError

HASH = "image_sha256"
"""Column of a table: SHA-256 of the picture's file, as whoever made the table had it."""
_LICENSES = re.compile(r"cc-by(-(nc|sa|nd))*-\d\.\d|cc0-1\.0|apache-2\.0|mit|odbl")
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def write_hub_folder(definition: Definition, folder: Path, *, hashes_only: bool = False) -> Path:
    """Write the folder, whole or not at all, and return it.

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
            rows = [_hashed(row, manifest) for row in manifest.rows]
        else:
            rows = []
            for row, (file, data) in zip(manifest.rows, clean_pictures(manifest), strict=True):
                (whole / "test" / file).write_bytes(data)
                rows.append({"file_name": file, **_known(row)})
        for name, content in (
            (truth, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)),
            (f"{definition.name}.yaml", text),
            ("README.md", _card(definition, manifest, truth, hashes_only)),
        ):
            (whole / name).write_text(content, encoding="utf-8")
        whole.replace(folder)
    return folder


def other_pictures(manifest: Manifest) -> list[str]:
    """The pictures that are not the files whose SHA-256 the manifest's own table has; none where it has no such column.

    Raises InputError where the table cannot be read.
    """
    table = read_table(manifest.path) if manifest.path else None
    if table is None or HASH not in table.columns:
        return []
    wanted = {str(cell_value(cells, "id")): cell_value(cells, HASH) for cells in table.rows}
    return [
        row["image"]
        for row in manifest.rows
        if wanted.get(row["id"]) not in (None, _sha256(manifest.images / row["image"]))
    ]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _known(row: dict[str, Any]) -> dict[str, Any]:
    return {key: row[key] for key in TRUTH_FIELDS if row.get(key) is not None}


def _hashed(row: dict[str, Any], manifest: Manifest) -> dict[str, Any]:
    return {**_known(row), "image": row["image"], HASH: _sha256(manifest.images / row["image"])}


def _card(definition: Definition, manifest: Manifest, table: str, hashes_only: bool) -> str:
    """The data set's card: front matter as the hub reads it, and what a reader must know."""
    from huggingface_hub import DatasetCardData

    name, metadata, n = definition.name, definition.values.get("metadata") or {}, len(manifest.rows)
    license_ = str(metadata.get("license") or "")
    data = DatasetCardData(
        pretty_name=name,
        license=license_.lower() if _LICENSES.fullmatch(license_.lower()) else "other",
        task_categories=["image-text-to-text"],
        tags=["geolocation", "benchmark", "globe-eval"],
        size_categories=[next((size for most, size in _SIZES if n < most), "n>1M")],
        configs=[
            {
                "config_name": "default",
                "data_files": [{"split": "test", "path": table if hashes_only else "test/**"}],
            }
        ],
    )
    facts = [
        ("Photographs", f"{n:,}"),
        ("Licence of the pictures", license_ or "not stated: ask whoever gave you this folder"),
        *((key.capitalize(), str(metadata[key])) for key in ("source", "citation") if metadata.get(key)),
        ("Version", f"{metadata.get('version', '')}, SHA-256 of the truth `{manifest.sha256}`"),
    ]
    pictures = (
        f"The pictures are not here. Put them into `images/` under the names in `{table}`; `globe-eval validate "
        f"{name}.yaml` compares their SHA-256."
        if hashes_only
        else "The pictures are without metadata, as models see them."
    )
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
