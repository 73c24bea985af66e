"""vLLM behind Ray Data, through the command line: a stand-in for vLLM, and one for Ray where it is not installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from ray_engine import CITIES, two_nodes
from ray_stub import Local

from globe_eval.cli import main
from globe_eval.models.ray_rows import EngineRequest

ROOT = Path(__file__).parents[2]
N = 24


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A benchmark of photographs in Paris, each of one colour."""
    folder = tmp_path_factory.mktemp("bench")
    for i in range(N):
        Image.new("RGB", (24, 16), (10 * i, 0, 0)).save(folder / f"{i:02}.png")
    rows = "".join(f"{i:02},{i:02}.png,48.8566,2.3522,Paris,France\n" for i in range(N))
    (folder / "truth.csv").write_text("id,image,lat,lon,city,country\n" + rows)
    (folder / "paris.yaml").write_text(
        f"task: paris\nclass: !function globe_eval.GeoTask\n"
        f"dataset_kwargs: {{truth: {folder / 'truth.csv'}, images: {folder}}}\nmetadata: {{version: 1}}\n"
    )
    return folder / "paris.yaml"


def words(model: str, task: Path, out: Path, **arguments: Any) -> list[str]:
    given = ",".join(f"{name}={value}" for name, value in {"pretrained": "weights", **arguments}.items())
    more = ["--model_args", given, "--device", "cpu"] if model != "Alone" else []
    return ["--model", f"ray_stub:{model}", *more, "--tasks", str(task), "-o", str(out)]


def samples(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "paris" / "samples.jsonl").read_text(encoding="utf-8").splitlines()]


def journal(out: Path) -> list[dict[str, Any]]:
    path = out / "paris" / "journal.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()[1:]]


def test_the_answers_are_those_of_one_process_whatever_their_order(task: Path, tmp_path: Path) -> None:
    assert main(words("Alone", task, tmp_path / "alone")) == 0
    assert main(words("Local", task, tmp_path / "ray")) == 0
    alone, ray = ((tmp_path / name / "paris" / "samples.jsonl").read_bytes() for name in ("alone", "ray"))
    assert ray == alone
    assert len({sample["response"] for sample in samples(tmp_path / "ray")}) > len(CITIES) / 2
    assert [entry["id"] for entry in journal(tmp_path / "ray")] == [f"{i:02}" for i in reversed(range(N))]


def test_what_was_answered_before_ray_gave_up_is_kept_and_not_asked_again(
    task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Local, "fails_after", 10)
    assert main(words("Local", task, tmp_path)) == 3
    assert "14 photographs unanswered: OSError: no node is left" in capsys.readouterr().err
    assert len(journal(tmp_path)) == 10
    monkeypatch.undo()
    assert main(words("Local", task, tmp_path, concurrency=7)) == 0
    ids = [entry["id"] for entry in journal(tmp_path)]
    assert sorted(ids) == [f"{i:02}" for i in range(N)], "each once"


def test_a_cluster_that_answers_nothing_is_one_line(
    task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Local, "fails_after", 0)
    assert main(words("Local", task, tmp_path)) == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith("OSError: no node is left")


def test_an_engine_that_fails_on_every_photograph_ends_the_run(
    task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Local, "engine_error", "ValueError: the prompt is longer than the model's context")
    assert main(words("Local", task, tmp_path)) == 2
    assert "fails on every photograph: ValueError: the prompt is longer" in capsys.readouterr().err
    assert len(journal(tmp_path)) < N


def test_a_picture_that_does_not_decode_is_one_photographs_error(task: Path, tmp_path: Path) -> None:
    picture = task.parent / "05.png"
    whole = picture.read_bytes()
    try:
        picture.write_bytes(whole[:40])
        assert main(words("Local", task, tmp_path)) == 3
        (lost,) = (sample for sample in samples(tmp_path) if sample["status"] == "error")
        assert lost["id"] == "05" and "05.png" in lost["error"]
    finally:
        picture.write_bytes(whole)
    before = len(journal(tmp_path))
    assert main(words("Local", task, tmp_path)) == 0
    assert len(journal(tmp_path)) == before + 1


