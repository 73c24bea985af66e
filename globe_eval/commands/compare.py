from __future__ import annotations

import argparse
import json
import sys

from globe_eval.commands import arguments
from globe_eval.commands.parser import Parser, add_format, add_output, add_runs

SENTENCE = "Compare runs with the first of them, photograph by photograph."
WORDS = "RUN RUN [RUN …] [options]"
EXAMPLE = "globe-eval compare out/knn/miniworld out/constant/miniworld"


def add_arguments(parser: Parser) -> None:
    add_runs(parser, help="folders of runs, or rows of a leaderboard (*.json); the first is the reference")
    parser.add_argument(
        "--flips",
        type=arguments.distance_km,
        nargs="?",
        const=25.0,
        metavar="KM",
        help="list the photographs that only one of two runs has within this distance (default 25)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the intervals (default 0)")
    add_output(parser, help="write comparison.json and comparison.txt there")
    add_format(parser)


def run(options: argparse.Namespace) -> int:
    from globe_eval.reports import compare_text, terminal
    from globe_eval.reports.compare import compare
    from globe_eval.runs import record

    if options.output_path is not None:
        record.refuse_run(options.output_path, options.runs)
    many = compare(options.runs, seed=options.seed)
    columns = None if options.output_path is not None else terminal.width()
    text = compare_text.comparison_text(many, flips_km=options.flips, columns=columns) + "\n"
    whole = compare_text.comparison_json(many, flips_km=options.flips)
    as_json = json.dumps(whole, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    if options.output_path is not None:
        options.output_path.mkdir(parents=True, exist_ok=True)
        for name, content in (("comparison.json", as_json), ("comparison.txt", text)):
            (options.output_path / name).write_text(content, encoding="utf-8", newline="\n")
        print(f"globe-eval: written: {options.output_path}", file=sys.stderr)
    print(as_json if options.format == "json" else text, end="")
    return 0
