"""Reads rows with line numbers from CSV, TSV, JSON, JSON lines, Parquet, Excel, or a folder of files."""

from __future__ import annotations

import ast
import csv
import io
import json
import lzma
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from globe_eval import lazy_re as re
from globe_eval.benchmarks.ids import EXTENSION
from globe_eval.errors import InputError, nearest_beside, reason_of

LONGEST_LINE = 1 << 24
"""Characters. A longer line is no row of a benchmark, and reading it whole would fill the memory."""
LARGEST_JSON = 1 << 29
"""Characters of a file that is one JSON value and has to be read whole."""
_FORMATS = {
    ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json",
    ".geojson": "json", ".parquet": "parquet", ".arrow": "arrow", ".xlsx": "excel", ".xlsm": "excel",
}  # fmt: skip
_PACKED = {".gz": (b"\x1f\x8b", "gzip"), ".bz2": (b"BZh", "bz2"), ".xz": (b"\xfd7zXZ", "lzma")}
"""The suffix of a compressed text -> how it begins, and the module that reads it."""
_TEXTS = (".txt", ".md", ".json")
_SPLITS = "dataset_dict.json"
"""Of a folder in which the datasets library has a folder a split."""
_ID_KEYS = {"id", "ids", "image", "filename", "imageid", "imgid", "photoid", "imagepath", "customid"}

_WRAPPER = re.compile(r"(?:response|prediction|answer|output|result|sample|guess)(?:e?s)?|data", re.IGNORECASE)
"""A key that is no photograph's id where it is the only one of a file."""

REPLY_KEYS = {"choices": (), "candidates": (), "role": ("content", "parts"), "from": ("value",)}
"""A key of an object that is a reply or a message -> the keys of which it has one too."""
_BEGINS = {
    "PAR1": ("parquet", "a Parquet file; name it .parquet"),
    "PK\3\4": ("excel", "an Excel workbook (name it .xlsx) or a zip (unpack it)"),
    "{": ("json", "JSON; name it .jsonl where each line is an object, else .json"),
    "[{": ("json", "JSON; name it .json"),
    "<": ("", "a page of HTML or XML"),
    "version https://git-lfs": ("", "a pointer of Git LFS (git lfs pull fetches the file)"),
}
"""How a file begins -> its format, and what it is where its name says another one."""
_SEPARATOR = re.compile(r"sep=(.)\s*", re.IGNORECASE)

NumberedRows = Iterator[tuple[int, dict[str, Any]]]


def numbered_rows(path: Path, blank: list[int]) -> NumberedRows:
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
        if path.exists():
            raise InputError(f"{path}: a pipe or a device; save the table as a file, whose name says its format")
        raise InputError(f"{path}: no such file{nearest_beside(path)}")
    if path.stat().st_size == 0:
        raise InputError(f"{path.name}: the file is empty (0 bytes)")
    kind = _format(path)
    if kind is None or (kind in ("parquet", "arrow", "excel") and _is_packed(path)):
        allowed = f"{', '.join(_FORMATS)}, text also as {', '.join(_PACKED)}"
        raise InputError(f"{path.name}: unknown format {path.suffix!r}; allowed: {allowed}")
    _refuse_other(path, kind)
    try:
        if kind in ("parquet", "arrow"):
            yield from _columnar(path, kind)
        elif kind == "excel":
            yield from _excel(path)
        elif kind == "json":
            yield from _json(path, blank)
        elif kind == "jsonl":
            with _open(path) as file:
                yield from _json_lines(file, path, blank)
        else:
            yield from _csv(path, "\t" if kind == "tsv" else ",", blank)
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name}: not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except (EOFError, zlib.error, lzma.LZMAError, OSError) as error:
        if getattr(error, "errno", None) is not None:  # of the file system, not of what was read
            raise
        raise InputError(f"{path.name}: not a whole compressed file ({error})") from None


