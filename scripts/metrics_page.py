"""Write `docs/metrics.md`, the page of all metrics, from their descriptions."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from globe_eval.metrics.catalogue import Family, Metric, of_family

HEADER = "| key | label | unit | range | better | columns | meaning | misleading |"


def as_markdown() -> str:
    """All metrics, a table a family."""
    lines = [
        "# Metrics",
        "",
        "What `results.json` has of each run, beside a benchmark's own; written by `make schema` from",
        "`globe_eval/metrics/catalogue.py`. `globe-eval ls metrics` prints the same, reports and boards link it.",
    ]
    for family in get_args(Family):
        if metrics := of_family(family):
            lines += ["", f"## {family.capitalize()}", "", HEADER, "| --- " * 8 + "|", *map(_row, metrics)]
    return "\n".join(lines) + "\n"


def _row(metric: Metric) -> str:
    better = {True: "higher", False: "lower", None: "neither"}[metric.higher_is_better]
    scale = 100 if metric.unit in ("%", "points") else 1
    low, high = (f"{scale * bound:g}".replace("inf", "∞") for bound in (metric.lowest, metric.highest))
    columns = ", ".join(f"`{name}`" for name in metric.columns)
    said = (metric.meaning, metric.misleads)
    cells = (f"`{metric.name}`", metric.label, metric.unit, f"{low} to {high}", better, columns, *said)
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    (Path(__file__).parents[1] / "docs" / "metrics.md").write_text(as_markdown(), encoding="utf-8", newline="\n")
