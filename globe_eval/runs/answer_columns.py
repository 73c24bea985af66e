"""Which columns of a user's table are the answers and the truth, and what columns of names say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from globe_eval import lazy_re as re
from globe_eval.answers import parse
from globe_eval.benchmarks.ids import EXTENSION
from globe_eval.benchmarks.points import are_positions, as_degrees, is_missing
from globe_eval.benchmarks.table import COLUMNS, TRUTH_NAMES, Table, cell_text, cell_value, quoted
from globe_eval.benchmarks.truth import truth_columns
from globe_eval.errors import InputError, nearest
from globe_eval.files import valid_utf8
from globe_eval.models.cells import response_of
from globe_eval.sample import Answer

Use = dict[str, str | None]

TRUTH_OPTION = "--truth-"
_NAMING = "--response-column, --lat-column and --lon-column, or --city-column and --country-column"


@dataclass(frozen=True)
class ColumnNames:
    """Columns that the user names, by role; each may be a path into nested values."""

    id: str | None = None
    lat: str | None = None
    lon: str | None = None
    response: str | None = None
    city: str | None = None
    country: str | None = None
    truth_id: str | None = None
    truth_lat: str | None = None
    truth_lon: str | None = None

    def refuse_unknown(self, answers: Table, truth: Table) -> None:
        """Raise InputError for a column that neither table has, or not the one of the truth."""
        for name, column in vars(self).items():
            tables = [truth] if name.startswith("truth_") else [answers, truth]
            if column is not None and not any(table.has(column) for table in tables):
                there = [*dict.fromkeys(column for table in tables for column in [*table.columns, *table.paths])]
                shown = ", ".join(dict.fromkeys(column for table in tables for column in table.columns))
                hint = f"no column {column!r}{nearest(column, there)} (columns: {shown})"
                raise InputError(f"--{name.replace('_', '-')}-column: {hint}")

    def of_truth(self, truth: Table, of_answers: bool) -> dict[str, str]:
        """Role -> the column of the truth that the user names.

        Without an option of their own the truth's are `lat` and `lon`, where it has them, no position by a name that
        only a truth has, and they are not `of_answers`.
        """
        lat, lon = (self.lat, self.lon) if not of_answers and truth.find("truth_lat") is None else (None, None)
        named = {"id": self.truth_id or self.id, "lat": self.truth_lat or lat, "lon": self.truth_lon or lon}
        return {role: column for role, column in named.items() if column is not None and truth.has(column)}


def answer_columns(table: Table, columns: ColumnNames, read: str | None, same_table: bool) -> tuple[str, Use]:
    """Which kind of column is scored (response, coordinates, names), and the columns. Raises InputError.

    Args:
        table: of the answers.
        columns: that the user names.
        read: the kind that the user wants, where there are several.
        same_table: whether the truth is in it too; a plain `lat` is then the truth's.
    """
    plain_is_truth = same_table and columns.truth_lat is None and table.find("truth_lat") is None
    of_truth = {columns.truth_lat, columns.truth_lon} - {None} if same_table else set()

    def predicted(role: str, override: str | None) -> str | None:
        if table.has(override):
            return override
        found = table.find(f"predicted_{role}") or (None if plain_is_truth else table.find(role))
        return None if found in of_truth else found

    response = table.find("response", columns.response, second=False)
    lat, lon = predicted("lat", columns.lat), predicted("lon", columns.lon)
    city, country = predicted("city", columns.city), predicted("country", columns.country)
    found: dict[str, Use] = {}
    if response:
        found["response"] = {"response": response}
    if lat and lon:
        found["coordinates"] = {"lat": lat, "lon": lon}
    if city or country:
        found["names"] = {"city": city, "country": country, "admin": predicted("admin", None)}
    # Columns without a mark, beside marked ones or names beside responses, are mostly the truth's.
    named = table.has(columns.city) or table.has(columns.country)
    plain = {
        kind
        for kind in found.keys() - {"response"}
        if all(one == table.find(role) for role, one in found[kind].items())
    }
    chosen = read is not None or named or table.has(columns.lat)
    if not chosen and len(plain) == 1 and {"coordinates", "names"} <= found.keys():
        del found[plain.pop()]
    beside = not chosen and "names" in plain and plain == found.keys()
    wanted = "response" not in found and (not found or read == "response" or beside)
    if wanted and (second := table.find("response")) and (not beside or _is_read(table, second)):
        positions = read != "response" and are_positions([cell_value(row, second) for row in table.rows])
        found |= {"coordinates": {"lat": second, "lon": second}} if positions else {"response": {"response": second}}
    filled = {
        kind: use
        for kind, use in found.items()
        if any(cell_value(row, column) is not None for row in table.rows for column in use.values())
    }
    if found and not filled and table.path.name == "samples.jsonl":
        advice = f"globe-eval rescore {table.path.parent} scores a run again"
        raise InputError(f"{table.path}: no row has a response; {advice}")
    if columns.response is not None and read is None:
        read = "response"
    elif read is None and named:
        read = "names"
    elif read is None:
        found = filled or found
    if read is not None:
        if read not in found:
            raise table.lacking(f"column to read {read} from", f"{_looks_like(table, columns)}; name it with {_NAMING}")
        return read, found[read]
    if not found:
        taken = table.find("lat") if plain_is_truth else None
        truth = f" ({taken!r} is taken for the truth: no --truth, and no --task whose data are here)" if taken else ""
        raise table.lacking("column of answers", f"{truth}{_looks_like(table, columns)}; name it with {_NAMING}")
    if len(found) > 1:
        choices = "; ".join(f"--read {kind!r} ({', '.join(filter(None, use.values()))})" for kind, use in found.items())
        raise InputError(f"{table.path.name}: several columns could be the answers; choose {choices}")
    return next(iter(found.items()))


def refuse_same(table: Table, use: Use, chosen: Mapping[str, str]) -> None:
    """Raise InputError where a column of the answers is the truth's too: every answer would be right."""
    truth = {*truth_columns(table, chosen, TRUTH_OPTION)[1:], table.find("truth_city"), table.find("truth_country")}
    shared = [column for column in use.values() if column is not None and column in truth]
    if shared:
        raise InputError(
            f"{table.path.name}: column {shared[0]!r} would be the answer and the truth; name the truth's with "
            f"--truth-lat-column and --truth-lon-column, or give --truth FILE (columns: {', '.join(table.columns)})"
        )


