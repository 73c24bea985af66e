"""What verified data are worth in training: the paper's Table 5 in small, with the recipes of miniworld.

    python -m globe_train.laptop.data_ablation sets out/table5 --size 3000
    python -m globe_train.laptop.data_ablation train out/table5 out/train-0/base out/train-1/base -o FOLDER

`sets` writes three training sets of equal size from one pool of photographs, of which none is the benchmark's:

    FOLDER/sets/random.jsonl     photographs drawn at random, each with the answer of a teacher drawn at random
    FOLDER/sets/single.jsonl     photographs drawn at random with the answers of one teacher
    FOLDER/sets/verified.jsonl   photographs, reasonings and entities that passed all checks

The answers of the first two are as the teachers gave them: any answer with a place and a reasoning counts, right or
wrong. `country` and `city` are the photograph's (what a reward compares with), `teacher_country` and `teacher_city` the
teacher's (what SFT imitates); `entities` is what the teacher names, or what was confirmed.

`train`: for each base checkpoint (one a seed, what `globe_train.laptop.demo` trained to see) and each of the three sets
SFT, then GRPO on the same photographs, both evaluated on the test split. A step whose result is there is not run again.
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
from globe_train import card
from globe_train.card import table
from globe_train.curate.annotation import Annotation, annotation
from globe_train.curate.assemble import place_in_line
from globe_train.curate.distil import read_photographs
from globe_train.curate.recipe import read_recipe
from globe_train.curate.run import curate
from globe_train.curate.verify import vocabulary_of
from globe_train.laptop import ablation, simulation
from globe_train.laptop.steps import TRAIN, Step, checkpoint, evaluation, run
from globe_train.recipe import Recipe

SETS = ("random", "single", "verified")
LABELS = ("id", "image", "lat", "lon", "country", "city", "group", "scene")
WHOLE_POOL = ["balance.at_most=null", "split.test=0"]
"""The benchmark's test split is the test: every verified photograph may be trained on."""

TITLES = {"random": "random answers", "single": "one teacher", "verified": "several teachers, verified"}
NAMES = {f"{name}_{kind}": f"{kind.upper()}: {TITLES[name]}" for kind in ("sft", "grpo") for name in SETS}
OVER_RANDOM = {f"{name}_{kind}": f"random_{kind}" for kind in ("sft", "grpo") for name in SETS if name != "random"}
OVER_SINGLE = {f"verified_{kind}": f"single_{kind}" for kind in ("sft", "grpo")}


