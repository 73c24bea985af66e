"""What each measure means, in the terminal and on pages."""

from __future__ import annotations

import pytest

from globe_eval.cli import main
from globe_eval.metrics.catalogue import METRICS
from globe_eval.reports import glossary


def test_ls_prints_every_metric_with_its_meaning_and_when_it_misleads(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "72")
    assert main(["ls", "metrics"]) == 0
    out = capsys.readouterr().out
    paragraphs = out.strip().split("\n\n")
    assert len(paragraphs) == len(METRICS)
    for metric, paragraph in zip(METRICS, paragraphs, strict=True):
        head, *body = paragraph.splitlines()
        assert head.startswith(f"{metric.label} ({metric.name}") and all(len(line) <= 72 for line in body)
        said = " ".join(line.strip() for line in body)
        assert metric.meaning in said and metric.misleads[1:] in said


def test_every_entry_has_an_anchor_of_its_own() -> None:
    found = glossary.entries(metric.name for metric in METRICS)
    assert len({one.anchor for one in found}) == len(found) == len(METRICS)
    assert glossary.entries(["of_my_own", "acc@0.5km", "acc@0.5km"])[0].label == "within 0.5 km"
