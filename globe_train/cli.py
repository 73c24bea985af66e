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
  globe-train launch grpo grpo_recommended --gpus 6+2 --print
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
        options = _parse(given)
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


def _parse(words: Sequence[str]) -> argparse.Namespace:
    """The options; key=value may stand anywhere behind the verb."""
    options, left = _parser().parse_known_args(words)
    late = [word for word in left if "=" in word and not word.startswith("-")]
    if len(late) < len(left) or (late and not hasattr(options, "overrides")):
        raise InputError(f"unrecognized arguments: {' '.join(left)} (see globe-train --help)")
    if late:
        options.overrides = [*options.overrides, *late]
    return options


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="globe-train",
        description="SFT, reward model and GRPO for image geolocation, on trl.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(
        metavar="{sft,reward-model,grpo,launch,curate,world,student,card,merge}", required=True, parser_class=_Parser
    )
    for name, what in (
        ("sft", "learn to write what a teacher wrote"),
        ("reward-model", "learn whether a picture is localizable, given a reasoning"),
        ("grpo", "reinforce by rewards"),
    ):
        train = verbs.add_parser(name, help=what)
        _add_recipe(train)
        train.add_argument(
            "--dry-run", action="store_true", help="check everything, show what would happen, train nothing"
        )
        train.add_argument("--rate", type=float, metavar="N", help="photographs a second, for --dry-run's hours")
        if name == "grpo":
            train.add_argument(
                "--sample", action="store_true", help="with --dry-run: reward answers of the model, however large"
            )
        train.set_defaults(verb=_train, kind=name.replace("-", "_"))
    launch = verbs.add_parser("launch", help="start a training on several GPUs, and the servers that it asks")
    launch.add_argument("kind", metavar="{sft,reward-model,grpo}", choices=("sft", "reward-model", "grpo"))
    _add_recipe(launch)
    launch.add_argument("--gpus", metavar="6+2", help="that train, generate and serve the reward model (the recipe's)")
    launch.add_argument(
        "--sharding", choices=("zero3", "fsdp2"), default="zero3", help="of DeepSpeed (default) or torch"
    )
    launch.add_argument(
        "--reward-model",
        type=Path,
        default=Path("out/globe-r-loc"),
        metavar="FOLDER",
        help="of r_loc's server",
    )
    launch.add_argument("--print", dest="only_print", action="store_true", help="the commands, and start nothing")
    launch.set_defaults(verb=_launch)
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


def _add_recipe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", metavar="RECIPE", help="a YAML file, or the name of a shipped recipe")
    parser.add_argument(
        "overrides", nargs="*", metavar="key=value", help="over the recipe's, as in trainer.max_steps=9"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the last complete checkpoint")


def _launch(options: argparse.Namespace) -> int:
    from globe_train import launch
    from globe_train.recipe import read_recipe

    recipe = read_recipe(options.recipe, options.overrides, options.kind.replace("-", "_"))
    commands = launch.commands(
        recipe,
        options.overrides,
        gpus=options.gpus,
        sharding=options.sharding,
        reward_model=options.reward_model,
        resume=options.resume,
    )
    if options.only_print:
        print(*commands, sep="\n")
        return 0
    return launch.run(commands, recipe.output / "logs")


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

        print(check.dry_run(recipe, sample, options.rate))
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
