from __future__ import annotations

import argparse
from pathlib import Path

from globe_eval.commands import arguments
from globe_eval.commands.parser import Parser, add_ids, add_output, add_runs
from globe_eval.errors import InputError

SENTENCE = "Write runs as one HTML file that opens offline."
WORDS = "RUN [RUN …] [options]"
EXAMPLE = "globe-eval report globe_eval_runs/knn/miniworld -o report.html"
DEFAULT = Path("globe-eval-report.html")


def add_arguments(parser: Parser) -> None:
    add_runs(parser)
    add_output(parser, metavar="FILE", default=DEFAULT, help=f"default {DEFAULT}")
    parser.add_argument("--images", type=Path, metavar="DIR", help="show pictures from there, found by photograph id")
    parser.add_argument(
        "--max_images", type=arguments.count, metavar="N", help="how many pictures at most (default 300)"
    )
    parser.add_argument("--svg", type=Path, metavar="DIR", help="write maps and charts there, as SVG files")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write a row for each photograph and run there")
    add_ids(parser, "of --csv")
    parser.add_argument("--open", action="store_true", help="show it in the browser")


def run(options: argparse.Namespace) -> int:
    from globe_eval.files import write_whole
    from globe_eval.reports.export.samples import csv_text, digests
    from globe_eval.reports.page.drawings import write_drawings
    from globe_eval.reports.page.joined import join_runs, table_of
    from globe_eval.reports.page.pictures import MOST
    from globe_eval.reports.page.report import write_page

    page, csv = options.output_path, options.csv
    if page.is_dir():
        raise InputError(f"--output_path {page}: is a folder; name the file, as in {page / DEFAULT}")
    data = join_runs(options.runs)
    write_page(data, page, images=options.images, max_images=options.max_images or MOST)
    written = [page]
    if csv is not None:
        table = table_of(data)
        if options.ids == "digest":
            table["id"] = digests(table["id"])
        csv.parent.mkdir(parents=True, exist_ok=True)
        write_whole(csv, csv_text(table).encode())
        written.append(csv)
    if options.svg is not None:
        written += write_drawings(data, options.svg)
    if options.open:
        import webbrowser

        webbrowser.open(page.resolve().as_uri())
    for path in written:
        print(f"written: {path}")
    return 0
