"""Reads coordinates from the cells of a table (two columns or one), and detects swapped columns."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from globe_eval import lazy_re as re
from globe_eval.answers import parse
from globe_eval.answers.coordinates import angle
from globe_eval.answers.text import clean, repaired
from globe_eval.benchmarks.formats import load_value, without_types
from globe_eval.benchmarks.table import MISSING, Table, as_number, cell_value, in_range, quoted
from globe_eval.errors import InputError
from globe_eval.places.distance import DISTANCES

_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+,\d+\s*")
_DECIMAL_POINT = re.compile(r"\s*[+-]?\d+\.\d+\s*")
_SEXAGESIMAL = re.compile(
    r"([NSEW]?)\s*([+-]?\d{1,3})(?:[:d]\s*|\s+)(\d{1,2}(?:\.\d+)?)"
    r"(?:(?:(?-i:(m)|(M))|:|\s)\s*(\d{1,2}(?:\.\d+)?)(?:(?-i:(?(4)s|(?(5)S|(?!))))|s(?=\s*[NSEW]))?)?\s*([NSEW]?)",
    re.IGNORECASE,
)
"""Degrees, minutes and seconds with colons, letters or blanks between: `48:51:24`, `40 42 51.5 N`, `48d51m24sN`.

An S at the end is South, but for the unit that is written as the `m` before it.
"""
_SMALL = re.compile(r"[\d.]+ ?°? ?[nsew]")
_LETTERED = re.compile(
    r"(.{0,20}\d\W{0,3}[NS])[\s,;]{1,3}(\d.{0,20}[EW])|([NS]\W{0,3}\d.{0,20}?)[\s,;]{1,3}([EW]\W{0,3}\d.{0,20})",
    re.IGNORECASE,
)
"""Two angles in one cell, with letters behind or before: `48 51 24 N 2 17 40 E`."""
_LIMITS = (90.0, 180.0)


def coordinate_pair(cell: Any) -> tuple[Any, Any] | None:
    """The latitude and longitude in one cell, unread; None where it is not two things.

    >>> cells = "(25.57, 100.22)", [25.57, 100.22], {"lat": 25.57, "lng": 100.22}, "Paris, Texas, USA"
    >>> [coordinate_pair(cell) for cell in cells]
    [('25.57', '100.22'), (25.57, 100.22), (25.57, 100.22), None]
    """
    if isinstance(cell, str) and cell.lstrip()[:1] in ("{", "["):
        with suppress(ValueError):
            cell = load_value(cell)
    if isinstance(cell, dict):
        if cell.get("type") == "Point" and isinstance(cell.get("coordinates"), list):
            return coordinate_pair(cell["coordinates"][1::-1])  # longitude, latitude and maybe a height
        named = Table.of(Path(), [(1, cell)])
        lat_name, lon_name = (named.find(axis, second=False) for axis in ("lat", "lon"))
        return (cell[lat_name], cell[lon_name]) if lat_name and lon_name else None
    if isinstance(cell, str):
        text = without_types(cell).translate({ord("–"): "-", ord("−"): "-"}).strip(" ()[]")
        angles = _LETTERED.fullmatch(text)
        cell = [part for part in angles.groups() if part] if angles else re.split(r"\s*[,;]\s*|\s+", text)
    return (cell[0], cell[1]) if isinstance(cell, list | tuple) and len(cell) == 2 else None


def as_degrees(cell: Any, axis: int) -> float | None:
    """A latitude (axis 0) or longitude (1) as a number, or as an angle is written; None for anything else.

    >>> as_degrees("−33.85", 0), as_degrees("48°51′24″ N", 0), as_degrees("W 74 30", 1), as_degrees("33,85", 0)
    (-33.85, 48.85666666666667, -74.5, None)
    """
    degrees = as_number(cell)
    # A decimal comma is decided by the whole column; in brackets accountants write what is below zero.
    if degrees is None and isinstance(cell, str) and not _DECIMAL_COMMA.fullmatch(cell) and cell.lstrip()[:1] != "(":
        text = clean(repaired(without_types(cell))).strip()
        text = text.upper() if _SMALL.fullmatch(text) else text
        parts = _SEXAGESIMAL.fullmatch(text)
        if parts is not None and (parts[1] or parts[6] or parts[7] or ":" in text):
            text = f"{parts[1]}{parts[2]}°{parts[3]}'" + (f'{parts[6]}"' if parts[6] else "") + parts[7]
        return angle(text, ("lat", "lon")[axis], whole=True)
    return degrees


def _is_position(pair: tuple[Any, Any] | None) -> bool:
    return pair is not None and None not in (as_degrees(pair[0], 0), as_degrees(pair[1], 1))


def point_in_cell(cell: Any) -> tuple[Any, Any] | None:
    """The latitude and longitude in one cell: two numbers, well-known text, or what an answer may say; else None."""
    cells = coordinate_pair(cell)
    if _is_position(cells):
        return cells
    read = parse(cell) if isinstance(cell, str) else None
    return cells if read is None or read.lat is None or read.lon is None else (read.lat, read.lon)


def are_positions(cells: Sequence[Any]) -> bool:
    """Whether each cell is two numbers or angles and no more, of those that are not missing.

    >>> are_positions(["48.85, 2.29", [-33.85, 151.2], None]), are_positions(["48.85, 2.29", "It's Rome."])
    (True, False)
    """
    pairs = [coordinate_pair(cell) for cell in cells if not is_missing(cell)]
    return bool(pairs) and all(map(_is_position, pairs))


def _refuse_letters_apart(table: Table, columns: Sequence[str], points: npt.NDArray[np.float64]) -> None:
    """Raise InputError where another column has the N or S, E or W of positions without a sign."""
    for axis, (plus, minus) in enumerate((("NORTH", "SOUTH"), ("EAST", "WEST"))):
        if (points[:, axis] < 0).any():
            continue
        letters = {plus, plus[0], minus, minus[0]}
        for column in table.columns:
            cells = {str(cell).strip().upper() for row in table.rows if (cell := row.get(column)) is not None}
            if cells <= letters and cells & {minus, minus[0]}:
                raise InputError(
                    f"{table.path.name}: column {column!r} says {plus[0]} or {minus[0]}, and no {columns[axis]!r} is "
                    f"below zero: write the letter beside its number, as in {('33.85 S', '74.04 W')[axis]}"
                )


def with_decimal_points(table: Table, lat_column: str, lon_column: str) -> Table:
    """The table with "48.85" for "48,85" in two columns, where none of their numbers has a point."""
    columns = lat_column, lon_column
    texts = [str(cell_value(row, column)) for row in table.rows for column in columns]
    commas = any(map(_DECIMAL_COMMA.fullmatch, texts)) and not any(map(_DECIMAL_POINT.fullmatch, texts))
    if lat_column == lon_column or not commas:
        return table

    def pointed(row: dict[str, Any]) -> dict[str, Any]:
        cells = ((column, cell_value(row, column)) for column in columns)
        return {**row, **{column: cell.replace(",", ".") for column, cell in cells if isinstance(cell, str)}}

    return replace(table, rows=list(map(pointed, table.rows)))


def predicted_points(table: Table, lat_column: str, lon_column: str, notes: list[str]) -> npt.NDArray[np.float64]:
    """(n, 2) latitude and longitude in degrees of each row; NaN where it states none. Some may be out of range.

    The two columns may be one. Degrees, minutes and seconds are read, a decimal comma where no number of the two
    columns has a point, and longitudes from 0 to 360 where none is negative. `notes` gets how many are no position.

    Raises InputError for a decimal comma beside points, an object where a number belongs, and where most of what is
    given is no position or out of range: the column then is another one.
    """
    points, stated = np.full((len(table.rows), 2), np.nan), 0
    odd: dict[str, list[int]] = {"no position": [], "half a position": [], "out of range": []}
    table = with_decimal_points(table, lat_column, lon_column)
    for index, cells in enumerate(table.rows):
        lat, lon = cell_value(cells, lat_column), cell_value(cells, lon_column)
        if lat_column == lon_column:
            half = as_number(lat) is not None  # one number is no position, though it is a latitude and a longitude
            lat, lon = (False, False) if half else point_in_cell(lat) or (lat, lon)
        lacking = [is_missing(lat), is_missing(lon)]
        stated += not all(lacking)
        if any(lacking):
            if not all(lacking):
                odd["half a position"].append(index)
            continue
        numbers = [as_degrees(lat, 0), as_degrees(lon, 1)]
        if None in numbers:
            wrong = [cell for cell in (lat, lon) if isinstance(cell, dict) or _DECIMAL_COMMA.fullmatch(str(cell))]
            if wrong:
                axis = int(wrong[0] is not lat)
                where = table.where(index, (lat_column, lon_column)[axis])
                in_range(wrong[0], where, -_LIMITS[axis], _LIMITS[axis], optional=True)
            odd["no position"].append(index)
            continue
        points[index] = numbers
    lons = points[:, 1]
    if (beyond := lons > _LIMITS[1]).any() and not (lons < 0).any() and (lons[beyond] <= 360).all():
        read = f"{int(beyond.sum()):,} longitudes beyond 180 and none below 0: read as from 0 to 360"
        notes.append(f"{table.path.name}, column {lon_column!r}: {read}")
        lons[beyond] -= 360
    odd["out of range"] = np.flatnonzero((np.abs(points) > _LIMITS).any(axis=1)).tolist()
    for kind, rows in odd.items():
        if not rows:
            continue
        column, cell = _culprit(table, rows[0], lat_column, lon_column, kind)
        where = table.where(rows[0], column)
        if 2 * len(rows) > stated and kind != "half a position":
            limit = _LIMITS[column != lat_column]
            swapped = len(rows) > 1 and (np.abs(points[rows, ::-1]) <= _LIMITS).all()
            count = f"{len(rows):,} of {stated:,} are {kind}{_options(lat_column, lon_column) if swapped else ''}"
            allowed = f"degrees from {-limit:g} to {limit:g}, or empty for no answer"
            raise InputError(f"{where}: found {quoted(cell)}; allowed: {allowed} ({count})")
        allowed = "; allowed: latitudes from -90 to 90, longitudes from -180 to 180" if kind == "out of range" else ""
        count = f"{len(rows):,} of {stated:,} answers are {kind} and count as misses"
        notes.append(f"{count}; the first: {where}: {cell!r}{allowed}")
    _refuse_letters_apart(table, (lat_column, lon_column), points)
    return points


def position_notes(
    name: str, lat_column: str, lon_column: str, points: npt.NDArray[np.float64], truth: npt.NDArray[np.float64]
) -> list[str]:
    """A note where the answers are far nearer the truth when swapped, mirrored, scaled or with its signs; mostly none.

    `points` are n answers and `truth` where the photographs were taken, (n, 2) in degrees, NaN where there is none;
    `name` and the columns, which may be one, are those of the answers' file.

    Raises InputError where a latitude is out of range and most answers are nearer the truth the other way round.
    """
    there = np.isfinite(points).all(axis=1) & np.isfinite(truth).all(axis=1)
    points, truth = points[there], truth[there]
    as_they_are = _km(points, truth)
    signed = np.where((points >= 0).all(axis=0), np.copysign(points, truth), points)
    unsigned = np.where((truth >= 0).all(axis=0), np.abs(points), points)
    others = {
        "both signs the other way round": -points,
        f"latitude and longitude swapped{_options(lat_column, lon_column)}": points[:, ::-1],
        f"the longitude's other sign ({lon_column!r})": points * (1, -1),
        f"the latitude's other sign ({lat_column!r})": points * (-1, 1),
        "no signs, as the truth has none: are south and west lost there?": unsigned,
        "the signs of the truth, and the answers have none: are south and west lost?": signed,
        "the answer one row below": np.roll(points, -1, axis=0),
        "the answer one row above": np.roll(points, 1, axis=0),
        **{f"all degrees times {factor:g}": points * factor for factor in (10, 100, 0.1, np.rad2deg(1))},
    }
    for how, other in others.items():
        moved = (other != points).any(axis=1)
        before, after = as_they_are[moved], _km(other[moved], truth[moved])
        nearer = int((after < before).sum())
        found = f"{nearer:,} of {len(before):,} answers are nearer the truth with {how}"
        if how.startswith("latitude") and (np.abs(points[:, 0]) > _LIMITS[0]).any() and 2 * nearer > len(before):
            raise InputError(f"{name}: {found}")
        if len(before) > 1 and nearer > 0.9 * len(before) and 5 * np.median(after) < np.median(before):
            return [found]
    return []


def cut_notes(table: Table, column: str) -> list[str]:
    """A note where a file seems to be cut off within the last number of its last column; mostly none.

    That is where the last line has no line break, and its number fewer decimals than every other.
    """
    if table.path.suffix.lower() not in (".csv", ".tsv") or column != table.columns[-1] or len(table.rows) < 10:
        return []
    last = table.rows[-1].get(column)
    *others, decimals = (len(str(row.get(column) or "").partition(".")[2]) for row in table.rows)
    if as_number(last) is None or decimals >= min(others):
        return []
    with table.path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        if file.read(1) in b"\r\n":
            return []
    signs = "with fewer decimals than all others, and no line break follows: is the file cut off there?"
    return [f"{table.where(-1)}: {column!r} is {last!r}, {signs}"]


def _km(points: npt.NDArray[np.float64], truth: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(n,) distances in km, infinite where a point is out of range."""
    km = DISTANCES["haversine"](truth[:, 0], truth[:, 1], np.clip(points[:, 0], -90, 90), points[:, 1])
    return np.where((np.abs(points) > _LIMITS).any(axis=1), np.inf, km)


