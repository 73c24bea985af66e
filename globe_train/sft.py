"""Supervised fine-tuning: the model learns to write what a teacher wrote. trl's SFTTrainer does the work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from globe_train import muon
from globe_train.checkpoint import lora_config
from globe_train.recipe import Recipe
from globe_train.resume import resumable
from globe_train.training import configured, train


def trainer(recipe: Recipe, model: Any, processor: Any, data: Any) -> Any:
    """The trainer of a recipe. The loss is that of the completion alone; no example is cut (`max_length: null`)."""
    import trl

    # trl's default of 1,024 tokens would cut through the picture of a large photograph.
    config = configured(recipe, trl.SFTConfig, max_length=None)
    return resumable(trl.SFTTrainer)(
        model=model,
        args=config,
        train_dataset=data,
        processing_class=processor,
        peft_config=lora_config(recipe),
        **muon.arguments(recipe, config),
    )


def run(recipe: Recipe, *, resume: bool = False) -> Path:
    """Train; returns the folder of the trained model."""
    return train(recipe, trainer, resume=resume)
