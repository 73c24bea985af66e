"""Recipes: one YAML file that defines a training run, validated strictly.

Nothing is guessed. An unknown key is an error with its line and the nearest key that exists; so are a value of the
wrong kind, a reward that does not exist, a file or a column that is not there. All of this is said before a model is
loaded. The keys under `trainer` are trl's own arguments (`SFTConfig`, `GRPOConfig`), under `lora` peft's `LoraConfig`.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_type_hints

import yaml
from pydantic import TypeAdapter, ValidationError

from globe_eval.benchmarks.definition import Definition, included, read_definition
from globe_eval.benchmarks.prompts import PROMPTS
from globe_eval.errors import InputError, nearest, reason_of
from globe_eval.models import torchvision_cpu
from globe_train import Kind
from globe_train.rewards import find_reward, parameters_of

KINDS: tuple[Kind, ...] = get_args(Kind)

REQUIRED = object()
NUMBER = (int, float)


class Key(NamedTuple):
    """What a key may be: kinds of value, default (REQUIRED: none), bounds of a number, the texts that are allowed."""

    kind: type | tuple[type, ...]
    default: Any = REQUIRED
    low: float | None = None
    high: float | None = None
    allowed: tuple[str, ...] = ()


KEYS: dict[str, Key] = {
    "kind": Key(str, allowed=KINDS),
    "departures": Key(list),
    "model": Key(str),
    "output": Key(str),
    "gpus": Key((str, int), None),
    "data": Key(dict),
    "against": Key(list, None),
    "prompt": Key(str, None, allowed=tuple(PROMPTS)),
    "seed": Key(int, None, 0, 2**32 - 1),
    "max_pixels": Key(int, None, 28 * 28),
    "freeze_vision": Key(bool, None),
    "lora": Key(dict, None),
    "labels": Key(dict, None),
    "holdout": Key(NUMBER, None, 0, 1),
    "rewards": Key(dict, None),
    "imitation": Key(dict, None),
    "optimizer": Key(str, None),
    "trainer": Key(dict, None),
}
"""Every key of a recipe. `departures` lists where the recipe leaves the paper, a sentence
each (one that is about an argument of the released scripts begins with its name and a colon); `gpus` says how many GPUs
train, generate and serve the reward model, as in 4+2+2; `against` lists the benchmarks that the training data must not
share photographs with; `imitation` has GRPO imitate `rows` of another data set in each step, its loss times `weight`
(`globe_train/train.py`)."""

KINDS_OF_KEY: dict[str, tuple[Kind, ...]] = {
    **{"rewards": ("grpo",), "imitation": ("grpo",), "labels": ("reward_model",), "holdout": ("reward_model",)},
    **{"optimizer": ("sft", "grpo"), "prompt": ("sft", "grpo")},
}
"""Keys that only some kinds of recipe have."""

DATA_KEYS: dict[str, Key] = {
    **dict.fromkeys(("manifest", "images", "image_suffix", "hub", "split", "where"), Key(str, None)),
    **dict.fromkeys(("columns", "values"), Key(dict, None)),
    "limit": Key(int, None, 1),
}
DATA_KEYS_OF = {"images": "manifest", "image_suffix": "manifest", "split": "hub"}
"""Keys of `data` that only one kind of it has."""

LABEL_KEYS = {"run": Key(str), "within_km": Key(NUMBER, None, 0)}
IMITATION = {"data": Key(dict), "rows": Key(int, None, 1), "weight": Key(NUMBER, None, 0)}
RESERVED = ("output_dir", "seed", "reward_weights", "remove_unused_columns", "resume_from_checkpoint")
"""Arguments of trl's that the recipe's other keys decide."""
MINIMUM = {
    **dict.fromkeys(("per_device_train_batch_size", "gradient_accumulation_steps", "max_completion_length"), 1),
    **dict.fromkeys(("num_train_epochs", "learning_rate", "weight_decay", "max_grad_norm", "beta", "epsilon"), 0),
    **dict.fromkeys(("dataloader_num_workers", "temperature", "top_p"), 0),
    "max_steps": -1,
}
"""Arguments of trl's -> their least value, where it looks at none before the data and the model are read."""
LOSSES = ("grpo", "bnpo", "dr_grpo", "dapo", "luspo", "cispo", "sapo", "vespo")
"""What GRPO's `loss_type` may be, which trl looks at in its first step."""
EXPONENT = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")