def refuse_radians(table: Table, lat_column: str, lon_column: str, points: npt.NDArray[np.float64]) -> None:
    """Raise InputError where positions can only be radians: all of them are, as degrees, in a stretch of open sea.

    Within pi / 2 of the equator and pi of Greenwich there is no land. `points` are (n, 2), NaN where there is none;
    fewer than 5 different ones say nothing.
    """
    known = points[np.isfinite(points).all(axis=1)]
    if (np.abs(known) > (np.pi / 2, np.pi)).any():
        return
    known = np.unique(known, axis=0)
    if len(known) >= 5 and (known % 1).any():
        raise InputError(
            f"{table.path.name}, columns {lat_column!r} and {lon_column!r}: all {len(known):,} positions lie within "
            "1.58 of the equator and 3.15 of Greenwich, where there is only sea: are they radians? allowed: degrees"
        )


def is_missing(cell: Any) -> bool:
    """Whether a cell of a prediction says that there is none: empty, NaN, N/A, None, unknown, …"""
    return cell is None or (isinstance(cell, str) and cell.strip().lower() in MISSING)


def _culprit(table: Table, index: int, lat_column: str, lon_column: str, kind: str) -> tuple[str, Any]:
    """The column, and its cell, that makes a row odd."""
    lat, lon = (cell_value(table.rows[index], column) for column in (lat_column, lon_column))
    number = as_number(lat)
    right = number is not None and (kind != "out of range" or abs(number) <= _LIMITS[0])
    return (lon_column, lon) if right or (kind == "half a position" and is_missing(lon)) else (lat_column, lat)


