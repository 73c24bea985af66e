from __future__ import annotations

import argparse
from pathlib import Path

from globe_eval.commands import arguments
from globe_eval.commands.parser import ANSWER_FORMS, Parser, add_columns, add_format, add_output, add_scoring
from globe_eval.commands.present import present

SENTENCE = "Score a file of answers, without a model."
WORDS = "ANSWERS [options]"
EXAMPLE = "globe-eval score answers.csv --truth truth.csv -o scored"
COLUMNS = ("id", "lat", "lon", "response", "city", "country", "truth-id", "truth-lat", "truth-lon")


def add_arguments(parser: Parser) -> None:
    parser.add_argument(
        "answers",
        type=Path,
        metavar="ANSWERS",
        help="CSV, TSV, JSON (lines), Parquet, Excel, one row a photograph; a folder of a .json or .txt each; a log of "
        "Inspect",
    )
    parser.add_argument("--truth", type=Path, metavar="FILE", help="table of the truth (default: in the answers' file)")
    parser.add_argument("--task", metavar="TASK", help="the benchmark, a name, YAML or zip: truth and answer form")
    parser.add_argument("--read", choices=("response", "coordinates", "names"), help="which kind of column to score")
    parser.add_argument("--answer-form", choices=ANSWER_FORMS, help="what counts in a response")
    add_columns(parser, COLUMNS)
    parser.add_argument("--skip-footer", action="store_true", help="set trailing rows aside that are no samples")
    parser.add_argument("--entities", type=Path, metavar="FILE", help="what can be seen on each photograph, by its id")
    parser.add_argument("--skip-unknown-ids", action="store_true", help="set answers aside that have no truth")
    parser.add_argument(
        "--metrics", nargs="+", metavar="FAMILY", default=[], help="measure these alone, as in accuracy,consistency"
    )
    add_scoring(parser)
    add_output(parser)
    add_format(parser)


def run(options: argparse.Namespace) -> int:
    from globe_eval.metrics.catalogue import FAMILIES
    from globe_eval.runs import answer_columns, score

    scored = score.score_table(
        options.answers,
        options.truth,
        task=options.task,
        read=options.read,
        answer_form=options.answer_form,
        columns=answer_columns.ColumnNames(
            *(getattr(options, f"{name}_column") for name in answer_columns.ColumnNames.__dataclass_fields__)
        ),
        entities=options.entities,
        distance=options.distance,
        geocoder=options.geocoder,
        seed=options.seed,
        skip_footer=options.skip_footer,
        skip_unknown_ids=options.skip_unknown_ids,
        families=arguments.choices("--metrics", options.metrics, FAMILIES) or FAMILIES,
        command=arguments.command_line(options.given),
    )
    return present(scored, options)