@dataclass(frozen=True)
class Recipe:
    """A recipe as it is run: the values of the file with those of the command line over them."""

    path: Path
    values: Mapping[str, Any]
    lines: Mapping[tuple[str, ...], int]
    arguments: Mapping[tuple[str, ...], str] = dataclasses.field(default_factory=dict)
    """Keys that the command line sets -> how it does."""

    def __getitem__(self, key: str) -> Any:
        return self.values[key]

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a key, or `default` where the recipe does not have it."""
        return self.values.get(key, default)

    def with_value(self, key: str, value: Any) -> Recipe:
        """The recipe with another value of one key."""
        return dataclasses.replace(self, values={**self.values, key: value})

    def error(self, message: str, *keys: str) -> InputError:
        """An error about a key, which names the file and the line, or the argument of the command line."""
        while keys and keys not in self.arguments and keys not in self.lines:
            keys = keys[:-1]
        if keys in self.arguments:
            return InputError(f"argument {self.arguments[keys]!r}: {message}")
        return InputError(f"{self.path}, line {self.lines.get(keys, 1)}: {message}")

    @property
    def command(self) -> list[str]:
        """The verb that trains by it, and how the command line calls it: a shipped one by its name."""
        name = self.path.stem if self.path.parent == recipes_folder() else str(self.path)
        return [self["kind"].replace("_", "-"), name]

    @property
    def output(self) -> Path:
        """The folder that the run writes into."""
        return Path(self["output"]).expanduser()


def recipes_folder() -> Path:
    """The recipes that come with the package."""
    return Path(__file__).parent / "recipes"


def find_recipe(name: str, folder: Path) -> Path:
    """A file, or one of the recipes in `folder` by its name.

    >>> find_recipe("sft", recipes_folder()).name
    'sft.yaml'
    """
    path, shipped = Path(name).expanduser(), folder / f"{name}.yaml"
    if path.is_file():
        return path
    if not shipped.is_file():
        known = sorted(p.stem for p in folder.glob("*.yaml"))
        raise InputError(f"{name}: no such recipe{nearest(name, known)} (shipped: {', '.join(known)})")
    return shipped


def read_recipe(name: str, overrides: Sequence[str] = (), kind: Kind | None = None) -> Recipe:
    """Read a recipe and what the command line sets over it, as in `trainer.learning_rate=1e-5`.

    Raises InputError for everything that can be known to be wrong without looking at data or a model.
    """
    recipe = read_values(find_recipe(name, recipes_folder()), overrides)
    check(recipe, kind)
    return recipe


def read_values(path: Path, overrides: Sequence[str]) -> Recipe:
    """What a recipe and those that it includes say, with the command line over it; unchecked."""
    definition = read_definition(path, recipes_folder())
    values = numbers(with_included(definition))
    for item in overrides:
        override(values, item)
    return Recipe(path, values, definition.lines, {tuple(one.partition("=")[0].split(".")): one for one in overrides})


def with_included(definition: Definition) -> dict[str, Any]:
    """The values of a recipe over those of the one that it includes: mappings key by key, `departures` of both.

    `rewards` are replaced as a whole, and so is a departure by one that begins with the same argument's name.
    """
    values = {key: value for key, value in definition.values.items() if (key,) in definition.lines}  # its own alone
    if (name := values.pop("include", None)) is None:
        return values
    shipped = recipes_folder()
    base = with_included(read_definition(included(definition.path, str(name), shipped), shipped))
    departures = {_argument(one): one for one in [*base.get("departures", []), *values.get("departures", [])]}
    whole = {"departures": [*departures.values()], "rewards": values.get("rewards", base.get("rewards"))}
    return merge_mappings(base, values) | {key: value for key, value in whole.items() if value}


def _argument(departure: str) -> str:
    name, colon, _ = str(departure).partition(": ")
    return name if colon and name.isidentifier() else str(departure)


def merge_mappings(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """One mapping over another, mappings inside them likewise.

    >>> merge_mappings({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}, "b": 4})
    {'a': {'x': 1, 'y': 3}, 'b': 4}
    """
    inner = {
        key: merge_mappings(base[key], value)
        for key, value in over.items()
        if isinstance(value, Mapping) and isinstance(base.get(key), Mapping)
    }
    return {**base, **over, **inner}


def override(values: dict[str, Any], item: str) -> None:
    """Set one `key=value`, in place; a dot in the key leads into a mapping, `null` is nothing.

    >>> values = {"trainer": {"max_steps": 5}}
    >>> override(values, "trainer.max_steps=2"); override(values, "seed=1"); values
    {'trainer': {'max_steps': 2}, 'seed': 1}
    """
    keys, equals, text = item.partition("=")
    if not equals or not keys:
        raise InputError(f"argument {item!r}; allowed: key=value, as in trainer.max_steps=100")
    *parents, last = keys.split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
        if not isinstance(values, dict):
            raise InputError(f"argument {item!r}: {parent!r} is no mapping")
    try:
        values[last] = numbers(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise InputError(f"argument {item!r}: not valid YAML, {reason_of(error)}") from None


def numbers(value: Any) -> Any:
    """A value of YAML with its numbers as numbers: YAML 1.1 reads `1e-6`, without a point, as a text.

    >>> numbers({"learning_rate": "1e-6", "name": "e-6"})
    {'learning_rate': 1e-06, 'name': 'e-6'}
    """
    if isinstance(value, dict):
        return {key: numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [numbers(item) for item in value]
    return float(value) if isinstance(value, str) and EXPONENT.fullmatch(value) else value


def check(recipe: Recipe, kind: Kind | None) -> None:
    """Raise InputError for the first thing that is wrong with a recipe."""
    with_defaults(recipe, (), recipe.values, KEYS)
    if kind is not None and recipe["kind"] != kind:
        verb = recipe["kind"].replace("_", "-")
        raise recipe.error(f"kind: this is a recipe for globe-train {verb}", "kind")
    for key, only in KINDS_OF_KEY.items():
        if key in recipe.values and recipe["kind"] not in only:
            raise recipe.error(f"{key}: only a recipe of kind {' or '.join(only)} has it", key)
    if (optimizer := recipe.get("optimizer", "muon")) != "muon":
        allowed = "muon, or what trl has as trainer, optim"
        raise recipe.error(f"optimizer: found {optimizer!r}; allowed: {allowed}", "optimizer")
    check_data(recipe, recipe["data"], "data")
    gpus(recipe)
    if recipe.get("labels"):
        with_defaults(recipe, ("labels",), recipe["labels"], LABEL_KEYS)
    if recipe["kind"] == "grpo":
        check_rewards(recipe)
    if recipe.get("imitation") is not None:
        check_imitation(recipe)


def check_data(recipe: Recipe, data: Mapping[str, Any], *keys: str) -> None:
    """Raise InputError for what is wrong with a data set, which stands below `keys` of a recipe."""
    where = ", ".join(keys)
    with_defaults(recipe, keys, data, DATA_KEYS)
    if ("manifest" in data) == ("hub" in data):
        raise recipe.error(f"{where}: allowed is a 'manifest' (a file) or a 'hub' (a data set), one of them", *keys)
    for key, only in DATA_KEYS_OF.items():
        if data.get(key) is not None and only not in data:
            raise recipe.error(f"{where}, {key}: only a {only} has it", *keys, key)


def check_imitation(recipe: Recipe) -> None:
    """Raise InputError for what is wrong with the data that GRPO imitates beside its rewards."""
    given = recipe["imitation"]
    with_defaults(recipe, ("imitation",), given, IMITATION)
    if given.get("weight") == 0:
        raise recipe.error("imitation, weight: found 0; allowed: more than 0", "imitation", "weight")
    check_data(recipe, given["data"], "imitation", "data")
    trainer = recipe.get("trainer") or {}
    for key in ("gradient_accumulation_steps", "steps_per_generation", "num_iterations"):
        if trainer.get(key, 1) != 1:
            raise recipe.error(f"trainer, {key}: found {trainer[key]!r}; allowed with imitation: 1", "trainer", key)


def check_rewards(recipe: Recipe) -> None:
    """Raise InputError for a reward that does not exist, a parameter that it does not have, or no weight."""
    if not recipe.get("rewards"):
        raise recipe.error("'rewards' is missing: name -> weight, as in r_geo: 1.0", "rewards")
    for name, given in recipe["rewards"].items():
        keys = ("rewards", name)
        try:
            reward = find_reward(name, recipe.path.parent)
        except InputError as error:
            raise recipe.error(str(error), *keys) from None
        parameters = given if isinstance(given, Mapping) else {"weight": given}
        weight = parameters.get("weight")
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not math.isfinite(weight):
            raise recipe.error(f"rewards, {name}: weight: found {weight!r}; allowed: a number", *keys)
        unknown_key(recipe, keys, parameters, ["weight", *parameters_of(reward)])
        for key, annotation in get_type_hints(reward).items():
            if key in parameters and not is_of(parameters[key], annotation):
                allowed = inspect.formatannotation(annotation)
                raise recipe.error(f"rewards, {name}, {key}: found {parameters[key]!r}; allowed: {allowed}", *keys, key)
    if not any(weights(recipe).values()):
        raise recipe.error("rewards: every weight is 0", "rewards")


def check_libraries(recipe: Recipe) -> None:
    """Raise InputError for keys that trl or peft do not know. Imports them, which takes seconds."""
    torchvision_cpu.ensure()
    trainer = recipe.get("trainer") or {}
    config = configuration_class(recipe["kind"])
    types = get_type_hints(config)
    unknown_key(recipe, ("trainer",), trainer, [field.name for field in dataclasses.fields(config) if field.init])
    for key, value in trainer.items():
        if key in RESERVED:
            raise recipe.error(f"trainer, {key}: the recipe's other keys decide this", "trainer", key)
        if not (is_of(value, types[key]) or (value is False and key.endswith("_strategy"))):
            allowed = inspect.formatannotation(types[key])
            raise recipe.error(f"trainer, {key}: found {value!r}; allowed: {allowed}", "trainer", key)
        if key in MINIMUM and value is not None and value < MINIMUM[key]:
            raise recipe.error(f"trainer, {key}: found {value!r}; allowed: {MINIMUM[key]} and more", "trainer", key)
    loss = trainer.get("loss_type", LOSSES[0])
    if recipe["kind"] == "grpo" and loss not in LOSSES:
        hint = f"{nearest(loss, LOSSES)} (allowed: {', '.join(LOSSES)})"
        raise recipe.error(f"trainer, loss_type: found {loss!r}{hint}", "trainer", "loss_type")
    if recipe.get("lora"):
        import peft

        known = [field.name for field in dataclasses.fields(peft.LoraConfig)]
        unknown_key(recipe, ("lora",), recipe["lora"], known)


def is_of(value: Any, annotation: Any) -> bool:
    """Whether a value is what an annotation says, a whole number being a number too.

    >>> is_of(1, float), is_of(1.5, int), is_of("1", int | None), is_of(None, int | None)
    (True, False, False, True)
    """
    try:
        TypeAdapter(annotation).validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


def configuration_class(kind: Kind) -> Any:
    """trl's class of arguments for a kind of training."""
    import trl

    return trl.GRPOConfig if kind == "grpo" else trl.SFTConfig


