"""`globe-eval report`: runs as one HTML file that works offline.

Everything that a model or a benchmark wrote is escaped: by the template where it is part of the page, as JSON without
`<` where scripts read it, and they set it as text. The page's policy allows no script and no style but its own, by
their hashes, and no request at all. The same input gives the same bytes: there is no date and nothing random in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence, Set
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from markupsafe import Markup

import globe_eval
from globe_eval.files import write_whole
from globe_eval.metrics.accuracy import THRESHOLDS_KM, acc_name
from globe_eval.metrics.breakdowns import AT_LEAST
from globe_eval.metrics.catalogue import Family, described
from globe_eval.places.resolve import country_name
from globe_eval.reports import notation, terminal
from globe_eval.reports.page import charts, maps, payload, pictures, template
from globe_eval.reports.page.drawings import STYLES
from globe_eval.reports.page.joined import JoinedRuns, NamedRun, notable_photographs
from globe_eval.reports.page.maps import SIDE_KM
from globe_eval.reports.run import UNNAMED, figures_of, run_title, settings
from globe_eval.reports.sentences import sentences
from globe_eval.sample import STATUSES, By, Results, Stratum, to_dict

_SCRIPTS = ("sort.js", "map.js", "gallery.js", "report.js")
HEADLINE: Set[Family] = {"accuracy", "disclosure", "own"}
"""Of the first table: accuracies, distances, names, disclosure and what the benchmark brings itself."""
REASONING: Set[Family] = {"grounding", "consistency", "localizability", "format"}
"""Of the second: what is measured of the reasoning."""
_PARTS: dict[By, str] = {"continent": "continent", "scene": "scene", "city_size": "size of the nearest city"}


def write_page(data: JoinedRuns, path: Path, *, images: Path | None = None, max_images: int = pictures.MOST) -> None:
    """Write the page of runs side by side, with their pictures from a folder; the embedded benchmark's are drawn."""
    some = sample_photographs(data)
    chosen = notable_photographs(some, max_images)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, page(data, some, _pictures(some, chosen, images), len(chosen)).encode())


def _pictures(data: JoinedRuns, chosen: Sequence[int], images: Path | None) -> pictures.Pictures:
    if images is not None:
        return pictures.pictures(data.photographs, chosen, images)
    if all(run.results.task.startswith("miniworld") for run in data.runs):
        return pictures.drawn(data.photographs, chosen)
    return pictures.Pictures({}, 0, 0)


