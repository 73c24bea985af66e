"""The recipe of a curation: one YAML file that says all of it, read as strictly as a training's (`globe_train.recipe`).

Every key is in the tables below with what it may be and what it is where the recipe does not say it; a key that has
no default must be there. Nothing else is guessed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from globe_eval.benchmarks.duplicates import KINDS, PHOTOGRAPHS
from globe_eval.benchmarks.prompts import PROMPTS
from globe_eval.errors import nearest
from globe_train.recipe import NUMBER, Key, Recipe, find_recipe, read_values, with_defaults

SOURCES = ("segmentation", "detector", "known")
"""Who confirms what a reasoning names, see `evidence`."""

TOP: dict[str, Key] = {
    "departures": Key(list),
    "output": Key(str),
    "seed": Key(int, 0),
    "data": Key(dict),
    "prompt": Key(str, "localizability", allowed=tuple(PROMPTS)),
    "gen_kwargs": Key(dict, {}),
    "vocabulary": Key(str, None),
    "teachers": Key(dict),
    "predictors": Key(dict, {}),
    "unanswered": Key(str, "stop", allowed=("stop", "leave_out")),
    "localizability": Key(dict),
    "correctness": Key(dict),
    "agreement": Key(dict),
    "evidence": Key(dict),
    "against": Key(dict, {}),
    "balance": Key(dict, {}),
    "split": Key(dict),
    "dataset": Key(dict),
}
"""`departures`: where the recipe leaves the paper, a sentence each. `vocabulary`: a file of entities, one a line, that
the lexicon of `globe_eval.metrics` lacks. `unanswered`: whether photographs that a teacher never answered stop the
curation (exit code 3) or are left out and counted."""

SECTIONS: dict[str, dict[str, Key]] = {
    "data": {
        "manifest": Key(str),
        "images": Key(str, None),
        "columns": Key(dict, {}),
        "values": Key(dict, {}),
        "where": Key(str, None),
        "image_suffix": Key(str, None),
        "limit": Key(int, None, 1),
        "license_column": Key(str, None),
    },
    "localizability": {
        "votes": Key(str, allowed=("all", "majority", "any")),
        "min_score": Key(NUMBER, low=0, high=1),
        "min_predictor_confidence": Key(NUMBER, 0, 0, 1),
    },
    "correctness": {
        "within_km": Key(NUMBER, None, 0),
        "level": Key(str, None, allowed=("city", "country")),
    },
    "agreement": {
        "teachers": Key(int, low=1),
        "predictors": Key(int, 0, 0),
        "within_km": Key(NUMBER, low=0),
        "min_similarity": Key(NUMBER, low=0, high=1),
    },
    "evidence": {
        "source": Key(str, allowed=SOURCES),
        "model": Key(str, None),
        "device": Key(str, "cpu"),
        "min_area": Key(NUMBER, 0.002, 0, 1),
        "min_score": Key(NUMBER, 0.3, 0, 1),
        "miss_rate": Key(NUMBER, None, 0, 1),
        "false_alarm_rate": Key(NUMBER, None, 0, 1),
        "unconfirmed": Key(str, allowed=("remove", "reject")),
        "unknown": Key(str, allowed=("remove", "keep")),
        "min_entities": Key(int, low=0),
        "min_share": Key(NUMBER, low=0, high=1),
        "named_by": Key(int, 1, 1),
        "empty_line": Key(str, None),
    },
    "against": {"benchmarks": Key(list, []), "remove": Key(list, list(PHOTOGRAPHS))},
    "balance": {"by": Key(list, ["country", "scene"]), "at_most": Key(int, None, 1)},
    "split": {"test": Key(NUMBER, low=0, high=0.5), "place": Key(str, "city", allowed=("city", "country"))},
    "dataset": {
        "name": Key(str),
        "license": Key(str, None),
        "images": Key(str, "references", allowed=("references", "embed")),
    },
}

TEACHER: dict[str, Key] = {
    "model": Key(str),
    "model_args": Key(dict, {}),
    "prompt": Key(str, None, allowed=tuple(PROMPTS)),
    "gen_kwargs": Key(dict, {}),
    "batch_size": Key((str, int), None),
    "device": Key(str, None),
    "max_pixels": Key(int, None, 1),
    "ask_localizable": Key(dict, {}),
}
"""A teacher or predictor: what `globe-eval --model … --model_args …` takes. `ask_localizable`: arguments of an endpoint
that is asked GLOBE's yes/no question about its reasoning (`globe-eval --ask_localizable`)."""

