"""Training data: reads and checks a table with pictures, and gives the rows that trl takes.

What they share with the benchmarks that a recipe names is counted, and kept with the checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from globe_eval.benchmarks.definition import data_folder, find_data, task_text
from globe_eval.benchmarks.duplicates import KINDS, overlap
from globe_eval.benchmarks.prepare import rows_with_hashes
from globe_eval.benchmarks.prompts import PROMPTS, SYSTEM
from globe_eval.benchmarks.scan import scan
from globe_eval.benchmarks.table import Table, read_table
from globe_eval.benchmarks.truth import entities_in, flag_in
from globe_eval.benchmarks.where import parse_where
from globe_eval.errors import InputError, nearest
from globe_eval.files import read_json_lines, write_whole
from globe_eval.metrics.globe import GLOBE_LOCATABLE
from globe_train.checkpoint import rank
from globe_train.laptop import missing_reason
from globe_train.recipe import Recipe
from globe_train.rewards import NEEDS

ROLES: dict[str, tuple[str, ...]] = {
    "id": ("id", "img_id", "image_id"),
    "image": ("image", "images", "image_file", "filename", "img_id"),
    "reasoning": ("reasoning", "response"),
    "country": ("country",),
    "city": ("city",),
    "lat": ("lat", "latitude"),
    "lon": ("lon", "longitude", "lng"),
    "entities": ("entities",),
    "localizable": ("localizable", "locatability", "localizability"),
    "group": ("group", "author", "photographer"),
    "solution": ("solution", "__#solution"),
}
"""What a column of training data means -> the names that it may have, lower case. `solution` is MP16-Reason's
`<country>…</country>…<city>…</city>`, read where there are no columns of country and city."""

WHERE = ("id", "country", "city", "lat", "lon", "entities", "localizable", "group", "reasoning")
"""What a `where` may speak of."""

TEXTS = ("country", "city", "group")
"""What `values` may say otherwise."""

ROW = ("id", "country", "city", "lat", "lon", "entities", "localizable")
"""What rewards see of a picture's row."""


@dataclass(frozen=True)
class Examples:
    """Rows with the keys of ROLES (unknown ones None), their pictures below `images`, and what was read."""

    rows: list[dict[str, Any]]
    images: Path
    source: str
    sha256: str
    """Of the rows, pictures included: what a checkpoint's card says it was trained on."""
    notes: tuple[str, ...] = ()


def examples_of(recipe: Recipe) -> tuple[Examples, list[dict[str, Any]]]:
    """The checked examples of a recipe, and what they share with each benchmark that it names.

    The benchmarks are read first, for one that is not prepared is told before pictures are fetched.
    """
    theirs = benchmarks_of(recipe.get("against") or [], recipe.output)
    journal = f"pictures-{rank()}.jsonl" if rank() else "pictures.jsonl"
    examples = read_examples(recipe, recipe.output / journal)
    beside = imitation_examples(recipe).rows if recipe.get("imitation") else []
    return examples, contamination(recipe, replace(examples, rows=[*examples.rows, *beside]), theirs)


def imitation_examples(recipe: Recipe) -> Examples:
    """What a recipe of GRPO imitates beside its rewards."""
    return read_examples(imitation_recipe(recipe), recipe.output / f"pictures-imitation-{rank()}.jsonl")


def imitation_recipe(recipe: Recipe) -> Recipe:
    """The recipe of SFT on what a recipe of GRPO imitates."""
    return recipe.with_value("kind", "sft").with_value("data", recipe["imitation"]["data"])


def read_examples(recipe: Recipe, journal: Path) -> Examples:
    """The examples that a recipe names. Raises InputError for what is missing, broken or not decodable.

    `journal` is the file that remembers which pictures were decoded.
    """
    given = recipe["data"]
    table, images, source = _table(recipe)
    rows = _rows(recipe, table)
    notes = _complete(rows)
    _require(recipe, table, rows)
    if limit := given.get("limit"):
        rows = rows[: int(limit)]
    _inside(images, rows, given.get("image_suffix"))
    rows = with_hashes(rows, images, journal)
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps(row, sort_keys=True, ensure_ascii=False).encode() + b"\n")
    return Examples(rows, images, source, digest.hexdigest(), tuple(notes))


