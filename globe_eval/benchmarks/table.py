"""A user's table: finds columns by their usual names or by a path into nested values, and reads their cells."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from globe_eval import lazy_re as re
from globe_eval.benchmarks.formats import has_lines, load_value, numbered_rows
from globe_eval.benchmarks.ids import EXTENSION, stem
from globe_eval.errors import InputError, nearest
from globe_eval.files import harmless, write_whole
from globe_eval.sample import given

TRUTH_NAMES = ("label", "gt", "true", "truth", "ground_truth", "actual", "target", "reference", "gold", "y_true")
_PREDICTED = (
    "predicted", "pred", "prediction", "guess", "guessed", "estimated", "est", "model", "answer", "output", "y_pred",
    "hat",
)  # fmt: skip
_LAT = ("lat", "latitude", "gps_latitude", "gps_lat", "decimal_latitude")
_LON = ("lon", "lng", "long", "longitude", "gps_longitude", "gps_lon", "gps_lng", "decimal_longitude")
_LAT_ABROAD = ("latitud", "latitudine", "breitengrad", "breite", "纬度", "緯度", "위도", "широта")
_LON_ABROAD = ("longitud", "longitudine", "längengrad", "länge", "经度", "經度", "経度", "경도", "долгота")
_BOTH = (
    "coordinates", "coordinate", "coords", "coord", "lat_lon", "lat_long", "lat_lng", "position", "geometry", "gps",
    "gps_coordinates", "gps_position",
)  # fmt: skip


def _sided(sides: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for side in sides for one in names for name in (f"{side}_{one}", f"{one}_{side}"))


COLUMNS: dict[str, tuple[str, ...]] = {
    "id": ("id", "img_id", "image_id", "image_name", "image", "image_file", "filename", "photo_id"),
    "image": ("image", "image_file", "image_name", "filename", "file", "img_id", "image_id", "photo_id", "id"),
    "truth_lat": _sided(TRUTH_NAMES, _LAT),
    "truth_lon": _sided(TRUTH_NAMES, _LON),
    "lat": (*_LAT, *_LAT_ABROAD),
    "lon": (*_LON, *_LON_ABROAD),
    "predicted_lat": _sided(_PREDICTED, _LAT),
    "predicted_lon": _sided(_PREDICTED, _LON),
    "response": ("response", "model_response", "raw_response"),
    "truth_city": _sided(TRUTH_NAMES, ("city",)),
    "truth_country": _sided(TRUTH_NAMES, ("country",)),
    "truth_group": _sided(TRUTH_NAMES, ("group", "photographer")),
    "truth_scene": _sided(TRUTH_NAMES, ("scene",)),
    "city": ("city", "city_name"),
    "country": ("country", "country_name"),
    "predicted_city": _sided(_PREDICTED, ("city",)),
    "predicted_country": _sided(_PREDICTED, ("country",)),
    "admin": ("state", "province", "admin", "region", "admin1", "province_or_state"),
    "predicted_admin": ("predicted_state", "pred_state", "predicted_admin", "pred_admin", "predicted_region"),
    "group": ("group", "author", "ownernsid", "owner", "photographer", "user_id"),
    "scene": ("scene", "scene_type"),
}
"""What a column means -> the names it usually has, in lower case; `imagePath` and `image.path` are `image_path` too."""
SECOND: dict[str, tuple[str, ...]] = {
    "id": ("image_path", "img_path", "photo", "img", "key", "custom_id", "pano_id", "path", "url", "image_url", "file",
        "record_id", "request_id", "source_file"),
    "response": (
        "output", "prediction", "predicted", "predict", "pred", "answer", "generated_text", "generation",
        "model_output", "model_answer", "raw_output", "completion", "reply", "text", "content", "result", "message",
        "messages", "conversations", "filtered_resps", "output_text", "outputs", "predictions", "responses",
    ),
    **{f"{side}{axis}": names for axis in ("lat", "lon") for side, names in (
        ("truth_", _sided(TRUTH_NAMES, _BOTH)), ("predicted_", _sided(_PREDICTED, _BOTH)), ("", _BOTH)
    )},
}  # fmt: skip
"""Names that count where a table has none of the usual ones; a latitude and a longitude may be one column."""
MISSING = {"", "n/a", "na", "nan", "none", "null", "nil", "-", "--", "unknown", "missing", "#n/a", "?"}
"""What stands in a cell of a prediction where there is none."""


@dataclass(frozen=True)
class Table:
    """Rows of one file. `lines[i]` is the line on which `rows[i]` begins (its row in Parquet or in no file at all)."""

    path: Path
    columns: tuple[str, ...]
    rows: list[dict[str, Any]]
    lines: list[int]
    blank_lines: list[int] = field(default_factory=list)

    @staticmethod
    def of(path: Path, numbered: Sequence[tuple[int, dict[str, Any]]], blank_lines: Sequence[int] = ()) -> Table:
        """The table of rows with their numbers."""
        columns = tuple(dict.fromkeys(column for _, row in numbered for column in row))
        return Table(path, columns, [row for _, row in numbered], [line for line, _ in numbered], list(blank_lines))

    def where(self, index: int, column: str | None = None) -> str:
        """`"answers.csv, line 7"`, the way every error names a row; with its column, a cell."""
        row = f"{self.path.name}, {'line' if has_lines(self.path) else 'row'} {self.lines[index]}"
        return row if column is None else f"{row}, column {column!r}"

    @property
    def paths(self) -> list[str]:
        """The paths of values within objects and lists, as in `result.content.0.text`, of the first 20 rows."""
        found = dict.fromkeys(path for row in self.rows[:20] for path in _paths(row))
        return [path for path in found if path not in self.columns]

    def has(self, column: str | None) -> bool:
        """Whether there is such a column, or such a path into nested values."""
        if column is None or column in self.columns:
            return column is not None
        return any(cell_value(row, column) is not None for row in self.rows)

    def find(self, role: str, override: str | None = None, *, second: bool = True) -> str | None:
        """The one column that has this role, or None. Raises InputError where several could have it.

        Args:
            role: a key of COLUMNS.
            override: the column, where the user names it: a name, or a path into nested values.
            second: whether the names of SECOND count where none of the usual ones is there.
        """
        if override is not None:
            if not self.has(override):
                hint = f"{nearest(override, [*self.columns, *self.paths])} (columns: {', '.join(self.columns)})"
                raise InputError(f"{self.path.name}: no column {override!r}{hint}")
            return override
        if role == "id" and "custom_id" in self.columns:  # a batch's own name of a request; its `id` is the provider's
            return "custom_id"
        choices = [(COLUMNS[role], self.columns)]
        if role.startswith("truth_"):
            choices.append((COLUMNS[role], tuple(self.paths)))
        if second:
            choices.append((SECOND.get(role, ()), self.columns))
        for names, columns in choices:
            usual = {_letters(name) for name in names}
            found = [column for column in columns if _letters(column) in usual]
            if role == "id" and len(found) > 1:  # a picture, as the datasets library has it, is none
                texts = [one for one in found if not any(isinstance(row.get(one), dict | bytes) for row in self.rows)]
                found = texts or found
            if role == "response" and len(found) > 1:
                found = [one for one in found if not self._is_prompt(one)] or found
            same = (lambda cell: stem(str(cell))) if role == "id" else given  # `a` and `a.jpg` are one id
            if any(same(row.get(found[0])) != same(row.get(column)) for column in found[1:] for row in self.rows):
                option = role.removeprefix("predicted_").replace("_", "-")
                several = f"columns {', '.join(map(repr, found))} could each be the {option}"
                raise InputError(f"{self.path.name}: {several}; choose one with --{option}-column")
            if found:
                return found[0]
        return None

    def _is_prompt(self, column: str) -> bool:
        """Whether all rows, of several, have one text in a column, and it answers nothing."""
        from globe_eval.answers import parse  # not at the top: most tables have one such column

        text = self.rows[0].get(column)
        same = isinstance(text, str) and len(self.rows) > 1 and all(row.get(column) == text for row in self.rows)
        return same and parse(str(text)).status == "unparsed"

    def option(self, role: str, option: str = "--") -> str:
        """The option that names the column of a role, with the first path that ends in a usual name, if there is one.

        `option` is how it begins. As in "--id-column 'doc.image_id'". A position's path may be an answer's, but in
        `doc`, where lm-eval has the row of the benchmark.
        """
        usual = {_letters(name) for name in COLUMNS[role]}
        paths = (path for path in self.paths if role == "id" or path.startswith("doc."))
        path = next((path for path in paths if _letters(path.rpartition(".")[2]) in usual), None)
        return f"{option}{role}-column {repr(path) if path else 'NAME'}"

    def lacking(self, what: str, advice: str) -> InputError:
        """The error of a table without a column that is needed."""
        columns = f"(columns: {', '.join(self.columns)})"
        data = [name for name in self.columns if as_number(name) is not None or EXTENSION.search(name)]
        if data and has_lines(self.path):
            found = f"line 1 looks like data ({data[0]!r}), not like a header: no {what}"
            return InputError(f"{self.path.name}: {found}; put the names of the columns above it, as in id,lat,lon")
        return InputError(f"{self.path.name}: no {what}{advice} {columns}")

    def drop(self, unwanted: set[int]) -> Table:
        """The same table without the rows of these indices."""
        kept = [i for i in range(len(self.rows)) if i not in unwanted]
        return Table(self.path, self.columns, [self.rows[i] for i in kept], [self.lines[i] for i in kept])


_UNIT = re.compile(
    r"\s*[(\[](?:°? ?[NE]?|deg|degrees?(?: north| east)?|decimal(?: degrees)?|wgs ?84|dd)[)\]]\s*$", re.IGNORECASE
)


def _letters(name: str) -> str:
    """A column's name without its unit, signs and capitals: "Latitude (deg)" is "latitude"."""
    return "".join(filter(str.isalnum, _UNIT.sub("", name))).lower()


