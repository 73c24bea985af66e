"""What a recipe would do, without doing it: data checked, sizes and memory estimated, rewards tried out."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from globe_train import checkpoint, train, vllm
from globe_train.data import Examples, examples_of, messages, target
from globe_train.recipe import Recipe, check_libraries, weights

OPTIMIZER_BYTES = 8
"""AdamW keeps two numbers of 4 bytes a trained weight."""

N = 3
SMALL_BYTES = 10**9
"""A model of a folder of this machine with less than this of weights is loaded for a dry run without being asked to."""


def dry_run(recipe: Recipe, sample: bool = False) -> str:
    """Everything that would be checked before the first step, and a description of the run, as text.

    Args:
        sample: ask the model for answers to be rewarded, whatever its size.
    """
    check_libraries(recipe)
    config = train.configured(recipe)
    examples, shared = examples_of(recipe)
    lines = [
        f"{recipe.path}: {recipe['kind']} of {recipe['model']} -> {recipe.output}",
        *[f"departs from the paper: {departure}" for departure in recipe["departures"]],
        f"data: {examples.source}, {len(examples.rows):,} rows, SHA-256 {examples.sha256[:12]}…",
        *examples.notes,
        *[f"shared with {entry['benchmark']}: {entry['shared']}" for entry in shared],
        *sizes(recipe, config),
        *steps(recipe, config, len(examples.rows)),
        *vllm.describe(recipe),
        *first_prompt(recipe, examples),
    ]
    if recipe["kind"] == "grpo":
        lines += reward_lines(recipe, examples, sample)
    return "\n".join(lines)


def sizes(recipe: Recipe, config: Any) -> list[str]:
    """Weights, and the memory that training them takes at least: one copy, gradients, AdamW's two moments."""
    checkpoint.torchvision_cpu.ensure()
    import torch
    from transformers import AutoConfig, AutoModelForImageTextToText

    try:
        shape = AutoConfig.from_pretrained(recipe["model"])
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise recipe.error(f"model {recipe['model']!r} cannot be loaded: {reason}", "model") from None
    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(shape)
    total = sum(weight.numel() for weight in model.parameters())
    vision = sum(
        w.numel() for name, w in model.named_parameters() if any(part in name.split(".") for part in checkpoint.VISION)
    )
    trained = total - (vision if recipe.get("freeze_vision") else 0)
    if recipe.get("lora"):
        import peft

        adapted = peft.get_peft_model(model, checkpoint.lora_config(recipe))
        trained = sum(weight.numel() for weight in adapted.parameters() if weight.requires_grad)
    width = 2 if config.bf16 else 4
    copies = (
        2 if recipe["kind"] == "grpo" and (recipe.get("trainer") or {}).get("beta") and not recipe.get("lora") else 1
    )
    memory = total * width * copies + trained * (width + OPTIMIZER_BYTES)
    return [
        f"model: {total:,} weights, {vision:,} of them see, {trained:,} are trained",
        f"memory: {memory / 2**30:,.2f} GiB for weights{' (twice: a reference model)' if copies == 2 else ''}, "
        "gradients and AdamW, over all GPUs; activations and answers come on top",
    ]


def steps(recipe: Recipe, config: Any, n: int) -> list[str]:
    """How many steps the run has in this number of processes."""
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    batch = config.per_device_train_batch_size * config.gradient_accumulation_steps * processes
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


def reward_lines(recipe: Recipe, examples: Examples, sample: bool = False) -> list[str]:
    """The rewards of answers to the first picture: the data's own, and three of the model's where it is small.

    Args:
        sample: load the model whatever its size, from the hub too.
    """
    from PIL import Image

    row, other = examples.rows[0], examples.rows[-1]
    picture = Image.open(examples.images / row["image"]).convert("RGB")
    own = {
        "the true answer": target({**row, "reasoning": _reasoning(row)}),
        "another picture's": target({**other, "reasoning": _reasoning(other)}),
        "nothing": "",
    }
    lines = [
        f"rewards of {N} answers to it: {', '.join(own)}",
        *rewarded(recipe, row, picture, list(own.values())),
    ]
    size = weights_of(str(recipe["model"]))
    if not sample and (size is None or size > SMALL_BYTES):
        return [*lines, f"none was asked of the model, which is large or not on this machine: --sample asks for {N}"]
    said = sampled(recipe, picture)
    shown = [f"  {i}: {short(text)}" for i, text in enumerate(said, start=1)]
    return [
        *lines,
        f"{N} answers sampled from the model as it is:",
        *shown,
        "their rewards:",
        *rewarded(recipe, row, picture, said),
    ]


def short(text: str, most: int = 160) -> str:
    """A text on one line, cut where it is long.

    >>> short("a\\nb"), short("abc", 2)
    ('a⏎b', 'ab…')
    """
    line = text.replace("\n", "⏎")
    return line if len(line) <= most else line[:most] + "…"


def rewarded(recipe: Recipe, row: Mapping[str, Any], picture: Any, texts: Sequence[str]) -> list[str]:
    """A line a reward: its values for answers to one picture."""
    n = len(texts)
    columns: dict[str, Any] = {name: [row[name]] * n for name in row} | {"images": [[picture]] * n}
    completions = [[{"role": "assistant", "content": text}] for text in texts]
    lines = []
    for (name, weight), reward in zip(weights(recipe).items(), train.rewards(recipe), strict=True):
        values = reward(prompts=[None] * n, completions=completions, completion_ids=[None] * n, **columns)
        if hasattr(values, "__await__"):
            values = asyncio.run(values)
        lines.append(f"  {name} (weight {weight:g}): " + ", ".join("None" if v is None else f"{v:.3f}" for v in values))
    return lines


def weights_of(model: str) -> int | None:
    """Bytes of a model's safetensors in a folder of this machine; None for what is none, as a name on the hub."""
    files = list(Path(model).glob("*.safetensors")) if Path(model).is_dir() else []
    return sum(file.stat().st_size for file in files) if files else None


def sampled(recipe: Recipe, picture: Any) -> list[str]:
    """Answers of the model to a picture, drawn as the run's first step draws them, from the recipe's seed."""
    import torch

    model, processor = checkpoint.load(recipe)
    config = train.configured(recipe)
    model = model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
    system, user = messages(recipe.get("prompt", "globe_readme"))
    asked = [
        {"role": "system", "content": [{"type": "text", "text": system["content"]}]},
        {"role": "user", "content": [{"type": "image", "image": picture}, {"type": "text", "text": user["content"]}]},
    ]
    inputs = processor.apply_chat_template(
        asked, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
    ).to(model.device)
    torch.manual_seed(recipe.get("seed", 0))
    with torch.no_grad():
        drawn = model.generate(
            **inputs,
            do_sample=True,
            num_return_sequences=N,
            max_new_tokens=config.max_completion_length,
            temperature=config.temperature,
            top_p=config.top_p,
            top_k=config.top_k,
        )
    return list(processor.batch_decode(drawn[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True))


def _reasoning(row: Mapping[str, Any]) -> str:
    return str(row["reasoning"] or "I can see " + ", ".join(row["entities"] or ["nothing"]) + ".")
