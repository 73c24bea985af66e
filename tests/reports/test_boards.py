"""What is ranked together, what is not and why; the same figures in every format; nothing hostile gets through."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import board_runs
import pytest

from globe_eval.benchmarks.definition import shipped
from globe_eval.metrics.catalogue import ACCURACIES
from globe_eval.metrics.intervals import wilson
from globe_eval.reports.board import leaderboard, writers
from globe_eval.reports.board.boards import Board, Section, boards
from globe_eval.reports.board.published import PublishedRow
from globe_eval.reports.board.submission import Submission, read_submission
from globe_eval.sample import Geocoder

KNOWN = board_runs.known()
HOSTILE = "<script>alert(1)</script> | `a` [x](http://e.example) & 100% of_{it} =1+1 \\end{table}"


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Submission]:
    folder = tmp_path_factory.mktemp("rows")
    made = []
    for name, share in (("good", 7), ("fair", 4), ("fair too", 4), ("constant", 0)):
        model = name if name == "constant" else "a-model"
        answer, other = board_runs.right(share), board_runs.right(share + 1)
        if name == "fair too":  # one photograph more is right
            run = board_runs.write(
                folder / name, lambda i, t, a=answer, b=other: (b if i == 4 else a)(i, t), model=model
            )
        else:
            run = board_runs.write(folder / name, answer, model=model)
        made.append(read_submission(leaderboard.add(run, folder, name=name)))
    return made


def changed(one: Submission, **fields: Any) -> Submission:
    return replace(one, results=replace(one.results, **fields))


def published(**fields: Any) -> PublishedRow:
    base = {
        "method": "M",
        "year": 2025,
        "paper": "arXiv 2501.00001",
        "task": "miniworld",
        "setting": "VLM trained",
        "detail": "as it is",
        "answer_form": None,
        "geocoder": None,
        "n": None,
        "accuracy": {1: 9.84, 25: 40.18, 200: 56.19, 750: 71.45, 2500: None},
        "confidence": "B",
        "sources": ("its Table 1",),
    }
    return PublishedRow.model_validate(base | fields)


def one_board(submissions: list[Submission], others: list[PublishedRow] | None = None) -> Board:
    (board,) = boards(submissions, others or [], KNOWN)
    return board


def names(section: Section) -> list[str]:
    return [row.name for row in section.rows]


def test_rows_are_ordered_and_share_ranks(rows: list[Submission]) -> None:
    (section,) = one_board(rows).sections
    assert names(section) == ["best possible", "good", "fair too", "fair", "constant"]
    ranks = {row.name: writers.shown_rank(row) for row in section.rows}
    assert ranks == {"best possible": "", "good": "1", "fair": "2–3", "fair too": "2–3", "constant": "4"}
    kinds = {row.name: row.kind for row in section.rows}
    assert kinds["best possible"] == "ceiling" and kinds["constant"] == "floor" and kinds["good"] == "run"


def test_every_cell_of_a_run_has_its_clustered_interval(rows: list[Submission]) -> None:
    (section,) = one_board(rows).sections
    for one, row in zip(rows, [next(r for r in section.rows if r.name == one.name) for one in rows], strict=True):
        for name in ACCURACIES:
            figure = one.results.metrics[name]
            cell = row.cells[name]
            assert (cell.value, cell.low, cell.high) == (figure.value, figure.low, figure.high) and not cell.implied
            assert figure.n_groups == 69 and cell.rank is not None


@pytest.mark.parametrize(
    "fields",
    [
        {"task_version": "nine"},
        {"manifest_sha256": "f" * 64},
        {"answer_form": "address"},
        {"geocoder": Geocoder(name="nominatim", version="4.5")},
        {"geocoder": Geocoder(name="geonames", version="resolver 1")},
        {"distance": "haversine"},
    ],
    ids=str,
)
def test_what_differs_in_one_setting_is_ranked_apart(rows: list[Submission], fields: dict[str, Any]) -> None:
    board = one_board([*rows[1:], changed(rows[0], **fields)])
    assert [[name for name in names(section) if name != "best possible"] for section in board.sections] == [
        ["fair too", "fair", "constant"],
        ["good"],
    ]
    value = next(iter(fields.values()))
    told = value.version if isinstance(value, Geocoder) else str(value)[:8]
    assert told in board.sections[1].says and told not in board.sections[0].says


def test_another_gazetteer_is_another_geocoder_but_not_for_coordinates(rows: list[Submission]) -> None:
    other = replace(rows[0].results.gazetteer, sha256="e" * 64)
    assert len(one_board([*rows[1:], changed(rows[0], gazetteer=other)]).sections) == 2
    points = [changed(one, answer_form="coordinates") for one in rows]
    assert len(one_board([*points[1:], changed(points[0], gazetteer=other)]).sections) == 1


def test_variants_of_a_benchmark_are_on_its_board(rows: list[Submission]) -> None:
    variant = changed(rows[0], task="miniworld_coordinates")
    board = one_board([*rows[1:], variant])
    assert board.name == "miniworld" and "good" in names(board.sections[0])
    assert next(row for row in board.sections[0].rows if row.name == "good").about.startswith("miniworld_coordinates, ")


def test_published_rows_are_not_ranked_and_say_why(rows: list[Submission]) -> None:
    board = one_board(rows, [published(), published(method="N", answer_form="names", geocoder="Azure Maps", n=290)])
    section = board.sections[-1]
    assert not section.ranked and all(writers.shown_rank(row) == "" for row in section.rows)
    why = {row.name: row.why for row in section.rows}
    assert {"answer form unknown", "geocoder unknown", "n unknown", "no samples"} <= {*why["M"]}
    assert {"geocoder Azure Maps, version unknown", "n is 290, the benchmark has 300"} <= {*why["N"]}
    assert "acc@2500km" not in section.rows[0].cells, "what was not printed stays away"
    assert writers.figure(section.rows[0], "acc@25km").startswith("40.2 (") and "†" in board.notes[0]


def test_contradictions_are_told_with_both_rows(rows: list[Submission]) -> None:
    others = [published(), published(reported_by="someone", accuracy={1: 9, 25: 36.95, 200: 52, 750: 70, 2500: 80})]
    section = one_board(rows, others).sections[-1]
    assert names(section) == ["M", "M, by someone"]
    told = "in conflict: the printed values differ by up to 4.19 points (200 km)"
    assert all(told in row.caveats for row in section.rows)
    assert all("in conflict" in str(row.details) for row in section.rows)


def test_a_row_moves_no_published_interval(rows: list[Submission]) -> None:
    """The design effect stands in the benchmark's definition, with a date."""
    alone = one_board([], [published()]).sections[-1].rows[0].cells
    beside = one_board(rows, [published()]).sections[-1].rows[0].cells
    assert alone == beside


