"""`globe-eval score --task`: the benchmark's own truth and reading, so that the result is of the benchmark."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from globe_eval import miniworld
from globe_eval.cli import main

CITIES = {"a": (48.8566, 2.3522, 0), "b": (-33.87, 151.21, 1), "c": (35.68, 139.69, 2)}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with a table of IM2GPS3K's columns."""
    monkeypatch.setenv("GLOBE_EVAL_DATA", str(tmp_path))
    (tmp_path / "im2gps3k").mkdir()
    rows = [f"{name},{lat},{lon},person {scene % 2},{scene}" for name, (lat, lon, scene) in CITIES.items()]
    (tmp_path / "im2gps3k" / "im2gps3k_places365.csv").write_text(
        "IMG_ID,LAT,LON,AUTHOR,S3_Label\n" + "\n".join(rows) + "\n"
    )
    return tmp_path


def scored(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[dict[str, Any], str]:
    assert main(["score", *map(str, arguments), "--format", "json"]) == 0
    captured = capsys.readouterr()
    return json.loads(captured.out), captured.err


def test_the_truth_is_the_benchmarks_with_its_scenes(capsys: pytest.CaptureFixture[str], data: Path) -> None:
    answers, truth = data / "answers.csv", data / "im2gps3k" / "im2gps3k_places365.csv"
    answers.write_text('id,response\na,country: France\\ncity: Paris\nb,Sydney\nc,"country: Japan\ncity: Tokyo"\n')
    found, told = scored(capsys, answers, "--task", "im2gps3k")
    assert f"truth: {truth}, of im2gps3k" in told and "im2gps3k has 2,997 photographs, this truth 3" in told
    assert (found["task"], found["answer_form"], found["n"], found["n_groups"]) == ("im2gps3k", "names", 3, 2)
    assert list(found["breakdowns"]["scene"]) == ["indoor", "natural", "urban"]
    named, _ = scored(capsys, answers, "--task", "im2gps3k", "--truth", truth)
    assert named["manifest_sha256"] == found["manifest_sha256"], "however the truth was found"
    plain, _ = scored(capsys, answers, "--truth", truth, "--answer-form", "names")
    assert plain["manifest_sha256"] != found["manifest_sha256"], "without the task nobody knows what S3_Label means"


def test_a_subset_is_the_subset(capsys: pytest.CaptureFixture[str], data: Path) -> None:
    answers = data / "answers.csv"
    answers.write_text("id,response\na,Paris\nb,Sydney\nc,Tokyo\n")
    found, _ = scored(capsys, answers, "--task", "im2gps3k_outdoor", "--skip-unknown-ids")
    assert found["n"] == 2 and "indoor" not in found["breakdowns"]["scene"]


def test_coordinates_for_a_task_of_names_are_scored_as_what_they_are(
    capsys: pytest.CaptureFixture[str], data: Path
) -> None:
    answers = data / "answers.csv"
    answers.write_text("id,pred_lat,pred_lon\n" + "".join(f"{n},{at[0]},{at[1]}\n" for n, at in CITIES.items()))
    found, told = scored(capsys, answers, "--task", "im2gps3k")
    assert found["answer_form"] == "coordinates" and found["acc@1km"] == 1.0
    assert "im2gps3k asks for names, these answers are coordinates: a ranking of its own" in told
    _, told = scored(capsys, answers, "--task", "im2gps3k_coordinates")
    assert "a ranking of its own" not in told
    assert main(["score", str(answers), "--task", "im2gps3k", "--answer-form", "names"]) == 2
    assert "--answer-form names: found columns of coordinates; allowed: coordinates" in capsys.readouterr().err


def test_an_answers_file_with_its_own_truth_needs_no_data_folder(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLOBE_EVAL_DATA", str(tmp_path / "nothing"))
    (tmp_path / "answers.csv").write_text("id,gt_lat,gt_lon,pred_lat,pred_lon\na,1,2,1,2\n")
    found, told = scored(capsys, tmp_path / "answers.csv", "--task", "im2gps3k_coordinates")
    assert found["acc@1km"] == 1.0 and "truth:" not in told
    (tmp_path / "answers.csv").write_text("id,pred_lat,pred_lon\na,1,2\n")
    assert main(["score", str(tmp_path / "answers.csv"), "--task", "im2gps3k"]) == 2
    assert "its truth, is neither here nor in" in capsys.readouterr().err


def test_the_embedded_benchmark_has_its_truth_with_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rows = miniworld.photographs()
    lines = [json.dumps({"id": row["id"], "city": row["city"], "country": row["country"]}) for row in rows]
    (tmp_path / "answers.jsonl").write_text("\n".join(lines) + "\n")
    found, _ = scored(capsys, tmp_path / "answers.jsonl", "--task", "miniworld")
    assert found["n"] == 300 and found["city_accuracy"] == 1.0
    assert found["n_groups"] == len({row["group"] for row in rows})


def test_details_show_licence_form_and_the_ceiling(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLOBE_EVAL_DATA", str(tmp_path))
    assert main(["ls", "tasks", "--details"]) == 0
    shown = {text.split()[0]: text for text in capsys.readouterr().out.split("\n\n")}
    assert "Apache-2.0" in shown["miniworld"] and " / 96" in shown["miniworld"]
    assert "prepare it to know" in shown["gws15k"] and "coordinates: 100 %" in shown["gws15k"]


def test_entities_in_a_file_of_their_own_belong_to_the_truth(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLOBE_EVAL_DATA", str(tmp_path))
    benchmark, answers = tmp_path / "towns.yaml", tmp_path / "answers.jsonl"
    benchmark.write_text(
        "task: towns\nclass: !function globe_eval.GeoTask\n"
        "dataset_kwargs: {truth: towns.csv, images: ., entities: seen.json}\nmetadata: {version: 1}\n"
    )
    (tmp_path / "towns.csv").write_text("id,lat,lon\na,48.8566,2.3522\nb,51.5,-0.12\n")
    response = "<think>A red bus passes a church.</think><answer>country: France\ncity: Paris</answer>"
    answers.write_text("".join(json.dumps({"id": name, "response": response}) + "\n" for name in "ab"))
    assert main(["score", str(answers), "--task", str(benchmark)]) == 2
    assert "task 'towns': 'seen.json', its entities, is neither here nor in" in capsys.readouterr().err
    (tmp_path / "seen.json").write_text(json.dumps({"a": ["bus", "palm tree"], "b": ["church"]}))
    found, _ = scored(capsys, answers, "--task", benchmark)
    assert found["grounding_recall"] == pytest.approx((0.5 + 1.0) / 2)
    (tmp_path / "seen.json").write_text(json.dumps({"a": ["bus"], "b": ["church"]}))
    assert scored(capsys, answers, "--task", benchmark)[0]["manifest_sha256"] != found["manifest_sha256"]
