"""The charts of a report as SVG, each with a text alternative.

Each says in words what it shows; the numbers stand in a table beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from globe_eval.metrics import localizability
from globe_eval.metrics.accuracy import THRESHOLDS_KM, within
from globe_eval.metrics.intervals import wilson
from globe_eval.reports import notation
from globe_eval.reports.page import svg
from globe_eval.reports.page.joined import Floats, JoinedRuns
from globe_eval.reports.page.svg import element
from globe_eval.sample import Figure

NEAREST_KM, FARTHEST_KM = 0.1, 20_037.6
"""The ends of the logarithmic axis of distances: from a hundred metres to the other side of the Earth."""
BINS_PER_DECADE = 6


@dataclass(frozen=True, slots=True)
class Bin:
    """Photographs whose confidence lies within one tenth: how many, their mean confidence and the share located.

    `low` and `high` are the 95 % Wilson interval of the share.
    """

    n: int
    confidence: float
    located: float
    low: float
    high: float


def distance_grid() -> Floats:
    """Where the cumulative curve is drawn: logarithmic, 40 points a decade, the thresholds of accuracy among them."""
    n = round(40 * np.log10(FARTHEST_KM / NEAREST_KM)) + 1
    return np.union1d(np.geomspace(NEAREST_KM, FARTHEST_KM, n), [*THRESHOLDS_KM.values()])


def share_within(distance_km: npt.ArrayLike, at_km: npt.ArrayLike) -> Floats:
    """The share of all photographs that lie within each of `at_km`; a missing distance (NaN) is never within.

    At the thresholds this is the accuracy, so the curve ends below 1 where answers are missing. Shape of `at_km`.

    >>> share_within([0.5, 30.0, float("nan"), 30.0], [1.0, 30.0, 2500.0]).tolist()
    [0.25, 0.75, 0.75]
    """
    distance = np.asarray(distance_km, dtype=np.float64)
    known = np.sort(distance[np.isfinite(distance)])
    return np.searchsorted(known, np.asarray(at_km, np.float64), side="right") / max(1, len(distance))


def bins_of_distance(distance_km: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Edges (m + 1,) in km, six bins a decade, and the share of all photographs in each bin (m,).

    The first bin holds everything nearer than its upper edge.

    >>> edges, share = bins_of_distance([0.0, 3.0, float("nan"), 20_000.0])
    >>> len(edges) - len(share), float(share.sum()), float(share[0]), float(share[-1])
    (1, 0.75, 0.25, 0.25)
    """
    distance = np.asarray(distance_km, dtype=np.float64)
    known = np.clip(distance[np.isfinite(distance)], NEAREST_KM, FARTHEST_KM)
    n = round(BINS_PER_DECADE * np.log10(FARTHEST_KM / NEAREST_KM))
    edges = np.geomspace(NEAREST_KM, FARTHEST_KM, n + 1)
    edges[0], edges[-1] = NEAREST_KM, FARTHEST_KM  # to the last bit, or the farthest answer falls out
    return edges, np.histogram(known, edges)[0] / max(1, len(distance))


def bins_of_confidence(confidence: npt.ArrayLike, located: npt.ArrayLike) -> list[Bin]:
    """Confidences in ten equal bins over [0, 1], with the share located in each; empty bins are left out.

    A confidence on an edge belongs to the bin above it, 1 to the last. Pairs with a NaN are left out.

    >>> [(b.n, round(b.confidence, 2), b.located) for b in bins_of_confidence([0.95, 0.91, 0.2, np.nan], [1, 0, 0, 1])]
    [(1, 0.2, 0.0), (2, 0.93, 0.5)]
    """
    p, y = np.asarray(confidence, np.float64), np.asarray(located, np.float64)
    here = ~(np.isnan(p) | np.isnan(y))
    p, y = p[here], y[here]
    which = np.minimum(np.floor(p * 10 + 1e-9).astype(np.intp), 9)
    bins = []
    for k in np.unique(which):
        inside = which == k
        n, share = int(inside.sum()), float(y[inside].mean())
        bins.append(Bin(n, float(p[inside].mean()), share, *wilson(share, n)))
    return bins


