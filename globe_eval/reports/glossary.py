"""The glossary of metrics, their meaning and when they mislead, for a terminal and for pages."""

from __future__ import annotations

import re
from collections.abc import Iterable
from textwrap import fill
from typing import NamedTuple

from globe_eval.metrics.catalogue import METRICS, Metric, described


class GlossaryEntry(NamedTuple):
    """A measure in a glossary; `anchor` is its id on a page."""

    anchor: str
    label: str
    meaning: str
    misleads: str


def anchor(name: str) -> str:
    """The id of a metric's entry on a page.

    >>> anchor("acc@25km"), anchor("acc@0.5km")
    ('means-acc-25km', 'means-acc-0-5km')
    """
    return "means-" + re.sub(r"[^A-Za-z0-9]+", "-", name)


def entries(names: Iterable[str]) -> list[GlossaryEntry]:
    """The entries of these metrics, each once; a benchmark's own, of which nothing is known, are left out."""
    known = (described(name) for name in dict.fromkeys(names))
    return [
        GlossaryEntry(anchor(one.name), one.label, one.meaning, one.misleads) for one in known if one.family != "own"
    ]


def text(columns: int) -> str:
    """Every metric with its key in `results.json`, for a terminal of so many columns."""
    return "\n\n".join(_paragraph(metric, columns) for metric in METRICS)


def _paragraph(metric: Metric, columns: int) -> str:
    better = {True: "higher is better", False: "lower is better", None: "neither is better"}[metric.higher_is_better]
    unit = f", {metric.unit}" if metric.unit not in ("", metric.label.split()[0]) else ""
    said = f"{metric.meaning} Misleading: {metric.misleads[0].lower()}{metric.misleads[1:]}"
    body = fill(said, min(columns, 100), initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)
    return f"{metric.label} ({metric.name}{unit}; {better})\n{body}"
