"""`globe-eval compare` and `globe-eval export`: their arguments, and what they write. Imports wait for the verb."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from globe_eval import arguments


def add_compare(subparsers: Any) -> None:
    """The parser of `compare`."""
    parser = subparsers.add_parser("compare", help="runs against the first, photograph by photograph")
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="folders; the first is the reference")
    parser.add_argument(
        "--flips",
        type=arguments.distance_km,
        nargs="?",
        const=25.0,
        metavar="KM",
        help="list the photographs that only one of two runs has within this distance (default 25)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the intervals (default 0)")
    parser.add_argument(
        "--output_path", "-o", type=Path, metavar="DIR", help="write comparison.json and comparison.txt there"
    )
    parser.add_argument("--format", choices=("table", "json"), default="table", help="what standard output shows")
    parser.set_defaults(verb=compare)


def compare(options: argparse.Namespace) -> int:
    """Compare runs with the first, photograph by photograph."""
    from globe_eval.reports import compare_text
    from globe_eval.reports.compare import compare
    from globe_eval.runs import record

    if options.output_path is not None:
        record.refuse_run(options.output_path, options.runs)
    many = compare(options.runs, seed=options.seed)
    text = compare_text.comparison_text(many, flips_km=options.flips) + "\n"
    whole = compare_text.comparison_json(many, flips_km=options.flips)
    as_json = json.dumps(whole, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    if options.output_path is not None:
        options.output_path.mkdir(parents=True, exist_ok=True)
        for name, content in (("comparison.json", as_json), ("comparison.txt", text)):
            (options.output_path / name).write_text(content, encoding="utf-8", newline="\n")
        print(f"globe-eval: written: {options.output_path}", file=sys.stderr)
    print(as_json if options.format == "json" else text, end="")
    return 0


def add_export(subparsers: Any) -> None:
    """The parser of `export`."""
    parser = subparsers.add_parser("export", help="a run as other tools read it: model cards, lm-eval, W&B, …")
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a run")
    targets = ("model-card", "eval-results", "lm-eval", "wandb", "trackio")
    parser.add_argument("--to", choices=targets, required=True, help="for whom")
    parser.add_argument("--model_id", metavar="ID", help="the model's, OWNER/NAME on the hub (default: the run's)")
    parser.add_argument("--dataset_id", metavar="ID", help="the benchmark's on the hub (default: the task's)")
    parser.add_argument("--source_url", metavar="URL", help="where to read about the evaluation (hub formats)")
    parser.add_argument(
        "--tracker_args", nargs="+", metavar="K=V,…", default=[], help="of wandb.init or trackio.init: project=…"
    )
    parser.add_argument("--output_path", "-o", type=Path, metavar="DIR", help="write a file there, not to stdout")
    parser.set_defaults(verb=export)


def export(options: argparse.Namespace) -> int:
    """Write a run as another tool reads it, or send its figures to a tracker."""
    from globe_eval.reports.export import export

    written = export(
        options.run,
        options.to,
        model=options.model_id,
        dataset=options.dataset_id,
        source=options.source_url,
        tracker_args=arguments.key_values("--tracker_args", options.tracker_args),
    )
    if written is None:
        print(f"globe-eval: sent to {options.to}", file=sys.stderr)
    elif options.output_path is None:
        print(written[1], end="")
    else:
        path = options.output_path / written[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(written[1], encoding="utf-8", newline="\n")
        print(f"globe-eval: written: {path}", file=sys.stderr)
    return 0