WIDTH, HEIGHT = 420.0, 280.0
LEFT, RIGHT, TOP, BOTTOM = 50.0, 14.0, 14.0, 40.0
DASHES = ("", "7 3", "2 3", "9 3 2 3", "4 2", "1 4")
"""Of the lines of run 0, 1, …: told apart without colours too."""
NEAR_KM = 25.0
"""Within which an answer is right, for curves of confidence."""
LEAST_STATED = 10


@dataclass(frozen=True)
class Line:
    """One run's part in a chart."""

    name: str
    distance_km: Floats
    confidence: Floats


def lines(data: JoinedRuns) -> list[Line]:
    """Each run's part in the charts."""
    return [Line(run.name, run.table["distance_km"], run.confidence) for run in data.runs]


def state_confidence(lines: Sequence[Line]) -> bool:
    """Whether any run states enough confidences to draw them."""
    return any(np.isfinite(line.confidence).sum() >= LEAST_STATED for line in lines)


def dash(run: int) -> str | None:
    """The dashes of a run's line; with its colour they tell 36 runs apart.

    >>> dash(0), dash(1), dash(6)
    (None, '7 3', '7 3')
    """
    return DASHES[(run + run // 6) % 6] or None


def stroke(run: int, xs: Sequence[float], ys: Sequence[float], *, thin: bool = False) -> Markup:
    """A run's line through points."""
    return svg.path(xs, ys, class_=f"line {'thin ' if thin else ''}r{run % 6}", stroke_dasharray=dash(run))


def legend(names: Sequence[str]) -> Markup:
    """The legend of the runs; empty for a single run."""
    if len(names) < 2:
        return Markup("")
    items = (
        element("li", element("svg", stroke(i, [0, 26], [6, 6]), viewBox="0 0 26 12", aria_hidden="true"), name)
        for i, name in enumerate(names)
    )
    return element("ul", *items, class_="legend")


def status_bar(counts: Sequence[tuple[str, int]], name: str) -> Markup:
    """A stacked bar of the statuses of all photographs."""
    total, parts, at = sum(count for _, count in counts), [], 0.0
    for status, count in counts:
        if not count:
            continue
        width = 1000.0 * count / total
        parts.append(
            element(
                "rect", element("title", f"{status}: {count:,}"), x=at, y=0.0, width=max(width - 1.5, 0.8), height=22.0,
                class_=f"s-{status}",
            )
        )  # fmt: skip
        at += width
    shares = ", ".join(f"{status} {count:,}" for status, count in counts if count)
    bar = svg.drawing(1000.0, 22.0, *parts, title="How the answers ended", description=shares, name=name)
    return Markup(str(bar).replace("<svg ", '<svg class="bar" preserveAspectRatio="none" ', 1))


def cumulative(lines: Sequence[Line], name: str) -> Markup:
    """The share of photographs within each distance: at a threshold it is the accuracy."""
    x, y = _log_x(), svg.linear(0.0, 1.0, HEIGHT - BOTTOM, TOP)
    grid = distance_grid()
    drawn = [
        stroke(i, [x(km) for km in grid], [y(share) for share in share_within(line.distance_km, grid)])
        for i, line in enumerate(lines)
    ]
    words = [
        f"{line.name}: "
        + ", ".join(
            f"{100 * float(share_within(line.distance_km, km)):.1f} % within {km:,.0f} km"
            for km in THRESHOLDS_KM.values()
        )
        for line in lines
    ]
    return _chart(name, "Share of photographs within a distance", words, _distance_axis(x), drawn)


def histogram(lines: Sequence[Line], name: str) -> Markup:
    """How many photographs lie at each distance, six bins a decade."""
    binned = [bins_of_distance(line.distance_km) for line in lines]
    most = max((float(share.max()) for _, share in binned), default=0.0) or 1.0
    step = next(step for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.25) if most / step <= 5.0)
    top = step * float(np.ceil(most / step))
    x, y = _log_x(), svg.linear(0.0, top, HEIGHT - BOTTOM, TOP)
    drawn = []
    for i, (edges, share) in enumerate(binned):
        xs = [x(float(edge)) for edge in np.repeat(edges, 2)]
        ys = [y(0.0), *(y(float(value)) for value in np.repeat(share, 2)), y(0.0)]
        if i == 0:
            drawn.append(svg.path(xs, ys, class_="area r0", fill_opacity="0.16"))
        drawn.append(stroke(i, xs, ys))
    title, ticks = "Distance of the answers, in logarithmic bins", [step * k for k in range(round(top / step) + 1)]
    return _chart(name, title, list(map(_spread, lines)), _distance_axis(x), drawn, ticks)


def bounds(figure: Figure) -> tuple[float, float] | None:
    """The interval of a figure; None where one group or none has it."""
    if figure.n_groups < 2 or figure.low is None or figure.high is None:
        return None
    return figure.low, figure.high


def whiskers(rows: Sequence[tuple[str, Sequence[Figure | None]]], title: str, name: str) -> Markup:
    """A value with its interval for each row and run, on a scale from 0 to 100 %."""
    left, bottom = 156.0, 26.0
    runs = max((len(values) for _, values in rows), default=1)
    band = 12.0 + 11.0 * runs
    height = 8.0 + band * len(rows) + bottom
    x = svg.linear(0.0, 1.0, left, WIDTH - 22.0)
    parts: list[Markup] = []
    for k in range(0, 5):
        at = x(k / 4)
        parts.append(element("line", x1=at, x2=at, y1=4.0, y2=height - bottom, class_="rule"))
        parts.append(_text(f"{25 * k} %", at, height - bottom + 16.0))
    words = []
    for row, (label, values) in enumerate(rows):
        top = 8.0 + band * row
        parts.append(element("text", notation.cut(label, 24), x=left - 8.0, y=top + band / 2 + 4.0, text_anchor="end"))
        for i, one in enumerate(values):
            if one is None or one.value is None:
                continue
            y = top + 6.0 + 11.0 * (i + 0.5)
            if interval := bounds(one):
                low, high = map(x, interval)
                parts.append(element("line", x1=low, x2=high, y1=y, y2=y, class_=f"line r{i % 6}"))
            parts.append(_marker(i, x(one.value), y))
            words.append(f"{label}: {100 * one.value:.1f} %")
    return svg.drawing(WIDTH, height, *parts, title=title, description="; ".join(words), name=name)


def reliability(lines: Sequence[Line]) -> Markup:
    """Stated confidence against the share within NEAR_KM; on the diagonal, a model knows what it knows."""
    x, y = svg.linear(0.0, 1.0, LEFT, WIDTH - RIGHT), svg.linear(0.0, 1.0, HEIGHT - BOTTOM, TOP)
    parts = [svg.path([x(0), x(1)], [y(0), y(1)], class_="axis", stroke_dasharray="3 3")]
    words = []
    for i, line in enumerate(lines):
        bins = bins_of_confidence(line.confidence, _is_near(line))
        most = max((b.n for b in bins), default=1)
        parts.append(stroke(i, [x(b.confidence) for b in bins], [y(b.located) for b in bins], thin=True))
        for b in bins:
            at = x(b.confidence)
            parts.append(element("line", x1=at, x2=at, y1=y(b.low), y2=y(b.high), class_=f"line thin r{i % 6}"))
            text = f"{line.name}: of {b.n:,} with confidence about {b.confidence:.2f}, {100 * b.located:.0f} % located"
            size = 2.5 + 4.5 * float(np.sqrt(b.n / most))
            parts.append(
                element("circle", element("title", text), cx=at, cy=y(b.located), r=size, class_=f"dot r{i % 6}")
            )
            words.append(text)
    title = f"Stated confidence against the share within {NEAR_KM:g} km"
    return _chart("reliability", title, words, _share_axis(x, "confidence"), parts)


def risk_coverage(lines: Sequence[Line]) -> Markup:
    """How many answers are wrong when only the most confident are given."""
    x, y = svg.linear(0.0, 1.0, LEFT, WIDTH - RIGHT), svg.linear(0.0, 1.0, HEIGHT - BOTTOM, TOP)
    parts, words = [], []
    for i, line in enumerate(lines):
        curve = localizability.risk_coverage(line.confidence, _is_near(line))
        if not curve:
            continue
        xs, ys = [x(coverage) for coverage, _ in curve], [y(risk) for _, risk in curve]
        parts += [stroke(i, xs, ys), _marker(i, xs[0], ys[0])]
        words.append(
            f"{line.name}: {100 * curve[0][1]:.0f} % wrong at {100 * curve[0][0]:.0f} % answered, "
            f"{100 * curve[-1][1]:.0f} % wrong when all are"
        )
    title = f"Share farther than {NEAR_KM:g} km among the answers given"
    return _chart("risk", title, words, _share_axis(x, "answered, the most confident first"), parts)


def _chart(
    name: str,
    title: str,
    words: Sequence[str],
    bottom: Sequence[Markup],
    drawn: Sequence[Markup],
    ticks: Sequence[float] = (0.0, 0.25, 0.5, 0.75, 1.0),
) -> Markup:
    """A chart of shares with ticks on its left axis and the given bottom axis; `words` become its text alternative."""
    y = svg.linear(0.0, ticks[-1], HEIGHT - BOTTOM, TOP)
    left = []
    for share in ticks:
        left.append(element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y(share), y2=y(share), class_="rule"))
        left.append(_text(f"{100 * share:.3g} %", LEFT - 6.0, y(share) + 4.0, "end"))
    return svg.drawing(
        WIDTH, HEIGHT, *left, *bottom, *drawn, title=title, description="; ".join(words), name=name
    )  # fmt: skip


