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
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from globe_eval.benchmarks.definition import task_text
from globe_eval.benchmarks.images import Photograph
from globe_eval.benchmarks.truth import truth_sha256
from globe_eval.files import json_lines, write_whole
from globe_eval.secrets import without_secrets
from globe_train.card import table
from globe_train.curate.assemble import AFTER, Selection
from globe_train.curate.verify import CHECKS
from globe_train.recipe import Recipe

Verdicts = Sequence[Mapping[str, Any]]

WHY = {
    "unanswered": "a teacher never answered",
    "localizability": "not localizable, by the teachers",
    "correctness": "no teacher names the right place",
    "agreement": "too few teachers say the same",
    "evidence": "what the reasoning names cannot be seen",
    "overlap": "a benchmark knows the photograph",
    "balance": "its cell is full",
    "between": "it would join train and test",
    "near_test": "it looks like a test photograph",
    "train": "in train",
    "test": "in test",
}


def card(recipe: Recipe, assembled: Selection, verdicts: Verdicts, images: Path, files: Sequence[str]) -> str:
    """The whole card in Markdown."""
    given = recipe["dataset"]
    parts = [part for part, rows in assembled.parts.items() if rows]
    embedded = given["images"] == "embed"
    data_files = [{"split": part, "path": f"data/{part}-*" if embedded else f"{part}.parquet"} for part in parts]
    head = {
        **({"license": given["license"]} if given["license"] else {}),
        "task_categories": ["image-text-to-text"],
        "tags": ["image-geolocation", "globe-train-curate"],
        **({"configs": [{"config_name": "default", "data_files": data_files}]} if parts else {}),
    }
    lines = [
        "---",
        yaml.safe_dump(head, sort_keys=False, allow_unicode=True).strip(),
        "---",
        "",
        f"# {given['name']}",
        "",
        "Geotagged photographs with verified reasoning, curated by globe-train. This card was written by the program.",
        "",
        *[f"- departs from the paper: {departure}" for departure in recipe["departures"]],
        "",
        "## What is in it",
        "",
        *contents(assembled),
        "",
        "## What became of the photographs",
        "",
        *fates(assembled),
        "",
        "## Teachers",
        "",
        *teachers(recipe, verdicts, assembled),
        "",
        "## Rules",
        "",
        *[f"- {rule}" for rule in rules(recipe)],
        "",
        *overlaps(assembled),
        "## Use",
        "",
        *use(recipe, images, files),
        "## Recipe",
        "",
        "```yaml",
        yaml.safe_dump(without_secrets(dict(recipe.values)), sort_keys=False, allow_unicode=True).strip(),
        "```",
        "",
        "Photographs stay under the licence that `license` says of each; `group` is the photographer, to be credited.",
        "Not for locating people: see docs/responsible_use.md of globe-eval.",
        "",
    ]
    return "\n".join(lines)


def contents(assembled: Selection) -> list[str]:
    """Counts of each part."""
    rows = []
    for part, its in assembled.parts.items():
        entities = [len(row["entities"]) for row in its]
        scenes = Counter(row["scene"] or "unknown" for row in its)
        licenses = Counter(row["license"] or "unknown" for row in its)
        people = {row["group"] for row in its if row["group"]}
        countries, cities = {row["country"] for row in its}, {(row["country"], row["city"]) for row in its}
        counts = [f"{len(counted):,}" for counted in (its, people, countries, cities)]
        middle = f"{median(entities):g}" if entities else "–"
        rows.append([part, *counts, _listed(scenes), middle, _listed(licenses)])
    head = ("part", "photographs", "photographers", "countries", "cities", "scenes", "entities (median)", "licences")
    return table(head, rows)


def fates(assembled: Selection) -> list[str]:
    """How many photographs each check rejected, and where the others went."""
    counts, n = assembled.counts, len(assembled.fate)
    order = ("unanswered", *CHECKS, *AFTER, "train", "test")
    rows = [[name, f"{counts[name]:,}", f"{100 * counts[name] / max(n, 1):.1f} %", WHY[name]] for name in order]
    return table(("", "photographs", "of all", ""), [*rows, ["all", f"{n:,}", "", ""]])


