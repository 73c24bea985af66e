from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from globe_eval.errors import InputError
from globe_train.recipe import (
    KINDS,
    check_libraries,
    read_recipe,
    read_values,
    recipes_folder,
    reward_parameters,
    weights,
)

SHIPPED = sorted(path.stem for path in recipes_folder().glob("*.yaml"))
GOOD = """\
kind: grpo
departures: [none]
model: out/sft
output: out/grpo
data: {manifest: a.jsonl}
rewards:
  r_geo: {weight: 1.0, alpha: 0.5}
  r_format: 0.5
trainer:
  learning_rate: 1e-6
"""


def written(folder: Path, text: str) -> str:
    path = folder / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_recipe_is_read_with_the_command_line_over_it(tmp_path: Path) -> None:
    recipe = read_recipe(written(tmp_path, GOOD), ["seed=3", "trainer.max_steps=7", "rewards.r_format=2e-1"])
    assert recipe["seed"] == 3
    assert recipe["trainer"] == {"learning_rate": 1e-6, "max_steps": 7}
    assert weights(recipe) == {"r_geo": 1.0, "r_format": 0.2}
    assert reward_parameters(recipe, "r_geo") == {"alpha": 0.5}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("model:", "modle:", "line 3: unknown key 'modle'; did you mean 'model'?"),
        ("kind: grpo", "kind: gpro", "line 1: kind: found 'gpro'"),
        ("kind: grpo", "kind: sft", "line 6: rewards: only a recipe of kind grpo has it"),
        ("output: out/grpo", "output: 7", "line 4: output: found 7; allowed: a text"),
        ("  r_geo:", "  r_gio:", "line 7: rewards: no 'r_gio'; did you mean 'r_geo'?"),
        ("alpha", "alhpa", "rewards, r_geo: unknown key 'alhpa'; did you mean 'alpha'?"),
        ("  r_format: 0.5", "  r_format: lots", "line 8: rewards, r_format: weight: found 'lots'"),
        ("{manifest: a.jsonl}", "{manifest: a.jsonl, hub: b}", "one of them"),
        ("{manifest: a.jsonl}", "{manifets: a.jsonl}", "data: unknown key 'manifets'; did you mean 'manifest'?"),
        ("output: out/grpo\n", "", "'output' is missing"),
        ("output: out/grpo\n", "output: a\noutput: b\n", "line 5: key 'output' stands there twice"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(InputError) as error:
        read_recipe(written(tmp_path, GOOD.replace(old, new)))
    assert said in str(error.value)


def test_a_verb_takes_its_own_recipes_only(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="this is a recipe for globe-train grpo"):
        read_recipe(written(tmp_path, GOOD), kind="sft")


def test_a_name_that_is_no_recipe(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'miniworld_sft'"):
        read_recipe("miniworld_stf")


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_recipes_are_right_and_say_where_they_leave_the_paper(name: str) -> None:
    recipe = read_recipe(name)
    assert recipe["kind"] in KINDS
    assert recipe["departures"] and all(isinstance(sentence, str) for sentence in recipe["departures"])


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_recipes_set_only_what_the_libraries_know(trl: Any, name: str) -> None:
    check_libraries(read_recipe(name))


def test_an_argument_that_trl_does_not_know(trl: Any, tmp_path: Path) -> None:
    recipe = read_recipe(written(tmp_path, GOOD.replace("learning_rate", "learning_rat")))
    with pytest.raises(InputError, match="line 10: trainer: unknown key 'learning_rat'; did you mean 'learning_rate'"):
        check_libraries(recipe)
    recipe = read_recipe(written(tmp_path, GOOD + "  output_dir: elsewhere\n"))
    with pytest.raises(InputError, match="trainer, max_steps: found 'x'; allowed: as -1"):
        check_libraries(read_recipe(SHIPPED[0], ["trainer.max_steps=x"]))
    with pytest.raises(InputError, match="line 11: trainer, output_dir: the recipe's other keys decide this"):
        check_libraries(recipe)


def test_a_departure_replaces_that_of_the_same_argument_in_what_is_included(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text('departures: ["beta: 0.02", "a: b c"]\n')
    text = 'include: base.yaml\ndepartures: ["beta: 0", "no argument: stays"]\n'
    values = read_values(Path(written(tmp_path, text)), [])
    assert values["departures"] == ["beta: 0", "a: b c", "no argument: stays"]
