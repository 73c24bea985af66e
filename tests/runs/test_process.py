"""Work in parts on several processes gives what it gives at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import fmean

import parted
import pytest

from globe_eval import cli, scoring
from globe_eval.errors import InputError
from globe_eval.metrics import grounding
from globe_eval.metrics.grounding import controls_of
from globe_eval.models.response import Response
from globe_eval.places import geodesic_km
from globe_eval.reports import terminal
from globe_eval.runs import process, progress, record
from globe_eval.runs.assemble import assemble, empty_results
from globe_eval.runs.progress import Progress
from globe_eval.runs.score import score_table
from globe_eval.sample import LOCATED, Answer, Results, Sample, Truth


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


@pytest.mark.alone
def test_scores_of_several_processes_are_those_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "WORTH_PROCESSES", 1)
    monkeypatch.setattr(process, "_PART", 7)
    monkeypatch.setattr(process, "_cores", lambda: 2)
    score, samples = partial(scoring.score, form="names"), _samples(60)
    ours = process.in_parts(score, samples, controls_of(samples))
    assert ours == score(samples)
    assert {one.grounding.lift is not None for one in ours if one.grounding is not None} == {True}


@pytest.mark.alone
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


@pytest.mark.alone
def test_helpers_take_part_and_the_order_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(process, "WORTH_PROCESSES", 1)
    monkeypatch.setattr(process, "_PART", 2)
    monkeypatch.setattr(process, "_cores", lambda: 2)
    found = process.in_parts(partial(parted.where, parent=os.getpid(), mode="plain", met=tmp_path / "met"), range(100))
    assert [number for number, _ in found] == list(range(100))
    assert {process for _, process in found} > {os.getpid()}


@pytest.mark.alone
@pytest.mark.parametrize("mode", ["die", "plain"])
def test_what_a_helper_cannot_do_is_done_here(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    monkeypatch.setattr(process, "WORTH_PROCESSES", 1)
    monkeypatch.setattr(process, "_PART", 2)
    monkeypatch.setattr(process, "_cores", lambda: 3)
    found = process.in_parts(partial(parted.where, parent=os.getpid(), mode=mode), range(21))
    assert [number for number, _ in found] == list(range(21))


@pytest.mark.alone
@pytest.mark.parametrize("cores", [1, 3])
def test_what_is_to_be_done_meanwhile_is_done_once_and_here(monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
    monkeypatch.setattr(process, "WORTH_PROCESSES", 1)
    monkeypatch.setattr(process, "_PART", 2)
    monkeypatch.setattr(process, "_cores", lambda: cores)
    where: list[int] = []
    assert process.in_parts(list, range(9), meanwhile=lambda: where.append(os.getpid())) == list(range(9))
    assert where == [os.getpid()]


@pytest.mark.alone
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
@pytest.mark.alone
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


SETTING = empty_results("mine", "1", "names", "0" * 64, "m")
PLACES = {
    "Paris, France": (48.8566, 2.3522, "urban"),
    "Lyon, France": (45.7640, 4.8357, "urban"),
    "Nairobi, Kenya": (-1.2864, 36.8172, "natural"),
    "Kyoto, Japan": (35.0116, 135.7681, None),
}


def run(
    n: int, said: str = "country: France\ncity: Paris", exclude: frozenset[str] | None = None, **changes: object
) -> tuple[list[Sample], Results]:
    """n photographs from the four cities in turn, each by one of five people, all answered alike."""
    names = list(PLACES)
    samples = []
    for i in range(n):
        lat, lon, scene = PLACES[names[i % 4]]
        samples.append(Sample.of(f"photo-{i}", Truth(lat, lon, group=f"p{i % 5}", scene=scene), said))
    return assemble(replace(SETTING, **changes), samples, started=datetime.now(UTC), exclude=exclude)


def test_a_part_has_the_figures_of_its_photographs_alone() -> None:
    _, results = run(80)
    parts = results.breakdowns
    assert {by: {label: part.n for label, part in found.items()} for by, found in parts.items()} == {
        "continent": {"AF": 20, "AS": 20, "EU": 40},
        "country": {"FR": 40, "JP": 20, "KE": 20},
        "scene": {"natural": 20, "urban": 40},
        "city_size": {"metropolis": 60, "city": 20},
    }
    assert parts["continent"]["EU"].metrics["acc@25km"].value == 0.5
    assert parts["continent"]["AF"].metrics["country_accuracy"].value == 0.0
    assert parts["scene"]["urban"].n_groups == 5
    lyon_to_paris = geodesic_km(45.7640, 4.8357, 48.8566, 2.3522)
    assert parts["country"]["FR"].metrics["mean_km"].value == pytest.approx(float(lyon_to_paris) / 2, abs=0.5)


def test_the_only_part_is_the_whole() -> None:
    lat, lon, _ = PLACES["Paris, France"]
    paris = Answer(country="France", city="Paris")
    samples = [Sample.of(str(i), Truth(lat, lon + i / 10, group=f"p{i % 7}"), answer=paris) for i in range(60)]
    _, results = assemble(SETTING, samples, started=datetime.now(UTC))
    assert results.breakdowns["continent"]["EU"].metrics == results.metrics


def test_small_countries_and_missing_answers() -> None:
    _, results = run(79, said="I cannot tell.")
    assert set(results.breakdowns["country"]) == {"FR", "KE"}, "Japan has 19 photographs"
    europe = results.breakdowns["continent"]["EU"].metrics
    assert europe["acc@2500km"].value == 0.0 and europe["acc@2500km"].n == 40
    assert europe["median_km"].value is None and europe["mean_km"].value is None


def test_parts_can_be_written_and_older_results_read(tmp_path: Path) -> None:
    samples, results = run(8)
    record.write_run(tmp_path, samples, results)
    assert record.read_results(tmp_path) == results
    assert [sample.truth.scene for sample in record.read_samples(tmp_path)][:4] == ["urban", "urban", "natural", None]
    older = json.loads((tmp_path / "results.json").read_text())
    for name in ("ceiling", "attainable", "breakdowns", "clean"):
        del older[name]
    (tmp_path / "results.json").write_text(json.dumps(older))
    old = record.read_results(tmp_path)
    assert (old.ceiling, old.breakdowns, old.clean) == (None, {}, None)
    assert "ceiling" not in terminal.result_table(old)


def test_the_ceiling_stands_beside_the_score() -> None:
    _, results = run(8)
    assert results.ceiling is not None and results.attainable is not None
    assert results.ceiling["acc@25km"] == 1.0 and results.attainable["acc@1km"] is not None
    shown = terminal.result_table(results)
    line = next(line for line in shown.splitlines() if line.startswith("city, 25 km"))
    assert line.split()[-2:] == ["100.0", "%"] and "ceiling: what answers of this form score" in shown
    _, coordinates = run(8, answer_form="coordinates")
    assert coordinates.ceiling == dict.fromkeys(results.ceiling, 1.0)
    assert "ceiling" not in terminal.result_table(coordinates)


def test_figures_without_what_another_set_knows() -> None:
    known = frozenset(f"photo-{i}" for i in range(80) if i % 4 == 0) | {"a photograph that --limit left out"}
    samples, results = run(80, exclude=known)
    assert results.clean is not None
    assert (results.clean.excluded, results.clean.n) == (20, 60)
    kept = [sample for sample in samples if sample.id not in known]
    right = sum(sample.distance_km is not None and sample.distance_km <= 750 for sample in kept)
    assert results.clean.metrics["acc@750km"].value == right / 60
    assert results.metrics == run(80)[1].metrics, "the figures of all photographs stay"
    assert "without 20 photographs of the other set, 60 left: " in terminal.result_table(results)


def test_excluding_nothing_and_everything() -> None:
    assert run(8)[1].clean is None
    _, nothing = run(8, exclude=frozenset())
    assert nothing.clean is not None and nothing.clean.metrics == nothing.metrics
    _, everything = run(8, exclude=frozenset(f"photo-{i}" for i in range(8)))
    assert everything.clean is not None and everything.clean.n == 0
    assert "acc@25km" not in everything.clean.metrics, "of no photograph there is no accuracy, least of all 0"
    assert "without 8 photographs" in terminal.result_table(everything)


def test_a_run_can_be_read_by_parts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    samples, results = run(84)
    record.write_run(tmp_path, samples, results)
    assert cli.main(["table", str(tmp_path), "--by", "continent"]) == 0
    shown = capsys.readouterr().out
    assert "Europe" in shown and "Africa" in shown and "50.0 %" in shown
    assert terminal.breakdown_table(results, "country").index("FR") < terminal.breakdown_table(
        results, "country"
    ).index("JP")
    assert cli.main(["table", str(tmp_path), "--by", "contnent"]) == 2
    assert "did you mean 'continent'" in capsys.readouterr().err
    bare = replace(results, breakdowns={})
    with pytest.raises(InputError, match="no such breakdown"):
        terminal.breakdown_table(bare, "scene")


def test_each_reasoning_is_read_once_and_all_figures_are_of_the_recorded_lifts(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str | None] = []
    whole = grounding.read_reasoning
    monkeypatch.setattr(grounding, "read_reasoning", lambda text: read.append(text) or whole(text))
    samples = [
        Sample.of(
            f"photo-{i}",
            Truth(48.8566, 2.3522, group=f"p{i % 5}", entities=(["bus", "church", "tree"][i % 3], "road")),
            f"<think>A {['bus', 'tree'][i % 2]} ({i}).</think><answer>country: {'France' if i % 4 else '?'}</answer>",
        )
        for i in range(24)
    ]
    scored, results = assemble(SETTING, samples, started=datetime.now(UTC))
    assert len(read) == 24, "one for each photograph, for all figures, breakdowns and the samples' own fields"
    lifts = {one.id: one.grounding.lift for one in scored if one.grounding is not None}
    located = [one.id for one in scored if one.status in LOCATED]
    assert 0 < len(located) < 24 and len(set(lifts.values())) > 2
    assert results.metrics["grounding_lift"].value == pytest.approx(fmean(lifts.values()))
    assert results.valid_only["grounding_lift"].value == pytest.approx(fmean(lifts[name] for name in located))
