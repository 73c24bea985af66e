"""The commands of globe-train other than trainings: launch, card, merge; each imports what it needs when it runs."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from globe_eval.commands.parser import Parser
from globe_eval.errors import InputError


class Command(NamedTuple):
    """A command as `Parser.add_commands` takes it: what it does, what it wants, one that works, its arguments."""

    SENTENCE: str
    WORDS: str
    EXAMPLE: str
    add_arguments: Callable[[Parser], None]
    run: Callable[[argparse.Namespace], int]


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
