from __future__ import annotations

import argparse

from globe_eval.commands.parser import Parser, add_include_path

SENTENCE = "List tasks, models, or metrics with what they mean."
WORDS = "[tasks|models|metrics] [options]"
EXAMPLE = "globe-eval ls tasks --details"


def add_arguments(parser: Parser) -> None:
    parser.add_argument(
        "what", choices=("tasks", "models", "metrics"), nargs="?", default="tasks", help="default tasks"
    )
    parser.add_argument("--details", action="store_true", help="of tasks: version, n, licence, answer form, ceiling")
    add_include_path(parser)


def run(options: argparse.Namespace) -> int:
    import shutil

    if options.what == "metrics":
        from globe_eval.reports import notation

        print(notation.glossary_text(shutil.get_terminal_size().columns))
        return 0
    if options.what == "models":
        import textwrap

        from globe_eval import models

        for name, what in models.DESCRIPTIONS.items():
            line = f"{name:15}{what}"
            columns = shutil.get_terminal_size().columns
            print(textwrap.fill(line, columns, subsequent_indent=" " * 15, break_on_hyphens=False))
        return 0
    from globe_eval.benchmarks import definition, listing

    known = definition.known_tasks(options.include_path)
    show = listing.details if options.details else listing.table
    print(show(known, shutil.get_terminal_size().columns))
    return 0
