"""Rows -> boards: the one table object that Markdown, CSV, LaTeX, JSON and the site are written from.

A board is a benchmark. Rows are ranked together only where task version, manifest, answer form, geocoder and distance
are the same; whatever else is known stands in a section of its own that says why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import numpy.typing as npt

from globe_eval.benchmarks.definition import Definition
from globe_eval.benchmarks.listing import variants_of
from globe_eval.metrics.accuracy import THRESHOLDS_KM, acc_name, within
from globe_eval.metrics.catalogue import ACCURACIES
from globe_eval.metrics.intervals import wilson
from globe_eval.metrics.paired import holm, paired_differences
from globe_eval.reports import notation
from globe_eval.reports.board.published import PublishedRow, conflicts, printed_range
from globe_eval.reports.board.submission import Submission
from globe_eval.reports.signature import facts, pairs
from globe_eval.sample import to_dict

LEVEL = 0.05
Floats = npt.NDArray[np.float64]
Range = tuple[int, int]
Details = tuple[tuple[str, str], ...]
"""Label and text of what a row opens to."""
UNKNOWN = "unknown"


def rank_ranges(rows: Sequence[Mapping[str, Floats]], groups: npt.ArrayLike) -> list[dict[str, Range]]:
    """For each row and metric the best and the worst rank that it may have.

    Args:
        rows: of each row, metric -> (n,) values of the same n photographs in the same order; higher is better.
        groups: (n,) labels of the photographers.

    A row's best rank is one more than the number of rows that are significantly better, its worst rank leaves room for
    those that are significantly worse. Significant is a paired difference by photographer whose p-value, after Holm's
    correction for all pairs of rows, is at most 0.05.

    >>> good, same, bad = ({"right": np.arange(40) % 40 < share} for share in (36, 35, 4))
    >>> rank_ranges([good, same, bad], np.arange(40))
    [{'right': (1, 2)}, {'right': (1, 2)}, {'right': (3, 3)}]
    """
    pairs = list(combinations(range(len(rows)), 2))
    metrics = list(rows[0]) if rows else []
    better = {metric: np.zeros((len(rows), len(rows)), dtype=bool) for metric in metrics}
    if pairs:
        columns = {f"{i} {j} {metric}": (i, j, metric) for i, j in pairs for metric in metrics}
        found = paired_differences(
            {name: rows[i][metric].astype(np.float64) for name, (i, _, metric) in columns.items()},
            {name: rows[j][metric].astype(np.float64) for name, (_, j, metric) in columns.items()},
            groups,
            medians=(),
        )
        for metric in metrics:
            differences = [found[f"{i} {j} {metric}"] for i, j in pairs]
            corrected = holm([difference.p for difference in differences])
            for (i, j), difference, p in zip(pairs, differences, corrected, strict=True):
                if p <= LEVEL:
                    better[metric][(i, j) if difference.value > 0 else (j, i)] = True
    return [
        {
            metric: (1 + int(better[metric][:, row].sum()), len(rows) - int(better[metric][row].sum()))
            for metric in metrics
        }
        for row in range(len(rows))
    ]


RowKind = Literal["run", "floor", "ceiling", "published"]
HEADLINE = "acc@25km"
"""What rows are ordered by."""
COLUMNS = (*ACCURACIES, "median_km", "located")
FIRST = ("im2gps3k", "yfcc4k", "mp16_reason_test", "miniworld")
FORMS = {"names": "place names", "address": "addresses", "coordinates": "coordinates", "any": "whatever was said"}


@dataclass(frozen=True)
class Cell:
    """A figure, its 95 % interval (None: there is none) and its range of ranks.

    Accuracies and `located` run from 0 to 1; `median_km` is None where half of the answers and more are missing.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    rank: Range | None = None
    implied: bool = False
    """Whether the interval follows from n and from other rows' clustering, for want of samples."""


@dataclass(frozen=True)
class Row:
    """One line of a board. `why` says why it is not ranked; `details` is what a reader needs to make it again."""

    kind: RowKind
    name: str
    about: str
    year: int | None
    cells: dict[str, Cell]
    n: int | None
    n_groups: int | None = None
    source: str | None = None
    confidence: str | None = None
    level: str | None = None
    """Of a run: verified, recomputable or reported (`provenance`)."""
    why: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    details: Details = ()


@dataclass(frozen=True)
class Section:
    """Rows that are ranked together, or that are not ranked and why."""

    title: str
    says: str
    ranked: bool
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Board:
    """A benchmark: its name, what it is, n, and its sections, ranked ones first."""

    name: str
    description: str
    n: int | None
    sections: tuple[Section, ...] = ()
    notes: tuple[str, ...] = ()


def boards(
    submissions: Sequence[Submission],
    published: Sequence[PublishedRow],
    known: Mapping[str, Definition],
    levels: Mapping[str, str] | None = None,
) -> list[Board]:
    """Every benchmark that has a row; the four that this project is about come first. Deterministic."""
    home = variants_of(known)
    names = {home.get(one.results.task, one.results.task) for one in submissions}
    names |= {home.get(row.task, row.task) for row in published}
    return [
        _board(
            name,
            known.get(name),
            [one for one in submissions if home.get(one.results.task, one.results.task) == name],
            [row for row in published if home.get(row.task, row.task) == name],
            levels or {},
        )
        for name in sorted(names, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name))
    ]


