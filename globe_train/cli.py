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

from globe_eval.commands.arguments import count
from globe_eval.errors import IncompleteRun, InputError

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
    _add_curate(verbs)
    world = verbs.add_parser("world", help="draw miniworld's training split")
    world.add_argument("folder", type=Path, metavar="FOLDER")
    world.add_argument("--n", type=count, default=8000, help="pictures (default 8000)")
    world.add_argument("--seed", type=int, default=1, help="of the pictures (default 1; the benchmark's is 0)")
    world.add_argument("--teacher", default="flawed", metavar="MANNER", help="flawed (default) or careful")
    world.add_argument("--size", type=count, default=112, help="pixels a side (default 112)")
    world.add_argument("--fresh", action="store_true", help="over another split in the folder")
    world.set_defaults(verb=_world)
    student = verbs.add_parser(
        "student", help="make a tiny Qwen2.5-VL, untrained, that can learn miniworld on a laptop"
    )
    student.add_argument("folder", type=Path, metavar="FOLDER")
    student.add_argument("--seed", type=int, default=0)
    student.set_defaults(verb=_student)
    card = verbs.add_parser("card", help="write a checkpoint's card again, with the results of evaluations")
    card.add_argument("folder", type=Path, metavar="FOLDER", help="that globe-train wrote")
    card.add_argument("runs", type=Path, nargs="*", metavar="RUN", help="folders of globe-eval's with a results.json")
    card.set_defaults(verb=_card)
    merge = verbs.add_parser("merge", help="write an adapter and its base as one model")
    merge.add_argument("adapter", type=Path, metavar="ADAPTER", help="folder that a recipe with lora wrote")
    merge.add_argument("folder", type=Path, metavar="FOLDER", help="where the model goes")
    merge.set_defaults(verb=_merge)
    return parser


def _add_curate(verbs: Any) -> None:
    curate = verbs.add_parser("curate", help="make verified reasoning data of geotagged photographs and teachers")
    curate.add_argument("recipe", metavar="RECIPE", help="a YAML file, or the name of a shipped recipe")
    curate.add_argument("overrides", nargs="*", metavar="key=value", help="over the recipe's, as in seed=1")
    curate.add_argument("--shard", metavar="I/N", help="ask and look only, every N-th photograph from the I-th on")
    curate.add_argument("--teacher", metavar="NAME", help="ask only this teacher (several may be asked side by side)")
    curate.add_argument("--fresh", action="store_true", help="ask everything again, instead of going on")
    curate.set_defaults(verb=_curate)


def _curate(options: argparse.Namespace) -> int:
    from globe_eval.commands.arguments import shard
    from globe_train.curate.recipe import read_recipe

    recipe = read_recipe(options.recipe, options.overrides)
    part = shard(options.shard)
    from globe_eval.runs.interrupt import interruptible
    from globe_train.curate import run

    try:
        with interruptible():
            made = run.curate(recipe, shard=part, only=options.teacher, fresh=options.fresh)
    except InputError as error:  # a run of globe-eval's says which of its options helps
        raise InputError(str(error).replace("--output_path", "output=…")) from None
    except KeyboardInterrupt:
        print("globe-train: interrupted; start the same command again to go on", file=sys.stderr)
        return 130
    what = f"shard {options.shard}" if options.shard else "all photographs"
    print(run.summary(made) if made else f"{recipe.output}: {what}: {options.teacher or 'all teachers'} heard")
    return 0


def _merge(options: argparse.Namespace) -> int:
    from globe_train import checkpoint

    _need_libraries()
    checkpoint.merge(options.adapter, options.folder)
    print(f"{options.folder}: {options.adapter} merged into its base")
    return 0


def _train(options: argparse.Namespace) -> int:
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    from globe_train.recipe import read_recipe

    recipe = read_recipe(options.recipe, options.overrides, options.kind)
    sample = getattr(options, "sample", False)
    if sample and not options.dry_run:
        raise InputError("--sample: only --dry-run takes it; a run rewards what the model answers anyway")
    _need_libraries()
    if options.dry_run:
        from globe_train.dry_run import dry_run

        print(dry_run(recipe, sample))
        return 0
    from importlib import import_module

    folder = import_module(f"globe_train.{options.kind}").run(recipe, resume=options.resume)
    if int(os.environ.get("RANK", "0")) == 0:
        print(f"{folder}: trained; globe-eval --model hf-multimodal --model_args pretrained={folder} --tasks miniworld")
    return 0


def _need_libraries() -> None:
    from importlib.util import find_spec

    lacking = [name for name in ("torch", "transformers", "trl", "peft", "accelerate") if find_spec(name) is None]
    if lacking:
        raise InputError(f"{', '.join(lacking)}: not installed; pip install 'globe-eval[train]'")


def _world(options: argparse.Namespace) -> int:
    from globe_train import world

    path = world.write(options.folder, options.n, options.seed, options.teacher, options.size, options.fresh)
    print(f"{path}: {options.n:,} pictures, seed {options.seed}, {options.teacher} teacher; none is the benchmark's")
    return 0


def _student(options: argparse.Namespace) -> int:
    from globe_train import tiny_student

    folder = tiny_student.build(options.folder, options.seed)
    print(f"{folder}: Qwen2.5-VL with one and a half million random weights, seed {options.seed}")
    return 0


def _card(options: argparse.Namespace) -> int:
    from globe_train import card

    for path in (options.folder / card.ABOUT, *(run / "results.json" for run in options.runs)):
        if not path.is_file():
            raise InputError(f"{path}: no such file")
    print(card.write_card(options.folder, options.runs))
    return 0


if __name__ == "__main__":
    entry()
