"""The command line of globe-train. What a verb needs is imported inside it, so that `--help` is instant.

Exit codes: 0 done; 2 the input cannot be used (nothing was trained, or what was trained is in the last checkpoint);
3 a teacher of `curate` never answered about some photographs; 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

from globe_eval.errors import IncompleteRun, InputError
from globe_train import commands, curate, laptop

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
        commands.add_recipe(train)
        train.add_argument(
            "--dry-run", action="store_true", help="check everything, show what would happen, train nothing"
        )
        train.add_argument("--rate", type=float, metavar="N", help="photographs a second, for --dry-run's hours")
        if name == "grpo":
            train.add_argument(
                "--sample", action="store_true", help="with --dry-run: reward answers of the model, however large"
            )
        train.set_defaults(verb=_train, kind=name.replace("-", "_"))
    for others in (commands, curate, laptop):
        others.add_verbs(verbs)
    return parser


def _train(options: argparse.Namespace) -> int:
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    from globe_train.recipe import read_recipe

    recipe = read_recipe(options.recipe, options.overrides, options.kind)
    sample = getattr(options, "sample", False)
    if sample and not options.dry_run:
        raise InputError("--sample: only --dry-run takes it; a run rewards what the model answers anyway")
    commands.need_libraries()
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


if __name__ == "__main__":
    entry()
