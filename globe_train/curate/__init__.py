"""Curation: geotagged photographs -> reasoning data that was distilled from teachers and verified (GLOBE's Figure 3).

    recipe -> photographs -> teachers' answers -> checks -> chosen, balanced, split -> a data set with its evidence

`globe-train curate RECIPE`. Every step leaves files in the recipe's output folder and goes on from what is there.
"""

from __future__ import annotations

import argparse
import sys

from globe_eval.commands.parser import Command, Parser
from globe_eval.errors import InputError


def _add_arguments(curate: Parser) -> None:
    curate.add_argument("recipe", metavar="RECIPE", help="a YAML file, or the name of a shipped recipe")
    curate.add_argument("overrides", nargs="*", default=[], metavar="key=value", help="over the recipe's, as in seed=1")
    curate.add_argument("--shard", metavar="I/N", help="ask and look only, every N-th photograph from the I-th on")
    curate.add_argument("--teacher", metavar="NAME", help="ask only this teacher (several may be asked side by side)")
    curate.add_argument("--fresh", action="store_true", help="ask everything again, instead of going on")


def _curate(options: argparse.Namespace) -> int:
    from globe_eval.commands.arguments import shard
    from globe_train.curate.recipe import read_recipe

    recipe = read_recipe(options.recipe, options.overrides)
    part = shard(options.shard)
    from globe_eval.runs.process import interruptible
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
    print(run.summary(recipe, made) if made else f"{recipe.output}: {what}: {options.teacher or 'all teachers'} heard")
    return 0


COMMANDS = {
    "curate": Command(
        "Make verified reasoning data of geotagged photographs and teachers.",
        "RECIPE [key=value …] [options]",
        "globe-train curate my_photographs.yaml --shard 1/4",
        _add_arguments,
        _curate,
    )
}
