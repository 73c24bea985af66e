"""`globe-eval validate`: the problems of a benchmark's YAML, each with its line.

lm-eval skips a broken YAML without a word, so every YAML that is run goes through `problems` first.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from globe_eval.benchmarks import listing
from globe_eval.benchmarks.definition import (
    METADATA_KEYS,
    MORE_METADATA_KEYS,
    OWN_KEYS,
    Definition,
    find_data,
    known_tasks,
    read_definition,
    shipped,
    task_folders,
)
from globe_eval.benchmarks.manifest import DATASET_KEYS, in_yaml, read_manifest, renamed_key
from globe_eval.benchmarks.prompts import DECODINGS, PROMPT_NAMES, asked_forms
from globe_eval.benchmarks.truth import ROLES, TRUTH_FIELDS
from globe_eval.benchmarks.where import parse_where
from globe_eval.errors import InputError, nearest
from globe_eval.metrics import custom_metrics

Keys = tuple[str, ...]
_DATA = "dataset_kwargs"
Found = Iterator[tuple[Keys, str]]
"""The path of a key, and a sentence about what stands there."""


@dataclass(frozen=True)
class Problem:
    """A problem of a YAML."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}, line {self.line}: {self.message}"


def problems(path: Path, *, data: bool = False) -> list[Problem]:
    """The problems of a YAML, in the order of its lines; empty where it can be run.

    With `data`, its truth and pictures are looked at too: whether they are there (an installed benchmark may be without
    them), have the columns that the YAML names, n rows, and the SHA-256 that is recorded for this version.
    """
    try:
        definition = read_definition(path)
    except InputError as error:
        where, _, message = str(error).partition(": ")
        line = where.rpartition(", line ")[2]
        return [Problem(path, int(line) if line.isdigit() else 1, message)]
    found = list(_of_group(definition) if definition.is_group else _of_task(definition.values, path.parent))
    if data:
        found += _namesakes(definition)
        if not found and not definition.is_group and "custom_dataset" not in definition.values:
            found += _of_data(definition)
    if path.suffix != ".yaml":
        found.append(((), f"lm-eval reads only *.yaml; found {path.suffix!r}"))
    problems_ = [Problem(path, definition.line(*keys), message) for keys, message in found]
    return sorted(problems_, key=lambda problem: problem.line)


def keys_of_lm_eval(kind: str) -> list[str]:
    """The allowed keys in the YAML of a `task` or a `group`: the fields of lm-eval's class, from its source.

    Importing the class takes longer than all the rest of `globe-eval validate`.
    """
    found = find_spec("lm_eval")
    assert found is not None and found.origin is not None
    body = ast.parse((Path(found.origin).parent / "config" / f"{kind}.py").read_bytes()).body
    config = next(node for node in body if isinstance(node, ast.ClassDef) and node.name == f"{kind.title()}Config")
    return [ast.unparse(line.target) for line in config.body if isinstance(line, ast.AnnAssign)]


def _of_group(definition: Definition) -> Found:
    yield from _unknown((), definition.values, [*keys_of_lm_eval("group"), "tag", "include"])
    known = known_tasks([definition.path.parent])
    members = definition.values.get("task")
    if not isinstance(members, list):
        yield _at(f"found {members!r}; a group lists its tasks", "task")
        return
    for index, member in enumerate(members):
        if isinstance(member, str) and member not in known:
            yield _at(f"no task {member!r}{nearest(member, known)}", "task", str(index))


def _of_task(values: Mapping[str, Any], folder: Path) -> Found:
    from globe_eval.sample import ANSWER_FORMS

    ours = (*OWN_KEYS, *custom_metrics.KEYS, "class", "include")
    yield from _unknown((), values, [*keys_of_lm_eval("task"), *ours])
    if not isinstance(values.get("task"), str) or not values["task"].replace("_", "").replace("-", "").isalnum():
        yield _at(f"found {values.get('task')!r}; a task has a name of letters, digits, '_' and '-'", "task")
    for keys, qualified in functions_of(values):
        if (wrong := function_problem(qualified, folder)) is not None:
            yield keys, f"{'.'.join(keys)}: !function {qualified}: {wrong}"
    if "class" not in values:
        yield (), "class is missing; allowed: !function globe_eval.GeoTask"
    elif not str(values["class"]).startswith("!function "):
        yield _at(f"found {values['class']!r}; allowed: !function globe_eval.GeoTask (or a subclass of it)", "class")
    if "custom_dataset" not in values:
        yield from _of_dataset(values.get("dataset_kwargs"))
    metadata = values.get("metadata")
    if not isinstance(metadata, dict) or "version" not in metadata:
        yield _at("'version' is missing, as in {version: 1}", "metadata")
    if isinstance(metadata, dict):
        yield from _unknown(("metadata",), metadata, (*METADATA_KEYS, *MORE_METADATA_KEYS))
        exhaustive = metadata.get("exhaustive_entities")
        if not isinstance(exhaustive, bool | list | None):
            wrong = f"exhaustive_entities: found {exhaustive!r}; allowed: true, false, or a list of classes"
            yield _at(wrong, "metadata", "exhaustive_entities")
    allowed: tuple[Sequence[str], ...] = (PROMPT_NAMES, list(DECODINGS), ANSWER_FORMS)
    for key, choices in zip(OWN_KEYS, allowed, strict=True):
        if key in values and values[key] not in choices:
            hint = f"{nearest(str(values[key]), choices)} (allowed: {', '.join(choices)})"
            yield _at(f"found {values[key]!r}{hint}", key)
    yield from custom_metrics.problems(values)
    for key in ("doc_to_text", "description"):
        for column in _shown_truth(values.get(key)):
            yield _at(f"the prompt shows the truth column {column!r}", key)
    yield from _of_form(values)
    for index, metric in enumerate(values.get("metric_list") or []):
        given = metric if isinstance(metric, dict) else {}
        for key in ("metric", "aggregation", "higher_is_better"):
            if key not in given:
                yield _at(f"{given.get('metric', metric)!r} has no {key!r}", "metric_list", str(index))


