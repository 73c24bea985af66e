"""The paper's Table 5 in small: three training sets of equal size from one pool, `python -m globe_train.curate.table5`.

    FOLDER/sets/random.jsonl     photographs drawn at random, each with the answer of a teacher drawn at random
    FOLDER/sets/single.jsonl     photographs drawn at random with the answers of one teacher
    FOLDER/sets/verified.jsonl   photographs, reasonings and entities that passed all checks

The answers of the first two are as the teachers gave them: any answer with a place and a reasoning counts, right or
wrong. `country` and `city` are the photograph's (what a reward compares with), `teacher_country` and `teacher_city` the
teacher's (what SFT imitates); `entities` is what the teacher names, or what was confirmed. All are drawn from the same
photographs of miniworld, of which none is the benchmark's.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from globe_eval.commands.arguments import count
from globe_eval.errors import InputError, nearest
from globe_eval.files import json_lines, write_whole
from globe_eval.runs import record
from globe_train.curate import simulated
from globe_train.curate.distil import read_photographs
from globe_train.curate.recipe import read_recipe
from globe_train.curate.run import curate
from globe_train.curate.said import said
from globe_train.curate.split import place_in_line
from globe_train.curate.verify import vocabulary_of
from globe_train.recipe import Recipe

SETS = ("random", "single", "verified")
LABELS = ("id", "image", "lat", "lon", "country", "city", "group", "scene")
WHOLE_POOL = ["balance.at_most=null", "split.test=0"]
"""The benchmark's test split is the test: every verified photograph may be trained on."""


def main(words: Sequence[str] | None = None) -> int:
    """Write the three sets, print what trains on them, return an exit code."""
    parser = argparse.ArgumentParser(prog="python -m globe_train.curate.table5", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--n", type=count, default=8000, help="photographs in the pool (default 8000)")
    parser.add_argument("--size", type=count, help="photographs in each set (default: as many as were verified)")
    parser.add_argument("--seed", type=int, default=1, help="of photographs, errors and draws (default 1)")
    parser.add_argument("--teacher", default="hasty", help="the single one (default hasty, neither best nor worst)")
    options = parser.parse_args(words)
    try:
        if options.teacher not in simulated.TEACHERS:
            hint = nearest(options.teacher, simulated.TEACHERS)
            raise InputError(f"--teacher: no {options.teacher!r}{hint} (allowed: {', '.join(simulated.TEACHERS)})")
        simulated.write(options.folder, options.n, options.seed)
        recipe = read_recipe("miniworld", [*simulated.overrides(options.folder), *WHOLE_POOL])
        sets = training_sets(recipe, options.teacher, options.size, options.seed)
    except InputError as error:
        print(f"table5: {error}", file=sys.stderr)
        return error.exit_code
    (options.folder / "sets").mkdir(exist_ok=True)
    for name, rows in sets.items():
        path = options.folder / "sets" / f"{name}.jsonl"
        write_whole(path, json_lines(rows))
        data = [f"data.manifest={path}", f"data.images={options.folder / 'world'}"]
        print(f"{path}: {len(rows):,} photographs; {shlex.join(['globe-train', 'sft', 'miniworld_sft', *data])}")
    return 0


def training_sets(recipe: Recipe, teacher: str, size: int | None, seed: int) -> dict[str, list[dict[str, Any]]]:
    """Name of a set -> its rows, all of equal number.

    Args:
        recipe: of a curation, which is done where it is not yet.
        teacher: the single one.
        size: of each set; None takes all that were verified.
        seed: of the draws.

    Raises InputError where fewer photographs were verified than are asked for.
    """
    made = curate(recipe)
    assert made is not None
    verified = made.assembled.parts["train"]
    n = len(verified) if size is None else size
    if n > len(verified):
        raise InputError(f"--size {n:,}: {len(verified):,} photographs were verified; draw more with --n")
    rows = {row["id"]: row for row in read_photographs(recipe).rows}
    heard = {name: _heard(recipe, name) for name in recipe["teachers"]}
    order = {name: sorted(rows, key=lambda one: place_in_line(seed, name, one)) for name in SETS}
    several = list(heard)
    by_chance = ((one, several[int(place_in_line(seed, "teacher", one), 16) % len(several)]) for one in order["random"])
    return {
        "random": [_row(rows[one], heard[name][one]) for one, name in by_chance if one in heard[name]][:n],
        "single": [_row(rows[one], heard[teacher][one]) for one in order["single"] if one in heard[teacher]][:n],
        "verified": [_verified(row) for row in sorted(verified, key=lambda row: place_in_line(seed, row["id"]))[:n]],
    }


def _heard(recipe: Recipe, teacher: str) -> dict[str, Any]:
    """Id -> what a teacher said, where that is a place and a reasoning."""
    folder = recipe.output / "teachers" / teacher / f"curate_{recipe['teachers'][teacher]['prompt']}"
    vocabulary = vocabulary_of(recipe)
    answers = {sample.id: said(teacher, sample, vocabulary) for sample in record.read_samples(folder)}
    return {name: one for name, one in answers.items() if one.reasoning and one.country and one.city}


def _row(row: Mapping[str, Any], answer: Any) -> dict[str, Any]:
    return {
        **{name: row[name] for name in LABELS},
        "reasoning": answer.reasoning,
        "entities": sorted(answer.cues),
        "localizable": (answer.confidence or 0.0) >= 0.5,
        "teacher": answer.teacher,
        "teacher_country": answer.country,
        "teacher_city": answer.city,
    }


def _verified(row: Mapping[str, Any]) -> dict[str, Any]:
    columns = ("reasoning", "localizable", "teacher", "teacher_country", "teacher_city")
    entities = [entity["text"] for entity in row["entities"]]
    return {**{name: row[name] for name in (*LABELS, *columns)}, "entities": entities}


if __name__ == "__main__":
    sys.exit(main())
