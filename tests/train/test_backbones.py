"""Qwen3-VL and InternVL3, tiny and untrained, of the published classes: SFT, GRPO, saving, resume, evaluation."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import tiny_models
import yaml

from globe_train import checkpoint
from globe_train.cli import main
from globe_train.recipe import Recipe, read_recipe

BUILD = {"qwen3-vl": tiny_models.build_qwen3, "internvl3": tiny_models.build_internvl}
CLASSES = {"qwen3-vl": "Qwen3VLForConditionalGeneration", "internvl3": "InternVLForConditionalGeneration"}


@pytest.fixture(scope="module", params=BUILD)
def backbone(request: pytest.FixtureRequest, trl: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    folder: Path = tmp_path_factory.mktemp(request.param)
    return request.param, BUILD[request.param](folder / "base")


def written(folder: Path, world: Path, model: Path, kind: str, **values: Any) -> str:
    trainer = {"max_steps": 3, "save_strategy": "steps", "save_steps": 1, "save_total_limit": 3, "disable_tqdm": True}
    trainer |= {"learning_rate": 1e-3, "per_device_train_batch_size": 4, **values.pop("trainer", {})}
    recipe = {"kind": kind, "departures": ["a test"], "model": str(model), "output": str(folder / kind)}
    recipe |= {"data": {"manifest": str(world), "limit": 12}, "seed": 1, "trainer": trainer, **values}
    path = folder / f"{kind}.yaml"
    path.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return str(path)


def log(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def test_it_goes_through_sft_resume_grpo_and_evaluation(
    backbone: tuple[str, Path], world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch
    from transformers import AutoModelForImageTextToText

    from globe_eval.cli import main as evaluate

    name, base = backbone
    folder = base.parent
    recipe = written(folder, world, base, "sft", freeze_vision=True)
    assert main(["sft", recipe]) == 0
    sft = folder / "sft"
    losses = [entry["loss"] for entry in log(sft) if "loss" in entry]
    assert len(losses) == 3 and losses[-1] < losses[0]
    before, after = weights(base), weights(sft)
    moved = {key for key in before if not torch.equal(before[key], after[key])}
    assert moved and not [key for key in moved if checkpoint.is_vision_weight(key)], (
        "vision is frozen, and what joins it"
    )
    assert [key for key in before if checkpoint.is_vision_weight(key)]

    part = written(folder, world, base, "sft", freeze_vision=True, output=str(folder / "part"))
    assert main(["sft", part, "trainer.max_steps=3"]) == 0
    for path in (folder / "part").iterdir():  # as a kill after the second step leaves it
        if path.is_file():
            path.unlink()
    shutil.rmtree(folder / "part" / "checkpoint-3")
    assert main(["sft", part, "--resume"]) == 0
    assert (folder / "part" / "model.safetensors").read_bytes() == (sft / "model.safetensors").read_bytes()

    trainer = {"num_generations": 4, "max_completion_length": 8, "beta": 0.01, "max_steps": 2, "save_strategy": "no"}
    recipe = written(folder, world, sft, "grpo", rewards={"r_format": 1.0, "r_f1": 1.0}, trainer=trainer)
    assert main(["grpo", recipe]) == 0
    assert {"kl", "rewards/r_f1/mean"} <= set(log(folder / "grpo")[0])
    model = AutoModelForImageTextToText.from_pretrained(folder / "grpo")
    assert type(model).__name__ == CLASSES[name]

    arguments = ["--model", "hf-multimodal", "--model_args", f"pretrained={folder / 'grpo'}", "--tasks", "miniworld"]
    small = ["--limit", "2", "--batch_size", "1", "--device", "cpu", "--gen_kwargs", "max_gen_toks=4"]
    assert evaluate([*arguments, *small, "--output_path", str(folder / "run")]) == 0
    results = json.loads((folder / "run" / "miniworld" / "results.json").read_text(encoding="utf-8"))
    assert results["n"] == 2


def test_an_adapter_leaves_out_what_sees(backbone: tuple[str, Path], world: Path) -> None:
    _, base = backbone
    lora = {"r": 2, "target_modules": "all-linear"}
    path = written(base.parent, world, base, "sft", freeze_vision=True, lora=lora, output=str(base.parent / "adapter"))
    assert main(["sft", path, "trainer.max_steps=1"]) == 0
    from safetensors import safe_open

    with safe_open(base.parent / "adapter" / "adapter_model.safetensors", "pt") as file:
        keys = list(file.keys())
    assert keys and not [key for key in keys if checkpoint.is_vision_weight(key)]


def test_pixels_are_bounded_where_the_processor_can(backbone: tuple[str, Path]) -> None:
    from globe_eval.errors import InputError

    name, base = backbone
    if name == "internvl3":  # it cuts tiles of one size
        with pytest.raises(InputError, match="max_pixels"):
            checkpoint.load_processor(str(base), 3136)
    else:
        assert checkpoint.load_processor(str(base), 3136).image_processor.size["longest_edge"] == 3136


def test_the_recipe_of_internvl_sets_no_bound_of_pixels() -> None:
    recipe: Recipe = read_recipe("internvl3_8b_grpo_two_rewards")
    assert recipe.get("max_pixels") is None and recipe["freeze_vision"]
