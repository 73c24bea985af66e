"""`globe-eval export`: a run -> the file that another tool reads, or its figures sent to a tracker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, get_args

from globe_eval.errors import InputError
from globe_eval.reports.export.every_eval_ever import Relationship, every_eval_ever
from globe_eval.reports.export.lm_eval import file_name, lm_eval_results
from globe_eval.reports.export.model_card import eval_results, model_card
from globe_eval.reports.export.publishable import model_id, public, standard_errors
from globe_eval.reports.run_values import read_run
from globe_eval.runs import trackers

Target = Literal["model-card", "eval-results", "every-eval-ever", "lm-eval", "wandb", "trackio"]
TARGETS: tuple[Target, ...] = get_args(Target)


def export(
    folder: Path,
    to: Target,
    *,
    model: str | None = None,
    dataset: str | None = None,
    source: str | None = None,
    organization: str | None = None,
    relationship: Relationship = "other",
    tracker_args: dict[str, Any] | None = None,
) -> tuple[Path, str] | None:
    """The file's place below the output folder and its text; None where the figures were sent to a tracker.

    Args:
        folder: a run.
        to: for whom.
        model: the model's id, OWNER/NAME on the hub; default: the run's.
        dataset: the benchmark's data set on the hub; default: its YAML's.
        source: where to read about the evaluation, a URL.
        organization: who evaluated, for Every Eval Ever; default: "unknown".
        relationship: of who evaluated to the model.
        tracker_args: arguments of `wandb.init` or `trackio.init`.

    Raises InputError for what is no run, and what the format needs and the run does not have.
    """
    run = read_run(folder)
    results = run.results
    if tracker_args and to not in ("wandb", "trackio"):
        raise InputError(f"--tracker_args: only --to wandb and --to trackio take it, found --to {to}")
    if to == "model-card":
        return Path("model_card.md"), model_card(run, model=model, dataset=dataset, source=source)
    if to == "eval-results":
        return Path(".eval_results") / f"{results.task}.yaml", eval_results(run, dataset=dataset, source=source)
    if to == "every-eval-ever":
        record = every_eval_ever(
            run, model=model, dataset=dataset, organization=organization, relationship=relationship
        )
        return Path("every_eval_ever.json"), _json(record)
    found = lm_eval_results(
        results,
        model=model or model_id(results),
        model_args=public(results.model_args),
        directions=run.directions,
        errors=standard_errors(run),
    )
    if to == "lm-eval":
        return Path(found["model_name_sanitized"]) / file_name(results), _json(found)
    trackers.send(to, found, tracker_args or {})
    return None


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
