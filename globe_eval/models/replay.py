"""The model `replay`: answers from a file, `--model replay --model_args answers=FILE`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lm_eval.api.instance import Instance

from globe_eval.benchmarks.ids import match_ids
from globe_eval.benchmarks.table import Table, identifiers, number, read_table
from globe_eval.errors import InputError
from globe_eval.models.cells import response_of
from globe_eval.models.response import Response
from globe_eval.models.simple import SimpleModel, answer_text


class Replay(SimpleModel):
    """Gives each photograph the response that a file holds for its id.

    Args:
        answers: CSV, TSV, JSON lines or Parquet with an id and a response, or with predicted coordinates or names
            instead, which are then written as an answer in GLOBE's form. The `samples.jsonl` of an earlier run is such
            a file; its columns `error` and `finish_reason` are given back too.
        id_column: the id's column, where it has none of the usual names.
        response_column: the response's column, likewise.

    Raises InputError for a file that cannot be read, without such columns, or with an id twice.
    """

    name = "replay"

    def __init__(self, answers: str | Path, id_column: str | None = None, response_column: str | None = None) -> None:
        super().__init__()
        self.file = Path(str(answers)).expanduser()
        self.responses = read_responses(read_table(self.file), id_column, response_column)

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[Response]:
        """One response a request, in the same order; a photograph that the file does not know is an error."""
        ids = [str(request.doc["id"]) for request in requests]
        form = match_ids(list(self.responses), list(dict.fromkeys(ids)))
        known = {form(key): response for key, response in self.responses.items()}
        return [
            known.get(form(key), Response("", error=f"no answer for id {key!r} in {self.file.name}")) for key in ids
        ]


def read_responses(
    table: Table, id_column: str | None = None, response_column: str | None = None
) -> dict[str, Response]:
    """Photograph's id -> response, for each row of a table of answers."""
    id_column = table.find("id", id_column)
    if id_column is None:
        raise InputError(
            f"{table.path.name}: no id column; give it with id_column=… (columns: {', '.join(table.columns)})"
        )
    response_column = table.find("response", response_column)
    written = _texts(table, response_column) if response_column else _synthesised(table)
    return dict(zip((name for name, _ in identifiers(table, id_column)), written, strict=True))


def _texts(table: Table, column: str) -> list[Response]:
    cells = [row[column] if isinstance(row[column], str) else response_of(row, column) for row in table.rows]
    return [
        Response(cell or "", finish_reason=row.get("finish_reason"), error=row.get("error"))
        for cell, row in zip(cells, table.rows, strict=True)
    ]


def _synthesised(table: Table) -> list[Response]:
    """Responses written from a table's columns of predictions, `predicted_…` before the plain names."""
    lat, lon, country, admin, city = (
        table.find(f"predicted_{role}") or table.find(role) for role in ("lat", "lon", "country", "admin", "city")
    )
    if not (lat and lon) and not (country or city):
        raise InputError(
            f"{table.path.name}: no response column, nor latitude and longitude, city or country; "
            f"give it with response_column=… (columns: {', '.join(table.columns)})"
        )
    return [
        Response(
            answer_text(
                point=_point(table, index, lat, lon) if lat and lon else None,
                country=_name(row, country),
                admin=_name(row, admin),
                city=_name(row, city),
            )
        )
        for index, row in enumerate(table.rows)
    ]


def _point(table: Table, index: int, lat: str, lon: str) -> tuple[float, float] | None:
    values = number(table, index, lat, -90, 90, optional=True), number(table, index, lon, -180, 180, optional=True)
    if values[0] is not None and values[1] is not None:
        return values[0], values[1]
    if values != (None, None):
        raise InputError(f"{table.where(index)}, columns {lat!r} and {lon!r}: one of the two is missing")
    return None


def _name(row: dict[str, Any], column: str | None) -> str | None:
    return str(row[column]) if column and row.get(column) is not None else None
