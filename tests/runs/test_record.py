from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import math
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest

import globe_eval as ge
from globe_eval import sample
from globe_eval.errors import InputError
from globe_eval.models.response import Response
from globe_eval.reports.page.joined import join_runs
from globe_eval.runs import record
from globe_eval.runs.assemble import assemble, empty_results
from globe_eval.runs.rescore import rescore
from globe_eval.sample import Sample, Truth

ARGUMENTS = {"api_key": "sk-planted", "base_url": "http://u:pw@h/v1"}
SETTING = empty_results("t", "1", "coordinates", "0" * 64, "m", model_args=ARGUMENTS)
TRUTHS = {"a": Truth(10.0, 20.0, group="p"), "b": Truth(-10.0, 179.0, group="q")}


def samples(*texts: str | None) -> list[Sample]:
    return [
        Sample.of(name, truth, Response(error="no answer") if text is None else Response(text))
        for (name, truth), text in zip(TRUTHS.items(), texts, strict=True)
    ]


def written(folder: Path, *texts: str | None) -> tuple[str, dict]:
    scored, results = assemble(SETTING, samples(*texts), started=datetime.now(UTC))
    record.write_run(folder, scored, results)
    assert record.read_samples(folder) == scored and record.read_results(folder) == results
    return (folder / "samples.jsonl").read_text(), json.loads((folder / "results.json").read_text())


def test_the_shipped_json_schemas_are_the_models() -> None:
    folder = Path(sample.__file__).parent / "schema"
    for name, schema in sample.json_schemas().items():
        assert json.loads((folder / name).read_text()) == schema, "run `make schema`"


def test_what_is_written_fits_the_shipped_schema_and_is_read_back(tmp_path: Path) -> None:
    samples, results = written(tmp_path, "10.0, 20.0", None)
    schemas = sample.json_schemas()
    jsonschema.validate(results, schemas["results.schema.json"])
    for line in samples.splitlines():
        jsonschema.validate(json.loads(line), schemas["sample.schema.json"])
    assert [s.status for s in record.read_samples(tmp_path)] == ["coordinates", "error"]
    assert record.read_results(tmp_path).complete is False


