"""`globe-eval export`: a run in the format of another tool."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from globe_eval.errors import InputError
from globe_eval.reports.export.lm_eval import file_name, lm_eval_results
from globe_eval.reports.export.model_card import eval_results, eval_yaml, model_card
from globe_eval.reports.export.publishable import model_id
from globe_eval.reports.export.samples import csv_text, digests, parquet
from globe_eval.reports.run import read_run

Target = Literal["model-card", "eval-results", "eval-yaml", "lm-eval", "csv", "parquet", "wandb", "trackio"]


def export(
    folder: Path,
    to: Target,
    *,
    model: str | None = None,
    dataset: str | None = None,
    revision: str | None = None,
    source: str | None = None,
    ids: Literal["whole", "digest"] = "whole",
) -> tuple[Path, bytes]:
    """The file's place below the output folder and its content; what trackers are sent is lm-eval's results JSON.

    Args:
        folder: a run; for eval-yaml a benchmark, by name or YAML.
        to: for whom.
        model: the model's id, OWNER/NAME on the hub; default: the run's.
        dataset: the benchmark's data set on the hub; default: its YAML's.
        revision: the commit of that data set.
        source: where to read about the evaluation, a URL.
        ids: of csv and parquet: the benchmark's own, or the first 16 digits of their SHA-256.

    Raises InputError for what is no run, and what the format needs and the run does not have.
    """
    if revision is not None and to != "eval-results":
        raise InputError(f"--dataset_revision: only --to eval-results has one, found --to {to}")
    if to == "eval-yaml":
        return Path("eval.yaml"), eval_yaml(str(folder)).encode()
    run = read_run(folder)
    results = run.results
    if to == "model-card":
        return Path("model_card.md"), model_card(run, model=model, dataset=dataset, source=source).encode()
    if to == "eval-results":
        path = Path(".eval_results") / f"{results.task}.yaml"
        return path, eval_results(run, dataset=dataset, source=source, revision=revision).encode()
    if ids == "digest" and to not in ("csv", "parquet"):
        raise InputError(f"--ids: only --to csv and --to parquet have ids, found --to {to}")
    table = dict(run.table)
    if ids == "digest":
        table["id"] = digests(table["id"])
    if to == "csv":
        return Path("samples.csv"), csv_text(table).encode()
    if to == "parquet":
        return Path("samples.parquet"), parquet(table)
    found = lm_eval_results(run, model or model_id(results))
    text = json.dumps(found, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    return Path(found["model_name_sanitized"]) / file_name(results), text.encode()
