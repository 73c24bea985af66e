from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from globe_eval.commands.parser import Parser, add_include_path, add_output

SENTENCE = "Make and check a benchmark's manifest from what you downloaded."
WORDS = "TASK [options]"
EXAMPLE = "globe-eval prepare im2gps3k --images im2gps3ktest"


def add_arguments(parser: Parser) -> None:
    parser.add_argument("task", metavar="TASK", help="name of a task, or the path of its YAML")
    parser.add_argument(
        "--images", type=Path, metavar="DIR", help="folder of the pictures (default: the hub, or the YAML's)"
    )
    parser.add_argument("--truth", type=Path, metavar="FILE", help="table of the truth (default: the YAML's)")
    add_output(parser, help="default $GLOBE_EVAL_DATA/TASK")
    parser.add_argument(
        "--against", nargs="+", type=Path, metavar="MANIFEST", default=[], help="training sets to compare with"
    )
    parser.add_argument(
        "--fix-swapped", action="store_true", help="swap latitude and longitude back, where the header has them swapped"
    )
    parser.add_argument("--allow-missing", action="store_true", help="leave photographs out that have no picture")
    add_include_path(parser)


def run(options: argparse.Namespace) -> int:
    from globe_eval.benchmarks.prepare import describe, prepare, refuse_unwritten

    prepared = prepare(
        options.task,
        images=options.images,
        truth=options.truth,
        out=options.output_path,
        against=options.against,
        fix_swapped=options.fix_swapped,
        allow_missing=options.allow_missing,
        include_path=options.include_path,
    )
    print(describe(prepared, shutil.get_terminal_size().columns))
    refuse_unwritten(prepared)
    return 0
