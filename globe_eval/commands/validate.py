from __future__ import annotations

import argparse
import sys
from pathlib import Path

from globe_eval.commands.parser import Parser
from globe_eval.errors import InputError

SENTENCE = "Say what is wrong with task YAMLs, or packed benchmarks."
WORDS = "FILE [FILE …]"
EXAMPLE = "globe-eval validate my_city.yaml"


def add_arguments(parser: Parser) -> None:
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="YAML or name of a task, or a zip of pack")


def run(options: argparse.Namespace) -> int:
    import shutil

    from globe_eval.benchmarks import definition, listing, validate
    from globe_eval.benchmarks.pack import unpack_benchmark

    wrong, width = 0, shutil.get_terminal_size().columns
    for name in options.files:
        path = name if name.exists() or name.suffix else definition.find(str(name)).path
        found = validate.problems(unpack_benchmark(path) if path.suffix == ".zip" else path, data=True)
        wrong += bool(found)
        for problem in found:
            print(listing.wrap(str(problem), width), file=sys.stderr)
        if not found:
            print(f"{path}: ok")
    return InputError.exit_code if wrong else 0
