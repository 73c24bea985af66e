from __future__ import annotations

import pytest

from globe_eval.models.response import Response
from globe_eval.runs import progress
from globe_eval.runs.progress import Progress

PARIS = {"id": "a", "lat": 48.8566, "lon": 2.3522}
HEARD = [
    (PARIS, Response("country: France\ncity: Paris")),
    (PARIS, Response("country: Japan\ncity: Kyoto")),
    (PARIS, Response("I'm sorry, I cannot help with that.")),
    (PARIS, Response("", error="HTTP 500")),
]


def test_it_shows_what_is_done_the_rate_the_parse_rate_and_the_accuracy(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "SCORE_EVERY_S", 0.0)
    line = Progress("im2gps3k", "names", quiet=False)
    with line.of(10):
        line.add(HEARD[:2], resumed=True)
        line.add(HEARD[2:])
        assert line.summary() == "parsed 50.0 %, acc@25km 25.0 %"
    err = capsys.readouterr().err
    for words in ("im2gps3k: ", "2/10", "4/10", "photographs", "parsed 50.0 %, acc@25km 25.0 %"):
        assert words in err


def test_answers_that_were_there_already_do_not_make_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Progress("im2gps3k", "names", quiet=False)
    with line.of(1000):
        assert line._bar is not None
        line.add(HEARD * 200, resumed=True)
        assert (line._bar.n, line._bar.format_dict["initial"]) == (800, 800)
        line.add(HEARD)
        assert line._bar.n - line._bar.format_dict["initial"] == 4


def test_it_is_quiet_where_nobody_reads_it(capsys: pytest.CaptureFixture[str]) -> None:
    line = Progress("im2gps3k", "names")
    with line.of(10):
        line.add(HEARD)
    assert capsys.readouterr() == ("", "") and line.summary() == ""