def _refuse_other(path: Path, kind: str) -> None:
    """Raise InputError for a file that begins as one of another format than its name says."""
    with path.open("rb") as file:
        start = file.read(60).decode("latin-1").removeprefix("\xef\xbb\xbf").lstrip()
    for begins, (real, what) in _BEGINS.items():
        if start.startswith(begins) and real not in (kind, kind.removesuffix("l")):
            raise InputError(f"{path.name}: this is {what}")


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


def load_value(text: str) -> Any:
    """`load_json`, also of a list or an object as Python prints it. Raises ValueError as that.

    >>> load_value("{'lat': 48.9, 'note': None}")
    {'lat': 48.9, 'note': None}
    """
    try:
        return load_json(text)
    except json.JSONDecodeError:
        with suppress(SyntaxError, MemoryError, RecursionError):
            return ast.literal_eval(without_types(text.strip()))
        raise


_TYPES = ("float", "str_", "tensor", "array")
_TYPED = re.compile(rf"(?:(?:np|numpy|torch)\.)?(?:{'|'.join(_TYPES)})\d*\(([^()]*?)(?:,\s*(?:dtype|device)=[^()]*)?\)")


def without_types(text: str) -> str:
    """A printed value without the types that numpy and torch write around it.

    >>> without_types("(np.float64(48.9), np.float64(2.3))"), without_types("tensor([48.9, 2.3], device='cuda:0')")
    ('(48.9, 2.3)', '[48.9, 2.3]')
    """
    return _TYPED.sub(r"\1", text) if any(name in text for name in _TYPES) else text


def is_reply(value: Any) -> bool:
    """Whether a value is a reply as APIs write it, or a list of messages, and no answer in JSON."""
    if isinstance(value, list):
        return bool(value) and all(map(is_reply, value))
    return isinstance(value, dict) and any(
        key in value and (not others or any(other in value for other in others)) for key, others in REPLY_KEYS.items()
    )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {twice!r} stands there twice")
    return found


def _is_packed(path: Path) -> bool:
    return path.suffix.lower() in _PACKED


def _format(path: Path) -> str | None:
    return _FORMATS.get((Path(path.stem) if _is_packed(path) else path).suffix.lower())


def _open(path: Path) -> TextIO:
    """The text of a file, compressed or not by its first bytes; UTF-16, which Excel writes, where its mark says so."""
    with path.open("rb") as file:
        start = file.read(6)
    packed = next((module for begins, module in _PACKED.values() if start.startswith(begins)), None)
    binary = import_module(packed).open(path) if packed else path.open("rb")
    utf16 = binary.peek(2)[:2] in (b"\xff\xfe", b"\xfe\xff")
    return io.TextIOWrapper(binary, "utf-16" if utf16 else "utf-8-sig", newline="")


def _csv(path: Path, delimiter: str, blank: list[int]) -> NumberedRows:
    csv.field_size_limit(LONGEST_LINE)
    with _open(path) as file:
        lines = _lines(file, path)
        first, skipped = next(lines, ""), 0
        while first and not first.strip():
            first, skipped = next(lines, ""), skipped + 1
        if said := _SEPARATOR.fullmatch(first):  # the line that Excel reads and does not show
            delimiter, first, skipped = said[1], next(lines, ""), skipped + 1
        elif delimiter not in first:
            delimiter = next((other for other in (";", "\t", ",", "|") if other in first), delimiter)
        reader = csv.reader(chain([first], lines), delimiter=delimiter, strict=True)
        try:
            header = [cell.strip() for cell in next(reader)]
            if not any(cell.strip() for cell in header):
                raise InputError(f"{path.name}, line {skipped + 1}: the header is blank")
            repeated = sorted(cell for cell, count in Counter(header).items() if count > 1 and cell)
            if repeated:
                raise InputError(f"{path.name}, line {skipped + 1}: column {repeated[0][:40]!r} stands there twice")
            places: dict[str, int] = {}
            for place, name in enumerate(header):  # of columns without a name the first may be an index
                places.setdefault(name, place)
            line = skipped + reader.line_num + 1
            for cells in reader:
                if not any(cells):
                    blank.append(line)
                elif any(cells[len(header) :]):
                    title = "is line 1 a title?" if len(header) == 1 else "a cell with a comma needs quotes"
                    found = f"{len(cells)} cells under a header of {len(header)}"
                    raise InputError(f"{path.name}, line {line}: {found}; {title}")
                else:
                    cells += [""] * (len(header) - len(cells))
                    yield line, {name: cells[place] or None for name, place in places.items()}
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


