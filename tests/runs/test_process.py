"""Work in parts on several processes gives what it gives at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import parted
import pytest

from globe_eval import scoring
from globe_eval.errors import InputError
from globe_eval.metrics.grounding import controls_of
from globe_eval.models.response import Response
from globe_eval.runs import process, progress, record
from globe_eval.runs.progress import Progress
from globe_eval.runs.score import score_table
from globe_eval.sample import Sample, Truth

pytestmark = pytest.mark.alone


@pytest.fixture(autouse=True)
def no_other_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of tests before, and of pytest-xdist, would leave everything to one process."""
    monkeypatch.setattr(process.threading, "active_count", lambda: 1)


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
    monkeypatch.setattr(process, "WORTH_PROCESSES", 1)
    monkeypatch.setattr(process, "_PART", 7)
    monkeypatch.setattr(process, "_cores", lambda: 2)
    score, samples = partial(scoring.score, form="names"), _samples(60)
    ours = process.in_parts(score, samples, controls_of(samples))
    assert ours == score(samples)
    assert {one.grounding.lift is not None for one in ours if one.grounding is not None} == {True}


def test_a_table_scored_by_two_processes_is_the_same_bytes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(process, "WORTH_PROCESSES", 1)
    monkeypatch.setattr(process, "_PART", 11)
    rows = [
        {"id": one.id, "true_lat": one.truth.lat, "true_lon": one.truth.lon, "response": one.response}
        for one in _samples(64)
    ]
    (tmp_path / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    written = []
    for n in (1, 2):
        monkeypatch.setattr(process, "_cores", lambda n=n: n)
        scored = score_table(tmp_path / "answers.jsonl")
        record.write_run(tmp_path / str(n), scored.samples, replace(scored.results, started="", duration_seconds=0))
        written.append([(tmp_path / str(n) / name).read_bytes() for name in ("samples.jsonl", "results.json")])
    assert written[0] == written[1] and b"consistent" in written[0][0]


def test_helpers_take_part_and_the_order_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(process, "WORTH_PROCESSES", 1)
    monkeypatch.setattr(process, "_PART", 2)
    monkeypatch.setattr(process, "_cores", lambda: 2)
    found = process.in_parts(partial(parted.where, parent=os.getpid(), mode="plain", met=tmp_path / "met"), range(100))
    assert [number for number, _ in found] == list(range(100))
    assert {process for _, process in found} > {os.getpid()}


@pytest.mark.parametrize("mode", ["die", "plain"])
def test_what_a_helper_cannot_do_is_done_here(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    monkeypatch.setattr(process, "WORTH_PROCESSES", 1)
    monkeypatch.setattr(process, "_PART", 2)
    monkeypatch.setattr(process, "_cores", lambda: 3)
    found = process.in_parts(partial(parted.where, parent=os.getpid(), mode=mode), range(21))
    assert [number for number, _ in found] == list(range(21))


@pytest.mark.parametrize("cores", [1, 3])
def test_what_is_to_be_done_meanwhile_is_done_once_and_here(monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
    monkeypatch.setattr(process, "WORTH_PROCESSES", 1)
    monkeypatch.setattr(process, "_PART", 2)
    monkeypatch.setattr(process, "_cores", lambda: cores)
    where: list[int] = []
    assert process.in_parts(list, range(9), meanwhile=lambda: where.append(os.getpid())) == list(range(9))
    assert where == [os.getpid()]


def test_an_error_of_the_work_is_raised_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "WORTH_PROCESSES", 1)
    monkeypatch.setattr(process, "_PART", 2)
    monkeypatch.setattr(process, "_cores", lambda: 2)
    with pytest.raises(InputError, match="no good"):
        process.in_parts(partial(parted.where, parent=os.getpid(), mode="raise"), range(9))


def test_few_rows_one_core_other_threads_and_other_systems_start_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_PART", 2)
    monkeypatch.setattr(process, "_cores", lambda: 2)
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("a process was started"))
    assert process.in_parts(list, range(5)) == [0, 1, 2, 3, 4]
    assert process.in_parts(list, []) == []
    monkeypatch.setattr(process, "WORTH_PROCESSES", 1)
    for owner, name, found in (
        (process, "_cores", lambda: 1),
        (process.threading, "active_count", lambda: 2),
        (sys, "platform", "win32"),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(owner, name, found)
            assert process.in_parts(list, range(5)) == [0, 1, 2, 3, 4]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there are no helpers")
def test_where_no_process_can_be_had_all_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> int:
        raise BlockingIOError("no more processes")

    monkeypatch.setattr(process, "WORTH_PROCESSES", 1)
    monkeypatch.setattr(process, "_PART", 2)
    monkeypatch.setattr(process, "_cores", lambda: 2)
    monkeypatch.setattr(os, "fork", refused)
    assert process.in_parts(list, range(7)) == list(range(7))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there are no helpers")
@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_helper_outlives_its_parent(tmp_path: Path, how: signal.Signals) -> None:
    code = (
        "import sys; from functools import partial; import parted; from pathlib import Path; "
        "from globe_eval.runs import process; process._PART = process.WORTH_PROCESSES = 2; process._cores = lambda: 3\n"
        "with process.interruptible():\n"
        "    process.in_parts(partial(parted.endless, folder=Path(sys.argv[1])), range(40))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as parent:
        parted.wait(lambda: len(list(tmp_path.iterdir())) == 3, "both helpers and their parent are at work")
        helpers = [int(one.name) for one in tmp_path.iterdir() if one.name != str(parent.pid)]
        parent.send_signal(how)
        (tmp_path / "over").touch()
        assert parent.wait(60) != 0
    parted.wait(lambda: not any(Path(f"/proc/{one}").exists() for one in helpers), "the helpers are gone")


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
