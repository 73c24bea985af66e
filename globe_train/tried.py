"""The rewards of a recipe on a few answers to one picture: what `--dry-run` shows of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from globe_train import checkpoint
from globe_train.data import Examples, messages, target
from globe_train.recipe import Recipe, weights
from globe_train.training import configured

N = 3
SMALL_BYTES = 10**9
"""A model of a folder of this machine with less than this of weights is loaded for a dry run without being asked to."""


def tried(recipe: Recipe, examples: Examples, sample: bool = False) -> list[str]:
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
    from globe_train.grpo import rewards

    n = len(texts)
    columns: dict[str, Any] = {name: [row[name]] * n for name in row} | {"images": [[picture]] * n}
    completions = [[{"role": "assistant", "content": text}] for text in texts]
    lines = []
    for (name, weight), reward in zip(weights(recipe).items(), rewards(recipe), strict=True):
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
    import trl

    model, processor = checkpoint.load(recipe)
    config = configured(recipe, trl.GRPOConfig)
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
