"""The laptop proof of the rewards: all from nothing, `python -m globe_train.laptop.demo FOLDER` (`make rewards-demo`).

    world, student -> learning to see -> SFT -> reward model
    -> GRPO by accuracy; by accuracy and localizability; by accuracy, localizability and grounding
    -> each evaluated by globe-eval on miniworld's test split -> table, leaderboard, report with learning curves

Every step is a command that can be given by hand; they are printed as they start. A step whose result is there is not
run again, so a stopped demo goes on. Independent steps run side by side, one core each.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shlex
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from globe_eval import cli
from globe_eval.errors import InputError
from globe_train import card
from globe_train.laptop.ablation import CAREFUL, MODELS, NAMES, VARIANTS, report
from globe_train.laptop.steps import TRAIN, Step, checkpoint, evaluation, run
from globe_train.launch import ACCELERATE

TWO = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(ACCELERATE / "cpu2.yaml")]
FLOORS = ("constant", "knn")
IMAGINED, REAL = 14_400, 9_600
"""Pictures to learn to see from, and pictures of places."""


def main(words: Sequence[str] | None = None) -> int:
    """Run what is missing, print the table, return an exit code."""
    parser = argparse.ArgumentParser(prog="python -m globe_train.laptop.demo", description="The laptop proof.")
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--seed", type=int, default=0, help="of weights, data order and sampling (default 0)")
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1, help="processes at once (default: all cores)")
    parser.add_argument("--careful", action="store_true", help="also SFT and GRPO with a teacher that does not err")
    parser.add_argument("--steps", type=int, help="of each training (default: the recipes'), to try the way out")
    parser.add_argument("--n", type=int, help=f"training pictures (default {IMAGINED:,} and {REAL:,}), to try it")
    parser.add_argument("--limit", type=int, help="pictures of each evaluation (default: all), to try it")
    options = parser.parse_args(words)
    started = time.monotonic()
    models = [*MODELS, *(CAREFUL if options.careful else ())]
    try:
        run(steps(options, models), options.folder / "logs", options.cores)
        text = write_pages(options.folder, models, options.seed, whole=options.limit is None)
    except InputError as error:
        print(f"rewards-demo: {error}", file=sys.stderr)
        return error.exit_code
    print(f"\n{text}\n{(time.monotonic() - started) / 60:.1f} minutes, this time; {options.folder / 'README.md'}")
    return 0


def steps(options: argparse.Namespace, models: Sequence[str]) -> list[Step]:
    """Every training and every evaluation, as commands."""
    folder, seed = options.folder, options.seed
    fewer = [] if options.steps is None else [f"trainer.max_steps={options.steps}", "trainer.warmup_steps=0"]
    both = options.cores > 1

    def world(name: str, manner: str, n: int) -> Step:
        command = [*TRAIN, "world", str(folder / name), "--n", str(options.n or n), "--teacher", manner]
        return Step(name, folder / name / "manifest.jsonl", command)

    def train(verb: str, recipe: str, name: str, model: str, data: str, *more: str) -> Step:
        two = both and name in ("base", "sft")
        launch = [*TWO, "-m", "globe_train.cli"] if two else TRAIN
        given = [f"model={folder / model}", f"output={folder / name}", f"data.manifest={folder / data}/manifest.jsonl"]
        halved = ["trainer.per_device_train_batch_size=8"] if two else []
        command = [*launch, verb, recipe, *given, f"seed={seed}", *more, *halved, *fewer]
        needs = (model, data, *(["reward_model"] if judge in more else []))
        return Step(name, folder / name / card.ABOUT, command, needs, 2 if two else 1)

    judge = f"rewards.r_loc.model={folder / 'reward_model'}"
    student = [*TRAIN, "student", str(folder / "student"), "--seed", str(seed)]
    planned = [
        world("imagined", "imagined", IMAGINED),
        world("world", "flawed", REAL),
        Step("student", folder / "student" / "config.json", student),
        train("sft", "miniworld_see", "base", "student", "imagined"),
        train("sft", "miniworld_sft", "sft", "base", "world"),
        train("reward-model", "miniworld_reward_model", "reward_model", "sft", "world"),
    ]
    for name in VARIANTS:
        judged = [] if name == "grpo_one_reward" else [judge]
        planned.append(train("grpo", f"miniworld_{name}", name, "sft", "world", *judged))
    if options.careful:
        planned += [
            world("careful_world", "careful", REAL),
            train("sft", "miniworld_sft", "careful_sft", "base", "careful_world"),
            train("grpo", "miniworld_grpo_all_rewards", "careful_grpo", "careful_sft", "careful_world", judge),
        ]
    return [*planned, *(evaluation_step(options, name) for name in [*FLOORS, *models])]


def evaluation_step(options: argparse.Namespace, name: str) -> Step:
    """globe-eval of a checkpoint or a floor on the test split."""
    floor = name in FLOORS
    model = ["--model", name] if floor else checkpoint(options.folder / name)
    limit = [] if options.limit is None else ["--limit", str(options.limit)]
    return evaluation(f"eval-{name}", model, options.folder / "runs" / name, [] if floor else [name], *limit)


def write_pages(folder: Path, models: Sequence[str], seed: int, whole: bool) -> str:
    """Write cards with results, one report of all runs, their leaderboard and the page; returns the page's text.

    A leaderboard takes no run over a part of a benchmark, so there is none unless it is `whole`.
    """
    runs = {name: str(folder / "runs" / name / "miniworld") for name in [*FLOORS, *models]}
    for name in models:
        card.write_card(folder / name, [Path(runs[name])])
    commands = [["report", *runs.values(), "-o", str(folder / "report.html")]]
    if whole:
        board = ["--leaderboards", str(folder / "leaderboard")]
        shutil.rmtree(folder / "leaderboard", ignore_errors=True)
        commands += [["leaderboard", "add", run, "--name", NAMES[name], *board] for name, run in runs.items()]
        commands.append(["leaderboard", "build", *board])
    for command in commands:
        with contextlib.redirect_stdout(io.StringIO()):
            code = cli.main(command)
        if code:
            raise InputError(f"globe-eval {shlex.join(command)}: exit code {code}")
    text = report(folder, list(runs), seed)
    (folder / "README.md").write_text(text, encoding="utf-8")
    return text


if __name__ == "__main__":
    sys.exit(main())