def refuse_unread(table: Table, columns: ColumnNames, column: str) -> None:
    """Raise InputError where a column of responses has objects that say nothing, but a text in them does."""
    for index in range(0, len(table.rows), max(1, len(table.rows) // 20)):
        cell = cell_value(table.rows[index], column)
        response = response_of(table.rows[index], column)
        if not isinstance(cell, dict | list) or response is None or parse(response).status != "unparsed":
            return
    if advice := _looks_like(table, columns, f"{column}."):
        raise InputError(f"{table.where(0, column)}: found {quoted(cell)}; no answer is read in it{advice}")


def names_of(table: Table, index: int, use: Use) -> Answer:
    """The answer in columns of names. Raises InputError for an object in one."""
    city, country, admin = (cell_text(table, index, use[role]) for role in ("city", "country", "admin"))
    spelt = [text and valid_utf8(text) for text in (country, city, admin)]
    return Answer(country=spelt[0], city=spelt[1], admin=spelt[2])


def _is_read(table: Table, column: str) -> bool:
    """Whether half of the cells of a column, or more, are responses that answer."""
    rows = table.rows[:: max(1, len(table.rows) // 20)]
    responses = [response_of(row, column) for row in rows]
    return 2 * sum(bool(one) and parse(one).status in ("answered", "refused") for one in responses) >= len(rows)


_OF_OTHERS = {"reasoning", "explanation", "rationale", "prompt", "question", *TRUTH_NAMES}
_OF_OTHERS |= {name for role, names in COLUMNS.items() if role != "response" for name in names}


def _looks_like(table: Table, columns: ColumnNames, within: str = "") -> str:
    """The end of an error: the two columns of numbers that are named like positions, else the text that is most read.

    `within` is how the columns and paths begin that may be meant. As in
    "; 'Q7-gen' looks like the responses (--response-column 'Q7-gen')".
    """
    rows = table.rows[:: max(1, len(table.rows) // 20)]
    best, chosen = (0.0, 0.0), None
    axes: tuple[list[str], list[str]] = [], []
    truth = {columns.truth_lat, columns.truth_lon, *map(table.find, ("truth_lat", "truth_lon", "lat", "lon"))}
    for column in filter(lambda name: name.startswith(within), [*table.columns, *table.paths]):
        cells = [cell for row in rows if not is_missing(cell := cell_value(row, column))]
        texts = [cell for cell in cells if isinstance(cell, str) and cell.strip()]
        angles = [str(cell).replace(",", ".") for cell in cells]
        if cells and any(all(as_degrees(text, axis) is not None for text in angles) for axis in (0, 1)):
            if re.search(r"\.\d+\.", column):  # one of several candidates
                continue
            for found, name in zip(axes, (r"lat", r"lon|lng"), strict=True):
                found += [column] if column not in truth and re.search(name, column.lower()) else []
            continue
        if column == columns.id or column.rpartition(".")[2].lower() in _OF_OTHERS:
            continue
        if any(map(EXTENSION.search, texts)) or 2 * len(texts) < len(rows):
            continue
        read = float(np.mean([parse(text).status in ("answered", "refused") for text in texts]))
        length = float(np.mean([len(text) for text in texts]))
        if read and (read, length) > best:
            best, chosen = (read, length), column
    if list(map(len, axes)) == [1, 1]:
        (lat,), (lon,) = axes
        return f"; {lat!r} and {lon!r} look like positions (--lat-column {lat!r} --lon-column {lon!r})"
    return "" if chosen is None else f"; {chosen!r} looks like the responses (--response-column {chosen!r})"