def teachers(recipe: Recipe, verdicts: Verdicts, assembled: Selection) -> list[str]:
    """For each teacher, how many of its answers pass each check (on its own), and how many reasonings were chosen."""
    answered = [one for one in verdicts if "teachers" in one]
    chosen = Counter(row["teacher"] for rows in assembled.parts.values() for row in rows)
    rows = []
    for name in recipe["teachers"]:
        its = [one["teachers"][name] for one in answered]
        passed = [sum(one[check]["passed"] for one in its if check in one) for check in CHECKS[1:]]
        yes = sum((one["confidence"] or 0) >= 0.5 for one in its)
        looked = sum("evidence" in one for one in its)
        cells = [f"{yes:,}", f"{passed[0]:,}", f"{passed[1]:,}", f"{passed[2]:,} of {looked:,}", f"{chosen[name]:,}"]
        rows.append([name, f"`{recipe['teachers'][name]['model']}`", f"{len(its):,}", *cells])
    head = ("teacher", "model", "answers", "localizable", "right place", "agrees", "evidence", "chosen")
    return table(head, rows)


def rules(recipe: Recipe) -> list[str]:
    """The rules by which the set was made, as sentences."""
    local, right, agree = recipe["localizability"], recipe["correctness"], recipe["agreement"]
    evidence, balance, split = recipe["evidence"], recipe["balance"], recipe["split"]
    near = f"within {right['within_km']:g} km" if right["level"] is None else f"with the right {right['level']}"
    also = f" and {agree['predictors']} predictors" if agree["predictors"] else ""
    seen = f"{evidence['source']} `{evidence['model']}`"
    if evidence["source"] == "known":
        seen = f"a simulated detector (misses {evidence['miss_rate']:g}, false alarms {evidence['false_alarm_rate']:g})"
    found = [
        f"localizability: {local['votes']} of the teachers vote yes, and their mean confidence is at least "
        f"{local['min_score']:g}",
        f"correctness: the answer is a country and a city, {near}, and the reasoning concludes to no other place",
        f"agreement: {agree['teachers']} teachers{also} name places within "
        f"{agree['within_km']:g} km of each other, with reasonings whose cues have a Jaccard index of at least "
        f"{agree['min_similarity']:g}",
        f"evidence: by {seen}; at least {evidence['min_entities']} entities and a share of {evidence['min_share']:g} "
        f"are confirmed; refuted ones: {evidence['unconfirmed']}, unknown ones: {evidence['unknown']}. What is removed "
        "goes with its item of a list or its sentence",
        "the best grounded of the reasonings that pass is chosen (F1 of its confirmed cues)",
        f"entities: confirmed, and named by at least {evidence['named_by']} of the teachers",
    ]
    if balance["at_most"] is not None:
        found.append(
            f"balance: at most {balance['at_most']:,} photographs that share {' and '.join(balance['by'])}, drawn by "
            f"the seed {recipe['seed']}"
        )
    if split["test"]:
        found.append(
            f"split: {split['test']:g} for test; the parts share neither a photographer nor a {split['place']} (whole "
            "components, or else the cut of `globe_train/curate/assemble.py`), nor photographs that look alike"
        )
    return found


def overlaps(assembled: Selection) -> list[str]:
    """What the verified photographs shared with benchmarks."""
    if not assembled.shared:
        return []
    rows = []
    for one in assembled.shared:
        counts = ["–" if n is None else f"{n:,}" for n in one["shared"].values()]
        rows.append([one["benchmark"], f"{one['n']:,}", *counts, f"{one['removed']:,}"])
    head = ("benchmark", "photographs", *(kind.replace("_", " ") for kind in assembled.shared[0]["shared"]), "removed")
    return ["## Overlap with benchmarks", "", *table(head, rows), ""]


