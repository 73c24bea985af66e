"""Commands that need each other, with real processes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from globe_eval.errors import InputError
from globe_train.laptop.steps import Step, run


def write(folder: Path, name: str, *needs: str, code: str = "", cores: int = 1) -> Step:
    """A step that fails unless what it needs is there."""
    check = "; ".join(f"assert (f / {need!r}).exists(), 'no {need}'" for need in needs) or "pass"
    text = (
        f"import pathlib; f = pathlib.Path({str(folder)!r}); {check}; {code or 'pass'}; (f / {name!r}).write_text('x')"
    )
    return Step(name, folder / name, [sys.executable, "-c", text], needs, cores)


def test_a_step_waits_for_what_it_needs(tmp_path: Path) -> None:
    steps = [write(tmp_path, "c", "a", "b"), write(tmp_path, "a"), write(tmp_path, "b", "a", cores=99)]
    run(steps, tmp_path / "logs")
    assert all(step.done.exists() for step in steps)
    timed = (tmp_path / "logs" / "seconds.tsv").read_text().splitlines()
    assert [line.split("\t")[0] for line in timed] == ["a", "b", "c"]


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("before")
    run([write(tmp_path, "a"), write(tmp_path, "b", "a")], tmp_path / "logs")
    assert (tmp_path / "a").read_text() == "before" and (tmp_path / "b").exists()


def test_one_that_fails_ends_the_rest(tmp_path: Path) -> None:
    steps = [write(tmp_path, "a", code="raise SystemExit('no room on the disk')"), write(tmp_path, "b", "a")]
    with pytest.raises(InputError, match=r"exit code 1: no room on the disk \(.*a\.log\)"):
        run(steps, tmp_path / "logs")
    assert not (tmp_path / "b").exists()
