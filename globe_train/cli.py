"""The command line of globe-train. What a verb needs is imported inside it, so that `--help` is instant.

Exit codes: 0 done; 2 the input cannot be used (nothing was trained, or what was trained is in the last checkpoint);
3 a teacher of `curate` never answered about some photographs; 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from globe_eval.commands.arguments import rate
from globe_eval.commands.parser import Command, Parser
from globe_eval.errors import IncompleteRun, InputError
from globe_train import Kind, curate, laptop

EXAMPLES = """\
examples:
  globe-train sft sft model=Qwen/Qwen2.5-VL-7B-Instruct output=out/sft --dry-run
  globe-train grpo my_recipe.yaml trainer.learning_rate=2e-6
  globe-train grpo my_recipe.yaml --resume
  globe-train launch grpo grpo_recommended --gpus 6+2 --print
  globe-train world out/world --n 8000
  globe-train curate my_photographs.yaml teachers.a.model_args.base_url=http://localhost:8000/v1
"""


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    given = list(sys.argv[1:] if words is None else words) or ["--help"]
    try:
        options = parse(given)
        return int(options.command(options))
    except (InputError, IncompleteRun) as error:
        print(f"globe-train: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        if error.filename is None:
            raise
        print(f"globe-train: {error.filename}: {error.strerror}", file=sys.stderr)
        return InputError.exit_code
    except KeyboardInterrupt:
        what = "interrupted; what was trained is in the last checkpoint, go on with --resume"
        print(f"globe-train: {what}", file=sys.stderr)
        return 130


def entry() -> None:
    """The console script."""
    sys.exit(main())


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The options; key=value may stand anywhere behind the verb."""
    options: argparse.Namespace
    options, left = _parser().parse_known_args(words)
    if "overrides" in options:
        given = [options.recipe, *options.overrides, *left]
        options.recipe = next((word for word in given if "=" not in word or Path(word).exists()), options.recipe)
        given.remove(options.recipe)
        options.overrides = given
    elif left:
        raise InputError(f"unrecognized arguments: {' '.join(left)} (see globe-train --help)")
    return options


def _parser() -> Parser:
    parser = Parser(
        prog="globe-train",
        sentence="SFT, reward model and GRPO for image geolocation, on trl.",
        words="COMMAND [options]",
        epilog=EXAMPLES,
    )
    parser.add_commands({**trainings(), **COMMANDS, **curate.COMMANDS, **laptop.COMMANDS})
    return parser


def trainings() -> dict[str, Command]:
    """The verbs that train, by their names."""
    sentences: dict[Kind, str] = {
        "sft": "Learn to write what a teacher wrote.",
        "reward_model": "Learn whether a picture is localizable, given a reasoning.",
        "grpo": "Reinforce by rewards.",
    }
    made = {}
    for kind, sentence in sentences.items():
        verb = kind.replace("_", "-")
        example = f"globe-train {verb} {'grpo_recommended' if kind == 'grpo' else kind} --dry-run"
        adding = partial(add_training, kind=kind)
        made[verb] = Command(sentence, "RECIPE [key=value …] [options]", example, adding, partial(train, kind=kind))
    return made


def add_training(parser: Parser, kind: Kind) -> None:
    """The arguments of a training."""
    add_recipe(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="check everything, show what would happen, train nothing"
    )
    parser.add_argument("--rate", type=rate, metavar="N", help="with --dry-run: photographs a second, for its hours")
    if kind == "grpo":
        parser.add_argument("--sample", action="store_true", help="with --dry-run: answers of the model, however large")


def train(options: argparse.Namespace, kind: Kind) -> int:
    """Train by a recipe, or say what would happen."""
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    from globe_train.recipe import read_recipe

    recipe = read_recipe(options.recipe, options.overrides, kind)
    sample = getattr(options, "sample", False)
    for option, given in (("--sample", sample), ("--rate", options.rate)):
        if given and not options.dry_run:
            raise InputError(f"{option}: only --dry-run takes it")
    need_libraries()
    if options.dry_run:
        from globe_train import check

        print(check.dry_run(recipe, sample, options.rate, options.resume))
        return 0
    if kind == "reward_model":
        from globe_train.reward_model import run
    else:
        from globe_train.train import run
    from globe_train.checkpoint import is_main_process

    folder = run(recipe, resume=options.resume)
    if is_main_process():
        print(f"{folder}: trained; globe-eval --model hf-multimodal --model_args pretrained={folder} --tasks miniworld")
    return 0


