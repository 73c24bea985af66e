from __future__ import annotations

import argparse
import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from globe_eval.commands import arguments
from globe_eval.commands.parser import Parser, add_ids, add_output, add_run
from globe_eval.errors import InputError, reason_of

SENTENCE = "Write a run as other tools read it, or send its figures to a tracker."
WORDS = "RUN|TASK --to TARGET [options]"
EXAMPLE = "globe-eval export globe_eval_runs/knn/miniworld --to lm-eval -o exported"
TRACKERS = {"wandb": "WandbLogger", "trackio": "TrackioLogger"}
"""Tracker -> lm-eval's class for it."""
TARGETS = ("model-card", "eval-results", "eval-yaml", "lm-eval", "csv", "parquet", *TRACKERS)


def add_arguments(parser: Parser) -> None:
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
    add_output(parser, help="write into that folder, or that file")


def run(options: argparse.Namespace) -> int:
    of_tracker = arguments.key_values("--tracker_args", options.tracker_args)
    if of_tracker and options.to not in TRACKERS:
        raise InputError(f"--tracker_args: only --to wandb and --to trackio take it, found --to {options.to}")
    name, content = _export(options)
    if options.to in TRACKERS:
        _send(options.to, json.loads(content), of_tracker)
        print(f"globe-eval: sent to {options.to}", file=sys.stderr)
    elif options.output_path is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
    else:
        path = options.output_path
        if path.suffix != name.suffix or path.is_dir():
            path /= name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        print(f"globe-eval: written: {path}", file=sys.stderr)
    return 0


def _export(options: argparse.Namespace) -> tuple[Path, bytes]:
    """The file's place below the output folder and its content; what trackers are sent is lm-eval's results JSON."""
    from globe_eval.reports.export.lm_eval import file_name, lm_eval_results
    from globe_eval.reports.export.model_card import eval_results, eval_yaml, model_card
    from globe_eval.reports.export.publishable import model_id
    from globe_eval.reports.export.samples import csv_text, digests, parquet
    from globe_eval.reports.run import read_run

    to, dataset, source = options.to, options.dataset_id, options.source_url
    if options.dataset_revision is not None and to != "eval-results":
        raise InputError(f"--dataset_revision: only --to eval-results has one, found --to {to}")
    if to == "eval-yaml":
        return Path("eval.yaml"), eval_yaml(str(options.run)).encode()
    run = read_run(options.run)
    if to == "model-card":
        return Path("model_card.md"), model_card(run, model=options.model_id, dataset=dataset, source=source).encode()
    if to == "eval-results":
        text = eval_results(run, dataset=dataset, source=source, revision=options.dataset_revision)
        return Path(".eval_results") / f"{run.results.task}.yaml", text.encode()
    if options.ids == "digest" and to not in ("csv", "parquet"):
        raise InputError(f"--ids: only --to csv and --to parquet have ids, found --to {to}")
    table = dict(run.table)
    if options.ids == "digest":
        table["id"] = digests(table["id"])
    if to == "csv":
        return Path("samples.csv"), csv_text(table).encode()
    if to == "parquet":
        return Path("samples.parquet"), parquet(table)
    found = lm_eval_results(run, options.model_id or model_id(run.results))
    text = json.dumps(found, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    return Path(found["model_name_sanitized"]) / file_name(run.results), text.encode()


def _send(tracker: str, found: dict[str, Any], arguments: dict[str, Any]) -> None:
    """Log lm-eval's results JSON, no samples, through its logger; `arguments` are of `wandb.init` or `trackio.init`."""
    if find_spec(tracker) is None:
        raise InputError(f"--to {tracker}: {tracker} is not installed; pip install 'globe-eval[track]'")
    try:
        from lm_eval import loggers

        logger = getattr(loggers, TRACKERS[tracker])(init_args=arguments)
        logger.post_init(found)
        logger.log_eval_result()
        (logger.run if tracker == "wandb" else logger).finish()
    except Exception as error:  # not logged in, no network, an argument that the tracker does not know
        raise InputError(f"--to {tracker}: {reason_of(error)}") from error
