"""Exports a result as lm-eval's own results JSON."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from globe_eval.metrics.catalogue import described
from globe_eval.reports.export.publishable import figure_depends_on, public, published_figures, standard_errors
from globe_eval.reports.run import Run
from globe_eval.sample import Results


def lm_eval_results(run: Run, model: str) -> dict[str, Any]:
    """The results JSON that `lm_eval run` would have written of the same run; deterministic.

    `model` is its name, as it may be published. Metrics without a value (an infinite median) are left out: JSON has no
    word for them, and so are those without a direction: lm-eval's readers take these for higher is better. Intervals,
    status counts and what else a figure depends on stand in the task's `metadata`.
    """
    results, errors = run.results, standard_errors(run)
    task = results.task
    directions: dict[str, bool] = {}
    metrics: dict[str, Any] = {}
    for name, _, value, higher_is_better in published_figures(results):
        directions[name] = higher_is_better
        metrics[f"{name},none"] = value
        metrics[f"{name}_stderr,none"] = errors.get(name, "N/A")
    return {
        "results": {task: {"alias": task, "name": task, "sample_len": results.n, **metrics}},
        "group_subtasks": {task: []},
        "configs": {
            task: {
                "task": task,
                "output_type": "generate_until",
                "doc_to_text": results.prompt,
                "metric_list": [
                    {
                        "metric": name,
                        "aggregation": "median" if described(name).statistic == "median of all" else "mean",
                        "higher_is_better": higher_is_better,
                    }
                    for name, higher_is_better in directions.items()
                ],
                "generation_kwargs": results.decoding,
                "num_fewshot": 0,
                "repeats": 1,
                "metadata": _metadata(results),
            }
        },
        "versions": {task: results.task_version or "N/A"},
        "n-shot": {task: 0},
        "higher_is_better": {task: directions},
        "n-samples": {task: {"original": results.n, "effective": results.n}},
        "config": {
            "model": results.model,
            "model_args": public(results.model_args),
            "limit": results.limit,
            "gen_kwargs": results.decoding,
            **dict.fromkeys(("random_seed", "numpy_seed", "torch_seed", "fewshot_seed"), results.seed),
        },
        "git_hash": results.git_commit,
        "date": datetime.fromisoformat(results.started).timestamp(),
        "lm_eval_version": results.packages.get("lm-eval"),
        "transformers_version": results.packages.get("transformers"),
        "model_source": results.model,
        "model_name": model,
        "model_name_sanitized": re.sub(r'["<>:/|\\?*\[\]\s]+', "__", model),
        "total_evaluation_time_seconds": str(results.duration_seconds),
    }


def file_name(results: Results) -> str:
    """`results_2026-11-25T18-23-18.json`, from which lm-eval reads when it was."""
    return f"results_{datetime.fromisoformat(results.started).strftime('%Y-%m-%dT%H-%M-%S.%f')}.json"


def _metadata(results: Results) -> dict[str, Any]:
    return {
        "version": results.task_version,
        **{name: value for name, value in figure_depends_on(results).items() if name != "task_version"},
        "n_groups": results.n_groups,
        "shard": results.shard,
        "status": {status: count for status, count in results.status.items() if count},
        "interval_95": {
            name: [figure.low, figure.high]
            for name, figure in results.metrics.items()
            if figure.low is not None and figure.high is not None
        },
        "located_only": {name: figure.value for name, figure in results.valid_only.items() if figure.value is not None},
    }
