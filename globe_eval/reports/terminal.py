"""Tables of a result for a terminal, folded to its width.

Sections on the reasoning appear only where there is something to show.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable, Sequence
from textwrap import fill
from typing import Any

from tabulate import tabulate

from globe_eval.errors import InputError, nearest
from globe_eval.files import harmless
from globe_eval.metrics.accuracy import THRESHOLDS_KM
from globe_eval.metrics.breakdowns import DIMENSIONS
from globe_eval.metrics.catalogue import ACCURACIES, TARGETS, Family, described, of_family
from globe_eval.reports import notation
from globe_eval.reports.run import figures_of, model_name, run_title
from globe_eval.reports.sentences import sentences
from globe_eval.sample import Results, WithoutOverlap

MOST_COLUMNS = 100
"""Prose is no wider, whatever the terminal is."""


def width() -> int | None:
    """The columns of the terminal, or of $COLUMNS; None where standard output is none: nothing is broken there."""
    return shutil.get_terminal_size((0, 0)).columns or None


def prose(text: str, columns: int | None) -> str:
    """A paragraph within so many columns; words and paths stay whole, and a number keeps its "%"."""
    width = min(columns or MOST_COLUMNS, MOST_COLUMNS)
    whole = fill(text.replace(" %", "\u00a0%"), width, break_long_words=False, break_on_hyphens=False)
    return whole.replace("\u00a0%", " %")


def fold_columns(
    rows: Sequence[Sequence[str]],
    header: Sequence[str],
    keys: int,
    columns: int | None,
    render: Callable[[list[list[str]], list[str]], str],
) -> str:
    """A table as `render` writes rows and header, or, where it is wider, several that repeat its first `keys` columns.

    A line has at most `columns` characters; None: any number.

    >>> print(fold_columns([], ["name", "1000", "2000", "3000"], 1, 15, lambda rows, header: " ".join(header)))
    name 1000 2000
    <BLANKLINE>
    name 3000
    """
    tables, start = [], keys
    while start < len(header):
        end = len(header)
        while True:
            which = [*range(keys), *range(start, end)]
            table = render([[row[i] for i in which] for row in rows], [header[i] for i in which])
            if columns is None or end == start + 1 or max(map(len, table.splitlines())) <= columns:
                break
            end -= 1
        tables.append(table)
        start = end
    return "\n\n".join(tables)


def result_table(results: Results, columns: int | None = None) -> str:
    """The output of `globe-eval score`: a summary in sentences, and each metric with its 95 % interval.

    Beside it the value over located photographs alone and, where names are scored, the ceiling that such answers have.
    A line has at most `columns` characters; None: any number, prose apart.
    """
    some_missing = results.valid_only["located"].n < results.n if "located" in results.valid_only else True
    ceiling = None if results.answer_form in ("coordinates", "any") else results.ceiling
    header = ["", "all\nphotographs", "95 % interval", *(["located\nonly"] if some_missing else [])]
    header += ["ceiling"] if ceiling else []
    rows = []
    for name, figure in results.metrics.items():
        if described(name).family not in ("accuracy", "disclosure", "own"):
            continue
        row = [notation.label(name), notation.text(name, figure.value), notation.interval(name, figure)]
        if some_missing:
            valid = results.valid_only.get(name)
            row.append(notation.text(name, valid.value) if valid and name != "located" else "")
        if ceiling:
            row.append(notation.text(name, ceiling[name]) if name in ceiling else "")
        rows.append(row)
    sections = (  # on the reasoning
        _grounding(results, columns),
        _section(results, "consistency", "consistency with the answer", columns),
        _localizability(results, columns),
        prose(_format(results), columns),
    )
    notes = [
        f"status: {notation.status_counts(results)}",
        notation.few_groups_note(results),
        f"repaired, having been decoded wrongly: {results.repaired:,} responses" if results.repaired else "",
        _ceiling_line(results) if ceiling else "",
        _clean_line(results.clean) if results.clean else "",
        "what each measure means, and when it misleads: globe-eval ls metrics",
    ]
    return "\n".join(
        [
            prose(heading(results), columns),
            "",
            prose(" ".join(sentences(results)), columns),
            "",
            _table(rows, header, columns),
            "",
            *(f"{section}\n" for section in sections if section),
            *(prose(line, columns) for line in notes if line),
        ]
    )


def _table(
    rows: Sequence[Sequence[str]], header: Sequence[str], columns: int | None, keys: int = 1, **more: Any
) -> str:
    """Rows of text with a header, the first `keys` columns to the left, no wider than `columns` (`fold_columns`)."""

    def render(rows: list[list[str]], header: list[str]) -> str:
        sides = ("left",) * keys + ("right",) * (len(header) - keys)
        return tabulate(rows, headers=header, disable_numparse=True, colalign=sides, **more)

    return fold_columns(rows, header, keys, columns, render)


def breakdown_table(results: Results, by: str, columns: int | None = None) -> str:
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
    names = [
        name
        for name in (*ACCURACIES, "median_km", "geoscore", "country_accuracy")
        if any(name in part.metrics for _, part in parts)
    ]
    grouped = any(part.n_groups < part.n for _, part in parts)
    rows = [
        [
            notation.CONTINENTS.get(label, label) if by == "continent" else label,
            f"{part.n:,}",
            *([f"{part.n_groups:,}"] if grouped else []),
            *(
                f"{notation.text(name, part.metrics[name].value)}\n{notation.interval(name, part.metrics[name])}"
                if name in part.metrics
                else "none"
                for name in names
            ),
        ]
        for label, part in parts
    ]
    header = [by.replace("_", " "), "n", *(["photo-\ngraphers"] if grouped else [])]
    header += [notation.label(name).replace(", ", "\n") for name in names]
    table = _table(rows, header, columns, tablefmt="simple_grid")
    return f"{prose(heading(results), columns)}\n\n{table}"


def compact_table(many: Sequence[Results], format: str = "terminal", columns: int | None = None) -> str:
    """Several results side by side: one row each, the five accuracies with their intervals, median and GeoScore.

    In a terminal a paragraph about each stands before it, and a line has at most `columns` characters (None: any
    number). Others are "markdown", "latex" (booktabs), and "csv": raw values, a column each for value, low and high.
    """
    names = [*ACCURACIES, "median_km", "geoscore", "located"]
    if format == "csv":
        return _csv(many, names)
    between = "\n" if format == "terminal" else " "
    header = ["task", "model", "n", *(notation.label(name).replace(", ", between) for name in ACCURACIES)]
    header += [notation.short(name) for name in names[len(ACCURACIES) :]]
    rows = [
        [
            r.task,
            model_name(r, between).replace("|", "\\|" if format == "markdown" else "|"),
            f"{r.n:,}" if format == "terminal" else str(r.n),
            *(_figure(r, name, format) for name in names),
        ]
        for r in many
    ]
    if format != "terminal":
        return _table(rows, header, None, keys=2, tablefmt={"markdown": "github", "latex": "latex_booktabs"}[format])
    said = [prose(f"{run_title(model_name(r), r)}: {' '.join(sentences(r))}", columns) for r in many]
    return "\n\n".join([*said, _table(rows, header, columns, keys=2, tablefmt="simple_grid")])


def _figure(results: Results, name: str, format: str) -> str:
    figure = results.metrics[name]
    if format == "terminal":
        return f"{notation.text(name, figure.value)}\n{notation.interval(name, figure)}"
    return notation.with_interval(name, figure)


def _csv(many: Sequence[Results], columns: Sequence[str]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    sides = ("value", "low", "high")
    writer.writerow(["task", "model", "n", "n_groups", *(f"{name}_{side}" for name in columns for side in sides)])
    for one in many:
        figures = [getattr(one.metrics[name], side) for name in columns for side in sides]
        writer.writerow([one.task, harmless(model_name(one)), one.n, one.n_groups, *figures])
    return out.getvalue().rstrip("\n")


def heading(results: Results) -> str:
    """The heading of a result: task, model, answer form, number of photographs, distance."""
    limited = f" (--limit {results.limit:g})" if results.limit is not None else ""
    version = f" version {results.task_version}" if results.task_version else ""
    return (
        f"{results.task}{version} · {model_name(results)} · {results.answer_form} · "
        f"{notation.by_whom(results)}{limited} · {results.distance} distance"
    )


def _ceiling_line(results: Results) -> str:
    """What the ceiling is, and what the best names would score."""
    line = "ceiling: what answers of this form score that name the city nearest to each photograph"
    if not results.attainable:
        return line
    best = " / ".join(notation.number(name, value) for name, value in results.attainable.items())
    return f"{line}; the best place names score {best} %"


def _clean_line(clean: WithoutOverlap) -> str:
    """The accuracies without the photographs that are in another set too."""
    values = ", ".join(
        f"{notation.text(name, figure.value)} ({notation.interval(name, figure) or 'no interval'}) within {km:,.0f} km"
        for name, km in zip(ACCURACIES, THRESHOLDS_KM.values(), strict=True)
        if (figure := clean.metrics.get(name)) is not None
    )
    return f"without {clean.excluded:,} photographs of the other set, {clean.n:,} left: {values or 'nothing to score'}"


_ARROWS = {True: "↑", False: "↓", None: ""}


def _section(results: Results, family: Family, title: str, columns: int | None) -> str:
    """The metrics of a family that a result has, a row each; empty where it has none."""
    figures = figures_of(results)
    rows = [
        [
            metric.label,
            notation.text(metric.name, one.value),
            notation.interval(metric.name, one),
            f"{one.n:,}",
            _ARROWS[metric.higher_is_better],
        ]
        for metric in of_family(family)
        if (one := figures.get(metric.name)) is not None
    ]
    header = [title, "", "95 % interval", "n", "better"]
    return _table(rows, header, columns) if rows else ""


def _grounding(results: Results, columns: int | None) -> str:
    table = _section(results, "grounding", "grounding of the reasoning", columns)
    counts, judge = results.reasoning, results.judge
    if not table or counts is None:
        return ""
    unknown = {
        "without entities": counts.without_entities,
        "in a language that the lexicon lacks": counts.not_covered,
        "in a language whose conclusion is not read": counts.not_read,
    }
    noted = ", ".join(f"{n:,} {what}" for what, n in unknown.items() if n)
    lines = [f"not measured: {noted}"] if noted else []
    if judge is not None:
        shares = ", ".join(f"{what} {_share(getattr(judge, what))}" for what in ("evidence", "mentioned", "absent"))
        agreed = f"agrees on {_share(judge.agreement)} of {judge.n_entities:,} entities"
        kappa = "" if judge.kappa is None else f" (Cohen's kappa {judge.kappa:.2f})"
        lines.append(f"judge {judge.model}: {shares}; {agreed}{kappa}")
    return "\n".join([table, *(prose(line, columns) for line in lines)])


def _share(value: float | None) -> str:
    return "none" if value is None else f"{100 * value:.1f} %"


def _localizability(results: Results, columns: int | None) -> str:
    """One row a measure, one column a target; nothing where the model states no confidence and refuses nothing."""
    counts = results.reasoning
    sources = {} if counts is None else {name: n for name, n in counts.confidence.items() if n}
    if not sources.keys() - {"answered"}:
        return ""
    rows: dict[str, dict[str, str]] = {}
    for metric in of_family("localizability"):
        measure, _, target = metric.label.rpartition(", ")
        one = results.metrics.get(metric.name)
        if one is not None and measure:
            rows.setdefault(measure, {})[target] = notation.with_interval(metric.name, one)
    targets = [target for target in TARGETS.values() if any(target in of for of in rows.values())]
    cells = [[measure, *(of.get(target, "none") for target in targets)] for measure, of in rows.items()]
    table = _table(cells, ["localizability, against", *targets], columns)
    name = "localizable_claimed"
    claimed = results.metrics[name]
    known = ", ".join(f"{source} {n:,}" for source, n in sources.items())
    claims = f"{notation.label(name)}: {notation.text(name, claimed.value)} of {claimed.n:,}; confidence from: {known}"
    return f"{table}\n{prose(claims, columns)}"


def _format(results: Results) -> str:
    found = [(metric, results.metrics[metric.name]) for metric in of_family("format") if metric.name in results.metrics]
    parts = [f"{metric.label} {notation.text(metric.name, one.value)}" for metric, one in found]
    return f"format: {', '.join(parts)}" if parts else ""
