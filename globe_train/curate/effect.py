"""What verified data are worth in training: the paper's Table 5 in small, with the recipes of miniworld.

    python -m globe_train.curate.table5 out/table5 --size 3000
    python -m globe_train.curate.effect out/table5 out/train-0/base out/train-1/base -o leaderboards/training

For each base checkpoint (one a seed, what `globe_train.demo` trained to see) and each of the three sets: SFT, then GRPO
on the same photographs, both evaluated on the test split. A step whose result is there is not run again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from globe_eval.errors import InputError
from globe_train import ablation, card
from globe_train.curate.table5 import SETS
from globe_train.markdown import table
from globe_train.steps import TRAIN, Step, checkpoint, evaluation, run

TITLES = {"random": "random answers", "single": "one teacher", "verified": "several teachers, verified"}
NAMES = {f"{name}_{kind}": f"{kind.upper()}: {TITLES[name]}" for kind in ("sft", "grpo") for name in SETS}
OVER_RANDOM = {f"{name}_{kind}": f"random_{kind}" for kind in ("sft", "grpo") for name in SETS if name != "random"}
OVER_SINGLE = {f"verified_{kind}": f"single_{kind}" for kind in ("sft", "grpo")}


def main(words: Sequence[str] | None = None) -> int:
    """Train, evaluate, write the table; returns an exit code."""
    parser = argparse.ArgumentParser(prog="python -m globe_train.curate.effect", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="that globe_train.curate.table5 wrote")
    parser.add_argument("bases", type=Path, nargs="+", metavar="BASE", help="checkpoints that can see, one a seed")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="for data.md and data.csv")
    parser.add_argument("--sft", type=int, default=600, help="steps of each SFT (default 600)")
    parser.add_argument("--grpo", type=int, default=50, help="steps of each GRPO (default 50)")
    options = parser.parse_args(words)
    folders = [options.folder / f"seed-{seed}" for seed in range(len(options.bases))]
    try:
        for path in (*(options.folder / "sets" / f"{name}.jsonl" for name in SETS), *options.bases):
            if not path.exists():
                raise InputError(f"{path}: no such file or folder")
        planned = [
            step
            for seed, (folder, base) in enumerate(zip(folders, options.bases, strict=True))
            for step in steps(options, folder, base, seed)
        ]
        run(planned, options.folder / "logs")
        text, numbers = summary(options, folders), ablation.table_csv(folders, list(NAMES))
    except InputError as error:
        print(f"effect: {error}", file=sys.stderr)
        return error.exit_code
    options.output.mkdir(parents=True, exist_ok=True)
    for name, content in (("data.md", text), ("data.csv", numbers)):
        (options.output / name).write_text(content, encoding="utf-8")
    print(f"\n{text}\n{options.output / 'data.md'}")
    return 0


def steps(options: argparse.Namespace, folder: Path, base: Path, seed: int) -> list[Step]:
    """SFT, GRPO and their evaluations for each set, from one base."""
    made = []
    for name in SETS:
        data = [f"data.manifest={options.folder / 'sets' / name}.jsonl", f"data.images={options.folder / 'world'}"]
        sft, grpo = (f"{name}_{kind}" for kind in ("sft", "grpo"))
        for verb, recipe, model, trained, count in (
            ("sft", "miniworld_sft", base, sft, options.sft),
            ("grpo", "miniworld_grpo_one_reward", folder / sft, grpo, options.grpo),
        ):
            given = [f"model={model}", f"output={folder / trained}", f"seed={seed}", f"trainer.max_steps={count}"]
            needs = [] if verb == "sft" else [f"{seed}-{sft}"]
            command = [*TRAIN, verb, recipe, *given, *data]
            made.append(Step(f"{seed}-{trained}", folder / trained / card.ABOUT, command, needs))
            model_args = checkpoint(folder / trained)
            needed = [f"{seed}-{trained}"]
            made.append(evaluation(f"{seed}-eval-{trained}", model_args, folder / "runs" / trained, needed))
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
        "seeds, all that were run. Written by `python -m globe_train.curate.effect`. Intervals are over photographers, "
        "of each photograph's mean over the seeds.",
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
