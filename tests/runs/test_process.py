"""Work in parts on several processes gives what it gives at once."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import parted
import pytest

from globe_eval import scoring
from globe_eval.errors import InputError
from globe_eval.metrics.grounding import controls_of
from globe_eval.models.response import Response
from globe_eval.runs import process, progress
from globe_eval.runs.progress import Progress
from globe_eval.sample import Sample, Truth

CITIES = ["Paris", "Lima", "Oslo", "Springfield", "Nowhere at all"]


def _samples(n: int) -> list[Sample]:
    texts = [
        f"<think>A church, a bus, signs in French: this is most likely {CITIES[i % 5]}, not Rome. ({i})</think>"
        f"<answer>country: {['France', 'Peru'][i % 2]}\ncity: {CITIES[i % 5]}</answer>"
        for i in range(n)
    ]
    seen = [None, ("bus",), ("church", "palm tree")]
    return [
        Sample.of(f"p{i}", Truth(i % 80, i % 170, "France", "Paris", None, None, seen[i % 3]), Response(text))
        for i, text in enumerate(texts)
    ]


def test_scores_of_several_processes_are_those_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_PART", 7)
    monkeypatch.setattr(process, "_cores", lambda: 2)
    score, samples = partial(scoring.score, form="names"), _samples(60)
    ours = process.in_parts(score, samples, controls_of(samples), least=1)
    assert ours == score(samples)
    assert {one.grounding.lift is not None for one in ours if one.grounding is not None} == {True}


def test_helpers_take_part_and_the_order_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(process, "_PART", 2)
    monkeypatch.setattr(process, "_cores", lambda: 2)
    found = process.in_parts(
        partial(parted.where, parent=os.getpid(), mode="plain", met=tmp_path / "met"), range(100), least=1
    )
    assert [number for number, _ in found] == list(range(100))
    assert {process for _, process in found} > {os.getpid()}


@pytest.mark.parametrize("mode", ["die", "plain"])
def test_what_a_helper_cannot_do_is_done_here(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    monkeypatch.setattr(process, "_PART", 2)
    monkeypatch.setattr(process, "_cores", lambda: 3)
    found = process.in_parts(partial(parted.where, parent=os.getpid(), mode=mode), range(21), least=1)
    assert [number for number, _ in found] == list(range(21))


def test_an_error_of_the_work_is_raised_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_PART", 2)
    monkeypatch.setattr(process, "_cores", lambda: 2)
    with pytest.raises(InputError, match="no good"):
        process.in_parts(partial(parted.where, parent=os.getpid(), mode="raise"), range(9), least=1)


def test_few_rows_start_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process.subprocess, "Popen", lambda *_, **__: pytest.fail("a process was started"))
    assert process.in_parts(list, range(5)) == [0, 1, 2, 3, 4]
    assert process.in_parts(list, []) == []


def test_the_collector_is_as_it_was() -> None:
    for was in (gc.enable, gc.disable):
        was()
        before = gc.isenabled()
        with pytest.raises(KeyError), process.without_collector():
            assert not gc.isenabled()
            raise KeyError
        assert gc.isenabled() == before
    gc.enable()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is changed")
def test_pyarrow_takes_the_systems_allocator_and_the_user_may_say_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "from globe_eval.runs import process; process.return_freed_memory(); "
        "import pyarrow; print(pyarrow.default_memory_pool().backend_name)"
    )
    for given, backend in ((None, "system"), ("mimalloc", "mimalloc")):
        if given is None:
            monkeypatch.delenv("ARROW_DEFAULT_MEMORY_POOL", raising=False)
        else:
            monkeypatch.setenv("ARROW_DEFAULT_MEMORY_POOL", given)
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert told.stdout.strip() == backend


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARROW_DEFAULT_MEMORY_POOL", "system")
    monkeypatch.setattr(process.ctypes, "CDLL", lambda _: object())
    process.return_freed_memory()
    process.return_memory_now()


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
        assert line.summary() == "25.0 % within 25 km, 50.0 % read"
    err = capsys.readouterr().err
    for words in ("im2gps3k: ", "2/10", "4/10", "photographs", "25.0 % within 25 km, 50.0 % read"):
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
