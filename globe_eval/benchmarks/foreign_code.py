"""Python that a benchmark's YAML names (`!function module.name`): located and inspected without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from globe_eval.benchmarks.definition import Definition, read_definition, shipped

Keys = tuple[str, ...]


def functions(value: Any, keys: Keys = ()) -> Iterator[tuple[Keys, str]]:
    """The path of each key that names a function, and `module.name`."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from functions(inner, (*keys, str(key)))
    elif isinstance(value, str) and value.startswith("!function "):
        yield keys, value.removeprefix("!function ").strip()


def module_file(qualified: str, folder: Path) -> Path | None:
    """The file of a function's module beside the YAML, which lm-eval prefers to any package; else None."""
    path = folder / f"{qualified.rpartition('.')[0].replace('.', '/')}.py"
    return path if path.is_file() else None


def problem(qualified: str, folder: Path) -> str | None:
    """Why a function cannot be there, without running any Python of the YAML's."""
    module, _, name = qualified.rpartition(".")
    if not module:
        return "allowed: module.name"
    path = module_file(qualified, folder)
    if path is None:
        top = module.split(".")[0]
        try:
            there = find_spec(top) is not None
        except (ImportError, ValueError):
            there = False
        if top == "globe_eval":  # this package's own, which may be imported
            try:
                found = import_module(module)
                offered = name in getattr(found, "__all__", ()) or hasattr(found, name)  # nothing is imported to look
                return None if offered else f"module {module!r} has no {name!r}"
            except ImportError as error:
                return str(error)
        return None if there else f"no module {module!r} beside the YAML, and no package {top!r}"
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return f"{path.name}: no Python ({error})"
    named = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    named |= {
        node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
    }
    named |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return None if name in named or "*" in named else f"{path.name} has no {name!r}"


def modules(definitions: Sequence[Definition]) -> dict[str, list[str]]:
    """YAML -> the modules of others that it loads: files beside it, and packages that are not this one."""
    found: dict[str, list[str]] = {}
    ours = {one.path.resolve() for one in shipped().values()}
    for one in definitions:
        if one.path.resolve() in ours:
            continue
        for _, qualified in functions(one.values):
            path = module_file(qualified, one.path.parent)
            if path is None and qualified.split(".")[0] == "globe_eval":
                continue
            what = str(path) if path is not None else qualified.rpartition(".")[0]
            if what not in found.setdefault(str(one.path), []):
                found[str(one.path)].append(what)
    return {yaml: named for yaml, named in found.items() if named}


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
