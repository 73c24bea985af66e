"""What geotags add where reasoned answers are scarce (`make scarcity`; docs/experiment.md).

    python -m globe_train.laptop.scarcity out/scarcity --seeds 1 2 3 --n 480 -o leaderboards/training

A teacher that does not err reasons about the first n of 9,600 pictures of miniworld. Of the others the place alone is
known (their reasoning and entities are not in the file that is trained on). From one checkpoint that can see
(`miniworld_see`) each arm is trained, for each n and seed; ARMS names them, docs/experiment.md says what each may use.

All are evaluated on 3,000 pictures of the test split beyond the benchmark's 300. A step whose result is there is not
run again, and independent steps run side by side. The table says of an arm that was not run that it was not.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from globe_eval import miniworld
from globe_eval.errors import InputError
from globe_eval.files import json_lines, read_json_lines, write_whole
from globe_train import card
from globe_train.card import table
from globe_train.data import write_task
from globe_train.laptop import ablation, world
from globe_train.laptop.steps import EVAL, TRAIN, Step, checkpoint, run

HELD = "miniworld_scarce_grpo_held"
BY_DISTANCE = "rewards={r_distance: {weight: 1.0, scale_km: 500}, r_format: 0.2}"
"""Kilometres instead of names, which are felt where no answer of eight is right."""
EXPERT = [sys.executable, "-m", "globe_train.laptop.expert"]

PICTURES, TEST, SAMPLES, ROUNDS = 9_600, 3_000, 4, 2
LONGER = 2_700
"""Steps of `longer`: as many as all the trainings of `expert` and what it starts from."""

ARMS = {
    "sft": "SFT on n reasoned pictures",
    "round1": "its own right answers to geotags, 1 round",
    "expert": f"its own right answers to geotags, {ROUNDS} rounds",
    "permuted": "1 round, geotags permuted (must gain nothing)",
    "unchecked": "1 round, as many of its own answers, unchecked",
    "longer": "SFT on the same n for three times as long",
    "grpo": "SFT, then GRPO on geotags",
    "grpo-permuted": "SFT, then GRPO on permuted geotags (must gain nothing)",
    "held": "SFT, then GRPO on geotags that it can name, the n imitated beside it",
    "held-permuted": "the same, geotags permuted (must gain nothing)",
    "unheld": "the same, nothing imitated beside it",
    "distance": "SFT, then GRPO on geotags, by distance",
    "answers": "places alone of all pictures, by imitation",
    "all": "SFT on all reasoned pictures",
}
WHOLE = ("answers", "all")
"""Arms that no n changes."""

PLACE = ("lat", "lon", "country", "city")


def main(words: Sequence[str] | None = None) -> int:
    """Run what is missing and write the table; returns an exit code."""
    parser = argparse.ArgumentParser(prog="python -m globe_train.laptop.scarcity", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--n", type=int, nargs="+", default=[480], help="reasoned pictures (default 480)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="of weights, data order, sampling (0)")
    parser.add_argument("--arms", nargs="+", choices=list(ARMS), default=list(ARMS), help="(default: all)")
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1, help="processes at once (default: all cores)")
    parser.add_argument("--steps", type=int, help="of each training, to try the way out")
    parser.add_argument("--pictures", type=int, default=PICTURES, help=f"(default {PICTURES:,}), to try it")
    parser.add_argument("--test", type=int, default=TEST, help=f"test pictures (default {TEST:,}), to try it")
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="for scarcity.md (default: FOLDER)")
    options = parser.parse_args(words)
    try:
        write_data(options.folder, options.n, options.pictures, options.test)
        planned = [step for seed in options.seeds for n in options.n for step in steps(options, n, seed)]
        run(list({step.name: step for step in planned}.values()), options.folder / "logs", options.cores)
        text = summary(options.folder, options.n, options.seeds, options.arms, options.test)
    except InputError as error:
        print(f"scarcity: {error}", file=sys.stderr)
        return error.exit_code
    output = options.output or options.folder
    output.mkdir(parents=True, exist_ok=True)
    write_whole(output / "scarcity.md", text.encode())
    print(f"\n{text}\n{output / 'scarcity.md'}")
    return 0


def write_data(folder: Path, sizes: Sequence[int], pictures: int, test: int) -> None:
    """Draw the pictures and write what each arm trains on; what is there already is left as it is."""
    manifest = world.write(folder / "world", pictures, 1, "careful")
    world.write(folder / "imagined", min(14_400, 3 * pictures // 2), 1, "imagined")
    rows = read_json_lines(manifest)
    files = {"answers": [{**row, "reasoning": "none", "entities": None} for row in rows], "all": rows}
    for n in sizes:
        reasoned, geotags = split_rows(rows, n)
        files |= {f"reasoned-{n}": reasoned, f"geotags-{n}": geotags, f"permuted-{n}": permute_places(geotags, seed=n)}
    for name, its in files.items():
        write_whole(folder / f"{name}.jsonl", json_lines(its))
    unseen = miniworld.photographs("test", miniworld.SPLITS["test"] + test)[miniworld.SPLITS["test"] :]
    (folder / "test").mkdir(exist_ok=True)
    missing = [row for row in unseen if not (folder / "test" / row["image"]).is_file()]
    for row, picture in zip(missing, world.draw_pictures(missing, 112), strict=True):
        (folder / "test" / row["image"]).write_bytes(picture)
    truth = [{key: value for key, value in row.items() if key != "scene_spec"} for row in unseen]
    write_whole(folder / "test.jsonl", json_lines(truth))
    write_task(folder / "tasks", "scarcity", folder / "test.jsonl", folder / "test")


def split_rows(rows: Sequence[Mapping[str, Any]], n: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The first n rows as they are, and of the others what a geotag says; all of them where n is all.

    >>> split_rows([{"id": "a", "reasoning": "x", "entities": ["bus"]}] * 2, 1)[1]
    [{'id': 'a', 'reasoning': None, 'entities': None}]
    """
    others = rows[n:] or rows
    return [dict(row) for row in rows[:n]], [{**row, "reasoning": None, "entities": None} for row in others]