@pytest.mark.parametrize(
    ("tokens", "text", "reason"),
    [
        (b"country", "country", "length"),
        (b"countr\0", "countr", "stop"),
        (b"count##", "count", "stop"),
        (b"city", "city", "stop"),
    ],
)
def test_only_an_answer_that_fills_its_limit_without_an_end_is_cut_off(tokens: bytes, text: str, reason: str) -> None:
    model = Local(pretrained="weights", device="cpu")
    row = {"index": 0, "error": "", "text": text, "tokens": list(tokens), "prompt_tokens": 3}
    response = model._response(row, EngineRequest("?", {"max_tokens": 7, "stop": ["##", "<end>"]}))
    assert (response, response.finish_reason, response.completion_tokens) == (text, reason, len(tokens))


def test_answers_that_are_sampled_have_seeds_of_their_own(task: Path, tmp_path: Path) -> None:
    asked = words("Local", task, tmp_path, seed=5)
    assert main([*asked, "--gen_kwargs", "temperature=0.5", "--repeats", "2"]) == 0
    assert len(journal(tmp_path)) == 2 * N
    model = Local(pretrained="weights", device="cpu", seed=5)
    instance = type("Request", (), {"args": ("?", {"do_sample": True, "temperature": 0.5}, {"visual": ["a"]})})()
    questions, items = model._questions([instance] * 3, [0, 1, 0])
    assert [question.sampling["seed"] for question in questions] == [5, 6]
    assert [item["question"] for item in items] == [0, 1, 0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [({"concurrency": 0}, "concurrency=0"), ({"batch_size": "many"}, "batch_size='many'")],
)
def test_arguments_out_of_range(
    task: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: dict[str, Any], said: str
) -> None:
    assert main(words("Local", task, tmp_path, **arguments)) == 2
    assert said in capsys.readouterr().err


@pytest.mark.skipif(find_spec("vllm") is not None, reason="vLLM is installed")
def test_without_vllm_it_is_said_what_to_install(
    task: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--model", "ray-vllm", "--tasks", str(task), "-o", str(tmp_path)]
    assert main([*asked, "--model_args", "pretrained=weights"]) == 2
    assert "pip install 'globe-eval[vllm]'" in capsys.readouterr().err
    assert main(asked) == 2
    assert "'pretrained' is missing" in capsys.readouterr().err


@pytest.mark.skipif(find_spec("ray") is None or find_spec("torch") is None, reason="Ray or torch is not installed")
def test_a_node_that_is_killed_costs_nothing(task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray itself on two nodes; nothing here waits for a time, and nothing is said about how fast it goes."""
    assert main(words("Alone", task, tmp_path / "alone")) == 0
    path = [str(ROOT), str(ROOT / "tests" / "helpers"), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))  # of the nodes, whose workers have it from them
    with two_nodes() as (address, kill_one):
        arguments = {"pretrained": tmp_path, "address": address, "concurrency": 2, "batch_size": 2, "seconds": 1}
        run = subprocess.Popen(
            [sys.executable, "-m", "globe_eval.cli", *words("Stub", task, tmp_path / "ray", **arguments)],
            stderr=subprocess.PIPE,
            text=True,
        )
        path_there = tmp_path / "ray" / "paris" / "journal.jsonl"
        while run.poll() is None and not (path_there.exists() and path_there.read_bytes().count(b"\n") > 3):
            time.sleep(0.05)
        kill_one()
        _, said = run.communicate()
    assert run.returncode == 0, said
    alone, ray = ((tmp_path / name / "paris" / "samples.jsonl").read_bytes() for name in ("alone", "ray"))
    assert ray == alone
