from __future__ import annotations

import csv
import importlib.util
import io
import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas
import pytest
import yaml
from huggingface_hub import ModelCard, parse_eval_result_entries

from globe_eval import cli
from globe_eval.commands import export as export_command
from globe_eval.metrics.intervals import spread
from globe_eval.reports.export.publishable import model_id, public, standard_errors
from globe_eval.reports.run import read_run
from globe_eval.runs import record
from globe_eval.runs.assemble import assemble, empty_results
from globe_eval.sample import Sample, Truth

SETTING = empty_results(
    "mp16_reason_test", "1", "coordinates", "0" * 64, "vllm-vlm",
    model_args={"pretrained": "globe-project/GLOBE-Qwen2.5VL-7B", "api_key": "sk-secret", "dtype": "half",
                "download_dir": "/home/alice/models", "base_url": "http://gpu7.internal:8000/v1"},
    model_info={"revision": "abc"}, prompt="Where is this?", prompt_sha256="1" * 64,
    decoding={"do_sample": False, "temperature": 0.0, "max_gen_toks": 1024},
)  # fmt: skip
HIDDEN = ("sk-secret", "alice", "gpu7", "00000001@N00", "annie", "I believe")


def folder(tmp_path: Path, *, missing: int = 3, error: bool = False, **setting: Any) -> Path:
    """A run of 60 photographs by 15 people whose names and ids are nobody's business."""
    truths = [Truth(48.0 + i / 10, 2.3522, group=f"annie {i % 15}", scene="urban") for i in range(60)]
    km = [[1, 10, 100, 900][(i * 7) % 4] * (1 + i / 100) for i in range(60)]
    texts: list[str | None] = [
        f"I believe {truth.lat + far / 111.2:.5f}, {truth.lon}" for truth, far in zip(truths, km, strict=True)
    ]
    texts[:missing] = ["I cannot tell where this is, sorry."] * missing
    ids = [f"{i}_00000001@N00.jpg" for i in range(60)]
    samples = [Sample.of(*one) for one in zip(ids, truths, texts, strict=True)]
    if error:
        samples[-1] = Sample.of(ids[-1], truths[-1], error="HTTP 500")
    started = datetime(2026, 11, 25, 12, tzinfo=UTC)
    samples, results = assemble(replace(SETTING, **setting), samples, started=started)
    record.write_run(tmp_path / "run", samples, results)
    return tmp_path / "run"


def export(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = cli.main(["export", *map(str, words)])
    return code, *capsys.readouterr()


@pytest.mark.parametrize("to", ["model-card", "eval-results", "lm-eval"])
def test_no_name_id_path_address_response_or_key_leaves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], to: str
) -> None:
    run = folder(tmp_path)
    whole = (run / "samples.jsonl").read_text() + (run / "results.json").read_text()
    assert all(word in whole for word in HIDDEN if word != "sk-secret"), "there is something to hide"
    code, out, _ = export(capsys, run, "--to", to)
    assert code == 0 and ("acc@25km" in out or "within_25km" in out)
    assert not [word for word in HIDDEN if word in out]
    again = export(capsys, run, "--to", to)[1]
    assert again == out, "the same run gives the same bytes"


