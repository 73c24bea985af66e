"""GRPO with imitation beside it, and without work on answers that teach nothing.

With `imitation` in its recipe each step of GRPO adds to its loss that of SFT on some reasoned pictures, as PPO-ptx adds
that of pretraining (InstructGPT, Ouyang et al., 2022, equation 2). Rewards that do not look at the reasoning pull it
along by chance; what SFT taught holds it.

An answer whose advantage is zero, as all answers to a picture have the same reward, adds nothing to the gradient where
the loss has no other term (KL, entropy). Where right answers are rare that is most of a batch, and these are left out
before the backward pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from globe_train.recipe import Recipe

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
