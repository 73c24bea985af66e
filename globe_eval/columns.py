"""Samples as a table: a column a field, by its dotted name, an array with an entry for each photograph.

Numbers and truth values are arrays of floats in which NaN is missing; everything else is an array of objects in which
None is. Metrics are computed from these columns, breakdowns group them, comparisons and reports read them, and they are
what CSV, Parquet and notebooks get.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

import numpy as np
import numpy.typing as npt

from globe_eval.sample import NOT_RECORDED, Sample

Column = npt.NDArray[Any]


def _columns(kind: type[Any], prefix: str = "") -> Iterator[tuple[str, bool]]:
    """The dotted name of each field of a record and of its parts, and whether it is a number."""
    hints = get_type_hints(kind)
    for field in fields(kind):
        name, hint = f"{prefix}{field.name}", hints[field.name]
        kinds = {one for one in get_args(hint) or (hint,) if one is not type(None)}
        part: Any = next((one for one in kinds if is_dataclass(one)), None)
        if part is not None:
            yield from _columns(part, f"{name}.")
        elif name not in ("own", *NOT_RECORDED):
            yield name, kinds <= {float, int, bool} and name != "prediction.geonameid"  # a number in name only


_IS_NUMBER = dict(_columns(Sample))
"""Column -> whether it is a number: the fields of the schema of samples.jsonl."""


class Columns(Mapping[str, Column]):
    """The table of n samples. A column is made when it is first asked for: of 210,000 samples few are needed at once.

    Columns are those of the schema of samples.jsonl, whether any sample has a value or not, and `own.NAME` for each
    metric that the benchmark brings itself.
    """

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._samples = samples
        own = dict.fromkeys(name for sample in samples for name in sample.own)
        self._names = dict.fromkeys([*_IS_NUMBER, *(f"own.{name}" for name in own)])
        self._made: dict[str, Column] = {}

    def __getitem__(self, name: str) -> Column:
        if name not in self._made:
            if name not in self._names and not name.startswith("own."):
                raise KeyError(name)
            self._made[name] = self._column(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def _column(self, name: str) -> Column:
        part, _, field = name.rpartition(".")
        if part == "own":
            return np.array([one.own.get(field) for one in self._samples], dtype=np.float64)
        whole: Sequence[Any] = [getattr(one, part) for one in self._samples] if part else self._samples
        values = [None if one is None else getattr(one, field) for one in whole]
        if _IS_NUMBER[name]:
            return np.array(values, dtype=np.float64)
        column = np.empty(len(values), dtype=object)
        column[:] = values
        return column


columns = Columns
