"""`globe-eval new`."""

from __future__ import annotations

import argparse
from pathlib import Path

from globe_eval.commands.parser import Parser, add_columns, add_output

SENTENCE = "Write the YAML of a benchmark of your own."
WORDS = "NAME --truth FILE --images DIR [options]"
EXAMPLE = "globe-eval new my_city --truth gt.csv --images photos"
ROLES = ("id", "image", "lat", "lon", "country", "city", "group", "scene", "entities", "localizable")


def add_arguments(parser: Parser) -> None:
    """The arguments."""
    parser.add_argument("name", metavar="NAME", help="of the task: letters, digits, '_' and '-'")
    parser.add_argument("--truth", type=Path, metavar="FILE", required=True, help="table of the truth")
    parser.add_argument("--images", type=Path, metavar="DIR", required=True, help="folder of the pictures")
    add_output(parser, help="where the YAML is written (default: here)")
    parser.add_argument("--folder", dest="output_path", type=Path, help=argparse.SUPPRESS)  # its name in 0.1
    add_columns(parser, ROLES, shown="id")


def run(options: argparse.Namespace) -> int:
    """Write the YAML of a benchmark."""
    from globe_eval.benchmarks.definition import new_definition

    columns = {role: column for role in ROLES if (column := getattr(options, f"{role}_column"))}
    path = new_definition(options.name, options.truth, options.images, options.output_path, columns=columns)
    print(f"written: {path}")
    print(f"now: globe-eval --model constant --tasks {options.name} --include_path {path.absolute().parent}")
    return 0
