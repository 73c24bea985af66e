"""Figures for papers: the same maps and curves as PNG, drawn with matplotlib, which only this verb needs."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from globe_eval.errors import InputError
from globe_eval.metrics.accuracy import THRESHOLDS_KM
from globe_eval.metrics.localizability import risk_coverage
from globe_eval.reports.page import curves, loaded, worldmap
from globe_eval.reports.page.loaded import Loaded
from globe_eval.reports.page.maps import CLASSES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#08459c", "#2f7fc0", "#6cb0d8", "#d19a1e", "#dd6b2d", "#a0142a", "#84898e")
"""Of the classes of distance, as in `style.css`."""

RUN_COLOURS = ("#0b62a4", "#c2500a", "#00805a", "#a6478a", "#8a6d00", "#5b5fc7")
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)), (0, (3, 1.5)), (0, (1, 3)))
DPI = 200


def refuse_without_matplotlib() -> None:
    """Raise InputError where matplotlib is not installed."""
    if find_spec("matplotlib") is None:
        raise InputError("--png needs matplotlib: pip install 'globe-eval[report]'")


def write_figures(data: Loaded, folder: Path) -> list[Path]:
    """Write `map-1.png` … (one a run), `distances.png`, and where confidences are stated the two curves of those.

    The same input gives the same bytes with the same matplotlib.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    style: dict[Any, Any] = {
        "font.size": 8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "figure.constrained_layout.use": True,
    }
    folder.mkdir(parents=True, exist_ok=True)
    written = []

    def save(name: str, figure: Any) -> None:
        figure.savefig(folder / name, dpi=DPI, metadata={"Software": None}, bbox_inches="tight", pad_inches=0.03)
        pyplot.close(figure)
        written.append(folder / name)

    with matplotlib.rc_context(style):
        for number, run in enumerate(data.runs, 1):
            figure, axes = pyplot.subplots(figsize=(7.0, 3.9))
            _map(axes, run)
            save(f"map-{number}.png", figure)
        figure, axes = pyplot.subplots(figsize=(3.4, 2.6))
        _distances(axes, data.runs)
        save("distances.png", figure)
        confident = [run for run in data.runs if np.isfinite(loaded.stated(run.samples)).sum() >= 10]
        if confident:
            figure, axes = pyplot.subplots(figsize=(3.0, 2.8))
            _reliability(axes, data.runs)
            save("reliability.png", figure)
            figure, axes = pyplot.subplots(figsize=(3.4, 2.6))
            _risk(axes, data.runs)
            save("risk-coverage.png", figure)
    return written


