"""Contamination: the photographs of a benchmark that a training set or a gallery knows too."""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any, Literal

from globe_eval.benchmarks.perceptual import near

Kind = Literal["content", "near_duplicate", "photographer", "coordinates"]
KINDS: tuple[Kind, ...] = ("content", "near_duplicate", "photographer", "coordinates")
PHOTOGRAPHS: tuple[Kind, ...] = ("content", "near_duplicate")
"""The kinds that are the same photograph; the others are its photographer or its place."""

Row = Mapping[str, Any]


def overlap(ours: Sequence[Row], theirs: Sequence[Row]) -> dict[Kind, dict[str, str] | None]:
    """What two manifests share: for each kind, our id -> the id of (the first of) theirs that shares it.

    - content: the same bytes (`image_sha256`);
    - near_duplicate: other bytes, perceptual hashes (`perceptual_hash`, hexadecimal digits) at most 4 bits apart;
    - photographer: the same `group`;
    - coordinates: the same `lat` and `lon` to 5 decimals (a metre).

    A row may lack any of these (None, NaN or no such key): it then shares nothing of that kind. A kind is None where
    one side knows nothing of it (a table without pictures, without photographers, of unlocated pictures): unknown is
    not "nothing shared".

    >>> a = {"id": "a", "lat": 1.0, "lon": 2.0, "group": "p"}
    >>> overlap([a], [{**a, "id": "b", "group": None}])
    {'content': None, 'near_duplicate': None, 'photographer': None, 'coordinates': {'a': 'b'}}
    >>> overlap([{"id": "a", "group": "p"}], [{"id": "b", "lat": 1.0, "lon": 2.0, "group": "p"}])
    {'content': None, 'near_duplicate': None, 'photographer': {'a': 'b'}, 'coordinates': None}
    """
    content = _shared(_column(ours, "image_sha256"), _column(theirs, "image_sha256"), ours, theirs)
    found: dict[Kind, dict[str, str] | None] = {"content": content, "near_duplicate": None}
    looks, their_looks = _hashes(ours), _hashes(theirs)
    if any(look is not None for look in looks) and any(look is not None for look in their_looks):
        alike = {ours[i]["id"]: theirs[j]["id"] for i, j in near(looks, their_looks).items()}
        found["near_duplicate"] = {key: other for key, other in alike.items() if key not in (content or {})}
    found["photographer"] = _shared(_column(ours, "group"), _column(theirs, "group"), ours, theirs)
    found["coordinates"] = _shared(list(map(_point, ours)), list(map(_point, theirs)), ours, theirs)
    return found


def overlapping_ids(prepared: Mapping[str, Any], kinds: Collection[Kind] = PHOTOGRAPHS) -> frozenset[str]:
    """The ids that a clean evaluation leaves out, by the `overlap` of a `prepare.json`.

    >>> overlapping_ids({"overlap": [{"ids": {"content": {"a": "x"}, "photographer": {"b": "y"}}}]})
    frozenset({'a'})
    """
    return frozenset(
        key for entry in prepared.get("overlap") or [] for kind in kinds for key in entry["ids"].get(kind) or {}
    )


def _column(rows: Sequence[Row], name: str) -> list[Any]:
    return [row.get(name) for row in rows]


def _hashes(rows: Sequence[Row]) -> list[int | None]:
    return [None if cell is None else int(cell, 16) for cell in _column(rows, "perceptual_hash")]


def _point(row: Row) -> tuple[float, float] | None:
    lat, lon = row.get("lat"), row.get("lon")
    if lat is None or lon is None or math.isnan(lat) or math.isnan(lon):
        return None
    # Adding 0.0 makes -0.0 0.0; both ends of the antimeridian are one place.
    lat, lon = round(lat, 5) + 0.0, round(lon, 5) + 0.0
    return lat, -180.0 if lon == 180.0 else lon


def _shared(
    ours: Sequence[Hashable], theirs: Sequence[Hashable], our_rows: Sequence[Row], their_rows: Sequence[Row]
) -> dict[str, str] | None:
    first: dict[Hashable, str] = {}
    for value, row in zip(theirs, their_rows, strict=True):
        if value is not None:
            first.setdefault(value, row["id"])
    if not first or all(value is None for value in ours):
        return None
    return {row["id"]: first[value] for value, row in zip(ours, our_rows, strict=True) if value in first}