def _text(text: str, x: float, y: float, anchor: str = "middle") -> Markup:
    return element("text", text, x=x, y=y, text_anchor=anchor, class_="soft")


def _is_near(line: Line) -> Floats:
    return within(line.distance_km, NEAR_KM).astype(np.float64)


def _spread(line: Line) -> str:
    known = line.distance_km[np.isfinite(line.distance_km)]
    if not len(known):
        return f"{line.name}: no answer has a place"
    low, middle, high = np.percentile(known, [25, 50, 75])
    return (
        f"{line.name}: of {len(known):,} located, half lie between {low:,.0f} and {high:,.0f} km, median {middle:,.0f}"
    )


def _marker(run: int, x: float, y: float) -> Markup:
    """A point of a run: disc, square or diamond."""
    if run % 3 == 0:
        return element("circle", cx=x, cy=y, r=4.0, class_=f"dot r{run % 6}")
    turn = f"rotate(45 {svg.number(x)} {svg.number(y)})" if run % 3 == 2 else None
    return element("rect", x=x - 3.5, y=y - 3.5, width=7.0, height=7.0, transform=turn, class_=f"dot r{run % 6}")


def _log_x() -> Callable[[float], float]:
    return svg.logarithmic(NEAREST_KM, FARTHEST_KM, LEFT, WIDTH - RIGHT)


def _distance_axis(x: Callable[[float], float]) -> list[Markup]:
    """The bottom axis with the thresholds of accuracy, each a line over the whole chart."""
    base, parts = HEIGHT - BOTTOM, []
    for km in (NEAREST_KM, *THRESHOLDS_KM.values()):
        if km in THRESHOLDS_KM.values():
            parts.append(element("line", x1=x(km), x2=x(km), y1=TOP, y2=base, class_="axis", stroke_dasharray="2 3"))
        parts.append(_text(f"{km:,g}", x(km), base + 16.0))
    return _bottom_axis(parts, "distance from the truth, km")


def _share_axis(x: Callable[[float], float], what: str) -> list[Markup]:
    base = HEIGHT - BOTTOM + 16.0
    return _bottom_axis(
        [_text(f"{25 * k} %", x(k / 4), base, "end" if k == 4 else "middle") for k in range(5)], what
    )  # fmt: skip


def _bottom_axis(ticks: Sequence[Markup], what: str) -> list[Markup]:
    base = HEIGHT - BOTTOM
    line = element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=base, y2=base, class_="axis")
    return [line, *ticks, _text(what, (LEFT + WIDTH - RIGHT) / 2, base + 33.0)]
