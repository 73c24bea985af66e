"""What reinforcement adds where reasoned answers are scarce and geotags plentiful.

NOT YET RUN. The claim that it is to be held to, written down before: with n = 480 reasoned pictures GRPO less SFT is
above zero in accuracy within 25 km, with an interval by photographer that excludes zero in the mean of three seeds; it
shrinks as n grows; lift and F1 are not lower.

    python -m globe_train.laptop.scarcity out/scarcity --seeds 0 1 2 --n 480 240 960 9600 -o leaderboards/training

A teacher that does not err reasons about the first n of 9,600 pictures of miniworld. Of the others the place alone is
known (their reasoning and entities are not in the file that is trained on). From the checkpoint that can see
(`miniworld_see`), for each n and seed:

    sft        the n reasoned pictures, 300 steps
    grpo       then the others' geotags: accuracy and format, 300 steps of 16 pictures with 8 answers each
    distance   as grpo, by the distance instead of the names
    permuted   as grpo, with the geotags permuted among the pictures: must gain nothing
    longer     sft, on for as long again as grpo takes
    expert     sft, then its own answers to the others of which country and city are right, by imitation
    answers    places alone of all pictures, by imitation: what it costs in lift and F1 is the question
    all        all 9,600 reasoned pictures: the ceiling of imitation

All are evaluated on 3,000 pictures of the test split beyond the benchmark's 300. A step whose result is there is not
run again, and independent steps run side by side.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from globe_eval import miniworld
from globe_eval.errors import InputError
from globe_eval.files import json_lines, write_whole
from globe_train import card
from globe_train.card import table
from globe_train.laptop import ablation, world
from globe_train.laptop.steps import EVAL, TRAIN, Step, checkpoint, run
from globe_train.reward_model import reasoning_of

PICTURES, TEST, SAMPLES = 9_600, 3_000, 8
ARMS = {
    "sft": "SFT on n reasoned pictures",
    "grpo": "+ GRPO on geotags",
    "distance": "+ GRPO on geotags, by distance",
    "permuted": "+ GRPO on permuted geotags (must gain nothing)",
    "longer": "+ more SFT on the same n",
    "expert": "+ its own right answers, by imitation",
    "answers": "places alone of all pictures, by imitation",
    "all": "SFT on all reasoned pictures",
}
PLACE = ("lat", "lon", "country", "city")


def main(words: Sequence[str] | None = None) -> int:
    """Run what is missing and write the table (or, with `choose`, one step of it); returns an exit code."""
    given = list(sys.argv[1:] if words is None else words)
    if given[:1] == ["choose"]:
        return choose(*map(Path, given[1:]))
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
    options = parser.parse_args(given)
    try:
        write_data(options.folder, options.n, options.pictures, options.test)
        planned = [step for seed in options.seeds for n in options.n for step in steps(options, n, seed)]
        run(list({step.name: step for step in planned}.values()), options.folder / "logs", options.cores)
        text = summary(options.folder, options.n, options.seeds, options.arms)
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
    rows = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
    files = {"answers": [{**row, "reasoning": "none", "entities": None} for row in rows], "all": rows}
    for n in sizes:
        reasoned, geotags = divided(rows, n)
        files |= {f"reasoned-{n}": reasoned, f"geotags-{n}": geotags, f"permuted-{n}": permuted(geotags, seed=n)}
        write_task(folder, f"geotags_{n}", folder / f"geotags-{n}.jsonl", folder / "world")
    for name, its in files.items():
        write_whole(folder / f"{name}.jsonl", json_lines(its))
    unseen = miniworld.photographs("test", miniworld.SPLITS["test"] + test)[miniworld.SPLITS["test"] :]
    (folder / "test").mkdir(exist_ok=True)
    for row, picture in zip(unseen, world.drawn(unseen, 112), strict=True):
        if not (folder / "test" / row["image"]).is_file():
            (folder / "test" / row["image"]).write_bytes(picture)
    truth = [{key: value for key, value in row.items() if key != "scene_spec"} for row in unseen]
    write_whole(folder / "test.jsonl", json_lines(truth))
    write_task(folder, "scarcity", folder / "test.jsonl", folder / "test")


def divided(rows: Sequence[Mapping[str, Any]], n: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The first n rows as they are, and of the others what a geotag says; all of them where n is all.

    >>> divided([{"id": "a", "reasoning": "x", "entities": ["bus"]}] * 2, 1)[1]
    [{'id': 'a', 'reasoning': None, 'entities': None}]
    """
    others = rows[n:] or rows
    return [dict(row) for row in rows[:n]], [{**row, "reasoning": None, "entities": None} for row in others]


