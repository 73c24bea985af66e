"""Writes a data set: Parquet, its test split as a benchmark, all verdicts, and the card.

    OUTPUT/dataset/train.parquet, test.parquet   a row a photograph; `image` is a path below the folder of the pictures
    OUTPUT/dataset/data/*.parquet                with `images: embed` the same rows with their pictures, for the hub
    OUTPUT/dataset/NAME.yaml                     the test split as a benchmark of globe-eval
    OUTPUT/dataset/checks.jsonl                  what each photograph was judged by, those that were rejected too
    OUTPUT/dataset/README.md                     the card

No file holds a time or anything else that differs between two runs of one recipe over the same answers.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from globe_eval.benchmarks.images import Photograph
from globe_eval.benchmarks.truth import truth_sha256
from globe_eval.files import json_lines, write_whole
from globe_train.curate import card
from globe_train.curate.assemble import Assembled
from globe_train.recipe import Recipe

TEXTS = ("id", "image", "country", "city", "group", "scene", "license", "reasoning")
MORE_TEXTS = ("teacher", "teacher_country", "teacher_city", "image_sha256", "perceptual_hash")
NUMBERS = ("lat", "lon", "localizability_score", "distance_km", "grounded")
COLUMNS = (
    *("id", "image", "lat", "lon", "country", "city", "group", "scene", "license", "reasoning", "entities"),
    *("localizable", "localizability_score", "teacher", "teacher_country", "teacher_city", "distance_km", "grounded"),
    *("image_sha256", "perceptual_hash"),
)
A_FILE = 1000
"""Photographs in one file with pictures."""


def write(
    recipe: Recipe, assembled: Assembled, verdicts: Sequence[Mapping[str, Any]], images: Path
) -> dict[str, bytes | None]:
    """Write everything into OUTPUT/dataset; files of an earlier run that are none of this one's are removed.

    Returns:
        The files that were written, by their names below OUTPUT/dataset.

    """
    folder, name = recipe.output / "dataset", recipe["dataset"]["name"]
    files: dict[str, bytes | None] = {}
    files["checks.jsonl"] = json_lines({**one, "verdict": assembled.fate[one["id"]]} for one in verdicts)
    for part, rows in assembled.parts.items():
        if rows:
            files[f"{part}.parquet"] = parquet(rows)
            if recipe["dataset"]["images"] == "embed":
                files |= dict.fromkeys(embedded_names(part, len(rows)))
    if assembled.parts["test"]:
        files[f"{name}.yaml"] = benchmark(recipe, assembled.parts["test"], folder, images).encode()
    files["README.md"] = card.card(recipe, assembled, verdicts, images, list(files)).encode()
    for path in sorted([*folder.glob("*.parquet"), *folder.glob("*.yaml"), *folder.glob("data/*.parquet")]):
        if path.relative_to(folder).as_posix() not in files:
            path.unlink()
    for file, data in files.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        if data is None:  # with pictures: made one by one, they are large
            part, number = path.name.split("-")[:2]
            rows = assembled.parts[part][int(number) * A_FILE :][:A_FILE]
            data = parquet(rows, images)
        write_whole(path, data)
    return files


def embedded_names(part: str, n: int) -> list[str]:
    """The files with pictures of a part of n rows, as the hub names them."""
    count = -(-n // A_FILE)
    return [f"data/{part}-{number:05d}-of-{count:05d}.parquet" for number in range(count)]


def parquet(rows: Sequence[Mapping[str, Any]], images: Path | None = None) -> bytes:
    """Rows as one Parquet file; with `images`, their pictures in it, without metadata."""
    import datasets
    import pyarrow
    from pyarrow.parquet import write_table

    text = datasets.Value("string")
    entity = {"text": text, "source": text, "score": datasets.Value("float64"), "teachers": datasets.List(text)}
    kinds: dict[str, Any] = {
        **dict.fromkeys((*TEXTS, *MORE_TEXTS), text),
        **dict.fromkeys(NUMBERS, datasets.Value("float64")),
        "entities": datasets.List(entity),
        "localizable": datasets.Value("bool"),
    }
    features = {name: kinds[name] for name in COLUMNS}
    given = [{name: row[name] for name in COLUMNS} for row in rows]
    if images is not None:
        features["image"] = datasets.Image()
        given = [{**row, "image": _picture(images, row["image"])} for row in given]
    table = pyarrow.Table.from_pylist(given, schema=datasets.Features(features).arrow_schema)
    buffer = io.BytesIO()
    write_table(table, buffer)
    return buffer.getvalue()


def _picture(images: Path, name: str) -> dict[str, Any]:
    data, _ = Photograph(images / name, name=name).clean_bytes()
    return {"bytes": data, "path": Path(name).name}


def benchmark(recipe: Recipe, rows: Sequence[Mapping[str, Any]], folder: Path, images: Path) -> str:
    """The YAML of the test split; its paths are absolute, so that it works from any folder (as `globe-eval new`'s)."""
    name, license_ = recipe["dataset"]["name"], recipe["dataset"]["license"]
    truth = [{**row, "entities": [entity["text"] for entity in row["entities"]]} for row in rows]
    metadata = {
        "version": 1,
        "description": f"The test split of {name}, verified by {len(recipe['teachers'])} teachers",
        **({"license": license_} if license_ else {}),
        "source": "globe-train curate",
        "n": len(rows),
        "manifest_sha256": {1: truth_sha256(truth)},
        "defects": [
            "The photographs were chosen because the teachers locate them: the teachers, and models trained on their "
            "answers, have an advantage here",
        ],
    }
    data = {"truth": str((folder / "test.parquet").absolute()), "images": str(images)}
    import yaml

    text = yaml.safe_dump(
        {"dataset_kwargs": data, "metadata": metadata}, sort_keys=False, allow_unicode=True, width=1000
    )
    return f"task: {name}_test\nclass: !function globe_eval.GeoTask\n{text}"
