from __future__ import annotations

import argparse

from globe_eval.commands.parser import Parser, add_runs
from globe_eval.errors import InputError

SENTENCE = "Show runs side by side."
WORDS = "RUN [RUN …] [options]"
FORMATS = ("terminal", "markdown", "latex", "csv")
EXAMPLE = "globe-eval table out/knn/miniworld out/constant/miniworld"


def add_arguments(parser: Parser) -> None:
    add_runs(parser)
    parser.add_argument("--by", metavar="PART", help="each run by continent, country, scene or city_size instead")
    parser.add_argument("--format", choices=FORMATS, default="terminal", help="for a paper, a README or a spreadsheet")


def run(options: argparse.Namespace) -> int:
    from globe_eval.reports import terminal
    from globe_eval.runs import record

    many = [record.read_results(folder) for folder in options.runs]
    if options.by and options.format != "terminal":
        raise InputError(f"--format {options.format}: is of runs side by side; leave --by away")
    if options.by:
        print("\n\n".join(terminal.breakdown_table(one, options.by, terminal.width()) for one in many))
    else:
        print(terminal.compact_table(many, options.format, terminal.width()))
    return 0
