"""The YAML of a benchmark: its allowed keys, reading one with line numbers, where installed ones and their data are."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from globe_eval.benchmarks.prompts import PROMPT_NAMES, PROMPTS, SHORT_NAMES
from globe_eval.errors import InputError, nearest

OWN_KEYS = ("prompt", "decoding", "answer_form")
"""What a benchmark's YAML may say beyond lm-eval's keys."""
METADATA_KEYS = ("version", "description", "license", "citation", "source", "n")
"""What every shipped benchmark says of itself."""
MORE_METADATA_KEYS = (
    *("hub", "defects", "known_truth", "unverified", "manifest_sha256", "truth_sha256", "exhaustive_entities"),
    "design_effect",
)
"""What it may say besides: its repository on the hub, sentences about its defects, SHA-256 -> which file of truth that
is, the columns and files that nobody could look at, version -> SHA-256 of the manifest, and of it without entities and
localizable where it has them, and (true, or the list of classes) that its entities name all that can be seen of each
class, so that hallucinations can be told; and of published figures the design effect by which their photographs cluster
(`date`, `of` which runs, `within_km`: kilometres -> effect), fixed so that no later row moves their intervals."""
ENTRY_POINTS = "globe_eval.tasks"
"""The group of entry points with which a package brings benchmarks: each names a package whose folder holds YAMLs."""
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MOST_VALUES = 10_000
"""In one YAML: nine aliases of nine aliases of nine are a few lines and a billion values."""
_CORE_TAGS = ("map", "seq", "str", "int", "float", "bool", "null", "timestamp", "merge")


@dataclass(frozen=True)
class Definition:
    """A YAML: plain values (`!function` as its text, files that lie beside it with their path), a line for each key."""

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


def task_folders() -> list[Path]:
    """Every folder of YAMLs that is installed: those of other packages (see ENTRY_POINTS), then the shipped one.

    Raises InputError for an entry point that names no package or module.
    """
    from importlib.metadata import entry_points

    folders = []
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.value):
        spec = None
        with suppress(ImportError, ValueError):
            spec = find_spec(point.module)
        inside = list(spec.submodule_search_locations or ()) if spec else []
        if spec is None or not (inside or spec.origin):
            package, entry = point.dist.name if point.dist else point.name, f"{ENTRY_POINTS} {point.name!r}"
            wrong = f"names {point.value!r}, which is no package or module; correct it, or uninstall the package"
            raise InputError(f"package {package}: entry point {entry} {wrong}")
        folders += [Path(folder) for folder in inside] or [Path(str(spec.origin)).parent]
    return [*folders, tasks_folder()]


def task_files(folders: Sequence[Path]) -> Iterator[Path]:
    """Every YAML that lm-eval would see in these folders, in its order. Raises InputError for what is no folder."""
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"--include_path {folder}: no such folder")
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


def known_tasks(include_path: Iterable[Path] = ()) -> dict[str, Definition]:
    """Name -> definition of every task and group that is installed, or in one of these folders."""
    return definitions([*task_folders(), *include_path])


def results_name(one: Definition) -> str:
    """The name that a task's results bear: its own, or `own_…` where somebody else's YAML has that of a shipped one."""
    namesake = shipped().get(one.name)
    ours = namesake is None or one.path.resolve() == namesake.path.resolve()
    return one.name if ours else f"own_{one.name}"


@cache
def shipped() -> dict[str, Definition]:
    """Name -> definition of the tasks and groups of this project."""
    return definitions([tasks_folder()])


def find(name: str, include_path: Sequence[Path] = ()) -> Definition:
    """The task or group of that name, or the one in a YAML. Raises InputError, with the nearest name."""
    if name.endswith((".yaml", ".yml")):
        return read_definition(Path(name))
    known = known_tasks(include_path)
    if name not in known:
        raise InputError(unknown_task(name, known))
    return known[name]


def tags(known: Mapping[str, Definition]) -> dict[str, list[str]]:
    """Tag -> the names of the tasks that carry it, sorted: lm-eval runs all of them under the tag's name."""
    found: dict[str, list[str]] = {}
    for name, one in sorted(known.items()):
        given = one.values.get("tag") or []
        for tag in given if isinstance(given, list) else [given]:
            found.setdefault(str(tag), []).append(name)
    return found


def unknown_task(name: str, known: Mapping[str, Definition]) -> str:
    """The error message for an unknown task: the option that replaced it, else the nearest names."""
    prompt = max((prompt for prompt in PROMPT_NAMES if name.endswith(f"_{prompt}")), key=len, default="")
    if prompt and (base := name.removesuffix(f"_{prompt}")) in known:
        form = PROMPTS[SHORT_NAMES.get(prompt, prompt)].answer_form
        return f"{name} is now --tasks {base} --prompt {prompt} (score: --task {base} --answer-form {form})"
    here = f"; {name}.yaml lies here: give that file, or its folder with --include_path"
    hint = here if Path(f"{name}.yaml").is_file() else nearest(name, known)
    return f"unknown task {name!r}{hint} (globe-eval ls tasks lists them; a YAML's path is one)"


