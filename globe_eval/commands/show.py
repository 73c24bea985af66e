from __future__ import annotations

import argparse
import shutil

from globe_eval.commands.parser import Parser, add_run

SENTENCE = "Say how a run was made: settings, a signature in one line, a citation."
WORDS = "RUN"
EXAMPLE = "globe-eval show globe_eval_runs/knn/miniworld"


def add_arguments(parser: Parser) -> None:
    add_run(parser)


def run(options: argparse.Namespace) -> int:
    from globe_eval.benchmarks.definition import shipped
    from globe_eval.reports import signature
    from globe_eval.reports.board.submission import is_row, read_submission
    from globe_eval.runs import record

    results = read_submission(options.run).results if is_row(options.run) else record.read_results(options.run)
    known = shipped().get(results.task)
    metadata = known.values.get("metadata") or {} if known else {}
    print(signature.screen(results, metadata, shutil.get_terminal_size().columns))
    return 0
