"""Assembles verified annotations into the rows of a data set: decontaminated, balanced and split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from globe_eval.benchmarks.duplicates import PHOTOGRAPHS, overlap
from globe_train.curate.split import balance, split
from globe_train.data import with_hashes
from globe_train.recipe import Recipe

Benchmarks = Mapping[str, Sequence[dict[str, Any]]]
"""Name of a benchmark -> its rows, with the hashes of their pictures where those are known."""

AFTER = ("overlap", "balance", "between", "near_test")
"""Why a verified photograph is in no part: a benchmark knows it, its cell is full, it would join train and test, or it
looks like one of test."""


@dataclass
class Assembled:
    """The rows of each part, what became of every photograph, and what the set shares with benchmarks."""

    parts: dict[str, list[dict[str, Any]]]
    fate: dict[str, str]
    """Id -> train, test, the check that rejected it, "unanswered", or one of AFTER."""
    shared: list[dict[str, Any]] = field(default_factory=list)

    @property
    def counts(self) -> Counter[str]:
        """How many photographs had each fate."""
        return Counter(self.fate.values())


def assemble(
    recipe: Recipe,
    rows: Sequence[Mapping[str, Any]],
    verdicts: Sequence[Mapping[str, Any]],
    images: Path,
    benchmarks: Benchmarks,
) -> Assembled:
    """The data set of a curation.

    Args:
        recipe: with balance, split and benchmarks.
        rows: n photographs.
        verdicts: of `verify.verify`, n.
        images: the folder of the pictures.
        benchmarks: of the recipe, see `data.benchmarks_of`.

    """
    fate = {verdict["id"]: verdict["verdict"] for verdict in verdicts}
    kept = [data_row(row, one) for row, one in zip(rows, verdicts, strict=True) if one["verdict"] == "verified"]
    kept = with_hashes(kept, images, recipe.output / "pictures.jsonl")
    shared = []
    for name, theirs in benchmarks.items():
        common = overlap(kept, theirs)
        drop = {one for kind in recipe["against"]["remove"] for one in common[kind] or {}}
        fate |= dict.fromkeys(drop, "overlap")
        kept = [row for row in kept if row["id"] not in drop]
        counts = {kind: None if ids is None else len(ids) for kind, ids in common.items()}
        shared.append({"benchmark": name, "n": len(theirs), "shared": counts, "removed": len(drop)})
    seed, given = recipe["seed"], recipe["balance"]
    stay = balance(kept, given["by"], given["at_most"], seed)
    fate |= {row["id"]: "balance" for row in kept if row["id"] not in stay}
    kept = [row for row in kept if row["id"] in stay]
    sides = split(kept, recipe["split"]["test"], recipe["split"]["place"], seed)
    parts = {part: [row for row in kept if sides[row["id"]] == part] for part in ("train", "test")}
    if parts["test"] and parts["train"]:
        common = overlap(parts["train"], parts["test"])
        alike = {one for kind in PHOTOGRAPHS for one in common[kind] or {}}
        fate |= dict.fromkeys(alike, "near_test")
        parts["train"] = [row for row in parts["train"] if row["id"] not in alike]
    placed = {**sides, **{name: why for name, why in fate.items() if why != "verified"}}
    return Assembled(parts, {name: placed[name] for name in fate}, shared)


def data_row(row: Mapping[str, Any], verdict: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the data set. Its place is the photograph's; where that has no names, those of the verified answer."""
    kept, local = verdict["kept"], verdict["localizability"]
    return {
        "id": row["id"],
        "image": row["image"],
        "lat": row["lat"],
        "lon": row["lon"],
        "country": row["country"] or kept["country"],
        "city": row["city"] or kept["city"],
        "group": row["group"],
        "scene": row["scene"],
        "license": row["license"],
        "reasoning": kept["reasoning"],
        "entities": kept["entities"],
        "localizable": True,
        "localizability_score": local["score"],
        "teacher": kept["teacher"],
        "teacher_country": kept["country"],
        "teacher_city": kept["city"],
        "distance_km": kept["distance_km"],
        "grounded": kept["grounded"],
    }
