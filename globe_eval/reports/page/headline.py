"""The tables of a report as rows of text: figures with intervals, differing settings, how each run was made."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from globe_eval.metrics.accuracy import THRESHOLDS_KM, acc_name
from globe_eval.metrics.catalogue import Family, described
from globe_eval.places.resolve import country_name
from globe_eval.reports import notation
from globe_eval.reports.page.joined import NamedRun
from globe_eval.reports.run import figures_of, settings
from globe_eval.sample import By, Results, Stratum, to_dict


@dataclass(frozen=True)
class FigureText:
    """The text of a figure: value and interval ("" where there is none)."""

    value: str
    between: str = ""
    beside: str = ""
    """What else must be said: the value over located photographs alone, or of how many the figure is."""
    number: str = ""
    """What the column is sorted by."""


HEADLINE: Set[Family] = {"accuracy", "disclosure", "own"}
"""Of the first table: accuracies, distances, names, disclosure and what the benchmark brings itself."""
REASONING: Set[Family] = {"grounding", "consistency", "localizability", "format"}
"""Of the second: what is measured of the reasoning."""


def figure_rows(runs: Sequence[NamedRun], families: Set[Family]) -> list[tuple[str, list[FigureText]]]:
    """The label of each metric of these families that a run has, and a cell a run."""
    names = dict.fromkeys(
        name for run in runs for name in figures_of(run.results) if described(name).family in families
    )
    return [(notation.label(name), [_cell(run.results, name) for run in runs]) for name in names]


def _cell(results: Results, name: str) -> FigureText:
    """One figure of one run."""
    figure = figures_of(results).get(name)
    if figure is None:
        return FigureText("not measured")
    if described(name).family in ("accuracy", "own"):
        valid = results.valid_only.get(name)
        some = valid is not None and name != "located" and 0 < valid.n < figure.n
        beside = f"located only: {notation.text(name, valid.value)}" if some and valid is not None else ""
    else:
        beside = f"of {figure.n:,}" if figure.n < results.n else ""
    return FigureText(notation.text(name, figure.value), notation.interval(name, figure), beside)


def denominator_notes(runs: Sequence[NamedRun]) -> list[str]:
    """A line for each pair of runs whose order changes when photographs that were not located are left out."""
    notes = []
    for i, a in enumerate(runs):
        for b in runs[i + 1 :]:
            turned = [text for km in THRESHOLDS_KM.values() if (text := _turned(a.results, b.results, km))]
            if turned:
                notes.append(
                    f"The order of {a.name} and {b.name} depends on the denominator, all photographs or the located "
                    f"ones: {'; '.join(turned)}."
                )
    return notes


def _turned(a: Results, b: Results, km: float) -> str | None:
    """Both accuracies of both runs, where they are in another order over located photographs than over all."""
    name = acc_name(km)
    pairs = [
        (figures_a[name].value, figures_b[name].value)
        for figures_a, figures_b in ((a.metrics, b.metrics), (a.valid_only, b.valid_only))
        if name in figures_a and name in figures_b
    ]
    if len(pairs) < 2 or any(value is None for pair in pairs for value in pair):
        return None
    (all_a, all_b), (valid_a, valid_b) = pairs
    assert all_a is not None and all_b is not None and valid_a is not None and valid_b is not None
    if (all_a - all_b) * (valid_a - valid_b) >= 0:
        return None
    text = [f"{100 * value:.2f}" for value in (all_a, all_b, valid_a, valid_b)]
    return f"within {km:,.0f} km {text[0]} against {text[1]} % of all, {text[2]} against {text[3]} % of the located"


def breakdown_rows(runs: Sequence[NamedRun], by: By) -> list[tuple[str, list[Stratum | None]]]:
    """Label and each run's part of a breakdown, in the first run's order; the most photographs first for countries."""
    each = [run.results.breakdowns.get(by, {}) for run in runs]
    labels = dict.fromkeys(label for parts in each for label in parts)
    rows = [(label, [parts.get(label) for parts in each]) for label in labels]
    if by == "country":
        rows.sort(key=lambda row: (-max(part.n for part in row[1] if part), row[0]))
        return [(country_name(label), parts) for label, parts in rows]
    return [(notation.CONTINENTS.get(label, label) if by == "continent" else label, parts) for label, parts in rows]


_LONGEST = 400


def setting_texts(results: Results) -> dict[str, str]:
    """Every setting of a run as text, nested ones by their dotted name; unset ones are left out."""
    texts = {name: str(value) for name, value in settings(results).items() if value not in (None, [], {})}
    return {name: text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…" for name, text in texts.items()}


def differing_settings(runs: Sequence[NamedRun]) -> list[tuple[str, list[str]]]:
    """The settings in which runs differ, with each run's value; a run that does not tell one says so."""
    each = [setting_texts(run.results) for run in runs]
    names = dict.fromkeys(name for one in each for name in one)
    rows = [(name, [one.get(name, "not told") for one in each]) for name in names]
    return [(name, values) for name, values in rows if len(set(values)) > 1]


def about(results: Results) -> list[tuple[str, str]]:
    """How a run was carried out: command, start, duration, usage, number of groups."""
    rows = [("command", results.command)] if results.command else []
    rows += [("started", results.started), ("duration", f"{results.duration_seconds:,.1f} s")]
    if results.usage is not None:
        used = to_dict(results.usage)
        rows += [(name.replace("_", " "), f"{value:,}") for name, value in used.items() if value is not None]
    rows.append(("photographs", notation.by_whom(results)))
    return rows