def permute_places(rows: Sequence[Mapping[str, Any]], seed: int) -> list[dict[str, Any]]:
    """Rows with the places of each other's pictures, drawn by a seed; each place as often as before."""
    order = Random(f"scarcity/{seed}").sample(range(len(rows)), len(rows))
    return [{**row, **{name: rows[other][name] for name in PLACE}} for row, other in zip(rows, order, strict=True)]


def steps(options: argparse.Namespace, n: int, seed: int) -> list[Step]:
    """Every training and evaluation of one n and seed; those that no n or seed changes have the same names for each."""
    folder: Path = options.folder
    world, fewer = folder / "world", []
    if options.steps is not None:
        fewer = [f"trainer.max_steps={options.steps}", "trainer.warmup_steps=0"]

    def train(name: str, recipe: str, parent: str, data: Path, *more: str, needs: Sequence[str] = ()) -> Step:
        verb = "grpo" if "grpo" in recipe else "sft"
        given = [f"model={folder / parent}", f"output={folder / name}", f"seed={seed}"]
        given += [f"data.manifest={data}", f"data.images={world}"]
        command = [*TRAIN, verb, recipe, *given, *more, *fewer]
        return Step(name, folder / name / card.ABOUT, command, (parent, *needs))

    def imitated(name: str, data: str, *more: str, needs: Sequence[str] = ()) -> Step:
        return train(name, "miniworld_scarce_sft", "base", folder / f"{data}.jsonl", *more, needs=needs)

    def sampled(name: str, model: str, number: int) -> Step:
        output = folder / f"{name}.jsonl"
        command = [*EXPERT, "sample", str(folder / model), str(geotags), str(world), str(output)]
        return Step(name, output, [*command, "--samples", str(SAMPLES), "--seed", str(100 * seed + number)], (model,))

    def chosen(name: str, samples: Sequence[str], rows: Path, *more: str) -> Step:
        output, given = folder / f"{name}.jsonl", [str(folder / f"{one}.jsonl") for one in samples]
        command = [*EXPERT, "choose", str(output), str(rows), str(folder / f"reasoned-{n}.jsonl"), *given, *more]
        return Step(name, output, command, samples)

    def one_round(arm: str, rows: str, tags: Path, *more: str) -> list[Step]:
        trained = imitated(f"{arm}-{end}", rows, needs=[rows])
        return [sampled(first, sft, 1), chosen(rows, [first], tags, *more), trained]

    def held(arm: str, tags: Path, beside: str = "") -> list[Step]:
        places = f"places-held{'-permuted' if tags == permuted_tags else ''}-{end}"
        beside = beside or f"imitation.data={{manifest: {folder / f'reasoned-{n}.jsonl'}, images: {world}}}"
        trained = train(f"{arm}-{end}", HELD, sft, folder / f"{places}.jsonl", beside, needs=[places])
        return [sampled(first, sft, 1), chosen(places, [first], tags, "--places"), trained]

    end = f"{n}-{seed}"
    sft, geotags, permuted_tags = f"sft-{end}", folder / f"geotags-{n}.jsonl", folder / f"permuted-{n}.jsonl"
    first, second = f"samples1-{end}", f"samples2-{end}"
    student = [*TRAIN, "student", str(folder / "student")]
    see = [f"model={folder / 'student'}", f"output={folder / 'base'}"]
    see.append(f"data.manifest={folder / 'imagined' / 'manifest.jsonl'}")
    planned = [
        Step("student", folder / "student" / "config.json", student),
        Step("base", folder / "base" / card.ABOUT, [*TRAIN, "sft", "miniworld_see", *see, *fewer], ("student",)),
    ]
    if set(options.arms) - set(WHOLE):
        planned.append(imitated(sft, f"reasoned-{n}"))
    round1 = one_round("round1", f"right1-{end}", geotags)
    arms = {
        "round1": round1,
        "expert": [
            *round1,
            sampled(second, f"round1-{end}", 2),
            chosen(f"right2-{end}", [first, second], geotags),
            imitated(f"expert-{end}", f"right2-{end}", needs=[f"right2-{end}"]),
        ],
        "permuted": one_round("permuted", f"wrong-{end}", permuted_tags),
        "unchecked": one_round("unchecked", f"any-{end}", geotags, "--unchecked"),
        "longer": [imitated(f"longer-{end}", f"reasoned-{n}", f"trainer.max_steps={LONGER}")],
        "grpo": [train(f"grpo-{end}", "miniworld_scarce_grpo", sft, geotags)],
        "grpo-permuted": [train(f"grpo-permuted-{end}", "miniworld_scarce_grpo", sft, permuted_tags)],
        "held": held("held", geotags),
        "held-permuted": held("held-permuted", permuted_tags),
        "unheld": held("unheld", geotags, "imitation=null"),
        "distance": [train(f"distance-{end}", "miniworld_scarce_grpo", sft, geotags, BY_DISTANCE)],
        "answers": [imitated(f"answers-{seed}", "answers")],
        "all": [imitated(f"all-{seed}", "all")],
    }
    for arm in options.arms:
        planned += arms.get(arm, [])
    planned += [evaluation_step(folder, name_of(arm, n, seed)) for arm in options.arms]
    return list({step.name: step for step in planned}.values())