def test_the_model_card_is_read_back_by_the_hubs_own_class(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = folder(tmp_path)
    code, out, _ = export(capsys, run, "--to", "model-card", "--source_url", "https://example.org/run")
    card = ModelCard(out + "\n# A model\n")
    found = {one.metric_type: one for one in card.data.eval_results or []}
    results = record.read_results(run)
    figure = results.metrics["acc@25km"]
    assert code == 0 and card.data.model_name == "globe-project/GLOBE-Qwen2.5VL-7B"
    assert figure.value is not None and figure.low is not None
    assert found["acc@25km"].metric_value == round(100 * figure.value, 2)
    assert found["acc@25km"].metric_args["interval_95"][0] == round(100 * figure.low, 2)
    assert found["acc@25km"].dataset_type == "globe-project/MP16-Reason"
    assert found["acc@25km"].metric_args["higher_is_better"] is True
    assert found["median_km"].metric_args["higher_is_better"] is False
    assert found["acc@25km"].source_url == "https://example.org/run"
    assert found["acc@25km"].dataset_args["answer_form"] == "coordinates"
    assert "mean_km" not in found, "three answers are missing, the mean is infinite: no figure"


def test_eval_results_are_read_back_by_the_hubs_own_function(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = folder(tmp_path)
    code, _, err = export(capsys, run, "--to", "eval-results", "-o", tmp_path / "out")
    path = tmp_path / "out" / ".eval_results" / "mp16_reason_test.yaml"
    entries = parse_eval_result_entries(yaml.safe_load(path.read_text(encoding="utf-8")))
    assert code == 0 and str(path) in err
    assert [entry.task_id.removeprefix("mp16_reason_test_") for entry in entries] == [
        "within_1km", "within_25km", "within_200km", "within_750km", "within_2500km", "median_km",
    ]  # fmt: skip
    assert {entry.dataset_id for entry in entries} == {"globe-project/MP16-Reason"}
    assert "lower is better" in str(entries[-1].notes) and "higher is better" in str(entries[0].notes)
    value = record.read_results(run).metrics["acc@25km"].value
    assert value is not None and entries[1].value == round(100 * value, 2)


DOCUMENTED = {
    "eval.yaml": {"name", "description", "evaluation_framework", "tasks"},
    "task": {"id", "config", "split"},
    "entry": {"dataset", "value", "verifyToken", "date", "source", "evaluation_framework", "notes"},
    "dataset": {"id", "task_id", "revision"},
}
"""The keys of huggingface.co/docs/hub/eval-results (hub-docs, docs/hub/eval-results.md at 064c754)."""


def test_results_and_benchmark_are_of_the_documented_form_and_name_the_same_tasks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = export(capsys, "mp16_reason_test", "--to", "eval-yaml")
    about = yaml.safe_load(out)
    assert code == 0 and about.keys() == DOCUMENTED["eval.yaml"] and about["evaluation_framework"] == "globe-eval"
    assert all(one.keys() == DOCUMENTED["task"] for one in about["tasks"])
    assert {(one["config"], one["split"]) for one in about["tasks"]} == {("default", "test")}
    sha = "5503434ddd753f426f4b38109466949a1217c2bb"
    code, out, _ = export(capsys, folder(tmp_path), "--to", "eval-results", "--dataset_revision", sha)
    entries = yaml.safe_load(out)
    assert code == 0 and [one["dataset"]["task_id"] for one in entries] == [one["id"] for one in about["tasks"]]
    for one in entries:
        assert one.keys() <= DOCUMENTED["entry"] and one["dataset"].keys() <= DOCUMENTED["dataset"]
        assert (one["evaluation_framework"], one["dataset"]["revision"]) == ("globe-eval", sha)
    assert yaml.safe_load(export(capsys, "mp16_reason_train", "--to", "eval-yaml")[1])["tasks"][0]["split"] == "train"


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("globe", "--to", "eval-yaml"), "globe is a group"),
        (("im2gps3", "--to", "eval-yaml"), "did you mean 'im2gps3k'"),
        (("RUN", "--to", "eval-results", "--dataset_revision", "main"), "--dataset_revision: found 'main'; allowed: a"),
        (("RUN", "--to", "csv", "--dataset_revision", "0" * 40), "only --to eval-results has one, found --to csv"),
    ],
)
def test_what_the_hub_could_not_use_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], error: str
) -> None:
    run = folder(tmp_path)
    code, out, err = export(capsys, *(run if word == "RUN" else word for word in words))
    assert (code, out) == (2, "") and error in err and err.count("\n") == 1


def test_a_benchmark_without_data_set_on_the_hub_is_named_or_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = folder(tmp_path, task="im2gps3k")
    code, out, err = export(capsys, run, "--to", "eval-results")
    assert (code, out) == (2, "") and "--dataset_id" in err and err.count("\n") == 1
    code, out, _ = export(capsys, run, "--to", "eval-results", "--dataset_id", "me/im2gps3k")
    assert code == 0 and "id: me/im2gps3k" in out