def _paths(cells: Any, prefix: str = "", depth: int = 6) -> Iterator[str]:
    for key, cell in cells.items() if isinstance(cells, dict) else _representative(cells):
        if depth and isinstance(cell, dict | list):
            yield from _paths(cell, f"{prefix}{key}.", depth - 1)
        elif prefix:
            yield f"{prefix}{key}"


def _representative(cells: Any) -> Iterable[tuple[int, Any]]:
    """Index and value of what represents a list: a chat's last message of the model, else the first of each kind."""
    listed = list(enumerate(cells)) if isinstance(cells, list) else []
    own = [pair for pair in listed if isinstance(pair[1], dict) and pair[1].get("role") in ("assistant", "model")]
    kinds = [frozenset(one) if isinstance(one, dict) else None for _, one in listed]
    return own[-1:] or [listed[kinds.index(kind)] for kind in dict.fromkeys(kinds)]


def cell_value(cells: Mapping[str, Any], column: str | None) -> Any:
    """A cell, or the value at a path into one (JSON in a text too); None where it is missing, or NaN.

    >>> cell_value({"truth": {"at": [48.9, 2.3]}}, "truth.at.1")
    2.3
    >>> cell_value({"result": '{"text": "Rome"}'}, "result.text")
    'Rome'
    """
    if column is None:
        return None
    if column in cells or "." not in column:
        return given(cells.get(column))
    found: Any = cells
    for part in column.split("."):
        if isinstance(found, str) and found.lstrip()[:1] in ("{", "["):
            try:
                found = load_value(found)
            except ValueError:
                return None
        if isinstance(found, list):
            found = found[int(part)] if part.isdecimal() and int(part) < len(found) else None
        else:
            found = found.get(part) if isinstance(found, dict) else None
    return given(found)


