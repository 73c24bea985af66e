"""The truth of a benchmark by its name, without its pictures: what `score --task` and `ls tasks --details` need."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from globe_eval.benchmarks.ceilings import of_every_form
from globe_eval.benchmarks.definition import COLUMN_KEYS
from globe_eval.benchmarks.entities import with_entities
from globe_eval.benchmarks.manifest import data_folder, find_data, truth_sha256
from globe_eval.benchmarks.table import read_table
from globe_eval.benchmarks.truth import ROLES, read_truth, select
from globe_eval.errors import InputError


@dataclass(frozen=True)
class Known:
    """The rows of a benchmark (TRUTH_FIELDS) and the file that they come from."""

    rows: list[dict[str, Any]]
    path: Path


def known_truth(values: Mapping[str, Any]) -> Known | None:
    """What `GeoTask` would evaluate on: the prepared manifest, a drawn one, or the YAML's own table.

    Args:
        values: of the YAML (`Definition.values`).

    Returns: None where nothing of it is on this machine.

    Raises:
        InputError: a table that is there cannot be read as the YAML says, or the file of its entities is not there.

    """
    given = dict(values.get("dataset_kwargs") or {})
    if custom := values.get("custom_dataset"):
        return _drawn(str(custom), given)
    known = _prepared(str(given.get("prepared", values.get("task"))), given.get("where")) or _table(given)
    if known is None or given.get("entities") is None:
        return known
    entities = find_data(given["entities"])
    if entities is None:
        raise InputError(
            f"task {values.get('task')!r}: {given['entities']!r}, its entities, is neither here nor in {data_folder()}"
        )
    return replace(known, rows=with_entities(known.rows, entities))


def reading(given: Mapping[str, Any]) -> dict[str, Any]:
    """Of a YAML's `dataset_kwargs`, what says how its table is read: the arguments of `read_truth`."""
    chosen = {key.removesuffix("_column"): given[key] for key in COLUMN_KEYS if given.get(key)}
    return {"columns": {**(given.get("columns") or {}), **chosen}, **{k: given.get(k) for k in ("values", "where")}}


def ceilings(values: Mapping[str, Any]) -> dict[str, dict[str, dict[str, float]]] | None:
    """Answer form -> "ceiling" and "attainable", as `globe-eval prepare` computed them; None where it has not.

    Of a benchmark that is drawn they are computed here: there is nothing to prepare.
    """
    given = values.get("dataset_kwargs") or {}
    if "custom_dataset" in values:
        drawn = known_truth(values)
        return None if drawn is None else of_every_form(drawn.rows)
    record = data_folder() / str(given.get("prepared", values.get("task"))) / "prepare.json"
    if "where" in given or not record.is_file():
        return None
    found: dict[str, dict[str, dict[str, float]]] = _recorded(record, "ceilings")
    return found


def _recorded(record: Path, key: str) -> Any:
    """What `globe-eval prepare` wrote down under a key."""
    try:
        return json.loads(record.read_text(encoding="utf-8"))[key]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{record}: not what globe-eval prepare writes ({error!r}); prepare again") from None


def _drawn(function: str, given: Mapping[str, Any]) -> Known | None:
    """The manifest that a function of this package makes; another package's is not called for its truth alone."""
    module, _, name = function.removeprefix("!function ").rpartition(".")
    if not module.startswith("globe_eval."):
        return None
    path = Path(getattr(import_module(module), name)(**given))
    return Known(_by_role(path), path)


def _by_role(path: Path) -> list[dict[str, Any]]:
    """The truth in a table whose columns are named as the roles are."""
    table = read_table(path)
    return read_truth(table, columns={role: role for role in ROLES if role in table.columns})


def _prepared(name: str, where: str | None) -> Known | None:
    path = data_folder() / name / "manifest.parquet"
    record = path.with_name("prepare.json")
    if not (path.is_file() and record.is_file()):
        return None
    rows = _by_role(path)
    if truth_sha256(rows) != _recorded(record, "manifest_sha256"):
        raise InputError(f"{path}: is not the manifest that {record.name} beside it describes; prepare again")
    return Known(select(rows, where, path) if where else rows, path)


def _table(given: Mapping[str, Any]) -> Known | None:
    path = find_data(given["truth"]) if given.get("truth") else None
    return None if path is None else Known(read_truth(read_table(path), **reading(given)), path)
