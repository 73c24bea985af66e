"""The table of a result that a person reads in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from tabulate import tabulate

from globe_eval.metrics.accuracy import THRESHOLDS_KM, acc_name
from globe_eval.runs.record import FigureRecord, Results

LABELS = {
    **{acc_name(km): f"{level}, {km:,.0f} km" for level, km in THRESHOLDS_KM.items()},
    "geoscore": "GeoScore (0 to 5000)",
    "median_km": "median distance",
    "mean_km": "mean distance",
    "located": "located at all",
    "country_accuracy": "country right",
    "city_accuracy": "city right",
    "globe_country_match": "country, GLOBE's rule",
    "globe_city_match": "city, GLOBE's rule",
}
RATES = (*(acc_name(km) for km in THRESHOLDS_KM.values()), "located", "country_accuracy", "city_accuracy")


def result_table(results: Results) -> str:
    """One result: each metric with its 95 % interval, and the value over located photographs alone beside it."""
    some_missing = results.valid_only["located"].n < results.n if "located" in results.valid_only else True
    header = ["", "all photographs", "95 % interval", *(["located only"] if some_missing else [])]
    rows = []
    for name, figure in results.metrics.items():
        row = [LABELS.get(name, name), shown(name, figure.value), f"{interval(name, figure)}"]
        if some_missing:
            valid = results.valid_only.get(name)
            row.append(shown(name, valid.value) if valid and name != "located" else "")
        rows.append(row)
    return "\n".join(
        [
            heading(results),
            "",
            tabulate(rows, headers=header, disable_numparse=True, colalign=("left", *["right"] * (len(header) - 1))),
            "",
            status_line(results),
        ]
    )


def compact_table(many: Sequence[Results]) -> str:
    """Several results side by side: one row each, the five accuracies with their intervals, median and GeoScore."""
    columns = [*(acc_name(km) for km in THRESHOLDS_KM.values()), "median_km", "geoscore", "located"]
    header = [
        "task",
        "model",
        "n",
        *(f"{level}\n{km:,.0f} km" for level, km in THRESHOLDS_KM.items()),
        "median",
        "GeoScore",
        "located",
    ]
    rows = [
        [
            r.task,
            model_name(r, "\n"),
            r.n,
            *(f"{shown(c, r.metrics[c].value)}\n{interval(c, r.metrics[c])}" for c in columns),
        ]
        for r in many
    ]
    return tabulate(
        rows,
        headers=header,
        disable_numparse=True,
        tablefmt="simple_grid",
        colalign=("left", "left", *["right"] * (len(header) - 2)),
    )


def model_name(results: Results, between: str = " ") -> str:
    """The model and which weights: `endpoint qwen2.5-vl`, `hf-multimodal GLOBE-Qwen2.5VL-7B`, `knn`."""
    arguments = {**results.model_info, **results.model_args}
    which = next(
        (arguments[key] for key in ("pretrained", "model", "model_name", "answers") if arguments.get(key)), None
    )
    return results.model if which is None else f"{results.model}{between}{str(which).rstrip('/').rsplit('/', 1)[-1]}"


def heading(results: Results) -> str:
    """One line that says what the numbers are of."""
    groups = f" by {results.n_groups:,} groups" if results.n_groups < results.n else ""
    limited = f" (--limit {results.limit:g})" if results.limit is not None else ""
    version = f" version {results.task_version}" if results.task_version else ""
    return (
        f"{results.task}{version} · {model_name(results)} · {results.answer_form} · "
        f"{results.n:,} photographs{groups}{limited} · {results.distance} distance"
    )


def status_line(results: Results) -> str:
    """How many samples ended in which way."""
    counted = ", ".join(f"{status} {count:,}" for status, count in results.status.items() if count)
    return f"status: {counted}"


def shown(name: str, value: float | None) -> str:
    """A figure as a person writes it; none where it is infinite or undefined."""
    if value is None:
        return "∞" if name.endswith("_km") else "none"
    if name.endswith("_km"):
        return f"{value:,.1f} km" if value < 1000 else f"{value:,.0f} km"
    if name == "geoscore":
        return f"{value:,.0f}"
    return f"{100 * value:.1f} %"


def interval(name: str, figure: FigureRecord) -> str:
    """Its 95 % bootstrap interval; empty where there is none (one group, or an infinite value)."""
    if figure.n_groups < 2 or (figure.low is None and figure.high is None):
        return ""
    return f"{_bare(name, figure.low)} – {_bare(name, figure.high)}"


def _bare(name: str, value: float | None) -> str:
    return "∞" if value is None else shown(name, value).removesuffix(" %").removesuffix(" km")