READERS: dict[str, Callable[[Path], object]] = {
    "compare and export": ge.read_run,
    "report": lambda folder: join_runs([folder]),
    "rescore": rescore,
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@pytest.mark.parametrize(
    "other, told",
    [
        (("10.0, 20.0", "I cannot tell."), "has 2 photographs of status coordinates, results.json is of 1"),
        (("10.0, 20.0", "-20.0, 170.0"), "has 2 photographs within 200 km, results.json is of 1"),
        (("10.0, 20.0", "-9.0, 178.0"), "GeoScore"),
    ],
)
def test_results_of_other_samples_are_refused(
    tmp_path: Path, read: Callable[[Path], object], other: tuple[str, str], told: str
) -> None:
    written(tmp_path / "other", *other)
    written(tmp_path, "10.0, 20.0", "-9.0, 179.0")
    read(tmp_path)
    (tmp_path / "other" / "results.json").rename(tmp_path / "results.json")
    with pytest.raises(InputError, match=r"^[^\n]+: they are not of one run; [^\n]+$") as error:
        read(tmp_path)
    assert told in str(error.value)


def test_infinite_and_missing_are_null_and_never_zero(tmp_path: Path) -> None:
    samples, results = written(tmp_path, "10.0, 20.0", "I cannot tell.")
    assert json.loads(samples.splitlines()[1])["distance_km"] is None
    assert results["metrics"]["mean_km"]["value"] is None
    assert results["metrics"]["median_km"]["value"] is None
    assert results["metrics"]["acc@25km"]["value"] == 0.5
    for token in ("NaN", "Infinity"):
        assert token not in (tmp_path / "results.json").read_text()


def test_secrets_are_not_written(tmp_path: Path) -> None:
    written(tmp_path, "10.0, 20.0", "1, 2")
    text = (tmp_path / "results.json").read_text() + (tmp_path / "samples.jsonl").read_text()
    assert "sk-planted" not in text and "pw@" not in text


def test_the_same_answers_give_the_same_bytes(tmp_path: Path) -> None:
    one, _ = written(tmp_path / "one", "10.5, 20.25", "1, 2")
    two, _ = written(tmp_path / "two", "10.5, 20.25", "1, 2")
    assert one == two


def test_lone_surrogates_do_not_lose_the_run(tmp_path: Path) -> None:
    samples, _ = written(tmp_path, "10.0, 20.0 \ud800", "1, 2")
    assert "\\\\ud800" in samples


def test_a_failed_write_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, _ = written(tmp_path, "10.0, 20.0", "1, 2")

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("globe_eval.files.os.fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        written(tmp_path, "10.0, 20.0", "3, 4")
    assert (tmp_path / "samples.jsonl").read_text() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["results.json", "samples.jsonl"]


def test_a_tampered_file_is_named(tmp_path: Path) -> None:
    written(tmp_path, "10.0, 20.0", "1, 2")
    path = tmp_path / "samples.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[1].replace('"status":"coordinates"', '"status":"fine"')]))
    with pytest.raises(InputError, match=r"samples\.jsonl, line 2: status"):
        record.read_samples(tmp_path)
    path.write_bytes(lines[0].encode() + b"\n\xff\n")
    with pytest.raises(InputError, match=r"samples\.jsonl, line 2: "):
        record.read_samples(tmp_path)


def test_accuracies_stand_there_under_both_distances(tmp_path: Path) -> None:
    _, results = written(tmp_path, "10.0, 20.0", "1, 2")
    both = results["accuracy_by_distance"]
    assert set(both) == {"geodesic", "haversine"}
    assert both["geodesic"]["acc@25km"] == results["metrics"]["acc@25km"]["value"]
    assert math.isclose(both["haversine"]["acc@25km"], 0.5)


def test_records_are_written_as_their_annotations_say() -> None:
    """What writes them is made without pydantic's reading of the annotations, which is the reference here."""
    figure = sample.Figure(math.nan, 1e-7, math.inf, 3, 2)
    full = Sample.of(
        "ä\u2028", Truth(1e-7, -180.0, entities=("a",), disclosure="city"), "said", image_sha256="0" * 64
    ).but(
        answer=sample.Answer(city="Ä", reasoning="not written", status="refused", p_yes=1 / 3),
        prediction=sample.Prediction(0.1, 1e2, "city", "FR", 1, "x"),
        own={"a": math.nan, "b": 1e22, "c": None},
        grounding=sample.Grounding(covered=True, cues=("a", "b"), hallucinated=()),
        consistency=sample.Consistency("consistent", distance_km=0.0),
        localizability=sample.Localizability(0.5, True, "stated"),
        format=sample.Format(1.0, 0.0, False, 3),
        judge=sample.Judgement({"tree": "evidence"}, "x"),
    )
    accuracy = sample.RepeatedAccuracy(
        mean=0.5, low=math.nan, high=0.6, sd_between_seeds=0.1, pass_at={"1": 0.5}, majority=None, medoid=0.2
    )
    judge = sample.JudgeAgreement("m", "0" * 64, 0, 1, 1, 0, 0.5, 0.25, 0.25, 1.0, None)
    whole = dataclasses.replace(
        SETTING,
        metrics={"x": figure},
        breakdowns={"scene": {"road": sample.Stratum(1, 1, {"x": figure})}},
        usage=sample.Usage(1, None, 0.25, None, None, None, 0),
        images=sample.Images(1, 2),
        clean=sample.WithoutOverlap(1, 2, {"x": figure}),
        thresholds_km=(0.5,),
        reasoning=sample.ReasoningCounts(1, 2, 3, 4, 5, {"stated": 1}, {"25km": [(0.5, 0.25)]}),
        judge=judge,
        repeats=sample.Repeats(n=2, n_errors=0, accuracy={"acc@1km": accuracy}),
        served=sample.ServedBy(models={"m": 2}),
    )
    unanswered = dataclasses.replace(whole, judge=dataclasses.replace(judge, reason="why"), repeats=None, served=None)
    for one in (full, *samples("10.0, 20.0", None), SETTING, whole, unanswered):
        reference = sample.adapter(type(one))
        for indent in (None, 2):
            assert sample.to_json(one, indent=indent) == reference.dump_json(one, indent=indent)


def test_the_commit_of_a_checkout_says_whether_it_was_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*words: str) -> str:
        who = ("-c", "user.name=n", "-c", "user.email=n@example.org")
        return subprocess.run(["git", "-C", tmp_path, *who, *words], capture_output=True, text=True, check=True).stdout

    module = tmp_path / "globe_eval" / "runs" / "record.py"
    module.parent.mkdir(parents=True)
    module.write_text("")
    monkeypatch.setattr(record, "__file__", str(module))
    assert record.git_commit() is None  # no checkout
    git("init", "-q")
    assert record.git_commit() is None  # without a commit
    git("add", ".")
    git("commit", "-qm", "first")
    head = git("rev-parse", "HEAD").strip()
    assert record.git_commit() == head and len(head) == 40
    (tmp_path / "untracked").write_text("")
    module.touch()
    assert record.git_commit() == head
    module.write_text("# changed")
    assert record.git_commit() == f"{head}-dirty"
    git("commit", "-qam", "second")
    assert record.git_commit() not in (head, None)


def test_versions_of_packages_are_those_that_they_state() -> None:
    found = record.package_versions()
    assert {"globe-eval", "numpy", "pyproj", "shapely"} <= found.keys()
    assert all(importlib.metadata.version(name) == version for name, version in found.items() if name != "globe-eval")
