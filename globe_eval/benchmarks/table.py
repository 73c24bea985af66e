"""A user's table: CSV, TSV, JSON lines or Parquet; line numbers for errors, columns found by their usual names."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from globe_eval.errors import InputError, nearest
from globe_eval.files import write_whole
from globe_eval.sample import given

COLUMNS: dict[str, tuple[str, ...]] = {
    "id": ("id", "img_id", "image_id", "image_name", "image", "image_file", "filename", "photo_id"),
    "image": ("image", "image_file", "image_name", "filename", "file", "img_id", "image_id", "photo_id", "id"),
    "truth_lat": ("label_lat", "gt_lat", "true_lat", "label_latitude", "gt_latitude", "true_latitude"),
    "truth_lon": tuple(
        f"{side}_{name}" for side in ("label", "gt", "true") for name in ("lon", "long", "lng", "longitude")
    ),
    "lat": ("lat", "latitude"),
    "lon": ("lon", "lng", "long", "longitude"),
    "predicted_lat": ("predicted_lat", "pred_lat", "predicted_latitude", "pred_latitude"),
    "predicted_lon": tuple(
        f"{side}_{name}" for side in ("predicted", "pred") for name in ("lon", "long", "lng", "longitude")
    ),
    "response": ("response", "model_response", "raw_response"),
    "truth_city": ("label_city", "gt_city", "true_city"),
    "truth_country": ("label_country", "gt_country", "true_country"),
    "city": ("city", "city_name"),
    "country": ("country", "country_name"),
    "predicted_city": ("predicted_city", "pred_city"),
    "predicted_country": ("predicted_country", "pred_country"),
    "admin": ("state", "province", "admin", "region", "admin1", "province_or_state"),
    "predicted_admin": ("predicted_state", "pred_state", "predicted_admin", "pred_admin", "predicted_region"),
    "group": ("group", "author", "ownernsid", "owner", "photographer", "user_id"),
    "scene": ("scene", "scene_type"),
}
"""What a column means -> the names it usually has, lower case."""

LONGEST_LINE = 1 << 24
"""Characters. A longer line is no row of a benchmark, and reading it whole would fill the memory."""

_FORMATS = {".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}


@dataclass(frozen=True)
class Table:
    """Rows of one file. `lines[i]` is the line on which `rows[i]` begins (its row in Parquet or in no file at all)."""

    path: Path
    columns: tuple[str, ...]
    rows: list[dict[str, Any]]
    lines: list[int]
    blank_lines: list[int] = field(default_factory=list)

    def where(self, index: int) -> str:
        """`"answers.csv, line 7"`, the way every error names a row."""
        unit = "row" if self.path.suffix.lower() in ("", ".parquet") else "line"
        return f"{self.path.name}, {unit} {self.lines[index]}"

    def find(self, role: str, override: str | None = None) -> str | None:
        """The one column that has this role, or None. Raises InputError where several could have it."""
        if override is not None:
            if override not in self.columns:
                raise InputError(
                    f"{self.path.name}: no column {override!r}{nearest(override, self.columns)} "
                    f"(columns: {', '.join(self.columns)})"
                )
            return override
        found = [column for column in self.columns if column.strip().lower() in COLUMNS[role]]
        if len(found) > 1:
            option = {"truth_lat": "lat", "truth_lon": "lon", "predicted_lat": "lat", "predicted_lon": "lon"}.get(
                role, role.removeprefix("predicted_").removeprefix("truth_")
            )
            raise InputError(
                f"{self.path.name}: columns {', '.join(map(repr, found))} could each be the {option}; "
                f"choose one with --{option}-column"
            )
        return found[0] if found else None

    def drop(self, unwanted: set[int]) -> Table:
        """The same table without the rows of these indices."""
        kept = [i for i in range(len(self.rows)) if i not in unwanted]
        return Table(self.path, self.columns, [self.rows[i] for i in kept], [self.lines[i] for i in kept])


def read_table(path: str | Path) -> Table:
    """Read a table. Cells of CSV and TSV stay strings as they are ("NA" is Namibia, "007" an id), empty ones are None.

    Raises InputError for a file that is absent, empty, not UTF-8, of an unknown format or malformed; it names the line.
    """
    path = Path(path)
    if not path.is_file():
        siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise InputError(f"{path}: no such file{nearest(path.name, siblings)}")
    if path.stat().st_size == 0:
        raise InputError(f"{path.name}: the file is empty (0 bytes)")
    kind = _FORMATS.get(path.suffix.lower())
    if kind is None:
        raise InputError(f"{path.name}: unknown format {path.suffix!r}; allowed: {', '.join(_FORMATS)}")
    blank: list[int] = []
    try:
        if kind == "parquet":
            numbered = list(_parquet(path))
        elif kind == "jsonl":
            numbered = list(_jsonl(path, blank))
        else:
            numbered = list(_csv(path, "\t" if kind == "tsv" else ",", blank))
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name}: not UTF-8 text (byte {error.start})") from None
    if not numbered:
        raise InputError(f"{path.name}: the file has no rows")
    columns = tuple(dict.fromkeys(column for _, row in numbered for column in row))
    return Table(path, columns, [row for _, row in numbered], [line for line, _ in numbered], blank)


def number(table: Table, index: int, column: str, low: float, high: float, *, optional: bool = False) -> float | None:
    """One cell as a number in [low, high]; None where it is empty and `optional`. Raises InputError with the line."""
    return in_range(
        given(table.rows[index].get(column)), f"{table.where(index)}, column {column!r}", low, high, optional
    )


def in_range(value: object, where: str, low: float, high: float, optional: bool = False) -> float | None:
    """A value as a number in [low, high]; `number` of what is not a whole cell."""
    allowed = f"allowed: degrees from {low:g} to {high:g}" + (", or empty for no answer" if optional else "")
    if value is None or (isinstance(value, str) and not value.strip()):
        if optional:
            return None
        raise InputError(f"{where}: the value is missing; {allowed}")
    try:
        result = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        result = math.nan
    if not low <= result <= high:
        raise InputError(f"{where}: found {_quoted(value)}; {allowed}")
    return result


def cell_text(cells: Mapping[str, Any], column: str | None) -> str | None:
    """A cell as text without the space around it; None where the column or the value is missing."""
    value = given(cells.get(column)) if column else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return None if value is None or not str(value).strip() else str(value).strip()


def identifier(table: Table, index: int, column: str) -> str:
    """One row's id as text. Raises InputError where it is missing."""
    value = given(table.rows[index].get(column))
    if value is None or not str(value).strip():
        raise InputError(f"{table.where(index)}, column {column!r}: the id is missing")
    return str(value).strip()


