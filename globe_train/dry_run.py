"""What a recipe would do, without doing it: data checked, sizes and memory estimated, rewards tried out."""

from __future__ import annotations

from globe_train import checkpoint, generation
from globe_train.data import Examples, messages
from globe_train.recipe import Recipe
from globe_train.training import arguments, configuration_class, configured, examples_of
from globe_train.tried import tried

OPTIMIZER_BYTES = 8
"""AdamW keeps two numbers of 4 bytes a trained weight."""


def dry_run(recipe: Recipe, sample: bool = False) -> str:
    """Everything that would be checked before the first step, and a description of the run, as text.

    Args:
        sample: ask the model for answers to be rewarded, whatever its size.
    """
    examples, shared = examples_of(recipe)
    lines = [
        f"{recipe.path}: {recipe['kind']} of {recipe['model']} -> {recipe.output}",
        *[f"departs from the paper: {departure}" for departure in recipe["departures"]],
        f"data: {examples.source}, {len(examples.rows):,} rows, SHA-256 {examples.sha256[:12]}…",
        *examples.notes,
        *[f"shared with {entry['benchmark']}: {entry['shared']}" for entry in shared],
        *sizes(recipe),
        *steps(recipe, len(examples.rows)),
        *generation.describe(recipe),
        *first_prompt(recipe, examples),
    ]
    if recipe["kind"] == "grpo":
        lines += tried(recipe, examples, sample)
    return "\n".join(lines)


def sizes(recipe: Recipe) -> list[str]:
    """Weights, and the memory that training them takes at least: one copy, gradients, AdamW's two moments."""
    checkpoint.torchvision_cpu.ensure()
    import torch
    from transformers import AutoConfig, AutoModelForImageTextToText

    try:
        config = AutoConfig.from_pretrained(recipe["model"])
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise recipe.error(f"model {recipe['model']!r} cannot be loaded: {reason}", "model") from None
    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(config)
    total = sum(weight.numel() for weight in model.parameters())
    vision = sum(
        w.numel() for name, w in model.named_parameters() if any(part in name.split(".") for part in checkpoint.VISION)
    )
    trained = total - (vision if recipe.get("freeze_vision") else 0)
    if recipe.get("lora"):
        import peft

        adapted = peft.get_peft_model(model, checkpoint.lora_config(recipe))
        trained = sum(weight.numel() for weight in adapted.parameters() if weight.requires_grad)
    width = 2 if arguments(recipe)["bf16"] else 4
    copies = (
        2 if recipe["kind"] == "grpo" and (recipe.get("trainer") or {}).get("beta") and not recipe.get("lora") else 1
    )
    memory = total * width * copies + trained * (width + OPTIMIZER_BYTES)
    return [
        f"model: {total:,} weights, {vision:,} of them see, {trained:,} are trained",
        f"memory: {memory / 2**30:,.2f} GiB for weights{' (twice: a reference model)' if copies == 2 else ''}, "
        "gradients and AdamW, over all GPUs; activations and answers come on top",
    ]


def steps(recipe: Recipe, n: int) -> list[str]:
    """How many steps the run has in this number of processes."""
    import os

    config = configured(recipe, configuration_class(recipe))
    batch = (
        config.per_device_train_batch_size * config.gradient_accumulation_steps * int(os.environ.get("WORLD_SIZE", 1))
    )
    answers = config.num_generations if recipe["kind"] == "grpo" else 1
    total = config.max_steps if config.max_steps > 0 else int(n * answers / batch * config.num_train_epochs)
    what = f"{batch / answers:g} pictures of {answers} answers" if answers > 1 else f"{batch} examples"
    return [f"steps: {total:,} of {what} each, learning rate {config.learning_rate:g}"]


def first_prompt(recipe: Recipe, examples: Examples) -> list[str]:
    """What the model is asked first, and where its picture is."""
    row = examples.rows[0]
    said = messages(recipe.get("prompt", "globe_readme"))
    return [
        f"first picture: {examples.images / row['image']}",
        *[f"{turn['role']}: {turn['content']}" for turn in said],
    ]
