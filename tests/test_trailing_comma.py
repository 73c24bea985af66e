"""The page on the trailing comma: its program prints the rows that it shows."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "trailing_comma.md").read_text(encoding="utf-8")
RELEASED = "shared/data/released_coordinates/geobenchwocn_gpt5__GeoBench.jsonl"


def printed(folder: Path, answers: list[dict[str, object]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the page's program beside a file of answers as it was released."""
    lines = [json.dumps(answer) for answer in answers]
    (folder / "geobenchwocn_gpt5.jsonl").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.chdir(folder)
    (program,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    exec(compile(program, "docs/trailing_comma.md", "exec"), {})


def test_a_trailing_comma_is_lost_by_the_strict_reading_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = {"lat": 50.45, "lon": 30.52}
    texts = ['{"lat": 50.45, "lon": 30.52}', '{"lat": 50.45, "lon": 30.52,}']
    answers = [{"index": i, "ground_truth": truth, "solution_str": text} for i, text in enumerate(texts)]
    printed(tmp_path, answers, monkeypatch)
    strict, as_written = capsys.readouterr().out.splitlines()
    assert strict == " | ".join(["50.00"] * 5 + ["1 of 2"])
    assert as_written == " | ".join(["100.00"] * 5 + ["0 of 2"])


def released() -> Path | None:
    return next((folder / RELEASED for folder in ROOT.parents if (folder / RELEASED).is_file()), None)


@pytest.mark.skipif(released() is None, reason="the released answers lie beside the checkout")
def test_gpt_5_on_geobench_by_both_readings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = released()
    assert file is not None
    flat = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    answers = [
        {
            "index": one["id"],
            "ground_truth": {"lat": one["true_lat"], "lon": one["true_lon"]},
            "solution_str": one["response"],
        }
        for one in flat
    ]
    printed(tmp_path, answers, monkeypatch)
    strict, as_written = capsys.readouterr().out.splitlines()
    assert strict.endswith("| 185 of 934") and f"| GPT-5, strict JSON | {strict} |" in PAGE
    assert as_written.endswith("| 0 of 934") and f"| GPT-5, read by globe-eval | {as_written} |" in PAGE
