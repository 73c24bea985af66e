"""Trains a model from a recipe with trl's SFTTrainer or GRPOTrainer, and writes its folder.

recipe -> examples, checked -> model -> trl's trainer -> weights, card and learning curves

With `imitation` in its recipe each step of GRPO adds to its loss that of SFT on some reasoned pictures, as PPO-ptx adds
that of pretraining (InstructGPT, Ouyang et al., 2022, equation 2). Rewards that do not look at the reasoning pull it
along by chance; what SFT taught holds it.

An answer whose advantage is zero, as all answers to a picture have the same reward, adds nothing to the gradient where
the loss has no other term (KL, entropy). Where right answers are rare that is most of a batch, and these are left out
before the backward pass.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from globe_eval.benchmarks.prompts import PROMPTS
from globe_eval.errors import InputError, reason_of
from globe_train import card, checkpoint, patches
from globe_train.data import Examples, dataset, examples_of, imitation_examples, imitation_recipe
from globe_train.recipe import Recipe, check_libraries, configuration_class, gpus, reward_parameters, weights
from globe_train.rewards import Reward, find_reward, parameters_of, r_loc, trl_reward

BY_ROW = ("prompt_ids", "prompt_mask", "completion_ids", "completion_mask", "advantages", "mm_token_type_ids")
"""What trl keeps of each answer, a row each."""

MEANS = ("grpo", "dr_grpo")
"""Losses of trl's that are means over answers; the others count tokens, those of the left out too."""

ROUNDING = 1e-3
"""What an advantage may be of equal rewards: the rounding of their mean over the 1e-4 that trl adds to their spread."""


def imitating(trainer_class: type, recipe: Recipe, processor: Any, examples: Any) -> type:
    """A GRPO trainer that adds the loss of SFT on `examples` (rows of `data.dataset` with completions)."""
    from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

    given = recipe["imitation"]
    weight, size, seed = float(given.get("weight", 1.0)), int(given.get("rows", 16)), recipe.get("seed", 0)
    collate = DataCollatorForVisionLanguageModeling(processor, completion_only_loss=True)

    class Imitating(trainer_class):  # type: ignore[misc]
        def _generate_and_score_completions(self, inputs: Any) -> Any:
            made = super()._generate_and_score_completions(inputs)
            alone = self.beta == 0 and self.top_entropy_quantile == 1 and not self._entropy_bonus_enabled
            return without_zero_advantages(made) if self.model.training and alone and self.loss_type in MEANS else made

        def _compute_loss(self, model: Any, inputs: Any) -> Any:
            loss = super()._compute_loss(model, inputs)
            if not self.model.training:
                return loss
            chosen = rows_of_step(len(examples), size, seed, self.state.global_step)
            imitated = model(**self._prepare_input(collate([examples[index] for index in chosen]))).loss
            self._metrics["train"]["imitation_loss"].append(imitated.item())
            return loss + weight * imitated / self.current_gradient_accumulation_steps

    Imitating.__name__ = Imitating.__qualname__ = trainer_class.__name__
    return Imitating