def unknown_key(recipe: Recipe, above: tuple[str, ...], given: Mapping[str, Any], allowed: Iterable[str]) -> None:
    """Raise InputError for the first key that is not allowed, with its line and the nearest that is."""
    known = list(allowed)
    for key in given:
        if key not in known:
            inside = f"{', '.join(above)}: " if above else ""
            listed = f" (allowed: {', '.join(known)})" if len(known) < 20 else ""
            deeper = [f"{name}.{key}" for name, inner in given.items() if isinstance(inner, Mapping) and key in inner]
            hint = f"; did you mean {deeper[0]!r}?" if deeper else nearest(key, known)
            raise recipe.error(f"{inside}unknown key {key!r}{hint}{listed}", *above, key)


def with_defaults(recipe: Recipe, above: tuple[str, ...], given: Any, keys: Mapping[str, Key]) -> dict[str, Any]:
    """The values of one mapping of a recipe, which stands below `above`, with defaults.

    Raises InputError for the first that is unknown, missing or not what it may be.
    """
    inside = f"{', '.join(above)}: " if above else ""
    if not isinstance(given, Mapping):
        raise recipe.error(f"{inside}found {given!r}; allowed: a mapping", *above)
    unknown_key(recipe, above, given, keys)
    values = {}
    for name, key in keys.items():
        value = given.get(name)
        if value is None:
            if key.default is REQUIRED:
                raise recipe.error(f"{inside}{name!r} is missing", *above)
            value = key.default
        elif (wrong := _wrong(value, key)) is not None:
            raise recipe.error(f"{', '.join((*above, name))}: found {value!r}{wrong}", *above, name)
        values[name] = value
    return values


