"""A metric is described once, and what describes it is what every table, report and export shows."""

from __future__ import annotations

import ast
import inspect
import json
import math
import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import board_runs
import numpy as np
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reported import Row, write_run

import globe_eval
from globe_eval.cli import main
from globe_eval.columns import columns
from globe_eval.metrics import disclosure
from globe_eval.metrics.catalogue import METRICS, Metric, described, metrics_with, of_family
from globe_eval.reports import notation
from globe_eval.reports.run import read_run
from globe_eval.sample import STATUSES, json_schemas

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
    labels = {
        text for metric in METRICS for text in (metric.label, metric.long, metric.meaning, metric.misleads) if text
    }
    assert len(labels) > 60 and "grounding F1" in texts(CATALOGUE)
    assert {path.name: found for path in FILES if path != CATALOGUE and (found := labels & texts(path))} == {}


def test_names_and_labels_are_told_apart() -> None:
    metrics = metrics_with([0.5, 10.0], {"inside": True})
    for texts_of in ([m.name for m in metrics], [m.label for m in metrics], [m.long or m.label for m in metrics]):
        assert len(set(texts_of)) == len(texts_of)


@pytest.mark.parametrize("metric", metrics_with([0.5]), ids=lambda metric: metric.name)
def test_a_description_is_whole(metric: Metric) -> None:
    for sentence in (metric.meaning, metric.misleads):
        assert sentence.endswith(".") and "  " not in sentence and ". " not in sentence
    assert metric.lowest < metric.highest
    assert metric.unit in ("%", "points") or metric.digits in (0, 1, 3)
    assert (metric.unit == "%") <= ((metric.lowest, metric.highest) == (0.0, 1.0))
    assert len(inspect.signature(metric.of).parameters) == len(metric.columns)
    assert described(metric.name).label == metric.label
    if metric.in_brief:
        assert len(notation.with_unit(metric.name)) <= 24, "a comparison of a hundred columns has room for it"


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
        assert notation.text(name, 2 / 3) == "66.7 %" and notation.published_value(name, 2 / 3) == 66.67
        assert notation.difference(name, -0.25) == "−25.00" and notation.with_unit(name).endswith(", %")
        assert notation.with_unit(name, long=True).endswith("(%)")
    assert notation.text("localizability_auroc@25km", 2 / 3) == "0.667"
    assert notation.published_value("localizability_auroc@25km", 2 / 3) == 0.667
    assert notation.number("median_km", math.nan) == "none" and notation.number("median_km", math.inf) == "∞"


def test_the_page_of_metrics_is_the_catalogue() -> None:
    """Whoever changes a description runs `make schema`."""
    page = (PACKAGE.parent / "docs" / "metrics.md").read_text(encoding="utf-8")
    script = runpy.run_path(str(PACKAGE.parent / "scripts" / "metrics_page.py"))
    assert page == script["as_markdown"]() and page.count("\n| `") == len(METRICS)


