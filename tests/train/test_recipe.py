"""Recipes are read strictly; every key changes something, or is refused where it would change nothing."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from globe_eval.errors import InputError
from globe_train import checkpoint, launch, recipe, train
from globe_train.data import benchmarks_of, contamination, dataset, imitation_examples, read_examples
from globe_train.recipe import (
    KINDS,
    Recipe,
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
        ("[none]", "[batch: 64]", "line 2: departures: found [{'batch': 64}]; allowed: a list of texts"),
        ("  r_format: 0.5", "  r_format: .nan", "line 8: rewards, r_format: weight: found nan"),
        ("alpha: 0.5", "alpha: x", "line 7: rewards, r_geo, alpha: found 'x'; allowed: float"),
        ("  r_geo: {weight: 1.0, alpha: 0.5}\n  r_format: 0.5", "  r_geo: 0", "line 6: rewards: every weight is 0"),
        ("model: out/sft", "model: out/sft\nseed: -1", "line 4: seed: found -1; allowed: 0 to"),
        ("model: out/sft", "model: out/sft\nmax_pixels: 10", "line 4: max_pixels: found 10; allowed: 784 and more"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(InputError) as error:
        read_recipe(written(tmp_path, GOOD.replace(old, new)))
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ("modle=x", "argument 'modle=x': unknown key 'modle'; did you mean 'model'?"),
        ("learning_rate=1e-6", "unknown key 'learning_rate'; did you mean 'trainer.learning_rate'?"),
        ("rewards.r_geo.alpha=x", "argument 'rewards.r_geo.alpha=x': rewards, r_geo, alpha: found 'x'; allowed: float"),
        ("rewards={r_gio: 1}", "argument 'rewards={r_gio: 1}': rewards: no 'r_gio'"),
    ],
)
def test_what_the_command_line_sets_is_wrong_there_and_not_in_a_line_of_the_file(
    tmp_path: Path, item: str, said: str
) -> None:
    with pytest.raises(InputError) as error:
        read_recipe(written(tmp_path, GOOD), [item])
    assert said in str(error.value) and ", line" not in str(error.value)


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
    with pytest.raises(InputError, match="line 11: trainer, output_dir: the recipe's other keys decide this"):
        check_libraries(recipe)


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ("max_steps=x", "found 'x'; allowed: int"),
        ("max_steps=2.5", "found 2.5; allowed: int"),
        ("learning_rate=null", "found None; allowed: float"),
        ("learning_rate=true", "found True; allowed: float"),
        ("per_device_train_batch_size=[4]", r"found \[4\]; allowed: int"),
        ("bf16=maybe", "found 'maybe'; allowed: bool"),
        ("gradient_accumulation_steps=0", "found 0; allowed: 1 and more"),
        ("learning_rate=-1e-6", "found -1e-06; allowed: 0 and more"),
        ("max_steps=-4", "found -4; allowed: -1 and more"),
        ("loss_type=drgrpo", r"found 'drgrpo'; did you mean 'dr_grpo'\? \(allowed: grpo, "),
    ],
)
def test_an_argument_of_trl_is_of_the_kind_that_trl_declares(trl: Any, item: str, said: str) -> None:
    with pytest.raises(InputError, match=rf"trainer, {item.partition('=')[0]}: {said}"):
        check_libraries(read_recipe("grpo_one_reward", [f"trainer.{item}"]))


def test_a_value_of_the_command_line_that_is_no_yaml() -> None:
    with pytest.raises(InputError, match=r"argument 'trainer.max_steps=\[1': not valid YAML"):
        read_recipe("sft", ["trainer.max_steps=[1"])


def test_a_departure_replaces_that_of_the_same_argument_in_what_is_included(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text('departures: ["beta: 0.02", "a: b c"]\n')
    text = 'include: base.yaml\ndepartures: ["beta: 0", "no argument: stays"]\n'
    values = read_values(Path(written(tmp_path, text)), [])
    assert values["departures"] == ["beta: 0", "a: b c", "no argument: stays"]


def test_an_own_recipe_includes_a_shipped_one_by_its_name(tmp_path: Path) -> None:
    ours = read_values(Path(written(tmp_path, "include: grpo_recommended\ntrainer: {max_steps: 7}\n")), [])
    shipped = read_values(recipes_folder() / "grpo_recommended.yaml", ["trainer.max_steps=7"])
    assert ours.values == shipped.values
    with pytest.raises(InputError, match=r"line 1: include: .*; did you mean 'grpo_recommended'"):
        read_values(Path(written(tmp_path, "include: grpo_recomended\n")), [])


CHANGES: dict[str, tuple[str, Any]] = {
    "kind": ("sft", "reward_model"),
    "departures": ("sft", ["another"]),
    "model": ("sft", "OTHER"),
    "output": ("sft", "elsewhere"),
    "gpus": ("sft", 2),
    "data": ("sft", {"manifest": "train.jsonl", "limit": 2}),
    "against": ("sft", ["miniworld"]),
    "prompt": ("sft", "globe_no_cot"),
    "seed": ("sft", 7),
    "max_pixels": ("sft", 3136),
    "freeze_vision": ("sft", True),
    "lora": ("sft", {"r": 2, "target_modules": "all-linear"}),
    "labels": ("reward_model", {"run": "RUN", "within_km": 500}),
    "holdout": ("reward_model", 0.5),
    "rewards": ("grpo", {"r_format": 2.0}),
    "imitation": ("grpo", {"data": {"manifest": "other.jsonl"}, "rows": 2}),
    "optimizer": ("sft", "muon"),
    "trainer": ("sft", {"learning_rate": 0.5}),
}
"""Key -> a kind of recipe that has it, and another value for it."""

DATA_CHANGES: dict[str, Any] = {
    "manifest": "other.jsonl",
    "images": "pictures",
    "image_suffix": ".png",
    "columns": {"country": "state"},
    "values": {"country": {"France": "Spain"}},
    "where": "country == 'France'",
    "limit": 2,
}
"""Key of a data set in a file -> another value for it."""


@pytest.fixture
def folder(tmp_path: Path, world: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rows = [json.loads(line) for line in world.read_text(encoding="utf-8").splitlines()][:24]
    for row in rows:
        row |= {"state": "Gaul", "country": "France" if row["id"] < rows[9]["id"] else "Japan"}
    names = [Path(row["image"]).stem for row in rows]
    for name in (".", "pictures"):
        (tmp_path / name).mkdir(exist_ok=True)
        for stem in names:
            for suffix in (".jpg", ".png"):  # one is read where the suffix is not said, the other where it is
                turned = world.parent / f"{names[0] if suffix == '.jpg' and name == '.' else stem}.png"
                (tmp_path / name / f"{stem}{suffix}").write_bytes(turned.read_bytes())
    for file, kept in (("train.jsonl", rows), ("other.jsonl", rows[:5])):
        lines = [json.dumps({**row, "image": Path(row["image"]).stem}) for row in kept]
        (tmp_path / file).write_text("\n".join(lines) + "\n", encoding="utf-8")
    run = tmp_path / "RUN"
    run.mkdir()
    samples = [
        {"id": row["id"], "response": "<think>A bus.</think>", "distance_km": 100.0 * i} for i, row in enumerate(rows)
    ]
    (run / "samples.jsonl").write_text("".join(json.dumps(one) + "\n" for one in samples), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def recipe_of(folder: Path, student: Path, kind: str, **values: Any) -> Recipe:
    given = {"kind": kind, "departures": ["a test"], "model": str(student), "output": "out"}
    given |= {"data": {"manifest": "train.jsonl"}, "seed": 1, "trainer": {"max_steps": 2}}
    if kind == "grpo":
        given |= {"rewards": {"r_geo": 1.0}}
        given["trainer"] |= {"num_generations": 4, "per_device_train_batch_size": 4}
    if kind == "reward_model":
        given |= {"labels": {"run": "RUN"}, "holdout": 0.2}
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(given | values), encoding="utf-8")
    return read_recipe(str(path))


def effect(made: Recipe) -> dict[str, Any]:
    """All that a recipe decides, as values that can be compared."""
    from globe_train import reward_model

    config = train.trl_configuration(made)
    examples = read_examples(made, Path("journal.jsonl"))
    if made["kind"] == "reward_model":
        rows = reward_model.label_rows(examples.rows, made)
        examples = reward_model.replace(examples, rows=rows)
        parts = [[row["id"] for row in part.rows] for part in reward_model.hold_out(examples, made["holdout"])]
        labels = [row["localizable"] for row in rows]
    else:
        parts, labels = [], []
    model, processor = checkpoint.load(made, config)
    data = dataset(examples, made)
    return {
        "config": {name: str(value) for name, value in vars(config).items()},
        "rows": [{**row, "image_sha256": row["image_sha256"]} for row in examples.rows],
        "prompts": data["prompt"],
        "completions": data["completion"] if "completion" in data.column_names else None,
        "trained": sum(weight.numel() for weight in model.parameters() if weight.requires_grad),
        "weights": sum(float(weight.detach().abs().sum()) for weight in model.parameters()),
        "pixels": str(processor.image_processor.size),
        "adapter": str(checkpoint.lora_config(made)),
        "shared": contamination(made, examples, benchmarks_of(made.get("against") or [], made.output)),
        "parts": parts,
        "labels": labels,
        "rewards": [one.__name__ for one in train.rewards(made)] if made["kind"] == "grpo" else None,
        "optimizer": hasattr(train.with_optimizer(SimpleNamespace(), made, config), "optimizer_cls_and_kwargs"),
        "launch": [str(one) for one in launch.commands(made)],
        "imitated": [row["id"] for row in imitation_examples(made).rows] if made.get("imitation") else None,
        "departures": made["departures"],
    }


def test_the_tables_here_name_every_key() -> None:
    assert CHANGES.keys() == recipe.KEYS.keys()
    assert DATA_CHANGES.keys() | {"hub", "split"} == recipe.DATA_KEYS.keys()
    assert {"run", "within_km"} == set(recipe.LABEL_KEYS)


@pytest.mark.parametrize("key", CHANGES)
def test_every_key_changes_something(trl: Any, folder: Path, student: Path, key: str) -> None:
    from globe_train.laptop import student as module

    kind, value = CHANGES[key]
    if value == "OTHER":
        value = str(module.build(folder / "other", seed=9))
    before = effect(recipe_of(folder, student, kind))
    after = recipe_of(folder, student, value) if key == "kind" else recipe_of(folder, student, kind, **{key: value})
    assert effect(after) != before


@pytest.mark.parametrize("key", DATA_CHANGES)
def test_every_key_of_data_changes_something(trl: Any, folder: Path, student: Path, key: str) -> None:
    before = effect(recipe_of(folder, student, "sft"))["rows"]
    after = effect(recipe_of(folder, student, "sft", data={"manifest": "train.jsonl", key: DATA_CHANGES[key]}))["rows"]
    assert after != before
    if key == "where":
        assert 0 < len(after) < len(before) and {row["country"] for row in after} == {"France"}
    if key == "values":
        assert "Spain" in {row["country"] for row in after} and "France" not in {row["country"] for row in after}


@pytest.mark.parametrize(
    ("kind", "values", "said"),
    [
        ("sft", {"data": {"hub": "a/b", "images": "x"}}, "data, images: only a manifest has it"),
        ("sft", {"data": {"hub": "a/b", "image_suffix": ".png"}}, "data, image_suffix: only a manifest has it"),
        ("sft", {"data": {"manifest": "a", "split": "train"}}, "data, split: only a hub has it"),
        ("reward_model", {"prompt": "globe_no_cot"}, "prompt: only a recipe of kind sft or grpo has it"),
        ("sft", {"holdout": 0.2}, "holdout: only a recipe of kind reward_model has it"),
        ("sft", {"data": {"manifest": "a", "limit": 0}}, "data, limit: found 0; allowed: 1 and more"),
        ("sft", {"data": {"manifest": "a", "where": 3}}, "data, where: found 3; allowed: a text"),
        ("sft", {"gpus": "8 GPUs"}, "gpus: found '8 GPUs'; allowed: TRAIN"),
    ],
)
def test_a_key_that_would_change_nothing_is_refused(
    folder: Path, student: Path, kind: str, values: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        recipe_of(folder, student, kind, **values)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"where": "cuontry == 'France'"}, "did you mean 'country'"),
        ({"where": "country == 'Nowhere'"}, "holds of none of 24 rows"),
        ({"values": {"reasoning": {"a": "b"}}}, "data, values: found reasoning"),
        ({"values": {"country": "France"}}, "each a mapping"),
    ],
)
def test_what_cannot_be_read_of_data_is_named(folder: Path, student: Path, data: dict[str, Any], said: str) -> None:
    made = recipe_of(folder, student, "sft", data={"manifest": "train.jsonl", **data})
    with pytest.raises(InputError, match=said):
        read_examples(made, Path("journal.jsonl"))
