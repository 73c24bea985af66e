"""Reinforcement: the model answers, rewards judge the answers of one picture against each other. trl's GRPOTrainer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from globe_eval.benchmarks.prompts import PROMPTS
from globe_train import generation
from globe_train.checkpoint import lora_config
from globe_train.recipe import Recipe, reward_parameters, weights
from globe_train.resume import resumable
from globe_train.reward_model import judge
from globe_train.rewards import Reward, find_reward, named, parameters_of
from globe_train.training import configured, train


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


def trainer(recipe: Recipe, model: Any, processor: Any, data: Any, reward_funcs: Sequence[Reward] | None = None) -> Any:
    """The trainer of a recipe; its rewards are made unless they were made before."""
    import trl

    config = configured(recipe, trl.GRPOConfig, reward_weights=list(weights(recipe).values()))
    make = partial(
        generation.one_prompt(resumable(trl.GRPOTrainer)),
        model=model,
        args=config,
        train_dataset=data,
        reward_funcs=list(rewards(recipe) if reward_funcs is None else reward_funcs),
        processing_class=processor,
        peft_config=lora_config(recipe),
    )
    return generation.build(recipe, make)


def run(recipe: Recipe, *, resume: bool = False) -> Path:
    """Train; returns the folder of the trained model.

    The rewards are made first: a server that does not answer is told before the model is loaded.
    """
    generation.check_vllm(recipe)
    return train(recipe, partial(trainer, reward_funcs=rewards(recipe)), resume=resume)
