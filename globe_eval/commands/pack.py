"""`globe-eval pack`."""

from __future__ import annotations

import argparse

from globe_eval.commands.parser import Parser, add_include_path, add_output

SENTENCE = "Write a benchmark as one zip file to hand on."
WORDS = "TASK [options]"
EXAMPLE = "globe-eval pack my_city.yaml"


def add_arguments(parser: Parser) -> None:
    """The arguments."""
    parser.add_argument("task", metavar="TASK", help="a YAML, or a name with --include_path")
    add_include_path(parser)
    add_output(parser, metavar="FILE", help="default TASK.zip here")


def run(options: argparse.Namespace) -> int:
    """Pack a benchmark."""
    from globe_eval.benchmarks.definition import find
    from globe_eval.benchmarks.pack import pack

    path = pack(find(options.task, options.include_path), options.output_path)
    print(f"written: {path} (pictures without metadata; pass them on only where their license allows it)")
    print(f"now, anywhere: globe-eval --model constant --tasks {path.name}")
    return 0
