"""Finds photographs that are the same, within a benchmark and between it and a training set or a gallery.

By look they are compared with a 64-bit perceptual hash, pHash (Zauner 2010) as the ImageHash package computes it: the
8 x 8 lowest frequencies of the cosine transform of the picture in grey at 32 x 32, each above or below their median. A
picture without any detail (one colour) has no hash: its frequencies are rounding errors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

OverlapKind = Literal["content", "near_duplicate", "photographer", "coordinates"]
KINDS: tuple[OverlapKind, ...] = ("content", "near_duplicate", "photographer", "coordinates")
PHOTOGRAPHS: tuple[OverlapKind, ...] = ("content", "near_duplicate")
"""The kinds that are the same photograph; the others are its photographer or its place."""

Row = Mapping[str, Any]

NEAR = 4
"""Bits. Two pictures whose hashes differ in at most so many are near duplicates."""
SIDE = 32
_FLAT = 2.0
_BITS = 64
_COSINES = np.cos(np.pi / (2 * SIDE) * np.outer(np.arange(8), 2 * np.arange(SIDE) + 1)).astype(np.float64)


def shrink(grey: Image.Image) -> Image.Image:
    """The picture at 32 x 32, all that its hash is computed from."""
    return grey.resize((SIDE, SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)


def perceptual_hash(small: Image.Image) -> int | None:
    """The hash, 0 to 2^64 - 1, of an upright picture in grey (mode L) that was shrunk; None where it is of one colour.

    >>> perceptual_hash(shrink(Image.new("L", (320, 200), 90))) is None
    True
    """
    pixels = np.asarray(small, np.float64)
    if np.ptp(pixels) <= _FLAT:
        return None
    low = _COSINES @ pixels @ _COSINES.T
    return int.from_bytes(np.packbits(low > np.median(low)).tobytes(), "big")


def nearest_hashes(
    ours: Sequence[int | None], theirs: Sequence[int | None] | None = None, bits: int = NEAR
) -> dict[int, int]:
    """Index in `ours` -> index of the nearest hash in `theirs`, where they differ in at most `bits` bits.

    Without `theirs`, the nearest other one of `ours`. Of equally near ones the first. Two hashes that near agree wholly
    in at least one of bits + 1 bands (pigeonhole), so only those that share a band are compared: exact, and far below
    the n x m of all pairs.

    >>> nearest_hashes([0b1111, None, 0, 2**63 - 1])
    {0: 2, 2: 0}
    """
    a_at, a = _present(ours)
    b_at, b = (a_at, a) if theirs is None else _present(theirs)
    best: dict[int, tuple[int, int]] = {}
    edges = np.linspace(0, _BITS, bits + 2).astype(int).tolist()
    for low, high in pairwise(edges):
        mask = np.uint64((1 << (high - low)) - 1)
        keys_a, keys_b = (a >> np.uint64(low)) & mask, (b >> np.uint64(low)) & mask
        order = np.argsort(keys_b, kind="stable")
        first = np.searchsorted(keys_b[order], keys_a, "left")
        last = np.searchsorted(keys_b[order], keys_a, "right")
        for i in np.flatnonzero(last - first > (theirs is None)).tolist():
            candidates = order[first[i] : last[i]]
            if theirs is None:
                candidates = candidates[candidates != i]
            differing = (b[candidates] ^ a[i]).view(np.uint8).reshape(-1, 8)
            distance = np.unpackbits(differing, axis=1).sum(axis=1)  # np.bitwise_count would need numpy 2
            k = int(np.argmin(distance))  # candidates ascend, so the first of equals
            if distance[k] <= bits:
                best[i] = min(best.get(i, (_BITS, 0)), (int(distance[k]), int(candidates[k])))
    return {int(a_at[i]): int(b_at[best[i][1]]) for i in sorted(best)}


def _present(hashes: Sequence[int | None]) -> tuple[NDArray[np.intp], NDArray[np.uint64]]:
    where = [index for index, value in enumerate(hashes) if value is not None]
    return np.asarray(where, np.intp), np.asarray([hashes[index] for index in where], np.uint64)


def overlap(ours: Sequence[Row], theirs: Sequence[Row]) -> dict[OverlapKind, dict[str, str] | None]:
    """What two manifests share: for each kind, our id -> the id of (the first of) theirs that shares it.

    - content: the same bytes (`image_sha256`);
    - near_duplicate: other bytes, perceptual hashes (`perceptual_hash`, hexadecimal digits) at most 4 bits apart;
    - photographer: the same `group`;
    - coordinates: the same `lat` and `lon` to 5 decimals (a metre).

    A row may lack any of these (None, NaN or no such key). A kind is None where one side knows nothing of it (a table
    without pictures, without photographers, of unlocated pictures): unknown is not "nothing shared".

    >>> a = {"id": "a", "lat": 1.0, "lon": 2.0, "group": "p"}
    >>> overlap([a], [{**a, "id": "b", "group": None}])
    {'content': None, 'near_duplicate': None, 'photographer': None, 'coordinates': {'a': 'b'}}
    """
    content = _shared(ours, theirs, lambda row: row.get("image_sha256"))
    found: dict[OverlapKind, dict[str, str] | None] = {"content": content, "near_duplicate": None}
    looks, their_looks = _hashes(ours), _hashes(theirs)
    if any(look is not None for look in looks) and any(look is not None for look in their_looks):
        alike = {ours[i]["id"]: theirs[j]["id"] for i, j in nearest_hashes(looks, their_looks).items()}
        found["near_duplicate"] = {key: other for key, other in alike.items() if key not in (content or {})}
    found["photographer"] = _shared(ours, theirs, lambda row: row.get("group"))
    found["coordinates"] = _shared(ours, theirs, _point)
    return found


def overlapping_ids(prepared: Mapping[str, Any], kinds: Collection[OverlapKind] = PHOTOGRAPHS) -> frozenset[str]:
    """The ids that a clean evaluation leaves out, by the `overlap` of a `prepare.json`.

    >>> overlapping_ids({"overlap": [{"ids": {"content": {"a": "x"}, "photographer": {"b": "y"}}}]})
    frozenset({'a'})
    """
    every = [entry["ids"] for entry in prepared.get("overlap") or []]
    return frozenset(key for ids in every for kind in kinds for key in ids.get(kind) or {})


def _hashes(rows: Sequence[Row]) -> list[int | None]:
    return [None if (cell := row.get("perceptual_hash")) is None else int(cell, 16) for row in rows]


def _point(row: Row) -> tuple[float, float] | None:
    lat, lon = row.get("lat"), row.get("lon")
    if lat is None or lon is None or math.isnan(lat) or math.isnan(lon):
        return None
    # Adding 0.0 makes -0.0 0.0; both ends of the antimeridian are one place.
    lat, lon = round(lat, 5) + 0.0, round(lon, 5) + 0.0
    return lat, -180.0 if lon == 180.0 else lon


def _shared(ours: Sequence[Row], theirs: Sequence[Row], key: Callable[[Row], Hashable | None]) -> dict[str, str] | None:
    first = {value: row["id"] for row in reversed(theirs) if (value := key(row)) is not None}
    known = {row["id"]: value for row in ours if (value := key(row)) is not None}
    if not first or not known:
        return None
    return {id_: first[value] for id_, value in known.items() if value in first}
