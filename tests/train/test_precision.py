"""Weights that are trained as they are, are float32; sharded loading sees its configuration; one rank loads alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from globe_eval.errors import InputError
from globe_train import checkpoint, train
from globe_train.recipe import Recipe, read_recipe

ROOT = Path(__file__).parents[2]


def recipe(student: Path, **values: Any) -> Recipe:
    given = {"kind": "sft", "departures": [], "model": str(student), "output": "out", "data": {}}
    return Recipe(Path("r.yaml"), given | values, {})


@pytest.mark.parametrize(
    ("on_gpu", "values", "config", "dtype"),
    [
        (True, {}, {}, "float32"),
        (True, {}, {"deepspeed_plugin": object()}, "bfloat16"),
        (True, {}, {"fsdp": "full_shard"}, "bfloat16"),
        (True, {"lora": {"r": 4}}, {}, "bfloat16"),
        (False, {"lora": {"r": 4}}, {}, "float32"),
        (False, {}, {}, "float32"),
    ],
)
def test_all_weights_are_trained_in_float32_where_nothing_holds_a_copy(
    trl: Any,
    student: Path,
    monkeypatch: pytest.MonkeyPatch,
    on_gpu: bool,
    values: dict[str, Any],
    config: dict[str, Any],
    dtype: str,
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: on_gpu)
    model, _ = checkpoint.load(recipe(student, **values), SimpleNamespace(**config))
    assert str(next(model.parameters()).dtype) == f"torch.{dtype}"


def test_bfloat16_alone_would_not_move(trl: Any) -> None:
    """Why: 200 steps of AdamW at 1e-6 on weights as a 7B model has them."""
    import torch

    def moved(dtype: torch.dtype) -> float:
        torch.manual_seed(0)
        weight = torch.nn.Parameter((0.02 * torch.randn(20_000)).to(dtype))
        before, optimizer = weight.detach().clone(), torch.optim.AdamW([weight], lr=1e-6, weight_decay=0.0)
        for _ in range(200):
            weight.grad = torch.ones_like(weight)
            optimizer.step()
        return float((weight != before).float().mean())

    assert moved(torch.bfloat16) < 0.05 < 0.95 < moved(torch.float32)


def test_one_process_on_several_gpus_is_told_the_command(trl: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 8)
    with pytest.raises(InputError, match=r"8 GPUs and one process: .*globe-train launch sft sft --gpus 8"):
        train.check_launch(read_recipe("sft"))
    monkeypatch.setenv("WORLD_SIZE", "8")
    train.check_launch(read_recipe("sft"))


SEES_ZERO3 = """\
import json, sys
from pathlib import Path
from globe_eval.models import torchvision_cpu
torchvision_cpu.ensure()
import torch
from transformers.integrations import is_deepspeed_zero3_enabled
from globe_train import checkpoint, reward_model, train
from globe_train.recipe import read_recipe

seen = {}

def build(recipe, config, model, processor, data):
    seen["at the trainer"] = is_deepspeed_zero3_enabled()
    raise SystemExit(0)

def load(recipe, config):
    seen["at load"] = is_deepspeed_zero3_enabled()
    seen["sharded"] = checkpoint.is_sharded(config)
    return None, None

checkpoint.load = load
train.dataset = lambda *_: None
recipe = read_recipe(sys.argv[1])
try:
    train.train(recipe, build, prepared=(None, []))
except SystemExit:
    pass
from transformers.integrations.deepspeed import HfDeepSpeedConfig
held = HfDeepSpeedConfig({"zero_optimization": {"stage": 3}, "train_micro_batch_size_per_gpu": 1})
seen["before measuring"] = is_deepspeed_zero3_enabled()
def local(folder):
    seen["while measuring"] = is_deepspeed_zero3_enabled()
    raise SystemExit(0)
reward_model.local = local
try:
    reward_model.measure(Path("x"), None)
except SystemExit:
    pass
print(json.dumps(seen))
"""


def test_zero3_sees_its_configuration_when_a_model_is_loaded_and_one_rank_that_measures_does_not(
    trl: Any, world: Path, tmp_path: Path
) -> None:
    """DeepSpeed on a CPU: transformers holds its configuration by a weak reference, and shards what is loaded by it."""
    pytest.importorskip("deepspeed")
    text = f"kind: sft\ndepartures: []\nmodel: none\noutput: {tmp_path / 'out'}\ndata: {{manifest: {world}}}\n"
    (tmp_path / "r.yaml").write_text(text + "trainer: {bf16: false}\n", encoding="utf-8")
    zero3 = {"zero_optimization": {"stage": 3}, "train_micro_batch_size_per_gpu": "auto"}
    (tmp_path / "zero3.json").write_text(json.dumps(zero3), encoding="utf-8")
    environment = {
        **os.environ,
        **{"ACCELERATE_USE_DEEPSPEED": "true", "ACCELERATE_DEEPSPEED_ZERO_STAGE": "3", "DS_ACCELERATOR": "cpu"},
        **{"ACCELERATE_DEEPSPEED_CONFIG_FILE": str(tmp_path / "zero3.json"), "ACCELERATE_USE_CPU": "true"},
        **{"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29517", "RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0"},
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    code = [sys.executable, "-c", SEES_ZERO3, str(tmp_path / "r.yaml")]
    done = subprocess.run(code, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen == {
        **{"at load": True, "sharded": True, "at the trainer": True},
        **{"before measuring": True, "while measuring": False},
    }