def evaluation_step(folder: Path, name: str) -> Step:
    """globe-eval of a checkpoint on the 3,000 test pictures."""
    output = folder / "runs" / name
    given = ["--tasks", "scarcity", "--include_path", str(folder / "tasks"), "-o", str(output)]
    command = [*EVAL, *checkpoint(folder / name), *given]
    return Step(f"eval-{name}", output / "scarcity" / "results.json", command, [name])


def summary(folder: Path, sizes: Sequence[int], seeds: Sequence[int], arms: Sequence[str], test: int = TEST) -> str:
    """The table of each n over all seeds, and the change over SFT, in Markdown; what was not run says so."""
    lines = [
        "# Reinforcement where reasoned answers are scarce, on miniworld",
        "",
        f"{test:,} test pictures, {len(seeds)} seeds ({', '.join(map(str, seeds))}); "
        "intervals are over photographers, with several seeds of each photograph's mean over them. "
        "Written by `python -m globe_train.laptop.scarcity`, which says what each arm is. Minutes are by the "
        "clock, of what an arm needs beside the base and `sft`, without its evaluation.",
    ]
    for n in sizes:
        lines += ["", f"## {n:,} reasoned pictures", ""]
        rows, changes, absent = [], [], []
        for arm in arms:
            there = [seed for seed in seeds if is_run(folder, name_of(arm, n, seed))]
            title = ARMS[arm] if len(there) in (0, len(seeds)) else f"{ARMS[arm]} (seed {', '.join(map(str, there))})"
            if not there:
                absent.append(ARMS[arm])
                continue
            groups, found = mean_over_seeds(folder, arm, n, there)
            minutes = f"{duration(folder, arm, n, there) / 60:.1f}"
            rows.append([title, *(ablation.cell(found[c], groups) for c in ablation.COLUMNS), minutes])
            if arm != "sft" and all(is_run(folder, name_of("sft", n, seed)) for seed in there):
                _, before = mean_over_seeds(folder, "sft", n, there)
                cells = (ablation.cell(found[c] - before[c], groups, signed=True) for c in ablation.COLUMNS)
                changes.append([title, *cells])
        lines += table(("%, 95 % intervals", *ablation.COLUMNS, "minutes"), rows)
        lines += ["", f"Not run: {'; '.join(absent)}."] if absent else []
        lines += ["", "Change over SFT of the same seeds, paired; * where the interval excludes zero:", ""]
        lines += table(("%, 95 % intervals", *ablation.COLUMNS), changes)
    return "\n".join([*lines, ""])


