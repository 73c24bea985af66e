"""Exports the samples of a run as a table, CSV or Parquet, for spreadsheets, notebooks and databases.

A column a field of samples.jsonl, by its dotted name; missing is empty in CSV, null in Parquet; lists are JSON in CSV.
As private as samples.jsonl itself: ids, photographers and responses are in it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from globe_eval.columns import Column
from globe_eval.files import harmless


def digests(ids: Iterable[str]) -> npt.NDArray[np.object_]:
    """The first 16 hexadecimal digits of each id's SHA-256: keys that join, and name no account or file."""
    return np.array([hashlib.sha256(one.encode()).hexdigest()[:16] for one in ids], dtype=object)


def csv_text(table: Mapping[str, Column]) -> str:
    """The table as CSV, RFC 4180 with a header.

    Models wrote these texts: one that a spreadsheet would take for a formula has an apostrophe before it (`harmless`).
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(table)
    writer.writerows(map(_cell, row) for row in zip(*(table[name].tolist() for name in table), strict=True))
    return out.getvalue()


def _cell(value: object) -> object:
    """A value as a cell.

    >>> _cell("=HYPERLINK(1)"), _cell(-3.5), _cell(None), _cell(float("nan")), _cell(("bus", "road"))
    ("'=HYPERLINK(1)", -3.5, '', '', '["bus", "road"]')
    """
    if isinstance(value, str):
        return harmless(value).replace("\x00", "")
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return value if isinstance(value, int | float) else json.dumps(value, ensure_ascii=False)


def parquet(table: Mapping[str, Column]) -> bytes:
    """The table as Parquet: doubles, texts and lists of texts."""
    import pyarrow
    from pyarrow import parquet

    buffer = io.BytesIO()
    arrays = {name: _array(table[name].tolist()) for name in table}
    parquet.write_table(pyarrow.table(arrays), buffer)
    return buffer.getvalue()


def _array(values: list[Any]) -> Any:
    import pyarrow

    some = next((value for value in values if value is not None), None)
    if isinstance(some, float):
        return pyarrow.array([None if math.isnan(value) else value for value in values], pyarrow.float64())
    if isinstance(some, int):
        return pyarrow.array(values, pyarrow.int64())
    if isinstance(some, dict):
        values = [None if value is None else json.dumps(value, ensure_ascii=False) for value in values]
    of_lists = isinstance(some, list | tuple)
    return pyarrow.array(values, pyarrow.list_(pyarrow.string()) if of_lists else pyarrow.string())