def _json_lines(file: TextIO, path: Path, blank: list[int]) -> NumberedRows:
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


def _json(path: Path, blank: list[int]) -> NumberedRows:
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
    if value.get("type") == "FeatureCollection":  # GeoJSON
        return [{**one, **(one.get("properties") or {})} for one in records(value.get("features"), name)]
    for shape in (_split, _columns, partial(_under_a_key, name=name)):
        if (rows := shape(value)) is not None:
            return rows
    for key, inner in value.items():
        if isinstance(inner, bool | int | float):
            allowed = "an object of rows has a photograph's id as key, and an object, a list or a text as value"
            raise InputError(f"{name}, key {key!r}: found {inner!r}; {allowed}")
    return [_keyed(key, inner) for key, inner in value.items()]


def _split(value: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The rows of a data frame that pandas wrote with orient="split"."""
    head, body = value.get("columns"), value.get("data")
    if not (isinstance(head, list) and isinstance(body, list) and all(isinstance(row, list) for row in body)):
        return None
    rows = [dict(zip(map(str, head), row, strict=False)) for row in body]
    index = value.get("index") or list(range(len(rows)))
    if _has_id(dict.fromkeys(map(str, head))) or index == list(range(len(rows))):
        return rows
    return [{"id": key, **row} for key, row in zip(index, rows, strict=False)]


def _columns(value: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The rows of an object of columns, each a list or an object by index; an object of one row is that row."""
    columns = list(value.values())
    lists_by_id = any(map(_are_objects, columns)) or any(map(EXTENSION.search, value)) or not value
    longer = not lists_by_id and all(isinstance(column, list) and len(column) > len(columns) for column in columns)
    if not (longer or _has_id(value) or any(key.lower().endswith(("lat", "latitude")) for key in value)):
        return None
    if all(isinstance(column, dict) and column.keys() == columns[0].keys() for column in columns):
        rows = [{key: column[place] for key, column in value.items()} for place in columns[0]]
        return rows if _has_id(value) else [{"id": key, **row} for key, row in zip(columns[0], rows, strict=True)]
    if all(isinstance(column, list) and len(column) == len(columns[0]) for column in columns):
        return [dict(zip(value, cells, strict=True)) for cells in zip(*columns, strict=True)]
    return [value] if _has_id(value) else None


def _under_a_key(value: dict[str, Any], name: str) -> list[dict[str, Any]] | None:
    """The rows that stand under one key beside others, as in {"model": …, "results": rows}."""
    lists = _lists_of_rows(value)
    if len(lists) > 1:
        several = " and ".join(map(repr, list(lists)[:2]))
        raise InputError(f"{name}: {several} are lists of rows each; save the one that is meant as a file of its own")
    if not lists and len(value) > 1 and not any(map(EXTENSION.search, value)):
        rows_of = {key: inner for key, inner in value.items() if _are_objects(inner) and not is_reply(inner)}
        lists = rows_of if len(rows_of) == 1 else {}
    mappings = [inner for inner in value.values() if isinstance(inner, dict)]
    found = [*lists.values()] or [rows for inner in mappings for rows in _lists_of_rows(inner).values()]
    if len(found) == 1:
        return found[0]
    if len(mappings) != 1 or not mappings[0]:
        return None
    (only,) = mappings
    others = [inner for inner in value.values() if inner is not only]
    of_rows = all(isinstance(row, dict) for row in only.values())
    beside_others = bool(others) and (of_rows or not any(isinstance(other, list) for other in others))
    wrapped = len(value) == 1 and _WRAPPER.fullmatch(next(iter(value)))
    by_id = wrapped or (of_rows and _has_id(only)) or any(map(EXTENSION.search, only))
    return records(only, name) if beside_others or by_id else None


def _lists_of_rows(value: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    return {key: inner for key, inner in value.items() if _are_objects(inner) and all(map(_has_id, inner))}


def _are_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _has_id(row: dict[str, Any]) -> bool:
    return any("".join(filter(str.isalnum, key)).lower() in _ID_KEYS for key in row)


def _keyed(key: str, value: Any) -> dict[str, Any]:
    """The row of what a JSON object, or a folder, has for an id: a row without its id, a position, or a response."""
    if isinstance(value, dict) and not is_reply(value):
        return {"key" if "id" in value else "id": key, **value}
    if isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(one, int | float) for one in value):
        return {"id": key, "lat": value[0], "lon": value[1]}
    return {"id": key, "response": value}


def _folder(path: Path) -> NumberedRows:
    files = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith((".", "README")))
    shards = [file for file in files if re.search(r"\d-of-\d+\.", file.name) and _format(file) is not None]
    if shards:  # as a data set of many rows is saved
        yield from enumerate((row for file in shards for _, row in numbered_rows(file, [])), 1)
        return
    if {"results.json", "samples.jsonl"} <= {file.name for file in files}:
        raise InputError(f"{path}: this is a run that was scored; globe-eval rescore scores its answers again")
    table = next((file for file in files if _format(file) not in (None, "json")), None)
    inner = next((file.parent for file in sorted(path.glob("*/*")) if _format(file) or file.suffix in _TEXTS), None)
    if table is not None or not any(file.suffix.lower() in _TEXTS for file in files) or path / _SPLITS in files:
        named = f"name a table in it: {path / table.name}" if table else "it has no .json, .txt or .md a photograph"
        named = f"name one of the folders in it: {inner}" if inner and not table else named
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