def _table(recipe: Recipe) -> tuple[Table, Path, str]:
    """The table of `data`, the folder of its pictures, and what both are called."""
    if "hub" in recipe["data"]:
        from accelerate import PartialState

        from globe_eval.benchmarks.hub import download

        name, folder = hub_name(recipe), hub_folder(recipe)
        instead = "give data.manifest=FILE data.images=FOLDER instead of data.hub"
        with PartialState().local_main_process_first():  # one process a machine fetches, the others find it there
            if not (folder / "truth.parquet").is_file():
                download(str(recipe.path), name, folder, instead)
        return read_table(folder / "truth.parquet"), (folder / "images").resolve(), name
    path, images = manifest_and_images(recipe, recipe["data"])
    return read_table(path), images.resolve(), path.name


def manifest_and_images(recipe: Recipe, given: Mapping[str, Any]) -> tuple[Path, Path]:
    """The manifest of `data` and the folder of its pictures. Raises InputError where one is not here."""
    path = find_data(given["manifest"])
    if path is None:
        reason = missing_reason(given["manifest"]) or "no such file"
        raise recipe.error(f"data, manifest: {given['manifest']}: {reason}", "data", "manifest")
    images = find_data(given["images"]) if given.get("images") else path.parent
    if images is None or not images.is_dir():
        raise recipe.error(f"data, images: {given['images']}: no such folder", "data", "images")
    return path, images