def _board(
    name: str,
    definition: Definition | None,
    submissions: Sequence[Submission],
    published: Sequence[PublishedRow],
    levels: Mapping[str, str],
) -> Board:
    metadata = definition.values["metadata"] if definition else {}
    n = metadata.get("n") or next((one.results.n for one in submissions), None)
    together: dict[tuple[str, ...], list[Submission]] = {}
    for one in submissions:
        together.setdefault(comparable(one), []).append(one)
    ranked = sorted(together.items(), key=lambda item: (-len(item[1]), [*FORMS].index(item[0][0]), item[0]))
    sections = [_ranked(name, key, many, levels) for key, many in ranked]
    frozen = metadata.get("design_effect") or {}
    effects = {acc_name(float(km)): float(effect) for km, effect in frozen.get("within_km", {}).items()}
    if published:
        sections.append(_published(published, n, effects))
    notes = []
    if published and effects:
        shown = ", ".join(f"{effects[metric]:.1f}" for metric in ACCURACIES if metric in effects)
        km = ", ".join(f"{km:,.0f}" for km in THRESHOLDS_KM.values())
        notes.append(
            f"† implied: for want of samples, the interval of n photographs by few photographers, whose design effect "
            f"on this benchmark is {shown} (within {km} km; of {frozen['of']}, frozen on {frozen['date']})."
        )
    elif published:
        notes.append(
            "† implied: for want of samples, the interval of n independent photographs. Nobody measured how "
            "they cluster by photographer, so the true one is wider."
        )
    return Board(name, str(metadata.get("description") or ""), n, tuple(sections), tuple(notes))


def comparable(one: Submission) -> tuple[str, ...]:
    """What two rows must share to be ranked together; coordinates need no geocoder."""
    results = one.results
    geocoder = f"{results.geocoder.name}, {results.geocoder.version}, {results.gazetteer.sha256}"
    return (
        results.answer_form,
        results.distance,
        "" if results.answer_form == "coordinates" else geocoder,
        results.task_version,
        results.manifest_sha256,
    )


def _ranked(board: str, key: tuple[str, ...], many: Sequence[Submission], levels: Mapping[str, str]) -> Section:
    form, distance, _, version, manifest = key
    first = many[0].results
    hits = [{name: within(one.distance_km(), km) for name, km in _thresholds()} for one in many]
    ranges = rank_ranges([{k: v.astype(np.float64) for k, v in row.items()} for row in hits], many[0].groups)
    alone = len(many) == 1
    rows = [
        _row(one, board, {} if alone else ranks, levels.get(one.sha256))
        for one, ranks in zip(many, ranges, strict=True)
    ]
    rows.sort(key=lambda row: (-(row.cells[HEADLINE].value or 0), row.name))
    ceiling = _ceiling(first.ceiling, form, first.n) if first.ceiling else None
    geocoder = (
        ""
        if form == "coordinates"
        else f", geocoder {first.geocoder.name} ({first.geocoder.version}; gazetteer {first.gazetteer.sha256[:8]})"
    )
    return Section(
        title=f"Ranked: {FORMS[form]}",
        says=(
            f"Same task version ({version}), manifest ({manifest[:8]}), answer form ({form}){geocoder} and distance "
            f"({distance}). Rows share a rank where their paired difference is not significant "
            "(paired by photograph, t by photographer, Holm's correction, 5 %). Verified: responses published and "
            "read again; recomputable: distances computed again from places; reported: figures computed again from "
            "distances."
        ),
        ranked=True,
        rows=tuple([ceiling, *rows] if ceiling else rows),
    )


def _row(one: Submission, board: str, ranks: Mapping[str, Range], level: str | None = None) -> Row:
    results = one.results
    cells = {}
    for name in COLUMNS:
        figure = results.metrics[name]
        low, high = (figure.low, figure.high) if figure.n_groups > 1 else (None, None)
        cells[name] = Cell(figure.value, low, high, ranks.get(name))
    return Row(
        kind="floor" if one.is_floor else "run",
        name=one.name,
        about=(f"{results.task}, " if results.task != board else "")
        + (f"prompt {results.prompt}" if results.prompt else "scored from a file of answers"),
        year=None,
        cells=cells,
        n=results.n,
        n_groups=results.n_groups,
        source=one.source,
        level=level,
        details=_details_of(one),
    )


def _ceiling(reached: Mapping[str, float | None], form: str, n: int) -> Row:
    says = {
        "names": "every answer names the city nearest to the photograph, and its country",
        "address": "every answer names the city nearest to the photograph, its state and its country",
        "any": "every answer is where the photograph was taken",
        "coordinates": "every answer is where the photograph was taken",
    }[form]
    return Row(
        kind="ceiling",
        name="best possible",
        about=says,
        year=None,
        cells={name: Cell(reached[name]) for name in ACCURACIES if name in reached},
        n=n,
    )


