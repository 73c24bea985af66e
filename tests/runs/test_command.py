"""A result says which command made it, and no secret gets into it that way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from globe_eval.cli import main
from globe_eval.commands.arguments import command_line


@pytest.mark.parametrize(
    "given, shown",
    [
        (["--model", "knn", "--tasks", "a,b"], "globe-eval --model knn --tasks a,b"),
        (["run", "--model", "knn"], "globe-eval --model knn"),
        (["-a", "api_key=sk-1,model=m"], "globe-eval -a 'api_key=(removed),model=m'"),
        (["--model_args=token=hf_1"], "globe-eval '--model_args=token=(removed)'"),
        (["-a", "base_url=http://u:p@h/v1?key=1"], "globe-eval -a base_url=http://h/v1"),
        (["-a", 'headers={"Authorization": "Bearer x"}'], 'globe-eval -a \'headers={"Authorization": "(removed)"}\''),
        (["score", "my answers.csv"], "globe-eval score 'my answers.csv'"),
    ],
)
def test_a_command_as_it_was_given_but_for_secrets(given: list[str], shown: str) -> None:
    assert command_line(given) == shown


def test_a_scored_file_knows_its_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.csv").write_text("id,lat,lon,predicted_lat,predicted_lon\n1,10,20,10,20\n2,30,40,30,41\n")
    words = ["score", str(tmp_path / "a.csv"), "-o", str(tmp_path / "out")]
    assert main(words) == 0
    assert json.loads((tmp_path / "out" / "results.json").read_text())["command"].startswith("globe-eval score ")
