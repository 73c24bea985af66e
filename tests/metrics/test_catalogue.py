"""A metric is described once, and what describes it is what every table, report and export shows."""

from __future__ import annotations

import ast
import inspect
import math
import runpy
from pathlib import Path

import numpy as np
import pytest

import globe_eval
from globe_eval.columns import columns
from globe_eval.metrics.catalogue import METRICS, Metric, described, metrics_with
from globe_eval.reports import shown

PACKAGE = Path(globe_eval.__file__).parent
CATALOGUE = PACKAGE / "metrics" / "catalogue.py"
FILES = sorted([*PACKAGE.rglob("*.py"), *(PACKAGE.parent / "globe_train").rglob("*.py")])


def texts(path: Path) -> set[str]:
    """The texts of a file that are no docstring."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return {node.value for node in found if id(node) not in alone}


def test_a_label_stands_in_one_file() -> None:
    labels = {text for metric in METRICS for text in (metric.label, metric.long, metric.meaning) if text}
    assert len(labels) > 60 and "grounding F1" in texts(CATALOGUE)
    assert {path.name: found for path in FILES if path != CATALOGUE and (found := labels & texts(path))} == {}


def test_names_and_labels_are_told_apart() -> None:
    metrics = metrics_with([0.5, 10.0], {"inside": True})
    for texts_of in ([m.name for m in metrics], [m.label for m in metrics], [m.long or m.label for m in metrics]):
        assert len(set(texts_of)) == len(texts_of)


@pytest.mark.parametrize("metric", metrics_with([0.5]), ids=lambda metric: metric.name)
def test_a_description_is_whole(metric: Metric) -> None:
    assert metric.meaning.endswith(".") and "  " not in metric.meaning
    assert metric.lowest < metric.highest
    assert metric.unit in ("%", "points") or metric.digits in (0, 1, 3)
    assert (metric.unit == "%") <= ((metric.lowest, metric.highest) == (0.0, 1.0))
    assert len(inspect.signature(metric.of).parameters) == len(metric.columns)
    assert described(metric.name).label == metric.label
    if metric.in_brief:
        assert len(shown.with_unit(metric.name)) <= 24, "a comparison of a hundred columns has room for it"


def test_only_a_length_has_no_better_direction() -> None:
    assert [metric.name for metric in METRICS if metric.higher_is_better is None] == ["n_words"]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_its_columns_are_those_of_samples_and_a_photograph_without_any_has_no_value(metric: Metric) -> None:
    table = columns([])
    assert set(metric.columns) <= set(table)
    missing = [np.array([None], dtype=object if table[name].dtype == object else float) for name in metric.columns]
    (value,) = metric.of(*missing)
    counts_as_a_miss = metric.columns == ("distance_km",) and metric.statistic == "mean"
    assert np.all(value == 0) if counts_as_a_miss else np.isnan(value).any()


def test_the_same_figure_is_written_in_one_unit() -> None:
    for name in ("grounding_f1", "acc@25km", "localizability_coverage@25km"):
        assert shown.text(name, 2 / 3) == "66.7 %" and shown.published(name, 2 / 3) == 66.67
        assert shown.difference(name, -0.25) == "−25.00" and shown.with_unit(name).endswith(", %")
        assert shown.with_unit(name, long=True).endswith("(%)")
    assert shown.text("localizability_auroc@25km", 2 / 3) == "0.667"
    assert shown.published("localizability_auroc@25km", 2 / 3) == 0.667
    assert shown.number("median_km", math.nan) == "none" and shown.number("median_km", math.inf) == "∞"


def test_the_page_of_metrics_is_the_catalogue() -> None:
    """Whoever changes a description runs `make schema`."""
    page = (PACKAGE.parent / "docs" / "metrics.md").read_text(encoding="utf-8")
    script = runpy.run_path(str(PACKAGE.parent / "scripts" / "metrics_page.py"))
    assert page == script["as_markdown"]() and page.count("\n| `") == len(METRICS)
