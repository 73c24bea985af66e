"""`globe-eval export`."""

from __future__ import annotations

import argparse
import sys

from globe_eval.commands import arguments
from globe_eval.commands.parser import Parser, add_ids, add_output, add_run

SENTENCE = "Write a run as other tools read it, or send its figures to a tracker."
WORDS = "RUN|TASK --to TARGET [options]"
EXAMPLE = "globe-eval export globe_eval_runs/knn/miniworld --to lm-eval -o exported"
TARGETS = ("model-card", "eval-results", "eval-yaml", "lm-eval", "csv", "parquet", "wandb", "trackio")


def add_arguments(parser: Parser) -> None:
    """The arguments."""
    add_run(parser)
    parser.add_argument("--to", choices=TARGETS, required=True, help="for whom")
    parser.add_argument("--model_id", metavar="ID", help="the model's, OWNER/NAME on the hub (default: the run's)")
    parser.add_argument("--dataset_id", metavar="ID", help="the benchmark's on the hub (default: the task's)")
    parser.add_argument("--dataset_revision", metavar="SHA", help="its commit there (eval-results)")
    parser.add_argument("--source_url", metavar="URL", help="where to read about the evaluation (hub formats)")
    parser.add_argument(
        "--tracker_args", nargs="+", metavar="K=V,…", default=[], help="of wandb.init or trackio.init: project=…"
    )
    add_ids(parser, "of csv and parquet")
    add_output(parser, help="write a file there, not to standard output")


def run(options: argparse.Namespace) -> int:
    """Write a run as another tool reads it, or send its figures to a tracker."""
    from globe_eval.reports.export import export

    written = export(
        options.run,
        options.to,
        model=options.model_id,
        dataset=options.dataset_id,
        revision=options.dataset_revision,
        source=options.source_url,
        ids=options.ids,
        tracker_args=arguments.key_values("--tracker_args", options.tracker_args),
    )
    if written is None:
        print(f"globe-eval: sent to {options.to}", file=sys.stderr)
    elif options.output_path is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(written[1])
    else:
        path = options.output_path / written[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(written[1])
        print(f"globe-eval: written: {path}", file=sys.stderr)
    return 0