def identifiers(table: Table, column: str) -> dict[str, int]:
    """Id -> index of its row, in order. Raises InputError where an id is missing or stands there twice."""
    found: dict[str, int] = {}
    for index in range(len(table.rows)):
        name = identifier(table, index, column)
        if (first := found.setdefault(name, index)) != index:
            raise InputError(
                f"{table.where(index)}, column {column!r}: {name!r} stands there twice, first in "
                f"{table.where(first).rpartition(', ')[2]}"
            )
    return found


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str | float | None]]) -> None:
    """Write a CSV that people open in a spreadsheet: UTF-8, in one piece, every text made `harmless`."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([harmless(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    write_whole(path, text.getvalue().encode("utf-8", "replace"))


def harmless(cell: str) -> str:
    """The text, behind an apostrophe where a spreadsheet would run it as a formula.

    >>> harmless("=1+1"), harmless("a=b"), harmless("-12.5")
    ("'=1+1", 'a=b', '-12.5')
    """
    if cell.lstrip()[:1] not in tuple("=+-@＝＋－＠") and cell[:1] not in ("\t", "\r", "\n"):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def _quoted(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return repr(text if len(text) <= 40 else text[:37] + "…")


def _csv(path: Path, delimiter: str, blank: list[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    csv.field_size_limit(LONGEST_LINE)
    with path.open(newline="", encoding="utf-8-sig") as file:
        lines = _lines(file, path)
        first = next(lines, "")
        if delimiter not in first:
            delimiter = next((other for other in (";", "\t", ",") if other in first), delimiter)
        reader = csv.reader(chain([first], lines), delimiter=delimiter, strict=True)
        try:
            header = next(reader)
            if not any(cell.strip() for cell in header):
                raise InputError(f"{path.name}, line 1: the header is blank")
            repeated = sorted(cell for cell, count in Counter(header).items() if count > 1)
            if repeated:
                raise InputError(f"{path.name}, line 1: column {_quoted(repeated[0])} stands there twice")
            line = reader.line_num + 1
            for cells in reader:
                if not cells:
                    blank.append(line)
                elif len(cells) > len(header):
                    raise InputError(
                        f"{path.name}, line {line}: {len(cells)} cells under a header of {len(header)}; "
                        "a cell with a comma needs quotes"
                    )
                else:
                    cells += [""] * (len(header) - len(cells))
                    yield line, {name: cell if cell != "" else None for name, cell in zip(header, cells, strict=True)}
                line = reader.line_num + 1
        except csv.Error as error:
            raise InputError(f"{path.name}, line {reader.line_num}: not valid CSV ({error})") from None


def _lines(file: TextIO, path: Path) -> Iterator[str]:
    for number_, line in enumerate(iter(partial(file.readline, LONGEST_LINE + 1), ""), 1):
        if len(line) > LONGEST_LINE:
            raise InputError(f"{path.name}, line {number_}: longer than {LONGEST_LINE:,} characters, this is no table")
        if "\0" in line:
            raise InputError(f"{path.name}, line {number_}: the line holds a NUL byte, this is no text table")
        yield line


def _jsonl(path: Path, blank: list[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        for line, text in enumerate(_lines(file, path), 1):
            if not text.strip():
                blank.append(line)
                continue
            try:
                row = json.loads(text)
            except (ValueError, RecursionError) as error:
                raise InputError(f"{path.name}, line {line}: not valid JSON ({error})") from None
            if not isinstance(row, dict):
                raise InputError(
                    f"{path.name}, line {line}: found a JSON {type(row).__name__}, each line is one object"
                )
            yield line, row


def _parquet(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    import pyarrow
    import pyarrow.parquet

    try:
        rows = pyarrow.parquet.read_table(path).to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"{path.name}: not a readable Parquet file ({str(error).splitlines()[0]})") from None
    yield from enumerate(rows, 1)


def match_ids(answers: list[str], truths: list[str]) -> Callable[[str], str]:
    """How ids of the answers meet ids of the truth: as they are, by file name, or by file name without extension.

    The first form that is unique on both sides and leaves no answer without truth; else the one that leaves fewest.
    """
    forms: tuple[Callable[[str], str], ...] = (
        lambda name: name,
        lambda name: name.rsplit("/", 1)[-1],
        lambda name: _stem(name.rsplit("/", 1)[-1]),
    )
    best, fewest = forms[0], len(answers) + 1
    for form in forms:
        known = {form(name) for name in truths}
        if len(known) < len(truths) or len({form(name) for name in answers}) < len(answers):
            continue
        unknown = sum(form(name) not in known for name in answers)
        if unknown < fewest:
            best, fewest = form, unknown
    return best


def _stem(name: str) -> str:
    stem, dot, extension = name.rpartition(".")
    return stem if dot and extension.lower() in {"jpg", "jpeg", "png", "webp", "gif", "tif", "tiff", "bmp"} else name
