"""The commands beside the trainings themselves: launch, card, merge. What each needs is imported inside it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from globe_eval.errors import InputError


def add_verbs(verbs: Any) -> None:
    """Add `launch`, `card` and `merge` to the verbs of the command line."""
    launch = verbs.add_parser("launch", help="start a training on several GPUs, and the servers that it asks")
    launch.add_argument("kind", metavar="{sft,reward-model,grpo}", choices=("sft", "reward-model", "grpo"))
    add_recipe(launch)
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
    card = verbs.add_parser("card", help="write a checkpoint's card again, with the results of evaluations")
    card.add_argument("folder", type=Path, metavar="FOLDER", help="that globe-train wrote")
    card.add_argument("runs", type=Path, nargs="*", metavar="RUN", help="folders of globe-eval's with a results.json")
    card.set_defaults(verb=_card)
    merge = verbs.add_parser("merge", help="write an adapter and its base as one model")
    merge.add_argument("adapter", type=Path, metavar="ADAPTER", help="folder that a recipe with lora wrote")
    merge.add_argument("folder", type=Path, metavar="FOLDER", help="where the model goes")
    merge.set_defaults(verb=_merge)


def add_recipe(parser: argparse.ArgumentParser) -> None:
    """What every training takes: a recipe, values over it, and whether to go on."""
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


def _card(options: argparse.Namespace) -> int:
    from globe_train import card

    for path in (options.folder / card.ABOUT, *(run / "results.json" for run in options.runs)):
        if not path.is_file():
            raise InputError(f"{path}: no such file")
    print(card.write_card(options.folder, options.runs))
    return 0


def need_libraries() -> None:
    """Raise InputError where what trains is not installed."""
    from importlib.util import find_spec

    lacking = [name for name in ("torch", "transformers", "trl", "peft", "accelerate") if find_spec(name) is None]
    if lacking:
        raise InputError(f"{', '.join(lacking)}: not installed; pip install 'globe-eval[train]'")
