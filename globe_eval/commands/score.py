"""`globe-eval score`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from globe_eval.commands import arguments
from globe_eval.commands.parser import Parser, add_columns, add_format, add_output, add_scoring
from globe_eval.commands.present import present
from globe_eval.errors import InputError

SENTENCE = "Score a file of answers, without a model."
WORDS = "ANSWERS [options]"
EXAMPLE = "globe-eval score answers.csv --truth truth.csv -o scored"
COLUMNS = ("id", "lat", "lon", "response", "city", "country")


def add_arguments(parser: Parser) -> None:
    """The arguments."""
    parser.add_argument(
        "answers", type=Path, metavar="ANSWERS", help="CSV, TSV, JSON lines or Parquet, one row a photograph"
    )
    parser.add_argument("--truth", type=Path, metavar="FILE", help="table of the truth (default: in the answers' file)")
    parser.add_argument("--task", metavar="TASK", help="the benchmark, by name or YAML: its truth and answer form")
    parser.add_argument("--read", choices=("response", "coordinates", "names"), help="which kind of column to score")
    parser.add_argument("--answer-form", choices=("names", "address", "coordinates"), help="what counts in a response")
    add_columns(parser, COLUMNS, shown="id")
    parser.add_argument("--skip-footer", action="store_true", help="set trailing rows aside that are no samples")
    parser.add_argument("--entities", type=Path, metavar="FILE", help="what can be seen on each photograph, by its id")
    parser.add_argument("--skip-unknown-ids", action="store_true", help="set answers aside that have no truth")
    add_scoring(parser)
    add_output(parser)
    add_format(parser)


def run(options: argparse.Namespace) -> int:
    """Score a file of answers."""
    from globe_eval.benchmarks import listing, manifest
    from globe_eval.runs import score
    from globe_eval.runs.assemble import Setting

    task, version, form, n, exhaustive = options.task or "score", "", None, None, None
    defined: dict[str, Any] = {}
    if options.task:
        defined = _definition(options.task)
        task = str(defined["task"])
        version, n = str(defined["metadata"]["version"]), defined["metadata"].get("n")
        exhaustive = defined["metadata"].get("exhaustive_entities")
        form = listing.answer_form(defined)
    scored = score.score_file(
        options.answers,
        options.truth,
        setting=Setting(
            task,
            version,
            "names",
            "",
            "",
            seed=options.seed,
            distance=options.distance,
            geocoder=options.geocoder,
            command=arguments.command_line(options.given),
        ),
        columns=score.Columns(**{name: getattr(options, f"{name}_column") for name in score.COLUMN_NAMES}),
        known=manifest.find_truth(defined) if defined and options.truth is None else None,
        reading={key: (defined.get("dataset_kwargs") or {}).get(key) for key in ("columns", "values", "where")},
        read=options.read,
        answer_form=options.answer_form,
        benchmark_form=form,
        skip_footer=options.skip_footer,
        skip_unknown_ids=options.skip_unknown_ids,
        entities=options.entities,
        exhaustive=exhaustive,
    )
    if n is not None and n != scored.results.n:
        scored.notes.append(
            f"{task} has {n:,} photographs, this truth {scored.results.n:,}: not comparable with the benchmark"
        )
    return present(scored, options)


def _definition(name: str) -> dict[str, Any]:
    """The keys of a task, given by its name or the path of its YAML. Raises InputError."""
    from globe_eval.benchmarks import definition, validate

    found = definition.find(name)
    if found.is_group:
        tasks = ", ".join(map(str, found.values["task"]))
        raise InputError(f"{name} is a group; score answers to one of its tasks: {tasks}")
    if name.endswith((".yaml", ".yml")) and (problems := validate.problems(found.path)):
        raise InputError(str(problems[0]))
    return found.values
