"""The columns of samples are the fields of samples.jsonl, one array a field."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from reported import Row, write_run

from globe_eval.columns import columns
from globe_eval.reports.run import read_run
from globe_eval.sample import json_schemas

ROWS = [
    Row("a", 48.86, 2.35, "<think>A bus.</think><answer>country: France\ncity: Paris</answer>", "Paris", "France",
        group="ann", entities=("bus", "church")),
    Row("b", 40.7, -74.0, "I cannot tell where this is, sorry.", country="United States"),
    Row("c", 0.0, 0.0, None),
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", ROWS, answer_form="names")


def walked(line: dict[str, Any], name: str) -> Any:
    """The value of a dotted name in a line of samples.jsonl; None where a part is missing."""
    found: Any = line
    for key in name.split("."):
        found = None if found is None else found.get(key)
    return found


def test_a_column_is_what_the_lines_have(folder: Path) -> None:
    run = read_run(folder)
    lines = [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]
    for name, column in run.table.items():
        for value, line in zip(column.tolist(), lines, strict=True):
            expected = walked(line, name)
            if expected is None:
                assert value is None or math.isnan(value), name
            else:
                assert value == expected or list(value) == expected, name
    assert {column.dtype.kind for column in run.table.values()} == {"f", "O"}
    assert run.table["distance_km"].tolist()[0] < 10 and np.isnan(run.table["distance_km"][1:]).all()
    assert run.table["truth.entities"].tolist() == [("bus", "church"), None, None]


def test_every_field_of_the_schema_is_a_column_even_where_nothing_has_it() -> None:
    schema = json_schemas()["sample.schema.json"]

    def names(properties: dict[str, Any], prefix: str = "") -> set[str]:
        found = set()
        for name, one in properties.items():
            parts = [one, *one.get("anyOf", ()), *one.get("allOf", ())]
            inner = [schema["$defs"][part["$ref"].rpartition("/")[2]] for part in parts if "$ref" in part]
            fields = [kind["properties"] for kind in inner if "properties" in kind]
            found |= names(fields[0], f"{prefix}{name}.") if fields else {prefix + name}
        return found

    assert set(columns([])) == names(schema["properties"]) - {"own"}
    with pytest.raises(KeyError):
        columns([])["truth.latitude"]


def test_a_frame_of_them_is_grouped(folder: Path) -> None:
    frame = pandas.DataFrame(dict(read_run(folder).table))
    assert frame.groupby("status").size().to_dict() == {"city": 1, "error": 1, "refused": 1}
    assert frame["truth.lat"].dtype == float and frame["format.truncated"].tolist()[0] == 0.0
