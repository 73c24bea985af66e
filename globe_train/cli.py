"""The command line of globe-train. What a verb needs is imported inside it, so that `--help` is instant.

Exit codes: 0 done; 2 the input cannot be used (nothing was trained, or what was trained is in the last checkpoint);
3 a teacher of `curate` never answered about some photographs; 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from globe_eval.errors import IncompleteRun, InputError
from globe_train import curate, laptop

EXAMPLES = """\
examples:
  globe-train sft sft model=Qwen/Qwen2.5-VL-7B-Instruct output=out/sft --dry-run
  globe-train grpo my_recipe.yaml trainer.learning_rate=2e-6
  globe-train grpo my_recipe.yaml --resume
  accelerate launch --config_file globe_train/accelerate/zero3.yaml -m globe_train.cli grpo grpo_two_rewards
  globe-train world out/world --n 8000
  globe-train curate my_photographs.yaml teachers.a.model_args.base_url=http://localhost:8000/v1
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        """One line, like every other error of the user's."""
        raise InputError(f"{message} (see {self.prog} --help)")


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    given = list(sys.argv[1:] if words is None else words) or ["--help"]
    try:
        options = _parser().parse_args(given)
        return int(options.verb(options))
    except (InputError, IncompleteRun) as error:
        print(f"globe-train: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(
            "globe-train: interrupted; what was trained is in the last checkpoint, go on with --resume", file=sys.stderr
        )
        return 130


def entry() -> None:
    """The console script."""
    sys.exit(main())


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="globe-train",
        description="SFT, reward model and GRPO for image geolocation, on trl.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(
        metavar="{sft,reward-model,grpo,curate,world,student,card,merge}", required=True, parser_class=_Parser
    )
    for name, kind, what in (
        ("sft", "sft", "learn to write what a teacher wrote"),
        ("reward-model", "reward_model", "learn whether a picture is localizable, given a reasoning"),
        ("grpo", "grpo", "reinforce by rewards"),
    ):
        train = verbs.add_parser(name, help=what)
        train.add_argument("recipe", metavar="RECIPE", help="a YAML file, or the name of a shipped recipe")
        train.add_argument(
            "overrides", nargs="*", metavar="key=value", help="over the recipe's, as in trainer.max_steps=9"
        )
        train.add_argument("--resume", action="store_true", help="go on from the last complete checkpoint")
        train.add_argument(
            "--dry-run", action="store_true", help="check everything, show what would happen, train nothing"
        )
        if kind == "grpo":
            train.add_argument(
                "--sample", action="store_true", help="with --dry-run: reward answers of the model, however large"
            )
        train.set_defaults(verb=_train, kind=kind)
    curate.add_verb(verbs)
    laptop.add_verbs(verbs)
    card = verbs.add_parser("card", help="write a checkpoint's card again, with the results of evaluations")
    card.add_argument("folder", type=Path, metavar="FOLDER", help="that globe-train wrote")
    card.add_argument("runs", type=Path, nargs="*", metavar="RUN", help="folders of globe-eval's with a results.json")
    card.set_defaults(verb=_card)
    merge = verbs.add_parser("merge", help="write an adapter and its base as one model")
    merge.add_argument("adapter", type=Path, metavar="ADAPTER", help="folder that a recipe with lora wrote")
    merge.add_argument("folder", type=Path, metavar="FOLDER", help="where the model goes")
    merge.set_defaults(verb=_merge)
    return parser


def _merge(options: argparse.Namespace) -> int:
    from globe_train.merge import merge

    need_libraries()
    merge(options.adapter, options.folder)
    print(f"{options.folder}: {options.adapter} merged into its base")
    return 0


def _train(options: argparse.Namespace) -> int:
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    from globe_train.recipe import read_recipe

    recipe = read_recipe(options.recipe, options.overrides, options.kind)
    sample = getattr(options, "sample", False)
    if sample and not options.dry_run:
        raise InputError("--sample: only --dry-run takes it; a run rewards what the model answers anyway")
    need_libraries()
    if options.dry_run:
        from globe_train import check

        print(check.dry_run(recipe, sample))
        return 0
    if options.kind == "reward_model":
        from globe_train.reward_model import run
    else:
        from globe_train.train import run
    folder = run(recipe, resume=options.resume)
    if int(os.environ.get("RANK", "0")) == 0:
        print(f"{folder}: trained; globe-eval --model hf-multimodal --model_args pretrained={folder} --tasks miniworld")
    return 0


def need_libraries() -> None:
    """Raise InputError where what trains is not installed."""
    from importlib.util import find_spec

    lacking = [name for name in ("torch", "transformers", "trl", "peft", "accelerate") if find_spec(name) is None]
    if lacking:
        raise InputError(f"{', '.join(lacking)}: not installed; pip install 'globe-eval[train]'")


def _card(options: argparse.Namespace) -> int:
    from globe_train import card

    for path in (options.folder / card.ABOUT, *(run / "results.json" for run in options.runs)):
        if not path.is_file():
            raise InputError(f"{path}: no such file")
    print(card.write_card(options.folder, options.runs))
    return 0


if __name__ == "__main__":
    entry()
