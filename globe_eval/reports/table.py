"""The table of a result that a person reads in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from tabulate import tabulate

from globe_eval.errors import InputError, nearest
from globe_eval.metrics.accuracy import THRESHOLDS_KM, acc_name
from globe_eval.metrics.breakdowns import DIMENSIONS
from globe_eval.reports import reasoning
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
CONTINENTS = {
    "AF": "Africa",
    "AN": "Antarctica",
    "AS": "Asia",
    "EU": "Europe",
    "NA": "North America",
    "OC": "Oceania",
    "SA": "South America",
}
RATES = (*(acc_name(km) for km in THRESHOLDS_KM.values()), "located", "country_accuracy", "city_accuracy")


def result_table(results: Results) -> str:
    """One result: each metric with its 95 % interval.

    Beside it the value over located photographs alone and, where names are scored, the ceiling that such answers have.
    """
    some_missing = results.valid_only["located"].n < results.n if "located" in results.valid_only else True
    ceiling = None if results.answer_form == "coordinates" else results.ceiling
    header = ["", "all photographs", "95 % interval", *(["located only"] if some_missing else [])]
    header += ["ceiling"] if ceiling else []
    rows = []
    for name, figure in results.metrics.items():
        if name in reasoning.NAMES:
            continue
        row = [label(name), shown(name, figure.value), f"{interval(name, figure)}"]
        if some_missing:
            valid = results.valid_only.get(name)
            row.append(shown(name, valid.value) if valid and name != "located" else "")
        if ceiling:
            row.append(shown(name, ceiling[name]) if name in ceiling else "")
        rows.append(row)
    return "\n".join(
        [
            heading(results),
            "",
            tabulate(rows, headers=header, disable_numparse=True, colalign=("left", *["right"] * (len(header) - 1))),
            "",
            *(f"{section}\n" for section in reasoning.sections(results)),
            status_line(results),
            *([_ceiling_line(results)] if ceiling else []),
            *([_clean_line(results)] if results.clean else []),
        ]
    )


def breakdown_table(results: Results, by: str) -> str:
    """One result by the parts of a dimension: a row each, with the metrics of `compact_table` and their intervals.

    Countries with most photographs come first. Raises InputError for an unknown dimension, and for one that the result
    does not have.
    """
    if by not in DIMENSIONS:
        raise InputError(f"--by {by!r}: unknown{nearest(by, DIMENSIONS)} (allowed: {', '.join(DIMENSIONS)})")
    parts = list(results.breakdowns.get(by, {}).items())
    if not parts:
        there = ", ".join(results.breakdowns) or "none"
        raise InputError(f"--by {by}: this result has no such breakdown (it has: {there}); the truth may not know it")
    if by == "country":
        parts.sort(key=lambda part: -part[1].n)
    columns = [
        name
        for name in (*(acc_name(km) for km in THRESHOLDS_KM.values()), "median_km", "geoscore", "country_accuracy")
        if any(name in part.metrics for _, part in parts)
    ]
    rows = [
        [
            CONTINENTS.get(label, label) if by == "continent" else label,
            f"{part.n:,}",
            f"{part.n_groups:,}",
            *(
                f"{shown(name, part.metrics[name].value)}\n{interval(name, part.metrics[name])}"
                if name in part.metrics
                else "none"
                for name in columns
            ),
        ]
        for label, part in parts
    ]
    header = [by.replace("_", " "), "n", "groups", *(LABELS[name].replace(", ", "\n") for name in columns)]
    table = tabulate(
        rows,
        headers=header,
        disable_numparse=True,
        tablefmt="simple_grid",
        colalign=("left", *["right"] * (len(header) - 1)),
    )
    return f"{heading(results)}\n\n{table}"


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


def _ceiling_line(results: Results) -> str:
    """What the ceiling is, and what the best names would score."""
    line = "ceiling: what answers of this form score that name the city nearest to each photograph"
    if not results.attainable:
        return line
    best = " / ".join(shown(name, value).removesuffix(" %") for name, value in results.attainable.items())
    return f"{line}; the best place names score {best} %"


def _clean_line(results: Results) -> str:
    """The accuracies without the photographs that are in another set too."""
    clean = results.clean
    assert clean is not None
    figures = {km: clean.metrics[acc_name(km)] for km in THRESHOLDS_KM.values() if acc_name(km) in clean.metrics}
    values = ", ".join(
        f"{shown(acc_name(km), figure.value)} ({interval(acc_name(km), figure) or 'no interval'}) within {km:,.0f} km"
        for km, figure in figures.items()
    )
    return f"without {clean.excluded:,} photographs of the other set, {clean.n:,} left: {values or 'nothing to score'}"


def label(name: str) -> str:
    """A metric as a table calls it; a benchmark's own by its name.

    >>> label("acc@25km"), label("acc@0.5km"), label("inside")
    ('city, 25 km', 'within 0.5 km', 'inside')
    """
    if name in reasoning.NAMES:
        stem, _, target = name.partition("@")
        return reasoning.LABELS[stem] + (f", {target}" if target else "")
    own = f"within {name.removeprefix('acc@').removesuffix('km')} km" if name.startswith("acc@") else name
    return LABELS.get(name, own)


def shown(name: str, value: float | None) -> str:
    """A figure as a person writes it; none where it is infinite or undefined."""
    if name in reasoning.NAMES:
        return reasoning.shown(name, value)
    if value is None:
        return "∞" if name.endswith("_km") else "none"
    if name.endswith("_km"):
        return f"{value:,.1f} km" if value < 1000 else f"{value:,.0f} km"
    if name == "geoscore":
        return f"{value:,.0f}"
    return f"{100 * value:.1f} %" if name in LABELS or name.startswith("acc@") else f"{value:,.4g}"


def interval(name: str, figure: FigureRecord) -> str:
    """Its 95 % bootstrap interval; empty where there is none (one group, or an infinite value)."""
    if figure.n_groups < 2 or (figure.low is None and figure.high is None):
        return ""
    return f"{_bare(name, figure.low)} – {_bare(name, figure.high)}"


def _bare(name: str, value: float | None) -> str:
    return "∞" if value is None else shown(name, value).removesuffix(" %").removesuffix(" km").removesuffix(" points")
