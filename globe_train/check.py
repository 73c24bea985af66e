"""`--dry-run`: checks a recipe and estimates sizes, memory, steps, disk, hours and rewards without training.

Nothing is fetched: a data set or a model that is not on this machine is stood in for by what is known of it.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from globe_eval.errors import InputError, reason_of
from globe_eval.models import torchvision_cpu
from globe_train import checkpoint, train, vllm
from globe_train.card import overlap_lines
from globe_train.data import (
    Examples,
    benchmark_rows,
    examples_of,
    hub_folder,
    hub_name,
    judge_messages,
    messages,
    target,
)
from globe_train.laptop import missing_reason
from globe_train.recipe import Recipe, check_libraries, gpus, weights
from globe_train.reward_model import with_picture

SHAPES = Path(__file__).parent / "shapes"
"""Configurations of published models, so that their sizes are known without the hub."""

ROWS = {"globe-project/MP16-Reason:train": 33_721}
"""Data set of the hub -> rows, by its paper."""

PAPER_RATE = 0.44
"""Photographs a second in the paper's GRPO of Qwen2.5-VL-7B on 8 H20."""

MASTER_BYTES, MOMENT_BYTES = 4, 8
"""A trained weight: its copy in float32 where it is trained in bfloat16, and AdamW's two numbers."""

ANSWERS = 3
SMALL_BYTES = 10**9
"""A model of a folder of this machine with less than this of weights is loaded for a dry run without being asked to."""


def dry_run(recipe: Recipe, sample: bool = False, rate: float | None = None, resume: bool = False) -> str:
    """Check everything that can be checked before the first step; returns a description of the run as text.

    `sample` asks the model for answers to be rewarded, whatever its size; `rate`, in photographs a second, is for the
    hours (None: the paper's, where the run is the paper's); `resume` is of a run that would go on from a checkpoint.
    """
    train.start_from(recipe.output, resume)
    check_libraries(recipe)
    config = train.trl_configuration(recipe)
    lines = [f"{recipe.path}: {recipe['kind']} of {recipe['model']} -> {recipe.output}"]
    lines += [f"departs from the paper: {departure}" for departure in recipe["departures"]]
    examples, n, said = data(recipe)
    size = model_size(recipe)
    planned = steps(recipe, config, n)
    lines += [*said, size.text, memory(recipe, config, size), f"{planned.text}, learning rate {config.learning_rate:g}"]
    lines += [*disk(recipe, config, size, planned), hours(recipe, config, n, rate), *vllm.describe(recipe)]
    lines += first_prompt(recipe, examples)
    if recipe["kind"] == "grpo" and examples is not None:
        lines += reward_lines(recipe, config, examples, sample)
    return "\n".join(lines)


def data(recipe: Recipe) -> tuple[Examples | None, int, list[str]]:
    """The examples (None where they are not on this machine), their number, and lines that describe them."""
    hub = recipe["data"].get("hub")
    if hub is not None and not (hub_folder(recipe) / "truth.parquet").is_file():
        name = hub_name(recipe)
        if name not in ROWS and not recipe["data"].get("limit"):
            raise recipe.error(
                f"data, hub: {name} is not on this machine; say how many rows it has: data.limit=N", "data"
            )
        n = min(ROWS.get(name, math.inf), recipe["data"].get("limit") or math.inf)
        lines = [f"data: {name} is not on this machine; {n:,} rows, of which nothing was checked"]
        return None, int(n), lines + [unprepared(recipe, str(one)) for one in recipe.get("against") or []]
    examples, shared = examples_of(recipe)
    lines = [f"data: {examples.source}, {len(examples.rows):,} rows, SHA-256 {examples.sha256[:12]}…", *examples.notes]
    lines += [line.removeprefix("- ") for line in overlap_lines(shared) if line]
    return examples, len(examples.rows), lines


def unprepared(recipe: Recipe, name: str) -> str:
    """Whether a benchmark of `against` can be compared with."""
    try:
        return f"against {name}: {len(benchmark_rows(name, recipe.output)):,} photographs"
    except InputError as error:
        return str(error)


class Size(NamedTuple):
    """Number of parameters of a model: all, those of the vision tower, those that are trained."""

    total: int
    vision: int
    trained: int

    @property
    def text(self) -> str:
        """As a dry run says it."""
        return f"model: {self.total:,} weights, {self.vision:,} of them see, {self.trained:,} are trained"