def read_table(path: str | Path) -> Table:
    """Read a table. Cells of CSV and TSV stay strings as they are ("NA" is Namibia, "007" an id), empty ones are None.

    Raises InputError as `formats.numbered_rows`, and for a file without rows.
    """
    path, blank = Path(path), list[int]()
    numbered = list(numbered_rows(path, blank))
    if not numbered:
        raise InputError(f"{path.name}: the file has no rows")
    return Table.of(path, numbered, blank)


def as_number(cell: Any) -> float | None:
    """A cell as a finite number; None for anything else. `1_0`, which Python reads as ten, is none.

    >>> as_number(" 1.5 "), as_number("1_0"), as_number("nan"), as_number(True)
    (1.5, None, None, None)
    """
    if isinstance(cell, bool) or (isinstance(cell, str) and "_" in cell):
        return None
    try:
        number_ = float(cell)
    except (TypeError, ValueError, OverflowError):
        return None
    return number_ if math.isfinite(number_) else None


def in_range(cell: object, where: str, low: float, high: float, optional: bool = False) -> float | None:
    """A value as a number in [low, high]; None where it is empty and `optional`. Raises InputError with `where`."""
    allowed = f"allowed: degrees from {low:g} to {high:g}" + (", or empty for no answer" if optional else "")
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        if optional:
            return None
        raise InputError(f"{where}: the value is missing; {allowed}")
    result = as_number(cell)
    if result is None or not low <= result <= high:
        raise InputError(f"{where}: found {quoted(cell)}; {allowed}")
    return result