def permuted(rows: Sequence[Mapping[str, Any]], seed: int) -> list[dict[str, Any]]:
    """Rows with the places of each other's pictures, drawn by a seed; each place as often as before."""
    order = Random(f"scarcity/{seed}").sample(range(len(rows)), len(rows))
    return [{**row, **{name: rows[other][name] for name in PLACE}} for row, other in zip(rows, order, strict=True)]


def write_task(folder: Path, name: str, truth: Path, images: Path) -> None:
    """A benchmark of globe-eval over these pictures."""
    data = json.dumps({"truth": str(truth.absolute()), "images": str(images.absolute())})
    (folder / "tasks").mkdir(parents=True, exist_ok=True)
    text = f"task: {name}\nclass: !function globe_eval.GeoTask\ndataset_kwargs: {data}\nmetadata: {{version: 1}}\n"
    write_whole(folder / "tasks" / f"{name}.yaml", text.encode())


def steps(options: argparse.Namespace, n: int, seed: int) -> list[Step]:
    """Every training and evaluation of one n and seed; those that no n changes have the same names for each."""
    folder: Path = options.folder
    fewer = [] if options.steps is None else [f"trainer.max_steps={options.steps}", "trainer.warmup_steps=0"]

    def train(name: str, recipe: str, parent: str, data: str, *more: str, needs: Sequence[str] = ()) -> Step:
        verb = "grpo" if "grpo" in recipe else "sft"
        given = [f"model={folder / parent}", f"output={folder / name}", f"seed={seed}"]
        given += [f"data.manifest={folder / data}.jsonl", f"data.images={folder / 'world'}"]
        command = [*TRAIN, verb, recipe, *given, *more, *fewer]
        return Step(name, folder / name / card.ABOUT, command, (parent, *needs))

    base, student = f"base-{seed}", f"student-{seed}"
    sft, expert = f"sft-{n}-{seed}", folder / f"expert-{n}-{seed}.jsonl"
    see = [f"model={folder / student}", f"output={folder / base}", f"seed={seed}"]
    see.append(f"data.manifest={folder / 'imagined' / 'manifest.jsonl'}")
    wanted = [arm for arm in options.arms if arm not in ("answers", "all")]
    planned = [
        Step(
            student, folder / student / "config.json", [*TRAIN, "student", str(folder / student), "--seed", str(seed)]
        ),
        Step(base, folder / base / card.ABOUT, [*TRAIN, "sft", "miniworld_see", *see, *fewer], (student,)),
        train(sft, "miniworld_scarce_sft", base, f"reasoned-{n}"),
    ]
    data = f"geotags-{n}"
    arms = {
        "grpo": [train(f"grpo-{n}-{seed}", "miniworld_scarce_grpo", sft, data)],
        "distance": [train(f"distance-{n}-{seed}", "miniworld_scarce_grpo_distance", sft, data)],
        "permuted": [train(f"permuted-{n}-{seed}", "miniworld_scarce_grpo", sft, f"permuted-{n}")],
        "longer": [train(f"longer-{n}-{seed}", "miniworld_scarce_sft", sft, f"reasoned-{n}", "trainer.max_steps=1200")],
        "answers": [train(f"answers-{seed}", "miniworld_scarce_sft", base, "answers", "trainer.max_steps=1200")],
        "all": [train(f"all-{seed}", "miniworld_scarce_sft", base, "all", "trainer.max_steps=1200")],
    }
    if "expert" in options.arms:
        sampled = [sampling(folder, sft, n, seed, number) for number in range(1, SAMPLES + 1)]
        runs = [str(step.done.parent) for step in sampled]
        command = [
            sys.executable,
            "-m",
            "globe_train.laptop.scarcity",
            "choose",
            str(expert),
            f"{folder / data}.jsonl",
            *runs,
        ]
        chosen = Step(f"choose-{n}-{seed}", expert, command, [step.name for step in sampled])
        learnt = train(f"expert-{n}-{seed}", "miniworld_scarce_sft", sft, expert.stem, needs=[chosen.name])
        arms["expert"] = [*sampled, chosen, learnt]
    for arm in options.arms:
        planned += arms.get(arm, [])
    names = [*(f"{arm}-{n}-{seed}" for arm in wanted), *(f"{a}-{seed}" for a in options.arms if a not in wanted)]
    return [*planned, *(evaluated(folder, name) for name in names)]


