"""One checkpoint heard three ways: a served vLLM through `endpoint`, vLLM in process, and transformers.

Needs an environment with a vLLM that runs on a CPU and with this project's dependencies; $GLOBE_VLLM_ENV names it.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import vllm_fake
from vllm_server import ENVIRONMENT, RUN_S, VLLM_ENV, free_url, served, start, stop

pytestmark = pytest.mark.skipif(not VLLM_ENV, reason="GLOBE_VLLM_ENV names no environment with a vLLM")

N = 16
VLLM_ARGUMENTS = {"dtype": "float32", "max_model_len": 2048, "enforce_eager": True}


def responses(
    python: str, output: Path, model: str, model_args: dict[str, object], gen_kwargs: dict[str, object]
) -> dict[str, str]:
    """Photograph's id -> response, of a `globe-eval` run on miniworld's first pictures."""
    command = [
        *(python, "-m", "globe_eval.cli", "run", "--tasks", "miniworld", "--limit", str(N), "--model", model),
        *("--model_args", *(f"{key}={value}" for key, value in model_args.items())),
        *("--gen_kwargs", *(f"{key}={value}" for key, value in gen_kwargs.items())),
        *("--device", "cpu", "--output_path", str(output)),
    ]
    run = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=RUN_S)
    assert run.returncode == 0, run.stderr[-3000:]
    samples = (output / "miniworld" / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    return {sample["id"]: sample["response"] for sample in map(json.loads, samples)}


def three_ways(checkpoint: Path, url: str, folder: Path) -> tuple[dict[str, str], ...]:
    """Responses through the endpoint, in process, and of transformers."""
    decoding: dict[str, object] = {"max_gen_toks": 64}
    served_there = {"base_url": url, "model": "tiny"}
    in_process = {"pretrained": checkpoint, **VLLM_ARGUMENTS}
    transformers = {"pretrained": checkpoint, "dtype": "float32"}
    return (
        responses(sys.executable, folder / "endpoint", "endpoint", served_there, decoding),
        responses(f"{VLLM_ENV}/bin/python", folder / "vllm", "vllm-vlm", in_process, decoding),
        responses(sys.executable, folder / "hf", "hf-multimodal", transformers, decoding),
    )


@pytest.fixture
def checkpoint(tiny_qwen: Path, tmp_path: Path) -> Path:
    """With the repetition penalty that Qwen2.5-VL's own generation_config.json asks for, greedy decoding or not.

    A vLLM server and transformers obey it and lm-eval's `vllm-vlm` does not: unless the task says that there is none,
    a quarter of the responses and more differ here.
    """
    copy = tmp_path / "checkpoint"
    shutil.copytree(tiny_qwen, copy)
    file = copy / "generation_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "do_sample": True, "repetition_penalty": 1.05}))
    return copy


def test_the_two_vllm_ways_are_identical_and_transformers_up_to_numerics(checkpoint: Path, tmp_path: Path) -> None:
    with served(checkpoint, tmp_path / "server.log") as url:
        endpoint, in_process, hf = three_ways(checkpoint, url, tmp_path)
    assert len(endpoint) == N
    assert len(set(endpoint.values())) > N // 2, "a model that always says the same compares nothing"
    assert endpoint == in_process
    differing = [key for key in hf if hf[key] != endpoint[key]]
    assert len(differing) <= 1, differing  # two likeliest tokens may lie closer than float32 sums agree


def test_a_run_survives_the_server_being_stopped_and_started_again(checkpoint: Path, tmp_path: Path) -> None:
    url, output, n = free_url(), tmp_path / "restarted", 60
    command = [
        *(sys.executable, "-m", "globe_eval.cli", "run", "--tasks", "miniworld", "--limit", str(n)),
        *("--model", "endpoint", "--model_args", f"base_url={url},model=tiny,num_concurrent=8"),
        *("--gen_kwargs", "max_gen_toks=32", "--output_path"),
    ]
    journal = output / "miniworld" / "journal.jsonl"
    server = start(checkpoint, tmp_path / "first.log", url)
    try:
        run = subprocess.Popen([*command, str(output)], env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
        while not journal.exists() or len(journal.read_text().splitlines()) <= 10:
            assert run.poll() is None
            time.sleep(0.05)
        stop(server)
        there = len(journal.read_text().splitlines()) - 1
        assert there < n and run.poll() is None, "stopped in the middle"
        server = start(checkpoint, tmp_path / "second.log", url)
        _, said = run.communicate(timeout=RUN_S)
        assert run.returncode == 0, said
        assert f"{url} does not answer" in said and f"{url} answers again" in said
        whole = subprocess.run([*command, str(tmp_path / "whole")], env=ENVIRONMENT, timeout=RUN_S)
        assert whole.returncode == 0
    finally:
        stop(server)
    entries = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()[1:]]
    assert len(entries) == n and all(entry["error"] is None for entry in entries), "each asked once, none lost"
    restarted, uninterrupted = (
        [json.loads(line)["response"] for line in (folder / "miniworld" / "samples.jsonl").read_text().splitlines()]
        for folder in (output, tmp_path / "whole")
    )
    differing = sum(a != b for a, b in zip(restarted, uninterrupted, strict=True))
    assert differing <= 2, "two likeliest tokens may lie closer than sums in another batch agree"


def test_decoding_that_is_asked_for_is_honoured_by_the_real_vllm(tiny_qwen: Path, tmp_path: Path) -> None:
    """Through `vllm-vlm`; tests/models/test_other_models.py holds what is handed over to a stand-in."""
    python, given = f"{VLLM_ENV}/bin/python", {"pretrained": tiny_qwen, **VLLM_ARGUMENTS}

    def answers(name: str, **gen_kwargs: object) -> dict[str, str]:
        return responses(python, tmp_path / name, "vllm-vlm", given, gen_kwargs)

    greedy = answers("greedy", max_tokens=32)
    letter = max(set("".join(greedy.values())), key="".join(greedy.values()).count)
    short = answers("short", max_tokens=4, stop=letter)
    assert all(greedy[name].startswith(text) and letter not in text for name, text in short.items())
    assert any(len(text) < len(greedy[name]) for name, text in short.items())
    sampled = answers("sampled", temperature=1.5, seed=7, max_tokens=32)
    assert sampled != greedy
    assert answers("narrow", temperature=1.5, top_p=0.001, seed=7, max_tokens=32) == greedy


def test_the_stand_in_for_vllm_knows_no_parameter_that_vllm_does_not() -> None:
    stand_in = set(re.findall(r"(\w+)=None", vllm_fake.FILES["vllm/__init__.py"]))
    told = "import inspect; from vllm import SamplingParams; print(*inspect.signature(SamplingParams).parameters)"
    done = subprocess.run(
        [f"{VLLM_ENV}/bin/python", "-c", told], env=ENVIRONMENT, capture_output=True, text=True, timeout=RUN_S
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(stand_in) > 10 and stand_in <= set(done.stdout.splitlines()[-1].split())


def test_ray_vllm_gives_the_answers_of_vllm_in_one_process(tiny_qwen: Path, tmp_path: Path) -> None:
    python, decoding = f"{VLLM_ENV}/bin/python", {"max_gen_toks": 48}
    alone = responses(python, tmp_path / "alone", "vllm-vlm", {"pretrained": tiny_qwen, **VLLM_ARGUMENTS}, decoding)
    given = {"pretrained": tiny_qwen, **VLLM_ARGUMENTS, "concurrency": 1}
    ray = responses(python, tmp_path / "ray", "ray-vllm", given, decoding)
    assert len(alone) == N and len(set(alone.values())) > N // 2
    differing = [name for name in alone if alone[name] != ray[name]]
    assert len(differing) <= 1, "two likeliest tokens may lie closer than sums in another batch agree"