ROWS = [
    Row("a", 48.86, 2.35, "<think>A bus.</think><answer>country: France\ncity: Paris</answer>", "Paris", "France",
        group="ann", entities=("bus", "church")),
    Row("b", 40.7, -74.0, "I cannot tell where this is, sorry.", country="United States"),
    Row("c", 0.0, 0.0, None),
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", ROWS, answer_form="names")


def walked(line: dict[str, Any], name: str) -> Any:
    """The value of a dotted name in a line of samples.jsonl; None where a part is missing."""
    found: Any = line
    for key in name.split("."):
        found = None if found is None else found.get(key)
    return found


def test_a_column_is_what_the_lines_have(folder: Path) -> None:
    run = read_run(folder)
    lines = [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]
    for name, column in run.table.items():
        for value, line in zip(column.tolist(), lines, strict=True):
            expected = walked(line, name)
            if expected is None:
                assert value is None or math.isnan(value), name
            else:
                assert value == expected or list(value) == expected, name
    assert {column.dtype.kind for column in run.table.values()} == {"f", "O"}
    assert run.table["distance_km"].tolist()[0] < 10 and np.isnan(run.table["distance_km"][1:]).all()
    assert run.table["truth.entities"].tolist() == [("bus", "church"), None, None]


def test_every_field_of_the_schema_is_a_column_even_where_nothing_has_it() -> None:
    schema = json_schemas()["sample.schema.json"]

    def names(properties: dict[str, Any], prefix: str = "") -> set[str]:
        found = set()
        for name, one in properties.items():
            parts = [one, *one.get("anyOf", ()), *one.get("allOf", ())]
            inner = [schema["$defs"][part["$ref"].rpartition("/")[2]] for part in parts if "$ref" in part]
            fields = [kind["properties"] for kind in inner if "properties" in kind]
            found |= names(fields[0], f"{prefix}{name}.") if fields else {prefix + name}
        return found

    assert set(columns([])) == names(schema["properties"]) - {"own"}
    with pytest.raises(KeyError):
        columns([])["truth.latitude"]


def test_a_frame_of_them_is_grouped(folder: Path) -> None:
    frame = pandas.DataFrame(dict(read_run(folder).table))
    assert frame.groupby("status").size().to_dict() == {"city": 1, "error": 1, "refused": 1}
    assert frame["truth.lat"].dtype == float and frame["format.truncated"].tolist()[0] == 0.0


ENTRY = """    Metric(
        "near_share",
        "nearness",
        "Mean of 1 / (1 + distance / 100 km); a missing answer has none.",
        "It hardly tells 10 km from 1.",
        ("distance_km",),
        lambda distance_km: 1 / (1 + np.where(np.isnan(distance_km), np.inf, distance_km) / 100),
    ),
"""
FIRST = "_DISTANCES = (\n"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """The package once more, linked file by file, with one entry more in the catalogue."""
    root = tmp_path / "elsewhere"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, root / "globe_eval", copy_function=os.symlink, ignore=ignored)
    (root / "tasks").symlink_to(PACKAGE.parent / "tasks")
    catalogue = root / "globe_eval" / "metrics" / "catalogue.py"
    text = catalogue.read_text(encoding="utf-8")
    catalogue.unlink()
    assert text.count(FIRST) == 1
    catalogue.write_text(text.replace(FIRST, FIRST + ENTRY), encoding="utf-8")
    return root


COMMANDS = """
import contextlib, io, json, sys
from globe_eval import cli
printed = []
for words in json.load(sys.stdin):
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    with contextlib.redirect_stdout(out):
        assert cli.main(words) == 0, words
    printed.append(out.buffer.getvalue().decode())
json.dump(printed, sys.stdout)
"""


