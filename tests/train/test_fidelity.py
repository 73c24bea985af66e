"""Each recipe of GLOBE beside the released script that it follows: what differs is a sentence of its departures."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest

from globe_train import reward_model, rewards, train
from globe_train.checkpoint import lora_config
from globe_train.recipe import Recipe, gpus, read_recipe, reward_parameters, weights

RELEASED = json.loads((Path(__file__).parents[1] / "golden/released_training.json").read_text(encoding="utf-8"))
FOLLOWS = {
    **{name: name for name in RELEASED["recipes"]},
    **dict.fromkeys(("grpo_recommended", "internvl3_8b_grpo_two_rewards", "lora_grpo_two_rewards"), "grpo_two_rewards"),
}
"""Recipe -> the recipe whose script it follows, as is or with changes of our own."""

REVIEWED = [
    ("sft", "trainer.per_device_train_batch_size=2"),
    ("sft", "trainer.max_length=null"),
    ("sft", "trainer.warmup_steps=0.01"),
    ("reward_model", "trainer.warmup_steps=0.01"),
    ("reward_model", "trainer.max_length=null"),
    ("reward_model", "trainer.lr_scheduler_type=linear"),
    ("reward_model", "trainer.weight_decay=0.0"),
    ("grpo_two_rewards", "freeze_vision=false"),
    ("grpo_two_rewards", "trainer.top_p=1.0"),
    ("grpo_two_rewards", "trainer.top_k=0"),
    ("grpo_two_rewards", "trainer.lr_scheduler_type=linear"),
    ("grpo_two_rewards", "trainer.weight_decay=0.0"),
    ("grpo_two_rewards", "trainer.adam_beta2=0.999"),
    ("grpo_two_rewards", "max_pixels=1003520"),
    ("grpo_two_rewards", "trainer.vllm_max_model_length=null"),
    ("grpo_two_rewards", "trainer.save_steps=50"),
    ("grpo_two_rewards", "trainer.save_total_limit=3"),
    ("grpo_two_rewards", "trainer.vllm_importance_sampling_correction=true"),
    ("grpo_all_rewards", "rewards.r_loc.sees=reasoning"),
    ("grpo_all_rewards", "rewards.r_loc.temperature=0.0"),
    ("lora_grpo_two_rewards", "trainer.gradient_accumulation_steps=16"),
]
"""Recipe and how it is, or once was, another than the released script without saying so."""


def effective(recipe: Recipe) -> dict[str, Any]:
    """What a recipe trains with, by the names of the released arguments."""
    config = train.trl_configuration(recipe)
    adapter = lora_config(recipe)
    found = {name: getattr(config, name) for name in vars(config)}
    found |= {name: recipe.get(name) for name in ("model", "max_pixels")}
    found |= {"freeze_vision": recipe.get("freeze_vision", False), "processes": gpus(recipe).train}
    found |= {"engine": "trl", "split_dataset_ratio": 0.0, "async_generate": False, "data": recipe["data"].get("hub")}
    found["lora"] = None if adapter is None else "an adapter"
    if recipe["kind"] == "grpo":
        found |= {"rewards": weights(recipe), "reward_failure": None, "max_length": None}
        found["globe_r_vis_without_entities"] = rewards.globe_r_vis(["<think>a bus</think>"], [[]])[0]
    if adapter is not None:
        out = re.compile(adapter.exclude_modules)
        language = adapter.target_modules == "all-linear" and out.fullmatch("model.visual.merger.mlp.0") is not None
        assert not out.fullmatch("model.language_model.layers.0.mlp.up_proj")
        found |= {name: getattr(adapter, name) for name in ("r", "lora_alpha", "lora_dropout")}
        found["target_modules"] = "all linear layers of the language model" if language else adapter.target_modules
    if "r_loc" in (recipe.get("rewards") or {}):
        defaults = {name: p.default for name, p in inspect.signature(reward_model.reward).parameters.items()}
        given = defaults | reward_parameters(recipe, "r_loc")
        found |= {"r_loc_sees": given["sees"], "r_loc_timeout": given["timeout"], "r_loc_picture": "PNG"}
        found |= {"r_loc_temperature": reward_model.TEMPERATURE, "r_loc_top_logprobs": reward_model.TOP_LOGPROBS}
        found |= {"r_loc_failure": None, "r_loc_spellings": [*reward_model.YES, *reward_model.NO]}
    return found


def released(name: str) -> dict[str, Any]:
    """Argument -> its value in the script that a recipe follows."""
    arguments = {key: entry["value"] for key, entry in RELEASED["recipes"][FOLLOWS[name]]["arguments"].items()}
    more = {"reward_failure": 0.0} if "grpo" in name else {}
    return {"lora": "an adapter" if name == "reward_model" else None, **more, **arguments}


def differences(recipe: Recipe, name: str) -> set[str]:
    """The arguments in which a recipe differs from its script."""
    ours = effective(recipe)
    return {key for key, value in released(name).items() if ours[key] != value}


def declared(departures: list[str]) -> dict[str, str]:
    """Argument -> the sentence about it: the one that begins with its name."""
    return {found[1]: text for text in departures if (found := re.match(r"(\w+): ", text))}


@pytest.mark.parametrize("name", FOLLOWS)
def test_every_difference_from_the_released_script_is_declared_with_its_value(trl: Any, name: str) -> None:
    recipe = read_recipe(name)
    said = declared(recipe["departures"])
    theirs = released(name)
    assert differences(recipe, name) - said.keys() == set()
    assert said.keys() - theirs.keys() == set(), "a sentence about an argument that no script has"
    ours = effective(recipe)
    for key in said.keys() & differences(recipe, name):
        if isinstance(theirs[key], int | float) and not isinstance(theirs[key], bool):
            assert f"{theirs[key]:,}" in said[key] or f"{theirs[key]}" in said[key], f"{key}: {said[key]}"
        if begins := re.match(r"\w+: ([\d.,e-]+)", said[key]):
            assert float(begins[1].strip(",").replace(",", "")) == ours[key], f"{key}: {said[key]}"


@pytest.mark.parametrize("name", RELEASED["recipes"])
def test_no_sentence_is_about_what_does_not_differ(trl: Any, name: str) -> None:
    recipe = read_recipe(name)
    assert declared(recipe["departures"]).keys() - differences(recipe, name) == set()


def pairs() -> list[tuple[str, str]]:
    return [(name, key) for name in FOLLOWS for key in sorted(declared(read_recipe(name)["departures"]))]


@pytest.mark.parametrize(("name", "key"), pairs())
def test_a_sentence_that_is_deleted_is_missed(trl: Any, name: str, key: str) -> None:
    recipe = read_recipe(name)
    left = [text for text in recipe["departures"] if not text.startswith(f"{key}: ")]
    assert len(left) < len(recipe["departures"])
    if name in RELEASED["recipes"]:
        assert key in differences(recipe, name) - declared(left).keys()


@pytest.mark.parametrize(("name", "change"), REVIEWED)
def test_what_was_once_another_and_not_said_is_seen(trl: Any, name: str, change: str) -> None:
    """Each fault of the review, put back where it was mended: without its sentence the comparison names it."""
    key = change.partition("=")[0].split(".")
    if key[0] == "rewards":
        argument = f"r_loc_{key[-1]}"
        recipe = read_recipe(name, [change] if key[-1] == "sees" else [])
    else:
        argument, recipe = key[-1], read_recipe(name, [change])
    silent = [text for text in recipe["departures"] if not text.startswith(f"{argument}: ")]
    assert argument in differences(recipe, name) - declared(silent).keys()


def test_the_golden_file_says_where_each_value_is_from() -> None:
    for entry in RELEASED["recipes"].values():
        for key, argument in entry["arguments"].items():
            assert argument.keys() == {"value", "source"} and argument["source"], key
        assert entry["script"] in str(entry["arguments"]["learning_rate"]["source"])


def test_a_step_is_of_as_many_examples_as_the_released_one(trl: Any) -> None:
    for name in ("sft", "reward_model", "grpo_one_reward", "grpo_two_rewards", "grpo_all_rewards", "grpo_recommended"):
        ours, theirs = effective(read_recipe(name)), released(name)
        keys = ("processes", "per_device_train_batch_size", "gradient_accumulation_steps")
        a, b = ([found[key] for key in keys] for found in (ours, theirs))
        assert a[0] * a[1] * a[2] == b[0] * b[1] * b[2], name