def test_implied_intervals_are_as_wide_as_those_of_runs() -> None:
    """A published row with the figures of ISNs on IM2GPS3K gets about their own interval, 24.3 to 31.9 %."""
    effect = shipped()["im2gps3k"].values["metadata"]["design_effect"]["within_km"]["25"]
    low, high = wilson(0.28, 2997 / effect)
    assert high - low == pytest.approx(0.319 - 0.243, rel=0.02)


def test_a_row_opens_to_what_makes_it_again(rows: list[Submission]) -> None:
    row = next(row for row in one_board(rows).sections[0].rows if row.name == "good")
    details = dict(row.details)
    assert details["command"] == "globe-eval --model a-model --tasks miniworld"
    for wanted in (
        board_runs.MANIFEST,
        rows[0].sha256,
        rows[0].columns.samples_sha256,
        "numpy ",
        board_runs.PROMPT_SHA256,
    ):
        assert wanted in str(row.details), wanted


def figures_in(text: str) -> list[str]:
    """`28.0 (24.3–31.9)` in the order in which they stand there."""
    return re.findall(r"\d[\d,.]* \(\d[\d,.]*–\d[\d,.]*\)", text)


def test_all_formats_have_the_same_figures(rows: list[Submission]) -> None:
    board = one_board(rows, [published()])
    markdown = figures_in(writers.markdown(board))
    latex = figures_in(writers.latex(board).replace("--", "–"))
    every = [row for section in board.sections for row in section.rows]
    shown = [
        text.removesuffix("†") for row in every for name in ACCURACIES if "(" in (text := writers.figure(row, name))
    ]
    assert latex == shown
    assert [text for text in markdown if text in shown] == shown
    table = list(csv.DictReader(io.StringIO(writers.csv_text(board))))
    stored = json.loads(writers.as_json(board))
    flat = [row for section in stored["sections"] for row in section["rows"]]
    assert [row["name"] for row in table] == [row["name"] for row in flat] and len(flat) == 6
    for one, other in zip(table, flat, strict=True):
        for name in ACCURACIES:
            cell = other["cells"].get(name)
            if cell is None:
                assert one[name] == ""
                continue
            assert math.isclose(float(one[name]), cell["value"])
            assert (one[f"{name}_low"] == "") == (cell["low"] is None)
            assert one[f"{name}_rank_best"] == ("" if cell["rank"] is None else str(cell["rank"][0]))


