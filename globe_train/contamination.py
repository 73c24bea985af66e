"""What training data share with the benchmarks that a recipe names: said before training, kept with the checkpoint."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from globe_eval.benchmarks.manifest import data_folder
from globe_eval.benchmarks.overlap import KINDS, overlap
from globe_eval.benchmarks.scan import scan
from globe_eval.benchmarks.table import read_table
from globe_eval.benchmarks.truth import ROLES as TRUTH_ROLES
from globe_eval.benchmarks.truth import read_truth
from globe_eval.errors import InputError
from globe_train.checkpoint import rank
from globe_train.data import Examples
from globe_train.recipe import Recipe

FILE = "contamination.json"


def contamination(recipe: Recipe, examples: Examples) -> list[dict[str, Any]]:
    """For each benchmark of `against`: how many training pictures it shares, by kind (see `benchmarks.overlap`).

    A benchmark is "miniworld", a task that `globe-eval prepare` prepared, or the path of a manifest. Raises InputError
    where a photograph is the same, byte for byte. What looks alike, and shared photographers and places, are counted
    and do not stop the training.
    """
    found = []
    for name in recipe.get("against") or []:
        theirs = benchmark_rows(str(name), recipe.output)
        shared = overlap(examples.rows, theirs)
        counts = {kind: None if (ids := shared[kind]) is None else len(ids) for kind in KINDS}
        if same := shared["content"]:
            ours, other = next(iter(same.items()))
            raise recipe.error(
                f"against: {len(same):,} of the training pictures are in {name} too ({ours!r} is its {other!r})",
                "against",
            )
        found.append({"benchmark": name, "n": len(theirs), "shared": counts})
    return found


def benchmark_rows(name: str, output: Path) -> list[dict[str, Any]]:
    """The rows of a benchmark with the hashes of their pictures, where those are known."""
    if name == "miniworld":
        from globe_eval import miniworld

        manifest = miniworld.prepare()
        rows = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
        return hashed(rows, manifest.parent, output / f"pictures-miniworld-{rank()}.jsonl")
    prepared = data_folder() / name / "manifest.parquet"
    path = prepared if prepared.is_file() else Path(name).expanduser()
    if not path.is_file():
        raise InputError(f"against: {name!r} is neither prepared (globe-eval prepare {name}) nor a file")
    table = read_table(path)
    rows = read_truth(table, columns={role: role for role in TRUTH_ROLES if role in table.columns})
    for row, cells in zip(rows, table.rows, strict=True):
        row |= {key: cells.get(key) for key in ("image_sha256", "perceptual_hash")}
    return rows


def hashed(rows: Sequence[dict[str, Any]], images: Path, journal: Path) -> list[dict[str, Any]]:
    """Rows with the hashes of their pictures, each read once and remembered in `journal`."""
    journal.parent.mkdir(parents=True, exist_ok=True)
    scans, _ = scan(images, [row["image"] for row in rows], journal)
    return [
        {**row, "image_sha256": one.sha256, "perceptual_hash": one.perceptual_hash}
        for row, one in zip(rows, scans, strict=True)
    ]