def _excel(path: Path) -> NumberedRows:
    import pandas as pd

    try:
        sheets = pd.read_excel(path, sheet_name=None, dtype=object, keep_default_na=False, na_values=[""])
    except ImportError:
        raise InputError(f"{path.name}: Excel files need openpyxl (pip install openpyxl); or save it as CSV") from None
    except Exception as error:  # whatever a damaged archive makes of the reader
        raise InputError(f"{path.name}: not a readable Excel file ({reason_of(error)})") from None
    used = {sheet: frame for sheet, frame in sheets.items() if len(frame)}
    frames = {sheet: frame for sheet, frame in used.items() if _has_id(dict.fromkeys(map(str, frame.columns)))} or used
    if len(frames) > 1:
        several = f"the sheets {' and '.join(map(repr, list(frames)[:2]))} have rows"
        raise InputError(f"{path.name}: {several}; save the one that is meant as a file of its own")
    frame = next(iter(frames.values()), pd.DataFrame())
    frame = frame.astype(object).where(frame.notna(), None)
    rows = [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
    yield from ((line, row) for line, row in enumerate(rows, 2) if any(value is not None for value in row.values()))


def _columnar(path: Path, kind: str) -> NumberedRows:
    import pyarrow
    import pyarrow.parquet

    try:
        if kind == "parquet":
            table = pyarrow.parquet.read_table(path)
        elif path.read_bytes()[:6] == b"ARROW1":
            table = pyarrow.ipc.open_file(path).read_all()
        else:  # as the datasets library saves it
            table = pyarrow.ipc.open_stream(path.read_bytes()).read_all()
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"{path.name}: not a readable {kind.capitalize()} file ({reason_of(error)})") from None
    yield from enumerate(table.to_pylist(), 1)
