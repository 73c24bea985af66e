"""Exports for the hub: `model-index` and `.eval_results` of a model, `eval.yaml` of a benchmark."""

from __future__ import annotations

import re

from globe_eval.benchmarks.definition import find
from globe_eval.errors import InputError
from globe_eval.metrics.catalogue import ACCURACIES
from globe_eval.reports import notation
from globe_eval.reports.export.publishable import (
    bounds,
    figure_depends_on,
    hub_of,
    model_id,
    published_figures,
    refuse_partial,
)
from globe_eval.reports.run import Run
from globe_eval.sample import Figure, Results

HEADLINES = (*ACCURACIES, "median_km")
"""What `.eval_results` has: the five accuracies and the median distance."""
FRAMEWORK = "globe-eval"
"""Of those that compute a value, as `eval.yaml` and `.eval_results` name them."""


def model_card(run: Run, *, model: str | None = None, dataset: str | None = None, source: str | None = None) -> str:
    """The `model-index` of a model's README on the hub, as YAML between `---`; accuracies in percent."""
    from huggingface_hub import EvalResult, ModelCardData

    results = run.results
    refuse_partial(results)
    depends_on = figure_depends_on(results)
    depends_on |= {"prompt_sha256": results.prompt_sha256 or "unknown", "photographs": results.n, "seed": results.seed}
    entries = [
        EvalResult(
            task_type="image-text-to-text",
            task_name="Image geolocation",
            dataset_type=dataset or hub_of(results.task) or results.task,
            dataset_name=results.task,
            dataset_args=depends_on,
            metric_type=name,
            metric_name=notation.with_unit(name, long=True),
            metric_value=notation.published_value(name, value),
            metric_args={
                "higher_is_better": higher_is_better,
                **({"interval_95": interval} if (interval := bounds(name, figure)) else {}),
                "photographs": figure.n,
                "groups": figure.n_groups,
            },
            source_name="globe-eval" if source else None,
            source_url=source,
        )
        for name, figure, value, higher_is_better in published_figures(results)
    ]
    card = ModelCardData(model_name=model or model_id(results), eval_results=entries)
    return f"---\n{card.to_yaml()}\n---\n"


def task_id(task: str, metric: str) -> str:
    """The hub's task id of one figure of a benchmark; the hub has one value a task.

    >>> task_id("im2gps3k", "acc@25km")
    'im2gps3k_within_25km'
    """
    return f"{task}_{metric.replace('acc@', 'within_')}"


def eval_yaml(task: str) -> str:
    """The `eval.yaml` of a benchmark's data set on the hub: what it is, and an id for each of HEADLINES.

    `task` is a benchmark's name or the path of its YAML; the split is the one that its `hub` names, else "test".

    Raises InputError for a group and for what is no benchmark.
    """
    import yaml

    one = find(task)
    if one.is_group:
        raise InputError(f"{task} is a group; eval.yaml is of one of its tasks: {', '.join(one.values['task'])}")
    metadata = one.values.get("metadata") or {}
    split = str(metadata.get("hub") or "").partition(":")[2] or "test"
    what = metadata.get("description") or "Image geolocation: where was each photograph taken?"
    about = {
        "name": one.name,
        "description": f"{what.rstrip('.')}. Values: per cent of all photographs that are answered within a distance "
        "of the truth (higher is better), and the median distance in km (lower is better).",
        "evaluation_framework": FRAMEWORK,
        "tasks": [{"id": task_id(one.name, name), "config": "default", "split": split} for name in HEADLINES],
    }
    return yaml.safe_dump(about, sort_keys=False, allow_unicode=True, width=120)


def eval_results(
    run: Run, *, dataset: str | None = None, source: str | None = None, revision: str | None = None
) -> str:
    """The `.eval_results/TASK.yaml` of a model's repository on the hub; an entry for each of HEADLINES.

    `revision` is the data set's commit. Raises InputError for one that is none, and where the benchmark has no data set
    on the hub, which the format asks for.
    """
    import yaml
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    results = run.results
    refuse_partial(results)
    if revision is not None and not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise InputError(f"--dataset_revision: found {revision!r}; allowed: a commit, 40 of the digits 0-9a-f")
    known = dataset or hub_of(results.task)
    if known is None:
        raise InputError(
            f"{results.task}: .eval_results asks for the benchmark's data set on the hub, and this benchmark names "
            "none; give --dataset_id OWNER/NAME, or export --to model-card"
        )
    entries = [
        EvalResultEntry(
            dataset_id=known,
            task_id=task_id(results.task, name),
            dataset_revision=revision,
            value=notation.published_value(name, value),
            date=results.started,
            source_url=source,
            notes=_notes(results, name, figure, higher_is_better),
        )
        for name, figure, value, higher_is_better in published_figures(results)
        if name in HEADLINES
    ]
    # Not a field of the hub's class yet, though its documentation has it.
    lines = [{**entry, "evaluation_framework": FRAMEWORK} for entry in eval_result_entries_to_yaml(entries)]
    return yaml.safe_dump(lines, sort_keys=False, allow_unicode=True, width=120)


def _notes(results: Results, name: str, figure: Figure, higher_is_better: bool) -> str:
    between = bounds(name, figure)
    interval = f"95 % interval {between[0]:g} to {between[1]:g}; " if between else ""
    return (
        f"{notation.with_unit(name, long=True)}; {'higher' if higher_is_better else 'lower'} is better; {interval}"
        f"{results.n:,} photographs, all counted; answer form {results.answer_form}; "
        f"geocoder {results.geocoder.name}; {results.distance} distance; truth {results.manifest_sha256[:12]}"
    )
