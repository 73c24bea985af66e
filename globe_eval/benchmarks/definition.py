"""The YAML of a benchmark: where the shipped ones lie, reading one with line numbers, and saying what is wrong with it.

lm-eval skips a broken YAML without a word, so every YAML that is run or listed goes through `problems` first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from globe_eval.errors import InputError, nearest

OWN_KEYS = ("prompt", "decoding", "answer_form")
"""What a benchmark's YAML may say beyond lm-eval's keys."""

METADATA_KEYS = ("version", "description", "license", "citation", "source", "n")
DATASET_KEYS = ("truth", "images", "id_column", "image_column", "lat_column", "lon_column")
TRUTH_KEYS = ("lat", "lon", "country", "city", "group", "entities", "localizable", "scene", "id", "image")
_CORE_TAGS = ("map", "seq", "str", "int", "float", "bool", "null", "timestamp", "merge")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a YAML."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}, line {self.line}: {self.message}"


@dataclass(frozen=True)
class Definition:
    """A YAML as it stands: plain values (`!function` as its text) and the line of each key path."""

    path: Path
    values: dict[str, Any]
    lines: dict[tuple[str, ...], int]

    @property
    def name(self) -> str:
        """Of the task or the group."""
        return str(self.values.get("group") or self.values.get("task"))

    @property
    def is_group(self) -> bool:
        """Whether this is a list of tasks."""
        return "group" in self.values

    def line(self, *keys: str) -> int:
        """The line of a key, or of the nearest key above it that stands in this file."""
        while keys and keys not in self.lines:
            keys = keys[:-1]
        return self.lines.get(keys, 1)


def tasks_folder() -> Path:
    """The shipped YAMLs: inside an installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "tasks"
    return installed if installed.is_dir() else package.parent / "tasks"


def task_files(folders: Sequence[Path]) -> Iterator[Path]:
    """Every YAML that lm-eval would see in these folders, in its order."""
    for folder in folders:
        yield from sorted(folder.glob("**/*.yaml"))


def definitions(folders: Sequence[Path]) -> dict[str, Definition]:
    """Name -> definition of every readable task and group; later folders win, as in lm-eval."""
    found = {}
    for path in task_files(folders):
        try:
            definition = read_definition(path)
        except InputError:
            continue
        if "task" in definition.values or "group" in definition.values:
            found[definition.name] = definition
    return found


def read_definition(path: Path, _seen: tuple[Path, ...] = ()) -> Definition:
    """Read one YAML and what it includes. Raises InputError for what is no YAML, duplicate keys and unknown tags."""
    if not path.is_file():
        siblings = [p.name for p in path.parent.glob("*.yaml")] if path.parent.is_dir() else []
        raise InputError(f"{path}: no such file{nearest(path.name, siblings)}")
    if path.resolve() in _seen:
        raise InputError(f"{path}: includes itself")
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise InputError(f"{path}, line {mark.line + 1 if mark else 1}: not valid YAML, {error.problem}") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not valid YAML, {str(error).splitlines()[0]}") from None
    if not isinstance(node, yaml.MappingNode):
        raise InputError(f"{path}, line 1: a task is a mapping of keys to values, as in 'task: my_city'")
    lines: dict[tuple[str, ...], int] = {}
    values: dict[str, Any] = _plain(node, path, (), lines)
    if "include" not in values:
        return Definition(path, values, lines)
    merged: dict[str, Any] = {}
    included = values["include"] if isinstance(values["include"], list) else [values["include"]]
    for name in included:
        inherited = read_definition(path.parent / str(name), (*_seen, path.resolve()))
        merged |= {key: value for key, value in inherited.values.items() if key != "include"}
    return Definition(path, merged | values, lines)


def _plain(node: yaml.Node, path: Path, keys: tuple[str, ...], lines: dict[tuple[str, ...], int]) -> Any:
    line = node.start_mark.line + 1
    lines.setdefault(keys, line)
    tag = node.tag.removeprefix("tag:yaml.org,2002:")
    if node.tag != "!function" and tag not in _CORE_TAGS:
        raise InputError(f"{path}, line {line}: tag {node.tag!r} is not allowed; the only one is !function")
    if isinstance(node, yaml.MappingNode):
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key, at = str(key_node.value), key_node.start_mark.line + 1
            if key in result:
                first = lines[(*keys, key)]
                raise InputError(f"{path}, line {at}: key {key!r} stands there twice, first in line {first}")
            lines[(*keys, key)] = at
            result[key] = _plain(value_node, path, (*keys, key), lines)
        return result
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, path, (*keys, str(i)), lines) for i, item in enumerate(node.value)]
    if node.tag == "!function":
        return f"!function {node.value}"
    return yaml.SafeLoader("").construct_object(node)


def problems(path: Path) -> list[Problem]:
    """What is wrong with a YAML, in the order of its lines; empty when it can be run."""
    try:
        definition = read_definition(path)
    except InputError as error:
        where, _, message = str(error).partition(": ")
        line = where.rpartition(", line ")[2]
        return [Problem(path, int(line) if line.isdigit() else 1, message)]
    found = list(_group_problems(definition) if definition.is_group else _task_problems(definition))
    if path.suffix != ".yaml":
        found.append(Problem(path, 1, f"lm-eval reads only *.yaml; found {path.suffix!r}"))
    return sorted(found, key=lambda problem: problem.line)


