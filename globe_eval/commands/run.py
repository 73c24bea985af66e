"""`globe-eval run`, whose name may be left out: its arguments, and their values in a YAML file."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from globe_eval.commands import arguments
from globe_eval.commands.parser import (
    Parser,
    add_format,
    add_include_path,
    add_judge,
    add_model,
    add_output,
    add_scoring,
    model_options,
)
from globe_eval.commands.present import flat, refuse_incomplete, refuse_unjudged
from globe_eval.errors import InputError, nearest

SENTENCE = "Evaluate a model on tasks; the word run may be left out."
WORDS = "--model NAME --tasks TASK [options]"
EXAMPLE = "globe-eval --model knn --tasks miniworld"
AS_GIVEN = (
    *("include_path", "no_code", "distance", "geocoder", "seed", "system_instruction", "max_pixels"),
    *("exclude_overlap", "max_cost", "repeats"),
)
"""Options that are fields of a `runs.run.Request` as they are."""


def add_arguments(parser: Parser) -> None:
    parser.add_argument("--tasks", "-t", nargs="+", metavar="TASK", help="names, groups or YAML files, with , between")
    add_model(parser, "constant, knn, replay, endpoint, ray-vllm, hf-multimodal, vllm-vlm", of="photographs")
    parser.add_argument(
        "--prompt", metavar="NAME", help="names, coordinates, address, no_cot, localizability, globe_eval"
    )
    add_include_path(parser)
    parser.add_argument("--no_code", action="store_true", help="refuse tasks whose YAML loads Python of others")
    parser.add_argument("--system_instruction", metavar="TEXT", help="put before the task's system message")
    parser.add_argument(
        "--max_pixels", type=arguments.count, metavar="N", help="scale larger photographs down to this area"
    )
    parser.add_argument(
        "--exclude-overlap", action="store_true", help="figures also without what prepare --against found"
    )
    add_judge(parser)
    parser.add_argument(
        "--ask_localizable",
        nargs="+",
        metavar="K=V,…",
        default=[],
        help="a model that is asked GLOBE's yes/no question and gives token probabilities: base_url=…,model=…",
    )
    add_output(parser, help="default globe_eval_runs/MODEL")
    parser.add_argument(
        "--shard", metavar="I/N", help="only every N-th photograph from the I-th on; see globe-eval merge"
    )
    for what, tokens in (("in", "of prompts"), ("out", "of answers")):
        parser.add_argument(
            f"--price_{what}", type=arguments.price, metavar="P", help=f"what a million tokens {tokens} cost"
        )
    parser.add_argument("--max_cost", type=arguments.cost, metavar="M", help="ask for no more than that costs")
    parser.add_argument("--dry_run", action="store_true", help="show the first request and what all take; ask nothing")
    parser.add_argument("--repeats", type=arguments.count, metavar="N", default=1, help="answers to each photograph")
    add_scoring(parser, seed_of="sampling and of the intervals")
    add_format(parser)
    parser.add_argument(
        "--config", "-C", type=Path, metavar="FILE", help="YAML of these options; the command line wins"
    )


def run(options: argparse.Namespace) -> int:
    if options.config is not None:
        _apply_config(options)
    options.tasks = [name for part in options.tasks or () for name in part.split(",") if name]
    for name in ("model", "tasks"):
        if not getattr(options, name):
            raise InputError(f"--{name} is missing (see globe-eval ls {name if name == 'tasks' else 'models'})")
    from globe_eval.runs import record, run
    from globe_eval.runs.process import interruptible

    request = run.Request(
        **model_options(options),
        **{name: getattr(options, name) for name in AS_GIVEN},
        tasks=options.tasks,
        shard=arguments.shard(options.shard),
        prices=_prices(options),
        command=arguments.command_line(options.given),
        judge=arguments.key_values("--judge", options.judge) or None,
        ask_localizable=arguments.key_values("--ask_localizable", options.ask_localizable) or None,
    )
    if options.max_cost is not None and request.prices is None:
        raise InputError("--max_cost: no cost is known without prices; give --price_in and --price_out")
    if options.dry_run:
        from globe_eval.runs.dry_run import describe

        print(describe(request))
        return 0
    with interruptible():
        finished = run.run(request)
    if not finished:  # a process that helps another one
        return 0
    _show([results for _, results in finished], as_json=options.format == "json")
    for folder, results in finished:
        _warn_of_coordinates(results)
        _warn_of_another_form(folder, results)
        print(f"written: {folder}", file=sys.stderr)
    again = ", without --fresh," if options.fresh else ""
    refuse_incomplete(
        [(results, record.read_samples(folder)) for folder, results in finished if not results.complete],
        f"; start the same command again{again} to ask them again",
    )
    refuse_unjudged([results for _, results in finished])
    return 0


def _show(many: list[Any], *, as_json: bool) -> None:
    """Print the results of each task, and below several of them all side by side."""
    from globe_eval.reports import terminal

    if as_json:
        print(json.dumps({results.task: flat(results) for results in many}, ensure_ascii=False))
        return
    print("\n\n".join(terminal.result_table(results, terminal.width()) for results in many))
    if len(many) > 1:
        print("\n" + terminal.compact_table(many, columns=terminal.width()))


def _warn_of_coordinates(results: Any) -> None:
    if results.images and results.images.with_coordinates:
        print(
            f"globe-eval: {results.task}: {results.images.with_coordinates:,} of {results.n:,} pictures carried their "
            "coordinates in metadata; the model never sees it",
            file=sys.stderr,
        )


def _warn_of_another_form(folder: Path, results: Any) -> None:
    from globe_eval.reports.run import read_run
    from globe_eval.runs.notes import SHARE, codes, other_form

    if results.status["unparsed"] >= SHARE * results.n:
        samples = read_run(folder).samples
        for note in (*other_form(samples, results.answer_form, "--prompt"), *codes(samples)):
            print(f"globe-eval: {results.task}: {note}", file=sys.stderr)


def _prices(options: argparse.Namespace) -> Any:
    from globe_eval.runs.usage import Prices

    if options.price_in is None and options.price_out is None:
        return None
    if options.price_in is None or options.price_out is None:
        raise InputError("--price_in and --price_out: give both, or none")
    return Prices(options.price_in, options.price_out)


def _apply_config(options: argparse.Namespace) -> None:
    """Options of a YAML file; what stands on the command line wins."""
    import yaml

    from globe_eval.benchmarks.definition import read_definition

    try:
        values = read_definition(options.config).values
    except yaml.YAMLError as error:
        raise InputError(f"{options.config}: {error}") from None
    parser = Parser(prog="globe-eval")
    add_arguments(parser)
    defaults = vars(parser.parse_args([]))
    allowed = sorted(set(defaults) - {"config", "fresh"})  # a file that always starts over never goes on
    for key, value in values.items():
        if key not in allowed:
            raise InputError(
                f"{options.config}: unknown key {key!r}{nearest(key, allowed)} (allowed: {', '.join(allowed)})"
            )
        if getattr(options, key) != defaults[key]:
            continue
        if key in ("tasks", "include_path", "model_args", "gen_kwargs", "judge", "ask_localizable"):
            value = [value] if isinstance(value, str) else value
        elif value is not None:
            try:  # read as it would be on the command line
                value = getattr(parser.parse_args([f"--{key}={value}"]), key)
            except InputError as error:
                raise InputError(f"{options.config}: {error}") from None
        if key == "include_path":
            value = [Path(folder) for folder in value]
        setattr(options, key, value)