def _of_form(values: Mapping[str, Any]) -> Found:
    """A prompt of one's own that asks for another form than its answers would be read in."""
    prompt, form = values.get("doc_to_text"), listing.answer_form(values)
    if "answer_form" in values or not isinstance(prompt, str) or prompt.startswith("!function"):
        return
    asked = asked_forms(prompt)
    if asked and form not in asked:
        both = f"the prompt asks for {' or '.join(sorted(asked))}, and its answers would be read as {form}"
        allowed = ", ".join(sorted({*asked, str(form)}))
        yield _at(f"{both}; say which with answer_form (allowed: {allowed})", "doc_to_text")


def _shown_truth(prompt: Any) -> list[str]:
    if not isinstance(prompt, str) or prompt.startswith("!function"):
        return []
    shown = {prompt}
    if "{{" in prompt or "{%" in prompt:
        from jinja2 import Environment, TemplateSyntaxError, meta

        try:
            shown = meta.find_undeclared_variables(Environment().parse(prompt))
        except TemplateSyntaxError:
            return []
    return [field for field in ROLES if field in shown]


def _at(message: str, *keys: str) -> tuple[Keys, str]:
    return keys, f"{keys[0]}: {message}"


def _of_dataset(data: Any) -> Found:
    if not isinstance(data, dict) or not isinstance(data.get("truth"), str):
        yield _at("'truth' is missing, the table", _DATA)
    if not isinstance(data, dict):
        return
    new_names = {key: name for key, value in data.items() if (name := renamed_key(key, value))}
    yield from (_at(name, _DATA, key) for key, name in new_names.items())
    yield from _unknown((_DATA,), data, [*DATASET_KEYS, *new_names])
    for key, kind, example in ("columns", str, "the name of a column"), ("values", dict, "a mapping, as {0: indoor}"):
        mapping = data.get(key, {})
        if not isinstance(mapping, dict):
            yield _at(f"{key}: found {mapping!r}; allowed: a mapping of roles, {', '.join(ROLES)}", _DATA, key)
            continue
        yield from _unknown((_DATA, key), mapping, ROLES)
        for role, value in mapping.items():
            if not isinstance(value, kind):
                yield _at(f"{key}.{role}: found {value!r}; allowed: {example}", _DATA, key, role)
    if "where" in data:
        try:
            parse_where(data["where"], TRUTH_FIELDS)
        except InputError as error:
            yield _at(str(error), _DATA, "where")
    for key, form, example in (("image_suffix", r"\.\w+", ".jpeg"), ("prepared", r"[\w-]+", "im2gps3k")):
        if key in data and not re.fullmatch(form, str(data[key])):
            yield _at(f"{key}: found {data[key]!r}; allowed: a text such as {example}", _DATA, key)


def _namesakes(definition: Definition) -> Found:
    """Other YAMLs of the folder with the same name: lm-eval would take one of them without a word."""
    same = re.compile(rf"^(?:task|group):[ \t]*['\"]?{re.escape(definition.name)}['\"]?[ \t]*(?:#.*)?$", re.MULTILINE)
    for other in sorted(definition.path.parent.glob("*.yaml")):
        if other.name != definition.path.name and same.search(other.read_text(encoding="utf-8", errors="replace")):
            key = "group" if definition.is_group else "task"
            yield _at(f"{definition.name!r} is in {other.name} too", key)