def cell_text(table: Table, index: int, column: str | None) -> str | None:
    """A cell as text without the space around it; None where the column or the value is missing.

    Raises InputError for an object or a list: as text it would be Python's.
    """
    if column is None:
        return None
    cell = cell_value(table.rows[index], column)
    if isinstance(cell, dict | list) or (isinstance(cell, str) and _is_object(cell)):
        value = cell
        if isinstance(cell, str):
            with suppress(ValueError):
                value = load_value(cell)
        inner = next((path for path in _paths({column: value}) if not path.endswith(".bytes")), column)
        allowed = f"a text or a number (a path leads into an object, as in {inner})"
        raise InputError(f"{table.where(index, column)}: found {quoted(cell)}; allowed: {allowed}")
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return None if cell is None else str(cell).strip() or None


def _is_object(text: str) -> bool:
    if "}" not in text and "]" not in text:
        return False
    text = text.strip()
    return text[:1] + text[-1:] in ("{}", "[]") and any(mark in text for mark in ":'\"")


def identifier(table: Table, index: int, column: str) -> str:
    """One row's id as text. Raises InputError where it is missing."""
    name = cell_text(table, index, column)
    if name is None:
        raise InputError(f"{table.where(index, column)}: the id is missing")
    return name


def identifiers(table: Table, column: str, indices: Sequence[int] | None = None) -> Iterator[tuple[str, int]]:
    """Id and index of each row, or of these. Raises InputError where an id is missing or stands there twice."""
    found: dict[str, int] = {}
    for index in range(len(table.rows)) if indices is None else indices:
        name = identifier(table, index, column)
        if (first := found.setdefault(name, index)) != index:
            there = table.where(first).rpartition(", ")[2]
            raise InputError(f"{table.where(index, column)}: {name!r} stands there twice, first in {there}")
        yield name, index


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str | float | None]]) -> None:
    """Write a CSV that people open in a spreadsheet: UTF-8, in one piece, every text made `harmless`."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([harmless(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    write_whole(path, text.getvalue().encode("utf-8", "replace"))


def quoted(cell: object) -> str:
    """A cell as errors show it: cut to 40 characters."""
    text = cell if isinstance(cell, str) else repr(cell)
    return repr(text if len(text) <= 40 else text[:37] + "…")
