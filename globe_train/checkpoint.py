"""Loads a model for training, saves it, merges an adapter into its base.

Intermediate checkpoints are complete or absent.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from globe_eval.errors import InputError, reason_of
from globe_eval.models import torchvision_cpu
from globe_train.laptop import missing_reason
from globe_train.recipe import Recipe

VISION = ("visual", "vision_tower", "vision_model", "multi_modal_projector")
"""What the part of a model that sees is called, and what joins it to the language model: Qwen-VL (which has both in
one), InternVL and LLaVA, CLIP and SigLIP."""

TRAINER_STATE = "trainer_state.json"


def load(recipe: Recipe, config: Any) -> tuple[Any, Any]:
    """Model and processor of a recipe, vision frozen where it says so.

    The weights are float32 wherever they are trained as they are: AdamW at 1e-6 moves 2 % of bfloat16 weights, for the
    rest its step is less than half of their last digit. Adapters (which peft holds in float32) on bfloat16, and
    DeepSpeed and FSDP (which hold a copy in float32) take bfloat16.
    """
    torchvision_cpu.ensure()
    import torch
    from transformers import AutoModelForImageTextToText

    halved = torch.cuda.is_available() and bool(recipe.get("lora") or is_sharded(config))
    try:
        model, found = AutoModelForImageTextToText.from_pretrained(
            recipe["model"], dtype=torch.bfloat16 if halved else torch.float32, output_loading_info=True
        )
        if lacking := sorted(found["missing_keys"]):  # transformers makes up random ones
            raise ValueError(f"{len(lacking)} of its weights are not there ({lacking[0]}, …)")
        processor = load_processor(recipe["model"], recipe.get("max_pixels"))
    except InputError:
        raise
    except Exception as error:  # the hub, configurations, safetensors and torch raise each their own
        reason = missing_reason(recipe["model"]) or reason_of(error)
        raise recipe.error(f"model {recipe['model']!r} cannot be loaded: {reason}", "model") from None
    if recipe.get("freeze_vision"):
        frozen = [weight for name, weight in model.named_parameters() if is_vision_weight(name)]
        if not frozen:
            what = f"{type(model).__name__} has none of {', '.join(VISION)}"
            raise recipe.error(f"freeze_vision: {what}", "freeze_vision")
        for weight in frozen:
            weight.requires_grad_(False)
    return model, processor


def is_vision_weight(name: str) -> bool:
    """Whether a parameter belongs to the vision tower.

    >>> is_vision_weight("model.visual.merger.mlp.0.weight"), is_vision_weight("model.language_model.norm.weight")
    (True, False)
    """
    return any(part in VISION for part in name.split("."))


def is_sharded(config: Any) -> bool:
    """Whether DeepSpeed or FSDP shares out the weights of a run, by trl's configuration and what accelerate set."""
    plugins = any(getattr(config, name, None) for name in ("deepspeed", "deepspeed_plugin", "fsdp"))
    return plugins or os.environ.get("ACCELERATE_USE_FSDP", "false").lower() in ("true", "1", "yes")


def load_processor(name: str, max_pixels: int | None) -> Any:
    """The processor of a checkpoint, which sees a picture of at most `max_pixels`."""
    torchvision_cpu.ensure()
    from transformers import AutoProcessor

    processor = AutoProcessor.from_pretrained(name)
    if not hasattr(processor, "image_processor"):  # transformers gives a bare tokenizer for what it does not know
        raise InputError(f"model {name!r}: its processor sees no pictures ({type(processor).__name__})")
    if max_pixels is not None:
        size = processor.image_processor.size
        if "longest_edge" not in size:
            raise InputError(
                f"max_pixels: {type(processor).__name__} of {name!r} cuts pictures into tiles; leave it out"
            )
        low = min(int(size["shortest_edge"]), max_pixels)
        processor.image_processor.size = {"shortest_edge": low, "longest_edge": max_pixels}
    return processor


def lora_config(recipe: Recipe) -> Any:
    """peft's configuration for a recipe with `lora`; None without. With `freeze_vision` it leaves out what sees."""
    if not recipe.get("lora"):
        return None
    import peft

    seeing = {"exclude_modules": rf"(.*\.)?({'|'.join(VISION)})\..*"} if recipe.get("freeze_vision") else {}
    return peft.LoraConfig(**{"task_type": "CAUSAL_LM", **seeing, **recipe["lora"]})


