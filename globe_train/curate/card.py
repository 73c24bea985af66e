"""The card of a curated data set: contents, rejections with reasons, and rules. Written by the program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from globe_train.card import table
from globe_train.curate import checks
from globe_train.curate.assemble import AFTER, Assembled
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


def card(recipe: Recipe, assembled: Assembled, verdicts: Verdicts, images: Path, files: Sequence[str]) -> str:
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
        yaml.safe_dump(public(recipe), sort_keys=False, allow_unicode=True).strip(),
        "```",
        "",
        "Photographs stay under the licence that `license` says of each; `group` is the photographer, to be credited.",
        "Not for locating people: see docs/responsible_use.md of globe-eval.",
        "",
    ]
    return "\n".join(lines)


def contents(assembled: Assembled) -> list[str]:
    """Counts of each part."""
    rows = []
    for part, its in assembled.parts.items():
        entities = [len(row["entities"]) for row in its]
        scenes = Counter(row["scene"] or "unknown" for row in its)
        licenses = Counter(row["license"] or "unknown" for row in its)
        rows.append(
            [
                part,
                f"{len(its):,}",
                f"{len({row['group'] for row in its if row['group']}):,}",
                f"{len({row['country'] for row in its}):,}",
                f"{len({(row['country'], row['city']) for row in its}):,}",
                _listed(scenes),
                f"{median(entities):g}" if entities else "–",
                _listed(licenses),
            ]
        )
    head = ("part", "photographs", "photographers", "countries", "cities", "scenes", "entities (median)", "licences")
    return table(head, rows)


def fates(assembled: Assembled) -> list[str]:
    """How many photographs each check rejected, and where the others went."""
    counts, n = assembled.counts, len(assembled.fate)
    order = ("unanswered", *checks.CHECKS, *AFTER, "train", "test")
    rows = [[name, f"{counts[name]:,}", f"{100 * counts[name] / max(n, 1):.1f} %", WHY[name]] for name in order]
    return table(("", "photographs", "of all", ""), [*rows, ["all", f"{n:,}", "", ""]])


def teachers(recipe: Recipe, verdicts: Verdicts, assembled: Assembled) -> list[str]:
    """For each teacher, how many of its answers pass each check (on its own), and how many reasonings were chosen."""
    answered = [one for one in verdicts if "teachers" in one]
    chosen = Counter(row["teacher"] for rows in assembled.parts.values() for row in rows)
    rows = []
    for name in recipe["teachers"]:
        its = [one["teachers"][name] for one in answered]
        passed = [sum(one[check]["passed"] for one in its if check in one) for check in checks.CHECKS[1:]]
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
    seen = f"{evidence['source']} `{evidence['model']}`"
    if evidence["source"] == "known":
        seen = f"a simulated detector (misses {evidence['miss_rate']:g}, false alarms {evidence['false_alarm_rate']:g})"
    found = [
        f"localizability: {local['votes']} of the teachers vote yes, and their mean confidence is at least "
        f"{local['min_score']:g}",
        f"correctness: the answer is a country and a city, {near}, and the reasoning concludes to no other place",
        f"agreement: {agree['teachers']} teachers{_also(agree['predictors'])} name places within "
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
            "components, or else the cut of `globe_train/curate/split.py`), nor photographs that look alike"
        )
    return found


def overlaps(assembled: Assembled) -> list[str]:
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


def public(recipe: Recipe) -> dict[str, Any]:
    """The recipe without secrets."""
    from globe_eval.secrets import without_secrets

    return without_secrets(dict(recipe.values))


def _also(predictors: int) -> str:
    return f" and {predictors} predictors" if predictors else ""


def _listed(counts: Counter[str]) -> str:
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    more = f", {len(most) - 5} more" if len(most) > 5 else ""
    return ", ".join(f"{name} {n:,}" for name, n in most[:5]) + more or "–"