def _wrong(value: Any, key: Key) -> str | None:
    """What is wrong with a value, as the end of a message."""
    if not isinstance(value, key.kind) or (isinstance(value, bool) and key.kind is not bool):
        names = {str: "a text", list: "a list", dict: "a mapping", int: "a whole number", bool: "true or false"}
        kinds: dict[Any, str] = {**names, NUMBER: "a number", (str, int): "a text or a whole number"}
        return f"; allowed: {kinds[key.kind]}"
    if isinstance(value, list) and not all(isinstance(one, str) for one in value):
        return "; allowed: a list of texts"
    if key.allowed and value not in key.allowed:
        return f"{nearest(str(value), key.allowed)} (allowed: {', '.join(key.allowed)})"
    low, high = -math.inf if key.low is None else key.low, math.inf if key.high is None else key.high
    if isinstance(value, int | float) and not low <= value <= high:
        return f"; allowed: {low:g} {'and more' if key.high is None else f'to {high:,.10g}'}"
    return None


def weights(recipe: Recipe) -> dict[str, float]:
    """Name of a reward -> its weight."""
    return {
        name: float(given["weight"] if isinstance(given, Mapping) else given)
        for name, given in recipe["rewards"].items()
    }


class Gpus(NamedTuple):
    """How many GPUs train, generate answers, and serve the reward model; one process trains on each of the first."""

    train: int
    policy: int = 0
    reward: int = 0

    @property
    def text(self) -> str:
        """As a recipe writes them."""
        return "+".join(str(n) for n in self if n)


def gpus(recipe: Recipe) -> Gpus:
    """The GPUs of a recipe; one where it does not say. Raises InputError for what is no such sum.

    >>> gpus(Recipe(Path("r.yaml"), {"gpus": "4+2+2"}, {}))
    Gpus(train=4, policy=2, reward=2)
    """
    text = str(recipe.get("gpus", 1))
    if not re.fullmatch(r"[1-9]\d*(\+\d+){0,2}", text):
        raise recipe.error(f"gpus: found {text!r}; allowed: TRAIN, TRAIN+POLICY or TRAIN+POLICY+REWARD, as 6+2", "gpus")
    return Gpus(*map(int, text.split("+")))


def reward_parameters(recipe: Recipe, name: str) -> dict[str, Any]:
    """What a recipe sets of a reward besides its weight."""
    given = (recipe.get("rewards") or {}).get(name)
    return {key: value for key, value in given.items() if key != "weight"} if isinstance(given, Mapping) else {}