def sample_photographs(data: JoinedRuns) -> JoinedRuns:
    """What the page has one by one: of more than `maps.MOST_SHOWN` photographs as many.

    They are the foremost among all, and those whose ids have the least SHA-256: by chance, but the same of every run.
    """
    n = len(data.photographs)
    if n <= maps.MOST_SHOWN:
        return data
    first = notable_photographs(data, min(payload.MOST_READ, maps.MOST_SHOWN // 2))
    others = sorted({*range(n)} - {*first}, key=lambda i: hashlib.sha256(data.photographs[i].id.encode()).digest())
    chosen = sorted([*first, *others[: maps.MOST_SHOWN - len(first)]])
    rows = [[answers[i] for i in chosen] for answers in data.answers]
    return JoinedRuns(data.runs, [data.photographs[i] for i in chosen], rows)


def page(data: JoinedRuns, some: JoinedRuns, found: pictures.Pictures, pictures_wanted: int) -> str:
    """The page, as text: all figures and charts of `data`, `some` of the photographs one by one.

    `pictures_wanted` is how many were looked for.
    """
    runs = data.runs
    read = notable_photographs(some, max(1, payload.MOST_READ // max(1, len(runs))))
    longest = payload.response_limit(sample.response for answers in some.answers for sample in answers if sample)
    block = payload.payload(some, found.urls, read, longest)
    many = len(some.photographs) < len(data.photographs)
    if many:
        block["cells"] = [[list(cell) for cell in maps.cells_of(data, run)] for run in range(len(runs))]
    style = "\n" + template.text(*STYLES, "report.css")
    script = "\n(() => {\n" + "\n".join(map(template.text, _SCRIPTS)) + "})();\n"
    values = {
        "version": globe_eval.__version__,
        # this page's own style and script by hash, embedded pictures, nothing else
        "policy": f"default-src 'none'; img-src data:; style-src {template.source_hash(style)}; "
        f"script-src {template.source_hash(script)}; base-uri 'none'; form-action 'none'",
        "style": Markup(style),
        "script": Markup(script),
        "data": Markup(payload.script_json(block)),
        "title": _title(runs),
        "headings": [terminal.heading(run.results) for run in runs],
        "runs": runs,
        "notes": _notes(data, some, found, pictures_wanted, longest),
        "classes": maps.CLASSES,
        "many": many,
        "cell_km": f"{SIDE_KM:g}",
        "world": maps.world("World map of photographs and answers; arrow keys move it, plus and minus zoom"),
        "all_statuses": STATUSES,
        "codes": block["codes"],
        "marked_note": _marked_note(some, len(read)),
        "has_entities": any(one["seen"] for one in block["answers"]),
        "distances": ", ".join(sorted({run.results.distance for run in runs})),
        "at_least": AT_LEAST["country"],
        **_tables(runs),
        **_charts(data),
    }
    values["sections"] = _sections(values)
    return template.render("report.html.j2", values)


def _title(runs: Sequence[NamedRun]) -> str:
    tasks = list(dict.fromkeys(run.results.task for run in runs))
    if len(runs) == 1:
        return run_title(runs[0].name, runs[0].results)
    named = "" if tasks == [UNNAMED] else f"{', '.join(tasks)}: "
    return f"{named}{len(runs)} runs side by side"


def _notes(data: JoinedRuns, some: JoinedRuns, found: pictures.Pictures, wanted: int, longest: int) -> list[str]:
    """Warnings at the top of the page: limits, missing answers, runs over other photographs, what is not shown."""
    notes = []
    for run in data.runs:
        results = run.results
        if results.limit is not None:
            notes.append(f"{run.name} was run with --limit {results.limit:g}: these are not the benchmark's figures.")
        if not results.complete:
            notes.append(
                f"{run.name} is incomplete: {results.status.get('error', 0):,} of {results.n:,} photographs were never "
                "answered."
            )
    few = [notation.few_groups_note(run.results) for run in data.runs]
    if len(set(few)) == 1:
        notes += filter(None, few[:1])
    else:
        notes += [f"{run.name}: {note}" for run, note in zip(data.runs, few, strict=True) if note]
    in_all = sum(all(row) for row in zip(*data.answers, strict=True))
    if len(data.runs) > 1 and in_all < len(data.photographs):
        notes.append(
            f"The runs are not over the same photographs: {in_all:,} of {len(data.photographs):,} were answered in all "
            "of them. The figures are of each run's own photographs, and not comparable."
        )
    notes += denominator_notes(data.runs)
    if found.other:
        notes.append(f"{found.other:,} pictures are not shown: their SHA-256 is not what the run saw.")
    if found.urls and len(found.urls) < len(data.photographs):
        notes.append(
            f"{len(found.urls):,} of {len(data.photographs):,} photographs have their picture here"
            + (f"; {found.absent:,} of {wanted:,} were not found." if found.absent else ".")
        )
    if len(some.photographs) < len(data.photographs):
        notes.append(
            f"{len(some.photographs):,} of {len(data.photographs):,} photographs are shown one by one: the worst, the "
            "best and the contradictory, and others drawn by chance, by the SHA-256 of their ids, so that every report "
            "draws the same. Every figure and chart is of all, and the map shows all by cells; globe-eval report RUN "
            "--csv FILE writes a row for each."
        )
    if n := sum(len(sample.response or "") > longest for answers in some.answers for sample in answers if sample):
        notes.append(
            f"{n:,} responses are shown to {longest:,} characters, their middle left out; samples.jsonl has them whole."
        )
    return notes


def _marked_note(data: JoinedRuns, read: int) -> str:
    """What the marks in responses are of; empty where there is no response."""
    if not any(sample.response for run in data.runs for sample in run.samples):
        return ""
    whole = len(data.photographs)
    which = "" if read == whole else f"Cues are marked in the responses to {read:,} of {whole:,} photographs. "
    return which + "They are read by rule from the reasoning, in English only."


def _tables(runs: Sequence[NamedRun]) -> dict[str, Any]:
    only = runs[0].results
    ceiling = {}
    if len(runs) == 1 and only.ceiling and only.answer_form not in ("coordinates", "any"):
        ceiling = {notation.label(name): notation.text(name, value) for name, value in only.ceiling.items()}
    explained = notation.glossary(name for run in runs for name in run.results.metrics)
    names = payload.MAP_METRICS if len(runs) == 1 else ("acc@25km", "acc@750km")
    columns = [(name, notation.short(name)) for name in names]
    countries = [
        (
            label,
            max(part.n for part in parts if part),
            [_part_cell(part, name) for part in parts for name, _ in columns],
        )
        for label, parts in breakdown_rows(runs, "country")
    ]
    return {
        "headline": figure_rows(runs, HEADLINE),
        "ceiling": ceiling,
        "grounding": figure_rows(runs, REASONING),
        "sentences": [sentences(run.results) for run in runs],
        "glossary": explained,
        "anchor": notation.anchor,
        "anchors": {one.label: notation.anchor(one.name) for one in explained},
        "statuses": [[(name, n) for name, n in run.results.status.items() if n] for run in runs],
        "differing": differing_settings(runs),
        "settings": [setting_texts(run.results) for run in runs],
        "about": [about(run.results) for run in runs],
        "countries": countries,
        "country_columns": columns,
        "country_metrics": [(name, notation.label(name)) for name in payload.MAP_METRICS],
    }


def _part_cell(part: Stratum | None, name: str) -> FigureText:
    figure = part.metrics.get(name) if part is not None else None
    if figure is None:
        return FigureText("")
    number = "" if figure.value is None else repr(figure.value)
    return FigureText(notation.text(name, figure.value), notation.interval(name, figure), number=number)


@dataclass(frozen=True)
class FigureText:
    """The text of a figure: value and interval ("" where there is none)."""

    value: str
    between: str = ""
    beside: str = ""
    """What else must be said: the value over located photographs alone, or of how many the figure is."""
    number: str = ""
    """What the column is sorted by."""


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
    for a, b in combinations(runs, 2):
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
    values = [figures[name].value for figures in (a.metrics, b.metrics, a.valid_only, b.valid_only) if name in figures]
    known = [value for value in values if value is not None]
    if len(known) < 4:
        return None
    all_a, all_b, valid_a, valid_b = known
    if (all_a - all_b) * (valid_a - valid_b) >= 0:
        return None
    text = [f"{100 * value:.2f}" for value in known]
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


def setting_texts(results: Results) -> dict[str, str]:
    """Every setting of a run as text, nested ones by their dotted name; unset ones are left out."""
    known = {name: value for name, value in settings(results).items() if value not in (None, [], {})}
    return {name: notation.cut(str(value), 400) for name, value in known.items()}


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


def _charts(data: JoinedRuns) -> dict[str, Any]:
    runs = data.runs
    lines = charts.lines(data)
    some_stated = charts.state_confidence(lines)
    codes = sorted({code for run in runs for code in run.results.breakdowns.get("country", {})})
    return {
        "legend": charts.legend([run.name for run in runs]),
        "status_bars": [
            charts.status_bar(list(run.results.status.items()), f"status-{i}") for i, run in enumerate(runs)
        ],
        "cumulative": charts.cumulative(lines, "cumulative"),
        "histogram": charts.histogram(lines, "histogram"),
        "by_country": maps.by_country(data.photographs, codes),
        "parts": [part for by, name in _PARTS.items() if (part := _part_charts(runs, by, name))],
        "reliability": charts.reliability(lines) if some_stated else "",
        "risk": charts.risk_coverage(lines) if some_stated else "",
        "confidence_notes": [
            f"{line.name} states a confidence for {int((line.confidence == line.confidence).sum()):,} of "
            f"{len(line.confidence):,} photographs."
            for line in lines
        ],
    }


def _part_charts(runs: Sequence[NamedRun], by: By, name: str) -> dict[str, Any] | None:
    rows = breakdown_rows(runs, by)
    if not rows:
        return None
    drawn = []
    for metric in ("acc@25km", "acc@750km"):
        label = notation.short(metric)
        values = [
            (f"{part_label} ({max(p.n for p in parts if p):,})", [p.metrics.get(metric) if p else None for p in parts])
            for part_label, parts in rows
        ]
        title = f"Share within {label} by {name}"
        bounded = any(one and charts.bounds(one) for _, figures in values for one in figures)
        drawn.append(
            (
                charts.whiskers(values, title, f"{by}-{label.split()[0]}"),
                f"{title}{', with 95 % intervals' if bounded else ''}; n in brackets.",
            )
        )
    return {"name": name, "charts": drawn}


def _sections(values: dict[str, Any]) -> list[tuple[str, str]]:
    sections = (
        ("results", "Results", True),
        ("distances", "Distances", True),
        ("map", "Map", True),
        ("parts", "Where and what", values["parts"] or values["countries"]),
        ("confidence", "Confidence", values["reliability"]),
        ("grounding", "Reasoning", values["grounding"]),
        ("photographs", "Photographs", True),
        ("settings", "Settings", True),
        ("glossary", "What each measure means", True),
    )
    return [(name, heading) for name, heading, shown in sections if shown]