def rank() -> int:
    """The number of this process among those that accelerate started; 0 where it is the only one."""
    return int(os.environ.get("RANK", "0"))


def n_processes() -> int:
    """How many processes accelerate started."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main_process() -> bool:
    """Whether this process is the one that writes files."""
    return rank() == 0


def save(trainer: Any, processor: Any, folder: Path) -> None:
    """Write the trained model as a folder of its own: weights (an adapter, with LoRA), processor, tokenizer."""
    trainer.save_model(str(folder))
    if is_main_process():
        processor.save_pretrained(folder)


def merge_adapter(adapter: Path, folder: Path) -> None:
    """Write an adapter and its base as one model, for engines that load no adapters.

    Raises InputError for what is no adapter, and for a folder that is there already.
    """
    configuration = adapter / "adapter_config.json"
    if not configuration.is_file():
        raise InputError(f"{configuration}: no such file; an adapter is what a recipe with lora writes")
    if folder.exists():
        raise InputError(f"{folder}: is there already")
    torchvision_cpu.ensure()
    import peft
    from transformers import AutoModelForImageTextToText

    try:
        base = str(json.loads(configuration.read_text(encoding="utf-8"))["base_model_name_or_path"])
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{configuration}: names no base_model_name_or_path") from None
    try:
        model = AutoModelForImageTextToText.from_pretrained(base)
        merged = peft.PeftModel.from_pretrained(model, adapter).merge_and_unload()
        processor = load_processor(str(adapter), None)
    except Exception as error:  # as in `load`
        raise InputError(
            f"{adapter}: cannot be merged into {base}: {missing_reason(base) or reason_of(error)}"
        ) from None
    with whole_or_absent(folder, "the merged model"):
        merged.save_pretrained(folder)
        processor.save_pretrained(folder)


def checkpoints(output: Path) -> list[Path]:
    """The checkpoints of a run that can be gone on from, the oldest first.

    The trainer writes its state last, so a checkpoint without a readable one was cut off while it was written.
    """
    found = [path for path in output.glob("checkpoint-*") if path.name.removeprefix("checkpoint-").isdigit()]
    return sorted((path for path in found if is_complete(path)), key=step_of)


def step_of(checkpoint: Path) -> int:
    """The step at which a checkpoint was written."""
    return int(checkpoint.name.removeprefix("checkpoint-"))


def is_complete(checkpoint: Path) -> bool:
    """Whether a checkpoint was written to its end."""
    try:
        state = json.loads((checkpoint / TRAINER_STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(state, dict) and state.get("global_step") == step_of(checkpoint)


@contextmanager
def reading(checkpoint: str | None) -> Iterator[None]:
    """Say in one line that a checkpoint cannot be gone on from."""
    try:
        yield
    except Exception as error:  # safetensors, torch and pickle each raise their own
        raise InputError(
            f"{checkpoint}: cannot be gone on from: {reason_of(error)}; remove it, and --resume takes the one before it"
        ) from error


@contextmanager
def whole_or_absent(folder: Path, what: str = "the checkpoint") -> Iterator[None]:
    """Remove a folder of weights that could not be written to its end, and say so in one line."""
    try:
        yield
    except Exception as error:  # safetensors, torch and json each raise their own for a full disk
        shutil.rmtree(folder, ignore_errors=True)
        raise unwritten(folder, what, folder.parent, error) from error


@contextmanager
def saving(output: Path) -> Iterator[None]:
    """Say in one line that a trained model could not be written, and from where to go on."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        raise unwritten(output, "the trained model", output, error) from error


def unwritten(folder: Path, what: str, output: Path, error: Exception) -> InputError:
    """The error for what could not be written, with the checkpoint of the run that is left."""
    good = checkpoints(output)
    kept = f"the last good checkpoint is {good[-1]}; free some space and go on with --resume" if good else ""
    reason = reason_of(error)  # torch does not say that a disk is full
    free = f"{shutil.disk_usage(output).free / 2**20:,.0f} MiB are free there"
    return InputError(
        f"{folder}: {what} could not be written: {reason}; {free}; {kept or 'there is no checkpoint before it'}"
    )