def dash(run: int) -> Any:
    """The dashes of a run's line, as in `charts.dash`."""
    return DASHES[(run + run // 6) % 6]


def _map(axes: Axes, run: loaded.Run) -> None:
    """Truth (disc), answer (ring) and the great circle between, far ones first so that near ones are seen."""
    from matplotlib.collections import LineCollection, PolyCollection

    rings = [np.column_stack(worldmap.project(r[:, 1], r[:, 0])) for c in worldmap.countries() for r in c.rings]
    lat = np.linspace(-90.0, 90.0, 61)
    left, right = (np.column_stack(worldmap.project(lat, np.full(61, side))) for side in (-180.0, 180.0))
    axes.add_collection(PolyCollection([np.vstack([left, right[::-1]])], facecolors="#eef3f6", edgecolors="none"))
    axes.add_collection(PolyCollection(rings, facecolors="#d8dcd3", edgecolors="#b4bab0", linewidths=0.3))
    for name, number in reversed(CLASSES):
        there = [s for s in run.samples if _class(s.distance_km) == number]
        if not there:
            continue
        lines = [
            np.column_stack(worldmap.project(line[:, 1], line[:, 0]))
            for s in there
            if s.prediction is not None and s.distance_km is not None and s.distance_km > 1.0
            for line in worldmap.great_circle(s.truth.lat, s.truth.lon, s.prediction.lat, s.prediction.lon)
        ]
        alpha = 0.5 if len(run.samples) < 1000 else 0.15
        axes.add_collection(LineCollection(lines, colors=COLOURS[number], linewidths=0.4, alpha=alpha))
        x, y = worldmap.project([s.truth.lat for s in there], [s.truth.lon for s in there])
        axes.scatter(x, y, s=3.0, color=COLOURS[number], linewidths=0, label=f"{name} ({len(there):,})", zorder=3)
        placed = [s.prediction for s in there if s.prediction is not None]
        if placed:
            x, y = worldmap.project([p.lat for p in placed], [p.lon for p in placed])
            axes.scatter(x, y, s=3.5, facecolors="none", edgecolors=COLOURS[number], linewidths=0.4, zorder=2)
    axes.set(xlim=(0, worldmap.WIDTH), ylim=(worldmap.HEIGHT, 0), aspect="equal")
    axes.axis("off")
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(
        handles[::-1],
        labels[::-1],
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        ncol=4,
        frameon=False,
        markerscale=2.5,
    )


def _class(km: float | None) -> int:
    return 6 if km is None else sum(km > threshold for threshold in THRESHOLDS_KM.values())


def _distances(axes: Axes, runs: Sequence[loaded.Run]) -> None:
    grid = curves.distance_grid()
    for i, run in enumerate(runs):
        share = curves.cumulative(loaded.distances(run.samples), grid)
        axes.plot(grid, 100 * share, color=RUN_COLOURS[i % 6], linestyle=dash(i), label=_plain(run.name))
    for km in THRESHOLDS_KM.values():
        axes.axvline(km, color="#9aa09a", linewidth=0.5, linestyle=":")
    axes.set(xscale="log", xlabel="distance (km)", ylabel="photographs within (%)", ylim=(0, 100))
    axes.set_xlim(curves.NEAREST_KM, curves.FARTHEST_KM)
    axes.set_xticks(list(THRESHOLDS_KM.values()), [f"{km:,.0f}" for km in THRESHOLDS_KM.values()], fontsize=7)
    axes.minorticks_off()
    _legend(axes, runs)


def _reliability(axes: Axes, runs: Sequence[loaded.Run]) -> None:
    axes.plot([0, 100], [0, 100], color="#9aa09a", linewidth=0.7, linestyle=":")
    for i, run in enumerate(runs):
        bins = curves.reliability(loaded.stated(run.samples), _located(run))
        x, y = [100 * b.confidence for b in bins], [100 * b.located for b in bins]
        low, high = (
            [100 * max(0.0, b.located - b.low) for b in bins],
            [100 * max(0.0, b.high - b.located) for b in bins],
        )
        axes.errorbar(
            x, y, [low, high], color=RUN_COLOURS[i % 6], linestyle=dash(i), marker="o", markersize=3,
            elinewidth=0.7, label=_plain(run.name),
        )  # fmt: skip
    axes.set(xlabel="stated confidence (%)", ylabel="within 25 km (%)", xlim=(0, 102), ylim=(0, 102), aspect="equal")
    _legend(axes, runs)


def _risk(axes: Axes, runs: Sequence[loaded.Run]) -> None:
    for i, run in enumerate(runs):
        curve = risk_coverage(loaded.stated(run.samples), _located(run))
        x, y = [100 * coverage for coverage, _ in curve], [100 * risk for _, risk in curve]
        axes.plot(x, y, color=RUN_COLOURS[i % 6], linestyle=dash(i), marker=".", markersize=3, label=_plain(run.name))
    axes.set(xlabel="answered (%), the most confident first", ylabel="beyond 25 km (%)", xlim=(0, 102), ylim=(0, 102))
    _legend(axes, runs)


def _legend(axes: Axes, runs: Sequence[loaded.Run]) -> None:
    """Above the plot, where no curve runs; none for a single run."""
    if len(runs) > 1:
        axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0.0, 1.0), borderaxespad=0.2)


def _located(run: loaded.Run) -> curves.Floats:
    return (np.nan_to_num(loaded.distances(run.samples), nan=np.inf) <= 25.0).astype(np.float64)


def _plain(name: str) -> str:
    """A name without what matplotlib would read as mathematics or as a line to leave out of the legend."""
    return name.replace("$", r"\$").lstrip("_")