def add_recipe(parser: Parser) -> None:
    """The arguments of every training: recipe, overrides, --resume."""
    parser.add_argument("recipe", metavar="RECIPE", help="a YAML file, or the name of a shipped recipe")
    parser.add_argument(
        "overrides", nargs="*", default=[], metavar="key=value", help="over the recipe's, as in trainer.max_steps=9"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the last complete checkpoint")


def _add_launch(parser: Parser) -> None:
    parser.add_argument(
        "kind", metavar="VERB", choices=("sft", "reward-model", "grpo"), help="sft, reward-model or grpo"
    )
    add_recipe(parser)
    parser.add_argument("--gpus", metavar="6+2", help="that train, generate and serve the reward model (the recipe's)")
    parser.add_argument(
        "--sharding", choices=("zero3", "fsdp2"), default="zero3", help="of DeepSpeed (default) or torch"
    )
    parser.add_argument(
        "--reward-model", type=Path, default=Path("out/globe-r-loc"), metavar="FOLDER", help="of r_loc's server"
    )
    parser.add_argument("--print", dest="only_print", action="store_true", help="the commands, and start nothing")


def _launch(options: argparse.Namespace) -> int:
    from globe_train import launch
    from globe_train.recipe import read_recipe

    recipe = read_recipe(options.recipe, options.overrides, options.kind.replace("-", "_"))
    given = {name: getattr(options, name) for name in ("gpus", "sharding", "reward_model", "resume")}
    commands = launch.commands(recipe, options.overrides, **given)
    if options.only_print:
        print(*commands, sep="\n")
        return 0
    return launch.run(commands, recipe.output / "logs")


def _add_card(parser: Parser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="that globe-train wrote")
    runs = "folders of globe-eval's with a results.json"
    parser.add_argument("runs", type=Path, nargs="*", default=[], metavar="RUN", help=runs)


def _card(options: argparse.Namespace) -> int:
    from globe_train import card

    for path in (options.folder / card.ABOUT, *(run / "results.json" for run in options.runs)):
        if not path.is_file():
            raise InputError(f"{path}: no such file")
    print(card.write_card(options.folder, options.runs))
    return 0


def _add_merge(parser: Parser) -> None:
    parser.add_argument("adapter", type=Path, metavar="ADAPTER", help="folder that a recipe with lora wrote")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where the model goes")


def _merge(options: argparse.Namespace) -> int:
    from globe_train.checkpoint import merge_adapter

    need_libraries()
    merge_adapter(options.adapter, options.folder)
    print(f"{options.folder}: {options.adapter} merged into its base")
    return 0


def need_libraries() -> None:
    """Raise InputError where what trains is not installed."""
    from importlib.util import find_spec

    lacking = [name for name in ("torch", "transformers", "trl", "peft", "accelerate") if find_spec(name) is None]
    if lacking:
        raise InputError(f"{', '.join(lacking)}: not installed; pip install 'globe-eval[train]'")


COMMANDS = {
    "launch": Command(
        "Start a training on several GPUs, and the servers that it asks.",
        "VERB RECIPE [key=value …] [options]",
        "globe-train launch grpo grpo_recommended --gpus 6+2 --print",
        _add_launch,
        _launch,
    ),
    "card": Command(
        "Write a checkpoint's card again, with the results of evaluations.",
        "FOLDER [RUN …]",
        "globe-train card out/sft out/run/im2gps3k",
        _add_card,
        _card,
    ),
    "merge": Command(
        "Write an adapter and its base as one model.",
        "ADAPTER FOLDER",
        "globe-train merge out/globe-7b-lora out/globe-7b-merged",
        _add_merge,
        _merge,
    ),
}


if __name__ == "__main__":
    entry()