def _of_data(definition: Definition) -> Found:
    data, metadata = dict(definition.values[_DATA]), definition.values["metadata"]
    places = {key: find_data(data[key]) for key in ("truth", "images") if data.get(key) is not None}
    if lacking := [key for key, place in places.items() if place is None]:
        if not any(definition.path.resolve().is_relative_to(folder.resolve()) for folder in task_folders()):
            yield from (_at(f"{key}: {data[key]!r} is not there", _DATA, key) for key in lacking)
        return
    from globe_eval.benchmarks.pack import other_pictures  # not at the top: it brings Pillow

    how = {key: data[key] for key in ("columns", "values", "image_suffix", "where") if key in data}
    try:
        manifest = read_manifest(places["truth"] or Path(), images=places.get("images"), **how)
    except InputError as error:
        named = [role for role, column in data.get("columns", {}).items() if repr(column) in str(error)]
        yield _at(in_yaml(error), _DATA, *(["columns", named[0]] if named else []))
        return
    if changed := other_pictures(manifest):
        others = f"{len(changed):,} of {len(manifest.rows):,} pictures are not the files whose SHA-256 the table has"
        yield _at(f"images: {others}, the first: {changed[0]}", _DATA, "images")
    n, version, recorded = metadata.get("n"), str(metadata["version"]), metadata.get("manifest_sha256") or {}
    if n is not None and n != len(manifest.rows) and "n" not in metadata.get("unverified", ()):
        yield _at(f"n: found {n}, the truth has {len(manifest.rows)} photographs", "metadata", "n")
    if recorded.get(version, manifest.sha256) != manifest.sha256:
        both = f"SHA-256 {manifest.sha256[:12]}…, recorded {recorded[version][:12]}…"
        wrong = f"the truth changed since version {version} was written ({both}): raise metadata.version"
        yield _at(wrong, "metadata", "version")


def _unknown(keys: tuple[str, ...], values: Mapping[str, Any], allowed: Sequence[str]) -> Found:
    for key in values:
        if key not in allowed:
            hint = nearest(key, allowed) or f" (allowed: {', '.join(allowed)})"
            yield (*keys, key), f"unknown key {'.'.join([*keys, key])!r}{hint}"


def functions_of(value: Any, keys: Keys = ()) -> Iterator[tuple[Keys, str]]:
    """The path of each key that names a function, and `module.name`."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from functions_of(inner, (*keys, str(key)))
    elif isinstance(value, str) and value.startswith("!function "):
        yield keys, value.removeprefix("!function ").strip()


def module_file(qualified: str, folder: Path) -> Path | None:
    """The file of a function's module beside the YAML, which lm-eval prefers to any package; else None."""
    path = folder / f"{qualified.rpartition('.')[0].replace('.', '/')}.py"
    return path if path.is_file() else None


def function_problem(qualified: str, folder: Path) -> str | None:
    """Why a function cannot be there, without running any Python of the YAML's."""
    module, _, name = qualified.rpartition(".")
    if not module:
        return "allowed: module.name"
    path = module_file(qualified, folder)
    if path is None:
        top, there = module.split(".")[0], None
        if top == "globe_eval":  # this package's own, which may be imported
            try:
                found = import_module(module)
            except ImportError as error:
                return str(error)
            offered = name in getattr(found, "__all__", ()) or hasattr(found, name)  # nothing is imported to look
            return None if offered else f"module {module!r} has no {name!r}"
        with suppress(ImportError, ValueError):
            there = find_spec(top)
        return None if there else f"no module {module!r} beside the YAML, and no package {top!r}"
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return f"{path.name}: no Python ({error})"
    nodes = list(ast.walk(tree))
    named = {one.asname or one.name for node in nodes if isinstance(node, ast.ImportFrom) for one in node.names}
    named |= {one.name for one in tree.body if isinstance(one, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)}
    named |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return None if name in named or "*" in named else f"{path.name} has no {name!r}"


def function_modules(definitions: Sequence[Definition]) -> dict[str, list[str]]:
    """YAML -> the modules of others that it loads: files beside it, and packages that are not this one."""
    found: dict[str, dict[str, None]] = {}
    ours = {one.path.resolve() for one in shipped().values()}
    for one in definitions:
        for _, qualified in functions_of(one.values) if one.path.resolve() not in ours else ():
            path = module_file(qualified, one.path.parent)
            if path is not None or qualified.split(".")[0] != "globe_eval":
                found.setdefault(str(one.path), {})[str(path or qualified.rpartition(".")[0])] = None
    return {yaml: list(named) for yaml, named in found.items()}


def requested_definitions(
    names: Sequence[str], known: Mapping[str, Definition], tags: Mapping[str, list[str]]
) -> list[Definition]:
    """The definitions behind names, tags, groups and paths of YAMLs, and behind what these list."""
    found: dict[Path, Definition] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop(0)
        waiting += tags.get(name, [])
        one = known.get(name) or (read_definition(Path(name)) if name.endswith((".yaml", ".yml")) else None)
        if one is not None and one.path not in found:
            found[one.path] = one
            members = one.values.get("task") if one.is_group else None
            waiting += [member for member in members or [] if isinstance(member, str)]
    return list(found.values())