def test_lm_evals_own_tools_read_its_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from lm_eval import utils

    run = folder(tmp_path)
    code, _, _ = export(capsys, run, "--to", "lm-eval", "-o", tmp_path / "out")
    (path,) = (tmp_path / "out").rglob("*.json")
    assert code == 0 and path.parent.name == utils.sanitize_model_name("globe-project/GLOBE-Qwen2.5VL-7B")
    names = utils.get_results_filenames([path.as_posix()])
    when = utils.get_file_datetime(utils.get_latest_filename(names)).removesuffix(".json")
    assert datetime.strptime(when, "%Y-%m-%dT%H-%M-%S.%f") == datetime(2026, 11, 25, 12)
    whole = json.loads(path.read_text(encoding="utf-8"))
    table = [line.split("|") for line in utils.make_table(whole).splitlines()]
    lines = {cells[5].strip(): cells for cells in table}
    value = record.read_results(run).metrics["acc@25km"].value
    assert float(lines["acc@25km"][7]) == pytest.approx(value, abs=5e-5)
    assert lines["acc@25km"][6].strip() == "↑" and lines["median_km"][6].strip() == "↓"
    # What Every Eval Ever's own converter asks of such a file: `higher_is_better.get(name, True)`.
    assert whole["higher_is_better"]["mp16_reason_test"]["median_km"] is False
    assert whole["n-samples"]["mp16_reason_test"]["effective"] == 60
    assert whole["config"]["model_args"] == {
        "pretrained": "globe-project/GLOBE-Qwen2.5VL-7B", "api_key": "(removed)", "dtype": "half",
        "download_dir": "models", "base_url": "(removed)",
    }  # fmt: skip


CONVERTER = """
import json, sys
from every_eval_ever.converters.lm_eval.adapter import LMEvalAdapter
(log,) = LMEvalAdapter().transform_from_directory(sys.argv[1], {"source_organization_name": "Us"})
print(log.model_dump_json())
"""


