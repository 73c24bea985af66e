"""Scoring a run again: the same bytes where nothing changed, what changed where something did."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from geographiclib.geodesic import Geodesic
from hypothesis import given, settings
from hypothesis import strategies as st

from globe_eval.cli import main
from globe_eval.models.response import Response
from globe_eval.runs import record
from globe_eval.runs.assemble import assemble, empty_results
from globe_eval.runs.rescore import rescore
from globe_eval.sample import ANSWER_FORMS, AnswerForm, Sample, Truth

TRUTH = "id,lat,lon,country,city,author\n"
TRUTH += "a,48.8566,2.3522,France,Paris,ann\nb,-33.87,151.21,Australia,Sydney,ann\nc,35.68,139.69,Japan,Tokyo,bob\n"
TRUTH += "d,-1.29,36.82,Kenya,Nairobi,bob\n"
THOUGHT = "<think>The trams are white.\nBest guess: Lyon?</think>\n"
ANSWERS = {
    "coordinates": "id,pred_lat,pred_lon\na,48.8566,2.3522\nb,,\nc,35.0,135.7\n",
    "half of them": "id,pred_lat,pred_lon\na,48.8566,\nb,-33.9,151\nc,1e-7,1e-7\nd,0,0\n",
    "names": "id,city,state,country\na,Paris,,France\nb,Springfield,Illinois,USA\nc,,,\nd,Nowhereville,,\n",
    "responses": "id,response\n"
    f'a,"{THOUGHT}<answer>country: France\ncity: Paris</answer>"\n'
    'b,"I\'m sorry, but I cannot determine where this was taken."\n'
    'c,"{""city"": ""Tokyo"", ""country"": ""Japan"", ""lat"": 35.6, ""lon"": 139.7, ""confidence"": ""80%""}"\n'
    "d,\n",
}


def scored(folder: Path, answers: str, *more: str) -> Path:
    (folder / "truth.csv").write_text(TRUTH)
    (folder / "answers.csv").write_text(answers)
    run = folder / "run"
    arguments = ["score", folder / "answers.csv", "--truth", folder / "truth.csv", "-o", run, *more]
    assert main([str(a) for a in arguments]) in (0, 3)
    return run


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("kind", ANSWERS)
@pytest.mark.parametrize("more", [(), ("--distance", "haversine", "--seed", "7")], ids=["", "haversine"])
def test_a_scored_run_that_nothing_changed_is_the_same_to_the_byte(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, more: tuple[str, ...]
) -> None:
    run = scored(tmp_path, ANSWERS[kind], *more)
    incomplete = not record.read_results(run).complete
    before = content(run)
    capsys.readouterr()
    assert main(["rescore", str(run), "-o", str(tmp_path / "again")]) == (3 if incomplete else 0)
    assert "nothing changed" in capsys.readouterr().err
    assert content(run) == before
    assert content(tmp_path / "again") == before, "the samples, and a result with nothing but the same figures"


def test_a_run_of_a_model_is_the_same_to_the_byte(tmp_path: Path) -> None:
    texts = {
        "0": f"{THOUGHT}<answer>country: Japan\ncity: Kyoto</answer>",
        "1": "**City:** Lima\n**Country:** Peru",
        "2": "",
        "3": "It is most likely Oslo, Norway.",
        "4": "I cannot tell.",
    }
    from globe_eval import miniworld

    ids = [row["id"] for row in miniworld.photographs()[:7]]
    answers = tmp_path / "answers.jsonl"
    lines = [{"id": ids[int(i)], "response": text, "finish_reason": "stop"} for i, text in texts.items()]
    lines.append({"id": ids[5], "response": "<think>The sign says", "finish_reason": "length"})
    answers.write_text("".join(json.dumps(line) + "\n" for line in lines))
    arguments = ["--model", "replay", "--model_args", f"answers={answers}", "--tasks", "miniworld", "--limit", "7"]
    assert main([*arguments, "-o", str(tmp_path / "run")]) == 3, "the seventh has no answer"
    run = tmp_path / "run" / "miniworld"
    assert main(["rescore", str(run), "-o", str(tmp_path / "again")]) == 3
    assert (tmp_path / "again" / "samples.jsonl").read_bytes() == (run / "samples.jsonl").read_bytes()
    assert (tmp_path / "again" / "results.json").read_bytes() == (run / "results.json").read_bytes()
    again = record.read_samples(tmp_path / "again")
    assert again[6].error and "no answer for id" in again[6].error
    assert [one.status for one in again[4:]] == ["refused", "truncated", "error"]
    assert all(one.image_sha256 for one in again)


SAID = st.one_of(
    st.none(),
    st.text(st.characters(exclude_categories=()), max_size=60),
    st.builds("country: {}\ncity: {}".format, *[st.text(st.characters(exclude_categories=()), max_size=9)] * 2),
    st.builds("{}, {}".format, st.floats(-91, 91), st.floats(-181, 181)),
)


@settings(max_examples=40, deadline=None)
@given(
    texts=st.lists(SAID, min_size=1, max_size=6),
    truth=st.tuples(st.floats(-90, 90), st.floats(-180, 180)),
    form=st.sampled_from(ANSWER_FORMS),
)
def test_whatever_a_model_writes_is_read_again_as_it_was(
    texts: list[str | None], truth: tuple[float, float], form: AnswerForm
) -> None:
    samples = [
        Sample.of(str(i), Truth(*truth, "France", "Paris", f"g{i % 2}"), None if text is None else Response(text))
        for i, text in enumerate(texts)
    ]
    samples, results = assemble(empty_results("t", "1", form, "0" * 64, "m"), samples, started=datetime.now(UTC))
    with tempfile.TemporaryDirectory() as folder:
        record.write_run(Path(folder), samples, results)
        again = rescore(Path(folder))
        record.write_run(Path(folder) / "again", again.samples, again.results)
        assert (Path(folder) / "again" / "samples.jsonl").read_bytes() == (Path(folder) / "samples.jsonl").read_bytes()
    assert again.notes == ["nothing changed: every sample and figure is the same"]


def test_another_distance_is_computed_from_the_samples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = scored(tmp_path, ANSWERS["names"], "--distance", "haversine")
    before = content(run)
    capsys.readouterr()
    assert main(["rescore", str(run), "--distance", "geodesic", "-o", str(tmp_path / "again")]) == 0
    err = capsys.readouterr().err
    assert "distance was 'haversine', is 'geodesic'" in err and "median_km was " in err and "nothing changed" not in err
    for sample in record.read_samples(tmp_path / "again"):
        if sample.prediction:
            ends = sample.truth.lat, sample.truth.lon, sample.prediction.lat, sample.prediction.lon
            assert sample.distance_km == pytest.approx(Geodesic.WGS84.Inverse(*ends)["s12"] / 1000, abs=1e-6)
    assert content(run) == before
    assert main(["rescore", str(tmp_path / "again"), "--distance", "haversine", "-o", str(tmp_path / "back")]) == 0
    assert content(tmp_path / "back") == before


def test_a_seed_moves_intervals_alone(tmp_path: Path) -> None:
    run = scored(tmp_path, ANSWERS["names"].replace("c,,,", "c,Kyoto,,Japan"))
    again = rescore(run, seed=5)
    assert again.notes[0] == "seed was 0, is 5" and not any("photographs" in note for note in again.notes)
    old, new = record.read_results(run).metrics, again.results.metrics
    assert {name: figure.value for name, figure in old.items()} == {n: f.value for n, f in new.items()}


def test_what_an_older_version_scored_otherwise_is_named(tmp_path: Path) -> None:
    run = scored(tmp_path, ANSWERS["responses"], "--answer-form", "names")
    right = content(run)
    first, *others = right["samples.jsonl"].decode().splitlines(keepends=True)
    stale = json.loads(first) | {"status": "unparsed", "prediction": None, "distance_km": None}
    (run / "samples.jsonl").write_text(json.dumps(stale) + "\n" + "".join(others))
    results = json.loads(right["results.json"])
    results["parser_version"] = "0"
    results["metrics"]["acc@25km"]["value"] = 0.0
    results["metrics"].pop("geoscore")
    results["status"] |= {"city": results["status"]["city"] - 1, "unparsed": 1}
    for name, share in results["accuracy_by_distance"]["geodesic"].items():
        results["accuracy_by_distance"]["geodesic"][name] = share - 0.25
    (run / "results.json").write_text(json.dumps(results))
    again = rescore(run)
    assert again.notes[0].startswith("parser_version was '0', is ")
    assert "1 of 4 photographs are scored differently" in again.notes
    assert any(note.startswith("acc@25km was 0 (") for note in again.notes)
    assert not any(note.startswith("acc@1km") for note in again.notes)
    record.write_run(tmp_path / "again", again.samples, again.results)
    assert content(tmp_path / "again")["samples.jsonl"] == right["samples.jsonl"]


def test_another_part_of_a_response_can_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = scored(tmp_path, ANSWERS["responses"], "--answer-form", "names")
    assert [s.status for s in rescore(run, answer_form="coordinates").samples] == [
        "unparsed",
        "refused",
        "coordinates",
        "empty",
    ]
    run = scored(tmp_path, ANSWERS["coordinates"])
    capsys.readouterr()
    assert main(["rescore", str(run), "--answer-form", "names"]) == 2
    assert "no responses to read names from" in capsys.readouterr().err


def test_the_run_is_never_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = scored(tmp_path, ANSWERS["coordinates"])
    before, there = content(run), sorted(tmp_path.iterdir())
    assert main(["rescore", str(run), "--seed", "3"]) == 3
    assert content(run) == before and sorted(tmp_path.iterdir()) == there
    (tmp_path / "link").symlink_to(run)
    for output in (run, tmp_path / "link", run / ".." / "run"):
        capsys.readouterr()
        assert main(["rescore", str(run), "--seed", "3", "-o", str(output)]) == 2
        assert "the run itself" in capsys.readouterr().err
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "journal.jsonl").touch()
    assert main(["rescore", str(run), "-o", str(tmp_path / "other")]) == 2
    assert "journal of another run" in capsys.readouterr().err
    assert content(run) == before


def test_what_is_no_run_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rescore", str(tmp_path / "nothing")]) == 2
    assert "nothing: no such folder" in capsys.readouterr().err