def main(words: Sequence[str] | None = None) -> int:
    """Write the sets, or train on them; returns an exit code."""
    parser = argparse.ArgumentParser(prog="python -m globe_train.laptop.data_ablation", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    verbs = parser.add_subparsers(required=True)
    sets = verbs.add_parser("sets")
    sets.add_argument("folder", type=Path, metavar="FOLDER")
    sets.add_argument("--n", type=count, default=8000, help="photographs in the pool (default 8000)")
    sets.add_argument("--size", type=count, help="photographs in each set (default: as many as were verified)")
    sets.add_argument("--seed", type=int, default=1, help="of photographs, errors and draws (default 1)")
    sets.add_argument("--teacher", default="hasty", help="the single one (default hasty, neither best nor worst)")
    sets.set_defaults(verb=write_sets)
    train = verbs.add_parser("train")
    train.add_argument("folder", type=Path, metavar="FOLDER", help="that `sets` wrote")
    train.add_argument("bases", type=Path, nargs="+", metavar="BASE", help="checkpoints that can see, one a seed")
    train.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="for data.md")
    train.add_argument("--sft", type=int, default=600, help="steps of each SFT (default 600)")
    train.add_argument("--grpo", type=int, default=50, help="steps of each GRPO (default 50)")
    train.set_defaults(verb=train_on_sets)
    options = parser.parse_args(words)
    try:
        options.verb(options)
    except InputError as error:
        print(f"data_ablation: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def write_sets(options: argparse.Namespace) -> None:
    """Write the three sets and print what trains on them."""
    if options.teacher not in simulation.TEACHERS:
        hint = nearest(options.teacher, simulation.TEACHERS)
        raise InputError(f"--teacher: no {options.teacher!r}{hint} (allowed: {', '.join(simulation.TEACHERS)})")
    simulation.write(options.folder, options.n, options.seed)
    recipe = read_recipe("miniworld", [*simulation.overrides(options.folder), *WHOLE_POOL])
    sets = training_sets(recipe, options.teacher, options.size, options.seed)
    (options.folder / "sets").mkdir(exist_ok=True)
    for name, rows in sets.items():
        path = options.folder / "sets" / f"{name}.jsonl"
        write_whole(path, json_lines(rows))
        data = [f"data.manifest={path}", f"data.images={options.folder / 'world'}"]
        print(f"{path}: {len(rows):,} photographs; {shlex.join(['globe-train', 'sft', 'miniworld_sft', *data])}")


def training_sets(recipe: Recipe, teacher: str, size: int | None, seed: int) -> dict[str, list[dict[str, Any]]]:
    """Name of a set -> its rows, `size` of each (None: as many as were verified), drawn by the seed.

    The curation of the recipe is done where it is not yet; `teacher` is the single one. Raises InputError where fewer
    photographs were verified than are asked for.
    """
    made = curate(recipe)
    assert made is not None
    verified = made.parts["train"]
    n = len(verified) if size is None else size
    if n > len(verified):
        raise InputError(f"--size {n:,}: {len(verified):,} photographs were verified; draw more with --n")
    rows = {row["id"]: row for row in read_photographs(recipe).rows}
    answers = {name: _answers(recipe, name) for name in recipe["teachers"]}
    order = {name: sorted(rows, key=lambda one: place_in_line(seed, name, one)) for name in SETS}
    several = list(answers)
    by_chance = ((one, several[int(place_in_line(seed, "teacher", one), 16) % len(several)]) for one in order["random"])
    return {
        "random": [_row(rows[one], answers[name][one]) for one, name in by_chance if one in answers[name]][:n],
        "single": [_row(rows[one], answers[teacher][one]) for one in order["single"] if one in answers[teacher]][:n],
        "verified": [_verified(row) for row in sorted(verified, key=lambda row: place_in_line(seed, row["id"]))[:n]],
    }


def _answers(recipe: Recipe, teacher: str) -> dict[str, Annotation]:
    """Id -> what a teacher answered, where that is a place and a reasoning."""
    folder = recipe.output / "teachers" / teacher / f"curate_{recipe['teachers'][teacher]['prompt']}"
    vocabulary = vocabulary_of(recipe)
    every = {sample.id: annotation(teacher, sample, vocabulary) for sample in record.read_samples(folder)}
    return {name: one for name, one in every.items() if one.reasoning and one.country and one.city}


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


def train_on_sets(options: argparse.Namespace) -> None:
    """Train and evaluate on each set from each base, and write the table."""
    folders = [options.folder / f"seed-{seed}" for seed in range(len(options.bases))]
    for path in (*(options.folder / "sets" / f"{name}.jsonl" for name in SETS), *options.bases):
        if not path.exists():
            raise InputError(f"{path}: no such file or folder")
    planned = [
        step
        for seed, (folder, base) in enumerate(zip(folders, options.bases, strict=True))
        for step in steps(options, folder, base, seed)
    ]
    run(planned, options.folder / "logs")
    text = summary(options, folders)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "data.md").write_text(text, encoding="utf-8")
    print(f"\n{text}\n{options.output / 'data.md'}")


def steps(options: argparse.Namespace, folder: Path, base: Path, seed: int) -> list[Step]:
    """SFT, GRPO and their evaluations for each set, from one base."""
    made = []
    for name in SETS:
        data = [f"data.manifest={options.folder / 'sets' / name}.jsonl", f"data.images={options.folder / 'world'}"]
        model, needs = base, list[str]()
        for verb, recipe, n in (
            ("sft", "miniworld_sft", options.sft),
            ("grpo", "miniworld_grpo_one_reward", options.grpo),
        ):
            trained = f"{name}_{verb}"
            given = [f"model={model}", f"output={folder / trained}", f"seed={seed}", f"trainer.max_steps={n}"]
            command = [*TRAIN, verb, recipe, *given, *data]
            made.append(Step(f"{seed}-{trained}", folder / trained / card.ABOUT, command, needs))
            model, needs = folder / trained, [f"{seed}-{trained}"]
            made.append(evaluation(f"{seed}-eval-{trained}", checkpoint(model), folder / "runs" / trained, needs))
    return made


def summary(options: argparse.Namespace, folders: Sequence[Path]) -> str:
    """The table over all seeds in Markdown, then each seed's own."""
    size = len((options.folder / "sets" / "random.jsonl").read_text(encoding="utf-8").splitlines())
    head = ("%, 95 % intervals", *ablation.COLUMNS)
    lines = [
        "# What verified data are worth in training, on miniworld",
        "",
        f"The paper's Table 5 on a small scale: {size:,} photographs in each set, {options.sft} steps of SFT from a "
        f"checkpoint that can see and knows no place, then {options.grpo} steps of GRPO by accuracy; {len(folders)} "
        "seeds, all that were run. Written by `python -m globe_train.laptop.data_ablation`. Intervals are over "
        "photographers, of each photograph's mean over the seeds.",
        "",
        *table(head, ablation.rows(folders, NAMES)),
        "",
        "Change over random answers, paired; * where the interval excludes zero:",
        "",
        *table(head, ablation.rows(folders, NAMES, OVER_RANDOM)),
        "",
        "Change over one teacher, paired:",
        "",
        *table(head, ablation.rows(folders, NAMES, OVER_SINGLE)),
        "",
    ]
    for folder in folders:
        lines += [f"## {folder.name}", "", *table(head, ablation.rows([folder], NAMES)), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