def use(recipe: Recipe, images: Path, files: Sequence[str]) -> list[str]:
    """How the files are used."""
    lines, folder = [], recipe.output / "dataset"
    if "train.parquet" in files:
        data = f"data.manifest={folder / 'train.parquet'} data.images={images}"
        lines += [f"globe-train sft my_recipe.yaml {data}", f"globe-train grpo my_recipe.yaml {data}"]
    if "test.parquet" in files:
        lines.append(f"globe-eval --model constant --tasks {folder / recipe['dataset']['name']}.yaml")
    answers = " ".join(
        str(recipe.output / "teachers" / name / f"curate_{one['prompt']}") for name, one in recipe["teachers"].items()
    )
    look = f"globe-eval report {answers} --images {images}"
    return ["```", *lines, look, "```", ""] if lines else ["No photograph was verified: there is no data set.", ""]


def _listed(counts: Counter[str]) -> str:
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    more = f", {len(most) - 5} more" if len(most) > 5 else ""
    return ", ".join(f"{name} {n:,}" for name, n in most[:5]) + more or "–"


NUMBERS = ("lat", "lon", "localizability_score", "distance_km", "grounded")
COLUMNS = (
    *("id", "image", "lat", "lon", "country", "city", "group", "scene", "license", "reasoning", "entities"),
    *("localizable", "localizability_score", "teacher", "teacher_country", "teacher_city", "distance_km", "grounded"),
    *("image_sha256", "perceptual_hash"),
)
A_FILE = 1000
"""Photographs in one file with pictures."""


def write(recipe: Recipe, assembled: Selection, verdicts: Verdicts, images: Path) -> None:
    """Write everything into OUTPUT/dataset; files of an earlier run that are none of this one's are removed."""
    folder, name = recipe.output / "dataset", recipe["dataset"]["name"]
    files: dict[str, bytes | None] = {}
    files["checks.jsonl"] = json_lines({**one, "verdict": assembled.fate[one["id"]]} for one in verdicts)
    for part, rows in assembled.parts.items():
        if rows:
            files[f"{part}.parquet"] = parquet(rows)
            if recipe["dataset"]["images"] == "embed":  # as the hub names them; made one by one, for they are large
                count = -(-len(rows) // A_FILE)
                files |= dict.fromkeys(f"data/{part}-{number:05d}-of-{count:05d}.parquet" for number in range(count))
    if assembled.parts["test"]:
        files[f"{name}.yaml"] = benchmark(recipe, assembled.parts["test"], folder, images).encode()
    files["README.md"] = card(recipe, assembled, verdicts, images, list(files)).encode()
    for path in sorted([*folder.glob("*.parquet"), *folder.glob("*.yaml"), *folder.glob("data/*.parquet")]):
        if path.relative_to(folder).as_posix() not in files:
            path.unlink()
    for file, data in files.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        if data is None:
            part, number = path.name.split("-")[:2]
            rows = assembled.parts[part][int(number) * A_FILE :][:A_FILE]
            data = parquet(rows, images)
        write_whole(path, data)


def parquet(rows: Sequence[Mapping[str, Any]], images: Path | None = None) -> bytes:
    """Rows as one Parquet file; with `images`, their pictures in it, without metadata."""
    import datasets
    import pyarrow
    from pyarrow.parquet import write_table

    text = datasets.Value("string")
    entity = {"text": text, "source": text, "score": datasets.Value("float64"), "teachers": datasets.List(text)}
    features: dict[str, Any] = {
        **dict.fromkeys(COLUMNS, text),
        **dict.fromkeys(NUMBERS, datasets.Value("float64")),
        "entities": datasets.List(entity),
        "localizable": datasets.Value("bool"),
    }
    given = [{name: row[name] for name in COLUMNS} for row in rows]
    if images is not None:
        features["image"] = datasets.Image()
        for row in given:
            data, _ = Photograph(images / row["image"], name=row["image"]).clean_bytes()
            row["image"] = {"bytes": data, "path": Path(row["image"]).name}
    table = pyarrow.Table.from_pylist(given, schema=datasets.Features(features).arrow_schema)
    buffer = io.BytesIO()
    write_table(table, buffer)
    return buffer.getvalue()


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
    return task_text(f"{name}_test", {"dataset_kwargs": data, "metadata": metadata})
