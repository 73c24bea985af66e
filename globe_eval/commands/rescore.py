from __future__ import annotations

import argparse
from pathlib import Path

from globe_eval.commands import arguments
from globe_eval.commands.parser import ANSWER_FORMS, Parser, add_format, add_judge, add_output, add_run, add_scoring
from globe_eval.commands.present import present

SENTENCE = "Score a run again, without its model, and say what changed."
WORDS = "RUN [options]"
EXAMPLE = "globe-eval rescore globe_eval_runs/knn/miniworld --distance haversine"


def add_arguments(parser: Parser) -> None:
    add_run(parser)
    parser.add_argument("--answer-form", choices=ANSWER_FORMS, help="what counts in a response")
    add_scoring(parser, of_run=True)
    parser.add_argument("--entities", type=Path, metavar="FILE", help="what can be seen on each photograph, by its id")
    add_judge(parser)
    add_output(parser)
    add_format(parser)


def run(options: argparse.Namespace) -> int:
    from globe_eval.runs import record
    from globe_eval.runs.rescore import rescore

    if options.output_path is not None:
        record.refuse_run(options.output_path, [options.run])
    chosen = {name: getattr(options, name) for name in ("distance", "geocoder", "seed", "answer_form", "entities")}
    judged_by = arguments.key_values("--judge", options.judge) or None
    return present(rescore(options.run, **chosen, judged_by=judged_by, cache=options.output_path), options)
