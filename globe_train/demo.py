"""The laptop proof: everything from nothing, `python -m globe_train.demo FOLDER [--seed 0]` (`make train-demo`).

    world, student -> learning to see -> SFT -> reward model
    -> GRPO by accuracy; by accuracy and localizability; by accuracy, localizability and grounding
    -> each evaluated by globe-eval on miniworld's test split -> a table with paired intervals

Every step is a command that can be given by hand; they are printed as they start. A step whose result is there is not
run again, so a stopped demo goes on. Independent steps run side by side, one core each.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from globe_eval.errors import InputError
from globe_eval.metrics import statistics
from globe_train import card

PYTHON = sys.executable
TRAIN, EVAL = [PYTHON, "-m", "globe_train.cli"], [PYTHON, "-m", "globe_eval.cli"]
TWO = [PYTHON, "-m", "accelerate.commands.launch", "--config_file", str(Path(__file__).parent / "accelerate/cpu2.yaml")]
VARIANTS = ("grpo_one_reward", "grpo_two_rewards", "grpo_all_rewards")
"""The ablation, the paper's Table 3 on a small scale."""

MODELS = ("base", "sft", *VARIANTS)
NAMES = {
    "constant": "floor: New York, always",
    "knn": "floor: nearest of other pictures",
    "base": "can see, knows no place",
    "sft": "SFT",
    "grpo_one_reward": "GRPO: accuracy",
    "grpo_two_rewards": "GRPO: accuracy, localizability",
    "grpo_all_rewards": "GRPO: accuracy, localizability, grounding",
}
COLUMNS = ("25 km", "750 km", "lift", "F1")


def main(words: Sequence[str] | None = None) -> int:
    """Run what is missing, print the table, return an exit code."""
    parser = argparse.ArgumentParser(prog="python -m globe_train.demo", description="The laptop proof.")
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--seed", type=int, default=0, help="of weights, data order and sampling (default 0)")
    parser.add_argument("--teacher", default="flawed", help="flawed (default) or careful")
    parser.add_argument("--n", type=int, default=8000, help="training pictures (default 8000)")
    parser.add_argument("--steps", type=int, help="of each training (default: the recipes'), to try the way out")
    parser.add_argument("--limit", type=int, help="pictures of each evaluation (default: all)")
    options = parser.parse_args(words)
    started = time.monotonic()
    try:
        demo(options)
    except InputError as error:
        print(f"train-demo: {error}", file=sys.stderr)
        return error.exit_code
    text = report(options.folder, options.teacher, options.seed)
    (options.folder / "table.md").write_text(text, encoding="utf-8")
    print(f"\n{text}\n{(time.monotonic() - started) / 60:.1f} minutes, this time; {options.folder / 'table.md'}")
    return 0


def demo(options: argparse.Namespace) -> None:
    """Every step of the proof that was not done yet."""
    folder, seed, teacher, n = options.folder, options.seed, options.teacher, options.n
    fewer = [] if options.steps is None else [f"trainer.max_steps={options.steps}", "trainer.warmup_steps=0"]
    world, imagined = folder / "world", folder / "imagined"
    student, base, sft = folder / "student", folder / "base", folder / "sft"
    for where, manner in ((imagined, "imagined"), (world, teacher)):
        step(where / "manifest.jsonl", [*TRAIN, "world", str(where), "--n", str(n), "--teacher", manner])
    step(student / "config.json", [*TRAIN, "student", str(student), "--seed", str(seed)])
    cores = os.cpu_count() or 1
    launch = [*TWO, "-m", "globe_train.cli"] if cores > 1 else TRAIN
    halved = ["trainer.per_device_train_batch_size=16"] if cores > 1 else []
    for recipe, model, output, pictures in (
        ("miniworld_see", student, base, imagined),
        ("miniworld_sft", base, sft, world),
    ):
        given = [f"model={model}", f"output={output}", f"data.manifest={pictures / 'manifest.jsonl'}", f"seed={seed}"]
        step(output / card.ABOUT, [*launch, "sft", recipe, *given, *halved, *fewer])
    common = [f"data.manifest={world / 'manifest.jsonl'}", f"seed={seed}"]
    judge = folder / "reward_model"
    recipe = [*TRAIN, "reward-model", "miniworld_reward_model", f"model={sft}", f"output={judge}", *common, *fewer]
    jobs = [evaluation(options, name) for name in ("constant", "knn", "base", "sft")]
    side_by_side([(judge / card.ABOUT, recipe)], jobs)
    trainings = []
    for name in VARIANTS:
        more = [] if name == "grpo_one_reward" else [f"rewards.r_loc.model={judge}"]
        recipe = [
            *TRAIN,
            "grpo",
            f"miniworld_{name}",
            f"model={sft}",
            f"output={folder / name}",
            *common,
            *more,
            *fewer,
        ]
        trainings.append((folder / name / card.ABOUT, recipe))
    side_by_side(trainings[::2], trainings[1::2])
    side_by_side([evaluation(options, VARIANTS[0])], [evaluation(options, name) for name in VARIANTS[1:]])
    for name in ("sft", *VARIANTS):
        card.write_card(folder / name, [folder / "runs" / name / "miniworld"])


