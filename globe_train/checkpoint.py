"""A model from a folder or the hub, ready to be trained, and back into a folder that globe-eval loads."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from globe_eval.errors import InputError
from globe_eval.models import torchvision_cpu
from globe_train.recipe import Recipe

VISION = ("visual", "vision_tower", "vision_model")
"""What the part of a model that sees is called: Qwen-VL, InternVL and LLaVA, CLIP and SigLIP."""


def load(recipe: Recipe) -> tuple[Any, Any]:
    """Model and processor of a recipe: in bfloat16 on a GPU, in float32 on a CPU, vision frozen where it says so."""
    torchvision_cpu.ensure()
    import torch
    from transformers import AutoModelForImageTextToText

    on_gpu = torch.cuda.is_available()
    try:
        model = AutoModelForImageTextToText.from_pretrained(
            recipe["model"], dtype=torch.bfloat16 if on_gpu else torch.float32
        )
        processor = load_processor(recipe["model"], recipe.get("max_pixels"))
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise recipe.error(f"model {recipe['model']!r} cannot be loaded: {reason}", "model") from None
    if recipe.get("freeze_vision"):
        frozen = [w for name, w in model.named_parameters() if any(part in name.split(".") for part in VISION)]
        if not frozen:
            raise recipe.error(
                f"freeze_vision: {type(model).__name__} has none of {', '.join(VISION)}", "freeze_vision"
            )
        for weight in frozen:
            weight.requires_grad_(False)
    return model, processor


def load_processor(name: str, max_pixels: int | None) -> Any:
    """The processor of a checkpoint, which sees a picture of at most `max_pixels`."""
    torchvision_cpu.ensure()
    from transformers import AutoProcessor

    processor = AutoProcessor.from_pretrained(name)
    if not hasattr(processor, "image_processor"):  # transformers gives a bare tokenizer for what it does not know
        raise InputError(f"model {name!r}: its processor sees no pictures ({type(processor).__name__})")
    if max_pixels is not None:
        size = processor.image_processor.size
        low = min(int(size["shortest_edge"]), max_pixels) if "shortest_edge" in size else max_pixels
        processor.image_processor.size = {"shortest_edge": low, "longest_edge": max_pixels}
    return processor


def lora_config(recipe: Recipe) -> Any:
    """peft's configuration for a recipe with `lora`; None without."""
    if not recipe.get("lora"):
        return None
    import peft

    return peft.LoraConfig(**{"task_type": "CAUSAL_LM", **recipe["lora"]})


def rank() -> int:
    """The number of this process among those that accelerate started; 0 where it is the only one."""
    return int(os.environ.get("RANK", "0"))


def is_main_process() -> bool:
    """Whether this process is the one that writes files."""
    return rank() == 0


def save(trainer: Any, processor: Any, folder: Path) -> None:
    """Write the trained model as a folder of its own: weights (an adapter, with LoRA), processor, tokenizer."""
    trainer.save_model(str(folder))
    if is_main_process():
        processor.save_pretrained(folder)


def merge(adapter: Path, folder: Path) -> None:
    """Write an adapter and its base as one model, for what loads no adapters. Raises InputError for no adapter."""
    configuration = adapter / "adapter_config.json"
    if not configuration.is_file():
        raise InputError(f"{configuration}: no such file; an adapter is what a recipe with lora writes")
    if folder.exists():
        raise InputError(f"{folder}: is there already")
    torchvision_cpu.ensure()
    import json

    import peft
    from transformers import AutoModelForImageTextToText

    base = json.loads(configuration.read_text(encoding="utf-8"))["base_model_name_or_path"]
    model = AutoModelForImageTextToText.from_pretrained(base)
    peft.PeftModel.from_pretrained(model, adapter).merge_and_unload().save_pretrained(folder)
    load_processor(str(adapter), None).save_pretrained(folder)
