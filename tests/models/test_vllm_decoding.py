"""What lm-eval's `vllm-vlm` hands to vLLM of the decoding that is asked for, with a stand-in where vLLM is not.

tests/models/test_vllm.py asks the real one, and holds the stand-in's parameters to it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import vllm_fake

ROOT = Path(__file__).parents[2]
N = 4
CASES: dict[str, tuple[str, dict[str, Any] | str]] = {
    "the task's own": (
        "",
        {"temperature": 0.0, "repetition_penalty": 1.0, "max_tokens": 256, "stop": ["<|im_end|>"]},
    ),
    "all that is asked for": (
        'temperature=0.7,top_p=0.9,seed=7,max_tokens=64,stop=["a b","c"]',
        {"temperature": 0.7, "top_p": 0.9, "seed": 7, "max_tokens": 64, "stop": ["a b", "c", "<|im_end|>"]},
    ),
    "lm-eval's names": (
        'do_sample=true,temperature=1.5,max_gen_toks=9,until=["z"],top_k=5',
        {"temperature": 1.5, "max_tokens": 9, "stop": ["z", "<|im_end|>"], "top_k": 5},
    ),
    "sampling at the model's own temperature": (
        "do_sample=true",
        {"temperature": 1.0, "max_tokens": 256, "stop": ["<|im_end|>"]},
    ),
    "an argument that vLLM does not have": ("topp=0.9", "unexpected keyword argument 'topp'"),
    "several answers": ("n=2", "--repeats"),
    "no temperature": ("temperature=null", "temperature=null"),
    "two limits": ("max_tokens=8,max_gen_toks=9", "two limits"),
    "two names of the stops": ('stop=["a"],until=["b"]', "stop and until"),
    "greedy sampling": ("do_sample=false,temperature=0.5", "contradict"),
}
SCRIPT = """
import json, sys
from globe_eval.cli import main
out, model, cases = sys.argv[1:]
for number, given in enumerate(json.loads(cases)):
    words = ["--model", "vllm-vlm", "--model_args", "pretrained=" + model, "--tasks", "miniworld", "--limit", "4"]
    print("case", flush=True, file=sys.stderr)
    code = main([*words, *(["--gen_kwargs", given] if given else []), "-o", out + "/" + str(number)])
    print("code", code, flush=True, file=sys.stderr)
from lm_eval.models.vllm_causallms import VLLM
from globe_eval.models.ray_vllm import sampling_arguments
given = {"until": ["x"], "max_gen_toks": 9, "do_sample": True, "temperature": 0.7, "top_p": 0.5}
rest, stop, limit = VLLM.modify_gen_kwargs(dict(given), eos="<end>")
print(json.dumps([{**rest, "stop": stop, "max_tokens": limit}, sampling_arguments(given, ["<end>"], 3)]))
"""


@pytest.fixture(scope="module")
def heard(tiny_qwen: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Of each case its exit code, what was said, and the parameters that vLLM was given; one Python for all."""
    folder = tmp_path_factory.mktemp("vllm")
    vllm_fake.install(folder / "site")
    path = [str(folder / "site"), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder), str(tiny_qwen), json.dumps([given for given, _ in CASES.values()])],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path), "VLLM_FAKE_LOG": str(folder / "log")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    calls = [json.loads(line) for line in (folder / "log").read_text(encoding="utf-8").splitlines()]
    found: dict[str, Any] = {"same": json.loads(done.stdout.splitlines()[-1])}
    for name, said in zip(CASES, done.stderr.split("case\n")[1:], strict=True):
        code = int(said.rpartition("code ")[2])
        found[name] = code, said, calls.pop(0) if code == 0 else None
    assert calls == []
    return found


@pytest.mark.parametrize("name", CASES)
def test_what_is_asked_for_reaches_vllm_or_is_refused(heard: dict[str, Any], name: str) -> None:
    code, said, given = heard[name]
    expected = CASES[name][1]
    if isinstance(expected, str):
        assert code == 2 and expected in said
        assert "Traceback" not in said
    else:
        assert code == 0, said
        assert given["prompts"] == N
        assert {key: given["sampling"][key] for key in expected} == expected
        hidden = {"skip_special_tokens", "spaces_between_special_tokens", "repetition_penalty"}
        assert given["sampling"].keys() - expected.keys() <= hidden, "and nothing that nobody asked for"


def test_ray_vllm_asks_vllm_for_the_same(heard: dict[str, Any]) -> None:
    lm_eval, ours = heard["same"]
    assert ours == {**lm_eval, "seed": 3}
