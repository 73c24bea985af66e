"""A 64-bit perceptual hash, and the pairs of pictures that it finds alike.

The hash is pHash (Zauner 2010) as the ImageHash package computes it: the 8 x 8 lowest frequencies of the cosine
transform of the picture in grey at 32 x 32, each above or below their median. A picture without any detail (one colour)
has no hash: its frequencies are rounding errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image

NEAR = 4
"""Bits. Two pictures whose hashes differ in at most so many are near duplicates (`perf/prepare.py` measures this)."""

SIDE = 32
_FLAT = 2.0
_BITS = 64

_COSINES = np.cos(np.pi / (2 * SIDE) * np.outer(np.arange(8), 2 * np.arange(SIDE) + 1)).astype(np.float64)


def shrink(grey: Image.Image) -> Image.Image:
    """The picture at 32 x 32, all that its hash is computed from."""
    return grey.resize((SIDE, SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)


def perceptual_hash(small: Image.Image) -> int | None:
    """The hash of an upright picture in grey (mode L) that was shrunk; None where it is of one colour.

    Returns:
        0 to 2^64 - 1.

    >>> perceptual_hash(shrink(Image.new("L", (320, 200), 90))) is None
    True
    """
    pixels = np.asarray(small, np.float64)
    if np.ptp(pixels) <= _FLAT:
        return None
    low = _COSINES @ pixels @ _COSINES.T
    return int.from_bytes(np.packbits(low > np.median(low)).tobytes(), "big")


def near(ours: Sequence[int | None], theirs: Sequence[int | None] | None = None, bits: int = NEAR) -> dict[int, int]:
    """Index in `ours` -> index of the nearest hash in `theirs`, where they differ in at most `bits` bits.

    Without `theirs`, the nearest other one of `ours`. Of equally near ones the first. Two hashes that near agree wholly
    in at least one of bits + 1 bands (pigeonhole), so only those that share a band are compared: exact, and far below
    the n x m of all pairs.

    >>> near([0b1111, None, 0], [0b0111, 2**63 - 1])
    {0: 0, 2: 0}
    >>> near([0b1111, None, 0, 2**63 - 1])
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
            distance = _distance(a[i], b[candidates])
            k = int(np.argmin(distance))  # candidates ascend, so the first of equals
            if distance[k] <= bits:
                best[i] = min(best.get(i, (_BITS, 0)), (int(distance[k]), int(candidates[k])))
    return {int(a_at[i]): int(b_at[best[i][1]]) for i in sorted(best)}


def _present(hashes: Sequence[int | None]) -> tuple[NDArray[np.intp], NDArray[np.uint64]]:
    where = [index for index, value in enumerate(hashes) if value is not None]
    return np.asarray(where, np.intp), np.asarray([hashes[index] for index in where], np.uint64)


def _distance(one: np.uint64, many: NDArray[np.uint64]) -> NDArray[np.intp]:
    """Hamming distances; np.bitwise_count would need numpy 2."""
    counts: NDArray[np.intp] = np.unpackbits((many ^ one).view(np.uint8).reshape(-1, 8), axis=1).sum(
        axis=1, dtype=np.intp
    )
    return counts
