"""How a run was made, its row beside it, and tables of it for papers."""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path

import board_runs
import pytest

from globe_eval.cli import main
from globe_eval.reports.board import leaderboard
from globe_eval.reports.signature import signature
from globe_eval.runs import record


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("show")
    for share, name in ((6, "a"), (4, "b")):
        board_runs.write(folder / name, board_runs.right(share), model=name)
    leaderboard.add(folder / "b", folder, name="b")
    return folder


def test_show_says_how_a_run_was_made_on_one_screen(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(folder / "a")]) == 0
    out = capsys.readouterr().out
    line = signature(record.read_results(folder / "a"))
    assert f"Signature:\n{line}\n" in out and out.count("\n") <= 24 and "to cite:" in out
    assert all(len(text) <= 80 for text in out.splitlines() if text != line)
    assert line.startswith("task:miniworld|version:2|manifest:54879990|n:300|prompt:globe_readme.") and " " not in line
    (row,) = (folder / "runs").iterdir()
    assert main(["show", str(row)]) == 0 and signature(record.read_results(folder / "b")) in capsys.readouterr().out


def test_a_row_is_compared_as_its_run_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (row,) = (folder / "runs").iterdir()
    tables = []
    for other in (folder / "b", row):
        assert main(["compare", str(folder / "a"), str(other)]) == 0
        lines = capsys.readouterr().out.splitlines()
        tables.append(
            [line for line in lines if line.startswith(("street", "city", "region", "country", "located"))][:7]
        )
    assert tables[0] == tables[1] and len(tables[0]) == 7
    assert main(["compare", str(row), str(row)]) == 2
    assert "one of the runs must be a folder" in capsys.readouterr().err


def test_a_row_of_other_photographs_is_not_compared(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (row,) = (folder / "runs").iterdir()
    board_runs.write(folder / "few", board_runs.right(6), photographs=200)
    assert main(["compare", str(folder / "few"), str(row)]) == 2
    assert "not of the same photographs and truths" in capsys.readouterr().err


def test_tables_for_papers_and_spreadsheets_have_the_run_s_figures(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["table", str(folder / "a"), str(folder / "b"), "--format"]
    assert main([*words, "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    figure = record.read_results(folder / "a").metrics["acc@25km"]
    assert float(rows[0]["acc@25km_value"]) == figure.value and float(rows[0]["acc@25km_high"]) == figure.high
    assert main([*words, "markdown"]) == 0
    assert [line[:2] for line in capsys.readouterr().out.splitlines()] == ["| ", "|-", "| ", "| "]
    assert main([*words, "latex"]) == 0
    out = capsys.readouterr().out
    assert out.count(r"\\") == 3 and r"\toprule" in out and r"\%" in out


def test_ids_are_whole_or_digests(folder: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    whole = [sample.id for sample in record.read_samples(folder / "a")]
    for how, wanted in (("whole", whole), ("digest", [hashlib.sha256(i.encode()).hexdigest()[:16] for i in whole])):
        assert main(["export", str(folder / "a"), "--to", "csv", "--ids", how]) == 0
        rows = list(csv.DictReader(io.StringIO(capsysbinary.readouterr().out.decode(), newline="")))
        assert [row["id"] for row in rows] == wanted and rows[0]["response"].startswith("country:")