def rows_of_step(n: int, size: int, seed: int, step: int) -> list[int]:
    """Which of n rows a step imitates: all of them once before any comes again, in an order that a seed draws.

    >>> sorted(rows_of_step(4, 2, 0, 0) + rows_of_step(4, 2, 0, 1))
    [0, 1, 2, 3]
    """
    places = range(step * size, (step + 1) * size)
    orders = {epoch: Random(f"imitation/{seed}/{epoch}").sample(range(n), n) for epoch in {p // n for p in places}}
    return [orders[place // n][place % n] for place in places]


def without_zero_advantages(made: Mapping[str, Any]) -> dict[str, Any]:
    """A generation batch of trl's without the answers of zero advantage; the gradient stays what it was.

    The loss is a mean over answers, so the advantages of the rest are scaled by their share. One answer stays where
    none has an advantage.
    """
    import torch

    advantages = made["advantages"]
    kept = torch.nonzero(advantages.abs() > ROUNDING).flatten().tolist() or [0]
    sizes = [int(grid.prod()) for grid in made["image_grid_thw"]]
    pixels = made["pixel_values"].split(sizes)
    return {
        **made,
        **{name: made[name][kept] for name in BY_ROW if name in made},
        "advantages": advantages[kept] * (len(kept) / len(advantages)),
        "pixel_values": torch.cat([pixels[index] for index in kept]),
        "image_grid_thw": made["image_grid_thw"][kept],
        "num_images": [made["num_images"][index] for index in kept],
    }


Build = Callable[[Recipe, Any, Any, Any, Any], Any]
"""(recipe, trl's configuration, model, processor, data set) -> trainer."""

Prepared = tuple[Examples, list[dict[str, Any]]]
"""Examples, and what they share with each benchmark of `against`."""


def run(recipe: Recipe, *, resume: bool = False) -> Path:
    """Train by a recipe of kind sft or grpo; returns the folder of the trained model.

    Whether vLLM and the reward model of `r_loc` answer is found out first, before data are read or a model is loaded.
    """
    if recipe["kind"] == "sft":
        return train(recipe, sft_trainer, resume=resume)
    if (recipe.get("trainer") or {}).get("use_vllm"):
        from globe_train import vllm

        vllm.check(recipe)
    return train(recipe, partial(grpo_trainer, reward_funcs=rewards(recipe)), resume=resume)


def train(recipe: Recipe, build: Build, *, resume: bool = False, prepared: Prepared | None = None) -> Path:
    """Train with the trainer that `build` makes; returns the folder of the trained model.

    Raises InputError for what is wrong with recipe, data or model, before the first step; for a run that is there
    already; for `resume` where there is no checkpoint to go on from.
    """
    last = start_from(recipe.output, resume)
    check_launch(recipe)
    check_libraries(recipe)
    # Alive until the end: DeepSpeed's sharded loading holds on to it by a weak reference.
    config = trl_configuration(recipe)
    examples, shared = prepared or examples_of(recipe)
    model, processor = checkpoint.load(recipe, config)
    data, trainer = dataset(examples, recipe), None
    started = time.monotonic()
    try:
        trainer = build(recipe, config, model, processor, data)
        trainer.train(resume_from_checkpoint=None if last is None else str(last))
    except (ImportError, OSError, RuntimeError, TypeError, ValueError) as error:
        if trainer is not None and trainer.state.global_step > (0 if last is None else checkpoint.step_of(last)):
            raise
        # before the first step is done it is the recipe that the libraries, or the machine, cannot follow
        raise recipe.error(f"trainer: {type(error).__name__}: {reason_of(error)}", "trainer") from error
    seconds = time.monotonic() - started
    with checkpoint.saving(recipe.output):
        checkpoint.save(trainer, processor, recipe.output)
        if checkpoint.is_main_process():
            card.write(recipe, examples, shared, trainer.state.log_history, seconds=seconds, resumed=last)
    return recipe.output


def check_launch(recipe: Recipe) -> None:
    """Raise InputError where one process would train on several GPUs, which trl refuses when the model is loaded."""
    import torch

    n = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if n > 1 and checkpoint.n_processes() == 1:
        launch = f"globe-train launch {' '.join(recipe.command)} --gpus {gpus(recipe).text}"
        raise InputError(f"{n} GPUs and one process: start it with {launch}, or give it one: CUDA_VISIBLE_DEVICES=0")


def start_from(output: Path, resume: bool) -> Path | None:
    """The checkpoint to go on from, or None for a new run."""
    found = checkpoint.checkpoints(output)
    if resume and not found:
        raise InputError(f"{output}: no checkpoint to resume from; leave --resume out to start")
    if not resume and (found or (output / card.LOG).is_file()):
        raise InputError(f"{output}: a run is there already; go on with --resume, or give another output=…")
    return found[-1] if resume else None


def trl_configuration(recipe: Recipe) -> Any:
    """trl's configuration of a recipe: its own arguments over what suits the machine.

    A GPU gets bfloat16 and gradient checkpointing, as trl does; a CPU neither (trl's defaults would be slower there and
    train in half precision). No example of SFT is cut: trl's default of 1,024 tokens would cut through the picture of a
    large photograph. YAML reads `save_strategy: no` as false, and trl wants the word.

    Raises InputError for a value that trl refuses.
    """
    import torch

    on_gpu = torch.cuda.is_available()
    given: dict[str, Any] = {
        **{"use_cpu": not on_gpu, "bf16": on_gpu, "gradient_checkpointing": on_gpu},
        **{"report_to": "none", "logging_steps": 1},
        **({"reward_weights": list(weights(recipe).values())} if recipe["kind"] == "grpo" else {"max_length": None}),
        **(recipe.get("trainer") or {}),
        **{"output_dir": str(recipe.output), "seed": recipe.get("seed", 0)},
    }
    for key, value in given.items():
        if value is False and key.endswith("_strategy"):
            given[key] = "no"
    try:
        return configuration_class(recipe["kind"])(**given)
    except (ImportError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise recipe.error(f"trainer: {reason_of(error)}", "trainer") from None


def trl_arguments(recipe: Recipe, config: Any, model: Any, processor: Any, data: Any) -> dict[str, Any]:
    """What each of trl's trainers is made of; a frozen vision part remembers features from here on.

    Not where weights are shared out among processes: each must ask for the same weights at the same time.
    """
    if recipe.get("freeze_vision") and not checkpoint.is_sharded(config):
        cache_vision_features(model)
    made = {"model": model, "args": config, "train_dataset": data, "processing_class": processor}
    return {**made, "peft_config": checkpoint.lora_config(recipe)}


def sft_trainer(recipe: Recipe, config: Any, model: Any, processor: Any, data: Any) -> Any:
    """trl's SFTTrainer of a recipe. The loss is that of the completion alone."""
    import trl

    arguments = trl_arguments(recipe, config, model, processor, data)
    return with_optimizer(patches.resumable(trl.SFTTrainer)(**arguments), recipe, config)


def grpo_trainer(
    recipe: Recipe, config: Any, model: Any, processor: Any, data: Any, reward_funcs: Sequence[Reward] | None = None
) -> Any:
    """trl's GRPOTrainer of a recipe; its rewards are made unless they were made before."""
    import trl

    arguments = trl_arguments(recipe, config, model, processor, data)
    arguments["reward_funcs"] = list(rewards(recipe) if reward_funcs is None else reward_funcs)
    trainer_class = patches.one_placeholder(patches.resumable(trl.GRPOTrainer))
    if recipe.get("imitation"):
        beside = dataset(imitation_examples(recipe), imitation_recipe(recipe))
        trainer_class = imitating(trainer_class, recipe, processor, beside)
    make = partial(trainer_class, **arguments)
    if not (recipe.get("trainer") or {}).get("use_vllm"):
        return with_optimizer(make(), recipe, config)
    from globe_train import vllm

    return with_optimizer(vllm.build(recipe, make), recipe, config)


def cache_vision_features(model: Any, kept: int = 2**28) -> None:
    """Let the frozen `visual` of a model of Qwen's (2.5-VL) remember features, `kept` bytes of them; else nothing.

    In a step of GRPO a picture is seen by each of its answers, when they are generated and again when they are learnt
    from. It is known again by its pixels, not by its place in a batch. The weights must not change any more.
    """
    visual = getattr(getattr(model, "model", None), "visual", None)
    if visual is None or not hasattr(visual, "fullatt_block_indexes"):
        return
    import torch
    from transformers.modeling_outputs import BaseModelOutputWithPooling

    compute = visual.forward
    features: OrderedDict[tuple[bytes, tuple[int, ...]], Any] = OrderedDict()

    def digest(pixels: Any) -> bytes:
        return hashlib.blake2b(pixels.detach().float().cpu().numpy().tobytes(), digest_size=16).digest()

    def forward(hidden_states: Any, grid_thw: Any, **named: Any) -> Any:
        sizes = grid_thw.prod(-1).tolist()
        parts = hidden_states.split(sizes)
        keys = [(digest(part), tuple(grid)) for part, grid in zip(parts, grid_thw.tolist(), strict=True)]
        new = {key: index for index, key in enumerate(keys) if key not in features}
        if new:
            with torch.no_grad():
                made = compute(
                    torch.cat([parts[index] for index in new.values()]), grid_thw[list(new.values())], **named
                ).pooler_output
            tokens = [sizes[index] // visual.spatial_merge_size**2 for index in new.values()]
            features.update(zip(new, made.split(tokens), strict=True))
        for key in dict.fromkeys(keys):
            features.move_to_end(key)
        found = torch.cat([features[key] for key in keys])
        while len(features) * found.nbytes > kept * len(keys):
            features.popitem(last=False)
        return BaseModelOutputWithPooling(pooler_output=found)

    visual.forward = forward


def with_optimizer(trainer: Any, recipe: Recipe, config: Any) -> Any:
    """The trainer with the recipe's `optimizer`, where it names one."""
    if recipe.get("optimizer") == "muon":
        from globe_train.laptop import muon

        trainer.optimizer_cls_and_kwargs = muon.arguments(config)
    return trainer


def rewards(recipe: Recipe) -> list[Reward]:
    """The recipe's rewards as trl takes them, in the order of its weights.

    Raises InputError where the reward model of `r_loc` cannot be reached: before a step is made, not amid training.
    """
    form = PROMPTS[recipe.get("prompt", "globe_readme")].answer_form
    made = []
    for name in recipe["rewards"]:
        parameters = reward_parameters(recipe, name)
        if name == "r_loc":
            made.append(trl_reward(name, r_loc(**parameters)))
            continue
        reward = find_reward(name, recipe.path.parent)
        if "form" in parameters_of(reward):
            parameters = {"form": form, **parameters}
        made.append(trl_reward(name, reward, **parameters))
    return made
