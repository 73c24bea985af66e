"""`globe-eval report`."""

from __future__ import annotations

import argparse
from pathlib import Path

from globe_eval.commands import arguments
from globe_eval.commands.parser import Parser, add_ids, add_output, add_runs

SENTENCE = "Write runs as one HTML file that opens offline."
WORDS = "RUN [RUN …] [options]"
EXAMPLE = "globe-eval report globe_eval_runs/knn/miniworld -o report.html"


def add_arguments(parser: Parser) -> None:
    add_runs(parser)
    add_output(parser, metavar="FILE", help="default globe-eval-report.html")
    parser.add_argument("--images", type=Path, metavar="DIR", help="show pictures from there, found by photograph id")
    parser.add_argument(
        "--max_images", type=arguments.count, metavar="N", help="how many pictures at most (default 300)"
    )
    parser.add_argument("--svg", type=Path, metavar="DIR", help="write maps and charts there, as SVG files")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write a row for each photograph and run there")
    add_ids(parser, "of --csv")
    parser.add_argument("--open", action="store_true", help="show it in the browser")


def run(options: argparse.Namespace) -> int:
    from globe_eval.reports.page.report import write_report

    for path in write_report(
        options.runs,
        options.output_path,
        images=options.images,
        max_images=options.max_images,
        svg=options.svg,
        csv=options.csv,
        ids=options.ids,
        show=options.open,
    ):
        print(f"written: {path}")
    return 0