BALANCE = ("country", "scene", "city", "group")


def recipes_folder() -> Path:
    """The recipes of curations that come with the package."""
    return Path(__file__).parent / "recipes"


def read_recipe(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe (a file, or a shipped one by its name) and what the command line sets over it, defaults filled in.

    Raises InputError, with file and line, for everything that can be known to be wrong without looking at data.
    """
    recipe = read_values(find_recipe(name, recipes_folder()), overrides)
    values = with_defaults(recipe, (), recipe.values, TOP)
    for section, keys in SECTIONS.items():
        values[section] = with_defaults(recipe, (section,), values[section], keys)
    for role, prompt in (("teachers", values["prompt"]), ("predictors", "coordinates")):
        given = values[role]
        values[role] = {str(name): _teacher(recipe, role, str(name), given[name], prompt) for name in given}
    recipe = dataclasses.replace(recipe, values=values)
    _check(recipe)
    return recipe


def _teacher(recipe: Recipe, role: str, name: str, given: Any, prompt: str) -> dict[str, Any]:
    if not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
        raise recipe.error(f"{role}: found {name!r}; a name has letters, digits, '_', '-' and '.'", role, name)
    values = with_defaults(recipe, (role, name), given, TEACHER)
    return {**values, "prompt": values["prompt"] or prompt}


def _check(recipe: Recipe) -> None:
    """Raise InputError for keys that do not go together."""
    if not recipe["teachers"]:
        raise recipe.error("teachers: found none; allowed: name -> {model: …, model_args: {…}}", "teachers")
    for name in recipe["predictors"]:
        if name in recipe["teachers"]:
            raise recipe.error(f"predictors: {name!r} is a teacher's name too", "predictors", name)
    for role, form in (("teachers", "names"), ("predictors", "coordinates")):
        for name, one in recipe[role].items():
            found = PROMPTS[one["prompt"]].answer_form
            if found != form and not (role == "teachers" and found == "address"):
                raise recipe.error(f"{role}, {name}: the prompt {one['prompt']} asks for {found}", role, name)
    correct, agreement, evidence = recipe["correctness"], recipe["agreement"], recipe["evidence"]
    if (correct["within_km"] is None) == (correct["level"] is None):
        raise recipe.error("correctness: allowed is 'within_km' or 'level', one of them", "correctness")
    for key, role in (("teachers", "teachers"), ("predictors", "predictors")):
        if agreement[key] > len(recipe[role]):
            raise recipe.error(
                f"agreement, {key}: found {agreement[key]}, there are {len(recipe[role])} {role}", "agreement", key
            )
    known = evidence["source"] == "known"
    for key, wanted in (("model", not known), ("miss_rate", known), ("false_alarm_rate", known)):
        if (evidence[key] is not None) != wanted:
            what = "is missing" if wanted else "does not belong"
            raise recipe.error(f"evidence: {key!r} {what} with source {evidence['source']}", "evidence", key)
    for section, key, allowed in (("against", "remove", KINDS), ("balance", "by", BALANCE)):
        for value in recipe[section][key]:
            if value not in allowed:
                hint = f"{nearest(str(value), allowed)} (allowed: {', '.join(allowed)})"
                raise recipe.error(f"{section}, {key}: found {value!r}{hint}", section, key)
    name = recipe["dataset"]["name"]
    if not name.replace("_", "").replace("-", "").isalnum():
        raise recipe.error(f"dataset, name: found {name!r}; allowed: letters, digits, '_' and '-'", "dataset", "name")