def test_every_eval_evers_own_converter_reads_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    python = os.environ.get("GLOBE_EVERY_EVAL_EVER", sys.executable)
    if subprocess.run([python, "-c", "import every_eval_ever"], capture_output=True).returncode:
        pytest.skip("no every-eval-ever (Python 3.12); GLOBE_EVERY_EVAL_EVER names the Python that has it")
    run = folder(tmp_path)
    assert export(capsys, run, "--to", "lm-eval", "-o", tmp_path / "out")[0] == 0
    done = subprocess.run([python, "-c", CONVERTER, tmp_path / "out"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    log = json.loads(done.stdout)
    found = {one["metric_config"]["metric_name"]: one for one in log["evaluation_results"]}
    results = record.read_results(run)
    assert found["acc@25km"]["score_details"]["score"] == results.metrics["acc@25km"].value
    uncertainty = found["acc@25km"]["score_details"]["uncertainty"]
    assert uncertainty["num_samples"] == 60 and 0 < uncertainty["standard_error"]["value"] < 0.2
    assert {name: one["metric_config"]["lower_is_better"] for name, one in found.items()} == {
        name: not metric.higher_is_better for name, metric in read_run(run).metrics.items() if name in found
    }
    assert found["median_km"]["metric_config"]["lower_is_better"] and "n_words" not in found
    assert log["model_info"]["id"] == "globe-project/GLOBE-Qwen2.5VL-7B"


def test_samples_are_a_table_for_other_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = folder(tmp_path)
    samples = sorted(record.read_samples(run), key=lambda sample: sample.id)
    rows = list(csv.DictReader(io.StringIO(export(capsys, run, "--to", "csv")[1])))
    assert [row["id"] for row in rows] == [sample.id for sample in samples]
    km = [float(row["distance_km"]) if row["distance_km"] else None for row in rows]
    assert km == [sample.distance_km for sample in samples]
    assert {row["truth.scene"] for row in rows} == {"urban"} and {row["truth.city"] for row in rows} == {""}
    assert [int(float(row["format.n_words"])) for row in rows] == [sample.format.n_words for sample in samples]  # type: ignore[union-attr]
    assert export(capsys, run, "--to", "parquet", "-o", tmp_path)[0] == 0
    assert export(capsys, run, "--to", "parquet", "-o", tmp_path / "new" / "mine.parquet")[0] == 0
    assert (tmp_path / "new" / "mine.parquet").read_bytes() == (tmp_path / "samples.parquet").read_bytes()
    frame = pandas.read_parquet(tmp_path / "samples.parquet")
    assert list(frame) == list(rows[0]) and frame["truth.group"].nunique() == 15
    assert frame["distance_km"].dtype == float and frame["distance_km"].isna().sum() == 3
    assert frame["distance_km"].dropna().tolist() == [one for one in km if one is not None]


def test_the_standard_error_is_that_of_the_mean_by_photographer(tmp_path: Path) -> None:
    run = read_run(folder(tmp_path))
    hits = run.values["acc@25km"]
    alone = float(hits.std() / math.sqrt(len(hits)))  # of as many independent photographs
    found = standard_errors(run)
    assert alone <= found["acc@25km"] <= 1.3 * alone  # 15 people with 4 each: here they differ no more than by chance
    assert found["acc@25km"] == pytest.approx(spread(hits, run.table["truth.group"].tolist()).standard_error)
    assert "mean_km" not in found and "median_km" not in found


@pytest.mark.parametrize("to", ["model-card", "eval-results"])
@pytest.mark.parametrize(
    ("setting", "code", "words"),
    [
        ({"limit": 60.0}, 2, "a run with --limit 60 is not published"),
        ({"shard": "1/2"}, 2, "globe-eval merge"),
        ({"task": "score"}, 2, "globe-eval score --task NAME"),
        ({"error": True}, 3, "1 of 60 photographs were never answered"),
    ],
)
def test_what_is_not_the_whole_benchmark_is_not_published(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], to: str, setting: dict[str, Any], code: int, words: str
) -> None:
    run = folder(tmp_path, **setting)
    found, out, err = export(capsys, run, "--to", to, "--dataset_id", "a/b")
    assert (found, out) == (code, "") and words in err and err.count("\n") == 1


def test_half_of_the_answers_missing_leaves_the_median_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = folder(tmp_path, missing=31)
    for to, entry in (
        ("model-card", "type: median_km"),
        ("lm-eval", "median_km,none"),
    ):
        code, out, _ = export(capsys, run, "--to", to)
        assert code == 0 and entry not in out and entry.replace("median_km", "geoscore") in out


def test_unknown_words_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = folder(tmp_path)
    for words, expected in (
        (("--to", "xlsx"), "invalid choice: 'xlsx'"),
        (("--to", "lm-eval", "--tracker_args", "project=x"), "only --to wandb and --to trackio take it"),
        ((), "--to"),
    ):
        code, out, err = export(capsys, run, *words)
        assert (code, out) == (2, "") and expected in err
    assert export(capsys, tmp_path / "nothing", "--to", "lm-eval")[0] == 2


@pytest.fixture
def loggers() -> Any:
    """lm-eval's module itself, where `benchmarks.deferred` has put off its import in an earlier test."""
    from lm_eval import loggers

    assert loggers.WandbLogger
    return sys.modules["lm_eval.loggers"]


@pytest.mark.parametrize("tracker", ["wandb", "trackio"])
def test_trackers_get_figures_through_lm_evals_loggers_and_no_samples(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, loggers: Any, tracker: str
) -> None:
    calls: list[Any] = []

    class Logger:
        def __init__(self, init_args: dict[str, Any]) -> None:
            calls.append(init_args)
            self.run = self

        def post_init(self, found: dict[str, Any]) -> None:
            calls.append(found)

        def log_eval_result(self) -> None:
            calls.append("logged")

        def finish(self) -> None:
            calls.append("finished")

    monkeypatch.setattr(loggers, {"wandb": "WandbLogger", "trackio": "TrackioLogger"}[tracker], Logger)
    monkeypatch.setattr(export_command, "find_spec", lambda name: name)
    code, out, err = export(capsys, folder(tmp_path), "--to", tracker, "--tracker_args", "project=globe,name=one")
    assert (code, out, err) == (0, "", f"globe-eval: sent to {tracker}\n")
    init, found, *rest = calls
    assert init == {"project": "globe", "name": "one"} and rest == ["logged", "finished"]
    assert "acc@25km,none" in found["results"]["mp16_reason_test"] and "samples" not in found
    assert not [word for word in HIDDEN if word in json.dumps(found)]


def test_a_tracker_that_is_not_there_or_fails_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, loggers: Any
) -> None:
    run = folder(tmp_path)
    monkeypatch.setattr(export_command, "find_spec", lambda name: None)
    code, _, err = export(capsys, run, "--to", "wandb")
    assert code == 2 and "pip install 'globe-eval[track]'" in err and err.count("\n") == 1

    def refuse(init_args: dict[str, Any]) -> None:
        raise RuntimeError("api_key not configured\n(no-tty)")

    monkeypatch.setattr(export_command, "find_spec", lambda name: name)
    monkeypatch.setattr(loggers, "WandbLogger", refuse)
    code, _, err = export(capsys, run, "--to", "wandb")
    assert code == 2 and "--to wandb: api_key not configured (no-tty)" in err and err.count("\n") == 1


