"""The leaderboards of this repository: every row is admitted, no generated file is stale, the READMEs show them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from globe_eval.cli import main

ROOT = Path(__file__).parents[2]
LEADERBOARDS = ROOT / "leaderboards"


def test_no_generated_file_is_stale(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever adds a row, edits one or changes a format runs `globe-eval leaderboard build`."""
    monkeypatch.chdir(ROOT)
    assert main(["leaderboard", "build", "--check"]) == 0, capsys.readouterr().err


def test_every_row_is_admitted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["leaderboard", "check", "--leaderboards", str(LEADERBOARDS)]) == 0, capsys.readouterr().err
    assert capsys.readouterr().out.count(": ok\n") == len([*LEADERBOARDS.glob("runs/*.json")]) + 1


def test_each_board_is_written_in_every_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for part in ("runs", "published"):
        shutil.copytree(LEADERBOARDS / part, tmp_path / part)
    words = ["leaderboard", "build", "--leaderboards", str(tmp_path), "--format"]
    assert main([*words, "md,csv,tex,json"]) == 0
    for board in ("im2gps3k", "yfcc4k", "mp16_reason_test", "miniworld"):
        for suffix in ("md", "csv", "tex", "json"):
            assert (tmp_path / "boards" / f"{board}.{suffix}").stat().st_size > 500
        assert f'id="{board}"' in (LEADERBOARDS / "site" / "index.html").read_text()
    assert main([*words, "csv,xlsx"]) == 2
    assert "--format: found 'xlsx' (allowed: md, csv, tex, json)" in capsys.readouterr().err


def test_the_readme_shows_the_boards_and_links_the_site() -> None:
    readme = (LEADERBOARDS / "README.md").read_text()
    for board, name in (("im2gps3k", "ISN (M, f"), ("miniworld", "*knn* (floor)")):
        found = re.search(rf"<!-- board {board} -->(.*?)<!-- end of board {board} -->", readme, re.DOTALL)
        assert found and name in found[1] and "(ceiling)" in found[1] and "*constant* (floor)" in found[1]
    assert "](site/index.html)" in readme and "](leaderboards/README.md)" in (ROOT / "README.md").read_text()
    assert (ROOT / "leaderboards/site/index.html").is_file()


def test_a_clean_copy_is_built_to_the_same_bytes(tmp_path: Path) -> None:
    """From the rows alone, elsewhere, in a folder of another name's parent."""
    for part in ("runs", "published"):
        shutil.copytree(LEADERBOARDS / part, tmp_path / "leaderboards" / part)
    assert main(["leaderboard", "build", "--leaderboards", str(tmp_path / "leaderboards")]) == 0
    for part in ("boards", "site"):
        made = {path.name: path.read_bytes() for path in (tmp_path / "leaderboards" / part).iterdir()}
        assert made == {path.name: path.read_bytes() for path in (LEADERBOARDS / part).iterdir()}


def test_a_stale_file_and_a_left_over_one_are_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / "leaderboards"
    for part in ("runs", "boards", "site", "published"):
        shutil.copytree(LEADERBOARDS / part, copy / part)
    assert main(["leaderboard", "build", "--check", "--leaderboards", str(copy)]) == 0
    table = copy / "boards" / "miniworld.md"
    table.write_text(table.read_text().replace("knn", "kNN"))
    (copy / "boards" / "gone.md").write_text("x")
    assert main(["leaderboard", "build", "--check", "--leaderboards", str(copy)]) == 2
    told = capsys.readouterr().err
    assert f"{table}: stale" in told and f"{copy / 'boards' / 'gone.md'}: stale" in told
    assert main(["leaderboard", "build", "--leaderboards", str(copy)]) == 0
    assert table.read_bytes() == (LEADERBOARDS / "boards" / "miniworld.md").read_bytes()
    assert not (copy / "boards" / "gone.md").exists()


def test_a_refused_row_stops_the_build(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / "leaderboards"
    shutil.copytree(LEADERBOARDS / "runs", copy / "runs")
    row = sorted((copy / "runs").glob("*.json"))[0]
    row.write_text(row.read_text().replace('"limit": null', '"limit": 10.0'))
    assert main(["leaderboard", "build", "--leaderboards", str(copy)]) == 2
    assert "1 rows are refused" in capsys.readouterr().err and not (copy / "boards").exists()


def test_no_photographer_and_no_id_is_in_a_row(shared_data: Path) -> None:
    ids = (shared_data / "im2gps3k" / "im2gps3k_places365.csv").read_text().splitlines()[1:]
    people = {line.split(",")[1] for line in ids} | {line.split(",")[0] for line in ids}
    people -= {""}
    for path in LEADERBOARDS.glob("runs/im2gps3k*.json"):
        text = path.read_text()
        assert not [name for name in people if name in text]
