"""What each reward changes: the paper's Table 3 on a small scale, from the runs of one demo or of several seeds.

`python -m globe_train.laptop.ablation out/train-0 out/train-1 out/train-2 -o leaderboards/training` writes the table
over all seeds as Markdown.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from globe_eval.errors import InputError
from globe_eval.files import read_json_lines
from globe_eval.metrics.intervals import mean_interval
from globe_train import card
from globe_train.card import table
from globe_train.laptop import teacher

VARIANTS = ("grpo_one_reward", "grpo_two_rewards", "grpo_all_rewards")
MODELS = ("base", "sft", *VARIANTS)
CAREFUL = ("careful_sft", "careful_grpo")
NAMES = {
    "constant": "floor: New York, always",
    "knn": "floor: nearest of other pictures",
    "base": "can see, knows no place",
    "sft": "SFT",
    "grpo_one_reward": "GRPO: accuracy",
    "grpo_two_rewards": "GRPO: accuracy, localizability",
    "grpo_all_rewards": "GRPO: accuracy, localizability, grounding",
    "careful_sft": "SFT, careful teacher",
    "careful_grpo": "GRPO, careful teacher: accuracy, localizability, grounding",
}
BEFORE = {**dict.fromkeys(VARIANTS, "sft"), "careful_grpo": "careful_sft"}
"""What a model was trained from -> what its change is measured over."""

COLUMNS = ("25 km", "750 km", "lift", "F1")
TEACHER = (
    f"The flawed teacher overlooks {teacher.OVERLOOKS:.0%} of what is rare and telling ({', '.join(teacher.TELLING)}) "
    f"and {teacher.OMITS:.0%} of the rest, names one to three things that are not in view in {teacher.INVENTS:.0%} of "
    f"its texts, and answers with the best-known city of the country in {teacher.FAVOURS:.0%}; the careful one does "
    "none of that."
)

Values = Mapping[str, Any]
"""Column -> a value for each photograph, in the order of the ids; NaN where there is none."""


def values(folder: Path, name: str) -> tuple[list[str], Values]:
    """Photographers and values of a model's run in a demo's folder, in percent. Raises InputError: no such run."""
    file = next((folder / "runs" / name).glob("*/samples.jsonl"), folder / "runs" / name / "miniworld/samples.jsonl")
    if not file.is_file():
        raise InputError(f"{file}: no such file; python -m globe_train.laptop.demo {folder} writes it")
    samples = sorted(read_json_lines(file), key=lambda sample: sample["id"])
    km = np.array([np.inf if s["distance_km"] is None else s["distance_km"] for s in samples])

    def grounding(key: str) -> Any:
        known = [(s.get("grounding") or {}).get(key) for s in samples]
        return 100 * np.array([np.nan if value is None else value for value in known], dtype=float)

    columns = {"25 km": 100 * (km <= 25), "750 km": 100 * (km <= 750), "lift": grounding("lift"), "F1": grounding("f1")}
    return [str(s["truth"]["group"] or s["id"]) for s in samples], columns


def mean(runs: Sequence[tuple[Path, str]]) -> tuple[list[str], Values]:
    """As `values` of several runs (folder, name), for each photograph the mean over them."""
    read = [values(folder, name) for folder, name in runs]
    if any(groups != read[0][0] for groups, _ in read):
        folders, names = (", ".join(dict.fromkeys(map(str, its))) for its in zip(*runs, strict=True))
        raise InputError(f"{folders}: the runs of {names} are not over the same photographs")
    return read[0][0], {column: np.mean([found[column] for _, found in read], axis=0) for column in COLUMNS}


def cell(column: Any, groups: Sequence[str], signed: bool = False) -> str:
    """The mean of the known values with its interval by photographer; a change that is not zero by it is marked."""
    known = ~np.isnan(column)
    if not known.any():
        return "–"
    value, (low, high) = column[known].mean(), mean_interval(column, groups)
    sign = "+" if signed else ""
    mark = " *" if signed and (low > 0 or high < 0) else ""
    return f"{value:{sign}.1f} ({low:{sign}.1f} – {high:{sign}.1f}){mark}"


def rows(folders: Sequence[Path], names: Mapping[str, str], before: Mapping[str, str] | None = None) -> list[list[str]]:
    """The cells of a table: each model under its title, or with `before` what it changes over another, paired."""
    made = []
    for name, title in names.items():
        groups, found = mean([(folder, name) for folder in folders])
        if before is not None:
            if name not in before:
                continue
            _, other = mean([(folder, before[name]) for folder in folders])
            found = {column: found[column] - other[column] for column in COLUMNS}
        made.append([title, *(cell(found[column], groups, signed=before is not None) for column in COLUMNS)])
    return made


def report(folder: Path, names: Sequence[str], seed: int) -> str:
    """A demo's page in Markdown: every model, what each GRPO changes, the learning curves, how long it took."""
    groups, _ = values(folder, names[0])
    curves = [name for name in ("base", "sft", "reward_model", *VARIANTS, *CAREFUL) if (folder / name).is_dir()]
    lines = [f"# miniworld, {len(groups)} photographs, seed {seed}", "", *tables([folder], names), TEACHER, ""]
    for name in curves:
        lines += [f"## {NAMES.get(name, 'Reward model')}", "", f"![learning curves]({name}/{card.CURVES})", ""]
    return "\n".join(lines)


def tables(folders: Sequence[Path], names: Sequence[str]) -> list[str]:
    """Both tables in Markdown."""
    head, titles = ("%, 95 % intervals", *COLUMNS), {name: NAMES[name] for name in names}
    return [
        *table(head, rows(folders, titles)),
        "",
        "Change over SFT, paired, resampled by photographer; * where the interval excludes zero:",
        "",
        *table(head, rows(folders, titles, BEFORE)),
        "",
    ]


def present(folders: Sequence[Path]) -> list[str]:
    """The models of a demo that all of these have; those of the careful teacher are not in every one."""
    careful = [name for name in CAREFUL if all((folder / "runs" / name).is_dir() for folder in folders)]
    return ["constant", "knn", *MODELS, *careful]


def summary(folders: Sequence[Path], names: Sequence[str]) -> str:
    """The table over all seeds, then each seed's own."""
    groups, _ = values(folders[0], names[0])
    lines = [
        "# What each reward changes, on miniworld",
        "",
        f"The paper's Table 3 on a small scale: {len(groups)} photographs, {len(folders)} seeds, a Qwen2.5-VL of 1.5 "
        "million weights trained from nothing (`make rewards-demo SEED=…`), written by "
        "`python -m globe_train.laptop.ablation`.",
        "All seeds that were run are here. Intervals are over photographers; with several seeds, of each photograph's "
        "mean over them.",
        "",
        f"## Mean of {len(folders)} seeds",
        "",
        *tables(folders, names),
        TEACHER,
        "",
    ]
    for folder in folders:
        lines += [f"## {folder.name}", "", *tables([folder], present([folder]))]
    return "\n".join(lines)


def main(words: Sequence[str] | None = None) -> int:
    """Write the page of several demos."""
    parser = argparse.ArgumentParser(prog="python -m globe_train.laptop.ablation", description="The rewards' ablation.")
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER", help="that globe_train.laptop.demo wrote")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    options = parser.parse_args(words)
    names = present(options.folders)
    try:
        text = summary(options.folders, names)
    except InputError as error:
        print(f"ablation: {error}", file=sys.stderr)
        return error.exit_code
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "rewards.md").write_text(text, encoding="utf-8")
    print(options.output / "rewards.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