def _group_problems(definition: Definition) -> Iterator[Problem]:
    from lm_eval.config.group import GroupConfig

    yield from _unknown(definition, (), definition.values, [*GroupConfig.__dataclass_fields__, "tag", "include"])
    known = definitions([tasks_folder(), definition.path.parent])
    members = definition.values.get("task")
    if not isinstance(members, list):
        yield Problem(definition.path, definition.line("task"), f"task: found {members!r}; a group lists its tasks")
        return
    for index, member in enumerate(members):
        if isinstance(member, str) and member not in known:
            line = definition.line("task", str(index))
            yield Problem(definition.path, line, f"task: no task {member!r}{nearest(member, known)}")


def _task_problems(definition: Definition) -> Iterator[Problem]:
    from lm_eval.config.task import TaskConfig

    from globe_eval.benchmarks.prompts import DECODINGS, PROMPTS
    from globe_eval.scoring import ANSWER_FORMS

    values = definition.values
    allowed = [*TaskConfig.__dataclass_fields__, *OWN_KEYS, "class", "include"]
    yield from _unknown(definition, (), values, allowed)
    if not isinstance(values.get("task"), str) or not values["task"].replace("_", "").replace("-", "").isalnum():
        yield Problem(
            definition.path,
            definition.line("task"),
            f"task: found {values.get('task')!r}; a task has a name of letters, digits, '_' and '-'",
        )
    yield from _function_problems(definition, values, ())
    if "class" not in values:
        yield Problem(definition.path, 1, "class is missing; allowed: !function globe_eval.GeoTask")
    elif not str(values["class"]).startswith("!function "):
        yield Problem(
            definition.path,
            definition.line("class"),
            f"class: found {values['class']!r}; allowed: !function globe_eval.GeoTask (or a subclass of it)",
        )
    data = values.get("dataset_kwargs")
    if "custom_dataset" not in values:
        if not isinstance(data, dict) or "truth" not in data:
            yield Problem(
                definition.path, definition.line("dataset_kwargs"), "dataset_kwargs: 'truth' is missing, the table"
            )
        if isinstance(data, dict):
            yield from _unknown(definition, ("dataset_kwargs",), data, DATASET_KEYS)
    metadata = values.get("metadata")
    if not isinstance(metadata, dict) or "version" not in metadata:
        yield Problem(
            definition.path, definition.line("metadata"), "metadata: 'version' is missing, as in {version: 1}"
        )
    if isinstance(metadata, dict):
        yield from _unknown(definition, ("metadata",), metadata, METADATA_KEYS)
    allowed_values: tuple[Sequence[str], ...] = (list(PROMPTS), list(DECODINGS), ANSWER_FORMS)
    for key, choices in zip(OWN_KEYS, allowed_values, strict=True):
        if key in values and values[key] not in choices:
            yield Problem(
                definition.path,
                definition.line(key),
                f"{key}: found {values[key]!r}{nearest(str(values[key]), choices)} (allowed: {', '.join(choices)})",
            )
    prompt = values.get("doc_to_text")
    if isinstance(prompt, str) and not prompt.startswith("!function"):
        leaks = [key for key in TRUTH_KEYS if prompt == key or ("{{" in prompt and key in _variables(prompt))]
        for key in leaks:
            yield Problem(
                definition.path,
                definition.line("doc_to_text"),
                f"doc_to_text: the prompt shows the truth column {key!r}",
            )
    for index, metric in enumerate(values.get("metric_list") or []):
        lacking = [key for key in ("metric", "aggregation", "higher_is_better") if key not in metric]
        for key in lacking:
            yield Problem(
                definition.path,
                definition.line("metric_list", str(index)),
                f"metric_list: {metric.get('metric', 'an entry')!r} has no {key!r}",
            )


def _variables(template: str) -> set[str]:
    from jinja2 import Environment, TemplateSyntaxError, meta

    environment = Environment()
    try:
        return set(meta.find_undeclared_variables(environment.parse(template)))
    except TemplateSyntaxError:
        return set()


def _unknown(
    definition: Definition, keys: tuple[str, ...], values: Mapping[str, Any], allowed: Sequence[str]
) -> Iterator[Problem]:
    for key in values:
        if key not in allowed:
            hint = nearest(key, allowed) or f" (allowed: {', '.join(allowed)})"
            yield Problem(definition.path, definition.line(*keys, key), f"unknown key {'.'.join([*keys, key])!r}{hint}")


def _function_problems(definition: Definition, value: Any, keys: tuple[str, ...]) -> Iterator[Problem]:
    from lm_eval.tasks._yaml_loader import _import_func_in_yml

    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _function_problems(definition, inner, (*keys, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _function_problems(definition, inner, (*keys, str(index)))
    elif isinstance(value, str) and value.startswith("!function "):
        try:
            _import_func_in_yml(value.removeprefix("!function "), definition.path.parent.resolve())
        except Exception as error:  # whatever a user's module raises on import
            yield Problem(definition.path, definition.line(*keys), f"{'.'.join(keys)}: {value}: {error}")
