"""Reinforcement: the model answers, rewards judge the answers of one picture against each other. trl's GRPOTrainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from globe_eval.benchmarks.prompts import PROMPTS
from globe_train.checkpoint import lora_config
from globe_train.recipe import Recipe, reward_parameters, weights
from globe_train.resume import resumable
from globe_train.reward_model import judge
from globe_train.rewards import Reward, find_reward, named, parameters_of
from globe_train.training import arguments, train


def rewards(recipe: Recipe) -> list[Reward]:
    """The recipe's rewards as trl takes them, in the order of its weights.

    Raises InputError where the reward model of `r_loc` cannot be reached: before a step is made, not amid training.
    """
    form = PROMPTS[recipe.get("prompt", "globe_readme")].answer_form
    made = []
    for name in recipe["rewards"]:
        parameters = reward_parameters(recipe, name)
        reward = judge(**parameters) if name == "r_loc" else find_reward(name, recipe.path.parent)
        if name == "r_loc":
            parameters = {}
        elif "form" in parameters_of(reward):
            parameters = {"form": form, **parameters}
        made.append(named(name, reward, **parameters))
    return made


def trainer(recipe: Recipe, model: Any, processor: Any, data: Any) -> Any:
    """The trainer of a recipe."""
    import trl

    config = trl.GRPOConfig(**arguments(recipe, reward_weights=list(weights(recipe).values())))
    return resumable(trl.GRPOTrainer)(
        model=model,
        args=config,
        train_dataset=data,
        reward_funcs=rewards(recipe),
        processing_class=processor,
        peft_config=lora_config(recipe),
    )


def run(recipe: Recipe, *, resume: bool = False) -> Path:
    """Train; returns the folder of the trained model."""
    return train(recipe, trainer, resume=resume)
