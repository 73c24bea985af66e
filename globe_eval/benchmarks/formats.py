"""Reads rows with line numbers from CSV, TSV, JSON, JSON lines, Parquet, Excel, or a folder of files."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from globe_eval import lazy_re as re
from globe_eval.errors import InputError, nearest, reason_of

LONGEST_LINE = 1 << 24
"""Characters. A longer line is no row of a benchmark, and reading it whole would fill the memory."""

LARGEST_JSON = 1 << 29
"""Characters of a file that is one JSON value and has to be read whole."""

_FORMATS = {
    ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json",
    ".parquet": "parquet", ".xlsx": "excel", ".xlsm": "excel",
}  # fmt: skip
_TEXTS = (".txt", ".md", ".json")
_ID_KEYS = {"id", "image", "filename", "imageid", "imgid", "photoid", "imagepath", "customid"}

_SEPARATOR = re.compile(r"sep=(.)\s*", re.IGNORECASE)

Rows = Iterator[tuple[int, dict[str, Any]]]


def numbered_rows(path: Path, blank: list[int]) -> Rows:
    """The line on which each row begins (or its place in a file without lines), and the row.

    Text may be compressed (`.csv.gz`). A folder has a file a photograph, `.json`, `.txt` or `.md`, named as its id. In
    JSON the rows are an array of objects, an object of them by id, a mapping of columns, or one of these under a key.
    The numbers of blank lines are put into `blank`.

    Raises InputError for a file that is absent, empty, not UTF-8, of an unknown format or malformed; it names the line.
    """
    if path.is_dir():
        yield from _folder(path)
        return
    if not path.is_file():
        siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise InputError(f"{path}: no such file{nearest(path.name, siblings)}")
    if path.stat().st_size == 0:
        raise InputError(f"{path.name}: the file is empty (0 bytes)")
    kind = _format(path)
    if kind is None or (kind in ("parquet", "excel") and _is_gzip(path)):
        raise InputError(
            f"{path.name}: unknown format {path.suffix!r}; allowed: {', '.join(_FORMATS)}, text also as .gz"
        )
    try:
        if kind == "parquet":
            yield from _parquet(path)
        elif kind == "excel":
            yield from _excel(path)
        elif kind == "json":
            yield from _json(path, blank)
        elif kind == "jsonl":
            yield from _jsonl(path, blank)
        else:
            yield from _csv(path, "\t" if kind == "tsv" else ",", blank)
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name}: not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise InputError(f"{path.name}: not a whole gzip file ({error})") from None


def has_lines(path: Path) -> bool:
    """Whether the rows of a file of this name are lines of it."""
    return _format(path) in ("csv", "tsv", "jsonl")


def load_json(text: str) -> Any:
    """The JSON value of a text. Raises ValueError where there is none, and where an object has a key twice.

    >>> load_json('{"lat": 1, "lat": 2}')
    Traceback (most recent call last):
    ValueError: the key 'lat' stands there twice
    """
    try:
        return json.loads(text, object_pairs_hook=_once)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {twice!r} stands there twice")
    return found


def _is_gzip(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def _format(path: Path) -> str | None:
    return _FORMATS.get((Path(path.stem) if _is_gzip(path) else path).suffix.lower())


def _open(path: Path) -> TextIO:
    """The text of a file, compressed or not by its first bytes; UTF-16, which Excel writes, where its mark says so."""
    with path.open("rb") as file:
        start = file.read(2)
    packed = _is_gzip(path) or start == b"\x1f\x8b"
    if packed:
        with gzip.open(path, "rb") as unpacked:
            start = unpacked.read(2)
    encoding = "utf-16" if start in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return gzip.open(path, "rt", newline="", encoding=encoding) if packed else path.open(newline="", encoding=encoding)


def _csv(path: Path, delimiter: str, blank: list[int]) -> Rows:
    csv.field_size_limit(LONGEST_LINE)
    with _open(path) as file:
        lines = _lines(file, path)
        first, skipped = next(lines, ""), 0
        if said := _SEPARATOR.fullmatch(first):  # the line that Excel reads and does not show
            delimiter, first, skipped = said[1], next(lines, ""), 1
        elif delimiter not in first:
            delimiter = next((other for other in (";", "\t", ",", "|") if other in first), delimiter)
        reader = csv.reader(chain([first], lines), delimiter=delimiter, strict=True)
        try:
            header = [cell.strip() for cell in next(reader)]
            if not any(cell.strip() for cell in header):
                raise InputError(f"{path.name}, line 1: the header is blank")
            repeated = sorted(cell for cell, count in Counter(header).items() if count > 1)
            if repeated:
                raise InputError(f"{path.name}, line 1: column {repeated[0][:40]!r} stands there twice")
            line = skipped + reader.line_num + 1
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
                line = skipped + reader.line_num + 1
        except csv.Error as error:
            raise InputError(f"{path.name}, line {skipped + reader.line_num}: not valid CSV ({error})") from None


def _lines(file: TextIO, path: Path) -> Iterator[str]:
    for number_, line in enumerate(iter(partial(file.readline, LONGEST_LINE + 1), ""), 1):
        if len(line) > LONGEST_LINE:
            raise InputError(f"{path.name}, line {number_}: longer than {LONGEST_LINE:,} characters, this is no table")
        if "\0" in line:
            raise InputError(f"{path.name}, line {number_}: the line holds a NUL byte, this is no text table")
        yield line


def _jsonl(path: Path, blank: list[int]) -> Rows:
    with _open(path) as file:
        yield from _json_lines(file, path, blank)


def _json_lines(file: TextIO, path: Path, blank: list[int]) -> Rows:
    for line, text in enumerate(_lines(file, path), 1):
        if not text.strip():
            blank.append(line)
            continue
        where = f"{path.name}, line {line}"
        array = "; this is a JSON array, not JSON lines: name the file .json" if text.lstrip()[0] == "[" else ""
        try:
            row = load_json(text)
        except ValueError as error:
            raise InputError(f"{where}: not valid JSON ({error}){array}") from None
        if not isinstance(row, dict):
            raise InputError(f"{where}: found a JSON {type(row).__name__}, each line is one object{array}")
        yield line, row


def _json(path: Path, blank: list[int]) -> Rows:
    with _open(path) as file:
        text = file.read(LARGEST_JSON + 1)
    if len(text) > LARGEST_JSON:
        raise InputError(f"{path.name}: longer than {LARGEST_JSON:,} characters; JSON lines (.jsonl) are read by line")
    try:
        value = load_json(text)
    except ValueError as error:
        if text.lstrip().partition("\n")[0].rstrip().endswith("}"):  # JSON lines by another name
            yield from _json_lines(io.StringIO(text, newline=""), path, blank)
            return
        raise InputError(f"{path.name}: not valid JSON ({error})") from None
    yield from enumerate(records(value, path.name), 1)


def records(value: Any, name: str) -> list[dict[str, Any]]:
    """The rows in a JSON value: an array of objects, an object of them by id, columns, or one of these under a key."""
    if isinstance(value, list):
        for place, row in enumerate(value, 1):
            if not isinstance(row, dict):
                raise InputError(f"{name}, row {place}: found a JSON {type(row).__name__}, each row is one object")
        return value
    if not isinstance(value, dict):
        raise InputError(f"{name}: found a JSON {type(value).__name__}; allowed: an array of objects, or one by id")
    if _has_id(value):
        columns = list(value.values())
        if all(isinstance(column, dict) and column.keys() == columns[0].keys() for column in columns):
            return [{key: column[place] for key, column in value.items()} for place in columns[0]]
        if all(isinstance(column, list) and len(column) == len(columns[0]) for column in columns):
            return [dict(zip(value, cells, strict=True)) for cells in zip(*columns, strict=True)]
        return [value]
    for inner in value.values():  # {"model": …, "results": rows}
        if isinstance(inner, list) and inner and all(isinstance(row, dict) and _has_id(row) for row in inner):
            return inner
    mappings = [inner for inner in value.values() if isinstance(inner, dict)]
    if len(mappings) == 1 and mappings[0] and all(isinstance(row, dict) for row in mappings[0].values()):
        others = [inner for inner in value.values() if inner is not mappings[0]]
        if others or _has_id(mappings[0]):
            return records(mappings[0], name)
    for key, inner in value.items():
        if isinstance(inner, bool | int | float):
            raise InputError(
                f"{name}, key {key!r}: found {inner!r}; an object of rows has a photograph's id as key, and an object, "
                "a list or a text as value"
            )
    return [_keyed(key, inner) for key, inner in value.items()]


def _has_id(row: dict[str, Any]) -> bool:
    return any("".join(filter(str.isalnum, key)).lower() in _ID_KEYS for key in row)


def _keyed(key: str, value: Any) -> dict[str, Any]:
    """The row of what a JSON object, or a folder, has for an id: a row without its id, a position, or a response."""
    if isinstance(value, dict):
        return {"key" if "id" in value else "id": key, **value}
    pair = isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(one, int | float) for one in value)
    return {"id": key, "coordinates" if pair else "response": value}


def _folder(path: Path) -> Rows:
    files = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
    table = next((file for file in files if _format(file) not in (None, "json")), None)
    if table is not None or not any(file.suffix.lower() in _TEXTS for file in files):
        named = f"name a table in it: {path / table.name}" if table else "it has no .json, .txt or .md a photograph"
        raise InputError(f"{path}: this is a folder; {named}")
    for place, file in enumerate((file for file in files if file.suffix.lower() in _TEXTS), 1):
        try:
            text = file.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise InputError(f"{path.name}/{file.name}: not UTF-8 text (byte {error.start})") from None
        try:
            value = load_json(text) if file.suffix.lower() == ".json" else text
        except ValueError:
            value = text  # a model was asked for JSON and wrote something else: a response as any other
        yield place, _keyed(file.stem, value)


def _excel(path: Path) -> Rows:
    import pandas as pd

    try:
        frame = pd.read_excel(path, dtype=object, keep_default_na=False, na_values=[""])
    except ImportError:
        raise InputError(f"{path.name}: Excel files need openpyxl (pip install openpyxl); or save it as CSV") from None
    except Exception as error:  # whatever a damaged archive makes of the reader
        raise InputError(f"{path.name}: not a readable Excel file ({reason_of(error)})") from None
    frame = frame.astype(object).where(frame.notna(), None)
    rows = [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
    yield from ((line, row) for line, row in enumerate(rows, 2) if any(value is not None for value in row.values()))


def _parquet(path: Path) -> Rows:
    import pyarrow
    import pyarrow.parquet

    try:
        rows = pyarrow.parquet.read_table(path).to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"{path.name}: not a readable Parquet file ({reason_of(error)})") from None
    yield from enumerate(rows, 1)