def _published(published: Sequence[PublishedRow], n: int | None, effects: Mapping[str, float]) -> Section:
    rows, contradicted = [], conflicts(published)
    for one in published:
        cells = {}
        for name, km in _thresholds():
            percent = one.accuracy.get(int(km))
            if percent is not None:
                value, counted = percent / 100, one.n or n
                low, high = wilson(value, counted / effects.get(name, 1.0)) if counted else (None, None)
                cells[name] = Cell(value, low, high, implied=True)
        caveats = (*(f"{name}: {text}" for name, text in one.caveats.items()), *_conflict(one, contradicted))
        rows.append(
            Row(
                kind="published",
                name=one.method if one.reported_by is None else f"{one.method}, by {one.reported_by}",
                about=one.setting or "setting unknown",
                year=one.year,
                cells=cells,
                n=one.n,
                source=one.paper,
                confidence=one.confidence,
                why=_reasons(one, n),
                caveats=caveats,
                details=_details_of_published(one, caveats),
            )
        )
    rows.sort(key=lambda row: (-(row.cells[HEADLINE].value or 0) if HEADLINE in row.cells else 1, row.name))
    return Section(
        title="Published, not ranked",
        says=(
            "As printed, without samples: of these rows the manifest and the distance are not recorded, of many the "
            "answer form, the geocoder or n. They are ordered, not ranked; each row says what is not known."
        ),
        ranked=False,
        rows=tuple(rows),
    )


def _conflict(one: PublishedRow, contradicted: Mapping[tuple[str, str], list[PublishedRow]]) -> list[str]:
    """What a reader must know of a row that other rows, or other sources, contradict."""
    group = contradicted.get((one.method, one.task))
    if group is None:
        return []
    points, km = max((printed_range(group, int(km)), -km) for km in THRESHOLDS_KM.values())
    return [f"in conflict: the printed values differ by up to {points:.2f} points ({-km:,.0f} km)"]


def _thresholds() -> list[tuple[str, float]]:
    return [(acc_name(km), km) for km in THRESHOLDS_KM.values()]


def _details_of(one: Submission) -> Details:
    """Label and text of everything that a run's numbers depend on, and of its figures outside COLUMNS."""
    r = one.results
    valid = r.valid_only.get(HEADLINE)
    located = r.valid_only["located"].n if "located" in r.valid_only else 0
    found = {
        "command": r.command or "not recorded",
        **facts(r),
        "other figures": "; ".join(
            f"{notation.label(name)} {notation.with_interval(name, figure, '–')}"
            for name, figure in r.metrics.items()
            if name not in COLUMNS
        ),
        "located only, within 25 km": ""
        if valid is None or valid.value is None or located == r.n
        else f"{100 * valid.value:.1f} % of {located:,} located photographs, not of all {r.n:,}",
        "seed": str(r.seed),
        "parser": f"version {r.parser_version}",
        "pictures": "" if r.images is None else pairs(to_dict(r.images, exclude_none=True)),
        "tokens, time, cost": "" if r.usage is None else pairs(to_dict(r.usage, exclude_none=True)),
        "SHA-256 of the prompt": r.prompt_sha256 or "",
        "SHA-256 of the manifest": r.manifest_sha256,
        "SHA-256 of the gazetteer": r.gazetteer.sha256,
        "SHA-256 of samples.jsonl": one.columns.samples_sha256,
        "SHA-256 of this row": one.sha256,
        "file": f"runs/{one.file_name}",
    }
    return tuple((label, text) for label, text in found.items() if text)


def _details_of_published(one: PublishedRow, caveats: Sequence[str]) -> Details:
    """Label and text of what is known of a published figure; unknown is written as unknown."""
    found = {
        "setting": f"{one.setting or UNKNOWN}: {one.detail}",
        "answer form": one.answer_form or UNKNOWN,
        "geocoder": one.geocoder or UNKNOWN,
        "photographs scored": UNKNOWN if one.n is None else f"{one.n:,}",
        "manifest, distance, prompt": "not recorded",
        "paper": one.paper,
        "confidence": one.confidence,
        "sources": "; ".join(one.sources),
        "also printed": "; ".join(
            f"{', '.join(f'{value} within {km:,} km' for km, value in also.accuracy.items())} ({also.source})"
            for also in one.also_printed
        ),
    }
    return (*((label, text) for label, text in found.items() if text), *(("caveat", text) for text in caveats))


def _reasons(one: PublishedRow, n: int | None) -> tuple[str, ...]:
    """Why a published figure shares no ranking with runs: what differs, and what is not known."""
    why = ["no samples"]
    if one.answer_form is None:
        why.append("answer form unknown")
    if one.geocoder is None:
        why.append("geocoder unknown")
    elif one.geocoder != "none":
        why.append(f"geocoder {one.geocoder}, version unknown")
    if one.n is None:
        why.append("n unknown")
    elif n is not None and one.n != n:
        why.append(f"n is {one.n:,}, the benchmark has {n:,}")
    return (*why, "manifest and distance not recorded")
