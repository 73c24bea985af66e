"""Figures in a model's repository on the hub: `model-index` in its README, and `.eval_results`."""

from __future__ import annotations

from globe_eval.errors import InputError
from globe_eval.metrics.catalogue import ACCURACIES
from globe_eval.reports import shown
from globe_eval.reports.export.publishable import (
    bounds,
    directions,
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


def model_card(run: Run, *, model: str | None = None, dataset: str | None = None, source: str | None = None) -> str:
    """The `model-index` of a model's README on the hub, as YAML between `---`; accuracies in percent."""
    from huggingface_hub import EvalResult, ModelCardData

    results = run.results
    refuse_partial(results)
    higher_is_better = directions(run)
    depends_on = figure_depends_on(results)
    depends_on |= {
        "prompt_sha256": results.prompt_sha256 or "unknown",
        "photographs": results.n,
        "seed": results.seed,
    }
    entries = [
        EvalResult(
            task_type="image-text-to-text",
            task_name="Image geolocation",
            dataset_type=dataset or hub_of(results.task) or results.task,
            dataset_name=results.task,
            dataset_args=depends_on,
            metric_type=name,
            metric_name=shown.with_unit(name, long=True),
            metric_value=shown.published(name, value),
            metric_args={
                "higher_is_better": higher_is_better[name],
                **({"interval_95": interval} if (interval := bounds(name, figure)) else {}),
                "photographs": figure.n,
                "groups": figure.n_groups,
            },
            source_name="globe-eval" if source else None,
            source_url=source,
        )
        for name, figure, value in published_figures(results)
        if name in higher_is_better
    ]
    card = ModelCardData(model_name=model or model_id(results), eval_results=entries)
    return f"---\n{card.to_yaml()}\n---\n"


def eval_results(run: Run, *, dataset: str | None = None, source: str | None = None) -> str:
    """The `.eval_results/TASK.yaml` of a model's repository on the hub; an entry for each of HEADLINES.

    Raises InputError where the benchmark has no data set on the hub, which the format asks for.
    """
    import yaml
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    results = run.results
    refuse_partial(results)
    known = dataset or hub_of(results.task)
    if known is None:
        raise InputError(
            f"{results.task}: .eval_results asks for the benchmark's data set on the hub, and this benchmark names "
            "none; give --dataset_id OWNER/NAME, or export --to model-card"
        )
    higher_is_better = directions(run)
    entries = [
        EvalResultEntry(
            dataset_id=known,
            task_id=f"{results.task}_{name.replace('acc@', 'within_')}",
            value=shown.published(name, value),
            date=results.started,
            source_url=source,
            notes=_notes(results, name, figure, higher_is_better[name]),
        )
        for name, figure, value in published_figures(results)
        if name in HEADLINES
    ]
    return yaml.safe_dump(eval_result_entries_to_yaml(entries), sort_keys=False, allow_unicode=True, width=120)


def _notes(results: Results, name: str, figure: Figure, higher_is_better: bool) -> str:
    between = bounds(name, figure)
    interval = f"95 % interval {between[0]:g} to {between[1]:g}; " if between else ""
    return (
        f"{shown.with_unit(name, long=True)}; {'higher' if higher_is_better else 'lower'} is better; {interval}"
        f"{results.n:,} photographs, all counted; answer form {results.answer_form}; "
        f"geocoder {results.geocoder.name}; {results.distance} distance"
    )
