"""What evaluations found of a checkpoint, for its card: tables to read, `model-index` and `.eval_results` for the hub.

The forms are those of `globe-eval export`. A run that is not of the whole benchmark is shown, marked, and stays out of
what the hub reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from globe_eval.errors import IncompleteRun, InputError
from globe_eval.reports.export.model_card import eval_results, model_card
from globe_eval.reports.export.publishable import bounds, figures, hub_of, metric_name, refuse_partial, shown, unit_of
from globe_eval.reports.run_values import Run
from globe_eval.reports.table import model_name
from globe_train.markdown import table

FOLDER = ".eval_results"


def model_index(runs: Sequence[Run], name: str) -> list[dict[str, Any]]:
    """The hub's `model-index`: one model with the results of all whole runs; empty where there is none."""
    results: list[dict[str, Any]] = []
    for run in runs:
        if partial(run) is None:
            head = yaml.safe_load(model_card(run, model=name).split("---\n")[1])
            results += head["model-index"][0]["results"]
    return [{"name": name, "results": results}] if results else []


def write_eval_results(runs: Sequence[Run], folder: Path) -> list[Path]:
    """Write `.eval_results/TASK.yaml` of each whole run of a benchmark that is on the hub; returns the files."""
    written = []
    for run in runs:
        if partial(run) is None and hub_of(run.results.task) is not None:
            path = folder / FOLDER / f"{run.results.task}.yaml"
            path.parent.mkdir(exist_ok=True)
            path.write_text(eval_results(run), encoding="utf-8")
            written.append(path)
    return written


def partial(run: Run) -> str | None:
    """Why a run is not of the whole benchmark; None where it is."""
    try:
        refuse_partial(run.results)
    except (InputError, IncompleteRun) as error:
        return str(error)
    return None


def lines(runs: Sequence[Run]) -> list[str]:
    """The results with their intervals, what they depend on, and what is missing for the hub, as Markdown."""
    found = []
    for run in runs:
        results = run.results
        decoding = ", ".join(f"{key} {value}" for key, value in (results.decoding or {}).items() if value != [])
        found += [
            f"### {results.task}",
            "",
            f"{results.n:,} photographs by {results.n_groups:,} photographers, asked for {results.answer_form} of "
            f"{model_name(results)}" + (f" ({decoding})" if decoding else "") + f"; {results.distance} distance, "
            f"geocoder {results.geocoder.name}, globe-eval {results.packages.get('globe-eval', '?')}, "
            f"{results.started[:10]}.",
            "",
            *([f"**Not the whole benchmark: {reason}.**", ""] if (reason := partial(run)) else []),
            *table(
                ("metric", "value", "95 % interval"),
                [
                    (metric_name(name) + unit_of(name), f"{shown(name, value):g}", interval(bounds(name, figure)))
                    for name, figure, value in figures(results)
                ],
            ),
            "",
        ]
        if reason is None and hub_of(results.task) is None:
            found += [f"No `{FOLDER}`: {results.task} is no data set on the hub.", ""]
    return ["## Results", "", *found] if found else []


def interval(between: Sequence[float] | None) -> str:
    """An interval as text; nothing where there is none.

    >>> interval([1.5, 20.0]), interval(None)
    ('1.5 – 20', '')
    """
    return "" if between is None else f"{between[0]:g} – {between[1]:g}"
