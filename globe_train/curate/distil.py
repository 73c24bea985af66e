"""Distillation: asks every teacher about every photograph, through `globe-eval`'s runs, journal, shards and locks.

The manifest becomes a benchmark (`OUTPUT/tasks/…yaml` over `OUTPUT/photographs.jsonl`, with the truth and nothing of
what a manifest may know of the picture: neither entities nor whether it can be located), and each teacher's run lies in
`OUTPUT/teachers/NAME/`. What was answered is not asked again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from globe_eval.benchmarks.manifest import locate, read_manifest
from globe_eval.benchmarks.table import read_table
from globe_eval.errors import InputError, nearest
from globe_eval.files import json_lines, write_whole
from globe_eval.runs import identity, record, run
from globe_eval.runs.journal import read_identity
from globe_eval.runs.merge import merge
from globe_train.data import manifest_and_images, write_task
from globe_train.recipe import Recipe

FIELDS = ("id", "image", "lat", "lon", "country", "city", "group", "scene", "license")
"""What the curation knows of a photograph."""

Shard = tuple[int, int]


@dataclass(frozen=True)
class Photographs:
    """Rows with the keys of FIELDS (unknown ones None), their pictures below `images`."""

    rows: list[dict[str, Any]]
    images: Path
    entities: dict[str, list[str]]
    """Id -> what the manifest says can be seen: only for a simulated detector (`evidence.SimulatedDetector`)."""

    def of(self, shard: Shard | None) -> list[dict[str, Any]]:
        """Every n-th row from the i-th on, counted from 1."""
        return self.rows if shard is None else self.rows[shard[0] - 1 :: shard[1]]


def read_photographs(recipe: Recipe) -> Photographs:
    """The photographs of a recipe. Raises InputError for what `read_manifest` refuses, and for a missing column."""
    given = recipe["data"]
    path, images = manifest_and_images(recipe, given)
    manifest = read_manifest(
        path, images=images, **{name: given[name] for name in ("columns", "values", "where", "image_suffix")}
    )
    licenses = _licenses(recipe, path, images) if given["license_column"] else {}
    rows = [{**row, "license": licenses.get(row["id"])} for row in manifest.rows[: given["limit"]]]
    level = recipe["correctness"]["level"]
    if level and all(row[level] is None for row in rows):
        raise recipe.error(f"correctness, level: {path.name} has no {level}", "correctness", "level")
    entities = {row["id"]: row["entities"] for row in rows if row["entities"] is not None}
    if recipe["evidence"]["source"] == "known" and len(entities) < len(rows):
        n = len(rows) - len(entities)
        raise recipe.error(f"evidence: source known, but {path.name} has no entities for {n:,} rows", "evidence")
    return Photographs([{name: row[name] for name in FIELDS} for row in rows], manifest.images, entities)


def _licenses(recipe: Recipe, path: Path, images: Path) -> dict[str, str | None]:
    """Id -> the cell of the column of licences."""
    table, given = read_table(path), recipe["data"]
    column = given["license_column"]
    if column not in table.columns:
        what = f"{path.name} has no {column!r}{nearest(column, table.columns)} (columns: {', '.join(table.columns)})"
        raise recipe.error(f"data, license_column: {what}", "data", "license_column")
    found = locate(table, images, given["columns"], given["values"], given["image_suffix"], given["where"])
    cells = ((row["id"], table.rows[index][column]) for index, row, _ in found)
    return {name: None if cell is None else str(cell) for name, cell in cells}


def write_tasks(recipe: Recipe, photographs: Photographs) -> dict[str, str]:
    """Write the photographs as benchmarks, one for each prompt that is asked; prompt -> task."""
    truth = recipe.output / "photographs.jsonl"
    write_whole(truth, json_lines(photographs.rows))
    tasks = {}
    for role in ("teachers", "predictors"):
        for one in recipe[role].values():
            name = f"curate_{one['prompt']}"
            write_task(recipe.output / "tasks", name, truth, photographs.images, one["prompt"])
            tasks[one["prompt"]] = name
    return tasks


def distil(
    recipe: Recipe,
    photographs: Photographs,
    *,
    shard: Shard | None = None,
    only: str | None = None,
    fresh: bool = False,
) -> dict[str, list[Any]]:
    """Teacher or predictor -> its samples (`sample.Sample`), in the order of the photographs; arguments as `curate`'s.

    Raises InputError for a back end that cannot be used and for answers of another recipe.
    """
    from globe_train.curate import geoclip

    geoclip.register()
    tasks = write_tasks(recipe, photographs)
    every = {**recipe["teachers"], **recipe["predictors"]}
    if only is not None and only not in every:
        raise InputError(f"--teacher: no {only!r}{nearest(only, every)} (allowed: {', '.join(every)})")
    chosen = {name: one for name, one in every.items() if only in (None, name)}
    return {name: _samples(recipe, name, one, tasks[one["prompt"]], shard, fresh) for name, one in chosen.items()}


def _samples(recipe: Recipe, name: str, one: dict[str, Any], task: str, shard: Shard | None, fresh: bool) -> list[Any]:
    folder = recipe.output / "teachers" / name
    request = run.Request(
        **{name: one[name] for name in ("model", "model_args", "batch_size", "device", "max_pixels")},
        tasks=[task],
        include_path=[recipe.output / "tasks"],
        gen_kwargs={**recipe["gen_kwargs"], **one["gen_kwargs"]},
        output_path=folder,
        seed=recipe["seed"],
        shard=shard,
        fresh=fresh,
        ask_localizable=one["ask_localizable"] or None,
    )
    there = folder / task
    shards = sorted(there.glob("shard-*-of-*"), key=lambda path: path.name)
    if shard is None and shards and not (there / "journal.jsonl").is_file() and not fresh:
        merged = merge(shards)
        record.write_run(there, merged.samples, merged.results)
        return record.read_samples(there)
    if shard is not None:
        there = there / "shard-{}-of-{}".format(*shard)
    if fresh or not _done(there, request):
        run.run(request)
    return record.read_samples(there)


def _done(folder: Path, request: Any) -> bool:
    """Whether this very run is finished there, so that its model need not be loaded. As `Journal` compares runs."""
    journal = folder / "journal.jsonl"
    if not (journal.is_file() and (folder / "results.json").is_file()):
        return False
    there = read_identity(journal)
    if there is None or not record.read_results(folder).complete:
        return False
    (task,) = run.load_tasks(request.tasks, request.include_path).values()
    task.set_config(key="generation_kwargs", value=dict(request.gen_kwargs), update=True)
    return not identity.differences(
        {key: value for key, value in there.items() if key != "model_info"}, run.identity_of(request, task)
    )
