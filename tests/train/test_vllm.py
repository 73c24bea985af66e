"""Answers by vLLM during GRPO: checks before a model is loaded, what trl's trainer hands over, and a real vLLM.

$GLOBE_VLLM_ENV names an environment with a vLLM that runs on a CPU, with this project's dependencies and, for GRPO,
with trl, peft and accelerate. trl's other mode, a server, needs a GPU to send weights to it.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from answering import Answers
from PIL import Image
from vllm_server import ENVIRONMENT, RUN_S, VLLM_ENV, served

from globe_eval.errors import InputError
from globe_train import vllm
from globe_train.recipe import Recipe

needs_vllm = pytest.mark.skipif(not VLLM_ENV, reason="GLOBE_VLLM_ENV names no environment with a vLLM")

ONE_THREAD = {**ENVIRONMENT, "OMP_NUM_THREADS": "1"}
GRPO = """\
import sys
{patches}
from globe_train.cli import main
sys.exit(main(["grpo", *sys.argv[1:]]))
"""
UNPACKED = """\
import trl.generation.vllm_generation as generation
import vllm._custom_ops as ops
import vllm.model_executor.layers.utils as layers
ops._supports_onednn = False
layers.check_cpu_sgl_kernel = lambda *_: False
whole = generation.LLM
generation.LLM = lambda **arguments: whole(**arguments, dtype="float32")
"""
"""What a CPU alone needs: vLLM's CPU build packs its weights (`dispatch_cpu_unquantized_gemm`), after which nothing can
be loaded into them; and it would run a float32 checkpoint in bfloat16, which is not what is compared here."""


def grpo(recipe: Path, patches: str, *words: str) -> subprocess.CompletedProcess[str]:
    code = GRPO.format(patches=patches)
    return subprocess.run(
        [f"{VLLM_ENV}/bin/python", "-c", code, str(recipe), *words],
        env=ONE_THREAD,
        capture_output=True,
        text=True,
        timeout=RUN_S,
        cwd=recipe.parent,
    )


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory, world: Path, student: Path) -> Path:
    done = subprocess.run([f"{VLLM_ENV}/bin/python", "-c", "import trl, peft, accelerate"], env=ONE_THREAD)
    if done.returncode != 0:
        pytest.skip("GLOBE_VLLM_ENV has no trl")
    folder = tmp_path_factory.mktemp("vllm")
    text = (
        "def vowels(completions, **_):\n    return [sum(c in 'aeiou' for c in t[0]['content']) for t in completions]\n"
    )
    (folder / "own.py").write_text(text, encoding="utf-8")
    values = {
        "kind": "grpo",
        "departures": ["a test"],
        "model": str(student),
        "output": str(folder / "out"),
        "data": {"manifest": str(world)},
        "rewards": {"own:vowels": 1.0},
        "trainer": {
            **{"max_steps": 3, "per_device_train_batch_size": 8, "num_generations": 4, "max_completion_length": 12},
            **{"learning_rate": 1e-3, "beta": 0.001, "save_strategy": "no", "disable_tqdm": True},
            **{"use_vllm": True, "vllm_mode": "colocate"},
            **{"vllm_gpu_memory_utilization": 0.1, "vllm_max_model_length": 512},
        },
    }
    path = folder / "r.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


@needs_vllm
@pytest.mark.parametrize("max_pixels", [None, 28 * 28])
def test_vllm_in_the_process_answers_with_the_model_that_is_trained(recipe: Path, max_pixels: int | None) -> None:
    """Its log-probabilities are the trainer's own after every step: the same prompt, picture and weights.

    As trl 1.16 has it, they are 0.7 apart on average, at the first step already (see `generation`).
    """
    words = [f"output=out-{max_pixels}", *([] if max_pixels is None else [f"max_pixels={max_pixels}"])]
    done = grpo(recipe, UNPACKED, *words)
    assert done.returncode == 0, done.stderr[-3000:]
    log = (recipe.parent / f"out-{max_pixels}" / "log.jsonl").read_text(encoding="utf-8").splitlines()
    steps = [entry for entry in map(json.loads, log) if "loss" in entry]
    assert len(steps) == 3 and steps[-1]["kl"] > 1e-3, "the weights moved"
    assert max(step["sampling/sampling_logp_difference/max"] for step in steps) < 1e-3


@needs_vllm
def test_a_vllm_that_cannot_be_given_weights_is_one_line(recipe: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("vLLM packs weights on a CPU alone")
    done = grpo(recipe, "", "output=packed")
    assert done.returncode == 2, done.stderr[-3000:]
    assert "of its weights" in done.stderr and "cannot be given new ones" in done.stderr


@needs_vllm
def test_a_reward_model_says_the_same_behind_vllm_as_here(tmp_path: Path, world: Path, student: Path) -> None:
    from globe_train import reward_model
    from globe_train.cli import main

    trainer = {"max_steps": 25, "per_device_train_batch_size": 8, "learning_rate": 2e-3, "save_strategy": "no"}
    recipe = {
        **{"kind": "reward_model", "departures": ["a test"], "model": str(student), "output": str(tmp_path / "judge")},
        **{"data": {"manifest": str(world)}, "holdout": 0.3, "trainer": trainer},
    }
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    assert main(["reward-model", str(tmp_path / "r.yaml")]) == 0  # till other spellings are as good as never said
    rows = [json.loads(line) for line in world.read_text(encoding="utf-8").splitlines()[:8]]
    pictures = [[Image.open(world.parent / row["image"]).convert("RGB")] for row in rows]
    columns: dict[str, Any] = {"images": pictures, "id": [row["id"] for row in rows]}
    texts = [f"<think>{row['reasoning']}</think><answer>a</answer>" for row in rows]
    with served(tmp_path / "judge", tmp_path / "server.log") as url:
        behind = asyncio.run(reward_model.reward(server=url, model="tiny")(completions=texts, **columns))
    here = reward_model.reward(model=str(tmp_path / "judge"))(completions=texts, **columns)
    assert len(set(here)) > 4, "a judge that always says the same compares nothing"
    assert behind == pytest.approx(here, abs=1e-3)


CONFIG: dict[str, Any] = {
    "weight_transfer_config": {"backend": "nccl"},
    "model_config": {
        "logprobs_mode": "processed_logprobs",
        "multimodal_config": {"mm_processor_kwargs": {"max_pixels": 3136}},
    },
}
"""What a rightly started vLLM 0.31 says of itself."""


def grpo_recipe(**trainer: Any) -> Recipe:
    values = {"kind": "grpo", "max_pixels": 3136, "trainer": {"use_vllm": True, **trainer}}
    return Recipe(Path("r.yaml"), values, {("trainer", "use_vllm"): 7, ("trainer", "vllm_mode"): 8})


class Server(ThreadingHTTPServer):
    config: dict[str, Any] | None
    renders: bool
    number: str


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        if self.path == "/version":
            self.reply(200, {"version": self.server.number})
        else:
            self.reply(404 if self.server.config is None else 200, {"vllm_config": self.server.config})

    def do_POST(self) -> None:
        self.reply(400 if self.server.renders else 404, {})

    def reply(self, status: int, value: Any) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture()
def server() -> Iterator[Server]:
    made = Server(("127.0.0.1", 0), Handler)
    made.config, made.renders, made.number = json.loads(json.dumps(CONFIG)), True, "0.31.0"
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def said(server: Server) -> str:
    try:
        vllm.check_server(grpo_recipe(), f"http://127.0.0.1:{server.server_port}")
    except InputError as error:
        return str(error)
    return ""


def test_a_server_started_rightly_is_taken(server: Server, trl: Any) -> None:
    assert said(server) == ""


@pytest.mark.parametrize(
    ("change", "lacking"),
    [
        ({"config": None}, "VLLM_SERVER_DEV_MODE=1"),
        ({"weight_transfer_config": None}, "--weight-transfer-config"),
        ({"model_config": {"logprobs_mode": "raw_logprobs"}}, "--logprobs-mode processed_logprobs, --mm-processor"),
        ({"renders": False}, "--enable-scale-out"),
        ({"model_config": {**CONFIG["model_config"], "multimodal_config": None}}, "'{\"max_pixels\":3136}'"),
    ],
)
def test_what_a_server_was_started_without_is_named(
    server: Server, trl: Any, change: dict[str, Any], lacking: str
) -> None:
    for name, value in change.items():
        if hasattr(server, name):
            setattr(server, name, value)
        else:
            assert server.config is not None
            server.config[name] = value
    assert "r.yaml, line 8: trainer, vllm_mode: http://127.0.0.1" in said(server)
    assert "was started without" in said(server) and lacking in said(server)


def test_a_server_of_another_vllm_than_trl_works_with(server: Server, trl: Any) -> None:
    server.number = "0.32.0+cpu"
    assert "is vllm 0.32.0+cpu; trl " in said(server) and "works with" in said(server)


def test_a_server_that_does_not_answer_is_named_with_the_command_that_starts_one(trl: Any) -> None:
    with pytest.raises(InputError, match=r"http://127.0.0.1:9 does not answer: .*start it: VLLM_SERVER_DEV_MODE=1"):
        vllm.check_server(grpo_recipe(), "http://127.0.0.1:9")


def test_vllm_that_is_not_there_or_cannot_be_used_is_told_before_a_model_is_loaded(
    monkeypatch: pytest.MonkeyPatch, trl: Any
) -> None:
    import torch

    real = vllm.version

    def absent(name: str) -> str:
        if name == "vllm":
            raise vllm.PackageNotFoundError
        return real(name)

    with monkeypatch.context() as patch:
        patch.setattr(vllm, "version", absent)
        with pytest.raises(InputError, match=r"line 7: trainer, use_vllm: vllm is not installed .trl .* works with"):
            vllm.check(grpo_recipe())
        assert "NOT here: r.yaml, line 7" in vllm.describe(grpo_recipe())[0]
        assert vllm.describe(grpo_recipe(use_vllm=False)) == []
        vllm.check(grpo_recipe(use_vllm=False))
    monkeypatch.setattr(vllm, "version", lambda name: "0.31.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=r"line 8: trainer, vllm_mode: server: .* by NCCL, which needs a GPU"):
        vllm.check(grpo_recipe(vllm_mode="server"))
    vllm.check(grpo_recipe(vllm_mode="colocate"))


def test_what_stops_trl_from_having_its_vllm_is_one_line(trl: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vllm, "version", lambda name: "0.32.0")

    def broken() -> Any:
        raise RuntimeError("no\nkernel")

    with pytest.raises(InputError, match=r"line 7: trainer, use_vllm: RuntimeError: no kernel \(vllm 0.32.0; trl "):
        vllm.build(grpo_recipe(), broken)


@pytest.mark.parametrize("mode", ["colocate", "server"])
def test_vllm_in_the_process_gets_one_placeholder_a_picture(
    mode: str, tmp_path: Path, world: Path, student: Path, trl: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server is given features that trl places by itself, so there the placeholders stay multiplied."""
    import trl.trainer.grpo_trainer as module
    import yaml

    from globe_train.checkpoint import load
    from globe_train.data import dataset, examples_of
    from globe_train.recipe import read_recipe
    from globe_train.train import grpo_trainer, trl_configuration

    monkeypatch.setattr(module, "VLLMGeneration", Answers)
    trainer = {"max_steps": 1, "per_device_train_batch_size": 4, "num_generations": 4, "max_completion_length": 4}
    values = {
        "kind": "grpo",
        "departures": ["a test"],
        "model": str(student),
        "output": str(tmp_path / "out"),
        "data": {"manifest": str(world)},
        "rewards": {"r_format": 1.0},
        "trainer": {
            **trainer,
            **{"use_vllm": True, "vllm_mode": mode, "vllm_importance_sampling_correction": False},
            **{"save_strategy": "no", "disable_tqdm": True},
        },
    }
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    made = read_recipe(str(tmp_path / "r.yaml"), kind="grpo")
    examples, _ = examples_of(made)
    model, processor = load(made, trl_configuration(made))
    built = grpo_trainer(made, trl_configuration(made), model, processor, dataset(examples, made))
    built.train()
    prompts = [prompt for prompt, _ in built.vllm_generation.asked]
    assert len(prompts) == 4 and all(len(pictures) == 1 for _, pictures in built.vllm_generation.asked)
    wanted = 1 if mode == "colocate" else 4  # pictures of 56 pixels are 2 x 2 tokens
    assert {prompt.count(processor.image_token_id) for prompt in prompts} == {wanted}
    assert len(built.state.log_history) == 2
