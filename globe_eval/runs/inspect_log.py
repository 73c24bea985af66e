"""A log of Inspect as a table of answers: a row a photograph, with its response, how that ended, and its truth."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from globe_eval.benchmarks.table import Table
from globe_eval.errors import InputError
from globe_eval.models.response import Response

_BEGINS = re.compile(r'\s*\{\s*"version":\s*\d+,\s*"status":\s*"\w+",\s*"eval":\s*\{')
_OF_TRUTH = {"lat", "latitude", "lon", "lng", "long", "longitude", "city", "country"}
_LEFT_OUT = {"attachments", "events", "messages", "store"}


def is_log(path: Path) -> bool:
    """Whether a file is a log of Inspect: one by its suffix `.eval`, or JSON that begins as one."""
    if path.suffix != ".json" or not path.is_file():
        return path.suffix == ".eval" and path.is_file()
    with path.open(encoding="utf-8", errors="replace") as file:
        return _BEGINS.match(file.read(1000)) is not None


def read_log(path: Path) -> Table:
    """The table of a log. What its samples' metadata says of a place is the truth, named `truth_…` here.

    Raises InputError for a log that cannot be read, that has no samples, and without inspect-ai for one in Inspect's
    own format.
    """
    samples = list(enumerate(map(_row, _samples(path)), 1))
    if not samples:
        raise InputError(f"{path.name}: a log of Inspect without samples")
    return Table.of(path, samples)


def _samples(path: Path) -> Iterator[Mapping[str, Any]]:
    if path.suffix == ".json":
        try:
            return iter(json.loads(path.read_text(encoding="utf-8")).get("samples") or [])
        except ValueError as error:
            raise InputError(f"{path.name}: not valid JSON ({error})") from None
    try:
        from inspect_ai.log import read_eval_log_samples
    except ImportError:
        needed = "inspect-ai (pip install 'globe-eval[inspect]'); or have it as JSON: inspect log convert --to json"
        raise InputError(f"{path.name}: Inspect's own format needs {needed}") from None
    try:
        found = read_eval_log_samples(str(path), all_samples_required=False, exclude_fields=_LEFT_OUT)
        first = [one.model_dump() for one in [next(found, None)] if one is not None]
    except Exception as error:  # a broken archive makes inspect-ai raise many kinds
        raise InputError(f"{path.name}: no log of Inspect that can be read ({' '.join(str(error).split())})") from None
    return chain(first, (one.model_dump() for one in found))


def _row(sample: Mapping[str, Any]) -> dict[str, Any]:
    """One sample; a failed one has the error that Inspect had, and no answer."""
    failed, choices = sample.get("error"), (sample.get("output") or {}).get("choices") or []
    if failed or not choices:
        response = Response("", error=str((failed or {}).get("message") or "the log has no answer"))
    else:
        content = choices[0]["message"]["content"]
        texts = [content] if isinstance(content, str) else [one["text"] for one in content if one["type"] == "text"]
        response = Response("\n".join(texts), finish_reason=choices[0].get("stop_reason"))
    known = (sample.get("metadata") or {}).items()
    truth = {f"truth_{key}" if key.lower() in _OF_TRUTH else key: value for key, value in known}
    return {**truth, "id": str(sample["id"]), "response": response}
