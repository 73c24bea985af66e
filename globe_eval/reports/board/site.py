"""All boards as one HTML page that needs no server and no network.

Names and notes come from whoever hands a row in. They are hostile: the template escapes every value, and the page's
own policy lets no script run but the one whose SHA-256 it names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from globe_eval.metrics.catalogue import ACCURACIES
from globe_eval.reports import notation
from globe_eval.reports.board import writers
from globe_eval.reports.board.boards import COLUMNS, HEADLINE, Board, Cell, Row, Section
from globe_eval.reports.page import template


def page(boards: Sequence[Board]) -> str:
    """The page, the same bytes for the same boards."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    script = template.text("../board/site.js")
    return environment.from_string(template.text("../board/site.html")).render(
        boards=boards,
        style=Markup(template.text("../style.css", "../board/site.css")),
        script=Markup(script),
        script_hash=Markup(template.source_hash(script)),
        headline=HEADLINE,
        accuracies=ACCURACIES,
        short=notation.short,
        anchor=notation.anchor,
        glossary=notation.glossary(COLUMNS),
        columns=lambda section: COLUMNS if section.ranked else ACCURACIES,
        kinds=lambda board: list(dict.fromkeys(_shown_as(row) for section in board.sections for row in section.rows)),
        rows=lambda board: sum(len(section.rows) for section in board.sections),
        shown_as=_shown_as,
        rank=writers.shown_rank,
        number=notation.number,
        span=_span,
        value=lambda cell: writers.raw(cell.value),
        link=link,
    )


def link(source: str) -> str:
    """Where a source leads: its own address, or arXiv's; empty where it is neither.

    >>> link("arXiv 2506.14674"), link("https://example.org/a"), link("javascript:alert(1)"), link("ECCV 2018")
    ('https://arxiv.org/abs/2506.14674', 'https://example.org/a', '', '')
    """
    if found := re.fullmatch(r"arXiv (\d{4}\.\d{4,5})", source):
        return f"https://arxiv.org/abs/{found[1]}"
    return source if re.fullmatch(r"https?://[^\s\"'<>]+", source) else ""


def _shown_as(row: Row) -> str:
    return row.about if row.kind == "published" else {"run": "runs", "floor": "floors", "ceiling": "ceilings"}[row.kind]


def _span(section: Section, name: str, cell: Cell) -> str:
    """Where a cell's bar begins and ends and where its value is, in % of the greatest bound of its column."""
    cells = [row.cells[name] for row in section.rows if row.kind != "ceiling" and name in row.cells]
    most = max(bound for one in cells for bound in (one.value, one.high) if bound is not None) or 1.0
    places = {"low": cell.low, "high": cell.high, "value": cell.value}
    return ";".join(f"--{side}:{100 * (place or 0.0) / most:.2f}" for side, place in places.items())
