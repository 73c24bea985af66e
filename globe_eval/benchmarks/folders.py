"""Paths of a benchmark's data on this machine, and the facts that `globe-eval prepare` recorded there."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from globe_eval.errors import InputError


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
