"""A result as a record of Every Eval Ever (github.com/evaleval/every_eval_ever), its aggregate schema 0.3.0.

Its principle is this project's: an unknown is data, a guess is corruption.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Literal, get_args

from globe_eval.metrics.accuracy import GEOSCORE_BEST, THRESHOLDS_KM, acc_name
from globe_eval.metrics.statistics import LEVEL, N_RESAMPLES
from globe_eval.reports.export.publishable import (
    figures,
    hub_of,
    identity,
    is_share,
    metric_name,
    model_id,
    public,
    refuse_partial,
    standard_errors,
)
from globe_eval.reports.run_values import Run
from globe_eval.reports.table import LABELS
from globe_eval.runs.record import FigureRecord, Results

Relationship = Literal["first_party", "third_party", "collaborative", "other"]
RELATIONSHIPS: tuple[Relationship, ...] = get_args(Relationship)
SCHEMA_VERSION = "0.3.0"


def every_eval_ever(
    run: Run,
    *,
    model: str | None = None,
    dataset: str | None = None,
    organization: str | None = None,
    relationship: Relationship = "other",
) -> dict[str, Any]:
    """One record of the Every Eval Ever schema. What is not known says so: "unknown", never a guess."""
    results = run.results
    refuse_partial(results)
    name = model or model_id(results)
    asked = datetime.fromisoformat(results.started).timestamp()
    created = str(int(asked + results.duration_seconds))
    errors = standard_errors(run)
    return {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": f"{results.task}/{name}/{created}",
        "evaluation_timestamp": str(int(asked)),
        "retrieved_timestamp": created,
        "source_metadata": {
            "source_name": "globe-eval",
            "source_type": "evaluation_run",
            "source_organization_name": organization or "unknown",
            "evaluator_relationship": relationship,
        },
        "eval_library": {
            "name": "globe-eval",
            "version": results.packages.get("globe-eval", "unknown"),
            "additional_details": _texts(results.packages | {"git_commit": results.git_commit or "unknown"}),
        },
        "model_info": _model_info(results, name),
        "evaluation_results": [
            {
                "evaluation_result_id": f"{results.task}/{metric}",
                "evaluation_name": results.task,
                "source_data": _source_data(results, dataset),
                "evaluation_timestamp": str(int(asked)),
                "metric_config": _metric_config(results, metric, run.directions[metric]),
                "score_details": _score_details(results, metric, figure, value, errors.get(metric)),
                "generation_config": _generation(results),
            }
            for metric, figure, value in figures(results)
            if metric in run.directions
        ],
    }


def _model_info(results: Results, name: str) -> dict[str, Any]:
    engine = {"hf-multimodal": "transformers", "vllm-vlm": "vllm"}.get(results.model)
    info: dict[str, Any] = {
        "name": name,
        "id": name,
        "additional_details": {
            "deployment_type": "self_deployed" if engine else "unknown",
            "model_availability": "unknown",
            "backend": results.model,
            **_texts({"model_args": public(results.model_args), "model_info": public(results.model_info)}),
        },
    }
    if "/" in name:
        info["developer"] = name.partition("/")[0]
    if engine:
        version = results.packages.get(engine)
        info["inference_engine"] = {"name": engine, **({"version": version} if version else {})}
    return info


def _source_data(results: Results, dataset: str | None) -> dict[str, Any]:
    details = _texts({"manifest_sha256": results.manifest_sha256, "task_version": results.task_version})
    known = dataset or hub_of(results.task)
    if known is None:
        return {"dataset_name": results.task, "source_type": "other", "additional_details": details}
    return {
        "dataset_name": results.task,
        "source_type": "hf_dataset",
        "hf_repo": known,
        "samples_number": results.n,
        "additional_details": details,
    }


def _metric_config(results: Results, name: str, higher_is_better: bool) -> dict[str, Any]:
    km = next((threshold for threshold in THRESHOLDS_KM.values() if acc_name(threshold) == name), None)
    config: dict[str, Any] = {
        "evaluation_description": f"{metric_name(name)}; every photograph counts, a missing answer is a miss",
        "metric_id": f"globe_eval.{name}",
        "metric_name": metric_name(name),
        "metric_kind": "accuracy" if is_share(name) else "distance" if name.endswith("_km") else name,
        "metric_unit": "proportion" if is_share(name) else "km" if name.endswith("_km") else "points",
        "metric_parameters": {"distance": results.distance, **({"threshold_km": km} if km else {})},
        "lower_is_better": not higher_is_better,
    }
    top = 1.0 if is_share(name) else "Infinity" if name.endswith("_km") else GEOSCORE_BEST
    if name in LABELS:
        return config | {"score_type": "continuous", "min_score": 0.0, "max_score": top}
    return config | {"additional_details": {"bounds_status": "unknown"}}  # a benchmark's own


def _score_details(
    results: Results, name: str, figure: FigureRecord, value: float, error: float | None
) -> dict[str, Any]:
    uncertainty: dict[str, Any] = {"num_samples": figure.n}
    method = f"percentile bootstrap over {figure.n_groups} groups"
    if error is not None:
        uncertainty |= {"standard_error": {"value": error, "method": "bootstrap"}, "num_bootstrap_samples": N_RESAMPLES}
    if figure.low is not None and figure.high is not None:
        uncertainty |= {
            "confidence_interval": {
                "lower": figure.low,
                "upper": figure.high,
                "confidence_level": LEVEL,
                "method": method,
            },
            "num_bootstrap_samples": N_RESAMPLES,
        }
    located = results.valid_only.get(name)
    details = {"groups": str(figure.n_groups), "status": json.dumps({k: n for k, n in results.status.items() if n})}
    if located is not None and located.value is not None:
        details |= {"over_located_only": f"{located.value:.10g}", "located": str(located.n)}
    return {"score": value, "details": details, "uncertainty": uncertainty}


def _generation(results: Results) -> dict[str, Any]:
    decoding = results.decoding or {}
    names = {"temperature": "temperature", "top_p": "top_p", "top_k": "top_k", "max_gen_toks": "max_tokens"}
    arguments: dict[str, Any] = {
        names[key]: value
        for key, value in decoding.items()
        if key in names and isinstance(value, int | float) and not isinstance(value, bool)
    }
    if results.prompt is not None:
        arguments["prompt_template"] = results.prompt
    rest = {key: value for key, value in decoding.items() if key not in names}
    return {"generation_args": arguments, "additional_details": _texts(rest | identity(results))}


def _texts(values: dict[str, Any]) -> dict[str, str]:
    """Values as the schema wants them: strings, JSON where they are none."""
    return {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
        for name, value in values.items()
    }