def is_run(folder: Path, name: str) -> bool:
    """Whether a checkpoint was evaluated."""
    return (folder / "runs" / name / "scarcity" / "samples.jsonl").is_file()


def mean_over_seeds(folder: Path, arm: str, n: int, seeds: Sequence[int]) -> tuple[list[str], ablation.Values]:
    """Photographers, and of each photograph the mean over seeds."""
    return ablation.mean([(folder, name_of(arm, n, seed)) for seed in seeds])


def duration(folder: Path, arm: str, n: int, seeds: Sequence[int]) -> float:
    """Seconds of the training, sampling and choosing of an arm after what every arm starts from, a seed's mean."""
    lines = (folder / "logs" / "seconds.tsv").read_text(encoding="utf-8").splitlines()
    took = {name: float(seconds) for name, seconds in (line.split("\t") for line in lines)}
    options = argparse.Namespace(folder=folder, arms=[arm], steps=None)
    before = ["student", "base", *(name_of("sft", n, seed) for seed in seeds if arm != "sft")]
    own = {step.name for seed in seeds for step in steps(options, n, seed)} - set(before)
    return sum(took.get(name, 0.0) for name in own if not name.startswith("eval-")) / len(seeds)


def name_of(arm: str, n: int, seed: int) -> str:
    """The run of an arm.

    >>> name_of("grpo", 480, 1), name_of("all", 480, 1)
    ('grpo-480-1', 'all-1')
    """
    return f"{arm}-{seed}" if arm in WHOLE else f"{arm}-{n}-{seed}"


if __name__ == "__main__":
    sys.exit(main())