def model_size(recipe: Recipe) -> Size:
    """The size of a recipe's model, from its configuration alone: in a folder, shipped, or on the hub."""
    torchvision_cpu.ensure()
    import torch
    from transformers import AutoConfig, AutoModelForImageTextToText

    shipped = SHAPES / f"{str(recipe['model']).rpartition('/')[2]}.json"
    try:
        if shipped.is_file() and not Path(recipe["model"]).is_dir():
            values = json.loads(shipped.read_text(encoding="utf-8"))
            shape = AutoConfig.for_model(values.pop("model_type"), **values)
        else:
            shape = AutoConfig.from_pretrained(recipe["model"])
        with torch.device("meta"):
            model = AutoModelForImageTextToText.from_config(shape)
    except (OSError, ValueError) as error:
        reason = missing_reason(recipe["model"]) or reason_of(error, 200)
        raise recipe.error(f"model {recipe['model']!r} cannot be loaded: {reason}", "model") from None
    total = sum(weight.numel() for weight in model.parameters())
    vision = sum(weight.numel() for name, weight in model.named_parameters() if checkpoint.is_vision_weight(name))
    trained = total - (vision if recipe.get("freeze_vision") else 0)
    if recipe.get("lora"):
        import peft

        adapted = peft.get_peft_model(model, checkpoint.lora_config(recipe))
        trained = sum(weight.numel() for weight in adapted.parameters() if weight.requires_grad)
    return Size(total, vision, trained)


def memory(recipe: Recipe, config: Any, size: Size) -> str:
    """What weights, gradients and optimizer take at least, over all GPUs and on each.

    - one process, all weights: float32, since nothing else holds a copy of it;
    - several (DeepSpeed's ZeRO-3, or FSDP): bfloat16 with a copy in float32, all of it shared out;
    - an adapter: bfloat16, the adapter in float32.
    """
    processes, adapter = processes_of(recipe), bool(recipe.get("lora"))
    width = 2 if config.bf16 and (adapter or processes > 1) else 4
    referred = recipe["kind"] == "grpo" and config.beta != 0 and not adapter  # by the KL term
    gradient = 4 if adapter else width
    master = MASTER_BYTES if adapter or width == 2 else 0
    needed = size.total * width * (2 if referred else 1) + size.trained * (gradient + master + MOMENT_BYTES)
    gibibytes = needed / 2**30
    twice = " (twice: a reference model)" if referred else ""
    each = f" over {processes} GPUs, {gibibytes / processes:,.1f} GiB on each" if processes > 1 else ""
    least = f"{gibibytes:,.2f} GiB for weights{twice}, gradients and AdamW{each}"
    return f"memory: {least}; activations and answers come on top"


def processes_of(recipe: Recipe) -> int:
    """How many processes train: those that were started, or else those that the recipe states."""
    return checkpoint.n_processes() if checkpoint.n_processes() > 1 else gpus(recipe).train


class Steps(NamedTuple):
    """How many steps a run has, each of how many examples with how many answers, in how many processes."""

    total: int
    examples: float
    answers: int
    processes: int

    @property
    def text(self) -> str:
        """As a dry run says it."""
        what = f"pictures of {self.answers} answers" if self.answers > 1 else "examples"
        several = f" in {self.processes} processes" if self.processes > 1 else ""
        return f"steps: {self.total:,} of {self.examples:g} {what} each{several}"


