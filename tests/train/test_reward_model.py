from __future__ import annotations

import asyncio
import json
import math
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from globe_eval.errors import InputError
from globe_train import reward_model
from globe_train.cli import main

PICTURE = Image.new("RGB", (28, 28), (10, 20, 30))


class Judge(ThreadingHTTPServer):
    """An OpenAI-compatible server that says yes as often as `answers` tells it, or fails where that is None."""

    answers: dict[str, float | None]
    asked: list[dict[str, Any]]


class Handler(BaseHTTPRequestHandler):
    server: Judge

    def do_GET(self) -> None:
        self.reply({"data": [{"id": "r_loc"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body)
        text = body["messages"][1]["content"][1]["text"]
        p = self.server.answers[text]
        if p is None:
            self.send_error(500)
            return
        top = [{"token": " Yes", "logprob": math.log(p)}, {"token": "no", "logprob": math.log(1 - p)}]
        self.reply({"choices": [{"logprobs": {"content": [{"top_logprobs": top}]}}]})

    def reply(self, value: Any) -> None:
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture()
def server() -> Iterator[Judge]:
    judge = Judge(("127.0.0.1", 0), Handler)
    judge.answers, judge.asked = {}, []
    thread = threading.Thread(target=judge.serve_forever, daemon=True)
    thread.start()
    yield judge
    judge.shutdown()
    judge.server_close()


def asked(server: Judge, texts: list[str], ids: list[str], **columns: Any) -> list[float | None]:
    reward = reward_model.reward(server=f"http://127.0.0.1:{server.server_port}/v1")
    completions = [[{"role": "assistant", "content": f"<think>{text}</think><answer>a</answer>"}] for text in texts]
    values: list[float | None] = asyncio.run(
        reward(completions=completions, images=[[PICTURE]] * len(texts), id=ids, **columns)
    )
    return values


def test_a_server_is_asked_for_the_probability_of_yes(server: Judge) -> None:
    server.answers = {"clear": 0.9, "dim": 0.2}
    assert asked(server, ["clear", "dim"], ["a", "b"]) == pytest.approx([0.9, 0.2])
    body = server.asked[0]
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("r_loc", 0.0, 1)
    assert body["messages"][0]["role"] == "system" and body["messages"][1]["content"][0]["type"] == "image_url"


def test_a_failure_is_none_for_the_whole_group_and_never_zero(server: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reward_model, "WAIT_SECONDS", 0.01)
    server.answers = {"clear": 0.9, "dim": None}
    seen: dict[str, float] = {}
    values = asked(server, ["clear", "dim", "clear"], ["a", "a", "b"], log_metric=seen.__setitem__)
    assert values == [None, None, pytest.approx(0.9)]
    assert seen == {"r_loc/failed": pytest.approx(1 / 3)}
    assert len(server.asked) == 2 + reward_model.ATTEMPTS


def test_a_server_that_does_not_answer_is_named_before_training() -> None:
    with pytest.raises(InputError, match=r"r_loc: the server http://127.0.0.1:9/v1 does not answer"):
        reward_model.reward(server="http://127.0.0.1:9/v1")


def test_a_model_that_the_server_does_not_have(server: Judge) -> None:
    with pytest.raises(InputError, match=r"has no model 'r_log' \(it has: r_loc\)"):
        reward_model.reward(server=f"http://127.0.0.1:{server.server_port}/v1", model="r_log")


def test_neither_folder_nor_server() -> None:
    with pytest.raises(InputError, match="give the reward model's folder"):
        reward_model.reward()


def test_probabilities_of_all_spellings_are_added_up() -> None:
    top = [{"token": t, "logprob": math.log(p)} for t, p in [("yes", 0.3), (" Yes", 0.3), ("NO", 0.2), ("a", 0.2)]]
    assert reward_model.yes_probability(top) == pytest.approx(0.75)
    assert reward_model.yes_probability([{"token": "a", "logprob": 0.0}]) is None


def test_a_reward_model_is_trained_measured_and_asked(tmp_path: Path, world: Path, student: Path) -> None:
    recipe = {
        "kind": "reward_model",
        "departures": ["a test"],
        "model": str(student),
        "output": str(tmp_path / "judge"),
        "data": {"manifest": str(world)},
        "holdout": 0.3,
        "trainer": {"max_steps": 3, "per_device_train_batch_size": 8, "save_strategy": "no", "disable_tqdm": True},
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    assert main(["reward-model", str(tmp_path / "recipe.yaml")]) == 0
    held = json.loads((tmp_path / "judge" / "held_out.json").read_text(encoding="utf-8"))
    about = json.loads((tmp_path / "judge" / "training.json").read_text(encoding="utf-8"))
    assert held["n"] + about["data"]["n"] == 48 and 0 <= held["brier"] <= 1
    assert "auroc" in (tmp_path / "judge" / "README.md").read_text(encoding="utf-8")

    reward = reward_model.reward(model=str(tmp_path / "judge"))
    texts = ["<think>a road</think>", "<think>a tower and a French sign, many words</think>"]
    together = reward(completions=texts, images=[[PICTURE], [PICTURE]])
    alone = [reward(completions=[text], images=[PICTURE])[0] for text in texts]
    assert together == pytest.approx(alone, abs=1e-4)  # padding changes nothing
    assert all(0 < value < 1 for value in together)


def test_labels_from_whether_a_run_located_the_picture(tmp_path: Path) -> None:
    from globe_train.recipe import Recipe

    samples = [
        {"id": "a", "response": "<think>A.</think><answer>x</answer>", "distance_km": 30.0},
        {"id": "b", "response": "B.", "distance_km": None},
        {"id": "c", "response": None, "distance_km": None},
    ]
    (tmp_path / "samples.jsonl").write_text("".join(json.dumps(s) + "\n" for s in samples), encoding="utf-8")
    recipe = Recipe(tmp_path / "r.yaml", {"labels": {"run": str(tmp_path), "within_km": 25}}, {})
    rows = [{"id": name, "reasoning": None, "localizable": None} for name in "abcd"]
    found = reward_model.label_rows(rows, recipe)
    assert [(row["id"], row["reasoning"], row["localizable"]) for row in found] == [
        ("a", "A.", False),
        ("b", "B.", False),
    ]
    recipe = Recipe(tmp_path / "r.yaml", {"labels": {"run": str(tmp_path), "within_km": 200}}, {})
    assert reward_model.label_rows(rows, recipe)[0]["localizable"] is True


def test_an_unreachable_server_ends_grpo_before_a_model_is_loaded(
    tmp_path: Path, world: Path, capsys: pytest.CaptureFixture[str], trl: Any
) -> None:
    recipe = {
        "kind": "grpo",
        "departures": ["a test"],
        "model": "no/such/model",
        "output": str(tmp_path / "out"),
        "data": {"manifest": str(world)},
        "rewards": {"r_loc": {"weight": 1.0, "server": "http://127.0.0.1:9/v1"}},
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    assert main(["grpo", str(tmp_path / "recipe.yaml")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("globe-train: rewards, r_loc: the server http://127.0.0.1:9/v1 does not answer")


def test_a_server_that_is_lost_amid_training_ends_the_run_and_leaves_the_checkpoints(
    tmp_path: Path,
    world: Path,
    student: Path,
    server: Judge,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from globe_train.checkpoint import checkpoints

    class Lost(dict[str, float | None]):
        def __getitem__(self, text: str) -> float | None:
            return 0.5 if len(server.asked) <= 16 else None  # two steps of eight answers

    monkeypatch.setattr(reward_model, "WAIT_SECONDS", 0.01)
    server.answers = Lost()
    trainer: dict[str, Any] = {
        **{"max_steps": 4, "save_strategy": "steps", "save_steps": 1, "disable_tqdm": True},
        **{"per_device_train_batch_size": 8, "num_generations": 4, "max_completion_length": 4},
    }
    recipe = {
        "kind": "grpo",
        "departures": ["a test"],
        "model": str(student),
        "output": str(tmp_path / "out"),
        "data": {"manifest": str(world)},
        "rewards": {"r_loc": {"weight": 1.0, "server": f"http://127.0.0.1:{server.server_port}/v1"}},
        "trainer": trainer,
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    assert main(["grpo", str(tmp_path / "recipe.yaml")]) == 2
    assert "gave no probability for any of 8 answers, asked 6 times" in capsys.readouterr().err
    assert [path.name for path in checkpoints(tmp_path / "out")] == ["checkpoint-1", "checkpoint-2"]
