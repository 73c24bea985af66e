"""GRPO with a real vLLM in the training process, and a reward model that a real vLLM serves.

$GLOBE_VLLM_ENV names an environment with a vLLM that runs on a CPU, with this project's dependencies and, for GRPO,
with trl, peft and accelerate. trl's other mode, a server, needs a GPU to send weights to it.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image
from vllm_server import ENVIRONMENT, RUN_S, VLLM_ENV, served

pytestmark = pytest.mark.skipif(not VLLM_ENV, reason="GLOBE_VLLM_ENV names no environment with a vLLM")

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


def test_a_vllm_that_cannot_be_given_weights_is_one_line(recipe: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("vLLM packs weights on a CPU alone")
    done = grpo(recipe, "", "output=packed")
    assert done.returncode == 2, done.stderr[-3000:]
    assert "of its weights" in done.stderr and "cannot be given new ones" in done.stderr


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
