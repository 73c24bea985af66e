"""What SFT, reward model and GRPO share: the way from a recipe to a folder with a trained model.

recipe -> examples, checked -> model -> trl's trainer -> checkpoint, its card and curves
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from globe_eval.errors import InputError
from globe_train import card, checkpoint
from globe_train.contamination import contamination
from globe_train.data import Examples, dataset, read_examples
from globe_train.recipe import Recipe, check_libraries
from globe_train.resume import checkpoints, saving

Build = Callable[[Recipe, Any, Any, Any], Any]
"""(recipe, model, processor, data set) -> trainer."""


def examples_of(recipe: Recipe) -> tuple[Examples, list[dict[str, Any]]]:
    """The checked examples of a recipe, and what they share with each benchmark that it names."""
    check_libraries(recipe)
    configured(recipe, configuration_class(recipe))
    journal = f"pictures-{checkpoint.rank()}.jsonl" if checkpoint.rank() else "pictures.jsonl"
    examples = read_examples(recipe, recipe.output / journal)
    return examples, contamination(recipe, examples)


def train(recipe: Recipe, build: Build, *, resume: bool = False, prepared: Any = None) -> Path:
    """Train by a recipe; returns the folder of the trained model.

    Raises InputError for what is wrong with recipe, data or model, before the first step; for a run that is there
    already; for `resume` where there is no checkpoint to go on from.
    """
    last = start_from(recipe.output, resume)
    examples, shared = prepared or examples_of(recipe)
    model, processor = checkpoint.load(recipe)
    trainer = build(recipe, model, processor, dataset(examples, recipe))
    started = time.monotonic()
    trainer.train(resume_from_checkpoint=None if last is None else str(last))
    seconds = time.monotonic() - started
    with saving(recipe.output):
        checkpoint.save(trainer, processor, recipe.output)
        if checkpoint.is_main_process():
            card.write(recipe, examples, shared, trainer.state.log_history, seconds=seconds, resumed=last)
    return recipe.output


def start_from(output: Path, resume: bool) -> Path | None:
    """The checkpoint to go on from, or None for a new run."""
    found = checkpoints(output)
    if resume and not found:
        raise InputError(f"{output}: no checkpoint to resume from; leave --resume out to start")
    if not resume and (found or (output / card.LOG).is_file()):
        raise InputError(f"{output}: a run is there already; go on with --resume, or give another output=…")
    return found[-1] if resume else None


def arguments(recipe: Recipe, **fixed: Any) -> dict[str, Any]:
    """The arguments of trl's configuration: those of the recipe over what suits the machine.

    A GPU gets bfloat16 and gradient checkpointing, as trl does; a CPU neither (trl's defaults would be slower there and
    train in half precision).
    """
    import torch

    on_gpu = torch.cuda.is_available()
    machine = {"use_cpu": not on_gpu, "bf16": on_gpu, "gradient_checkpointing": on_gpu, "report_to": "none"}
    return {
        **machine,
        "logging_steps": 1,
        **fixed,
        **(recipe.get("trainer") or {}),
        "output_dir": str(recipe.output),
        "seed": recipe.get("seed", 0),
    }


def configuration_class(recipe: Recipe) -> Callable[..., Any]:
    """trl's class of arguments for a kind of recipe."""
    import trl

    found: Callable[..., Any] = trl.GRPOConfig if recipe["kind"] == "grpo" else trl.SFTConfig
    return found


def configured(recipe: Recipe, config: Callable[..., Any], **fixed: Any) -> Any:
    """trl's configuration of a recipe. Raises InputError for a value that trl refuses.

    YAML reads `save_strategy: no` as false, and trl wants the word.
    """
    given = {
        key: "no" if value is False and key.endswith("_strategy") else value
        for key, value in arguments(recipe, **fixed).items()
    }
    try:
        return config(**given)
    except (ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise recipe.error(f"trainer: {reason}", "trainer") from None


def log_of(folder: Path) -> list[dict[str, Any]]:
    """The log of a finished run: what the trainer reported, a mapping a report."""
    return [json.loads(line) for line in (folder / card.LOG).read_text(encoding="utf-8").splitlines()]
