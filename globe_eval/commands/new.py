"""`globe-eval new`."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from globe_eval.commands.parser import Parser, add_columns, add_output

SENTENCE = "Make a benchmark of your own photographs."
WORDS = "NAME --images DIR [--truth FILE] [options]"
EXAMPLE = "globe-eval new my_trip --images photos"
ROLES = ("id", "image", "lat", "lon", "country", "city", "group", "scene", "entities", "localizable")


def add_arguments(parser: Parser) -> None:
    parser.add_argument("name", metavar="NAME", help="of the task: letters, digits, '_' and '-'")
    parser.add_argument(
        "--truth", type=Path, metavar="FILE", help="table of the truth (default: made of the pictures' own metadata)"
    )
    parser.add_argument("--images", type=Path, metavar="DIR", required=True, help="folder of the pictures")
    add_output(parser, help="where YAML and table are written (default: here)")
    parser.add_argument("--folder", dest="output_path", type=Path, help=argparse.SUPPRESS)  # its name in 0.1
    add_columns(parser, ROLES, shown="id")


def run(options: argparse.Namespace) -> int:
    from globe_eval.benchmarks.definition import new_definition
    from globe_eval.errors import InputError

    columns = {role: column for role in ROLES if (column := getattr(options, f"{role}_column"))}
    if columns and options.truth is None:
        raise InputError(f"--{next(iter(columns))}-column: is of a table; give it with --truth")
    path, left_out = new_definition(options.name, options.truth, options.images, options.output_path, columns=columns)
    for reason, n in Counter(reason for _, reason in left_out).most_common():
        first = next(name for name, why in left_out if why == reason)
        print(f"left out: {n:,} ({first}{', …' if n > 1 else ''}): {reason}")
    if options.truth is None:
        print(f"written: {path.with_suffix('.csv')}")
    if left_out:
        print(f"written: {path.with_name(options.name + '_left_out.csv')}")
    print(f"written: {path}")
    print(f"now: globe-eval --model constant --tasks {options.name} --include_path {path.absolute().parent}")
    return 0
