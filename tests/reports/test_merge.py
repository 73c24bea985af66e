"""A row is one file: two branches with one row each merge without a conflict."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import board_runs

from globe_eval.reports.board import leaderboard


def test_two_branches_with_one_row_each_merge_without_a_conflict(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    (repository / "leaderboards" / "runs").mkdir(parents=True)
    here = Path(__file__).parents[2] / "leaderboards"
    for part in ("boards", "site"):
        shutil.copytree(here / part, repository / "leaderboards" / part)

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
    board = files[repository / "leaderboards" / "boards" / "miniworld.md"]
    assert "| one | recomputable |" in board and "| other | recomputable |" in board
