"""The libraries as they come still need what `patches` does to them: a failure here says that one can go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from answering import Answers


def test_transformers_loads_nothing_when_a_qwen2_5_vl_is_resumed(trl: Any, student: Path, tmp_path: Path) -> None:
    """transformers#43701: when this fails, `patches.resumable._load_from_checkpoint` can go."""
    import torch
    from transformers import AutoModelForImageTextToText, Trainer, TrainingArguments

    from globe_train.patches import resumable

    model = AutoModelForImageTextToText.from_pretrained(student)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(1.0)
    wanted = {name: weight.clone() for name, weight in model.state_dict().items()}
    model.save_pretrained(tmp_path / "checkpoint-1")

    def restored(trainer_class: type) -> int:
        fresh = AutoModelForImageTextToText.from_pretrained(student)
        args = TrainingArguments(output_dir=str(tmp_path / "out"), use_cpu=True, report_to="none")
        trainer_class(model=fresh, args=args)._load_from_checkpoint(str(tmp_path / "checkpoint-1"))
        return sum(torch.equal(weight, wanted[name]) for name, weight in fresh.state_dict().items())

    assert restored(Trainer) < len(wanted), "transformers#43701 is mended"
    assert restored(resumable(Trainer)) == len(wanted)


def test_transformers_trains_a_step_too_many_when_its_last_step_is_resumed(trl: Any, tmp_path: Path) -> None:
    """When this fails, `patches.resumable._run_epoch` can go."""
    import torch
    from transformers import Trainer, TrainingArguments

    from globe_train import patches

    class Line(torch.nn.Module):
        dtype = torch.float32

        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Linear(1, 1)

        def forward(self, x: Any) -> dict[str, Any]:
            return {"loss": self.weight(x).square().mean()}

    class Resumed(patches.resumable(Trainer)):  # type: ignore[misc]
        def _load_from_checkpoint(self, *_: Any, **__: Any) -> None:
            """A line is no model of the hub."""

    def steps(trainer_class: type, folder: Path) -> int:
        given = {"output_dir": str(folder), "use_cpu": True, "report_to": "none", "disable_tqdm": True}
        args = TrainingArguments(**given, max_steps=2, save_steps=1, per_device_train_batch_size=1)
        data = [{"x": torch.ones(1)} for _ in range(4)]
        trainer_class(model=Line(), args=args, train_dataset=data).train()
        again = trainer_class(model=Line(), args=args, train_dataset=data)
        again.train(resume_from_checkpoint=str(folder / "checkpoint-2"))
        return int(again.state.global_step)

    assert steps(Trainer, tmp_path / "stock") == 3, "transformers stops by itself"
    assert steps(Resumed, tmp_path / "ours") == 2


def test_trl_gives_a_vllm_of_its_process_multiplied_placeholders(
    trl: Any, world: Path, student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """trl#6294: when this fails, `patches.one_placeholder` can go."""
    import trl.trainer.grpo_trainer as module

    from globe_train import checkpoint
    from globe_train.data import dataset, examples_of
    from globe_train.recipe import Recipe
    from globe_train.train import trl_configuration

    monkeypatch.setattr(module, "VLLMGeneration", Answers)
    trainer = {"max_steps": 1, "per_device_train_batch_size": 4, "num_generations": 4, "max_completion_length": 4}
    trainer |= {"use_vllm": True, "vllm_importance_sampling_correction": False, "save_strategy": "no"}
    values = {"kind": "grpo", "departures": [], "model": str(student), "output": str(tmp_path / "out")}
    values |= {"data": {"manifest": str(world)}, "rewards": {"r_format": 1.0}, "trainer": trainer}
    recipe = Recipe(tmp_path / "r.yaml", values, {})
    config = trl_configuration(recipe)
    examples, _ = examples_of(recipe)
    model, processor = checkpoint.load(recipe, config)

    def nothing(completions: Any, **_: Any) -> list[float]:
        return [0.0] * len(completions)

    stock = trl.GRPOTrainer(
        model=model,
        args=config,
        train_dataset=dataset(examples, recipe),
        reward_funcs=nothing,
        processing_class=processor,
    )
    stock.train()
    prompts = [prompt for prompt, _ in stock.vllm_generation.asked]
    assert {prompt.count(processor.image_token_id) for prompt in prompts} == {4}, "trl#6294 is mended"