@pytest.mark.slow
def test_a_metric_of_one_entry_is_found_everywhere(elsewhere: Path, tmp_path: Path) -> None:
    def said(*commands: Sequence[object]) -> list[str]:
        """What each prints; all in one process, which has the metric."""
        done = subprocess.run(
            [sys.executable, "-c", COMMANDS], input=json.dumps([[*map(str, words)] for words in commands]),
            env=os.environ | {"PYTHONPATH": str(elsewhere)}, cwd=tmp_path, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        printed: list[str] = json.loads(done.stdout)
        return printed

    runs = [tmp_path / "a", tmp_path / "b"]
    given = [
        board_runs.write(tmp_path / "given" / run.name, board_runs.right(share))
        for run, share in zip(runs, (7, 5), strict=True)
    ]
    said(*(["rescore", one, "-o", run] for one, run in zip(given, runs, strict=True)))
    results = json.loads((runs[0] / "results.json").read_text())
    samples = [json.loads(line) for line in (runs[0] / "samples.jsonl").read_text().splitlines()]
    near = [0.0 if one["distance_km"] is None else 1 / (1 + one["distance_km"] / 100) for one in samples]
    figure = results["metrics"]["near_share"]
    assert figure["value"] == pytest.approx(sum(near) / len(near)) and figure["low"] < figure["value"] < figure["high"]
    assert "near_share" in next(iter(results["breakdowns"]["continent"].values()))["metrics"]

    shown = f"{100 * figure['value']:.1f} %"
    board = ("--leaderboards", tmp_path / "leaderboards")
    scores, text, _, card, lm_eval, *_ = said(
        ["score", *scored(tmp_path, samples)],
        ["compare", *runs],
        ["report", *runs, "-o", tmp_path / "report.html"],
        ["export", runs[0], "--to", "model-card"],
        ["export", runs[0], "--to", "lm-eval"],
        *(["leaderboard", "add", run, *board, "--name", run.name] for run in runs),
        ["leaderboard", "build", *board],
    )
    row = next(line for line in scores.splitlines() if line.startswith("nearness"))
    assert shown in row
    assert "nearness, %" in text and f"{100 * figure['value']:.2f}" in text
    page = (tmp_path / "report.html").read_text()
    assert "nearness" in page and shown in page and "Mean of 1 / (1 + distance / 100 km)" in page
    assert "name: nearness (%)" in card and f"value: {100 * figure['value']:.2f}".rstrip("0") in card
    assert "near_share,none" in lm_eval
    site = (tmp_path / "leaderboards" / "site" / "index.html").read_text()
    assert f"nearness {shown}" in site


def scored(folder: Path, samples: list[dict]) -> list[object]:  # type: ignore[type-arg]
    """The same answers as a file for `globe-eval score`."""
    path = folder / "answers.jsonl"
    rows = [{"id": one["id"], "response": one["response"], **one["truth"], "photographer": one["truth"]["group"]}
            for one in samples]  # fmt: skip
    for row in rows:
        del row["group"], row["entities"], row["localizable"], row["scene"]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return [path]


PHOTOGRAPHS = st.lists(
    st.tuples(st.sampled_from(STATUSES), st.sampled_from([None, "Louvre"]), st.sampled_from([None, *disclosure.LEVELS]))
)


@given(PHOTOGRAPHS)
def test_an_answer_says_more_less_or_as_much(photographs: list[tuple[str, str | None, str | None]]) -> None:
    status, venue, allowed = (np.array([row[i] for row in photographs], dtype=object) for i in range(3))
    over, under, agrees, violates = (
        of(status, venue, allowed) for of in (disclosure.over, disclosure.under, disclosure.agrees, disclosure.violates)
    )
    asked = np.array([row[0] != "error" and row[2] is not None for row in photographs], dtype=bool)
    assert (over + under + agrees)[asked].tolist() == [1.0] * int(asked.sum())
    assert np.isnan(over[~asked]).all() and np.isnan(violates[~asked]).all()
    abstain = asked & (allowed == "abstain")
    assert violates[abstain].tolist() == over[abstain].tolist() and np.isnan(violates[~abstain]).all()


@pytest.mark.parametrize(
    "status, venue, level",
    [
        ("coordinates", None, "exact"),
        ("city", "Louvre", "exact"),
        ("city", None, "city"),
        ("admin", None, "city"),
        ("country", None, "city"),
        ("unresolved", None, "city"),
        ("refused", "Louvre", "abstain"),
        ("refused", None, "abstain"),
        ("unparsed", None, "abstain"),
        ("empty", None, "abstain"),
        ("truncated", None, "abstain"),
    ],
)
def test_the_level_follows_from_how_the_answer_was_read(status: str, venue: str | None, level: str) -> None:
    one = np.array([status], dtype=object), np.array([venue], dtype=object), np.array([level], dtype=object)
    assert disclosure.difference(*one).tolist() == [0.0]


TRUTH = "id,lat,lon,level\na,48.86,2.34,A\nb,48.86,2.34,A\nc,48.86,2.34,B\nd,48.86,2.34,C\n"
SAID = ["I can't tell where it is.", "Paris, France.", "48.8606, 2.3376", "France"]
YAML = """task: mine
class: !function globe_eval.GeoTask
dataset_kwargs:
  {truth: t.csv, images: ., columns: {disclosure: level}, values: {disclosure: {A: abstain, B: city, C: exact}}}
answer_form: any
metadata: {version: 1}
"""


def test_a_benchmark_with_levels_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text(TRUTH)
    Path("mine.yaml").write_text(YAML)
    Path("a.json").write_text(json.dumps(dict(zip("abcd", SAID, strict=True))))
    assert main(["score", "a.json", "--task", "mine.yaml", "--format", "json", "-o", "out"]) == 0
    found = json.loads(capsys.readouterr().out)
    values = [found[metric.name] for metric in of_family("disclosure")]
    assert values == [0.5, 0.25, 0.25, 0.5] and all(found["interval"][one.name] for one in of_family("disclosure"))
    assert json.loads(Path("out/samples.jsonl").read_text().splitlines()[0])["truth"]["disclosure"] == "abstain"
    assert main(["rescore", "out", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["over_disclosure"] == 0.5
    assert main(["table", "out"]) == 0
    Path("t.csv").write_text(TRUTH.replace(",C", ",D"))
    assert main(["score", "a.json", "--task", "mine.yaml"]) == 2
    assert "t.csv, line 5, column 'level': found 'D'; allowed: abstain, city, exact, A, B, C" in capsys.readouterr().err
