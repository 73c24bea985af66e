"""Writes the charts and maps of a report as standalone SVG files, with their style inside."""

from __future__ import annotations

import re
from pathlib import Path

from markupsafe import Markup

from globe_eval.files import write_whole
from globe_eval.reports.page import charts, maps, svg, template
from globe_eval.reports.page.joined import JoinedRuns
from globe_eval.reports.page.svg import element

STYLES = ("../style.css", "drawings.css")
"""Where colours and the look of drawings are written."""
_LINE = 18.0


def write_drawings(data: JoinedRuns, folder: Path) -> list[Path]:
    """Write `map-1.svg` … (one a run), `distances.svg`, `histogram.svg`, and of stated confidences their two curves.

    The same runs give the same bytes.
    """
    lines = charts.lines(data)
    drawn: dict[str, tuple[Markup, float, list[str]]] = {
        f"map-{number}.svg": (maps.answers(data, number - 1), charts.WIDTH * 2, [])
        for number in range(1, len(data.runs) + 1)
    }
    names = [line.name for line in lines]
    drawn["distances.svg"] = charts.cumulative(lines, "distances"), charts.WIDTH, names
    drawn["histogram.svg"] = charts.histogram(lines, "histogram"), charts.WIDTH, names
    if charts.state_confidence(lines):
        drawn["reliability.svg"] = charts.reliability(lines), charts.WIDTH, names
        drawn["risk-coverage.svg"] = charts.risk_coverage(lines), charts.WIDTH, names
    folder.mkdir(parents=True, exist_ok=True)
    style = standalone_style()
    for name, (drawing, width, runs) in drawn.items():
        write_whole(folder / name, _file(drawing, width, runs, style).encode())
    return [folder / name for name in drawn]


def standalone_style() -> str:
    """The rules of drawings in their light colours, each colour written out: few programs know CSS variables."""
    shared, own = map(template.text, STYLES)
    light = re.search(r":root \{(.*?)\}", shared, re.DOTALL)
    assert light is not None
    colours = dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6})", light[1] + own.partition("@media")[0]))
    rules = [line for line in own.splitlines() if not line.startswith((":root", "@media", "/*"))]
    return re.sub(r"var\((--[\w-]+)\)", lambda found: colours[found[1]], "\n".join(rules))


def _file(drawing: Markup, width: float, runs: list[str], style: str) -> str:
    """A drawing as a document, with a legend below it where there are several runs."""
    found = re.search(r'viewBox="0 0 (\S+) (\S+)"', drawing)
    assert found is not None
    height = width * float(found[2]) / float(found[1])
    legend = runs if len(runs) > 1 else []
    whole = element(
        "svg",
        element("style", Markup("{}").format(Markup(style.replace("<", "")))),
        element("rect", width=width, height=height + _LINE * len(legend), fill="#ffffff"),
        Markup(str(drawing).replace("<svg ", f'<svg width="{svg.number(width)}" height="{svg.number(height)}" ', 1)),
        *(_entry(run, name, height + _LINE * run) for run, name in enumerate(legend)),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {svg.number(width)} {svg.number(height + _LINE * len(legend))}",
        width=width,
        height=height + _LINE * len(legend),
        font_family="Helvetica, Arial, sans-serif",
    )
    return f"{whole}\n"


def _entry(run: int, name: str, top: float) -> Markup:
    return element("g", charts.stroke(run, [12, 38], [top + 7] * 2), element("text", name, x=46.0, y=top + 11))