def test_a_hostile_name_is_only_text(rows: list[Submission]) -> None:
    board = one_board([replace(rows[0], name=HOSTILE), *rows[1:]], [published(method=HOSTILE)])
    markdown = writers.markdown(board)
    assert "<script" not in markdown and "](http" not in markdown.replace("\\]", "")
    lines = [line for line in markdown.splitlines() if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} <= {9, 10}
    latex = writers.latex(board)
    assert latex.count(r"\end{table}") == 1 and r"100\% of\_\{it\}" in latex and r"\textbackslash{}end" in latex
    dangerous = one_board([replace(rows[0], name="=HYPERLINK(1)"), *rows[1:]])
    table = list(csv.DictReader(io.StringIO(writers.csv_text(dangerous))))
    assert "'=HYPERLINK(1)" in [row["name"] for row in table]


def test_the_same_rows_give_the_same_bytes_in_any_order(rows: list[Submission], tmp_path: Path) -> None:
    forwards, backwards = one_board(rows), one_board(rows[::-1])
    for write in leaderboard.FORMATS.values():
        assert write(forwards) == write(backwards)


def test_two_branches_with_one_row_each_merge_without_a_conflict(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    (repository / "leaderboards" / "runs").mkdir(parents=True)
    here = Path(__file__).parents[2] / "leaderboards"
    shutil.copytree(here / "site", repository / "leaderboards" / "site")
    shutil.copy(here / "boards.md", repository / "leaderboards")

    def git(*words: str) -> str:
        given = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *words]
        done = subprocess.run(given, cwd=repository, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-qm", "boards")
    for share, name in ((6, "one"), (4, "other")):
        git("switch", "-qc", name, "main")
        run = board_runs.write(tmp_path / name, board_runs.right(share), model=name)
        leaderboard.add(run, repository / "leaderboards", name=name)
        assert git("status", "--porcelain", "-uall").count("\n") == 1, "one file and nothing else"
        git("add", "-A")
        git("commit", "-qm", name)
    git("switch", "-q", "main")
    git("merge", "-q", "--no-edit", "one")
    git("merge", "-q", "--no-edit", "other")
    found = leaderboard.check([], repository / "leaderboards")
    assert len(found) == 2 and not any(wrong for _, wrong in found)
    files = leaderboard.build(repository / "leaderboards")
    board = files[repository / "leaderboards" / "boards.md"]
    assert "| one | recomputable |" in board and "| other | recomputable |" in board