def evaluation(options: argparse.Namespace, name: str) -> tuple[Path, list[str]]:
    """What is there when a model was evaluated, and the command that does it."""
    folder, model = options.folder, ["--model", name]
    if name in MODELS:
        model = ["--model", "hf-multimodal", "--model_args", f"pretrained={folder / name},max_pixels=12544"]
        model += ["--batch_size", "50", "--device", "cpu", "--gen_kwargs", "max_gen_toks=96"]
    if options.limit is not None:
        model += ["--limit", str(options.limit)]
    out = folder / "runs" / name
    return out / "miniworld" / "results.json", [*EVAL, *model, "--tasks", "miniworld", "-o", str(out)]


def step(done: Path, command: Sequence[str]) -> None:
    """Run a command unless its result is there. Raises InputError where it fails."""
    side_by_side([(done, list(command))])


def side_by_side(*queues: Sequence[tuple[Path, list[str]]]) -> None:
    """Run queues of commands beside each other, the commands of one queue in turn, each on one core."""
    waiting = [[(done, command) for done, command in queue if not done.exists()] for queue in queues]
    running: dict[int, tuple[subprocess.Popen[bytes], list[str], Path]] = {}
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "TRANSFORMERS_VERBOSITY": "error",
        "TRL_EXPERIMENTAL_SILENCE": "1",
    }
    try:
        while any(waiting) or running:
            for lane, queue in enumerate(waiting):
                if queue and lane not in running:
                    done, command = queue.pop(0)
                    print(
                        "+",
                        shlex.join(
                            [
                                "globe-" + c.split("_")[1].split(".")[0] if c.startswith("globe_") else c
                                for c in command[2:]
                            ]
                        ),
                        flush=True,
                    )
                    log = (
                        done.parent.with_name(done.parent.name + ".log")
                        if done.name != "results.json"
                        else (done.parents[1].with_suffix(".log"))
                    )
                    log.parent.mkdir(parents=True, exist_ok=True)
                    with log.open("wb") as file:
                        running[lane] = (
                            subprocess.Popen(command, stdout=file, stderr=file, env=environment),
                            command,
                            log,
                        )
            for lane, (process, command, log) in list(running.items()):
                if (code := process.poll()) is not None:
                    del running[lane]
                    if code != 0:
                        last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
                        raise InputError(f"{shlex.join(command)}: exit code {code}: {' '.join(last)} ({log})")
            time.sleep(0.2)
    finally:
        for process, _, _ in running.values():
            process.terminate()


def values(folder: Path, name: str) -> tuple[list[str], dict[str, Any]]:
    """Groups and the values of each column, a photograph an entry, in the order of the ids."""
    file = folder / "runs" / name / "miniworld" / "samples.jsonl"
    samples = sorted(map(json.loads, file.read_text(encoding="utf-8").splitlines()), key=lambda sample: sample["id"])
    km = np.array([np.inf if s["distance_km"] is None else s["distance_km"] for s in samples])

    def grounding(key: str) -> Any:
        known = [(s.get("grounding") or {}).get(key) for s in samples]
        return 100 * np.array([np.nan if value is None else value for value in known], dtype=float)

    columns = {"25 km": 100 * (km <= 25), "750 km": 100 * (km <= 750), "lift": grounding("lift"), "F1": grounding("f1")}
    return [str(s["truth"]["group"] or s["id"]) for s in samples], columns


def report(folder: Path, teacher: str, seed: int) -> str:
    """The table in Markdown: every model, and what each GRPO changes over SFT."""
    head = ("model", *(f"{name} (95 %)" for name in COLUMNS))
    rows, before = [], None
    for name in ("constant", "knn", *MODELS):
        groups, found = values(folder, name)
        if name == "sft":
            before = found
        cells = [NAMES[name], *(cell(found[column], groups) for column in COLUMNS)]
        rows.append(cells)
    changes = []
    for name in VARIANTS:
        groups, found = values(folder, name)
        assert before is not None
        changes.append([NAMES[name], *(cell(found[c] - before[c], groups, signed=True) for c in COLUMNS)])
    lines = [
        f"miniworld, {len(groups)} photographs, seed {seed}, {teacher} teacher; %:",
        "",
        *card.table(head, rows),
        "",
        "Change over SFT, paired, resampled by photographer:",
        "",
        *card.table(head, changes),
        "",
    ]
    return "\n".join(lines)


def cell(column: Any, groups: Sequence[str], signed: bool = False) -> str:
    """A mean with its interval; an interval of a change that excludes zero is marked."""
    known = ~np.isnan(column)
    if not known.any():
        return "–"
    low, high = statistics.bootstrap(column[known], np.array(groups)[known])[0]
    sign = "+" if signed else ""
    mark = " *" if signed and (low > 0 or high < 0) else ""
    return f"{column[known].mean():{sign}.1f} ({low:{sign}.1f} – {high:{sign}.1f}){mark}"


if __name__ == "__main__":
    sys.exit(main())
