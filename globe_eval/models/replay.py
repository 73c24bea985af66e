"""The model `replay`: answers from a file, `--model replay --model_args answers=FILE`."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from itertools import repeat
from pathlib import Path

from lm_eval.api.instance import Instance

from globe_eval.benchmarks.ids import match_ids
from globe_eval.benchmarks.points import predicted_points
from globe_eval.benchmarks.table import Table, cell_text, identifiers, read_table
from globe_eval.errors import InputError, without_dashes
from globe_eval.models.cells import refuse_no_single_text, response_of
from globe_eval.models.response import Response
from globe_eval.models.simple import SimpleModel, answer_text


class Replay(SimpleModel):
    """Gives each photograph the response that a file holds for its id.

    Args:
        answers: a file that `score` reads, with an id and a response, or with predicted coordinates or names instead,
            which are then written as an answer in GLOBE's form. The `samples.jsonl` of an earlier run is such
            a file; its columns `error` and `finish_reason` are given back too.
        id_column: the id's column, where it has none of the usual names.
        response_column: the response's column, likewise.

    Raises InputError for a file that cannot be read, without such columns, or with an id twice.
    """

    name = "replay"

    def __init__(self, answers: str | Path, id_column: str | None = None, response_column: str | None = None) -> None:
        super().__init__()
        self.file = Path(str(answers)).expanduser()
        try:
            self.responses = read_responses(read_table(self.file), id_column, response_column)
        except InputError as error:
            raise InputError(without_dashes(str(error), "{}_column", "=")) from None

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
    if response_column:
        refuse_no_single_text(table, response_column)
        found = (response_of(row, response_column, printed=False) for row in table.rows)
        written = [Response("") if one is None else one for one in found]
    else:
        written = _synthesised(table)
    return dict(zip((name for name, _ in identifiers(table, id_column)), written, strict=True))


def _synthesised(table: Table) -> list[Response]:
    """Responses written from a table's columns of predictions; beside `predicted_…` the plain names are the truth."""
    roles = ("lat", "lon", "country", "admin", "city")
    predicted = [table.find(f"predicted_{role}") for role in roles]
    lat, lon, country, admin, city = predicted if any(predicted) else map(table.find, roles)
    points: Iterable[tuple[float, float]] = repeat((math.nan, math.nan), len(table.rows))
    if lat and lon:
        notes: list[str] = []
        points = predicted_points(table, lat, lon, notes).tolist()
        for note in notes:
            print(f"globe-eval: {note}", file=sys.stderr)
    elif not (country or city):
        raise InputError(
            f"{table.path.name}: no response column, nor latitude and longitude, city or country; "
            f"give it with response_column=… (columns: {', '.join(table.columns)})"
        )
    return [
        Response(
            answer_text(
                point=None if math.isnan(point[0]) else point,
                country=cell_text(table, index, country),
                admin=cell_text(table, index, admin),
                city=cell_text(table, index, city),
            )
        )
        for index, point in enumerate(points)
    ]
