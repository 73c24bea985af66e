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

from globe_eval.commands.parser import Parser
from globe_eval.errors import IncompleteRun, InputError
from globe_train import Kind, commands, curate, laptop
from globe_train.commands import Command

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
        print(
            "globe-train: interrupted; what was trained is in the last checkpoint, go on with --resume", file=sys.stderr
        )
        return 130


def entry() -> None:
    """The console script."""
    sys.exit(main())


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The options; key=value may stand anywhere behind the verb."""
    options, left = _parser().parse_known_args(words)
    if left and not (hasattr(options, "overrides") and all("=" in word for word in left)):
        raise InputError(f"unrecognized arguments: {' '.join(left)} (see globe-train --help)")
    if left:
        options.overrides = [*options.overrides, *left]
    return options


def _parser() -> Parser:
    parser = Parser(
        prog="globe-train",
        sentence="SFT, reward model and GRPO for image geolocation, on trl.",
        words="COMMAND [options]",
        epilog=EXAMPLES,
    )
    parser.add_commands({**trainings(), **commands.COMMANDS, **curate.COMMANDS, **laptop.COMMANDS})
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
    commands.add_recipe(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="check everything, show what would happen, train nothing"
    )
    parser.add_argument("--rate", type=float, metavar="N", help="photographs a second, for the hours of --dry-run")
    if kind == "grpo":
        parser.add_argument("--sample", action="store_true", help="with --dry-run: answers of the model, however large")


def train(options: argparse.Namespace, kind: Kind) -> int:
    """Train by a recipe, or say what would happen."""
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    from globe_train.recipe import read_recipe

    recipe = read_recipe(options.recipe, options.overrides, kind)
    sample = getattr(options, "sample", False)
    if sample and not options.dry_run:
        raise InputError("--sample: only --dry-run takes it; a run rewards what the model answers anyway")
    commands.need_libraries()
    if options.dry_run:
        from globe_train import check

        print(check.dry_run(recipe, sample, options.rate))
        return 0
    if kind == "reward_model":
        from globe_train.reward_model import run
    else:
        from globe_train.train import run
    folder = run(recipe, resume=options.resume)
    if int(os.environ.get("RANK", "0")) == 0:
        print(f"{folder}: trained; globe-eval --model hf-multimodal --model_args pretrained={folder} --tasks miniworld")
    return 0


if __name__ == "__main__":
    entry()
