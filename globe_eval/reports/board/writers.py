"""Boards as Markdown, CSV, LaTeX, JSON and HTML. Pure functions of the table object: the same board, the same bytes.

Names and notes come from whoever hands a row in. They are hostile, and each format escapes them.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from globe_eval.files import harmless
from globe_eval.metrics.catalogue import ACCURACIES
from globe_eval.reports import notation
from globe_eval.reports.board.boards import COLUMNS, HEADLINE, Board, Cell, Row, Section
from globe_eval.reports.page import template


def markdown(board: Board, *, link: str = "", top: int | None = None) -> str:
    """A board as GitHub shows it: a table a section, values in % with their 95 % interval.

    `link` is where the rows open to their commands, relative to the file, left away where empty; `top` how many rows a
    section shows that is not ranked: the others are counted.
    """
    parts = []
    for section in board.sections:
        ranked = section.ranked
        header = ["rank", "model", "evidence"] if ranked else ["method", "year", "setting"]
        header += [notation.short(name) for name in ACCURACIES] + ([notation.short("median_km")] if ranked else ["n"])
        lines = []
        for row in section.rows[: None if ranked else top]:
            first = (
                [shown_rank(row), _kind(row), row.level or ""]
                if ranked
                else [_md(row.name), str(row.year), _md(row.about)]
            )
            last = figure(row, "median_km") if ranked else "unknown" if row.n is None else f"{row.n:,}"
            lines.append([*first, *(figure(row, name) for name in ACCURACIES), last])
        table = "\n".join("| " + " | ".join(cells) + " |" for cells in [header, ["---"] * len(header), *lines])
        left = len(section.rows) - len(lines)
        more = f"\n\nAnd {left:,} more{f' on the [site]({link})' if link else ''}." if left else ""
        parts.append(f"**{section.title}.** {_md(section.says)}\n\n{table}{more}")
    counted = f"{board.n:,} photographs; % within, with 95 % intervals" if board.n else "% within, 95 % intervals"
    site = f" Each row opens to its command, versions and SHA-256s on the [site]({link})." if link else ""
    return "\n\n".join([f"{counted}, by photographer where known.{site}", *parts, *map(_md, board.notes)]) + "\n"


def markdown_page(boards: Sequence[Board]) -> str:
    """All boards on one page beside the folder of the site, below a list of them with what each is."""
    lead = (
        "Written by `globe-eval leaderboard build`. Each row opens to its command, versions and SHA-256s, or to its "
        "sources, on the [site](site/index.html)."
    )
    contents = "\n".join(f"- [{board.name}](#{board.name.lower()}): {_md(board.description)}" for board in boards)
    parts = [f"## {board.name}\n\n{markdown(board)}" for board in boards]
    return "\n".join([f"# Leaderboards\n\n{lead}\n\n{contents}\n", *parts])


def csv_text(board: Board) -> str:
    """One line a row; figures from 0 to 1, kilometres for the median, empty where there is none."""
    out = io.StringIO()
    file = csv.writer(out, lineterminator="\n")
    cells = [f"{name}{part}" for name in COLUMNS for part in ("", "_low", "_high", "_rank_best", "_rank_worst")]
    file.writerow(
        [
            *("board", "section", "kind", "name", "about", "year", "n", "n_groups"),
            *cells,
            *("interval_implied", "confidence", "source", "why_not_ranked", "caveats"),
        ]
    )
    for section in board.sections:
        for row in section.rows:
            figures: list[Any] = []
            for name in COLUMNS:
                cell = row.cells.get(name) or Cell(None)
                figures += [raw(cell.value), raw(cell.low), raw(cell.high), *(cell.rank or ("", ""))]
            about = [board.name, section.title, row.kind, row.name, row.about, row.year, row.n, row.n_groups]
            implied = any(cell.implied for cell in row.cells.values())
            rest = [int(implied), row.confidence, row.source, "; ".join(row.why), "; ".join(row.caveats)]
            whole = [*about, *figures, *rest]
            file.writerow([harmless(value) if isinstance(value, str) else value for value in whole])
    return out.getvalue()


def latex(board: Board) -> str:
    r"""A `table` for booktabs: `\input{im2gps3k.tex}` with `\usepackage{booktabs}`."""
    columns = "l" * 2 + "r" * len(ACCURACIES)
    lines = [
        r"% Written by globe-eval leaderboard build; needs \usepackage{booktabs}.",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_tex(board.name)}: \% within a distance, with 95\,\% intervals.}}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        " & ".join(["Rank", "Method", *(_tex(notation.short(name)) for name in ACCURACIES)]) + r" \\",
    ]
    for section in board.sections:
        lines += [r"\midrule", rf"\multicolumn{{{len(columns)}}}{{l}}{{\emph{{{_tex(section.title)}}}}} \\"]
        for row in section.rows:
            name = row.name if row.kind in ("run", "published") else f"{row.name} ({row.kind})"
            year = f" ({row.year})" if row.year else ""
            cells = [_tex(figure(row, name)) for name in ACCURACIES]
            lines.append(" & ".join([_tex(shown_rank(row)), _tex(name + year), *cells]) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}", *(rf"\par\footnotesize {_tex(note)}" for note in board.notes)]
    return "\n".join([*lines, r"\end{table}", ""])


def as_json(board: Board) -> str:
    """The table object itself; figures from 0 to 1, null where there is none."""
    return json.dumps(_rounded(asdict(board)), ensure_ascii=False, indent=1) + "\n"


def html_page(boards: Sequence[Board]) -> str:
    """All boards as one HTML page that needs no server and no network.

    The template escapes every value, and the page's own policy lets no script run but the one whose SHA-256 it names.
    """
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
        rank=shown_rank,
        number=notation.number,
        span=_span,
        value=lambda cell: raw(cell.value),
        link=link,
    )


def figure(row: Row, name: str) -> str:
    """A figure and its interval: `28.0 (24.3–31.9)`; † marks an implied interval, empty is no figure."""
    cell = row.cells.get(name)
    if cell is None:
        return ""
    value, low, high = (notation.number(name, number) for number in (cell.value, cell.low, cell.high))
    if cell.low is None and cell.high is None:
        return value
    return f"{value} ({low}–{high}){'†' if cell.implied else ''}"


def shown_rank(row: Row, name: str = HEADLINE) -> str:
    """The range of ranks, as `1–3` or `2`; empty for the ceiling and for what is not ranked."""
    cell = row.cells.get(name)
    return "–".join(str(rank) for rank in dict.fromkeys(cell.rank)) if cell and cell.rank else ""


def _kind(row: Row) -> str:
    return _md(row.name) if row.kind in ("run", "published") else f"*{_md(row.name)}* ({row.kind})"


_MARKDOWN = re.compile(r"([\\`*_\[\]|~#])")
_TEX = {
    **{c: f"\\{c}" for c in "&%$#_{}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{"†": r"$^\dagger$", "–": "--", "∞": r"$\infty$", "…": r"\dots{}", "<": r"\textless{}", ">": r"\textgreater{}"},
}


def _md(text: str) -> str:
    """Text that Markdown shows as it is: no tag, link, picture or new cell in it.

    >>> print(_md("a|b <img src=x> [x](http://y)"))
    a\\|b &lt;img src=x&gt; \\[x\\](http://y)
    """
    one_line = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKDOWN.sub(r"\\\1", one_line)


def _tex(text: str) -> str:
    r"""Text that LaTeX shows as it is.

    >>> print(_tex("50 % of {a}_b"))
    50 \% of \{a\}\_b
    """
    return "".join(_TEX.get(c, c) for c in " ".join(text.split()))


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


def raw(value: float | None) -> str:
    """A figure for programs, which sort or read it; empty where there is none."""
    return "" if value is None else f"{value:.6g}"


def _rounded(value: Any) -> Any:
    """Six digits: what differs between two machines' arithmetic lies far below."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    return [_rounded(inner) for inner in value] if isinstance(value, Sequence) and not isinstance(value, str) else value
