"""Results that others published: rows of `leaderboards/published/*.yaml` with their sources, conflicts and intervals.

The interval of a published figure is what its n and the clustering of its benchmark imply, for want of samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from globe_eval.benchmarks.definition import Definition, read_definition, shipped
from globe_eval.errors import InputError, nearest
from globe_eval.metrics.accuracy import THRESHOLDS_KM
from globe_eval.reports import notation
from globe_eval.sample import AnswerForm

Percent = Annotated[float, Field(ge=0, le=100)]
Text = Annotated[str, Field(min_length=1)]

Setting = Literal[
    "retrieval", "classification", "classification and retrieval", "generative", "hybrid", "VLM zero-shot",
    "VLM trained", "VLM with retrieval", "VLM with web search", "VLM agent",
]  # fmt: skip
Caveat = Literal[
    "1 km by luck", "conflicting values", "leakage suspected", "overlap possible", "quoted", "recomputed",
    "reproduction", "retrained", "size unknown", "stands on GLOBE", "subset", "teacher of the benchmark",
    "trained on MP-16", "unscored left out", "uses the web",
]  # fmt: skip
ROUNDING = 0.051
"""Points: two printed values that differ by no more may be one value, rounded to one decimal and to two."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AlsoPrinted(_Strict):
    """Another value that a source prints for the same row; kilometres -> percent."""

    source: Text
    accuracy: dict[int, Percent]

    @field_validator("accuracy")
    @classmethod
    def _known_thresholds(cls, accuracy: dict[int, float]) -> dict[int, float]:
        _check_thresholds(accuracy, every=False)
        return accuracy


class PublishedRow(_Strict):
    """What one source says of one method on one benchmark; None is unknown. `leaderboards/published/README.md`."""

    method: Text
    reported_by: Text | None = None
    year: Annotated[int, Field(ge=2008, le=2100)]
    paper: Text
    task: Text
    setting: Setting | None
    detail: Text
    answer_form: AnswerForm | None
    geocoder: Text | None
    n: Annotated[int, Field(ge=1)] | None
    accuracy: dict[int, Percent | None]
    """Kilometres -> percent of the photographs within, all five thresholds."""
    confidence: Literal["A+", "A", "B"]
    sources: Annotated[tuple[Text, ...], Field(min_length=1)]
    also_printed: tuple[AlsoPrinted, ...] = ()
    caveats: dict[Caveat, Text] = {}

    @field_validator("task")
    @classmethod
    def _known_task(cls, task: str) -> str:
        if task in shipped():
            return task
        raise ValueError(f"no such task{nearest(task, shipped())}")

    @field_validator("accuracy")
    @classmethod
    def _all_thresholds_rising(cls, accuracy: dict[int, float | None]) -> dict[int, float | None]:
        _check_thresholds(accuracy, every=True)
        known = [value for _, value in sorted(accuracy.items()) if value is not None]
        if not known:
            raise ValueError("no value at any threshold")
        if known != sorted(known):
            raise ValueError("falls with the distance, which cannot be")
        return accuracy

    @model_validator(mode="after")
    def _coordinates_need_no_geocoder(self) -> PublishedRow:
        if self.answer_form == "coordinates" and self.geocoder not in ("none", None):
            raise ValueError(f"answer_form coordinates with geocoder {self.geocoder!r}; allowed: none")
        return self


def read_published(folder: Path) -> list[PublishedRow]:
    """Every row of the folder's YAMLs, files by name, rows as they stand.

    Raises InputError that names the file, the line, the row and the field, for the first that is wrong, and for two
    rows of one source on one method and task.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    rows: list[PublishedRow] = []
    seen: dict[tuple[str | int | None, ...], str] = {}
    for path in sorted(folder.glob("*.yaml")):
        definition = read_definition(path)
        unknown = sorted(set(definition.values) - {"rows"})
        found = definition.values.get("rows")
        if unknown or not isinstance(found, list):
            raise InputError(f"{path}: found the keys {', '.join(definition.values) or 'none'}; allowed: rows, a list")
        for number, values in enumerate(found):
            where = f"{path}, line {definition.line('rows', str(number))}, row {number + 1}"
            row = _row(definition, number, values)
            key = (row.method, row.reported_by, row.paper, row.task, row.detail)
            if key in seen:
                raise InputError(f"{where} ({row.method}, {row.task}): stands there already, {seen[key]}")
            seen[key] = where
            rows.append(row)
    return rows


def conflicts(rows: Sequence[PublishedRow]) -> dict[tuple[str, str], list[PublishedRow]]:
    """(method, task) -> its rows, where they or what else is printed for them give different values.

    Different is more than rounding can explain, at any threshold. In the order in which they first appear.
    """
    together: dict[tuple[str, str], list[PublishedRow]] = {}
    for row in rows:
        together.setdefault((row.method, row.task), []).append(row)
    return {key: group for key, group in together.items() if any(printed_range(group, km) > ROUNDING for km in _KM)}


def printed_range(rows: Sequence[PublishedRow], km: int) -> float:
    """Greatest difference in points between the values that are printed for these rows within `km`."""
    printed = [value for row in rows if (value := row.accuracy.get(km)) is not None]
    printed += [also.accuracy[km] for row in rows for also in row.also_printed if km in also.accuracy]
    return max(printed, default=0.0) - min(printed, default=0.0)


_KM = tuple(int(km) for km in THRESHOLDS_KM.values())


def _check_thresholds(accuracy: Mapping[int, float | None], *, every: bool) -> None:
    allowed = ", ".join(map(str, _KM))
    wrong = sorted(set(accuracy) - set(_KM))
    if wrong or (every and len(accuracy) < len(_KM)) or not accuracy:
        raise ValueError(f"found the distances {', '.join(map(str, accuracy))}; allowed: {allowed}, each once")


def _row(definition: Definition, number: int, values: object) -> PublishedRow:
    try:
        return PublishedRow.model_validate(values)
    except ValidationError as error:
        # A misspelt key is named before the one that is missing because of it.
        first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
        field = ".".join(map(str, first["loc"]))
        line = definition.line("rows", str(number), *map(str, first["loc"]))
        name = values.get("method") if isinstance(values, dict) else None
        close = nearest(field, PublishedRow.model_fields) if first["type"] == "extra_forbidden" else ""
        message = first["msg"].removeprefix("Value error, ")
        found = "" if first["type"] == "missing" else f"; found {notation.cut(repr(first['input']), 80)}"
        raise InputError(
            f"{definition.path}, line {line}, row {number + 1}{f' ({name})' if name else ''}: "
            f"{field or 'the row'}: {message}{found}{close}"
        ) from None