def included(path: Path, name: str, shipped: Path | None = None) -> Path:
    """The YAML that another includes: a file beside it, or one of the folder `shipped` by its bare name."""
    by_name = shipped / f"{name}.yaml" if shipped else None
    return by_name if by_name and by_name.is_file() and not (path.parent / name).is_file() else path.parent / name


def read_definition(path: Path, shipped: Path | None = None, _seen: tuple[Path, ...] = ()) -> Definition:
    """Read one YAML and what it includes. Raises InputError for what is no YAML, duplicate keys and unknown tags."""
    if not path.is_file():
        siblings = [p.name for p in path.parent.glob("*.yaml")] if path.parent.is_dir() else []
        siblings += [p.stem for p in shipped.glob("*.yaml")] if shipped else []
        what = "a folder; name the YAML in it" if path.is_dir() else "no such file"
        raise InputError(f"{path}: {what}{nearest(path.name, siblings)}")
    if path.resolve() in _seen:
        raise InputError(f"{path}: includes itself")
    try:
        node = _compose(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text") from None
    except RecursionError:
        raise InputError(f"{path}: nested too deeply") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise InputError(f"{path}, line {mark.line + 1 if mark else 1}: not valid YAML, {error.problem}") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not valid YAML, {str(error).splitlines()[0]}") from None
    if not isinstance(node, yaml.MappingNode):
        raise InputError(f"{path}, line 1: a task is a mapping of keys to values, as in 'task: my_city'")
    lines: dict[tuple[str, ...], int] = {}
    try:
        values: dict[str, Any] = _plain(node, path, (), lines)
    except RecursionError:
        raise InputError(f"{path}: nested too deeply, or an alias that holds itself") from None
    merged: dict[str, Any] = {}
    names = values.get("include") or []
    for name in names if isinstance(names, list) else [names]:
        try:
            inherited = read_definition(included(path, str(name), shipped), shipped, (*_seen, path.resolve()))
        except InputError as error:
            raise InputError(f"{path}, line {lines[('include',)]}: include: {error}") from None
        merged |= {key: value for key, value in inherited.values.items() if key != "include"}
    merged |= values
    if not _seen and "custom_dataset" not in merged and isinstance(merged.get("dataset_kwargs"), dict):
        merged["dataset_kwargs"] = resolved_beside(merged["dataset_kwargs"], path.parent)
    return Definition(path, merged, lines)


def task_text(name: str, values: Mapping[str, Any], kind: str = "!function globe_eval.GeoTask") -> str:
    """The YAML of a benchmark of a class, mostly the one that all of them are."""
    text = yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True, width=1000)
    return f"task: {name}\nclass: {kind}\n{text}"


def _compose(text: str) -> yaml.Node | None:
    """The YAML as nodes: read in C where PyYAML has it, five times as fast; errors are those of Python's reader."""
    try:
        return yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError:
        return yaml.compose(text, Loader=yaml.SafeLoader)


def _plain(node: yaml.Node, path: Path, keys: tuple[str, ...], lines: dict[tuple[str, ...], int]) -> Any:
    line = node.start_mark.line + 1
    lines.setdefault(keys, line)
    if len(lines) > MOST_VALUES:
        raise InputError(f"{path}, line {line}: more than {MOST_VALUES:,} values")
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


def data_folder() -> Path:
    """Where downloaded and prepared benchmarks lie: $GLOBE_EVAL_DATA, by default ~/globe-eval-data."""
    return Path(os.environ.get("GLOBE_EVAL_DATA") or "~/globe-eval-data").expanduser()


def find_data(name: str | Path) -> Path | None:
    """A file or folder as it is named, or under `data_folder()`; None where it is in neither."""
    path = Path(name).expanduser()
    return next((candidate for candidate in (path, data_folder() / path) if candidate.exists()), None)


def resolved_beside(kwargs: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """`dataset_kwargs` of a YAML in `folder`: a file or folder that lies beside the YAML stands there with its path."""
    paths = {key: folder.absolute() / str(kwargs[key]) for key in ("truth", "images", "entities") if kwargs.get(key)}
    return {**kwargs, **{key: str(path) for key, path in paths.items() if path.exists()}}


def is_prepared(folder: Path) -> bool:
    """Whether `globe-eval prepare` wrote a manifest into a folder."""
    return (folder / "manifest.parquet").is_file() and (folder / "prepare.json").is_file()


def prepared_fact(folder: Path, *key_and_default: Any) -> Any:
    """What `prepare.json` says under a key, or the default where one is given. Raises InputError for another file."""
    record = folder / "prepare.json"
    try:
        prepared = json.loads(record.read_text(encoding="utf-8"))
        return prepared.get(*key_and_default) if len(key_and_default) > 1 else prepared[key_and_default[0]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{record}: not what globe-eval prepare writes ({error!r}); prepare again") from None
