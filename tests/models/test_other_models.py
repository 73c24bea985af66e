"""Models of lm-eval and of other people, through the command line: decoding as vLLM gets it, classes, entry points.

tests/models/test_vllm.py asks a real vLLM, and holds the stand-in's parameters to it.
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
from PIL import Image

from globe_eval.cli import main

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


PHOTOGRAPHS = 3
SOURCE = (
    "from globe_eval.models.response import Response\n"
    "from globe_eval.models.simple import SimpleModel\n\n\n"
    "class Always(SimpleModel):\n"
    "    name = 'always'\n\n"
    "    def __init__(self, city: str) -> None:\n"
    "        super().__init__()\n"
    "        self.city = city\n\n"
    "    def generate_until(self, requests, disable_tqdm=False):\n"
    "        return [Response(f'city: {self.city}') for _ in requests]\n"
)


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A benchmark of three photographs in London."""
    folder = tmp_path_factory.mktemp("bench")
    for i in range(PHOTOGRAPHS):
        Image.new("RGB", (24, 16), (10 * i, 0, 0)).save(folder / f"{i}.png")
    rows = "".join(f"{i},{i}.png,51.5074,-0.1278,London,United Kingdom\n" for i in range(PHOTOGRAPHS))
    (folder / "truth.csv").write_text("id,image,lat,lon,city,country\n" + rows)
    (folder / "small.yaml").write_text(
        f"task: small\nclass: !function globe_eval.GeoTask\n"
        f"dataset_kwargs: {{truth: {folder / 'truth.csv'}, images: {folder}}}\nmetadata: {{version: 1}}\n"
    )
    return folder / "small.yaml"


def test_by_its_class(
    task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "my_models.py").write_text(SOURCE)
    (tmp_path / "silent_models.py").write_text("assert False")
    monkeypatch.chdir(tmp_path)
    words = ["--tasks", str(task), "-o", str(tmp_path / "out"), "--model_args", "city=London"]
    assert main(["--model", "my_models:Always", *words]) == 0
    assert json.loads((tmp_path / "out" / "small" / "results.json").read_text())["status"]["city"] == PHOTOGRAPHS
    for wrong, said in (
        ("my_models:Alway", "AttributeError"),
        ("nowhere:X", "No module"),
        ("json:loads", "no class of"),
        ("silent_models:Always", "AssertionError"),
    ):
        capsys.readouterr()
        assert main(["--model", wrong, *words]) == 2 and said in capsys.readouterr().err


def test_by_the_entry_point_of_an_installed_package(task: Path, tmp_path: Path) -> None:
    """As a wheel unpacks it; a process of its own, for what is installed is looked for once."""
    site, where = tmp_path / "site", tmp_path / "elsewhere"
    (site / "example_models").mkdir(parents=True)
    (site / "example_models" / "__init__.py").write_text("")
    (site / "example_models" / "always.py").write_text(SOURCE)
    info = site / "example_models-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: example-models\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[globe_eval.models]\nalways-city = example_models.always:Always\nbroken = example_models.nowhere:Always\n"
    )
    where.mkdir()
    path = [str(site), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "globe_eval.cli", *words],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
            cwd=where,
            capture_output=True,
            text=True,
        )

    on = ["--tasks", str(task), "-o", str(tmp_path / "out")]
    done = run("--model", "always-city", "--model_args", "city=London", *on)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "out" / "small" / "results.json").read_text(encoding="utf-8"))
    assert results["status"]["city"] == PHOTOGRAPHS and results["model"] == "always-city"
    done = run("--model", "always-cty", *on)
    assert done.returncode == 2 and "did you mean 'always-city'?" in done.stderr
    done = run("--model", "broken", *on)
    assert done.returncode == 2 and "Traceback" not in done.stderr