def write_task(folder: Path, name: str, truth: Path, images: Path, prompt: str = "globe_readme") -> None:
    """Write FOLDER/NAME.yaml, a benchmark of globe-eval over a table of truth and a folder of pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    data = {"truth": str(truth.absolute()), "images": str(images.absolute())}
    text = task_text(name, {"prompt": prompt, "dataset_kwargs": data, "metadata": {"version": 1}})
    write_whole(folder / f"{name}.yaml", text.encode())


def hub_name(recipe: Recipe) -> str:
    """The data set of a recipe on the hub, with its split."""
    return f"{recipe['data']['hub']}:{recipe['data'].get('split', 'train')}"


def hub_folder(recipe: Recipe) -> Path:
    """Where a data set of the hub lies on this machine; it is whole where `truth.parquet` is there."""
    return data_folder() / re.sub(r"[^\w.-]", "_", hub_name(recipe))


def _columns(recipe: Recipe, table: Table) -> dict[str, str | None]:
    """Role -> the column that has it: the one that the recipe names, else by its name; None where there is none."""
    chosen = recipe["data"].get("columns") or {}
    for role, column in chosen.items():
        if role not in ROLES:
            raise recipe.error(f"data, columns: no {role!r}{nearest(role, ROLES)}", "data", "columns", role)
        if column not in table.columns:
            hint = f"{nearest(str(column), table.columns)} (columns: {', '.join(table.columns)})"
            what = f"{table.path.name} has no column {column!r}{hint}"
            raise recipe.error(f"data, columns, {role}: {what}", "data", "columns", role)
    by_name = {column.lower(): column for column in table.columns}
    return {
        role: chosen.get(role) or next((by_name[name] for name in names if name in by_name), None)
        for role, names in ROLES.items()
    }


def _rows(recipe: Recipe, table: Table) -> list[dict[str, Any]]:
    given, column = recipe["data"], _columns(recipe, table)
    values = {role: _mapping(recipe, role, mapped) for role, mapped in (given.get("values") or {}).items()}
    keep = parse_where(given["where"], WHERE) if given.get("where") is not None else None
    rows, seen = [], dict[str, int]()
    for index, cells in enumerate(table.rows):
        row: dict[str, Any] = {role: cells.get(name) if name else None for role, name in column.items()}
        row["id"] = str(row["id"] if row["id"] is not None else index)
        row["image"] = None if row["image"] is None else str(row["image"])
        for role, read in (("entities", entities_in), ("localizable", flag_in)):
            row[role] = None if (name := column[role]) is None else read(table, name, {}, index)
        for axis in ("lat", "lon"):
            row[axis] = _degrees(table, index, row[axis], 90 if axis == "lat" else 180)
        solution = str(row.pop("solution") or "")
        for name in ("country", "city"):
            tagged = re.search(rf"<{name}>(.*?)</{name}>", solution)
            row[name] = _text(row[name]) or (_text(tagged[1]) if tagged else None)
        row["reasoning"] = _text(row["reasoning"])
        row |= {role: mapped.get(row[role], row[role]) for role, mapped in values.items()}
        if keep is not None and not keep(row):
            continue
        if (first := seen.setdefault(row["id"], index)) != index:
            twice = f"the id {row['id']!r} stands there twice, first in {table.where(first)}"
            raise InputError(f"{table.where(index)}: {twice}")
        rows.append(row)
    if not rows:
        reason = f"where {given['where']!r} holds of none of" if keep is not None else "there are"
        raise recipe.error(f"data: {table.path.name}: {reason} {len(table.rows):,} rows", "data", "where")
    return rows


def _mapping(recipe: Recipe, role: str, mapped: Any) -> dict[str, str | None]:
    """`values` of one role: a text in the table -> what is meant (null: nothing)."""
    if role not in TEXTS or not isinstance(mapped, Mapping):
        hint = "" if role in TEXTS else nearest(role, TEXTS)
        allowed = f"{', '.join(TEXTS)}, each a mapping"
        raise recipe.error(f"data, values: found {role}: {mapped!r}{hint}; allowed: {allowed}", "data", "values")
    return {str(value): None if meant is None else str(meant) for value, meant in mapped.items()}


def _complete(rows: list[dict[str, Any]]) -> list[str]:
    """Fill coordinates in from the names of the places where a set has names alone; says so."""
    lacking = [row for row in rows if (row["lat"] is None or row["lon"] is None) and row["country"] and row["city"]]
    if not lacking:
        return []
    from globe_eval.places import resolve_many

    places = resolve_many([(row["city"], row["country"], None) for row in lacking])
    found = 0
    for row, place in zip(lacking, places, strict=True):
        if place is not None and place.level == "city":
            row["lat"], row["lon"] = place.lat, place.lon
            found += 1
    if not found:
        return []
    return [f"{found:,} of {len(rows):,} rows had no coordinates: their city's point in the gazetteer stands for them"]


def required_columns(recipe: Recipe) -> dict[str, str]:
    """Column -> what needs it."""
    if recipe["kind"] == "sft":
        return {name: "sft" for name in ("image", "reasoning", "country", "city")}
    if recipe["kind"] == "reward_model":
        label = {} if recipe.get("labels") else {"localizable": "the labels (or labels: {run: …})"}
        return {"image": "reward_model", "reasoning": "reward_model", **label}
    return {"image": "grpo"} | {name: reward for reward in recipe["rewards"] for name in NEEDS.get(reward, ())}


def _require(recipe: Recipe, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    for name, reason in required_columns(recipe).items():
        if all(row[name] in (None, []) for row in rows):
            raise recipe.error(
                f"data: {table.path.name} has no {name}, which {reason} needs{nearest(name, table.columns)}; name its "
                f"column with columns: {{{name}: …}} (columns: {', '.join(table.columns)})",
                "data",
            )
        if reason == recipe["kind"]:
            index = next((i for i, row in enumerate(rows) if row[name] is None), None)
            if index is not None:
                hint = f"; data.where='{name} is not None' leaves such rows out" if name in WHERE else ""
                raise InputError(f"{table.where(index)}: {name} is missing, which {reason} needs{hint}")


def _inside(images: Path, rows: Sequence[dict[str, Any]], suffix: str | None) -> None:
    """Give a picture's name its suffix; raise InputError for one outside the folder."""
    for row in rows:
        if not row["image"].lower().endswith(suffix.lower()) if suffix else not Path(row["image"]).suffix:
            row["image"] += suffix or ".jpg"
        if not (images / row["image"]).resolve().is_relative_to(images):
            raise InputError(f"{row['id']}: the image {row['image']!r} lies outside {images}")


def messages(prompt: str) -> list[dict[str, str]]:
    """What the model is told, as an evaluation tells it; trl puts the picture before the question."""
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": PROMPTS[prompt].text}]


def target(row: Mapping[str, Any]) -> str:
    """The response that SFT imitates, as the released preprocessing writes it.

    >>> target({"reasoning": "A red bus.", "country": "United Kingdom", "city": "London"})
    '<think>A red bus.</think><answer>country: United Kingdom\\ncity: London</answer>'
    """
    answer = f"country: {row['country']}\ncity: {row['city']}"
    return f"<think>{row['reasoning']}</think><answer>{answer}</answer>"


def judge_messages(reasoning: str) -> list[dict[str, str]]:
    """What a reward model is asked about a picture and a reasoning."""
    return [{"role": "system", "content": GLOBE_LOCATABLE}, {"role": "user", "content": reasoning}]