def _options(lat_column: str, lon_column: str) -> str:
    if lat_column == lon_column:
        return "; is it longitude, latitude?"
    return f"; is the header swapped? --lat-column {lon_column!r} --lon-column {lat_column!r}"


class SwappedHeader(InputError):
    """The header has latitude and longitude swapped: `found` says so, `columns` maps them to where they are."""

    def __init__(self, found: str, columns: dict[str, str]) -> None:
        self.found, self.columns = found, columns
        super().__init__(self.advice("--"))

    def advice(self, option: str) -> str:
        """What was found, and the options that help; `option` is how they begin."""
        options = " ".join(f"{option}{role}-column {column!r}" for role, column in self.columns.items())
        return f"{self.found}; take the corrected file, or give {options}"


def refuse_swapped(table: Table, lat_column: str, lon_column: str) -> None:
    """Raise SwappedHeader where the truth has latitude and longitude swapped, as IM2GPS3K's had from 2018 to 2020.

    Raises InputError where it has radians.
    """
    columns = lat_column, lon_column
    cells = [[as_degrees(cell_value(row, columns[axis]), axis) for axis in (0, 1)] for row in table.rows]
    degrees = np.array(cells, dtype=np.float64).reshape(-1, 2)
    _refuse_letters_apart(table, columns, degrees)
    refuse_radians(table, lat_column, lon_column, degrees)
    wrong, beyond = (np.flatnonzero((np.abs(one) > 90) & (np.abs(one) <= 180)) for one in degrees.T)
    if len(wrong) > 0.01 * len(table.rows) and not len(beyond):
        first, found = wrong[0], cell_value(table.rows[wrong[0]], lat_column)
        raise SwappedHeader(
            f"{table.where(first, lat_column)}: found {found!r}; latitudes lie from -90 to 90, "
            f"{len(wrong):,} of {len(table.rows):,} values here do not and every {lon_column!r} does: the header has "
            "latitude and longitude swapped (as IM2GPS3K's official file had from 2018-07-25 to 2020-02-17)",
            {"lat": lon_column, "lon": lat_column},
        )