def steps(recipe: Recipe, config: Any, n: int) -> Steps:
    """The steps of a run over n examples."""
    processes = processes_of(recipe)
    answers = config.num_generations if recipe["kind"] == "grpo" else 1
    batch = config.per_device_train_batch_size * config.gradient_accumulation_steps * processes
    if recipe["kind"] == "grpo":  # a step that would not be full is not made
        epoch = int(n * answers // batch)
    else:
        batches = math.ceil(n / (config.per_device_train_batch_size * processes))
        epoch = math.ceil(batches / config.gradient_accumulation_steps)
    total = config.max_steps if config.max_steps > 0 else math.ceil(max(epoch, 1) * config.num_train_epochs)
    return Steps(total, batch / answers, answers, processes)


def disk(recipe: Recipe, config: Any, size: Size, planned: Steps) -> list[str]:
    """What checkpoints take: weights, the copy in float32 where there is one, and AdamW's moments."""
    if config.save_strategy == "no" or config.save_steps < 1:
        return []
    halved = config.bf16 and processes_of(recipe) > 1
    if recipe.get("lora"):
        each = size.trained * (4 + MOMENT_BYTES)
    else:
        each = size.total * (2 if halved else 4) + size.trained * (MOMENT_BYTES + (MASTER_BYTES if halved else 0))
    saves = planned.total // int(config.save_steps)
    at_once = min(saves, (config.save_total_limit or saves) + 1)
    return [
        f"disk: {each / 1e9:,.1f} GB a checkpoint, {saves:,} of them every {config.save_steps:g} steps: "
        f"{each * at_once / 1e9:,.0f} GB at once, {each * saves / 1e9:,.0f} GB written"
    ]


def hours(recipe: Recipe, config: Any, n: int, rate: float | None) -> str:
    """How long the run takes at a stated rate."""
    papers = recipe["kind"] == "grpo" and "Qwen2.5-VL-7B" in recipe["model"] and sum(gpus(recipe)) == 8
    if rate is None and not papers:
        return "hours: not known; --rate states how many photographs a second are trained on"
    stated = PAPER_RATE if rate is None else rate
    photographs = n * config.num_train_epochs
    if config.max_steps > 0:
        planned = steps(recipe, config, n)
        photographs = planned.total * planned.examples
    what = "the paper's, on 8 H20" if rate is None else "as stated"
    return f"hours: {photographs / stated / 3600:,.1f} at {stated:g} photographs a second ({what})"


def first_prompt(recipe: Recipe, examples: Examples | None) -> list[str]:
    """The first prompt of the run, and the path of its picture."""
    where, reasoning = "none here", "(a reasoning)"
    if examples is not None:
        row = examples.rows[0]
        where, reasoning = str(examples.images / row["image"]), str(row["reasoning"])
    judged = recipe["kind"] == "reward_model"
    asked = judge_messages(reasoning) if judged else messages(recipe.get("prompt", "globe_readme"))
    return [f"first picture: {where}", *[f"{turn['role']}: {turn['content']}" for turn in asked]]


def reward_lines(recipe: Recipe, config: Any, examples: Examples, sample: bool = False) -> list[str]:
    """The rewards of answers to the first picture: the data's own, and three of the model's where it is small.

    With `sample` of any model, from the hub too.
    """
    from PIL import Image

    row, other = examples.rows[0], examples.rows[-1]
    picture = Image.open(examples.images / row["image"]).convert("RGB")
    own = {
        "the true answer": target({**row, "reasoning": _reasoning(row)}),
        "another picture's": target({**other, "reasoning": _reasoning(other)}),
        "nothing": "",
    }
    lines = [f"rewards of {ANSWERS} answers to it: {', '.join(own)}"]
    lines += values_of_rewards(recipe, row, picture, list(own.values()))
    files = Path(recipe["model"]).glob("*.safetensors")  # none of a name on the hub
    if not sample and not 0 < sum(file.stat().st_size for file in files) <= SMALL_BYTES:
        why = f"none was asked of the model, which is large or not on this machine: --sample asks for {ANSWERS}"
        return [*lines, why]
    said = sample_answers(recipe, config, picture)
    lines += [f"{ANSWERS} answers sampled from the model as it is:"]
    lines += [f"  {i}: {short(text)}" for i, text in enumerate(said, start=1)]
    return [*lines, "their rewards:", *values_of_rewards(recipe, row, picture, said)]


def short(text: str, most: int = 160) -> str:
    """A text on one line, cut where it is long.

    >>> short("a\\nb"), short("abc", 2)
    ('a⏎b', 'ab…')
    """
    line = text.replace("\n", "⏎")
    return line if len(line) <= most else line[:most] + "…"


def values_of_rewards(recipe: Recipe, row: Mapping[str, Any], picture: Any, texts: Sequence[str]) -> list[str]:
    """The values of each reward for answers to one picture, a line each."""
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


def sample_answers(recipe: Recipe, config: Any, picture: Any) -> list[str]:
    """Answers of the model to a picture, drawn as the run's first step draws them, from the recipe's seed."""
    import torch

    model, processor = checkpoint.load(recipe, config)
    model = model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
    asked = with_picture(messages(recipe.get("prompt", "globe_readme")), {"type": "image", "image": picture})
    inputs = processor.apply_chat_template(
        asked, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
    ).to(model.device)
    torch.manual_seed(recipe.get("seed", 0))
    sampling = {name: getattr(config, name) for name in ("temperature", "top_p", "top_k")}
    length = config.max_completion_length
    with torch.no_grad():
        drawn = model.generate(
            **inputs, do_sample=True, num_return_sequences=ANSWERS, max_new_tokens=length, **sampling
        )
    return list(processor.batch_decode(drawn[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True))


def _reasoning(row: Mapping[str, Any]) -> str:
    return str(row["reasoning"] or "I can see " + ", ".join(row["entities"] or ["nothing"]) + ".")