def sampling(folder: Path, model: str, n: int, seed: int, number: int) -> Step:
    """One answer of a model to each picture of which the place is known, drawn at temperature 1."""
    output = folder / "samples" / f"{model}-{number}"
    task = f"geotags_{n}"
    words = checkpoint(folder / model)
    words[words.index("max_gen_toks=96")] = "max_gen_toks=96,do_sample=true,temperature=1.0"
    given = ["--tasks", task, "--include_path", str(folder / "tasks"), "--seed", str(100 * seed + number)]
    command = [*EVAL, *words, *given, "-o", str(output)]
    return Step(f"sample-{model}-{number}", output / task / "results.json", command, [model])


def evaluated(folder: Path, name: str) -> Step:
    """globe-eval of a checkpoint on the 3,000 test pictures."""
    output = folder / "runs" / name
    given = ["--tasks", "scarcity", "--include_path", str(folder / "tasks"), "-o", str(output)]
    command = [*EVAL, *checkpoint(folder / name), *given]
    return Step(f"eval-{name}", output / "scarcity" / "results.json", command, [name])


def choose(output: Path, rows: Path, *runs: Path) -> int:
    """Write the right answers of runs over rows, as what SFT trains on."""
    known = [json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()]
    lines = [line for folder in runs for line in (folder / "samples.jsonl").read_text(encoding="utf-8").splitlines()]
    chosen = right_answers(known, [json.loads(line) for line in lines])
    if not chosen:
        print(f"scarcity: none of {len(lines):,} answers names country and city rightly", file=sys.stderr)
        return InputError.exit_code
    write_whole(output, json_lines(chosen))
    return 0


def right_answers(rows: Sequence[Mapping[str, Any]], samples: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows with the reasoning of a sample that names country and city rightly, one for each such sample.

    Args:
        rows: of the geotags.
        samples: lines of `samples.jsonl`.

    """
    known = {row["id"]: row for row in rows}
    found = []
    for number, sample in enumerate(samples):
        if sample.get("country_correct") == 1.0 and sample.get("city_correct") == 1.0 and sample.get("response"):
            row = known[sample["id"]]
            place = {"teacher_country": row["country"], "teacher_city": row["city"]}
            found.append({**row, "id": f"{row['id']}/{number}", "reasoning": reasoning_of(sample["response"]), **place})
    return found


def summary(folder: Path, sizes: Sequence[int], seeds: Sequence[int], arms: Sequence[str]) -> str:
    """The table of each n over all seeds, and the change over SFT, in Markdown."""
    head = ("%, 95 % intervals", *ablation.COLUMNS)
    lines = ["# Reinforcement where reasoned answers are scarce, on miniworld", ""]
    lines += [f"{len(seeds)} seeds. Written by `python -m globe_train.laptop.scarcity`, which says what each arm is."]
    for n in sizes:
        lines += ["", f"## {n:,} reasoned pictures", ""]
        found = {arm: [ablation.values(folder, name_of(arm, n, seed)) for seed in seeds] for arm in arms}
        rows, changes = [], []
        for arm, read in found.items():
            groups = read[0][0]
            mean = ablation.averaged([columns for _, columns in read])
            rows.append([ARMS[arm], *(ablation.cell(mean[column], groups) for column in ablation.COLUMNS)])
            if arm != "sft" and "sft" in found:
                before = ablation.averaged([columns for _, columns in found["sft"]])
                cells = (ablation.cell(mean[c] - before[c], groups, signed=True) for c in ablation.COLUMNS)
                changes.append([ARMS[arm], *cells])
        lines += [*table(head, rows), "", "Change over SFT, paired; * where the interval excludes zero:", ""]
        lines += table(head, changes)
    return "\n".join([*lines, ""])


def name_of(arm: str, n: int, seed: int) -> str:
    """The run of an arm.

    >>> name_of("grpo", 480, 1), name_of("all", 480, 1)
    ('grpo-480-1', 'all-1')
    """
    return f"{arm}-{seed}" if arm in ("answers", "all") else f"{arm}-{n}-{seed}"


if __name__ == "__main__":
    sys.exit(main())