def dataset(examples: Examples, recipe: Recipe) -> Any:
    """The rows as a datasets.Dataset for trl: prompt, images, completion (but for GRPO) and the columns of ROW."""
    import datasets

    rows, kind = examples.rows, recipe["kind"]
    said = datasets.List({"role": datasets.Value("string"), "content": datasets.Value("string")})
    prompt = recipe.get("prompt", "globe_readme")
    columns: dict[str, Any] = {
        "prompt": [judge_messages(str(r["reasoning"])) if kind == "reward_model" else messages(prompt) for r in rows],
        "images": [[str(examples.images / row["image"])] for row in rows],
        **{name: [row[name] for row in rows] for name in ROW},
    }
    features: dict[str, Any] = {
        "prompt": said,
        "images": datasets.List(datasets.Image()),
        **{name: datasets.Value("string") for name in ("id", "country", "city")},
        **{name: datasets.Value("float64") for name in ("lat", "lon")},
        "entities": datasets.List(datasets.Value("string")),
        "localizable": datasets.Value("bool"),
    }
    if kind != "grpo":
        write = target if kind == "sft" else lambda row: "yes" if row["localizable"] else "no"
        columns["completion"] = [[{"role": "assistant", "content": write(row)}] for row in rows]
        features["completion"] = said
    return datasets.Dataset.from_dict(columns, features=datasets.Features(features))


def _text(value: Any) -> str | None:
    return None if value is None or not str(value).strip() else str(value).strip()


def _degrees(table: Table, index: int, value: Any, most: int) -> float | None:
    if value is None or value == "":
        return None
    try:
        degrees = float(value)
    except (TypeError, ValueError):
        degrees = math.inf
    if math.isnan(degrees):
        return None
    if abs(degrees) > most:
        raise InputError(f"{table.where(index)}: found {value!r}; allowed: degrees from -{most} to {most}")
    return degrees


def contamination(
    recipe: Recipe, examples: Examples, benchmarks: Mapping[str, Sequence[Mapping[str, Any]]]
) -> list[dict[str, Any]]:
    """For each benchmark (see `benchmarks_of`): how many training pictures it shares, by kind (`duplicates.overlap`).

    A benchmark is "miniworld", a task that `globe-eval prepare` prepared, or the path of a manifest. Raises InputError
    where a photograph is the same, byte for byte. What looks alike, and shared photographers and places, are counted
    and do not stop the training.
    """
    found = []
    for name, theirs in benchmarks.items():
        shared = overlap(examples.rows, theirs)
        counts = {kind: None if (ids := shared[kind]) is None else len(ids) for kind in KINDS}
        if same := shared["content"]:
            ours, other = next(iter(same.items()))
            what = f"{len(same):,} of the training pictures are in {name} too ({ours!r} is its {other!r})"
            raise recipe.error(f"against: {what}", "against")
        found.append({"benchmark": name, "n": len(theirs), "shared": counts})
    return found


def benchmarks_of(names: Sequence[str], output: Path) -> dict[str, list[dict[str, Any]]]:
    """Name of a benchmark -> its rows. Raises InputError for one that is not there."""
    return {str(name): benchmark_rows(str(name), output) for name in names}


def benchmark_rows(name: str, output: Path) -> list[dict[str, Any]]:
    """The rows of a benchmark with the hashes of their pictures, where those are known."""
    if name == "miniworld":
        from globe_eval import miniworld

        manifest = miniworld.prepare()
        return with_hashes(read_json_lines(manifest), manifest.parent, output / f"pictures-miniworld-{rank()}.jsonl")
    prepared = data_folder() / name / "manifest.parquet"
    path = prepared if prepared.is_file() else Path(name).expanduser()
    if not path.is_file():
        raise InputError(f"against: {name!r} is neither prepared (globe-eval prepare {name}) nor a file")
    return rows_with_hashes(path)[1]


def with_hashes(rows: Sequence[dict[str, Any]], images: Path, journal: Path) -> list[dict[str, Any]]:
    """Rows with the hashes of their pictures, each decoded once, on all cores, and remembered in `journal`.

    Raises InputError where a picture cannot be used.
    """
    journal.parent.mkdir(parents=True, exist_ok=True)
    scans, _ = scan(images, [row["image"] for row in rows], journal)
    broken = [str(one.error) for one in scans if one.problem is not None]
    if broken:
        first = "; ".join([*broken[:3], *(["…"] if len(broken) > 3 else [])])
        raise InputError(f"{images}: {len(broken):,} of {len(scans):,} images cannot be used: {first}")
    return [
        {**row, "image_sha256": one.sha256, "perceptual_hash": one.perceptual_hash}
        for row, one in zip(rows, scans, strict=True)
    ]