@pytest.mark.parametrize("tracker", ["wandb", "trackio"])
def test_the_real_trackers_work_offline(tmp_path: Path, tracker: str) -> None:
    if importlib.util.find_spec(tracker) is None:
        pytest.skip(f"{tracker} is not installed")
    run = folder(tmp_path)
    environment = os.environ | {
        "WANDB_MODE": "offline", "WANDB_DIR": str(tmp_path), "WANDB_SILENT": "true",
        "TRACKIO_DIR": str(tmp_path / "trackio"), "HF_HUB_OFFLINE": "1",
    }  # fmt: skip
    command = [sys.executable, "-m", "globe_eval.cli", "export", str(run), "--to", tracker]
    done = subprocess.run(
        [*command, "--tracker_args", "project=globe,name=one"],
        env=environment, capture_output=True, text=True, timeout=300, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"sent to {tracker}" in done.stderr
    files = [path for path in tmp_path.rglob("*") if path.is_file() and run not in path.parents]
    assert any(tracker in path.as_posix() for path in files)
    written = b"".join(path.read_bytes() for path in files)
    assert b"acc@25km" in written
    assert not [word for word in HIDDEN if word.encode() in written]


def test_a_models_id_is_the_hubs_where_it_has_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    (tmp_path / "out/sft").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)

    def of(args: dict[str, Any], info: dict[str, Any] | None = None) -> str:
        return model_id(SimpleNamespace(model="endpoint", model_args=args, model_info=info or {}))  # type: ignore[arg-type]

    assert of({"pretrained": "Qwen/Qwen2.5-VL-7B-Instruct"}) == "Qwen/Qwen2.5-VL-7B-Instruct"
    assert of({"base_url": "http://x/v1"}, {"model": "org/served"}) == "org/served"
    assert of({"model": "gpt-5"}) == "endpoint gpt-5"
    assert of({"pretrained": "/home/alice/models/mine"}) == "endpoint mine"
    assert of({"pretrained": "out/sft"}) == "endpoint sft", "a folder that is here has no id on the hub"
    assert public({"pretrained": "out/sft"}) == {"pretrained": "sft"}
    assert of({}) == "endpoint"


def test_what_is_public_of_arguments() -> None:
    assert public({"a": ["/x/y", {"b": "C:\\models\\me\\z", "hf_token": "t"}], "n": 1, "m": None, "half": "a/b"}) == {
        "a": ["y", {"b": "z", "hf_token": "(removed)"}], "n": 1, "m": None, "half": "a/b",
    }  # fmt: skip
